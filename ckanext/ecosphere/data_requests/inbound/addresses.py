"""Reply addresses, `reply+<token>@portal.example`: signed, specific to a notification, valid for some months.

The token is part of the local part of an address, which RFC 5321 limits to 64 octets and mail servers may lower-case.
It holds the number of the notification and the last day of validity, in base 36, and 100 bits of an HMAC, in base 32.
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
from ckanext.ecosphere.shared.mailing import link_key

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
        return clock.day_of(clock.now()) > self.last


def of_notification(number: int) -> str:
    """Return the address for replies to a notification, "" when replies are not accepted."""
    if not ADDRESS.fullmatch(config.reply_address()):
        return ""
    last = clock.day_of(clock.now()) + timedelta(days=config.reply_days())
    local, _at, domain = config.reply_address().rpartition("@")
    written = f"{local}+{_signed(_base36(number), _base36((last - EPOCH).days))}"
    return f"{written}@{domain}" if len(written) <= LONGEST_LOCAL_PART else ""


def read(address: str) -> Token | None:
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
    digest = hmac.new(link_key.get().encode(), b"\n".join((PURPOSE, f"{number}-{day}".encode())), hashlib.sha256)
    # 13 bytes give 21 characters; the first 20 hold 100 bits.
    return f"{number}-{day}-{base64.b32encode(digest.digest()[:DIGEST_BYTES]).decode().lower()[:20]}"


def _base36(number: int) -> str:
    written = ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        written = DIGITS[digit] + written
    return written or "0"
