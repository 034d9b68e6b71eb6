"""What recipients can do from an e-mail without log-in: reply to it, say whether the answer helped, unsubscribe.

Each address is signed and allows nothing else. A reply address, `reply+<token>@portal.example`, is specific to a
notification and valid for some months. Its token is part of the local part, which RFC 5321 limits to 64 octets and
mail servers may lower-case: it holds the number of the notification and the last day of validity, in base 36, and 100
bits of an HMAC, in base 32.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.data_requests import config, dictize
from ckanext.ecosphere.data_requests.domain import clock, people, states
from ckanext.ecosphere.data_requests.inbound import parsing
from ckanext.ecosphere.data_requests.model import Comment, Notification, Request
from ckanext.ecosphere.data_requests.notifications import review
from ckanext.ecosphere.shared.mailing import headers, link_key
from ckanext.ecosphere.shared.mailing import headers as shared

_ = tk._

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

    @property
    def is_expired(self) -> bool:
        """Whether the last day has passed."""
        return clock.today() > self.last


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
    digest = hmac.new(
        link_key.get().encode(), b"\n".join((PURPOSE, f"{number}-{day}".encode())), hashlib.sha256
    )
    # 13 bytes give 21 characters; the first 20 hold 100 bits.
    return (
        f"{number}-{day}-{base64.b32encode(digest.digest()[:DIGEST_BYTES]).decode().lower()[:20]}"
    )


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
        comment = None
        if row.comment_id:
            comment = model.Session.get(Comment, row.comment_id)
        return comment is None or comment.internal
    return row.kind not in SAID_BY_OTHERS


def answered(rows: Sequence[Notification]) -> Notification:
    """Return the notification to which a reply to an e-mail refers: an internal one if there is any, so that the reply
    is not published.
    """
    return next((row for row in rows if is_internal(row)), rows[0])


def address_of(rows: Sequence[Notification], user_id: str) -> str:
    """Return the reply address of an e-mail, "" when replies are not accepted."""
    first = answered(rows)
    about_one = len({row.request_id for row in rows}) == 1
    if (
        not config.reply_address()
        or not about_one
        or people.is_mailbox(user_id)
        or review.concerns(first)
    ):
        return ""
    request = model.Session.get(Request, first.request_id)
    reader = people.reader_of(model.User.get(user_id))
    takes = (
        request is not None and reader.may_read(request) and dictize.may_comment(request, reader)
    )
    if takes:
        return signed_address(first.id)
    return ""


def marker() -> str:
    """Return the line above which to write a reply."""
    return parsing.MARKER.format(words=_("Write your answer above this line"))


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
    """Return a signed token that lets the requester say whether the request was answered, and nothing else."""
    return headers.sign(SATISFACTION, [request.requester_id, request.id])


def request_of_token(written: str) -> Request | None:
    """Return the request of a token, None when it is invalid, too old, or its user is no longer the requester."""
    ids = headers.read(SATISFACTION, written, SATISFACTION_SECONDS)
    if not isinstance(ids, list) or [type(id_) for id_ in ids] != [str, str]:
        return None
    request = model.Session.get(Request, ids[1])
    if request is not None and request.requester_id == ids[0]:
        return request
    return None


UNSUBSCRIBE = "ecosphere-requests-unsubscribe"


def unsubscribe_token(user_id: str, request_id: str) -> str:
    """Return a signed token that unsubscribes a user from a request's e-mails, or from all with "", and nothing else.

    It does not expire, so that old e-mails can still be used to unsubscribe.
    """
    return shared.sign_lasting(UNSUBSCRIBE, [user_id, request_id])


def read_unsubscribe_token(written: str) -> tuple[str, str] | None:
    """Return the ids of the user and the request ("" for all) of a token, None when it is invalid."""
    ids = shared.read_lasting(UNSUBSCRIBE, written)
    if not isinstance(ids, list) or len(ids) != 2:  # noqa: PLR2004
        return None
    return str(ids[0]), str(ids[1])
