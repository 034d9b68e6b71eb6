"""Replies by e-mail: fetched over IMAP (RFC 3501) or handed over by a mail server, and made
messages of their authors.

Each becomes a message, or is refused with one explanatory e-mail. The reply address is signed,
specific to a notification of one user, and expires; the sender must be the address of that user's
account. The text goes through the same access checks, limits, file checks and moderation as on the
pages. Explanations are sent to the address of the account, never to one read from the e-mail.

Anybody can write to the mailbox: of e-mails that are no replies, only the headers are fetched.
Processed e-mails are marked as seen. One that fails on an error of this extension is also flagged:
it stays in the mailbox for the administrator without blocking the others.
"""

from __future__ import annotations

import imaplib
import logging
import re
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any
from urllib.parse import unquote, urlsplit

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from werkzeug.datastructures import FileStorage

from ckanext.ecosphere.data_requests import (
    attachments,
    config,
    conversation,
    mail_parsing,
    transitions,
)
from ckanext.ecosphere.data_requests.decisions import letters
from ckanext.ecosphere.data_requests.domain import clock, people, states, trust, wording
from ckanext.ecosphere.data_requests.logic import schema
from ckanext.ecosphere.data_requests.model import Inbound, Notification, Request, number_of
from ckanext.ecosphere.data_requests.notifications import delivery, texts
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import language, mailing
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.shared.mailing import harmless

log = logging.getLogger(__name__)

TAKEN = "taken"
MOST_FILES = 10
#: Outcomes of e-mails that may be somebody else's. They count apart: whoever got hold of a reply
#: address must not use up the limits of the person.
OF_STRANGERS = ("other_sender", "unverified")
#: Limits per user: e-mails processed in an hour, and explanations sent in a day.
MOST_PROCESSED, MOST_ANSWERED = 60, 5


@dataclass
class Refused(Exception):
    """An e-mail that is not accepted.

    Attributes:
        code: stored as the outcome, and of a text (`mails` in `data/messages.yaml`).
        details: what exactly is wrong, as sentences in the user's language.
    """

    code: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mail:
    """An e-mail with a valid reply address.

    Attributes:
        raw, too_large: as the arguments of `receive`.
        token: of its reply address.
        key: by which it is recorded (`Inbound`).
        user_id: who was notified at that address; request_id: of what.
        language: of the user.
    """

    raw: bytes
    headers: mail_parsing.Headers
    token: delivery.Token
    key: str
    too_large: bool
    user_id: str
    request_id: str
    language: str


def receive(raw: bytes, recipient: str = "", too_large: bool = False) -> str:
    """Process an incoming e-mail.

    Args:
        raw: the e-mail; only its headers where it is too large.
        recipient: envelope recipient, where the mail server gives it.
        too_large: whether the body was left out.

    Returns:
        taken; a code for which no e-mail is sent: not_ours, automatic, seen, unknown, flood,
        too_complex or broken; or the code of the explanation sent to the user.
    """
    too_large = too_large or len(raw) > config.reply_bytes()
    try:
        headers = mail_parsing.read_headers(raw, recipient)
    except mail_parsing.Unreadable as error:
        return error.code
    token, address = _reply_address(headers)
    # Without a valid token the sender may be forged, so no explanation is sent.
    if token is None:
        return "not_ours"
    if headers.automatic:
        return "automatic"
    notification = model.Session.get(Notification, token.notification)
    user = model.User.get(notification.user_id) if notification else None
    if notification is None or user is None or user.state != model.State.ACTIVE or not user.email:
        return "unknown"
    request_id = notification.request_id
    lang = letters.language_of(user.id, model.Session.get(Request, request_id))
    key = mail_parsing.digest(headers.digest, address)
    mail = Mail(raw, headers, token, key, too_large, user.id, request_id, lang)
    with Locks() as locks:
        if not locks.take(f"requests:mail:{key}") or not _record_arrival(mail):
            return "seen"
        outcome, details = "flood", ()
        not_of_strangers = Inbound.outcome.not_in(OF_STRANGERS)
        if _count_recent(mail, timedelta(hours=1), not_of_strangers) <= MOST_PROCESSED:
            outcome, details = _process(mail)
        _record_outcome(key, outcome)
        if outcome in wording.MESSAGES["mails"]:
            _answer(mail, outcome, details)
    return outcome


