"""Find e-mail addresses in text, without regular-expression backtracking."""

from __future__ import annotations

import re

LONGEST = 254
"""Maximum length of an address, in characters (RFC 5321, 4.5.3.1.3, without angle brackets)."""
_LONGEST_LOCAL = 64
_LOCAL = re.compile(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,31}")
_LABEL = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")
_BEFORE = re.compile(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}\Z")
_AFTER = re.compile(r"[a-zA-Z0-9.-]{1,253}")
_UNFIT = re.compile(r"[\s,;<>\"\x00-\x20\x7f@]")


def is_address(text: str) -> bool:
    """Return whether a text is one address: two parts around one "@", the second with a dot; any alphabet."""
    local, at, domain = text.partition("@")
    host, point, last = domain.rpartition(".")
    return bool(len(text) <= LONGEST and at and local and point and host and last and not _UNFIT.search(local + domain))


def mailbox(address: str) -> str:
    """Return what the spellings of an address have in common that usually lead to one mailbox ("a.b+c@d", "ab@d").

    It is for counting only: some servers distinguish "a.b" from "ab".
    """
    local, _at, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def first_in(text: str) -> str | None:
    """Return the first address in a text ("mailto:a@b.fr ; c@d.fr"), None if there is none."""
    place = text.find("@")
    while place >= 0:
        before = _BEFORE.search(text[max(0, place - _LONGEST_LOCAL) : place])
        after = _AFTER.match(text, place + 1, place + 1 + LONGEST)
        if before and after:
            local, domain = before.group().lstrip("."), _domain(after.group())
            if domain and _LOCAL.fullmatch(local):
                return f"{local}@{domain}"
        place = text.find("@", place + 1)
    return None


def _domain(text: str) -> str:
    """Return the longest prefix of a text that is a domain with a dot in it."""
    labels: list[str] = []
    for part in text.split("."):
        label = _LABEL.match(part)
        if not label:
            break
        labels.append(label.group())
        if label.group() != part:
            break
    while labels and len(labels[-1]) < 2:  # noqa: PLR2004 - no top-level domain has one letter
        labels.pop()
    return ".".join(labels) if len(labels) > 1 else ""
