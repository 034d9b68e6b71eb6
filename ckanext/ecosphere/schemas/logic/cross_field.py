"""Validation rules across fields; run after the validators of single fields, before ckanext-scheming stores them.

At that stage the dataset is flattened: ``("temporal_coverage", 0, "end")`` is a key, and fields that are not columns
of the package table have already been copied to ``("extras", n, ...)``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.dataset.dates import span
from ckanext.ecosphere.schemas.catalogue import core_fields
from ckanext.ecosphere.schemas.fields.spatial import footprint
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.logic import locked_fields, publication, published

FlatData = dict[tuple[Any, ...], Any]
Errors = dict[tuple[Any, ...], list[str]]

_SUBFIELD_KEY_LENGTH = 3
CORE_LISTS = ("resources", "tags", "groups", "extras", "relationships_as_subject", "relationships_as_object")


def ecosphere_dataset_rules(key: Any, data: FlatData, errors: Errors, context: Any) -> None:
    """Apply all rules across fields to a flattened dataset."""
    published.note(context.get("package"))
    core_fields.keep(data, context)
    core_fields.spare_unchanged(data, errors, context)
    _drop_unknown_subfields(data)
    rows = _rows(data)
    _check_periods(rows.get("temporal_coverage", {}), errors)
    schema = tk.h.scheming_get_dataset_schema("dataset")
    if schema:
        _hold_rows(data, schema)
        publication.check(data, errors, context, schema)
        locked_fields.check(data, errors, context, schema)
    _derive_spatial(data, rows.get("spatial_coverage", {}), errors, context)


def _drop_unknown_subfields(data: FlatData) -> None:
    """Drop empty groups and undeclared subfields, which ckanext-scheming would store."""
    strange = [
        key
        for key, value in data.items()
        if (value == [] and key[-1] not in CORE_LISTS)
        or (len(key) >= _SUBFIELD_KEY_LENGTH and key[-1] in ("__extras", "__junk") and _is_group(key))
    ]
    for key in strange:
        del data[key]


def _hold_rows(data: FlatData, schema: Any) -> None:
    """Add an empty subfield to rows that only contain nested rows, on which CKAN's output validation would fail."""
    held = {key[:-1] for key in data}
    for row in {key[:-3] for key in data if len(key) > _SUBFIELD_KEY_LENGTH and key[:-3]} - held:
        own = schema["resource_fields" if row[0] == "resources" else "dataset_fields"]
        for name in row[2::2] if row[0] == "resources" else row[::2]:
            field = next((each for each in own if each["field_name"] == name), {})
            own = field.get("repeating_subfields") or ()
        plain = next((each["field_name"] for each in own if "repeating_subfields" not in each), None)
        if plain:
            data[(*row, plain)] = ""


def _is_group(key: tuple[Any, ...]) -> bool:
    inner = key[2:] if key[0] == "resources" else key
    return len(inner) >= _SUBFIELD_KEY_LENGTH and inner[0] not in ("extras", "tags", "groups")


def _rows(data: FlatData) -> dict[str, dict[int, dict[str, Any]]]:
    """Return the rows of the spatial and temporal coverage: {field: {row: {subfield: value}}}."""
    found: dict[str, dict[int, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    for key, value in data.items():
        if len(key) == _SUBFIELD_KEY_LENGTH and key[0] in ("temporal_coverage", "spatial_coverage"):
            found[key[0]][key[1]][key[2]] = value
    return found


def _check_periods(periods: dict[int, dict[str, Any]], errors: Errors) -> None:
    for index, period in periods.items():
        start, end = period.get("start"), period.get("end")
        if not (start and end and isinstance(start, str) and isinstance(end, str)):
            continue
        try:
            ends_first = span(end)[1] < span(start)[0]
        except ValueError:
            continue  # already refused by the field's own validator
        if ends_first:
            errors.setdefault(("temporal_coverage", index, "end"), []).append(tk._("The period ends before it starts"))


def _derive_spatial(data: FlatData, rows: dict[int, dict[str, Any]], errors: Errors, context: Any) -> None:
    """Derive ``spatial`` from the spatial coverage or territories, unless it was given explicitly."""
    dataset = {
        "spatial_coverage": [rows[index] for index in sorted(rows)],
        "territory": as_list(data[("territory",)]) if data.get(("territory",)) else [],
    }
    given = data.get(("spatial",))
    if given and not _was_derived(given, context):
        return
    derived = footprint(dataset)
    value = json.dumps(derived) if derived else None
    if value == given:
        return
    _set_extra(data, "spatial", value, errors, context)


def _was_derived(given: str, context: Any) -> bool:
    """Return whether ``given`` is the stored value and had itself been derived."""
    package = context.get("package")
    if package is None:
        return False
    stored = package.extras
    if stored.get("spatial") != given:
        return False
    before = {name: json.loads(stored[name]) if stored.get(name) else [] for name in ("spatial_coverage", "territory")}
    derived = footprint(before)
    return derived is not None and json.dumps(derived) == given


def _set_extra(data: FlatData, name: str, value: str | None, errors: Errors, context: Any) -> None:
    for key in [k for k in data if k[0] == "extras" and k[-1] == "key" and data[k] == name]:
        del data[key]
        data.pop((*key[:-1], "value"), None)
    if value is None:
        data.pop((name,), None)
        return
    data[(name,)] = value
    convert_to_extras: Any = tk.get_converter("convert_to_extras")
    convert_to_extras((name,), data, errors, context)
