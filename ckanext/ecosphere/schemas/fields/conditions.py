"""When a field applies and when it is needed: the conditions that the schema states. Pure, no CKAN.

A field of ``dataset.yaml`` may carry ``relevant_when`` (it makes sense) and ``required_when`` (publishing needs it),
each a list of conditions that must all hold::

    relevant_when:
    - {field: dcat_type, is: [dataset, series, ""]}     # one of these; "" stands for an empty field
    - {field: access_rights, is_not: [PUBLIC]}          # something, and none of these
    - {field: hash, filled: true}

A subfield of a repeating group may carry them too: a condition names another subfield of the same row, else a field of
the dataset (:func:`in_row`).

A value of a controlled list may be named by the last part of its URI. ``assets/form/conditions.js`` reads the same
conditions: a test runs both on the same cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Condition = Mapping[str, Any]
Read = Callable[[str], list[str]]
"""Gives the texts that a field holds, by the field's name."""


def holds(conditions: Iterable[Condition] | None, read: Read) -> bool:
    """Say whether every condition holds; without conditions, yes."""
    return all(_one_holds(condition, read(condition["field"])) for condition in conditions or ())


def _one_holds(condition: Condition, values: list[str]) -> bool:
    names = {name for value in values for name in (value, value.rsplit("/", 1)[-1])} or {""}
    if "filled" in condition:
        return bool(values) is bool(condition["filled"])
    if "is" in condition:
        return bool(names & set(condition["is"]))
    return bool(values) and not names & set(condition["is_not"])


def in_row(siblings: Iterable[str], row: Mapping[str, Any], read: Read) -> Read:
    """Return what reads the fields that a condition of a subfield names: those of its row first.

    Args:
        siblings: names of the subfields of the group.
        row: what the row holds, by name of the subfield.
        read: reads the fields of the dataset.
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
    """Say whether a field makes sense beside what the other fields hold."""
    return holds(field.get("relevant_when"), read)


def is_required(field: Mapping[str, Any], read: Read) -> bool:
    """Say whether publishing needs a field: a mandatory one that applies, or one whose ``required_when`` holds."""
    if not is_relevant(field, read):
        return False
    if field.get("obligation") == "mandatory":
        return True
    return bool(field.get("required_when")) and holds(field["required_when"], read)


def reason(field: Mapping[str, Any], read: Read) -> Condition | None:
    """Return the first condition of ``relevant_when`` that does not hold."""
    return next((c for c in field.get("relevant_when") or () if not _one_holds(c, read(c["field"]))), None)
