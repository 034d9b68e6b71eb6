"""E-mails leave from the rows of notifications: each is claimed before it is sent, so that two workers never send one.

Whoever sends holds a lock that ends with the process: a row that was claimed while nobody holds its lock was being sent
when the process was killed. It is sent again, since the law's dates depend on some of them: at least once, not at most.
A server that does not answer is asked again, less and less often.
"""

from __future__ import annotations

import logging
import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib import mailer

from ckanext.ecosphere.data_requests import config, portal
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import Notification, Request, Setting
from ckanext.ecosphere.data_requests.notifications import (
    emails,
    enclosures,
    links,
    mail_headers,
    mail_texts,
    mailboxes,
    review,
    texts,
)
from ckanext.ecosphere.shared.locks import Locks

log = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(minutes=5)
MOST_TRIES = 8
#: What is due for so long, although a job is sent at once, was forgotten by the queue.
LATE = timedelta(seconds=20)
TIMEOUT_SECONDS = 30
AT_ONCE = 200
#: Digest → days between two.
PERIODS = {"daily": 1, "weekly": 7}


def deliver() -> int:
    """Send the e-mails that are due; return how many left. Several may run at once."""
    if not config.mail_works():
        return 0
    sent = 0
    with Locks() as locks:
        while ids := _claim_one(locks):
            sent += _send(ids)
            for id_ in ids:
                locks.release(_lock_of(id_))
    return sent


def _lock_of(id_: int) -> str:
    """The lock of whoever tells a person of a notification."""
    return f"requests:mail:{id_}"


def _claim_one(locks: Locks) -> list[int]:
    """Take the next e-mail; nobody else can take it. One about a message takes all others about the same request, one
    about what waits for a moderator all others of which that moderator is told."""
    while (row := _next()) is not None:
        rows = _with_others(row)
        for each in rows:
            locks.take(_lock_of(each.id))
        if rows:
            return _claim(rows)
        model.Session.commit()
    model.Session.rollback()
    return []


