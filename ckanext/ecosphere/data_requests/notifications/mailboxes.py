"""Functional mailboxes of services: they are told by e-mail what the people of the service are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ckan import model

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.model import Request

#: What stands for a person in a notification: this + id of the service.
PREFIX = "service:"
#: What stands for whoever is told last of what is late: this + id of the service.
CHIEF = "chief:"


@dataclass(frozen=True)
class Mailbox:
    """A mailbox, where otherwise a person is told.

    Attributes:
        id: as notifications have it; organization_id: the service.
        email, display_name: to whom e-mails go.
    """

    id: str
    organization_id: str
    email: str
    display_name: str
    state: str = model.State.ACTIVE


def get(key: str) -> Mailbox | None:
    """Return the mailbox that a notification names, None when it names a person or there is none any more."""
    if not is_mailbox(key):
        return None
    group = model.Session.get(model.Group, key.split(":", 1)[1])
    sheet = sheets.written(group) if group and group.state == model.State.ACTIVE else sheets.ContactSheet()
    email = sheet.chief if key.startswith(CHIEF) else sheet.email
    return Mailbox(key, group.id, email, group.title or group.name) if group and email else None


def is_mailbox(key: str) -> bool:
    """Tell whether a notification names a mailbox rather than a person."""
    return key.startswith((PREFIX, CHIEF))


def keys(audience: str, request: Request, fields: dict[str, Any]) -> Iterable[str]:
    """Return the mailboxes of an audience, as notifications name them."""
    if audience == states.CHIEF:
        return [f"{CHIEF}{request.organization_id}"] if sheets.chief(request.organization_id) else []
    if audience in (states.SERVICE, states.ASSIGNEE):
        service = request.organization_id if request.opened else None
    else:
        service = fields.get("former_organization") if audience == states.FORMER_SERVICE else None
    return [PREFIX + service] if service and sheets.mailbox(service) else []
