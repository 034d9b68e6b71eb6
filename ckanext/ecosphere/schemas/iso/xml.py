"""Builders for the elements of ISO 19139 records. No CKAN imports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from lxml import etree

from ckanext.ecosphere.vocabularies import languages

_NOT_IN_A_URI = re.compile(r"[\s<>\"{}|\\^`\[\]]")

NAMESPACES = {
    "gmd": "http://www.isotc211.org/2005/gmd",
    "gco": "http://www.isotc211.org/2005/gco",
    "gmx": "http://www.isotc211.org/2005/gmx",
    "srv": "http://www.isotc211.org/2005/srv",
    "gml": "http://www.opengis.net/gml/3.2",
    "xlink": "http://www.w3.org/1999/xlink",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
LOCATIONS = (
    "http://www.isotc211.org/2005/gmd http://schemas.opengis.net/iso/19139/20070417/gmd/gmd.xsd "
    "http://www.isotc211.org/2005/srv http://schemas.opengis.net/iso/19139/20070417/srv/1.0/srv.xsd"
)
LANGUAGES = "http://www.loc.gov/standards/iso639-2/"
CODELISTS = "http://standards.iso.org/iso/19139/resources/gmxCodelists.xml"
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

ADDRESSES = ("http://", "https://", "urn:")

Element = Any
Child = Any
"""An element, None (left out) or a list of these."""


def qualified(name: str) -> str:
    """Return a prefixed name ("gmd:title") in the ``{namespace}name`` notation of lxml."""
    prefix, _colon, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def el(name: str, *children: Child, text: str | None = None, **attributes: str) -> Element:
    """Return an element; in the names of attributes, ``_`` replaces the colon after the prefix.

    Args:
        name: prefixed name.
        children: elements, (nested) lists of elements, or None, which is skipped.
        text: text content, without characters that XML forbids.
        attributes: ``xlink_href="…"``, ``codeListValue="…"``; empty XLink attributes are left out.
    """
    made = etree.Element(qualified(name), nsmap=NAMESPACES if name == "gmd:MD_Metadata" else None)
    for key, value in attributes.items():
        if not value and key.startswith("xlink_"):
            continue
        made.set(qualified(key.replace("_", ":")) if "_" in key else key, clean(value))
    if text is not None:
        made.text = clean(text)
    _append(made, children)
    return made


def _append(parent: Element, children: Any) -> None:
    for child in children:
        if isinstance(child, (list, tuple)):
            _append(parent, child)
        elif child is not None:
            parent.append(child)


def clean(text: Any) -> str:
    """Return a text without the characters that XML 1.0 forbids."""
    return _FORBIDDEN.sub("", str(text))


def text(name: str, value: Any) -> Element | None:
    """Return an element with a ``gco:CharacterString``; None without a value."""
    return el(name, el("gco:CharacterString", text=str(value))) if value not in (None, "") else None


def in_languages(name: str, value: str, translations: Mapping[str, str]) -> Element | None:
    """Return an element with a text and its translations (``PT_FreeText``), which refer to `locales`.

    Args:
        name: prefixed name of the element.
        value: the text in the language of the record, French.
        translations: {BCP 47 tag: text}; a French entry is ignored in favour of `value`.
    """
    made = text(name, value)
    others = [
        el("gmd:textGroup", el("gmd:LocalisedCharacterString", text=each, locale=f"#{_locale_id(tag)}"))
        for tag, each in translations.items()
        if tag != languages.FRENCH
    ]
    if made is not None and others:
        made.append(el("gmd:PT_FreeText", others))
        made.set(qualified("xsi:type"), "gmd:PT_FreeText_PropertyType")
    return made


def locales(tags: Iterable[str]) -> list[Element]:
    """Return the ``gmd:locale`` elements that translated texts refer to."""
    return [
        el(
            "gmd:locale",
            el(
                "gmd:PT_Locale",
                _language_code(tag),
                code("gmd:characterEncoding", "MD_CharacterSetCode", "utf8"),
                id=_locale_id(tag),
            ),
        )
        for tag in tags
    ]


def _language_code(tag: str) -> Element:
    value = languages.iso_code(tag)
    return el("gmd:languageCode", el("gmd:LanguageCode", text=value, codeList=LANGUAGES, codeListValue=value))


def _locale_id(tag: str) -> str:
    return f"locale-{tag}"


def texts(name: str, values: Any) -> list[Element]:
    """Return one element per value."""
    return [made for value in values or () if (made := text(name, value)) is not None]


def anchor(name: str, label: str, href: str) -> Element:
    """Return an element with a ``gmx:Anchor``."""
    return el(name, el("gmx:Anchor", text=label, xlink_href=href))


def label(name: str, value: str, href: str = "") -> Element:
    """Return an element with an anchor if ``href`` is a web address or a URN, else with plain text."""
    made = anchor(name, value, href) if href.startswith(ADDRESSES) else text(name, value)
    return made if made is not None else missing(name)


def code(name: str, codelist: str, value: str) -> Element:
    """Return an element with a value of an ISO code list (``gmd``, or ``srv`` for the lists of services)."""
    prefix = "srv" if codelist in ("SV_CouplingType", "DCPList") else "gmd"
    return el(
        name, el(f"{prefix}:{codelist}", text=value, codeList=f"{CODELISTS}#{codelist}", codeListValue=value)
    )  # fmt: skip


def missing(name: str, reason: str = "missing") -> Element:
    """Return an empty element with a ``gco:nilReason``, for required elements without a value."""
    return el(name, gco_nilReason=reason)


def date(name: str, value: str) -> Element:
    """Return an element with a ``gco:Date`` (also for a year or month) or a ``gco:DateTime``."""
    return el(name, el("gco:DateTime" if "T" in value else "gco:Date", text=value))


def dated(value: str, kind: str) -> Element:
    """Return a ``CI_Date`` of a citation."""
    return el("gmd:date", el("gmd:CI_Date", date("gmd:date", value), code("gmd:dateType", "CI_DateTypeCode", kind)))


def url(name: str, value: str) -> Element:
    """Return an element with a ``gmd:URL``; characters not allowed in a URI are percent-encoded."""
    return el(name, el("gmd:URL", text=_NOT_IN_A_URI.sub(lambda found: quote(found.group()), value.strip())))


def number(name: str, value: Any, kind: str = "Decimal") -> Element:
    """Return an element with a ``gco:Decimal``, ``gco:Integer``…"""
    return el(name, el(f"gco:{kind}", text=str(value)))
