"""What a dataset leaves to its series: shown on its page and in its form, written out in its exports.

Fields marked `inherited` in the schema. A dataset that has extents of its own does not take the territories of its
series.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.schemas.fields import stored
from ckanext.ecosphere.shared import once

Dataset = Mapping[str, Any]
Field = Mapping[str, Any]
#: Field → other fields that say the same in more detail: a dataset that has one of these lacks nothing.
SAID_BY = {"territory": ("spatial_coverage",)}


def is_filled(value: Any) -> bool:
    """Say whether a stored value holds anything, however deep."""
    if isinstance(value, Mapping):
        return any(map(is_filled, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(is_filled, value))
    return value not in (None, "", False)


def lender(field: Field, dataset: Dataset, series: Iterable[Dataset]) -> Dataset | None:
    """Return the series from which a dataset takes a field, or None when it says it itself or nobody does.

    Args:
        field: of the schema.
        dataset: as `package_show` gives it.
        series: those that hold the dataset, the first one that says something counts.
    """
    name = field["field_name"]
    if not field.get("inherited") or any(is_filled(dataset.get(each)) for each in (name, *SAID_BY.get(name, ()))):
        return None
    return next((each for each in series if is_filled(each.get(name))), None)


def completed(dataset: Dataset) -> dict[str, Any]:
    """Return a dataset with what it takes from its series, for those who read it outside of the portal.

    Only series that everyone may see lend: an export goes to everyone.

    Args:
        dataset: as `package_show` gives it.
    """
    found = dict(dataset)
    references = _texts(dataset.get("in_series"))
    schema = tk.h.scheming_get_dataset_schema(dataset.get("type") or "dataset") if references else None
    if not schema:
        return found
    series = [each for each in map(_public, references) if each]
    for field in schema["dataset_fields"]:
        source = lender(field, dataset, series)
        if source is not None:
            found[field["field_name"]] = source[field["field_name"]]
    return found


def _public(reference: str) -> Dataset | None:
    """Return a series that everyone may see, read once for a page."""
    return once.for_page("public series", reference, lambda: _read_public(reference))


def _read_public(reference: str) -> Dataset | None:
    package = stored.package_of(reference)
    if package is None or package.private or package.state != "active":
        return None
    return tk.get_action("package_show")({"ignore_auth": True}, {"id": package.id})


def _texts(value: Any) -> list[str]:
    parts = value if isinstance(value, (list, tuple)) else [value]
    return [str(part) for part in parts if part]
