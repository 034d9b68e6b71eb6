"""CSV tables that belong to the code, in UTF-8, with comments in lines that begin with "#"."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a table by column."""
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(line for line in lines if not line.startswith("#"))
