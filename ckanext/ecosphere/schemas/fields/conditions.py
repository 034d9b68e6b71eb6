"""Conditions in the schema under which a field applies or is required. No CKAN imports.

A field of ``dataset.yaml`` may have ``relevant_when`` (the field applies) and ``required_when`` (publishing requires
it), each a list of conditions that must all hold::

    relevant_when:
    - {field: dcat_type, is: [dataset, series, ""]}     # one of these; "" stands for an empty field
    - {field: access_rights, is_not: [PUBLIC]}          # something, and none of these
    - {field: hash, filled: true}

Subfields of a repeating group may have them too: a condition refers to another subfield of the same row, else to a
field of the dataset (:func:`in_row`).

A value of a vocabulary may be given as the last segment of its URI. ``assets/form/conditions.js`` implements the same
conditions: a test runs both on the same cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ckanext.ecosphere.dataset.view import FlatData, View, flat_rows

if TYPE_CHECKING:
    from ckanext.ecosphere.schemas.fields.stored import Stored

Condition = Mapping[str, Any]
Field = Mapping[str, Any]
Read = Callable[[str], list[str]]
"""Function that returns the values of a field by its name."""
Fault = tuple[tuple[Any, ...], str]


def holds(conditions: Iterable[Condition] | None, read: Read) -> bool:
    """Return whether all conditions hold; true without conditions."""
    return all(_one_holds(condition, read) for condition in conditions or ())


def _one_holds(condition: Condition, read: Read) -> bool:
    values = read(condition["field"])
    if "filled" in condition:
        return bool(values) is bool(condition["filled"])
    names = {*values, *(value.rsplit("/", 1)[-1] for value in values)} or {""}
    if "is" in condition:
        return not names.isdisjoint(condition["is"])
    return bool(values) and names.isdisjoint(condition["is_not"])


def in_row(siblings: Iterable[str], row: Mapping[str, Any], read: Read) -> Read:
    """Return a reader for conditions of a subfield: it looks in the row first, then in the dataset.

    Args:
        siblings: names of the subfields of the group.
        row: values of the row by name of the subfield.
        read: reader of the fields of the dataset.
    """
    names, view = frozenset(siblings), View(row)

    def find(name: str) -> list[str]:
        if name in names:
            return view.texts(name)
        return read(name)

    return find


def is_relevant(field: Field, read: Read) -> bool:
    """Return whether a field applies, given the values of the other fields."""
    return holds(field.get("relevant_when"), read)


def is_required(field: Field, read: Read) -> bool:
    """Return whether publishing requires a field: it applies, and is mandatory or its ``required_when`` holds."""
    if not is_relevant(field, read):
        return False
    if field.get("obligation") == "mandatory":
        return True
    return bool(field.get("required_when")) and holds(field["required_when"], read)


def reason(field: Field, read: Read) -> Condition | None:
    """Return the first condition of ``relevant_when`` that does not hold."""
    conditions = field.get("relevant_when") or ()
    return next((condition for condition in conditions if not _one_holds(condition, read)), None)


def faults_of_rows(
    fields: Iterable[Field], data: FlatData, read: Read, before: Stored, public: bool
) -> Iterator[Fault]:
    """Check the conditions of subfields in the rows that this save changes or publishes.

    Args:
        fields: fields of the dataset schema.
        data: the flattened dataset, as in CKAN's validation.
        read: reader of the fields of the dataset.
        before: the stored state of the dataset.
        public: whether the dataset will be public.

    Yields:
        for each fault its key in ``data``, and the field that the value conflicts with, "" if a value is missing.
    """
    publishes = public and (not before.exists or before.private)
    for field in fields:
        name, subfields = field["field_name"], field.get("repeating_subfields") or ()
        conditional = [
            part for part in subfields if part.get("relevant_when") or part.get("required_when")
        ]
        if not conditional:
            continue
        names = [part["field_name"] for part in subfields]
        rows_before = [_texts(row) for row in before.rows(name)]
        for number, row in flat_rows(data, name).items():
            is_changed = _texts(row) not in rows_before
            if not (is_changed or publishes):
                continue
            find = in_row(names, row, read)
            for subfield in conditional:
                conflict = _fault(subfield, find, is_changed, public)
                if conflict is not None:
                    yield (name, number, subfield["field_name"]), conflict


def _fault(subfield: Field, find: Read, is_changed: bool, public: bool) -> str | None:
    """Return the field that a value of a row conflicts with, "" if the value is missing, None without a fault."""
    if find(subfield["field_name"]):
        conflict = reason(subfield, find) if is_changed else None
        if conflict is None:
            return None
        return conflict["field"]
    if public and is_required(subfield, find):
        return ""
    return None


def _texts(row: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the texts of a row, without groups in it."""
    view = View(row)
    texts = {name: sorted(view.texts(name)) for name, value in row.items() if not _is_group(value)}
    return {name: parts for name, parts in texts.items() if parts}


def _is_group(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(part, Mapping) for part in value)
