"""Atom feeds (RFC 4287) of requests and searches. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from xml.etree import ElementTree as ET

NAMESPACE = "http://www.w3.org/2005/Atom"
MIMETYPE = "application/atom+xml"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
#: Characters not allowed in XML 1.0, even escaped.
FORBIDDEN = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])


@dataclass(frozen=True)
class Entry:
    """An entry of a feed.

    Attributes:
        id: permanent IRI of the entry.
        title, summary: plain texts.
        link: URL of its page.
        updated: timezone-aware time.
        categories: labels.
        author: name of the service, if it is not the portal.
    """

    id: str
    title: str
    link: str
    updated: datetime
    summary: str = ""
    categories: tuple[str, ...] = ()
    author: str = ""


def feed(
    title: str,
    author: str,
    page: str,
    itself: str,
    entries: Iterable[Entry],
    *,
    identifier: str = "",
    language: str = "",
    links: Mapping[str, str] | None = None,
) -> bytes:
    """Return a feed as XML in UTF-8.

    Args:
        title: title of the feed.
        author: name of the portal; people are never named.
        page: URL of the HTML page with the same contents.
        itself: URL of the feed.
        entries: entries, newest first.
        identifier: permanent IRI, the same for each page and language of the feed; `itself` by
            default.
        language: BCP 47 tag of its texts.
        links: URLs of its other pages, by relation: first, prev, next (RFC 5005).
    """
    ET.register_namespace("", NAMESPACE)
    entries = list(entries)
    root = ET.Element(_atom("feed"))
    if language:
        root.set(_LANGUAGE, language)
    _text(root, "title", title)
    _text(root, "id", identifier or itself)
    ET.SubElement(root, _atom("link"), {"rel": "self", "type": MIMETYPE, "href": itself})
    for relation, url in (links or {}).items():
        ET.SubElement(root, _atom("link"), {"rel": relation, "type": MIMETYPE, "href": url})
    ET.SubElement(root, _atom("link"), {"rel": "alternate", "type": "text/html", "href": page})
    moments = [entry.updated for entry in entries]
    # The element is compulsory, also in a feed without entries.
    newest = max(moments, default=datetime.fromtimestamp(0, timezone.utc))
    _text(root, "updated", newest.isoformat())
    _text(ET.SubElement(root, _atom("author")), "name", author)
    for entry in entries:
        _entry(root, entry)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _entry(root: ET.Element, entry: Entry) -> None:
    node = ET.SubElement(root, _atom("entry"))
    _text(node, "title", entry.title)
    _text(node, "id", entry.id)
    ET.SubElement(
        node, _atom("link"), {"rel": "alternate", "type": "text/html", "href": entry.link}
    )
    _text(node, "updated", entry.updated.isoformat())
    if entry.author:
        _text(ET.SubElement(node, _atom("author")), "name", entry.author)
    if entry.summary:
        _text(node, "summary", entry.summary)
    for label in entry.categories:
        ET.SubElement(node, _atom("category"), {"term": label.translate(FORBIDDEN)})


def _text(parent: ET.Element, name: str, text: str) -> None:
    """Add an element that holds a text."""
    ET.SubElement(parent, _atom(name)).text = text.translate(FORBIDDEN)


def _atom(name: str) -> str:
    """Return the name of an element of Atom, as ElementTree writes it."""
    return f"{{{NAMESPACE}}}{name}"
