"""Maximum lengths of texts and lists of a dataset, for the form, the API, imports and harvests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

LONGEST_TEXT = 30_000
"""Maximum characters of a text; Solr refuses a single term above 32 766 bytes."""
LONGEST: dict[str, int] = {
    "title": 500,
    # Of a resource or contact; CKAN itself limits that of a dataset, part of its URL, to 100.
    "name": 500,
    "version": 100,
    "url": 4_000,
    "email": 254,
    "telephone": 60,
    "tag_string": 20_000,
    # As JSON; each language has the limit of the untranslated field.
    "title_translated": 60_000,
    "name_translated": 60_000,
    "notes_translated": 2_000_000,
    "description_translated": 2_000_000,
    # Up to 100 000 positions, see `ckanext.ecosphere.schemas.places`.
    "geom": 4_000_000,
    "bbox": 4_000_000,
    "spatial": 4_000_000,
    "centroid": 10_000,
}
"""Field → its own limit, at any level."""
MOST_VALUES = 1_000
"""Maximum values of a multi-valued field, and maximum rows of a group."""
MOST_RESOURCES = 20_000
MOST_TAGS = 5_000
MOST_SERIES = 20
"""Few, since each is looked up: a dataset takes from its series the values that it lacks."""
MOST = {"resources": MOST_RESOURCES, "tags": MOST_TAGS, "in_series": MOST_SERIES}


def longest(field: str) -> int:
    """Return the maximum number of characters of a text field."""
    return LONGEST.get(field, LONGEST_TEXT)


def most(field: str) -> int:
    """Return the maximum number of values of a field."""
    return MOST.get(field, MOST_VALUES)


def cut(value: Any, field: str, report: Callable[[str, int, int, bool], None]) -> Any:
    """Return a value of a dataset with its overlong texts and lists truncated.

    Args:
        value: a text, a list or a mapping of them; other values are returned unchanged.
        field: name of the field, which determines the limit.
        report: called with (field, length, limit, is_list) for each truncation.
    """
    if isinstance(value, str) and len(value) > longest(field):
        report(field, len(value), longest(field), False)
        return value[: longest(field) - 1].rstrip() + "…"
    if isinstance(value, list):
        if len(value) > most(field):
            report(field, len(value), most(field), True)
        return [cut(part, field, report) for part in value[: most(field)]]
    if isinstance(value, Mapping):
        return {key: cut(part, str(key), report) for key, part in value.items()}
    return value
