"""Delivery of notifications by e-mail, with the common outbox (`work.outbox`).

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
from ckanext.ecosphere.data_requests.model import (
    DIGEST,
    MAILED,
    UNWANTED,
    Event,
    Notification,
    Request,
    Setting,
)
from ckanext.ecosphere.data_requests.notifications import emails, outbox, replies, review, texts
from ckanext.ecosphere.data_requests.notifications.outbox import OF_DIGEST, OUTBOX
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.mailing import headers as shared
from ckanext.ecosphere.shared.mailing.texts import subject
from ckanext.ecosphere.work import steps
from ckanext.ecosphere.work.model import DONE, Work
from ckanext.ecosphere.work.outbox import Unwanted

#: Setting of the digest → days between two digests.
PERIODS = {"daily": 1, "weekly": 7}


def deliver() -> int:
    """Send the e-mails that are due; return how many were sent. Safe to run concurrently."""
    return OUTBOX.deliver(_write, prepare)


def prepare(mail: Work) -> bool:
    """Add to an e-mail what leaves with it; return False when it is put off.

    One about a message takes all others about the same request, a receipt the word that the request was accepted, one
    about what waits for a moderator all others of which that moderator is told.
    """
    rows = _told_in(mail.id)
    if mail.kind == OF_DIGEST or not rows:
        return True
    first = rows[0]
    own = Notification.user_id == first.user_id
    if review.concerns(first):
        review.lock(first.user_id)
        free_from = review.free_from(first.user_id)
        if free_from and free_from > clock.now():
            review.put_off(first.user_id, free_from)
            return False
        _join(mail, review.of_person(first.user_id))
    elif first.kind == "comment":
        same = (Notification.kind == "comment", Notification.request_id == first.request_id)
        _join(mail, own, *same)
    elif first.kind == "submit" and first.audience == states.REQUESTER:
        # What a trusted person sends is accepted in the same moment: one e-mail is the receipt of both.
        at_once = sa.select(Event.id).where(
            Event.transition == "accept", Event.actor_role == states.SYSTEM
        )
        same = (Notification.event_id.in_(at_once), Notification.request_id == first.request_id)
        _join(mail, own, *same)
    return True


def _told_in(mail_id: int) -> list[Notification]:
    """Return the notifications that an e-mail tells, in their order."""
    query = sa.select(Notification).where(
        Notification.mail_id == mail_id, Notification.status == MAILED
    )
    return list(model.Session.scalars(query.order_by(Notification.id)))


def _join(mail: Work, *conditions: sa.ColumnElement[bool]) -> None:
    """Have an e-mail tell the unsent notifications that satisfy the conditions, instead of their own e-mails."""
    query = sa.select(Work).join(Notification, Notification.mail_id == Work.id)
    query = query.where(outbox.unsent(), Work.kind == mail.kind, Work.id != mail.id, *conditions)
    others = model.Session.scalars(query.with_for_update(of=Work, skip_locked=True)).unique().all()
    ids = [other.id for other in others]
    joined = sa.update(Notification).where(Notification.mail_id.in_(ids))
    model.Session.execute(joined.values(mail_id=mail.id))
    model.Session.execute(sa.delete(Work).where(Work.id.in_(ids)))


def _write(mail: Work) -> dict[str, Any]:
    """Return the parameters of an e-mail.

    Raises:
        Unwanted: there is nobody to write to, or nothing left to tell.
    """
    mail_id, recipient, is_digest = mail.id, mail.recipient, mail.kind == OF_DIGEST
    rows = _told_in(mail_id)
    if not rows:
        raise Unwanted("nothing to tell")
    user = _addressee(recipient)
    if user is None or user.state != model.State.ACTIVE or not user.email:
        raise Unwanted("no address")
    lang = emails.language_of(user, model.Session.get(Request, rows[0].request_id))
    with language.speaking(lang):
        message = _render(mail_id, recipient, is_digest)
    if message is None:
        raise Unwanted("nothing to tell")
    return message


def _addressee(recipient: str) -> Any:
    """Return the mailbox or the account of a recipient, None if it is gone."""
    return people.mailbox_of(recipient) or model.User.get(recipient)


def _render(mail_id: int, recipient: str, is_digest: bool) -> dict[str, Any] | None:
    """Return recipient, subject and both forms of an e-mail, in the current language."""
    user, rows = _addressee(recipient), _told_in(mail_id)
    letter = emails.write(user, rows, is_digest) if user else None
    if letter is None:
        return None
    if not is_digest and not review.concerns(rows[0]):
        _gather(letter, rows)
    mail_headers = headers(rows)
    if reply_to := replies.address_of(rows, recipient):
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


def digests() -> int:
    """Write the digests that are due, for `deliver` to send; return how many."""
    _follow_changed_minds()
    if not config.mail_works():
        return 0
    waiting = sa.select(Notification.user_id).where(Notification.status == DIGEST).distinct()
    return steps.one_by_one(model.Session.scalars(waiting).all(), _digest)


def _follow_changed_minds() -> None:
    """Send at once, or drop, what waits for the digest of a user who no longer wants one."""
    minds = sa.select(Notification, Setting.digest).join(
        Setting, Setting.user_id == Notification.user_id
    )
    minds = minds.where(Notification.status == DIGEST, Setting.digest.in_(("immediate", "none")))
    rows = model.Session.execute(minds.order_by(Notification.id)).all()
    outbox.send_each([row for row, wish in rows if wish == "immediate"], clock.now())
    for row, wish in rows:
        if wish == "none":
            row.status = UNWANTED
    model.Session.commit()


def _digest(user_id: str) -> int:
    setting = model.Session.scalars(
        sa.select(Setting).where(Setting.user_id == user_id).with_for_update(skip_locked=True)
    ).one_or_none()
    query = sa.select(Notification).where(
        Notification.user_id == user_id, Notification.status == DIGEST
    )
    rows = list(model.Session.scalars(query.order_by(Notification.id)))
    if setting is None or not rows or not _is_due(setting, rows[0].created):
        model.Session.rollback()
        return 0
    setting.last_digest = clock.now()
    [mail_id] = OUTBOX.add([{"recipient": user_id, "kind": OF_DIGEST}]).values()
    for row in rows:
        row.status, row.mail_id = MAILED, mail_id
    model.Session.commit()
    return 1


def _is_due(setting: Setting, oldest: datetime) -> bool:
    """Return whether the period has passed since the last digest or, without one, since the oldest notification."""
    if setting.last_digest:
        since = max(setting.last_digest, oldest - timedelta(days=7))
    else:
        since = oldest
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
    query = sa.select(Notification.id).join(Work, Work.id == Notification.mail_id)
    mine = (Notification.user_id == user_id, Notification.request_id == request_id)
    sent = query.where(*mine, Work.status == DONE)
    return bool(model.Session.scalar(sa.select(sent.exists())))
