"""Delivery of notifications by e-mail, with the shared engine (`shared.mailing.outbox`).

Several messages about one request are sent as one e-mail, and all e-mails about it as one thread (RFC 5322: Message-ID,
In-Reply-To, References); users who want a digest get one a day or a week.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.decisions import store
from ckanext.ecosphere.data_requests.domain import clock, people, states
from ckanext.ecosphere.data_requests.model import Event, Notification, Request, Setting
from ckanext.ecosphere.data_requests.notifications import emails, replies, review, texts
from ckanext.ecosphere.shared import language, runs
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.shared.mailing import headers as shared
from ckanext.ecosphere.shared.mailing import sending
from ckanext.ecosphere.shared.mailing.outbox import MOST_TRIES, UNWANTED, Outbox
from ckanext.ecosphere.shared.mailing.texts import subject

__all__ = ["MOST_TRIES", "deliver", "digests", "is_late", "take_up_interrupted"]

OUTBOX = Outbox("requests", Notification, "a data request", (Notification.channel == "email",))
#: Setting of the digest → days between two digests.
PERIODS = {"daily": 1, "weekly": 7}


def deliver() -> int:
    """Send the e-mails that are due; return how many were sent. Safe to run concurrently."""
    if config.mail_works():
        return OUTBOX.deliver(_claim_one, _send)
    return 0


def _claim_one(locks: Locks) -> list[int]:
    """Take the next e-mail, and what leaves with it. One about a message takes all others about the same request, a
    receipt the word that the request was accepted, one about what waits for a moderator all others of which that
    moderator is told."""
    return OUTBOX.claim_next(locks, _leave_with)


def _leave_with(row: Notification) -> list[Notification] | None:
    """Return the notifications to send together with one; None when it is put off."""
    if review.concerns(row):
        review.lock(row.user_id)
        free_from = review.free_from(row.user_id)
        if free_from and free_from > clock.now():
            review.put_off(row.user_id, free_from)
            return None
        return _others(row, review.of_person(row.user_id))
    if row.kind == "comment":
        same = (Notification.kind == "comment", Notification.request_id == row.request_id)
        return _others(row, *same, Notification.user_id == row.user_id)
    if row.kind == "submit" and row.audience == states.REQUESTER:
        # What a trusted person sends is accepted in the same moment: one e-mail is the receipt of both.
        at_once = sa.select(Event.id).where(
            Event.transition == "accept", Event.actor_role == states.SYSTEM
        )
        same = (Notification.event_id.in_(at_once), Notification.request_id == row.request_id)
        return _others(row, *same, Notification.user_id == row.user_id)
    return []


def _others(row: Notification, *conditions: sa.ColumnElement[bool]) -> list[Notification]:
    """Return the other pending e-mails that satisfy the conditions."""
    waiting = (
        Notification.status == "pending",
        Notification.channel == "email",
        Notification.id != row.id,
    )
    query = sa.select(Notification).where(*waiting, *conditions).order_by(Notification.id)
    return list(model.Session.scalars(query.with_for_update(skip_locked=True)))


def _send(ids: list[int], digest: bool = False) -> int:
    """Send claimed notifications of one recipient as one e-mail; return 1 when it was sent."""
    rows = list(
        model.Session.scalars(
            sa.select(Notification).where(Notification.id.in_(ids)).order_by(Notification.id)
        )
    )
    if not rows:
        return 0
    user = people.mailbox_of(rows[0].user_id) or model.User.get(rows[0].user_id)
    if user is None or user.state != model.State.ACTIVE or not user.email:
        return OUTBOX.note(ids, UNWANTED, "no address")
    lang = emails.language_of(user, model.Session.get(Request, rows[0].request_id))
    user_id = user.id

    def send() -> bool:
        with language.speaking(lang):
            mail = _render(user_id, ids, digest)
            if mail is not None:
                _hand_over(**mail)
        return mail is not None

    return OUTBOX.attempt(ids, send)


def _render(user_id: str, ids: list[int], digest: bool) -> dict[str, Any] | None:
    """Return recipient, subject and both forms of an e-mail."""
    user = people.mailbox_of(user_id) or model.User.get(user_id)
    rows = list(
        model.Session.scalars(
            sa.select(Notification).where(Notification.id.in_(ids)).order_by(Notification.id)
        )
    )
    letter = emails.write(user, rows, digest) if user else None
    if user is None or letter is None:
        return None
    if not digest and not review.concerns(rows[0]):
        _gather(letter, rows)
    mail_headers = headers(rows)
    if reply_to := replies.address_of(rows, user_id):
        mail_headers["Reply-To"] = reply_to
        letter.marker, letter.reply = replies.marker(), replies.explanation(rows)
    return {
        **emails.in_form(letter, user),
        "headers": mail_headers,
        "attachments": store.enclosures(rows),
    }


def _gather(letter: emails.Letter, rows: list[Notification]) -> None:
    """Make one item of several messages about one request, with a subject that says how many there are; also of a
    receipt and the word that the request was accepted."""
    request = model.Session.get(Request, rows[0].request_id)
    if len(letter.items) == 1 or request is None:
        return
    first = letter.items[0]
    if rows[0].kind == "submit":
        first.sentence = texts.received_and_accepted(request, texts.service_of(request, None))
    else:
        for item in letter.items[1:]:
            first.details += item.details
        first.sentence = texts.several_comments(
            len(letter.items), request.reference or "", request.is_signal
        )
    letter.subject = subject(first.sentence)
    letter.items = [first]


def _hand_over(**mail: Any) -> None:
    sending.hand_over(**mail)


def take_up_interrupted() -> int:
    """Retry e-mails whose process was killed while sending them; return how many."""
    return OUTBOX.take_up_interrupted()


def is_late() -> bool:
    """Return whether an e-mail has been due for longer than a job normally takes to start."""
    return config.mail_works() and OUTBOX.is_late()


def digests() -> int:
    """Send the digests that are due; return how many were sent."""
    _follow_changed_minds()
    if not config.mail_works():
        return 0
    waiting = sa.select(Notification.user_id).where(Notification.status == "digest").distinct()
    with Locks() as locks:
        return runs.one_by_one(
            model.Session.scalars(waiting).all(), lambda user_id: _digest(user_id, locks)
        )


def _follow_changed_minds() -> None:
    """Send at once, or drop, what waits for the digest of a user who no longer wants one."""
    for digest, status in (("immediate", "pending"), ("none", "unwanted")):
        people = sa.select(Setting.user_id).where(Setting.digest == digest)
        update = sa.update(Notification).where(
            Notification.status == "digest", Notification.user_id.in_(people)
        )
        model.Session.execute(update.values(status=status))
    model.Session.commit()


def _digest(user_id: str, locks: Locks) -> int:
    setting = model.Session.scalars(
        sa.select(Setting).where(Setting.user_id == user_id).with_for_update(skip_locked=True)
    ).one_or_none()
    query = sa.select(Notification).where(
        Notification.user_id == user_id, Notification.status == "digest"
    )
    rows = list(model.Session.scalars(query.order_by(Notification.id)))
    if setting is None or not rows or not _is_due(setting, rows[0].created):
        model.Session.rollback()
        return 0
    setting.last_digest = clock.now()
    ids = OUTBOX.claim(locks, rows)
    sent = _send(ids, digest=True)
    OUTBOX.release(locks, ids)
    return sent


def _is_due(setting: Setting, oldest: datetime) -> bool:
    """Return whether the period has passed since the last digest or, without one, since the oldest notification."""
    since = max(setting.last_digest, oldest - timedelta(days=7)) if setting.last_digest else oldest
    return (clock.today() - clock.day_of(since)).days >= PERIODS.get(setting.digest, 1)


def headers(rows: Sequence[Notification]) -> dict[str, str]:
    """Return the headers of an e-mail with these notifications of one recipient."""
    first = rows[0]
    requests = {row.request_id for row in rows}
    request_id = first.request_id if len(requests) == 1 else ""
    basic = {**shared.AUTOMATIC, **_thread(first, request_id)}
    # No unsubscribe link to shared mailboxes: a single reader could stop the e-mails to the whole service.
    if people.is_mailbox(first.user_id):
        return basic
    return {**basic, **_way_out(first.user_id, request_id)}


def _way_out(user_id: str, request_id: str) -> dict[str, str]:
    address = tk.url_for(
        "ecosphere_requests.unsubscribe",
        token=replies.unsubscribe_token(user_id, request_id),
        _external=True,
    )
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
    query = sa.exists().where(
        Notification.user_id == user_id, Notification.request_id == request_id, *sent
    )
    return bool(model.Session.scalar(sa.select(query)))
