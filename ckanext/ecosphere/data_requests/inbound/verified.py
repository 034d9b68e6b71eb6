"""Verification of senders by the mail server: its header `Authentication-Results` (RFC 8601) says whether DMARC passed.

Everything in it but the verdicts may be chosen by the sender, in comments and quoted strings too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

LONGEST = 8_000
#: What separates a header into quoted strings, comments and the rest.
_MARKS = re.compile(r'\\.|["()]', re.DOTALL)
_VERDICT = re.compile(r"\s*dmarc\s*=\s*([a-z]*)", re.IGNORECASE)


def is_verified(headers: Iterable[str], server: str) -> bool:
    """Return whether a mail server has verified the sender of an e-mail.

    Args:
        headers: its `Authentication-Results`, the topmost first; below the first one of that server, all may be forged.
        server: name by which the server signs them (`authserv-id`).
    """
    for header in headers:
        name, *results = "".join(_outside(header[:LONGEST])).split(";")
        if name.split()[:1] == [server]:
            verdicts = {match[1].lower() for match in map(_VERDICT.match, results) if match}
            return len(header) <= LONGEST and verdicts == {"pass"}
    return False


def _outside(header: str) -> Iterator[str]:
    """Yield what is outside of quoted strings and comments, which may be nested."""
    quoted, depth, begin = False, 0, 0
    for mark in _MARKS.finditer(header):
        if not quoted and not depth:
            yield header[begin : mark.start()]
        begin = mark.end()
        if mark[0] == '"' and not depth:
            quoted = not quoted
        elif not quoted:
            depth = max(0, depth + {"(": 1, ")": -1}.get(mark[0], 0))
    if not quoted and not depth:
        yield header[begin:]
