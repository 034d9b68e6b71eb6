"""Texts that people wrote: folded for the search, shown as harmless HTML, and counted for links."""

from __future__ import annotations

import re
import unicodedata

import nh3
from ckan.lib.helpers import render_markdown

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "’": " ", "'": " "})
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE = re.compile(r"\s+")

TAGS = {"p", "br", "ul", "ol", "li", "strong", "em", "a", "blockquote", "code"}
ATTRIBUTES = {"a": {"href"}}
SCHEMES = {"http", "https", "mailto"}


def fold(text: str) -> str:
    """Text without case and accents, an elided article apart from its word, as the index has it."""
    bare = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    return "".join(char for char in bare if not unicodedata.combining(char))


def html(text: str) -> str:
    """Text in Markdown as HTML with few tags, no script, and links that search engines do not follow."""
    if not text:
        return ""
    rendered = str(render_markdown(text, auto_link=True, allow_html=False))
    return nh3.clean(
        rendered, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel="nofollow ugc noopener noreferrer"
    )


def links(text: str) -> int:
    """Number of links in a text."""
    return len(_LINK.findall(text))


def clean(text: str) -> str:
    """Text without control characters, each line end a line feed, no space around it."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def line(text: str) -> str:
    """Text on one line: fit for a title, and for a header of an e-mail."""
    return _LINE.sub(" ", clean(text)).strip()
