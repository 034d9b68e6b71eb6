"""From the neutral record to a CKAN dataset: the fields that need no interpreting.

Field names are those of the dataset schema (ckanext-dcat's names where they exist). Everything
that needs a decision is written by the rules of `normalise/`, on top of what stands here.
"""

from __future__ import annotations

from typing import Any

from ckanext.ecosphere.harvest.record import Record

Dataset = dict[str, Any]

PLAIN: tuple[tuple[str, str], ...] = (
    ("title", "title"),
    ("abstract", "notes"),
    ("edition", "version"),
    ("file_identifier", "metadata_identifier"),
)
"""Record attribute → dataset field, copied as it is."""


def plain_dataset(record: Record) -> Dataset:
    """Copy the fields that go over unchanged; empty ones are left out."""
    return {target: value for source, target in PLAIN if (value := getattr(record, source))}


def without_empty(dataset: Dataset) -> Dataset:
    """Drop empty values, in the dataset and in its repeated parts.

    A harvested dataset states only what the source states: an empty value would overwrite a
    default of the schema.
    """
    return {key: pruned for key, value in dataset.items() if (pruned := _pruned(value)) not in (None, "", [], {})}


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return without_empty(value)
    if isinstance(value, list):
        return [pruned for item in value if (pruned := _pruned(item)) not in (None, "", [], {})]
    return value
