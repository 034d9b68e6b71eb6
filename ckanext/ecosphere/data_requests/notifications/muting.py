"""Opt-out of e-mails about a request, or about all requests."""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import service
from ckanext.ecosphere.data_requests.model import Mute
from ckanext.ecosphere.data_requests.notifications.tables import Notification, Setting


def stop_emails(user_id: str, request_id: str | None) -> None:
    """Stop the e-mails to a user about a request, or about all requests, including those that are pending."""
    with service.rolled_back_on_error():
        waiting = [Notification.user_id == user_id, Notification.channel == "email"]
        if request_id:
            service.bond(Mute, request_id, user_id, True)
            waiting.append(Notification.request_id == request_id)
        else:
            setting = model.Session.get(Setting, user_id) or Setting(user_id=user_id, language="")
            setting.digest = "none"
            model.Session.add(setting)
        unsent = sa.update(Notification).where(*waiting, Notification.status.in_(("pending", "digest")))
        model.Session.execute(unsent.values(status="unwanted"))
        model.Session.commit()
