"""Shared mailboxes of services, which get the same notifications by e-mail as the people of the service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ckan import model

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.model import Request

#: Followed by the id of the service, replaces the id of a user in notifications to its mailbox.
PREFIX = "service:"
#: The same for the mailbox to which late requests are escalated last.
CHIEF = "chief:"


@dataclass(frozen=True)
class Mailbox:
    """A mailbox that replaces a user as recipient.

    Attributes:
        id: key in notifications; organization_id: the service.
        email, display_name: of the recipient.
    """

    id: str
    organization_id: str
    email: str
    display_name: str
    state: str = model.State.ACTIVE


def get(key: str) -> Mailbox | None:
    """Return the mailbox of a notification, None for the id of a user or a mailbox that no longer exists."""
    if not is_mailbox(key):
        return None
    group = model.Session.get(model.Group, key.split(":", 1)[1])
    sheet = sheets.written(group) if group and group.state == model.State.ACTIVE else sheets.ContactSheet()
    email = sheet.chief if key.startswith(CHIEF) else sheet.email
    return Mailbox(key, group.id, email, group.title or group.name) if group and email else None


def is_mailbox(key: str) -> bool:
    """Return whether the recipient of a notification is a mailbox rather than a user."""
    return key.startswith((PREFIX, CHIEF))


def keys(audience: str, request: Request, fields: dict[str, Any]) -> Iterable[str]:
    """Return the keys of the mailboxes of an audience."""
    if audience == states.CHIEF:
        return [f"{CHIEF}{request.organization_id}"] if sheets.chief(request.organization_id) else []
    if audience in (states.SERVICE, states.ASSIGNEE):
        service = request.organization_id if request.opened else None
    else:
        service = fields.get("former_organization") if audience == states.FORMER_SERVICE else None
    return [PREFIX + service] if service and sheets.mailbox(service) else []