def _next() -> Notification | None:
    query = (
        sa.select(Notification)
        .where(Notification.status == "pending", Notification.channel == "email", Notification.next_try <= clock.now())
        .order_by(Notification.next_try, Notification.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return model.Session.scalars(query).one_or_none()


def _with_others(row: Notification) -> list[Notification]:
    """A notification and those that leave with it; none when it is put off."""
    if review.concerns(row):
        review.lock(row.user_id)
        free_from = review.free_from(row.user_id)
        if free_from and free_from > clock.now():
            review.put_off(row.user_id, free_from)
            return []
        return [row, *_others(row, review.of_person(row.user_id))]
    if row.kind == "comment":
        same = (Notification.kind == "comment", Notification.request_id == row.request_id)
        return [row, *_others(row, *same, Notification.user_id == row.user_id)]
    return [row]


def _others(row: Notification, *conditions: sa.ColumnElement[bool]) -> list[Notification]:
    """The other e-mails that wait, and that satisfy the conditions."""
    waiting = (Notification.status == "pending", Notification.channel == "email", Notification.id != row.id)
    query = sa.select(Notification).where(*waiting, *conditions).order_by(Notification.id)
    return list(model.Session.scalars(query.with_for_update(skip_locked=True)))


def _claim(rows: list[Notification]) -> list[int]:
    for row in rows:
        row.status, row.attempts, row.next_try = "sending", row.attempts + 1, clock.now()
    ids = [row.id for row in rows]
    model.Session.commit()
    return ids


def _send(ids: list[int], digest: bool = False) -> int:
    """Send claimed notifications of one person in one e-mail; return 1 when it left."""
    rows = list(
        model.Session.scalars(sa.select(Notification).where(Notification.id.in_(ids)).order_by(Notification.id))
    )
    if not rows:
        return 0
    user = mailboxes.get(rows[0].user_id) or model.User.get(rows[0].user_id)
    if user is None or user.state != model.State.ACTIVE or not user.email:
        return _note(ids, "unwanted", "no address")
    lang = emails.language_of(user, model.Session.get(Request, rows[0].request_id))
    try:
        with portal.speaking(lang):
            mail = _render(user.id, ids, digest)
            if mail is not None:
                _hand_over(**mail)
    except (mailer.MailerException, OSError, smtplib.SMTPException) as error:
        return _again(ids, error)
    except Exception as error:  # one bad message never stops the others
        log.exception("An e-mail about a data request could not be written")
        return _note(ids, "failed", str(error))
    return _note(ids, "sent") if mail is not None else _note(ids, "unwanted", "nothing to tell")


def _render(user_id: str, ids: list[int], digest: bool) -> dict[str, Any] | None:
    """Recipient, subject and both forms of an e-mail."""
    user = mailboxes.get(user_id) or model.User.get(user_id)
    rows = list(
        model.Session.scalars(sa.select(Notification).where(Notification.id.in_(ids)).order_by(Notification.id))
    )
    letter = emails.write(user, rows, digest) if user else None
    if user is None or letter is None:
        return None
    if not digest and not review.concerns(rows[0]):
        _gather(letter, rows)
    return {
        "headers": mail_headers.headers(rows),
        "recipient_name": mail_texts.name(user),
        "recipient_email": user.email,
        "subject": letter.subject,
        "body": tk.render("emails/ecosphere_requests.txt", {"letter": letter, "labelled": emails.labelled}),
        "body_html": tk.render("emails/ecosphere_requests.html", {"letter": letter, "html": links.mail_html}),
        "attachments": enclosures.of(rows),
    }


def _gather(letter: emails.Letter, rows: list[Notification]) -> None:
    """Make one item of several messages about one request, with a subject that says how many there are."""
    if len(letter.items) == 1:
        return
    first = letter.items[0]
    for each in letter.items[1:]:
        first.details += each.details
    request = model.Session.get(Request, rows[0].request_id)
    first.sentence = texts.several_comments(len(letter.items), (request and request.reference) or "")
    letter.subject = emails.subject(first.sentence)
    letter.items = [first]


def _hand_over(**mail: Any) -> None:
    if any(char in str(mail[name]) for name in ("recipient_email", "subject") for char in "\r\n"):
        raise ValueError("a header of an e-mail has several lines")
    with _patience():
        mailer.mail_recipient(**mail)


@contextmanager
def _patience() -> Iterator[None]:
    """Give up on a mail server that does not answer: CKAN sets no limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _note(ids: list[int], status: str, error: str = "") -> int:
    moment = clock.now() if status == "sent" else None
    update = sa.update(Notification).where(Notification.id.in_(ids))
    model.Session.execute(update.values(status=status, error=error[:500], sent=moment))
    model.Session.commit()
    return int(status == "sent")


def _again(ids: list[int], error: Exception) -> int:
    """Try later, twice as late each time, then no more."""
    tries = model.Session.scalar(sa.select(sa.func.max(Notification.attempts)).where(Notification.id.in_(ids))) or 1
    if tries >= MOST_TRIES:
        log.warning("An e-mail about a data request is given up after %s tries: %s", tries, error)
        return _note(ids, "failed", str(error))
    values = {
        "status": "pending",
        "error": str(error)[:500],
        "next_try": clock.now() + FIRST_PAUSE * 2 ** (tries - 1),
    }
    model.Session.execute(sa.update(Notification).where(Notification.id.in_(ids)).values(**values))
    model.Session.commit()
    return 0


def take_up_interrupted() -> int:
    """Have e-mails sent again that were being sent when their process was killed; they may have left.

    Returns:
        how many; one that was interrupted again and again is given up.
    """
    query = sa.select(Notification.id).where(Notification.status == "sending").order_by(Notification.id).limit(AT_ONCE)
    claimed = list(model.Session.scalars(query))
    model.Session.rollback()
    if not claimed:
        return 0
    with Locks() as locks:
        left = [id_ for id_ in claimed if locks.take(_lock_of(id_))]
        # Read again now that the locks are held: whoever sent it may just have finished.
        again = (Notification.id.in_(left), Notification.status == "sending")
        given_up = sa.update(Notification).where(*again, Notification.attempts >= MOST_TRIES)
        model.Session.execute(given_up.values(status="failed", error="interrupted each time"))
        pending = sa.update(Notification).where(*again, Notification.attempts < MOST_TRIES)
        done = model.Session.execute(pending.values(status="pending", error="interrupted", next_try=clock.now()))
        # Before others see them as pending: who claims one then gets its lock.
        for id_ in left:
            locks.release(_lock_of(id_))
        model.Session.commit()
    return done.rowcount  # pyright: ignore[reportAttributeAccessIssue]


def is_late() -> bool:
    """Whether an e-mail is due for longer than a job takes to be begun."""
    if not config.mail_works():
        return False
    late = sa.exists().where(
        Notification.status == "pending",
        Notification.channel == "email",
        Notification.next_try < clock.now() - LATE,
    )
    found = bool(model.Session.scalar(sa.select(late)))
    model.Session.rollback()
    return found


def digests() -> int:
    """Send the digests that are due; return how many left."""
    _follow_changed_minds()
    if not config.mail_works():
        return 0
    waiting = sa.select(Notification.user_id).where(Notification.status == "digest").distinct()
    with Locks() as locks:
        return sum(_digest(user_id, locks) for user_id in model.Session.scalars(waiting).all())


def _follow_changed_minds() -> None:
    """What waits for a digest that its person no longer wants is sent at once, or not at all."""
    for digest, status in (("immediate", "pending"), ("none", "unwanted")):
        people = sa.select(Setting.user_id).where(Setting.digest == digest)
        update = sa.update(Notification).where(Notification.status == "digest", Notification.user_id.in_(people))
        model.Session.execute(update.values(status=status))
    model.Session.commit()


def _digest(user_id: str, locks: Locks) -> int:
    setting = model.Session.scalars(
        sa.select(Setting).where(Setting.user_id == user_id).with_for_update(skip_locked=True)
    ).one_or_none()
    query = sa.select(Notification).where(Notification.user_id == user_id, Notification.status == "digest")
    rows = list(model.Session.scalars(query.order_by(Notification.id)))
    if setting is None or not rows or not _is_due(setting, rows[0].created):
        model.Session.rollback()
        return 0
    setting.last_digest = clock.now()
    # A digest that is interrupted is sent again as e-mails of their own: each row has its lock.
    for row in rows:
        locks.take(_lock_of(row.id))
    ids = _claim(rows)
    sent = _send(ids, digest=True)
    for id_ in ids:
        locks.release(_lock_of(id_))
    return sent


def _is_due(setting: Setting, oldest: datetime) -> bool:
    """A day, or a week, after the last digest, or after the oldest news when there was none."""
    since = max(setting.last_digest, oldest - timedelta(days=7)) if setting.last_digest else oldest
    return (clock.day_of(clock.now()) - clock.day_of(since)).days >= PERIODS.get(setting.digest, 1)
