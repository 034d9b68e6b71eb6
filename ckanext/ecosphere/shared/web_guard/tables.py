"""Facts about views of CKAN and its extensions, read from `tables.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("tables.yaml")


@dataclass(frozen=True)
class Tables:
    """Contents of `tables.yaml`; lists of endpoints hold shell patterns."""

    changing_by_get: tuple[str, ...]
    before_log_in: tuple[str, ...]
    uploads: tuple[str, ...]
    shown_inline: frozenset[str]
    scripts_inline: tuple[str, ...]
    framed_anywhere: tuple[str, ...]
    policy: dict[str, list[str]]
    permissions_policy: str


@cache
def tables() -> Tables:
    """Read the tables, once per process."""
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    lists = {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
    return Tables(**{**content, **lists, "shown_inline": frozenset(content["shown_inline"])})


def matches(endpoint: str | None, patterns: tuple[str, ...]) -> bool:
    """Return whether an endpoint matches one of the patterns."""
    return any(fnmatchcase(endpoint or "", pattern) for pattern in patterns)
