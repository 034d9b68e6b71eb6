"""Score and level of a dataset."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Badge:
    """Score out of 100, and code of the level."""

    score: int
    level: str
