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

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Condition = Mapping[str, Any]
Read = Callable[[str], list[str]]
"""Function that returns the values of a field by its name."""


def holds(conditions: Iterable[Condition] | None, read: Read) -> bool:
    """Return whether all conditions hold; true without conditions."""
    return all(_one_holds(condition, read(condition["field"])) for condition in conditions or ())


def _one_holds(condition: Condition, values: list[str]) -> bool:
    names = {name for value in values for name in (value, value.rsplit("/", 1)[-1])} or {""}
    if "filled" in condition:
        return bool(values) is bool(condition["filled"])
    if "is" in condition:
        return bool(names & set(condition["is"]))
    return bool(values) and not names & set(condition["is_not"])


def in_row(siblings: Iterable[str], row: Mapping[str, Any], read: Read) -> Read:
    """Return a reader for conditions of a subfield: it looks in the row first, then in the dataset.

    Args:
        siblings: names of the subfields of the group.
        row: values of the row by name of the subfield.
        read: reader of the fields of the dataset.
    """
    names = frozenset(siblings)

    def find(name: str) -> list[str]:
        if name not in names:
            return read(name)
        value = row.get(name)
        parts = value if isinstance(value, (list, tuple)) else [value]
        return [str(part) for part in parts if part not in (None, "")]

    return find


def is_relevant(field: Mapping[str, Any], read: Read) -> bool:
    """Return whether a field applies, given the values of the other fields."""
    return holds(field.get("relevant_when"), read)


def is_required(field: Mapping[str, Any], read: Read) -> bool:
    """Return whether publishing requires a field: it applies, and is mandatory or its ``required_when`` holds."""
    if not is_relevant(field, read):
        return False
    if field.get("obligation") == "mandatory":
        return True
    return bool(field.get("required_when")) and holds(field["required_when"], read)


def reason(field: Mapping[str, Any], read: Read) -> Condition | None:
    """Return the first condition of ``relevant_when`` that does not hold."""
    return next((c for c in field.get("relevant_when") or () if not _one_holds(c, read(c["field"]))), None)
