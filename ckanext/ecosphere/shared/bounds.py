"""How long the texts and lists of a dataset may be, whoever writes them: a form, the API, an import or a harvest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

LONGEST_TEXT = 30_000
"""Longest text in characters; Solr refuses a single term above 32 766 bytes."""
LONGEST: dict[str, int] = {
    "title": 500,
    # Of a resource or a contact; that of a dataset, a part of its address, has 100 by CKAN's own validator.
    "name": 500,
    "version": 100,
    "url": 4_000,
    "email": 254,
    "telephone": 60,
    "tag_string": 20_000,
    # As JSON text; each language has the limit of the field beside it.
    "title_translated": 60_000,
    "name_translated": 60_000,
    "notes_translated": 2_000_000,
    "description_translated": 2_000_000,
    # Up to 100 000 positions, see `ckanext.ecosphere.schemas.fields.spatial`.
    "geom": 4_000_000,
    "bbox": 4_000_000,
    "spatial": 4_000_000,
    "centroid": 10_000,
}
"""Field → its own limit, wherever it stands."""
MOST_VALUES = 1_000
"""Most values of a field that holds several, and most rows of a group."""
MOST_RESOURCES = 20_000
MOST_TAGS = 5_000
MOST_SERIES = 20
"""Each is looked up, and lends what the dataset does not say itself."""
MOST = {"resources": MOST_RESOURCES, "tags": MOST_TAGS, "in_series": MOST_SERIES}


def longest(field: str) -> int:
    """Return the number of characters that a text of a field may have."""
    return LONGEST.get(field, LONGEST_TEXT)


def most(field: str) -> int:
    """Return the number of values that a field may have."""
    return MOST.get(field, MOST_VALUES)


def cut(value: Any, field: str, report: Callable[[str, int, int, bool], None]) -> Any:
    """Return a value of a dataset with what is too long cut, and what is too many left out.

    Args:
        value: a text, a list or a mapping of them; numbers and None are returned as they are.
        field: name of the field, for its limit.
        report: called with (field, length, limit, is_list) for each thing that was cut.
    """
    if isinstance(value, str) and len(value) > longest(field):
        report(field, len(value), longest(field), False)
        return value[: longest(field) - 1].rstrip() + "…"
    if isinstance(value, list):
        if len(value) > most(field):
            report(field, len(value), most(field), True)
        return [cut(each, field, report) for each in value[: most(field)]]
    if isinstance(value, Mapping):
        return {key: cut(each, str(key), report) for key, each in value.items()}
    return value
