"""Reply addresses: `reply+<token>@portal.example`, signed, for one notification, and good for some months.

The token stands in the local part of an address, of which RFC 5321 allows 64 octets and which servers may write in
small letters: the number of the notification and the day on which it ends, in base 36, and 100 bits of a keyed digest
in base 32.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import date, timedelta

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import clock

PURPOSE = b"ecosphere-requests-reply"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
TOKEN = re.compile(r"([0-9a-z]{1,13})-([0-9a-z]{1,5})-([a-z2-7]{20})")
#: An address to which a token can be added.
ADDRESS = re.compile(r"[a-z0-9._-]{1,64}@[a-z0-9.-]{1,185}", re.IGNORECASE)
DIGEST_BYTES = 13
EPOCH = date(1970, 1, 1)
LONGEST_LOCAL_PART = 64


@dataclass(frozen=True)
class Token:
    """What a reply address says, once its signature was found right.

    Attributes:
        notification: number of the notification to which it was given.
        last: last day on which it is good.
    """

    notification: int
    last: date

    @property
    def is_expired(self) -> bool:
        """Whether it is good no longer."""
        return clock.day_of(clock.now()) > self.last


def of_notification(number: int) -> str:
    """Return the address to which the reader of a notification replies, "" when replies are not taken."""
    if not ADDRESS.fullmatch(config.reply_address()):
        return ""
    last = clock.day_of(clock.now()) + timedelta(days=config.reply_days())
    local, _at, domain = config.reply_address().rpartition("@")
    written = f"{local}+{_signed(_base36(number), _base36((last - EPOCH).days))}"
    return f"{written}@{domain}" if len(written) <= LONGEST_LOCAL_PART else ""


def read(address: str) -> Token | None:
    """Return what an address says, None when it is not one of ours or its signature is wrong."""
    local, _at, domain = address.strip().lower().rpartition("@")
    ours, _at, our_domain = config.reply_address().lower().rpartition("@")
    if not ours or domain != our_domain or not local.startswith(f"{ours}+"):
        return None
    match = TOKEN.fullmatch(local.removeprefix(f"{ours}+"))
    if match is None or not hmac.compare_digest(_signed(match[1], match[2]), match[0]):
        return None
    return Token(int(match[1], 36), EPOCH + timedelta(days=int(match[2], 36)))


def _signed(number: str, day: str) -> str:
    digest = hmac.new(config.secret().encode(), b"\n".join((PURPOSE, f"{number}-{day}".encode())), hashlib.sha256)
    # 13 bytes make 21 characters; the first 20 hold 100 bits.
    return f"{number}-{day}-{base64.b32encode(digest.digest()[:DIGEST_BYTES]).decode().lower()[:20]}"


def _base36(number: int) -> str:
    written = ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        written = DIGITS[digit] + written
    return written or "0"
