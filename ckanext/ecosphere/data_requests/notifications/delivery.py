"""E-mails of notifications: their contents, what recipients can do from them without log-in, and
their delivery.

Several messages about one request are sent as one e-mail, and all e-mails about it as one thread
(RFC 5322: Message-ID, In-Reply-To, References); users who want a digest get one a day or a week.

From an e-mail one can reply, say whether the answer helped, and unsubscribe: each address is signed
and allows nothing else. A reply address, `reply+<token>@portal.example`, is specific to a
notification and valid for some months. Its token is part of the local part, which RFC 5321 limits
to 64 octets and mail servers may lower-case: it holds the number of the notification and the last
day of validity, in base 36, and 100 bits of an HMAC, in base 32.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere.data_requests import attachments, config, dictize, mail_parsing
from ckanext.ecosphere.data_requests.decisions import letters
from ckanext.ecosphere.data_requests.domain import clock, people, states, text
from ckanext.ecosphere.data_requests.domain.people import Mailbox
from ckanext.ecosphere.data_requests.model import (
    DIGEST,
    MAILED,
    UNWANTED,
    Comment,
    Event,
    Notification,
    Request,
    Setting,
    is_any,
)
from ckanext.ecosphere.data_requests.notifications import outbox, texts
from ckanext.ecosphere.data_requests.notifications.outbox import OF_DIGEST, OUTBOX
from ckanext.ecosphere.shared import dates, language, mailing
from ckanext.ecosphere.shared.mailing import labelled, subject
from ckanext.ecosphere.work import jobs
from ckanext.ecosphere.work.model import DONE, Work
from ckanext.ecosphere.work.outbox import Unwanted

#: Setting of the digest → days between two digests.
PERIODS = {"daily": 1, "weekly": 7}


def deliver() -> int:
    """Send the e-mails that are due; return how many were sent. Safe to run concurrently."""
    return OUTBOX.deliver(_write, prepare)


def prepare(mail: Work) -> bool:
    """Add to an e-mail what leaves with it; return True, since none is put off.

    One about a message takes all others about the same request, a receipt the word that the request
    was accepted, one about what waits for a moderator all others of which that moderator is told.
    """
    rows = _notifications_in(mail.id)
    if mail.kind == OF_DIGEST or not rows:
        return True
    first = rows[0]
    same_user = Notification.user_id == first.user_id
    same_request = Notification.request_id == first.request_id
    if outbox.is_to_review(first):
        _join(mail, outbox.reviews_of(first.user_id))
    elif first.kind == "comment":
        _join(mail, same_user, Notification.kind == "comment", same_request)
    elif first.kind == "submit" and first.audience == states.REQUESTER:
        # What a trusted person sends is accepted in the same moment: one e-mail is the receipt of
        # both.
        at_once = sa.select(Event.id).where(
            Event.transition == "accept", Event.actor_role == states.SYSTEM
        )
        _join(mail, same_user, Notification.event_id.in_(at_once), same_request)
    return True


def _notifications_in(mail_id: int) -> list[Notification]:
    """Return the notifications that an e-mail tells, in their order."""
    query = sa.select(Notification).where(
        Notification.mail_id == mail_id, Notification.status == MAILED
    )
    return list(model.Session.scalars(query.order_by(Notification.id)))


def _join(mail: Work, *conditions: sa.ColumnElement[bool]) -> None:
    """Have an e-mail tell the unsent notifications that satisfy the conditions,
    instead of their own e-mails.
    """
    query = sa.select(Work).join(Notification, Notification.mail_id == Work.id)
    query = query.where(outbox.unsent(), Work.kind == mail.kind, Work.id != mail.id, *conditions)
    others = model.Session.scalars(query.with_for_update(of=Work, skip_locked=True)).unique().all()
    ids = [other.id for other in others]
    joined = sa.update(Notification).where(Notification.mail_id.in_(ids))
    model.Session.execute(joined.values(mail_id=mail.id))
    model.Session.execute(sa.delete(Work).where(Work.id.in_(ids)))


def _write(mail: Work) -> DataDict:
    """Return the parameters of an e-mail.

    Raises:
        Unwanted: there is nobody to write to, or nothing left to tell.
    """
    rows = _notifications_in(mail.id)
    if not rows:
        raise Unwanted("nothing to tell")
    user: Any = people.mailbox_of(mail.recipient) or model.User.get(mail.recipient)
    if user is None or user.state != model.State.ACTIVE or not user.email:
        raise Unwanted("no address")
    is_digest = mail.kind == OF_DIGEST
    lang = letters.language_of(user.id, model.Session.get(Request, rows[0].request_id))
    with language.speaking(lang):
        message = _render(user, rows, is_digest)
    if message is None:
        raise Unwanted("nothing to tell")
    return message


def _render(user: Any, rows: list[Notification], is_digest: bool) -> DataDict | None:
    """Return recipient, subject and both forms of an e-mail, in the current language."""
    letter = write(user, rows, is_digest)
    if letter is None:
        return None
    if not is_digest and not outbox.is_to_review(rows[0]):
        _gather(letter, rows)
    mail_headers = headers_of(rows)
    if reply_to := address_of(rows, user):
        mail_headers["Reply-To"] = reply_to
        letter.marker, letter.reply = marker(), explanation(rows)
    return {
        **in_form(letter, user),
        "headers": mail_headers,
        "attachments": letters.enclosures(rows),
    }


def _gather(letter: Letter, rows: list[Notification]) -> None:
    """Make one item of several messages about one request, with a subject that says how many there
    are; also of a receipt and the word that the request was accepted.
    """
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
    return jobs.one_by_one(model.Session.scalars(waiting).all(), _digest)


def _follow_changed_minds() -> None:
    """Send at once, or drop, what waits for the digest of a user who no longer wants one."""
    query = sa.select(Notification, Setting.digest).join(
        Setting, Setting.user_id == Notification.user_id
    )
    query = query.where(Notification.status == DIGEST, Setting.digest.in_(("immediate", "none")))
    rows = model.Session.execute(query.order_by(Notification.id)).all()
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
    """Return whether the period has passed since the last digest or, without one,
    since the oldest notification.
    """
    if setting.last_digest:
        since = max(setting.last_digest, oldest - timedelta(days=7))
    else:
        since = oldest
    return (clock.today() - clock.day_of(since)).days >= PERIODS.get(setting.digest, 1)


def headers_of(rows: Sequence[Notification]) -> dict[str, str]:
    """Return the headers of an e-mail with these notifications of one recipient."""
    first = rows[0]
    requests = {row.request_id for row in rows}
    request_id = first.request_id if len(requests) == 1 else ""
    headers = {**mailing.AUTOMATIC, **_thread(first, request_id)}
    # No unsubscribe link to shared mailboxes: a single reader could stop the e-mails to the whole
    # service.
    if people.is_mailbox(first.user_id):
        return headers
    token = unsubscribe_token(first.user_id, request_id)
    address = tk.url_for("ecosphere_requests.unsubscribe", token=token, _external=True)
    return headers | mailing.way_out(address)


def _thread(first: Notification, request_id: str) -> dict[str, str]:
    """Return a Message-ID that is the same when sent again,
    and References to the first e-mail about the request.
    """
    own = mailing.message_id("notification", str(first.id))
    if not request_id:
        return {"Message-ID": own}
    root = mailing.message_id("request", request_id, first.user_id)
    if not _was_written_to(first.user_id, request_id):
        return {"Message-ID": root}
    return {"Message-ID": own, "In-Reply-To": root, "References": root}


def _was_written_to(user_id: str, request_id: str) -> bool:
    return is_any(
        Notification.mail_id == Work.id,
        Notification.user_id == user_id,
        Notification.request_id == request_id,
        Work.status == DONE,
    )


# Contents.


@dataclass
class Letter:
    """Content of an e-mail before rendering.

    Attributes:
        subject: one line.
        greeting: first line.
        items: one for each notification; several in a digest.
        closing: why the recipient gets it.
        settings_url: page where that can be changed.
        marker: line above which to write a reply, "" when replies are not accepted; reply: what a
            reply becomes.
    """

    subject: str
    greeting: str
    items: list[Item]
    closing: str
    settings_url: str
    marker: str = ""
    reply: str = ""


@dataclass
class Item:
    """Content of one notification.

    Attributes:
        sentence: what happened.
        title: of the request.
        url: of its page, "" when the recipient, of its former service, may no longer read it.
        details: (label, text) of the most important information.
        links: (label, URL).
        enclosed: letter of the service that is shown in full.
    """

    sentence: str
    title: str
    url: str
    details: list[tuple[str, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    enclosed: Any = None


def write(
    user: model.User | Mailbox, rows: list[Notification], digest: bool = False
) -> Letter | None:
    """Return the content of an e-mail in the current language; None when nothing is left to notify.

    Notifications about requests that the user may no longer read are left out.
    """
    reader = people.reader_of(user)
    waiting = outbox.review_lines([row for row in rows if outbox.is_to_review(row)])
    to_review = [_waiting(row, number, reader) for row, number in waiting]
    events = [_item(row, reader) for row in rows if not outbox.is_to_review(row)]
    items = [item for item in to_review if item][: outbox.MOST_REVIEW_LINES]
    items += [item for item in events if item]
    if not items:
        return None
    if len(waiting) > 1 and not digest:
        total = sum(number for _row, number in waiting)
        items.insert(0, _total_waiting(total))
    if digest:
        words = tk.ungettext(
            "{number} message about data requests",
            "{number} messages about data requests",
            len(items),
        )
        words = words.format(number=len(items))
    else:
        words = items[0].sentence
    return letter_to(user, words, items)


def letter_to(user: model.User | Mailbox, sentence: str, items: list[Item]) -> Letter:
    """Return an e-mail to a user or mailbox, with a sentence as its subject."""
    closing = _(
        "You receive this message from the portal “{title}” about data requests that concern you."
    )
    return Letter(
        subject=subject(sentence),
        greeting=_("Hello {name},").format(name=texts.name_of(user)),
        items=items,
        closing=closing.format(title=tk.config["ckan.site_title"]),
        settings_url=texts.address("demandes/preferences"),
    )


def in_form(letter: Letter, user: model.User | Mailbox) -> DataDict:
    """Return recipient, subject and both forms of an e-mail,
    as arguments of `mailing.hand_over`.
    """
    return {
        "recipient_name": texts.name_of(user),
        "recipient_email": user.email,
        "subject": letter.subject,
        "body": tk.render(
            "emails/ecosphere_requests.txt", {"letter": letter, "labelled": labelled}
        ),
        "body_html": tk.render(
            "emails/ecosphere_requests.html", {"letter": letter, "html": text.mail_html}
        ),
    }


def _total_waiting(number: int) -> Item:
    """Return an item with the number of contributions that await moderation, and links to them."""
    ways = [
        (_("Requests that wait"), texts.address("demandes/moderation")),
        (_("Messages that wait"), texts.address("demandes/moderation/messages")),
    ]
    return Item(texts.waiting(number), "", "", links=ways)


def _waiting(row: Notification, number: int, reader: people.Reader) -> Item | None:
    request = model.Session.get(Request, row.request_id)
    if request is None or not _may_still_get(row, request, reader):
        return None
    words = texts.sentence(row.kind, row.audience, request, "")
    if number > 1:
        words = texts.several_held(number, request.reference or "")
    title = texts.title_of(request) if request.visibility == "public" else ""
    return Item(words, title, _page(request), details=texts.details(row.kind, request, None))


def _may_still_get(row: Notification, request: Request, reader: people.Reader) -> bool:
    """Return whether a recipient may still get a notification:
    they may have left the service since.
    """
    if row.audience in OF_THE_SERVICE:
        return reader.is_inside(request)
    return reader.may_read(request) or row.audience == states.FORMER_SERVICE


def _page(request: Request) -> str:
    return texts.address(f"demandes/{request.reference or request.id}")


#: Kinds of notifications with what a request was answered with.
GIVING = ("fulfil", "fulfil_partly", "public_answer")


def _item(row: Notification, reader: people.Reader) -> Item | None:
    request = model.Session.get(Request, row.request_id)
    if request is None or not _may_still_get(row, request, reader):
        return None
    event = model.Session.get(Event, row.event_id) if row.event_id else None
    comment = model.Session.get(Comment, row.comment_id) if row.comment_id else None
    if not texts.may_be_quoted(comment):
        return None
    service = texts.service_of(request, event)
    kept_back = texts.is_kept_back(request, reader.id)
    words = texts.sentence(row.kind, row.audience, request, service)
    title = "" if kept_back else texts.title_of(request)
    page = _page(request) if reader.may_read(request) else ""
    item = Item(words, title, page)
    if row.kind in ("fulfil", "fulfil_partly") and row.audience == states.REQUESTER:
        item.links += _was_it_answered(request)
    letter = letters.letter_of(row)
    if comment is not None:
        item.details.append(texts.quoted_comment(comment, request))
        return item
    if letter is None and (row.neutral or not texts.may_be_quoted(event)):
        return item
    if letter is None or row.kind == "transfer":  # its letter, a receipt, gives no reason
        item.details += texts.details(row.kind, request, event)
    if letter is not None:
        url = texts.address(f"demandes/{request.reference}/lettre/{letter.id}")
        item.links.append((_("Read or print the letter"), url))
        if not kept_back:
            item.enclosed = letter
    if event and event.comment and texts.may_be_quoted(event) and not kept_back:
        item.details.append(texts.quoted_step(event))
    if row.kind in GIVING:
        if letter is None:  # which names them
            item.links += _datasets(request, reader)
        _add_answers(item, request, reader)
    return item


def _was_it_answered(request: Request) -> list[tuple[str, str]]:
    """Return the two links by which the requester says whether the answer met their need."""
    way = texts.address(f"demandes/satisfaction/{satisfaction_token(request)}")
    return [
        (_("Yes, this answers my request"), f"{way}?r={YES}"),
        (_("No, something is missing"), f"{way}?r={NO}"),
    ]


def _add_answers(item: Item, request: Request, reader: people.Reader) -> None:
    """Add the files and links of the answer that the recipient may read,
    and until when they are private.
    """
    days = set()
    for answer in attachments.answers_of(request, reader):
        url = answer["url"]
        if answer["kind"] == attachments.FILE:
            url = texts.address(f"demandes/{request.reference}/reponse/{answer['id']}")
        item.links.append((answer["name"] or url, url))
        if answer["reach"] == attachments.REQUESTER:
            days.add(answer["public_from"])
    for day in sorted(days, key=str):
        words = _("For the requester alone")
        if day:
            until = _("For the requester alone until everyone reads it from {date}")
            words = until.format(date=dates.day(day))
        item.details.append((_("Files and links that answer this request"), words))


def _datasets(request: Request, reader: people.Reader) -> list[tuple[str, str]]:
    links = []
    for dataset in dictize.datasets(request, reader, "answer"):
        at = {"id": dataset["name"], "qualified": True, "locale": language.current()}
        links.append((dataset["title"], tk.h.url_for("dataset.read", **at)))
    return links


# Replies, opinions and unsubscribing from an e-mail.

PURPOSE = b"ecosphere-requests-reply"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
TOKEN = re.compile(r"([0-9a-z]{1,13})-([0-9a-z]{1,5})-([a-z2-7]{20})")
#: Address to which a token can be added.
ADDRESS = re.compile(r"[a-z0-9._-]{1,64}@[a-z0-9.-]{1,185}", re.IGNORECASE)
DIGEST_BYTES = 13
EPOCH = date(1970, 1, 1)
LONGEST_LOCAL_PART = 64


@dataclass(frozen=True)
class Token:
    """Content of a reply address whose signature is valid.

    Attributes:
        notification: id of the notification for which it was issued.
        last: last day of validity.
    """

    notification: int
    last: date


def signed_address(number: int) -> str:
    """Return the address for replies to a notification, "" when replies are not accepted."""
    if not ADDRESS.fullmatch(config.reply_address()):
        return ""
    last = clock.today() + timedelta(days=config.reply_days())
    local, _at, domain = config.reply_address().rpartition("@")
    written = f"{local}+{_signed(_base36(number), _base36((last - EPOCH).days))}"
    if len(written) <= LONGEST_LOCAL_PART:
        return f"{written}@{domain}"
    return ""


def read_address(address: str) -> Token | None:
    """Return the token of an address, None for another address or a wrong signature."""
    local, _at, domain = address.strip().lower().rpartition("@")
    ours, _at, our_domain = config.reply_address().lower().rpartition("@")
    if not ours or domain != our_domain or not local.startswith(f"{ours}+"):
        return None
    match = TOKEN.fullmatch(local.removeprefix(f"{ours}+"))
    if match is None or not hmac.compare_digest(_signed(match[1], match[2]), match[0]):
        return None
    return Token(int(match[1], 36), EPOCH + timedelta(days=int(match[2], 36)))


def _signed(number: str, day: str) -> str:
    content = f"{number}-{day}"
    signed = b"\n".join((PURPOSE, content.encode()))
    digest = hmac.digest(mailing.link_key().encode(), signed, hashlib.sha256)
    # 13 bytes give 21 characters; the first 20 hold 100 bits.
    signature = base64.b32encode(digest[:DIGEST_BYTES]).decode().lower()[:20]
    return f"{content}-{signature}"


def _base36(number: int) -> str:
    written = ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        written = DIGITS[digit] + written
    return written or "0"


#: Audiences that act for the service.
OF_THE_SERVICE = (
    states.SERVICE,
    states.ASSIGNEE,
    states.ADMINISTRATORS,
    states.CHIEF,
    states.MODERATORS,
)
#: Acts of the requester; replies to them are messages to all readers of the request.
SAID_BY_OTHERS = ("answer_details", "edit", "reopen", "ask_review")


def is_internal(row: Notification) -> bool:
    """Return whether a reply to a notification becomes an internal note of the service."""
    if row.audience not in OF_THE_SERVICE:
        return False
    if row.kind == "comment":
        comment = model.Session.get(Comment, row.comment_id)
        return comment is None or comment.internal
    return row.kind not in SAID_BY_OTHERS


def answered(rows: Sequence[Notification]) -> Notification:
    """Return the notification to which a reply to an e-mail refers: an internal one if there is
    any, so that the reply is not published.
    """
    return next((row for row in rows if is_internal(row)), rows[0])


def address_of(rows: Sequence[Notification], user: model.User | Mailbox) -> str:
    """Return the reply address of an e-mail, "" when replies are not accepted."""
    first = answered(rows)
    about_one = len({row.request_id for row in rows}) == 1
    if not about_one or isinstance(user, Mailbox) or outbox.is_to_review(first):
        return ""
    request = model.Session.get(Request, first.request_id)
    if request is not None and dictize.may_comment(request, people.reader_of(user)):
        return signed_address(first.id)
    return ""


def marker() -> str:
    """Return the line above which to write a reply."""
    return mail_parsing.MARKER.format(words=_("Write your answer above this line"))


def explanation(rows: Sequence[Notification]) -> str:
    """Return what becomes of a reply, for the end of the e-mail."""
    row = answered(rows)
    request = model.Session.get(Request, row.request_id)
    if is_internal(row):
        return _(
            "You can answer this e-mail: your answer becomes an internal note, read by the service "
            "and the moderators."
        )
    if request is not None and request.visibility == "public":
        return _(
            "You can answer this e-mail: your answer becomes a message on the page of the request, "
            "which everybody can read."
        )
    return _(
        "You can answer this e-mail: your answer becomes a message on the page of the request, "
        "which its author, the service and the moderators read."
    )


SATISFACTION = "ecosphere-requests-satisfaction"
YES, NO = "yes", "no"
SATISFACTION_SECONDS = 180 * 24 * 3600


def satisfaction_token(request: Request) -> str:
    """Return a signed token that lets the requester say whether the request was answered,
    and nothing else.
    """
    return mailing.sign(SATISFACTION, [request.requester_id, request.id])


def request_of_token(written: str) -> Request | None:
    """Return the request of a token, None when it is invalid, too old,
    or its user is no longer the requester.
    """
    user_id, request_id = mailing.read(SATISFACTION, written, SATISFACTION_SECONDS) or ("", "")
    request = model.Session.get(Request, request_id)
    if request is not None and request.requester_id == user_id:
        return request
    return None


UNSUBSCRIBE = "ecosphere-requests-unsubscribe"


def unsubscribe_token(user_id: str, request_id: str) -> str:
    """Return a signed token that unsubscribes a user from a request's e-mails, or from all with "",
    and nothing else.

    It does not expire, so that old e-mails can still be used to unsubscribe.
    """
    return mailing.sign_lasting(UNSUBSCRIBE, [user_id, request_id])


def read_unsubscribe_token(written: str) -> tuple[str, str] | None:
    """Return the ids of the user and the request ("" for all) of a token,
    None when it is invalid.
    """
    ids = mailing.read_lasting(UNSUBSCRIBE, written)
    if ids is None:
        return None
    user_id, request_id = ids
    return user_id, request_id
