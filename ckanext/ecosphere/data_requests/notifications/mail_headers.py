"""Headers of the e-mails about requests: one thread per request, and List-Unsubscribe (`shared.mailing.headers`).

RFC 5322: Message-ID, In-Reply-To, References.
"""

from __future__ import annotations

from collections.abc import Sequence

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests.notifications import mailboxes
from ckanext.ecosphere.data_requests.notifications.tables import Notification
from ckanext.ecosphere.shared.mailing import headers as shared

SALT = "ecosphere-requests-unsubscribe"


def headers(rows: Sequence[Notification]) -> dict[str, str]:
    """Return the headers of an e-mail with these notifications of one recipient."""
    first = rows[0]
    requests = {each.request_id for each in rows}
    request_id = first.request_id if len(requests) == 1 else ""
    found = {**shared.AUTOMATIC, **_thread(first, request_id)}
    # No unsubscribe link to shared mailboxes: a single reader could stop the e-mails to the whole service.
    return found if mailboxes.is_mailbox(first.user_id) else {**found, **_way_out(first.user_id, request_id)}


def _way_out(user_id: str, request_id: str) -> dict[str, str]:
    address = tk.url_for("ecosphere_requests.unsubscribe", token=token(user_id, request_id), _external=True)
    return shared.way_out(address)


def _thread(first: Notification, request_id: str) -> dict[str, str]:
    """Return a Message-ID that is the same when sent again, and References to the first e-mail about the request."""
    own = shared.message_id("notification", str(first.id))
    if not request_id:
        return {"Message-ID": own}
    root = shared.message_id("request", request_id, first.user_id)
    if not _was_written_to(first.user_id, request_id):
        return {"Message-ID": root}
    return {"Message-ID": own, "In-Reply-To": root, "References": root}


def _was_written_to(user_id: str, request_id: str) -> bool:
    sent = (Notification.channel == "email", Notification.status == "sent")
    query = sa.exists().where(Notification.user_id == user_id, Notification.request_id == request_id, *sent)
    return bool(model.Session.scalar(sa.select(query)))


def token(user_id: str, request_id: str) -> str:
    """Return a signed token that unsubscribes a user from a request's e-mails, or from all with "", and nothing else.

    It does not expire, so that old e-mails can still be used to unsubscribe.
    """
    return shared.sign_lasting(SALT, [user_id, request_id])


def read_token(written: str) -> tuple[str, str] | None:
    """Return the ids of the user and the request ("" for all) of a token, None when it is invalid."""
    found = shared.read_lasting(SALT, written)
    return (str(found[0]), str(found[1])) if isinstance(found, list) and len(found) == 2 else None  # noqa: PLR2004
