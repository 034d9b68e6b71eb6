"""Render untrusted Markdown as sanitised HTML, in time linear in its length.

CommonMark 0.31 without raw HTML and images, by markdown-it-py and then nh3. markdown-it-py is
linear but slow on text that is nearly all markup, so a text with more markup than any person writes
is shown unformatted, but complete: see :data:`MOST_MARKUP`, :data:`MOST_LINES` and :data:`LONGEST`.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt

from ckanext.ecosphere.shared import characters

#: Increment when the same text gives different HTML: stored renderings of older versions are then
#: redone.
VERSION = 2
TAGS = {
    "p", "br", "hr", "ul", "ol", "li", "strong", "em", "a", "blockquote", "code", "pre",
    "h3", "h4", "h5", "h6",
}  # fmt: skip
LINK_REL = "nofollow ugc noopener noreferrer"
#: Limits up to which a text is rendered as Markdown: characters, possible markup characters, lines,
#: URLs.
LONGEST = 50_000
MOST_MARKUP = 2_500
MOST_LINES = 1_500
MOST_ADDRESSES = 200
MAX_NESTING = 16
#: An excerpt is taken from this many times its length, to allow for markup and long URLs.
EXCERPT_SOURCE = 8
_KEPT_RENDERINGS = 256
_LOWEST_HEADING = 6
_HEADING_SHIFT = 2  # below the page's own headings

_MARKUP = re.compile(r"[\[\]!*_<>&`\\~]")
_SAFE_HREF = re.compile(
    r"(?:https?://[^/\\\s]|mailto:[^/\\\s]|/(?![/\\])|#)[^\s\\]*", re.IGNORECASE
)
_TAG = re.compile(r"<[^<>]*>")
_BLOCK_END = re.compile(r"</(?:p|li|h[3-6]|pre|blockquote)>|<br ?/?>")
_BLANKS = re.compile(r"\s+")
#: nh3 leaves angle brackets in attribute values, where `_TAG` would take them for tags.
_WITHOUT_ANGLES = str.maketrans("", "", "<>")


def to_html(text: str | None) -> str:
    """Return Markdown as HTML with few tags, no scripts, and links marked nofollow.

    Args:
        text: untrusted text of any length.
    """
    if text and text.strip():
        return _rendered(text)
    return ""


def to_text(text: str | None) -> str:
    """Return Markdown as plain text on one line, without markup."""
    return plain(to_html(text))


def plain(rendered: str) -> str:
    """Convert the result of :func:`to_html` to plain text on one line.

    Words end at blocks, not at inline tags.
    """
    return _BLANKS.sub(" ", html.unescape(_TAG.sub("", _BLOCK_END.sub(" ", rendered)))).strip()


def excerpt(text: str | None, length: int = 190) -> str:
    """Return the beginning of a text without markup.

    Args:
        text: Markdown of any length; only its beginning is read.
        length: maximum number of characters, ellipsis included; 0 for the whole text.
    """
    if not text or not length:
        return to_text(text)
    most = length * EXCERPT_SOURCE
    beginning = to_text(text[:most])
    if len(beginning) <= length and len(text) <= most:
        return beginning
    start = beginning[: length - 1]
    words = start
    if len(beginning) >= length and not beginning[length - 1].isspace():
        words = start.rpartition(" ")[0]
    return f"{(words or start).rstrip()}…"


def without_links(rendered: str) -> str:
    """Remove the links from the result of :func:`to_html`, but keep their text."""
    return nh3.clean(rendered, tags=TAGS - {"a"}, attributes={"ol": {"start"}}, link_rel=None)


def is_safe_href(address: str) -> bool:
    """Return whether a link target is allowed: http, https, mailto, or a page of the portal.

    Never "//elsewhere".
    """
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
    """Return Markdown as HTML; None if it contains more markup than any person writes."""
    if (
        len(text) > LONGEST
        or text.count("\n") > MOST_LINES
        or len(_MARKUP.findall(text)) > MOST_MARKUP
    ):
        return None
    parser = _parser(linkify=text.count("://") <= MOST_ADDRESSES)
    tokens = parser.parse(text)
    # markdown-it-py drops the contents of more deeply nested blocks.
    if any(token.level >= MAX_NESTING - 1 for token in tokens):
        return None
    return str(parser.renderer.render(tokens, parser.options, {}))


def _as_it_is(text: str) -> str:
    paragraphs = (part.strip() for part in text.split("\n\n"))
    return "\n".join(
        f"<p>{html.escape(part)}</p>".replace("\n", "<br>\n") for part in paragraphs if part
    )


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "href":
        if is_safe_href(value):
            return value
        return None
    return value.translate(_WITHOUT_ANGLES)


@lru_cache(maxsize=2)
def _parser(*, linkify: bool) -> MarkdownIt:
    parser = MarkdownIt(
        "commonmark", {"html": False, "linkify": linkify, "maxNesting": MAX_NESTING}
    )
    # Images on other servers would reveal readers to them.
    parser.disable(["image", "html_block", "html_inline"])
    parser.validateLink = is_safe_href  # type: ignore[method-assign]
    parser.core.ruler.push("ecosphere_headings", _lower_headings)
    if linkify:
        parser.enable("linkify")
        if parser.linkify is None:
            raise RuntimeError("linkify-it-py is not installed")
        # Only URLs with a scheme: "rapport.fr" may be a word, and e-mail addresses must not become
        # links.
        parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    return parser


def _lower_headings(state: Any) -> None:
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + _HEADING_SHIFT, _LOWEST_HEADING)}"
