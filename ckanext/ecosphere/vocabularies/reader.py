"""Reader of the vocabularies' CSV files.

The first lines start with ``#`` and give the source of the list; a header and one concept per line follow. Every file
has the columns ``uri, id, label_fr, label_en, broader, alt_labels``; the others are further data, typed by column name
(:data:`COLUMN_TYPES`). Multiple values are separated by ``|``.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ckanext.ecosphere.vocabularies.model import Concept

BASE_COLUMNS = ("uri", "id", "label_fr", "label_en", "broader", "alt_labels")
BOX_COLUMNS = ("west", "south", "east", "north")


def _many(value: str) -> tuple[str, ...]:
    return tuple(part for part in value.split("|") if part)


def _yes(value: str) -> bool:
    return value == "yes"


def _whole(value: str) -> int | None:
    return int(value) if value else None


COLUMN_TYPES: dict[str, Callable[[str], Any]] = {
    "authorised": _yes,
    "distribution": _yes,
    "eurovoc": _many,
    "extensions": _many,
    "machine_readable": _yes,
    "kinds": _many,
    "largest": _whole,
    "max_days": _whole,
    "open": _yes,
    "other_uris": _many,
    "restricts": _yes,
    "stars": _whole,
    "withdrawn": _yes,
}


def read_vocabulary(path: Path) -> tuple[Concept, ...]:
    """Return the concepts of the CSV file at ``path``, in its order.

    Raises:
        ValueError: the file is not in UTF-8, a column or cell is missing, or an id or URI is duplicated.
    """
    columns, rows = read_rows(path)
    missing = set(BASE_COLUMNS) - set(columns)
    if missing:
        raise ValueError(f"{path.name}: no column {', '.join(sorted(missing))}")
    concepts = tuple(map(_concept, rows))
    for key in ("uri", "id"):
        seen: set[str] = set()
        for concept in concepts:
            value = getattr(concept, key)
            if value in seen:
                raise ValueError(f"{path.name}: {key} {value} comes twice")
            seen.add(value)
    return concepts


def read_rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return the columns and rows of the CSV file at ``path``, as texts.

    Raises:
        ValueError: the file is not in UTF-8, or a line has more or fewer cells than there are columns.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: it is not in UTF-8, save it in that encoding") from error
    rows = csv.DictReader(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    found = []
    for row in rows:
        if None in row or None in row.values():
            raise ValueError(
                f"{path.name}: the line of {row.get('id') or row.get('uri')} has too many or too few cells"
            )
        found.append(row)
    return list(rows.fieldnames or ()), found


def _concept(row: dict[str, str]) -> Concept:
    data: dict[str, Any] = {
        column: COLUMN_TYPES.get(column, str)(value)
        for column, value in row.items()
        if column not in BASE_COLUMNS and column not in BOX_COLUMNS
    }
    if "west" in row:
        data["bbox"] = tuple(float(row[side]) for side in BOX_COLUMNS)
    return Concept(
        uri=row["uri"],
        id=row["id"],
        label_fr=row["label_fr"],
        label_en=row["label_en"],
        broader=row["broader"] or None,
        alt_labels=_many(row["alt_labels"]),
        data=MappingProxyType(data),
    )


@cache
def _titles() -> dict[str, tuple[str, str]]:
    _columns, rows = read_rows(Path(__file__).with_name("titles.csv"))
    return {row["list"]: (row["title_fr"], row["title_en"]) for row in rows}


def title(name: str, lang: str) -> str:
    """Return the title of a list in a language; for a list of the administrator's own, its file name."""
    french, english = _titles().get(name, (name, name))
    return english if lang.startswith("en") else french
