"""Handlers that the tables assign to properties: set a field, add to a list, descend into types, or note the text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lxml import etree

from ckanext.ecosphere.harvest.iso.walk import XLINK_HREF, Handler, Table, Walk, block, code_of, one_line
from ckanext.ecosphere.harvest.record import Identifier, Term
from ckanext.ecosphere.shared.hardened_xml import local_name


def skip(walk: Walk, element: etree._Element, target: Any) -> None:
    """Ignore a property that does not describe the resource, or is read elsewhere (`docs/harvest-rules.md`)."""


def note(walk: Walk, element: etree._Element, target: Any) -> None:
    """Note a property that has no dataset field."""
    walk.unread(element)


def text(field: str) -> Handler:
    """Set a field to the text of the property, on one line; the first text wins."""

    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        term = walk.text(element, target, field)
        value = one_line(term.text)
        if value and getattr(target, field):
            if getattr(target, field) != value:
                walk.unread(element)
        elif value or term.href:
            setattr(target, field, value or term.href)
            if value and term.href:
                walk.unread(element)

    return handler


def long_text(field: str) -> Handler:
    """Set a field to the text of the property, keeping line breaks."""

    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        term = walk.text(element, target, field)
        value = block(term.text)
        if value and (getattr(target, field) or term.href):
            walk.unread(element)
        if value and not getattr(target, field):
            setattr(target, field, value)

    return handler


def _append(field: str, read: Callable[[Walk, etree._Element], str]) -> Handler:
    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        if value := read(walk, element):
            getattr(target, field).append(value)

    return handler


def texts(field: str) -> Handler:
    """Append the text of the property, on one line, to a list; note its link, if any."""

    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        term = walk.text(element)
        if value := one_line(term.text):
            getattr(target, field).append(value)
        if term.href:
            walk.unread(element)

    return handler


def long_texts(field: str) -> Handler:
    """Append the text of the property, keeping line breaks, to a list."""
    return _append(field, lambda walk, element: block(walk.text(element).text))


def codes(field: str) -> Handler:
    """Append the code of the property to a list."""
    return _append(field, lambda _walk, element: code_of(element))


def terms(field: str) -> Handler:
    """Append the text of the property with its link to a list."""

    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        term = walk.text(element)
        term = Term(block(term.text), term.href or element.get(XLINK_HREF))
        if term.text or term.href:
            getattr(target, field).append(term)

    return handler


def text_and_href(field: str, href_field: str) -> Handler:
    """Set one field to the text of the property and another to its link."""

    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        term = walk.text(element)
        if term.text and not getattr(target, field):
            setattr(target, field, one_line(term.text))
        href = term.href or element.get(XLINK_HREF)
        if href and not getattr(target, href_field):
            setattr(target, href_field, href.strip())

    return handler


def code(field: str) -> Handler:
    """Set a field to the code of the property; the first code wins."""

    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        value = code_of(element)
        if value and not getattr(target, field):
            setattr(target, field, value)
        elif value and getattr(target, field) != value:
            walk.unread(element)

    return handler


def reference(field: str) -> Handler:
    """Append the ``uuidref`` (else the link, else the text) of the property to a list."""

    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        value = element.get("uuidref") or element.get(XLINK_HREF) or one_line(walk.text(element).text)
        if value and value.strip():
            getattr(target, field).append(value.strip())
        if len(element) or (element.get("uuidref") and element.get(XLINK_HREF)):
            walk.unread(element)  # everything else that it states

    return handler


def within(table: Table) -> Handler:
    """Descend into the types within the property, filling the same target."""

    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        entered = False
        for child in element:
            if local_name(child):
                entered = True
                walk.children(child, table, target)
        if not entered:
            walk.unread(element)

    return handler


def by_type(handlers: Table) -> Handler:
    """Select the handler by the type within the property."""

    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        walk.children(element, handlers, target)

    return handler


def new(factory: Callable[[], Any], field: str, table: Table, finish: Handler | None = None) -> Handler:
    """Create an object for each type within the property, fill it with a table, and append it to a list.

    Args:
        factory: creates the object.
        field: list of the target that receives it.
        table: table that fills it.
        finish: called with the element of the type and the object before it is appended.
    """

    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        entered = False
        for child in element:
            if not local_name(child):
                continue
            entered = True
            item = factory()
            walk.children(child, table, item)
            if finish is not None:
                finish(walk, child, item)
            getattr(target, field).append(item)
        if not entered:
            walk.unread(element)

    return handler


def bare(factory: Callable[[], Any], field: str, table: Table) -> Handler:
    """Create an object for a type without its property, as written by one catalogue's own conversion; see ``new``."""

    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        item = factory()
        walk.children(element, table, item)
        getattr(target, field).append(item)

    return handler


def identifiers(field: str) -> Handler:
    """Append each ``MD_Identifier`` or ``RS_Identifier`` of the property to a list."""

    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        for child in element:
            found = Identifier()
            for part in child:
                name = local_name(part)
                if name == "code":
                    term = walk.text(part)
                    found.code, found.href = one_line(term.text), term.href
                elif name == "codeSpace":
                    found.codespace = one_line(walk.text(part).text) or None
                else:  # authority, version, description
                    walk.unread(part)
            if found.code or found.href:
                getattr(target, field).append(found)

    return handler
