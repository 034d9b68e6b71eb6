"""Fields of CKAN that the schema does not have: a catalogue that was there before keeps them, and shows them.

CKAN empties an author or maintainer that a save does not name, and the form of the schema names none. They are kept
until somebody empties them, in the form or with an empty text over the API.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

FlatData = dict[tuple[Any, ...], Any]
Errors = dict[tuple[Any, ...], list[str]]

#: Field with a name → field with its e-mail; the order in which they become contacts.
PEOPLE = {"maintainer": "maintainer_email", "author": "author_email"}
FIELDS = (*PEOPLE, *PEOPLE.values())
#: Columns of which CKAN accepts more than the schema does.
STRICTER = ("license_id", "url", *FIELDS)


def keep(data: FlatData, context: Any) -> None:
    """Put back what the dataset held in CKAN's fields that a save does not name.

    Args:
        data: the flattened dataset, changed in place.
        context: that of the validation; `package` is the dataset before the save.
    """
    package = context.get("package")
    for name in FIELDS if package is not None else ():
        if data.get((name,), tk.missing) is tk.missing and (stored := getattr(package, name)):
            data[name,] = stored


def spare_unchanged(data: FlatData, errors: Errors, context: Any) -> None:
    """Forgive a column that holds what it held before this save: nobody is stuck on what another portal accepted.

    Args:
        data: the flattened dataset.
        errors: those found so far, changed in place.
        context: that of the validation.
    """
    package = context.get("package")
    for name in STRICTER if package is not None else ():
        if errors.get((name,)) and data.get((name,)) == getattr(package, name):
            errors[name,].clear()


def rows(dataset: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the people that CKAN's fields name, the maintainer first, each once: ``name`` and ``email``."""
    found: list[dict[str, str]] = []
    for name, email in PEOPLE.items():
        row = {"name": (dataset.get(name) or "").strip(), "email": (dataset.get(email) or "").strip()}
        if any(row.values()) and row not in found:
            found.append(row)
    return found


def ecosphere_core_people(dataset: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the people that CKAN's fields name and no contact of the dataset does: ``label``, ``name``, ``email``."""
    contacts = dataset.get("contact")
    said = json.dumps(contacts, ensure_ascii=False) if isinstance(contacts, list) else ""
    labels = {"maintainer": tk._("Maintainer"), "author": tk._("Author")}
    found = []
    for name, email in PEOPLE.items():
        row = {"name": dataset.get(name) or "", "email": dataset.get(email) or ""}
        if any(value and json.dumps(value, ensure_ascii=False) not in said for value in row.values()):
            found.append({"label": labels[name], **row})
    return found


def ecosphere_core_inputs(data: Mapping[str, Any], errors: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return CKAN's fields of the form that a dataset fills: ``name``, ``label``, ``value``, ``errors``."""
    labels = {
        "maintainer": tk._("Maintainer"),
        "maintainer_email": tk._("Maintainer Email"),
        "author": tk._("Author"),
        "author_email": tk._("Author Email"),
    }
    return [
        {"name": name, "label": label, "value": data.get(name) or "", "errors": errors.get(name) or []}
        for name, label in labels.items()
        if data.get(name) or errors.get(name)
    ]
