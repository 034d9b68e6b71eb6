"""E-mails leave from the rows of notifications: each is claimed before it is sent, so that it never leaves twice.

A row that was claimed and never came back (the process was killed while it spoke to the server) is given up rather than
sent again; a server that does not answer is asked again, less and less often.
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

from ckanext.ecosphere.data_requests import clock, config, enclosures, letters, mailboxes, outside, service, text
from ckanext.ecosphere.data_requests.model import Notification, Request, Setting

log = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(minutes=5)
MOST_TRIES = 8
ABANDONED_AFTER = timedelta(hours=1)
TIMEOUT_SECONDS = 30
#: Digest → days between two.
PERIODS = {"daily": 1, "weekly": 7}


def deliver() -> int:
    """Send the e-mails that are due; return how many left. Several may run at once."""
    if not config.mail_works():
        return 0
    sent = 0
    while ids := _claim_one():
        sent += _send(ids)
    return sent


def _claim_one() -> list[int]:
    """Take the next e-mail; nobody else can take it."""
    query = (
        sa.select(Notification)
        .where(
            Notification.status == "pending", Notification.channel == "email", Notification.next_try <= service.now()
        )
        .order_by(Notification.next_try, Notification.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = model.Session.scalars(query).one_or_none()
    if row is None:
        model.Session.rollback()
        return []
    return _claim([row])


def _claim(rows: list[Notification]) -> list[int]:
    for row in rows:
        row.status, row.attempts, row.next_try = "sending", row.attempts + 1, service.now()
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
    lang = letters.language_of(user, model.Session.get(Request, rows[0].request_id))
    try:
        with outside.speaking(lang):
            mail = _render(user.id, ids, digest)
            if mail is not None:
                _hand_over(ids, **mail)
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
    letter = letters.write(user, rows, digest) if user else None
    if user is None or letter is None:
        return None
    return {
        "recipient_name": text.line(user.display_name),
        "recipient_email": user.email,
        "subject": letter.subject,
        "body": tk.render("emails/ecosphere_requests.txt", {"letter": letter, "labelled": letters.labelled}),
        "body_html": tk.render("emails/ecosphere_requests.html", {"letter": letter, "html": text.html}),
        "attachments": enclosures.of(rows),
    }


def _hand_over(ids: list[int], **mail: Any) -> None:
    if any(char in str(mail[name]) for name in ("recipient_email", "subject") for char in "\r\n"):
        raise ValueError("a header of an e-mail has several lines")
    site = tk.config["ckan.site_id"]
    headers = {"Auto-Submitted": "auto-generated", "X-Ecosphere-Notification": f"{site}-{ids[0]}"}
    with _patience():
        mailer.mail_recipient(**mail, headers=headers)


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
    moment = service.now() if status == "sent" else None
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
        "next_try": service.now() + FIRST_PAUSE * 2 ** (tries - 1),
    }
    model.Session.execute(sa.update(Notification).where(Notification.id.in_(ids)).values(**values))
    model.Session.commit()
    return 0


def give_up_abandoned() -> int:
    """Give up e-mails that were being sent when their process died: they may have left."""
    update = (
        sa.update(Notification)
        .where(Notification.status == "sending", Notification.next_try < service.now() - ABANDONED_AFTER)
        .values(status="failed", error="interrupted; it may have left")
    )
    done = model.Session.execute(update)
    model.Session.commit()
    return done.rowcount  # pyright: ignore[reportAttributeAccessIssue]


def digests() -> int:
    """Send the digests that are due; return how many left."""
    _follow_changed_minds()
    if not config.mail_works():
        return 0
    waiting = sa.select(Notification.user_id).where(Notification.status == "digest").distinct()
    return sum(_digest(user_id) for user_id in model.Session.scalars(waiting).all())


def _follow_changed_minds() -> None:
    """What waits for a digest that its person no longer wants is sent at once, or not at all."""
    for digest, status in (("immediate", "pending"), ("none", "unwanted")):
        people = sa.select(Setting.user_id).where(Setting.digest == digest)
        update = sa.update(Notification).where(Notification.status == "digest", Notification.user_id.in_(people))
        model.Session.execute(update.values(status=status))
    model.Session.commit()


def _digest(user_id: str) -> int:
    setting = model.Session.scalars(
        sa.select(Setting).where(Setting.user_id == user_id).with_for_update(skip_locked=True)
    ).one_or_none()
    query = sa.select(Notification).where(Notification.user_id == user_id, Notification.status == "digest")
    rows = list(model.Session.scalars(query.order_by(Notification.id)))
    if setting is None or not rows or not _is_due(setting, rows[0].created):
        model.Session.rollback()
        return 0
    setting.last_digest = service.now()
    return _send(_claim(rows), digest=True)


def _is_due(setting: Setting, oldest: datetime) -> bool:
    """A day, or a week, after the last digest, or after the oldest news when there was none."""
    since = max(setting.last_digest, oldest - timedelta(days=7)) if setting.last_digest else oldest
    return (clock.day_of(service.now()) - clock.day_of(since)).days >= PERIODS.get(setting.digest, 1)