def is_wanted(head: bytes) -> bool:
    """Return whether an e-mail with these headers is processed at all,
    so that its body is worth fetching.
    """
    try:
        headers = mail_parsing.read_headers(head)
    except mail_parsing.Unreadable:
        return False
    token, _address = _reply_address(headers)
    return token is not None and not headers.automatic


def _reply_address(headers: mail_parsing.Headers) -> tuple[delivery.Token | None, str]:
    """Return the token of the first valid reply address among the recipients, and the address."""
    for recipient in headers.recipients:
        token = delivery.read_address(recipient)
        if token is not None:
            return token, recipient
    return None, ""


def _process(mail: Mail) -> tuple[str, tuple[str, ...]]:
    """Create a message from an e-mail.

    Return the outcome, and details of what was wrong in the language of the user.
    """
    try:
        with language.speaking(mail.language):
            _create_message(mail)
    except Refused as refused:
        return refused.code, refused.details
    return TAKEN, ()


def _record_arrival(mail: Mail) -> bool:
    """Record the arrival of an e-mail.

    Return False when it was already processed, True for an interrupted one.
    """
    row = model.Session.get(Inbound, mail.key, populate_existing=True)
    if row is not None:
        return not row.outcome
    ids = {"id": mail.key, "user_id": mail.user_id, "request_id": mail.request_id}
    model.Session.add(Inbound(**ids, received=clock.now(), outcome="", answered=False))
    model.Session.commit()
    return True


def _record_outcome(key: str, outcome: str) -> None:
    model.Session.rollback()  # what a refusal left uncommitted
    model.Session.execute(sa.update(Inbound).where(Inbound.id == key).values(outcome=outcome))
    model.Session.commit()


def _count_recent(mail: Mail, period: timedelta, *more: sa.ColumnElement[bool]) -> int:
    """Return the number of recorded e-mails to the same user within a period, this one included."""
    since = clock.now() - period
    return number_of(Inbound, Inbound.user_id == mail.user_id, Inbound.received > since, *more)


def _create_message(mail: Mail) -> None:
    """Create a message from an e-mail.

    Raises:
        Refused: it cannot be accepted.
    """
    user: Any = model.User.get(mail.user_id)
    _check_sender(mail, user)
    notification = model.Session.get_one(Notification, mail.token.notification)
    request = model.Session.get_one(Request, mail.request_id)
    reader = people.reader_of(user)
    internal = delivery.is_internal(notification)
    if conversation.obstacle(reader, request, internal):
        raise Refused("closed")
    text, files = _content(mail)
    try:
        trust.count_text(reader)
        words = text or _("Files sent by e-mail")
        data = {"id": request.id, "text": words, "internal": internal}
        context: Any = {"model": model, "session": model.Session}
        checked, errors = tk.navl_validate(data, schema.comment(), context)
        if errors:
            raise tk.ValidationError(errors)
        _store(reader, request, checked, files, mail.key)
    except tk.ValidationError as error:
        sentences = chain.from_iterable(wording.errors_of(error).values())
        raise Refused("invalid", tuple(sentences)) from None
    except (tk.NotAuthorized, tk.ObjectNotFound):
        raise Refused("invalid") from None


def _check_sender(mail: Mail, user: model.User) -> None:
    """Check that an e-mail comes from the person who was notified, within the validity of the
    address.

    Raises:
        Refused: it does not.
    """
    sender = mail.headers.sender
    if sender != str(user.email).lower():
        details = (sender,) if sender else ()
        raise Refused("other_sender", details)
    server = config.reply_server()
    if server and not mail_parsing.is_verified(mail.headers.authentication_results, server):
        raise Refused("unverified")
    if clock.today() > mail.token.last:
        raise Refused("expired")


