"""Fields of a harvested dataset that its source governs: the form shows them, and changes them only when asked to.

What is locked is the harvest's to say (the action `ecosphere_harvest_local_show`); without it, nothing is. A harvest
keeps the address and the visibility of a dataset, the fields that the administrator declares, and the files that were
added on the portal; it writes everything else anew, so a field that the record leaves empty is locked as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
from flask import has_request_context

from ckanext.ecosphere.schemas.catalogue import inheritance
from ckanext.ecosphere.schemas.fields import conditions
from ckanext.ecosphere.schemas.fields.stored import Stored
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.logic.publication import Dataset, add

CARRIED = "ecosphere_schemas/form/carried.html"
UNLOCK = "modifier"
"""Argument of the form's address, and input of the form, with which somebody chooses to change locked fields."""
KEPT = frozenset({"name", "spatial"})
"""Fields that no harvest replaces: the address, and the geometry that follows from other fields."""
FORMS = ("dataset.edit", "dataset_resource.edit")
"""Endpoints of the forms; what comes another way (API, bulk edit, harvest) is not asked."""


@dataclass(frozen=True)
class LockedFields:
    """What the source of a dataset governs.

    Attributes:
        catalogue: `title`, and `record`, the address of the original record, or None.
        kept: names of the fields that a harvest leaves as they are.
        resources: ids of the resources that were added on the portal.
        unlocked: whether the person has chosen to change locked fields.
        stored: the dataset as it is: a form with errors shows locked fields as they are, not as they were sent.
    """

    catalogue: Mapping[str, Any]
    kept: frozenset[str]
    resources: frozenset[str]
    unlocked: bool
    stored: Mapping[str, Any]

    def field(self, name: str) -> bool:
        """Say whether the form shows a field of the dataset without changing it."""
        return not self.unlocked and name not in self.kept

    def resource(self, id_: str | None) -> bool:
        """Say whether the form shows a resource without changing it."""
        return bool(id_) and not self.unlocked and id_ not in self.resources


def find(package_id: str | None, with_stored: bool = True) -> LockedFields | None:
    """Return what the source of a dataset governs; None when there is no such source, or the person may not change it.

    Args:
        package_id: id or name of the dataset.
        with_stored: whether the dataset itself is wanted too.
    """
    if not package_id:
        return None
    try:
        told = tk.get_action("ecosphere_harvest_local_show")({}, {"id": package_id})
        if not told["catalogue"]:
            return None
        stored = tk.get_action("package_show")({}, {"id": package_id}) if with_stored else {}
    except (KeyError, tk.ObjectNotFound, tk.NotAuthorized):
        return None
    return LockedFields(
        catalogue=told["catalogue"],
        kept=KEPT | set(told["fields"]),
        resources=frozenset(told["resources"]),
        unlocked=unlocked(),
        stored=stored,
    )


def overwritten(ids: Iterable[str], field: str) -> dict[str, str]:
    """Return which of some datasets the next harvest puts back a field of, with the title of its source, by id.

    Args:
        ids: of datasets that the person may change.
        field: name of the field.
    """
    wanted = list(ids)
    if not wanted:
        return {}
    try:
        told = tk.get_action("ecosphere_harvest_governed_list")({}, {"ids": wanted})
    except (KeyError, tk.NotAuthorized):
        return {}
    return {} if field in told["fields"] else told["datasets"]


def ecosphere_locked(package_id: str | None) -> LockedFields | None:
    """Return what the source of a dataset governs, for its form; None when nothing does."""
    return find(package_id)


def ecosphere_locked_fields(
    fields: Iterable[Mapping[str, Any]], source: LockedFields | None, data: Mapping[str, Any], kind: str = "dataset"
) -> dict[str, set[str]]:
    """Sort the fields of a part of the form, by name.

    Fields that the form carries without showing them, filled or not, are in none.

    Args:
        fields: of the part.
        source: what the source governs, or None.
        data: what the form shows.
        kind: "dataset" or "resource".

    Returns:
        ``shown``, locked and filled; ``silent``, locked and empty; ``apart``, locked, empty, and of no sense
        beside what the others say; ``own``, those that the administrator leaves to the portal.
    """
    told: dict[str, set[str]] = {"shown": set(), "silent": set(), "apart": set(), "own": set()}
    if source is None or source.unlocked or (kind == "resource" and not source.resource(data.get("id"))):
        return told
    shown = source.stored if kind == "dataset" else data
    for field in fields:
        name = field["field_name"]
        if kind == "dataset" and not source.field(name):
            if name not in KEPT:
                told["own"].add(name)
        elif field.get("form_snippet") != CARRIED:
            filled = inheritance.is_filled(shown.get("tags" if name == "tag_string" else name))
            if filled or conditions.is_relevant(field, lambda other: _held(shown, other)):
                told["shown" if filled or name == "owner_org" else "silent"].add(name)
            else:
                told["apart"].add(name)
    return told


def _held(shown: Mapping[str, Any], name: str) -> list[str]:
    return [str(part) for part in as_list(shown.get(name) or []) if part not in (None, "")]


def unlocked() -> bool:
    """Say whether this request comes from a form in which locked fields may be changed."""
    return has_request_context() and tk.request.values.get(UNLOCK) == "1"


def _in_locked_form() -> bool:
    return has_request_context() and tk.request.endpoint in FORMS and not unlocked()


def refusal() -> str:
    """Return what is said of a locked field that was sent with another value."""
    return tk._(
        "This comes from the source, and what was sent is not what the source says: nothing was saved. "
        "Here is what it says now; save again to keep it."
    )


def check(data: dict[Any, Any], errors: dict[Any, list[str]], context: Any, schema: Mapping[str, Any]) -> None:
    """Refuse what the form changes of locked fields: the next harvest would undo it.

    Args:
        data: the dataset as CKAN's validation holds it.
        errors: receives what is wrong, by key of ``data``.
        context: of the save.
        schema: the dataset schema, expanded.
    """
    package = context.get("package")
    if package is None or context.get("ignore_auth") or not _in_locked_form():
        return
    source = find(package.id, with_stored=False)
    if source is None:
        return
    now, before = Dataset(data), Stored(package)
    for field in schema["dataset_fields"]:
        name = field["field_name"]
        if source.field(name) and _told(now.texts(name)) != _told(before.texts(name)):
            add(errors, (name,), refusal())


def _told(texts: list[str]) -> list[str]:
    """Texts in an order of their own, with one kind of line ends: a browser sends another kind."""
    return sorted(text.replace("\r\n", "\n") for text in texts)


def refuse_resource(resource: Mapping[str, Any]) -> None:
    """Refuse the form of a file or service that the source governs.

    Args:
        resource: as it is stored.

    Raises:
        ValidationError: the source governs it, and the person has not chosen to change it nonetheless.
    """
    if not _in_locked_form():
        return
    source = find(resource.get("package_id"), with_stored=False)
    if source is not None and source.resource(resource.get("id")):
        raise tk.ValidationError({"url": [tk._("This file or service comes from the source: nothing was saved.")]})
