"""Explain the attributes and codes of tables that follow a French data standard (CNIG, COVADIS).

Metadata rarely mention the standard of their data, but it can be recognised by the names of the
attributes. No CKAN imports; confined.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ckanext.ecosphere.vocabularies import tables

DATA = Path(__file__).parents[1] / "data"
MARKS = 2
"""Number of characteristic attributes required to recognise a standard."""
TYPES = {"stypepsc": "typepsc", "stypeinf": "typeinf"}
"""Attributes with a subtype, whose codes depend on the type → the attribute with the type."""

Words = dict[str, str]
"""A text in French and English: `{"fr": …, "en": …}`."""
Rows = Sequence[Sequence[str]]


def explain(columns: list[dict[str, Any]], rows: Rows) -> str:
    """Add the meanings of attributes and codes to the columns of a table that follows a standard.

    Args:
        columns: columns of a sample, each with a `name`; changed in place: `meaning` (`Words`), and
            `codes` with the `Words` of each code in the sample. For a subtype, `of` is the index of
            the column with the type, and `codes` is such a mapping for each type.
        rows: cells of the sample, in the order of the columns.

    Returns:
        the name of the standard, "" if none is recognised.
    """
    names = [str(column["name"]).lower() for column in columns]
    marks, meanings = _standards()
    standard = max(marks, key=lambda name: len(marks[name].intersection(names)))
    if len(marks[standard].intersection(names)) < MARKS:
        return ""
    for place, (name, column) in enumerate(zip(names, columns, strict=True)):
        if name in meanings[standard]:
            column["meaning"] = meanings[standard][name]
        type_name = TYPES.get(name)
        if (standard, name, "") in _codes():
            words = _words(_codes()[standard, name, ""], (row[place] for row in rows))
            if words:
                column["codes"] = words
        elif type_name in names:
            place_of_type = names.index(type_name)
            words_by_type = _by_type(standard, name, rows, place, place_of_type)
            if words_by_type:
                column.update(of=place_of_type, codes=words_by_type)
    return standard


def _by_type(
    standard: str, name: str, rows: Rows, place: int, place_of_type: int
) -> dict[str, dict[str, Words]]:
    """Return the words of the codes of a subtype, for each type in the sample."""
    cells_by_type = defaultdict(list)
    for row in rows:
        cells_by_type[str(row[place_of_type])].append(row[place])
    explained = {}
    for type_, cells in cells_by_type.items():
        words = _words(_codes().get((standard, name, _key(type_)), {}), cells)
        if words:
            explained[type_] = words
    return explained


def _words(codes: dict[str, Words], cells: Iterable[str]) -> dict[str, Words]:
    words = {}
    for cell in set(map(str, cells)):
        if _key(cell) in codes:
            words[cell] = codes[_key(cell)]
    return words


def _key(code: str) -> str:
    """Normalise a code: spreadsheets drop leading zeros, and services change its case."""
    code = code.strip()
    if code.isascii() and code.isdigit():
        return str(int(code))
    return code.lower()


@cache
def _standards() -> tuple[dict[str, set[str]], dict[str, dict[str, Words]]]:
    """Return the characteristic attributes of each standard, and the meanings of all of them."""
    marks, meanings = defaultdict(set), defaultdict(dict)
    for row in tables.rows(DATA / "standard-attributes.csv"):
        meanings[row["standard"]][row["attribute"]] = {"fr": row["fr"], "en": row["en"]}
        if row["mark"]:
            marks[row["standard"]].add(row["attribute"])
    return dict(marks), dict(meanings)


@cache
def _codes() -> dict[tuple[str, str, str], dict[str, Words]]:
    """Return the meanings of codes by standard, attribute and, for a subtype, type."""
    codes: dict[tuple[str, str, str], dict[str, Words]] = defaultdict(dict)
    for row in tables.rows(DATA / "standard-values.csv"):
        place = row["standard"], row["attribute"], _key(row["of"])
        codes[place][_key(row["code"])] = {"fr": row["fr"], "en": row["en"]}
    return dict(codes)
