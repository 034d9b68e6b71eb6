"""Defect 13: types, states and relationships with which a dataset, a group or an organisation would be in no list.

CKAN 2.12.0 accepts any type, and every list that shows the object then ends in an internal error; a dataset in an
unknown state is nowhere, not even in the trash; relationships are indexed after everything else is saved. Chaining
`package_create` would end the fast saves of harvests, so that calls are checked at the entry of the API. Not yet
accepted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib import plugins

KINDS = {"package": "dataset", "group": "group", "organization": "organization"}
VERBS = ("create", "update", "patch")
STATES = ("active", "draft", "deleted")
RELATIONSHIPS = ("relationships_as_subject", "relationships_as_object")
ENDS = ("subject_package_id", "object_package_id")
CHECKED = ("type", "state", *RELATIONSHIPS)


def faults(action: str, data: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the errors of a call that saves a dataset, a group or an organisation, by parameter."""
    if action == "package_revise":
        errors = _faults_of_dataset(_revised(data))
        if errors:
            return {"update": [errors]}
        return {}
    entity, _separator, verb = action.partition("_")
    if entity not in KINDS or verb not in VERBS:
        return {}
    if entity == "package":
        return _faults_of_dataset(data)
    return _faults_of_type(KINDS[entity], data)


def is_state(value: Any) -> bool:
    """Return whether a value is a valid state of a dataset."""
    return value in STATES


def _faults_of_type(kind: str, data: dict[str, Any]) -> dict[str, list[Any]]:
    types = _types(kind)
    if not data.get("type") or data["type"] in types:
        return {}
    return {"type": [_one_of(types)]}


def _faults_of_dataset(data: dict[str, Any]) -> dict[str, list[Any]]:
    errors = _faults_of_type("dataset", data)
    if not is_state(data.get("state") or "active"):
        errors["state"] = [_one_of(STATES)]
    for name in RELATIONSHIPS:
        if data.get(name) and not _can_be_indexed(data[name]):
            errors[name] = [tk._("Relate datasets by `package_relationship_create`.")]
    return errors


def _one_of(values: Iterable[str]) -> str:
    return tk._("Give one of these: {values}.").format(values=", ".join(values))


def _types(kind: str) -> list[str]:
    """Return the types of datasets, groups or organisations for which CKAN and its plugins have pages."""
    registered: Any = plugins._package_plugins if kind == "dataset" else plugins._group_plugins
    others = {"group", "organization"} - {kind}
    return sorted({kind, *registered} - others)


def _can_be_indexed(relationships: Any) -> bool:
    """Return whether each relationship has a known type, and both its ends exist."""
    return isinstance(relationships, list) and all(map(_is_relationship, relationships))


def _is_relationship(value: Any) -> bool:
    if (
        not isinstance(value, dict)
        or value.get("type") not in model.PackageRelationship.get_forward_types()
    ):
        return False
    ends = [value.get(end) for end in ENDS]
    return all(isinstance(end, str) and model.Package.get(end) for end in ends)


def _revised(data: dict[str, Any]) -> dict[str, Any]:
    """Return those values that `package_revise` puts into a dataset, from `update` or its paths."""
    update = data.get("update")
    if isinstance(update, str):
        try:
            update = json.loads(update)
        except (ValueError, RecursionError):
            update = None  # CKAN reports the invalid JSON
    revised = dict(update) if isinstance(update, dict) else {}
    paths = {name: f"update__{name}" for name in CHECKED}
    return revised | {name: data[path] for name, path in paths.items() if path in data}
