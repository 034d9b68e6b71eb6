"""Check the conditions of subfields (`conditions`) in the rows of repeating groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ckanext.ecosphere.schemas.fields import conditions
from ckanext.ecosphere.schemas.fields.stored import Stored
from ckanext.ecosphere.schemas.fields.values import as_list

Field = Mapping[str, Any]
Row = dict[str, Any]
Fault = tuple[tuple[Any, ...], str, str]
KEY_LENGTH = 3
"""Length of a subfield's key: name of the group, number of the row, name of the subfield."""


def faults(
    fields: Iterable[Field], data: Mapping[Any, Any], read: conditions.Read, before: Stored, public: bool
) -> Iterable[Fault]:
    """Check the rows that this save changes or publishes.

    Args:
        fields: fields of the dataset schema.
        data: the flattened dataset, as in CKAN's validation.
        read: reader of the fields of the dataset.
        before: the stored state of the dataset.
        public: whether the dataset will be public.

    Yields:
        for each fault, its key in ``data``, the kind "needed" or "apart", and for "apart" the conflicting field.
    """
    publishes = public and (not before.exists or before.private)
    for field in fields:
        subfields = [each for each in field.get("repeating_subfields") or () if _has_conditions(each)]
        if not subfields:
            continue
        names = [each["field_name"] for each in field["repeating_subfields"]]
        old = [_texts(row) for row in before.rows(field["field_name"])]
        for number, row in _rows(data, field["field_name"]).items():
            changed = _texts(row) not in old
            find = conditions.in_row(names, {name: as_list(value) for name, value in row.items()}, read)
            for subfield in subfields if changed or publishes else ():
                yield from _of_one(subfield, (field["field_name"], number), find, changed, public)


def _of_one(
    subfield: Field, place: tuple[Any, ...], find: Callable[[str], list[str]], changed: bool, public: bool
) -> Iterable[Fault]:
    name = subfield["field_name"]
    if find(name):
        because = conditions.reason(subfield, find) if changed else None
        if because:
            yield (*place, name), "apart", because["field"]
    elif public and conditions.is_required(subfield, find):
        yield (*place, name), "needed", ""


def _has_conditions(subfield: Field) -> bool:
    return bool(subfield.get("relevant_when") or subfield.get("required_when"))


def _rows(data: Mapping[Any, Any], name: str) -> dict[Any, Row]:
    found: dict[Any, Row] = {}
    for key, value in data.items():
        if len(key) == KEY_LENGTH and key[0] == name and value not in (None, "", []):
            found.setdefault(key[1], {})[key[2]] = value
    return found


def _texts(row: Mapping[str, Any]) -> dict[str, list[str]]:
    held = {name: [str(part) for part in as_list(value) if part not in (None, "")] for name, value in row.items()}
    return {name: sorted(texts) for name, texts in held.items() if texts}
