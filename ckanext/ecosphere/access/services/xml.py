"""Parse the XML of strangers: no entity, no network, bounded in bytes, elements and depth. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from ckanext.ecosphere.access.services.description import NoDescriptionError, text
from ckanext.ecosphere.shared import hardened_xml
from ckanext.ecosphere.shared.hardened_xml import local_name

MAX_ELEMENTS = 400_000
_HTML = re.compile(rb"^\s*(?:<!doctype\s+html|<html)", re.IGNORECASE)
#: WMS 1.1.1 has a DOCTYPE that points to its DTD; one with declarations of its own is refused.
_DOCTYPE = re.compile(rb"<!DOCTYPE[^>\[]{0,1000}>")


def parse(data: bytes) -> etree._Element:
    """Parse a document and return its root.

    Raises:
        NoDescriptionError: it is HTML, no XML, declares entities, or is too large.
    """
    head = data[:4000]
    if _HTML.match(head):
        raise NoDescriptionError("html")
    if data.count(b"<") - data.count(b"</") > MAX_ELEMENTS:
        raise NoDescriptionError("too-large")
    if b"<!ENTITY" in data or b"<!ENTITY" in data.replace(b"\x00", b""):
        raise NoDescriptionError("entities")
    data = _DOCTYPE.sub(b"", head, count=1) + data[4000:]
    try:
        root = etree.fromstring(data, hardened_xml.parser())
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise NoDescriptionError("not-xml") from error
    if root is None or root.getroottree().docinfo.doctype:
        raise NoDescriptionError("entities")
    return root


def children(element: etree._Element | None, *names: str) -> Iterator[etree._Element]:
    """Children with one of some local names."""
    for child in [] if element is None else element:
        if local_name(child) in names:
            yield child


def child(element: etree._Element | None, *path: str) -> etree._Element | None:
    """The first descendant along a path of local names."""
    for name in path:
        element = next(children(element, name), None)
    return element


def value(element: etree._Element | None, *path: str) -> str:
    """Text of the element along a path, in one line."""
    found = child(element, *path)
    return text(found.text) if found is not None else ""


def every(element: etree._Element, *names: str) -> Iterator[etree._Element]:
    """Descendants with one of some local names."""
    return (each for each in element.iter() if local_name(each) in names)
