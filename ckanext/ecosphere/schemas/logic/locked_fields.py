"""Locked fields: fields of harvested datasets that the form shows read-only unless the user unlocks
them.

Locked fields are determined by the harvest (action `ecosphere_harvest_local_show`); without it,
there are none. A harvest keeps the name and visibility of a dataset, the fields declared by the
administrator, local edits, and resources added on the portal. Everything else is the source's, so a
field that is empty in the record is locked as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.common import _
from flask import has_request_context

from ckanext.ecosphere.dataset.view import Row, View
from ckanext.ecosphere.schemas import form, stored
from ckanext.ecosphere.schemas.logic.validators import Errors, FlatData, add_error
from ckanext.ecosphere.schemas.stored import Stored

CARRIED = "ecosphere_schemas/form/carried.html"
UNLOCK = "modifier"
"""Parameter of the form's URL, and input of the form, that unlocks the fields."""
KEPT = frozenset({"name", "spatial"})
"""Fields that harvests never overwrite: the name, and the geometry derived from other fields."""
FORMS = ("dataset.edit", "dataset_resource.edit")
"""Endpoints of the forms; other ways of saving (API, bulk edit, harvest) are not restricted."""


@dataclass(frozen=True)
class LockedFields:
    """Locked fields and resources of a harvested dataset.

    Attributes:
        catalogue: `title` of the source, and `record`, the URL of the original record, or None.
        kept: names of the fields that harvests do not overwrite.
        resources: ids of the resources added on the portal.
        edited: local edits in other resources: id and name of the field.
        unlocked: whether the user has unlocked the fields.
        stored: the stored dataset, whose values a form with errors shows for locked fields instead
            of submitted ones.
    """

    catalogue: Row
    kept: frozenset[str]
    resources: frozenset[str]
    edited: frozenset[tuple[str, str]]
    unlocked: bool
    stored: Row

    def field(self, name: str) -> bool:
        """Return whether a field of the dataset is locked."""
        return not self.unlocked and name not in self.kept

    def resource(self, id_: str | None) -> bool:
        """Return whether a resource is locked."""
        return bool(id_) and not self.unlocked and id_ not in self.resources


def find(package_id: str | None, with_stored: bool = True) -> LockedFields | None:
    """Return the locked fields of a dataset; None if it is not harvested or the user may not edit
    it.

    Args:
        package_id: id or name of the dataset.
        with_stored: whether to read the stored dataset as well.
    """
    if not package_id:
        return None
    try:
        local = tk.get_action("ecosphere_harvest_local_show")({}, {"id": package_id})
        if not local["catalogue"]:
            return None
        stored = {}
        if with_stored:
            stored = tk.get_action("package_show")({}, {"id": package_id})
    except (KeyError, tk.ObjectNotFound, tk.NotAuthorized):
        return None
    return LockedFields(
        catalogue=local["catalogue"],
        kept=KEPT | set(local["fields"]),
        resources=frozenset(local["resources"]),
        edited=frozenset((edit["resource"], edit["field"]) for edit in local["edits"]),
        unlocked=unlocked(),
        stored=stored,
    )


def sources_of(ids: Iterable[str], field: str) -> dict[str, str]:
    """Return the datasets in which a field comes from a harvest source, as {id: title of the
    source}.

    Args:
        ids: ids of datasets that the user may edit.
        field: name of the field.
    """
    datasets = list(ids)
    if not datasets:
        return {}
    try:
        governed = tk.get_action("ecosphere_harvest_governed_list")({}, {"ids": datasets})
    except (KeyError, tk.NotAuthorized):
        return {}
    if field in governed["fields"]:
        return {}
    return governed["datasets"]


def ecosphere_locked(package_id: str | None) -> LockedFields | None:
    """Return the locked fields of a dataset for its form, or None (template helper)."""
    return find(package_id)


def ecosphere_locked_fields(
    fields: Iterable[Row],
    source: LockedFields | None,
    data: Row,
    kind: str = "dataset",
) -> dict[str, set[str]]:
    """Group the names of the fields of a form section by how they are shown.

    Hidden fields are in no group.

    Args:
        fields: fields of the section.
        source: the locked fields, or None.
        data: values of the form.
        kind: "dataset" or "resource".

    Returns:
        ``shown`` (locked and filled), ``silent`` (locked and empty), ``apart`` (locked, empty and
        not applicable given the other values), ``own`` (not locked, as declared by the
        administrator).
    """
    groups: dict[str, set[str]] = {"shown": set(), "silent": set(), "apart": set(), "own": set()}
    if (
        source is None
        or source.unlocked
        or (kind == "resource" and not source.resource(data.get("id")))
    ):
        return groups
    values = source.stored if kind == "dataset" else data
    view = View(values)
    for field in fields:
        name = field["field_name"]
        if kind == "dataset" and not source.field(name):
            if name not in KEPT:
                groups["own"].add(name)
            continue
        if field.get("form_snippet") == CARRIED:
            continue
        value = values.get("tags") if name == "tag_string" else values.get(name)
        if stored.is_filled(value):
            groups["shown"].add(name)
        elif not form.is_relevant(field, view.texts):
            groups["apart"].add(name)
        elif name == "owner_org":
            groups["shown"].add(name)
        else:
            groups["silent"].add(name)
    return groups


def unlocked() -> bool:
    """Return whether this request unlocks the fields."""
    return has_request_context() and tk.request.values.get(UNLOCK) == "1"


def _in_locked_form() -> bool:
    return has_request_context() and tk.request.endpoint in FORMS and not unlocked()


def refusal() -> str:
    """Return the error message of a locked field submitted with another value."""
    return _(
        "This comes from the source, and what was sent is not what the source says: nothing was "
        "saved. "
        "Here is what it says now; save again to keep it."
    )


def check(data: FlatData, errors: Errors, context: Any, schema: Row) -> None:
    """Refuse changes of locked fields by the form: the page did not say that they become local
    edits.

    Args:
        data: the flattened dataset, as in CKAN's validation.
        errors: collects errors by key of ``data``.
        context: context of the save.
        schema: the expanded dataset schema.
    """
    package = context.get("package")
    if package is None or context.get("ignore_auth") or not _in_locked_form():
        return
    source = find(package.id, with_stored=False)
    if source is None:
        return
    now, before = View.of_flat(data), Stored(package)
    for field in schema["dataset_fields"]:
        name = field["field_name"]
        if source.field(name) and _comparable(now.texts(name)) != _comparable(before.texts(name)):
            add_error(errors, (name,), refusal())


def _comparable(texts: list[str]) -> list[str]:
    """Return texts sorted and with normalised line breaks, for comparison:
    browsers submit CR LF.
    """
    return sorted(text.replace("\r\n", "\n") for text in texts)


def refuse_resource(resource: Row) -> None:
    """Refuse changes of a locked resource by the form.

    Args:
        resource: the stored resource.

    Raises:
        ValidationError: the resource is locked.
    """
    if not _in_locked_form():
        return
    source = find(resource.get("package_id"), with_stored=False)
    if source is not None and source.resource(resource.get("id")):
        raise tk.ValidationError(
            {"url": [_("This file or service comes from the source: nothing was saved.")]}
        )