def _content(mail: Mail) -> tuple[str, list[FileStorage]]:
    """Return the text and the files of an e-mail.

    Raises:
        Refused: it is too large, or has neither.
    """
    if mail.too_large:
        raise Refused("too_large")
    try:
        text, files = mail_parsing.read_body(mail.raw)
    except mail_parsing.Unreadable as error:
        raise Refused(error.code) from None
    if not text and not files:
        raise Refused("empty")
    if len(files) > MOST_FILES:
        raise Refused("too_many_files")
    return text, files


def _store(
    reader: people.Reader,
    request: Request,
    data: Row,
    files: Sequence[FileStorage],
    key: str,
) -> None:
    """Create the message; from a requester who was asked for details, the text becomes their
    answer.

    All or nothing is stored: the details with their files, and the outcome of the e-mail.
    """
    text, internal = data["text"], data["internal"]
    is_requester = states.REQUESTER in reader.roles(request)
    if internal or not is_requester or request.state != states.NEEDS_INFO:
        conversation.comment(reader, request.id, text, internal, list(files), key=key)
        return
    accepted = attachments.check_all(files)

    def also(locked: Request) -> None:
        if accepted:
            conversation.write(
                reader, locked, _("Files sent by e-mail"), False, files=accepted, key=key
            )
        model.Session.execute(sa.update(Inbound).where(Inbound.id == key).values(outcome=TAKEN))

    try:
        transitions.transition(
            reader, request.id, "answer_details", request.version, {"comment": text}, also=also
        )
    finally:
        attachments.discard(accepted)


def _answer(mail: Mail, code: str, details: Sequence[str]) -> None:
    """Send an explanation once, within the daily limit of its kind."""
    alike = Inbound.outcome.in_(OF_STRANGERS)
    if code not in OF_STRANGERS:
        alike = ~alike
    if _count_recent(mail, timedelta(days=1), Inbound.answered.is_(True), alike) >= MOST_ANSWERED:
        return
    model.Session.execute(sa.update(Inbound).where(Inbound.id == mail.key).values(answered=True))
    model.Session.commit()
    with language.speaking(mail.language):
        _explain(mail, code, details)


#: Sentences of an explanation, and characters of each.
MOST_DETAILS, LONGEST_DETAIL = 5, 300


