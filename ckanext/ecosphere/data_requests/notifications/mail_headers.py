"""Headers of the room's e-mails: one thread for each request, and a way out that mail programs offer.

RFC 5322 (Message-ID, In-Reply-To, References), RFC 3834 (Auto-Submitted), RFC 2369 and 8058 (List-Unsubscribe, with one
click). `Precedence: bulk` is in no standard; mail servers of absent people know it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from itsdangerous import BadSignature, URLSafeSerializer

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.model import Notification
from ckanext.ecosphere.data_requests.notifications import mailboxes

SALT = "ecosphere-requests-unsubscribe"
ID_CHARACTERS = 32
#: Longest token that is looked at.
MOST_CHARACTERS = 400


def headers(rows: Sequence[Notification]) -> dict[str, str]:
    """Return the headers of an e-mail that tells one person of these notifications."""
    first = rows[0]
    requests = {each.request_id for each in rows}
    request_id = first.request_id if len(requests) == 1 else ""
    found = {
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "X-Auto-Response-Suppress": "All",
        **_thread(first, request_id),
    }
    # Whoever reads the mailbox of a service cannot stop what the whole service is told.
    return found if first.user_id.startswith(mailboxes.PREFIX) else {**found, **_way_out(first.user_id, request_id)}


def _way_out(user_id: str, request_id: str) -> dict[str, str]:
    address = tk.url_for("ecosphere_requests.unsubscribe", token=token(user_id, request_id), _external=True)
    return {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _thread(first: Notification, request_id: str) -> dict[str, str]:
    """Message-ID of the e-mail, the same when it is sent again; all about one request answer the first one."""
    own = _message_id("notification", str(first.id))
    if not request_id:
        return {"Message-ID": own}
    root = _message_id("request", request_id, first.user_id)
    if not _was_written_to(first.user_id, request_id):
        return {"Message-ID": root}
    return {"Message-ID": own, "In-Reply-To": root, "References": root}


def _message_id(*parts: str) -> str:
    """An identifier of which nobody can read the number or the moment."""
    digest = hmac.new(config.secret().encode(), "\n".join(parts).encode(), hashlib.sha256).hexdigest()
    return f"<{digest[:ID_CHARACTERS]}@{config.domain()}>"


def _was_written_to(user_id: str, request_id: str) -> bool:
    sent = (Notification.channel == "email", Notification.status == "sent")
    query = sa.exists().where(Notification.user_id == user_id, Notification.request_id == request_id, *sent)
    return bool(model.Session.scalar(sa.select(query)))


def token(user_id: str, request_id: str) -> str:
    """Return a signed token with which a person stops the e-mails about a request, "" for about all; and nothing else.

    It does not expire: an old e-mail still has a way out.
    """
    return _serializer().dumps([user_id, request_id])  # pyright: ignore[reportReturnType]


def read_token(written: str) -> tuple[str, str] | None:
    """Return the person and the request ("" for all) of a token, None when it is not one of ours."""
    if len(written) > MOST_CHARACTERS:
        return None
    try:
        user_id, request_id = _serializer().loads(written)
    except (BadSignature, ValueError, TypeError):
        return None
    return str(user_id), str(request_id)


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(config.secret(), salt=SALT)
