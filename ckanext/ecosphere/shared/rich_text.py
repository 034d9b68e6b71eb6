"""Markdown that people wrote, as harmless HTML, in a time that grows with the length of the text and no faster.

CommonMark 0.31 without raw HTML and without images, through markdown-it-py and then nh3. markdown-it-py is linear but
slow where every character is markup, so a text that holds more of it than any person writes is shown as it is, without
layout: see :data:`MOST_MARKUP`, :data:`MOST_LINES` and :data:`LONGEST`. Every word of it is still shown.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt

from ckanext.ecosphere.shared import characters

#: Raised whenever the same text gives other HTML: stored renderings of an older version are made anew.
VERSION = 2
TAGS = {
    "p", "br", "hr", "ul", "ol", "li", "strong", "em", "a", "blockquote", "code", "pre", "h3", "h4", "h5", "h6",
}  # fmt: skip
LINK_REL = "nofollow ugc noopener noreferrer"
#: Bounds within which a text is read as Markdown: characters, characters that may be markup, lines, addresses.
LONGEST = 50_000
MOST_MARKUP = 2_500
MOST_LINES = 1_500
MOST_ADDRESSES = 200
MAX_NESTING = 16
#: An excerpt is taken from this many times its length: enough for markup and long addresses.
EXCERPT_SOURCE = 8
_KEPT_RENDERINGS = 256
_LOWEST_HEADING = 6
_HEADING_SHIFT = 2  # below the page's own headings

_MARKUP = re.compile(r"[\[\]!*_<>&`\\~]")
_SAFE_HREF = re.compile(r"(?:https?://[^/\\\s]|mailto:[^/\\\s]|/(?![/\\])|#)[^\s\\]*", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_BLOCK_END = re.compile(r"</(?:p|li|h[3-6]|pre|blockquote)>|<br ?/?>")
_BLANKS = re.compile(r"\s+")


def to_html(text: str | None) -> str:
    """Return Markdown as HTML with few tags, no script, and links that search engines do not follow.

    Args:
        text: what a person or a source wrote, of any length.
    """
    return _rendered(text) if text and text.strip() else ""


def to_text(text: str | None) -> str:
    """Return Markdown as plain text on one line, without its markup."""
    return plain(to_html(text))


def plain(rendered: str) -> str:
    """Return what :func:`to_html` made as plain text on one line; words end where blocks do, not where tags do."""
    return _BLANKS.sub(" ", html.unescape(_TAG.sub("", _BLOCK_END.sub(" ", rendered)))).strip()


def excerpt(text: str | None, length: int = 190) -> str:
    """Return the beginning of a text without its markup.

    Args:
        text: Markdown of any length; only its beginning is read.
        length: characters at most, the ellipsis included; 0 for all of it.
    """
    if not text or not length:
        return to_text(text)
    most = length * EXCERPT_SOURCE
    plain = to_text(text[:most])
    if len(plain) <= length and len(text) <= most:
        return plain
    start = plain[: length - 1]
    words = start.rpartition(" ")[0] if len(plain) >= length and not plain[length - 1].isspace() else start
    return f"{(words or start).rstrip()}…"


def is_safe_href(address: str) -> bool:
    """Say whether a link may lead there: http, https, mailto, or a page of the portal; never "//elsewhere"."""
    return bool(_SAFE_HREF.fullmatch(address)) and characters.is_clean(address)


@lru_cache(maxsize=_KEPT_RENDERINGS)
def _rendered(text: str) -> str:
    text = characters.clean(text)
    return nh3.clean(
        _laid_out(text) or _as_it_is(text),
        tags=TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        attribute_filter=_attribute,
        link_rel=LINK_REL,
    )


def _laid_out(text: str) -> str | None:
    """Return Markdown as HTML; None when it holds more markup than any person writes."""
    if len(text) > LONGEST or text.count("\n") > MOST_LINES or len(_MARKUP.findall(text)) > MOST_MARKUP:
        return None
    parser = _parser(linkify=text.count("://") <= MOST_ADDRESSES)
    tokens = parser.parse(text)
    # Where blocks are nested deeper, markdown-it-py drops what they hold.
    if any(token.level >= MAX_NESTING - 1 for token in tokens):
        return None
    return str(parser.renderer.render(tokens, parser.options, {}))


def _as_it_is(text: str) -> str:
    paragraphs = (part.strip() for part in text.split("\n\n"))
    return "\n".join(f"<p>{html.escape(part)}</p>".replace("\n", "<br>\n") for part in paragraphs if part)


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "title":
        # nh3 leaves them as they are within quotes, where whoever looks for tags would find some.
        return value.replace("<", "‹").replace(">", "›")
    return value if name != "href" or is_safe_href(value) else None


@lru_cache(maxsize=2)
def _parser(*, linkify: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": linkify, "maxNesting": MAX_NESTING})
    # An image of elsewhere tells its owner who reads the page.
    parser.disable(["image", "html_block", "html_inline"])
    parser.validateLink = is_safe_href  # type: ignore[method-assign]
    parser.core.ruler.push("ecosphere_headings", _lower_headings)
    if linkify:
        parser.enable("linkify")
        if parser.linkify is None:
            raise RuntimeError("linkify-it-py is not installed")
        # Only addresses with their scheme: "rapport.fr" is a word, and an e-mail address is nobody's to spread.
        parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    return parser


def _lower_headings(state: Any) -> None:
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + _HEADING_SHIFT, _LOWEST_HEADING)}"
