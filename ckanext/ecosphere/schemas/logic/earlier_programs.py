"""Accept what programs send that were written for CKAN without this schema, and tell them what
became of it.

Such a body names none of the schema's fields: a `package_update` with it would empty them all, and
be refused as soon as one is mandatory. So they keep their values, and what the body says in CKAN's
terms is put into those of the schema, as `ckan ecosphere adopt` does. Forms are not concerned: a
browser leaves out what people have emptied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict
from flask import has_request_context, request

from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.schemas import adopting, licences
from ckanext.ecosphere.schemas.logic import publication
from ckanext.ecosphere.schemas.stored import Stored

PATCH, UPDATE = "package_patch", "package_update"


class Body:
    """What a program sends.

    Args:
        data: the body, changed in place.
        package: the stored dataset, None for a new one.

    Attributes:
        warnings: what became of values, in a few words each.
        is_plain: whether it names none of the schema's fields.
    """

    def __init__(self, data: DataDict, package: Any) -> None:
        self.data, self.package = data, package
        self.warnings: list[str] = []
        self._fields = adopting.own_fields("dataset_fields", model.package_table)
        self.is_plain = self._fields.isdisjoint(data)

    def place_extras(self) -> None:
        """Turn extras named like a field into that field,
        or rename them if their value is not one of the field.
        """
        rows = self.data.get("extras")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            return
        free = {str(row.get("key")): row.get("value") for row in rows}
        of_schema = {
            name: value
            for name, value in free.items()
            if name in self._fields and not self.data.get(name)
        }
        if not of_schema or len(free) < len(rows):  # CKAN refuses the same name twice
            return
        checks = adopting.field_checks()
        for name, value in of_schema.items():
            del free[name]
            try:
                self.data[name] = adopting.as_given(checks[name](value))
                self.warnings.append(f"extra {name}: taken as the field {name}")
            except Exception:  # the value can be anything
                new = adopting.free_name(name, free, value)
                free[new] = value
                self.warnings.append(
                    f"extra {name}: not a value of the field {name}, kept as the extra {new}"
                )
        self.data["extras"] = [{"key": name, "value": value} for name, value in free.items()]

    def make_contact(self) -> None:
        """Let the contact follow the maintainer and author,
        unless somebody has written another one.
        """
        names = [name for name in adopting.FIELDS if isinstance(self.data.get(name), str)]
        if not names or self.data.get("contact"):
            return
        stored = {name: getattr(self.package, name, None) for name in adopting.FIELDS}
        sent = {name: self.data[name] for name in names}
        before = list(Stored(self.package).rows("contact"))
        contact = adopting.contacts({**stored, **sent}, [])
        if contact and contact != before and before in ([], adopting.contacts(stored, [])):
            self.data["contact"] = contact
            self.warnings.append("contact: made of maintainer and author")

    def read_licence(self, context: Any) -> None:
        """Leave a licence that adoption has converted as it is,
        and accept one that is not in the list.
        """
        licence = self.data.get("license_id")
        if not licence or not isinstance(licence, str):
            return
        stored = self.package and self.package.license_id
        before, _after = adopting.converted_licence(self.package and self.package.plugin_data)
        if licence == before != stored:
            self.data["license_id"] = stored
            self.warnings.append(
                "license_id: converted when the catalogue was adopted, and left as it is"
            )
        elif licences.is_unknown(licence):
            context[adopting.ANY_LICENCE] = True
            self.warnings.append("license_id: not in the list of the portal, kept as it is")

    def keep_fields(self, shown: Row) -> None:
        """Keep the fields of the schema that are not named.

        Args:
            shown: the stored dataset.
        """
        names = {*self._fields, *adopting.mandatory_columns()} - set(self.data)
        values = {name: shown[name] for name in names if shown.get(name)}
        if values:
            self.data |= values
            self.warnings.append(f"kept: {', '.join(sorted(values))}")

    def keep_fields_of_files(self, shown: Row) -> None:
        """Keep the fields of the schema that are not named in files.

        Args:
            shown: the stored dataset.
        """
        files = self.data.get("resources")
        if isinstance(files, list):
            self.data["resources"] = [_with_fields(file, shown["resources"]) for file in files]


def _with_fields(file: Any, stored: list[DataDict]) -> Any:
    """Return a file with the stored fields of the schema, if it names none of them.

    Found by its id or else its URL.
    """
    fields = adopting.own_fields("resource_fields", model.resource_table)
    if not isinstance(file, dict) or not fields.isdisjoint(file):
        return file
    by_id = [before for before in stored if before["id"] == file.get("id")]
    by_url = [before for before in stored if before.get("url") == file.get("url")]
    for before in (by_id or by_url)[:1]:
        values = {name: before[name] for name in fields if before.get(name)}
        return {**file, **values}
    return file


def _accommodated(action: str, context: Context, data: DataDict) -> Body | None:
    """Return the body in the terms of the schema, None if there is nothing to do."""
    package, kind = None, data.get("type", "dataset")
    if action != "package_create":
        package = model.Package.get(str(data.get("id") or data.get("name") or ""))
        if package is None:
            return None
        kind = package.type
    if not _has_schema(kind):
        return None
    body = Body(dict(data), package)
    body.place_extras()
    if not body.is_plain:
        return body
    body.read_licence(context)
    body.make_contact()
    if package and adopting.is_adopted(package) and (action == UPDATE or "resources" in data):
        dataset = _shown(package.id)
        body.keep_fields_of_files(dataset)
        if action == UPDATE:
            body.keep_fields(dataset)
    return body


def _shown(package_id: str) -> DataDict:
    """Return the stored dataset, whoever may see it."""
    context: Any = {"ignore_auth": True, "use_cache": False}
    return tk.get_action("package_show")(context, {"id": package_id})


def _has_schema(kind: Any) -> bool:
    return kind == "dataset" and bool(tk.h.scheming_get_dataset_schema("dataset"))


def is_form() -> bool:
    """Return whether a form of the portal is being sent."""
    return has_request_context() and not request.path.startswith("/api/")


def _save(name: str, original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    body = None
    if not is_form():
        body = _accommodated(name, context, data_dict)
    if body is None:
        return original(context, data_dict)
    result = original(context, body.data)
    for text in body.warnings:
        publication.add_warning(text)
    return result


def resource_update(original: Any, context: Context, data_dict: DataDict) -> Any:
    """Keep the fields of the schema if a file names none of them, then call CKAN's action.

    Args:
        original: CKAN's action.
        context: the context.
        data_dict: the file.
    """
    file = model.Resource.get(str(data_dict.get("id") or ""))
    if file is None or is_form() or not _has_schema(file.package.type):
        return original(context, data_dict)
    dataset = _shown(file.package.id)
    return original(context, _with_fields(data_dict, dataset["resources"]))


def get_actions() -> DataDict:
    """Return the chained actions by name."""
    actions: DataDict = {"resource_update": resource_update}
    for name in ("package_create", UPDATE, PATCH):

        def action(original: Any, context: Context, data_dict: DataDict, name: str = name) -> Any:
            return _save(name, original, context, data_dict)

        action.__name__ = name
        # The bulk import of the harvest need not call it.
        vars(action)["ecosphere_for_earlier_programs"] = True
        action.__doc__ = (
            f"Take what programs send that do not know the schema, then call `{name}` of CKAN."
        )
        actions[name] = action
    return {name: auth_audit_exempt(tk.chained_action(action)) for name, action in actions.items()}
