"""Keep and show the author and maintainer of existing datasets, CKAN fields that are not in the schema.

CKAN empties these fields if they are missing in a save, as they are in the form of the schema. They are kept until they
are explicitly emptied, in the form or with an empty text over the API.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

FlatData = dict[tuple[Any, ...], Any]
Errors = dict[tuple[Any, ...], list[str]]

#: Fields with a name → with the e-mail address, in the order in which they become contacts.
PEOPLE = {"maintainer": "maintainer_email", "author": "author_email"}
FIELDS = (*PEOPLE, *PEOPLE.values())
#: Columns for which the schema is stricter than CKAN.
STRICTER = ("license_id", "url", *FIELDS)


def keep(data: FlatData, context: Any) -> None:
    """Restore the stored values of fields that are missing in a save.

    Args:
        data: the flattened dataset, changed in place.
        context: context of the validation; `package` is the stored dataset.
    """
    package = context.get("package")
    for name in FIELDS if package is not None else ():
        if data.get((name,), tk.missing) is tk.missing and (stored := getattr(package, name)):
            data[name,] = stored


def spare_unchanged(data: FlatData, errors: Errors, context: Any) -> None:
    """Drop the errors of unchanged columns, so that values accepted in the past do not block a save.

    Args:
        data: the flattened dataset.
        errors: the errors found so far, changed in place.
        context: context of the validation.
    """
    package = context.get("package")
    for name in STRICTER if package is not None else ():
        if errors.get((name,)) and data.get((name,)) == getattr(package, name):
            errors[name,].clear()


def rows(dataset: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the distinct people in CKAN's fields, the maintainer first: ``name`` and ``email``."""
    found: list[dict[str, str]] = []
    for name, email in PEOPLE.items():
        row = {"name": (dataset.get(name) or "").strip(), "email": (dataset.get(email) or "").strip()}
        if any(row.values()) and row not in found:
            found.append(row)
    return found


def ecosphere_core_people(dataset: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the people in CKAN's fields that are not among the contacts: ``label``, ``name``, ``email``."""
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
    """Return the inputs for CKAN's fields with a value or error: ``name``, ``label``, ``value``, ``errors``."""
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
