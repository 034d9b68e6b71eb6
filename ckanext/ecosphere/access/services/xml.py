"""Parse untrusted XML: no entities, no network, limits of bytes, elements and depth. No CKAN imports."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from ckanext.ecosphere.access.services.description import NoDescriptionError, text
from ckanext.ecosphere.shared import hardened_xml
from ckanext.ecosphere.shared.hardened_xml import local_name

MAX_ELEMENTS = 400_000
_HTML = re.compile(rb"^\s*(?:<!doctype\s+html|<html)", re.IGNORECASE)
#: DOCTYPE of WMS 1.1.1, which refers to its DTD; one with an internal subset is refused.
_DOCTYPE = re.compile(rb"<!DOCTYPE[^>\[]{0,1000}>")


def parse(data: bytes) -> etree._Element:
    """Parse a document and return its root.

    Raises:
        NoDescriptionError: it is HTML, not XML, declares entities, or is too large.
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
    """Yield the children with one of the local names."""
    for child in [] if element is None else element:
        if local_name(child) in names:
            yield child


def child(element: etree._Element | None, *path: str) -> etree._Element | None:
    """Return the first descendant along a path of local names, or None."""
    for name in path:
        element = next(children(element, name), None)
    return element


def value(element: etree._Element | None, *path: str) -> str:
    """Return the text of the element along a path, on one line."""
    found = child(element, *path)
    return text(found.text) if found is not None else ""


def every(element: etree._Element, *names: str) -> Iterator[etree._Element]:
    """Return the descendants with one of the local names."""
    return (each for each in element.iter() if local_name(each) in names)
