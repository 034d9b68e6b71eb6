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
#: Key of the context: a licence that is not in the list is accepted.
ANY_LICENCE = "ecosphere_any_licence"
#: Number of parts of the key of a field of a file: "resources", number, name.
OF_FILE = 3


def keep(data: FlatData, context: Any) -> None:
    """Restore the stored values of fields that are missing in a save.

    Args:
        data: the flattened dataset, changed in place.
        context: context of the validation; `package` is the stored dataset.
    """
    package = context.get("package")
    if package is None:
        return
    for name in FIELDS:
        stored = getattr(package, name)
        if stored and data.get((name,), tk.missing) is tk.missing:
            data[name,] = stored


def spare_unchanged(data: FlatData, errors: Errors, context: Any) -> None:
    """Drop the errors of unchanged values, so that what was accepted in the past does not block a save.

    Args:
        data: the flattened dataset.
        errors: the errors found so far, changed in place.
        context: context of the validation.
    """
    if context.get(ANY_LICENCE):
        errors["license_id",].clear()
    package = context.get("package")
    if package is None:
        return
    for name in STRICTER:
        if errors.get((name,)) and data.get((name,)) == getattr(package, name):
            errors[name,].clear()
    keys = [key for key in errors if len(key) == OF_FILE and key[0] == "resources"]
    for key in keys:
        if errors[key] and _is_of_stored_file(data, key, package):
            errors[key].clear()


def _is_of_stored_file(data: FlatData, key: tuple[Any, ...], package: Any) -> bool:
    """Return whether the value of a file is the stored one; without its id, the file is found by its URL."""
    _resources, number, name = key
    id_, url = data.get(("resources", number, "id")), data.get(("resources", number, "url"))
    for file in package.resources:
        urls = (file.url, f"http://{file.url}")  # as CKAN shows one without a scheme
        if file.id == id_ or (not id_ and url in urls):
            if name == "url":
                return data.get(key) in urls
            return data.get(key) == file.extras.get(name, getattr(file, name, None))
    return False


def rows(dataset: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the distinct people in CKAN's fields, the maintainer first: ``name`` and ``email``."""
    people: list[dict[str, str]] = []
    for name, email in PEOPLE.items():
        row = {
            "name": (dataset.get(name) or "").strip(),
            "email": (dataset.get(email) or "").strip(),
        }
        if any(row.values()) and row not in people:
            people.append(row)
    return people


def ecosphere_core_people(dataset: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the people in CKAN's fields that are not among the contacts: ``label``, ``name``, ``email``."""
    contacts = dataset.get("contact")
    if not isinstance(contacts, list):
        contacts = []
    contacts_as_json = json.dumps(contacts, ensure_ascii=False)
    labels = {"maintainer": tk._("Maintainer"), "author": tk._("Author")}
    people = []
    for name, email in PEOPLE.items():
        row = {"name": dataset.get(name) or "", "email": dataset.get(email) or ""}
        if any(
            value and json.dumps(value, ensure_ascii=False) not in contacts_as_json
            for value in row.values()
        ):
            people.append({"label": labels[name], **row})
    return people


def ecosphere_core_inputs(
    data: Mapping[str, Any], errors: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the inputs for CKAN's fields with a value or error: ``name``, ``label``, ``value``, ``errors``."""
    labels = {
        "maintainer": tk._("Maintainer"),
        "maintainer_email": tk._("Maintainer Email"),
        "author": tk._("Author"),
        "author_email": tk._("Author Email"),
    }
    return [
        {
            "name": name,
            "label": label,
            "value": data.get(name) or "",
            "errors": errors.get(name) or [],
        }
        for name, label in labels.items()
        if data.get(name) or errors.get(name)
    ]
