"""What the form says before a person writes yet another request in a day, with the other ways to ask."""

from __future__ import annotations

from typing import Any

from ckan import model

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import config, throttle
from ckanext.ecosphere.data_requests.domain import people
from ckanext.ecosphere.data_requests.views.viewing import context


def of_next(organization: str | None) -> dict[str, Any] | None:
    """Return what applies to the next request of the current user, None when nothing special does.

    Args:
        organization: name or id of the service that will get it; the moderators' stands in for an unknown one.

    Returns:
        `sent` in the last 24 hours; `stopped`: whether the portal takes no more; `service` and its contact `sheet`.
    """
    reader = people.reader_of_context(context())
    if not reader.id:
        return None
    sent, stopped = throttle.sent_lately(reader), throttle.is_stopped(reader)
    if sent < throttle.without_moderator(reader) and not stopped:
        return None
    group = (model.Group.get(organization) if organization else None) or model.Group.get(config.moderators())
    sheet = sheets.of(group) if group else None
    return {"sent": sent, "stopped": stopped, "service": group.title or group.name if group else "", "sheet": sheet}


def has_sent_many() -> bool:
    """Return whether the current user has just sent a request that waits for a moderator because of the number."""
    reader = people.reader_of_context(context())
    return throttle.sent_lately(reader) > throttle.without_moderator(reader)
