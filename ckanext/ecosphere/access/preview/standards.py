"""Explain the attributes and codes of tables that follow a French data standard (CNIG, COVADIS). No CKAN imports.

Metadata rarely mention the standard of their data, but it can be recognised by the names of the attributes.
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
"""Number of characteristic attributes required to recognise a standard."""


TYPES = {"stypepsc": "typepsc", "stypeinf": "typeinf"}
"""Attributes with a subtype, whose codes depend on the type → the attribute with the type."""

Words = dict[str, str]
"""A text in French and English: `{"fr": …, "en": …}`."""


def explain(columns: list[dict[str, Any]], rows: Sequence[Sequence[str]]) -> str:
    """Add the meanings of attributes and codes to the columns of a table that follows a standard.

    Args:
        columns: columns of a sample, each with a `name`; changed in place: `meaning` (`Words`), and `codes` with the
            `Words` of each code in the sample. For a subtype, `of` is the index of the column with the type, and
            `codes` is such a mapping for each type.
        rows: cells of the sample, in the order of the columns.

    Returns:
        the name of the standard, "" if none is recognised.
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


def _of_type(
    standard: str, name: str, above: int, place: int, rows: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """Return `of` and the `codes` of a subtype by type; empty if none is known."""
    beside = {str(row[above]) for row in rows}
    found = {
        cell: explained
        for cell in beside
        if (codes := _codes(standard, name, _key(cell)))
        and (
            explained := _explained(codes, (row[place] for row in rows if str(row[above]) == cell))
        )
    }
    return {"of": above, "codes": found} if found else {}


def _explained(codes: dict[str, Words], cells: Iterable[str]) -> dict[str, Words]:
    return {
        cell: codes[key] for cell in {str(cell) for cell in cells} if (key := _key(cell)) in codes
    }


def _key(code: str) -> str:
    """Normalise a code: spreadsheets drop leading zeros, and services change its case."""
    code = code.strip()
    return str(int(code)) if code.isascii() and code.isdigit() else code.lower()


@cache
def _standards() -> tuple[dict[str, set[str]], dict[str, dict[str, Words]]]:
    """Return the characteristic attributes of each standard, and the meanings of all its attributes."""
    marks, meanings = defaultdict(set), defaultdict(dict)
    for row in _table("standard-attributes.csv"):
        meanings[row["standard"]][row["attribute"]] = {"fr": row["fr"], "en": row["en"]}
        if row["mark"]:
            marks[row["standard"]].add(row["attribute"])
    return dict(marks), dict(meanings)


def _codes(standard: str, attribute: str, type_: str) -> dict[str, Words]:
    """Return the meanings of the codes of an attribute; for a subtype, those of the given type."""
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
