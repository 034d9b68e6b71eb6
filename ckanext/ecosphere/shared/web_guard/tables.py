"""The tables of `tables.yaml`: what is known of the views of CKAN and of the extensions."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("tables.yaml")


@dataclass(frozen=True)
class Tables:
    """What `tables.yaml` says; every list of endpoints holds shell patterns."""

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
    """Read the tables, once for each process."""
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    lists = {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
    return Tables(**{**content, **lists, "shown_inline": frozenset(content["shown_inline"])})


def matches(endpoint: str | None, patterns: tuple[str, ...]) -> bool:
    """Tell whether an endpoint is one of a table."""
    return any(fnmatchcase(endpoint or "", pattern) for pattern in patterns)
