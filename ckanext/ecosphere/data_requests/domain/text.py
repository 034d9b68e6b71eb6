"""Texts written by users: checked for words, folded for search, rendered as safe HTML,
links neutralised.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from ckanext.ecosphere.shared import characters, rich_text
from ckanext.ecosphere.shared.language import N_
from ckanext.ecosphere.shared.mailing import harmless

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "’": " ", "'": " "})
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
_ANCHOR = re.compile(r'<a href="([^"<>]*)"[^<>]*>|</a>')
#: Minimum length of a report about a dataset, in characters.
SHORTEST_REPORT = 10
TOO_SHORT = N_(
    "Say it in a few words, ten characters at least: the service has to understand what is meant."
)


def has_words(text: str) -> bool:
    """Return whether a text has a letter or a digit, not only punctuation and pictographs."""
    return any(char.isalnum() for char in text)


def is_too_short(report: str) -> bool:
    """Return whether a report about a dataset is too short to be useful."""
    return len(report) < SHORTEST_REPORT or not has_words(report)


def fold(text: str) -> str:
    """Fold a text as the search index does: no case or accents,
    an elided article separated from its word.
    """
    return characters.without_accents(text.casefold().translate(_LIGATURES))


def links(text: str) -> int:
    """Return the number of links in a text."""
    return len(_LINK.findall(text))


def to_html(written: str, plain: bool) -> str:
    """Return a Markdown text as HTML.

    Args:
        written: the text.
        plain: whether links become text: their label, then their URL in parentheses.
    """
    if plain:
        return _without_anchors(rich_text.to_html(written))
    return rich_text.to_html(written)


def _without_anchors(rendered: str) -> str:
    """Return HTML with links replaced by text: their label,
    then their URL in parentheses unless it is the label.
    """
    parts = []
    position = 0
    address = ""  # of the link that is open
    for tag in _ANCHOR.finditer(rendered):
        label = rendered[position : tag.start()]
        parts.append(label)
        if address and not _is_address(label, address):
            parts.append(f" ({address})")
        address = tag[1] or ""  # a closing tag has none
        position = tag.end()
    parts.append(rendered[position:])
    return rich_text.without_links("".join(parts))


def _is_address(label: str, address: str) -> bool:
    return address.removeprefix("mailto:") in (label, f"http://{label}", f"https://{label}")


class Untrusted(str):
    """Plain text of an untrusted user, with links neutralised: shown literally, not as Markdown."""


def defanged(written: str) -> Untrusted:
    """Return a Markdown text as it was written, but without anything that mail programs turn into a
    link.

    They do so with all that looks like a URL; `example[.]org` stays text.
    """
    return Untrusted(harmless(written.strip()))


def mail_html(written: str) -> str:
    """Return a detail of an e-mail as HTML.

    Texts of untrusted users are not rendered as Markdown.
    """
    if isinstance(written, Untrusted):
        lines = Markup("<br>").join(written.split("\n"))  # escapes them
        return str(Markup("<p>{}</p>").format(lines))
    return rich_text.to_html(written)
