"""Signed URLs in e-mails: to confirm an alert, to manage alerts, and to unsubscribe."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.search.alerts import storage
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.mailing import headers

CONFIRM, MANAGE, LEAVE = (
    "ecosphere-alert-confirm",
    "ecosphere-alerts-manage",
    "ecosphere-alerts-leave",
)
CONFIRM_SECONDS = int(storage.KEPT.total_seconds())
MANAGE_SECONDS = 60 * 24 * 3600
"""Links to manage alerts are valid for 60 days; each e-mail has a new one."""


def confirm_url(alert_id: str, frequency: str) -> str:
    """Return the absolute URL of the page that confirms an alert."""
    return _url("confirm", headers.sign(CONFIRM, [alert_id, frequency]))


def manage_url(subscriber_id: str) -> str:
    """Return the absolute URL of the page with the alerts of a subscriber without an account."""
    return _url("manage", headers.sign(MANAGE, subscriber_id))


def leave_url(subscriber_id: str) -> str:
    """Return the absolute URL that stops all e-mails about alerts; it does not expire."""
    return _url("leave", headers.sign_lasting(LEAVE, subscriber_id))


def read_confirm(token: str) -> tuple[str, str] | None:
    """Return the alert id and frequency of a token, None if it is invalid or expired."""
    payload = headers.read(CONFIRM, token, CONFIRM_SECONDS)
    match payload:
        case [alert_id, frequency]:
            return str(alert_id), str(frequency)
    return None


def read_manage(token: str) -> str | None:
    """Return the subscriber id of a token, None if it is invalid or expired."""
    payload = headers.read(MANAGE, token, MANAGE_SECONDS)
    if isinstance(payload, str):
        return payload
    return None


def read_leave(token: str) -> str | None:
    """Return the subscriber id of a token, None if it is invalid."""
    payload = headers.read_lasting(LEAVE, token)
    if isinstance(payload, str):
        return payload
    return None


def _url(endpoint: str, token: str) -> str:
    return tk.h.url_for(
        f"ecosphere_alerts.{endpoint}", token=token, qualified=True, locale=language.current()
    )
