"""Contact details that the service-public directory had of services, until these fill in their sheets.

They are some years old and nobody has checked them: administrators are shown which ones are in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ckanext.ecosphere.vocabularies import tables

TABLE = Path(__file__).parents[1] / "data" / "service-contacts.csv"
LINE_END = "; "


@dataclass(frozen=True)
class Entry:
    """What the directory says in one field of a contact sheet.

    Attributes:
        value: the field, as on a contact sheet.
        year: of the copy of the directory.
    """

    value: str
    year: str


@cache
def entries() -> Mapping[str, Mapping[str, Entry]]:
    """Return what is known of each service, by its id in the registry and the field of the sheet."""
    return {row["service"]: _by_field(row) for row in tables.rows(TABLE)}


def _by_field(row: Mapping[str, str]) -> dict[str, Entry]:
    lines = [*row["address"].split(LINE_END), f"{row['postcode']} {row['town']}"]
    known = {
        "address": Entry("\n".join(lines) if row["postcode"] else "", row["address_year"]),
        "email": Entry(row["email"], row["year"]),
        "telephone": Entry(row["telephone"], row["year"]),
    }
    return {field: entry for field, entry in known.items() if entry.value}
