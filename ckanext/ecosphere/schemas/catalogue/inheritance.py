"""Inheritance of empty fields from a dataset's series, on its page, in its form and in its exports.

It applies to the fields marked `inherited` in the schema. A dataset with its own spatial coverage does not inherit
territories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.schemas.fields import stored
from ckanext.ecosphere.shared import once

Dataset = Mapping[str, Any]
Field = Mapping[str, Any]
#: More detailed fields whose presence prevents the inheritance of a field.
SAID_BY = {"territory": ("spatial_coverage",)}


def is_filled(value: Any) -> bool:
    """Return whether a stored value, possibly nested, is not empty."""
    if isinstance(value, Mapping):
        return any(map(is_filled, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(is_filled, value))
    return value not in (None, "", False)


def lender(field: Field, dataset: Dataset, series: Iterable[Dataset]) -> Dataset | None:
    """Return the series from which a dataset inherits a field, or None if it has a value itself or no series has one.

    Args:
        field: the field of the schema.
        dataset: the dataset, from `package_show`.
        series: its series; the first one with a value is returned.
    """
    name = field["field_name"]
    if not field.get("inherited") or any(
        is_filled(dataset.get(other)) for other in (name, *SAID_BY.get(name, ()))
    ):
        return None
    return next((one_series for one_series in series if is_filled(one_series.get(name))), None)


def completed(dataset: Dataset) -> dict[str, Any]:
    """Return a dataset with the inherited fields filled in, for exports.

    Values are inherited from public series only, since exports are public.

    Args:
        dataset: the dataset, from `package_show`.
    """
    completed_dataset = dict(dataset)
    references = _texts(dataset.get("in_series"))
    schema = (
        tk.h.scheming_get_dataset_schema(dataset.get("type") or "dataset") if references else None
    )
    if not schema:
        return completed_dataset
    series = [one_series for one_series in map(_public, references) if one_series]
    for field in schema["dataset_fields"]:
        source = lender(field, dataset, series)
        if source is not None:
            completed_dataset[field["field_name"]] = source[field["field_name"]]
    return completed_dataset


def _public(reference: str) -> Dataset | None:
    """Return a public series, read once per page, or None."""
    return once.for_page("public series", reference, lambda: _read_public(reference))


def _read_public(reference: str) -> Dataset | None:
    package = stored.package_of(reference)
    if package is None or package.private or package.state != "active":
        return None
    return tk.get_action("package_show")({"ignore_auth": True}, {"id": package.id})


def _texts(value: Any) -> list[str]:
    parts = value if isinstance(value, (list, tuple)) else [value]
    return [str(part) for part in parts if part]
