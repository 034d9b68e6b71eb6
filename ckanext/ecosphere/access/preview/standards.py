"""What the attributes of a table mean when they are those of a French data standard (CNIG, COVADIS). Pure.

Records seldom name the standard that their data follow, and the data themselves do: their attributes have its names.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"
MARKS = 2
"""Attributes that hardly anything else has by which a standard is recognised."""


TYPES = {"stypepsc": "typepsc", "stypeinf": "typeinf"}
"""Subtypes, whose codes mean something under a type alone → the attribute with the type."""

Words = dict[str, str]
"""The same in French and English: `{"fr": …, "en": …}`."""


def explain(columns: list[dict[str, Any]], rows: Sequence[Sequence[str]]) -> str:
    """Add to the columns that a standard explains what they mean, and what the codes in them mean.

    Args:
        columns: of a sample, each with a `name`; changed in place: `meaning` (`Words`), and `codes`, which has `Words`
            for each cell of the sample that is a code of the standard. Of a subtype, `of` is the place of the column
            with its type, and `codes` has such `Words` for each cell of that one.
        rows: cells of the sample, in the order of the columns.

    Returns:
        the name of the standard, empty when the columns follow none.
    """
    order = [str(column["name"]).lower() for column in columns]
    names = set(order)
    marks, meanings = _standards()
    found = max(marks, key=lambda standard: len(marks[standard] & names))
    if len(marks[found] & names) < MARKS:
        return ""
    for place, column in enumerate(columns):
        name = str(column["name"]).lower()
        if meaning := meanings[found].get(name):
            column["meaning"] = meaning
        if codes := _codes(found, name, ""):
            if explained := _explained(codes, (row[place] for row in rows)):
                column["codes"] = explained
        elif (above := TYPES.get(name)) in order:
            column.update(_of_type(found, name, order.index(above), place, rows))
    return found


def _of_type(standard: str, name: str, above: int, place: int, rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return what the codes of a subtype mean under each type, nothing when none is known."""
    beside = {str(row[above]) for row in rows}
    found = {
        cell: explained
        for cell in beside
        if (codes := _codes(standard, name, _key(cell)))
        and (explained := _explained(codes, (row[place] for row in rows if str(row[above]) == cell)))
    }
    return {"of": above, "codes": found} if found else {}


def _explained(codes: dict[str, Words], cells: Iterable[str]) -> dict[str, Words]:
    return {cell: codes[key] for cell in {str(cell) for cell in cells} if (key := _key(cell)) in codes}


def _key(code: str) -> str:
    """A code as it is looked up: spreadsheets lose the zero in front, and services change capitals."""
    code = code.strip()
    return str(int(code)) if code.isascii() and code.isdigit() else code.lower()


@cache
def _standards() -> tuple[dict[str, set[str]], dict[str, dict[str, Words]]]:
    """Return for each standard the attributes that tell it, and the meanings of all."""
    marks, meanings = defaultdict(set), defaultdict(dict)
    for row in _table("standard-attributes.csv"):
        meanings[row["standard"]][row["attribute"]] = {"fr": row["fr"], "en": row["en"]}
        if row["mark"]:
            marks[row["standard"]].add(row["attribute"])
    return dict(marks), dict(meanings)


def _codes(standard: str, attribute: str, type_: str) -> dict[str, Words]:
    """Return what the codes of an attribute mean, of a subtype those under one type."""
    return _all_codes().get((standard, attribute, type_), {})


@cache
def _all_codes() -> dict[tuple[str, str, str], dict[str, Words]]:
    codes: dict[tuple[str, str, str], dict[str, Words]] = defaultdict(dict)
    for row in _table("standard-values.csv"):
        place = row["standard"], row["attribute"], _key(row["of"]) if row["of"] else ""
        codes[place][_key(row["code"])] = {"fr": row["fr"], "en": row["en"]}
    return dict(codes)


def _table(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))
