"""Texts written by users: folded for search, rendered as safe HTML, checked for words, links neutralised.

Mail programs turn everything that looks like a URL into a link; `example[.]org` stays text.
"""

from __future__ import annotations

import re
from typing import Any

from markupsafe import Markup, escape

from ckanext.ecosphere.shared import characters, rich_text
from ckanext.ecosphere.shared.language import N_
from ckanext.ecosphere.shared.mailing import harmless

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "’": " ", "'": " "})
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
#: Minimum length of a report about a dataset, in characters.
SHORTEST_REPORT = 10
TOO_SHORT = N_(
    "Say it in a few words, ten characters at least: the service has to understand what is meant."
)

clean = characters.clean
line = characters.one_line
html = rich_text.to_html


def of_redis(stored: Any) -> str:
    """Return a text that Redis gave, as bytes or text according to the options of the connection."""
    if isinstance(stored, bytes):
        return stored.decode()
    return stored


def has_words(text: str) -> bool:
    """Return whether a text has a letter or a digit, not only punctuation and pictographs."""
    return any(char.isalnum() for char in text)


def is_too_short(report: str) -> bool:
    """Return whether a report about a dataset is too short to be useful."""
    return len(report) < SHORTEST_REPORT or not has_words(report)


def fold(text: str) -> str:
    """Fold a text as the search index does: no case or accents, an elided article separated from its word."""
    return characters.without_accents(text.casefold().translate(_LIGATURES))


def links(text: str) -> int:
    """Return the number of links in a text."""
    return len(_LINK.findall(text))


ANCHOR = re.compile(r'<a href="([^"<>]*)"[^<>]*>|</a>')


class Untrusted(str):
    """Plain text of an untrusted user, with links neutralised: shown literally, not as Markdown."""


def to_html(written: str, plain: bool) -> str:
    """Return a Markdown text as HTML.

    Args:
        written: the text.
        plain: whether links become text: their label, then their URL in parentheses.
    """
    if plain:
        return without_anchors(html(written))
    return html(written)


def without_anchors(rendered: str) -> str:
    """Return HTML with links replaced by text: their label, then their URL in parentheses unless it is the label."""
    parts, end, address = [], 0, ""
    for match in ANCHOR.finditer(rendered):
        label = rendered[end : match.start()]
        parts.append(label)
        if address and not _is_address(label, address):
            parts.append(f" ({address})")
        address, end = match[1] or "", match.end()
    return rich_text.without_links("".join([*parts, rendered[end:]]))


def _is_address(label: str, address: str) -> bool:
    return address.removeprefix("mailto:") in (label, f"http://{label}", f"https://{label}")


def defanged(written: str) -> Untrusted:
    """Return a Markdown text as it was written, in which mail programs detect no link."""
    return Untrusted(harmless(written.strip()))


def mail_html(written: str) -> str:
    """Return a detail of an e-mail as HTML; texts of untrusted users are not rendered as Markdown."""
    if isinstance(written, Untrusted):
        return str(
            Markup("<p>{}</p>").format(
                Markup("<br>").join(escape(line) for line in written.split("\n"))
            )
        )
    return html(written)
