"""Elements of ISO 19139: the few shapes that a record is made of. Pure, no CKAN."""

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
    """Return "gmd:title" as lxml wants it."""
    prefix, _colon, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def el(name: str, *children: Child, text: str | None = None, **attributes: str) -> Element:
    """Return an element; ``_`` in the name of an attribute stands for the colon of its prefix.

    Args:
        name: with its prefix.
        children: elements, lists of elements, or None for one that is left out.
        text: content; characters that XML cannot hold are dropped.
        attributes: ``xlink_href="…"``, ``codeListValue="…"``; those of XLink are left out when they are empty.
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
    """Return an element with a text, and with it in other languages (``PT_FreeText``); the locales are `locales`.

    Args:
        name: of the element, with its prefix.
        value: the text in the language of the record, French.
        translations: BCP 47 tag → text; the French one is `value`.
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
    """Return the locales that the texts of a record refer to."""
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
    """Return an element whose text carries its address."""
    return el(name, el("gmx:Anchor", text=label, xlink_href=href))


def label(name: str, value: str, href: str = "") -> Element:
    """Return an anchor when there is a web address or a URN, else a plain text."""
    made = anchor(name, value, href) if href.startswith(ADDRESSES) else text(name, value)
    return made if made is not None else missing(name)


def code(name: str, codelist: str, value: str) -> Element:
    """Return an element with a code of an ISO list; the list's own namespace is ``gmd``."""
    prefix = "srv" if codelist in ("SV_CouplingType", "DCPList") else "gmd"
    return el(
        name, el(f"{prefix}:{codelist}", text=value, codeList=f"{CODELISTS}#{codelist}", codeListValue=value)
    )  # fmt: skip


def missing(name: str, reason: str = "missing") -> Element:
    """Return an element that is asked for and has nothing to say."""
    return el(name, gco_nilReason=reason)


def date(name: str, value: str) -> Element:
    """Return an element with a ``gco:Date``, which also takes a year or a month, or a ``gco:DateTime``."""
    return el(name, el("gco:DateTime" if "T" in value else "gco:Date", text=value))


def dated(value: str, kind: str) -> Element:
    """Return a ``CI_Date`` of a citation."""
    return el("gmd:date", el("gmd:CI_Date", date("gmd:date", value), code("gmd:dateType", "CI_DateTypeCode", kind)))


def url(name: str, value: str) -> Element:
    """Return an element with a ``gmd:URL``; characters that no URI holds are written as %xx."""
    return el(name, el("gmd:URL", text=_NOT_IN_A_URI.sub(lambda found: quote(found.group()), value.strip())))


def number(name: str, value: Any, kind: str = "Decimal") -> Element:
    """Return an element with a ``gco:Decimal``, ``gco:Integer``…"""
    return el(name, el(f"gco:{kind}", text=str(value)))
