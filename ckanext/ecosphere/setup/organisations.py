"""Create and update the ministry's services as CKAN organisations, without overwriting people's
changes.

The extra `ecosphere_registry` of an organisation holds a fingerprint of what was written. While the
organisation matches it, it follows the registry; once a person has changed its title, description
or place, it is left alone. Organisations that a person deleted stay deleted, and those that a
person created are not touched.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.types import Context, DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.interfaces import InitReport

FINGERPRINT = "ecosphere_registry"
TERRITORY = "ecosphere_territory"
KIND = "ecosphere_kind"

#: Values covered by the fingerprint.
FOLLOWED = ("title", "description", "parent", TERRITORY, KIND)


def wanted(service: voc.Concept) -> dict[str, str]:
    """Return a service's values in the registry, by the keys of `FOLLOWED`."""
    data = service.data
    return {
        "title": service.label_fr,
        "description": str(data.get("long_label_fr") or ""),
        "parent": str(data.get("parent") or ""),
        TERRITORY: str(data.get("territory") or ""),
        KIND: str(data.get("kind") or ""),
    }


def create_or_update(report: InitReport) -> None:
    """Bring the organisations in line with the registry.

    Args:
        report: receives how many were created, updated, or left alone because people changed them.
    """
    context = _site_context()
    present = {
        group.name: group
        for group in model.Session.query(model.Group).filter_by(is_organization=True)
    }
    numbers = {"created": 0, "updated": 0, "kept": 0, "same": 0}
    for service in _parents_first():
        numbers[_bring_in_line(context, service, present.get(service.id))] += 1
    changes = {
        _("{number} services created"): numbers["created"],
        _("{number} services updated"): numbers["updated"],
    }
    for message, number in changes.items():
        if number:
            report.changed(message.format(number=number))
    if not numbers["created"] and not numbers["updated"]:
        report.unchanged(
            _("{number} services are in line with the registry").format(number=numbers["same"])
        )
    if numbers["kept"]:
        report.unchanged(
            _("{number} services changed by a person are left alone").format(number=numbers["kept"])
        )


@dataclass(frozen=True)
class Plan:
    """What `create_or_update` would do.

    Attributes:
        missing: number of services of the registry without an organisation.
        others: number of active organisations that are not in the registry.
    """

    missing: int
    others: int


def plan() -> Plan:
    """Compare the registry with the organisations, without changing anything."""
    services = {service.id for service in voc.get("organisations")}
    groups: Any = model.Session.query(model.Group).filter_by(is_organization=True)
    present = {group.name: group.state for group in groups}
    others = [
        name
        for name, state in present.items()
        if name not in services and state == model.State.ACTIVE
    ]
    return Plan(len(services - present.keys()), len(others))


def _parents_first() -> list[voc.Concept]:
    """Return all services, parents before their children: CKAN requires an existing parent."""
    services = voc.get("organisations")
    ordered: dict[str, voc.Concept] = {}

    def add(service: voc.Concept) -> None:
        parent = services.get(str(service.data.get("parent") or ""))
        if parent and parent.id not in ordered:
            add(parent)
        ordered.setdefault(service.id, service)

    for service in services:
        add(service)
    return list(ordered.values())


def _bring_in_line(context: Context, service: voc.Concept, group: model.Group | None) -> str:
    """Create or update an organisation; return "created", "updated", "kept" or "same"."""
    target = wanted(service)
    if group is None:
        tk.get_action("organization_create")(Context(**context), _fields(service, target))
        return "created"
    if group.state != model.State.ACTIVE:
        return "kept"
    organisation = tk.get_action("organization_show")(
        Context(**context), {"id": group.id, "include_datasets": False, "include_users": False}
    )
    extras = {extra["key"]: extra["value"] for extra in organisation["extras"]}
    parent = ""
    if organisation["groups"]:
        parent = organisation["groups"][0]["name"]
    current = {
        "title": organisation["title"],
        "description": organisation["description"],
        "parent": parent,
        TERRITORY: extras.get(TERRITORY, ""),
        KIND: extras.get(KIND, ""),
    }
    if extras.get(FINGERPRINT) != fingerprint(current):
        return "kept"
    if current == target:
        return "same"
    fields = _fields(service, target)
    for extra in organisation["extras"]:  # those of others stay
        if extra["key"] not in (TERRITORY, KIND, FINGERPRINT):
            fields["extras"].append({"key": extra["key"], "value": extra["value"]})
    tk.get_action("organization_patch")(Context(**context), {"id": group.id, **fields})
    return "updated"


def _fields(service: voc.Concept, target: dict[str, str]) -> DataDict:
    """Return the organisation as CKAN's actions expect it."""
    extras = {TERRITORY: target[TERRITORY], KIND: target[KIND], FINGERPRINT: fingerprint(target)}
    parents = [{"name": target["parent"]}] if target["parent"] else []
    return {
        "name": service.id,
        "title": target["title"],
        "description": target["description"],
        "groups": parents,
        "extras": [{"key": key, "value": value} for key, value in extras.items() if value],
    }


def fingerprint(values: dict[str, str]) -> str:
    """Return a short digest of the followed values."""
    text = json.dumps([values[key] or "" for key in FOLLOWED], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _site_context() -> Context:
    user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    return Context(user=user, ignore_auth=True)