def _explain(mail: Mail, code: str, details: Sequence[str]) -> None:
    """Send an explanation to the account's address, in the current language.

    Args:
        code: of the reason (`mails` in `data/messages.yaml`).
        details: what exactly is wrong, as sentences.
    """
    user = model.User.get(mail.user_id)
    request = model.Session.get(Request, mail.request_id)
    if user is None or not config.mail_works():
        return
    sentence, url = _("Your e-mail was not taken."), ""
    if request is not None and people.reader_of(user).may_read(request):
        words = _("Your e-mail about the request {reference} was not taken.")
        sentence = words.format(reference=request.reference)
        url = texts.address(f"demandes/{request.reference}")
    reason = wording.message("mails", code).format(number=config.reply_bytes() // 1024**2)
    shortened = [harmless(detail)[:LONGEST_DETAIL] for detail in details[:MOST_DETAILS]]
    reasons = "\n\n".join([reason, *shortened])
    advice = _("Nothing of it was kept. Write on the page of the request instead.")
    item = delivery.Item(sentence, "", url, [(_("Why"), reasons), (_("What to do"), advice)])
    letter = delivery.letter_to(user, sentence, [item])
    headers = {
        **mailing.AUTOMATIC,
        "Auto-Submitted": "auto-replied",
        "Message-ID": mailing.message_id("refused", mail.key),
    }
    try:
        mailing.hand_over(**delivery.in_form(letter, user), headers=headers)
    except mailing.FAULTS as error:
        log.warning("An e-mail about a reply that was not taken did not leave: %s", error)


# The mailbox.

SECONDS = 30
#: Time after which the rest waits for the next run.
MOST_SECONDS = 120
SIZE = re.compile(rb"RFC822\.SIZE (\d{1,12})")
LOCAL = ("localhost", "127.0.0.1", "::1")
FAULTS = (imaplib.IMAP4.error, OSError, ssl.SSLError)


def fetch() -> int:
    """Process the waiting replies; return how many. Does nothing without a configured mailbox.

    Raises:
        FAULTS: the mail server does not answer, or refuses; the e-mails wait for the next run.
    """
    if not config.imap():
        return 0
    with Locks() as locks:
        if not locks.take("requests:imap"):
            return 0
        server = _log_in()
        processed, end = 0, time.monotonic() + MOST_SECONDS
        try:
            for number in _unread(server):
                if time.monotonic() >= end:
                    break
                processed += _fetch_one(server, number)
            return processed
        finally:
            try:
                server.logout()
            except FAULTS:
                log.info("The mail server of the replies ended the connection")


def _log_in() -> imaplib.IMAP4:
    """Log in and select the folder.

    Without TLS from the start, use STARTTLS, except with the local machine.
    """
    address = urlsplit(config.imap())
    host, trusted = address.hostname or "", ssl.create_default_context()
    if address.scheme == "imaps":
        server: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            host, address.port or 993, ssl_context=trusted, timeout=SECONDS
        )
    else:
        server = imaplib.IMAP4(host, address.port or 143, timeout=SECONDS)
        if host not in LOCAL:
            server.starttls(trusted)
    server.login(unquote(address.username or ""), config.imap_password())
    folder = unquote(address.path.strip("/")) or "INBOX"
    if not folder.isascii():
        raise imaplib.IMAP4.error(
            "write the name of the folder as the server does, in modified UTF-7 (RFC 3501, 5.1.3)"
        )
    quoted = folder.replace("\\", "\\\\").replace('"', '\\"')
    if server.select(f'"{quoted}"')[0] != "OK":
        raise imaplib.IMAP4.error(f"there is no folder {folder}")
    return server


def _unread(server: imaplib.IMAP4) -> list[str]:
    """Return the numbers of the e-mails that are neither marked as seen nor flagged."""
    answer, lines = server.uid("SEARCH", "UNSEEN", "UNFLAGGED")
    if answer != "OK":
        raise imaplib.IMAP4.error(f"the folder cannot be searched: {lines}")
    numbers = b" ".join(line for line in lines if isinstance(line, bytes)).split()
    return [number.decode() for number in numbers if number.isdigit()]


def _fetch_one(server: imaplib.IMAP4, number: str) -> int:
    """Fetch and process an e-mail; return 1, or 0 where that fails."""
    too_large = _size(server, number) > config.reply_bytes()
    raw = _fetch_part(server, number, "BODY.PEEK[HEADER]")
    if raw is not None and not too_large and is_wanted(raw):
        raw = _fetch_part(server, number, "BODY.PEEK[]")
    if raw is None:
        log.warning(
            "The mail server does not hand out a reply by e-mail; it is asked again the next time"
        )
        return 0
    try:
        outcome = receive(raw, too_large=too_large)
    except Exception:  # an e-mail on which our code fails must not block the others
        log.exception("A reply by e-mail could not be worked off; it is flagged in the mailbox")
        model.Session.rollback()
        server.uid("STORE", number, "+FLAGS", r"(\Seen \Flagged)")
        return 0
    log.info("A reply by e-mail: %s", outcome)
    server.uid("STORE", number, "+FLAGS", r"(\Seen)")
    return 1


def _size(server: imaplib.IMAP4, number: str) -> int:
    _answer, answers = server.uid("FETCH", number, "(RFC822.SIZE)")
    lines: list[Any] = [line for line in answers if isinstance(line, bytes)]
    match = SIZE.search(b" ".join(lines))
    if match:
        return int(match[1])
    return 0


def _fetch_part(server: imaplib.IMAP4, number: str, part: str) -> bytes | None:
    """Return a part of an e-mail, None when the server does not return it."""
    answer, items = server.uid("FETCH", number, f"({part})")
    if answer == "OK":
        for item in items:
            if isinstance(item, tuple):
                return item[1]
    return None
