"""What the attributes of a table mean when they are those of a French data standard (CNIG, COVADIS). Pure.

Records seldom name the standard that their data follow, and the data themselves do: their attributes have its names.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[1] / "data" / "standard-attributes.csv"
MARKS = 2
"""Attributes that hardly anything else has by which a standard is recognised."""


def explain(columns: list[dict[str, Any]]) -> str:
    """Add the meaning to the columns that a standard explains, in French and English: `{"fr": …, "en": …}`.

    Args:
        columns: of a sample, each with a `name`; changed in place.

    Returns:
        the name of the standard, empty when the columns follow none.
    """
    names = {str(column["name"]).lower() for column in columns}
    marks, meanings = _standards()
    found = max(marks, key=lambda standard: len(marks[standard] & names))
    if len(marks[found] & names) < MARKS:
        return ""
    for column in columns:
        if meaning := meanings[found].get(str(column["name"]).lower()):
            column["meaning"] = meaning
    return found


@cache
def _standards() -> tuple[dict[str, set[str]], dict[str, dict[str, dict[str, str]]]]:
    """Return for each standard the attributes that tell it, and the meanings of all."""
    marks, meanings = defaultdict(set), defaultdict(dict)
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            meanings[row["standard"]][row["attribute"]] = {"fr": row["fr"], "en": row["en"]}
            if row["mark"]:
                marks[row["standard"]].add(row["attribute"])
    return dict(marks), dict(meanings)
