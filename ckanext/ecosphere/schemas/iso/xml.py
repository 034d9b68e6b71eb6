"""Elements of ISO 19139 records, and the order in which they stand. No CKAN imports.

ISO 19139 alternates properties and types: ``gmd:citation/gmd:CI_Citation/gmd:title``. A path names
the properties only: ``identificationInfo/citation/title``. Tables: schemas of 2007-04-17.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from lxml import etree

from ckanext.ecosphere.vocabularies import languages

#: Characters that no URI has, nor IRI.
NOT_IN_A_URI = re.compile(r"[\s<>\"{}|\\^`\[\]]")

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
    namespaces = None
    if name == "gmd:MD_Metadata":
        namespaces = NAMESPACES
    element = etree.Element(qualified(name), nsmap=namespaces)
    for key, value in attributes.items():
        if not value and key.startswith("xlink_"):
            continue
        attribute = key
        if "_" in key:
            attribute = qualified(key.replace("_", ":"))
        element.set(attribute, clean(value))
    if text is not None:
        element.text = clean(text)
    _append(element, children)
    return element


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
    if value in (None, ""):
        return None
    return el(name, el("gco:CharacterString", text=str(value)))


def in_languages(name: str, value: str, translations: Mapping[str, str]) -> Element | None:
    """Return an element with a text and its translations (``PT_FreeText``), which refer to
    `locales`.

    Args:
        name: prefixed name of the element.
        value: the text in the language of the record, French.
        translations: {BCP 47 tag: text}; a French entry is ignored in favour of `value`.
    """
    element = text(name, value)
    others = []
    for tag, translation in translations.items():
        if tag != languages.FRENCH:
            locale = f"#{_locale_id(tag)}"
            group = el("gmd:LocalisedCharacterString", text=translation, locale=locale)
            others.append(el("gmd:textGroup", group))
    if element is not None and others:
        element.append(el("gmd:PT_FreeText", others))
        element.set(qualified("xsi:type"), "gmd:PT_FreeText_PropertyType")
    return element


def locale(tag: str) -> Element:
    """Return the ``gmd:locale`` element that texts translated into a language refer to."""
    language_code = language("gmd:languageCode", languages.iso_code(tag))
    encoding = code("gmd:characterEncoding", "MD_CharacterSetCode", "utf8")
    return el("gmd:locale", el("gmd:PT_Locale", language_code, encoding, id=_locale_id(tag)))


def language(name: str, value: str) -> Element:
    """Return an element with a code of ISO 639-2."""
    return el(name, el("gmd:LanguageCode", text=value, codeList=LANGUAGES, codeListValue=value))


def _locale_id(tag: str) -> str:
    return f"locale-{tag}"


def texts(name: str, values: Any) -> list[Element]:
    """Return one element per value."""
    elements = [text(name, value) for value in values or ()]
    return [element for element in elements if element is not None]


def anchor(name: str, label: str, href: str) -> Element:
    """Return an element with a ``gmx:Anchor``."""
    return el(name, el("gmx:Anchor", text=label, xlink_href=href))


def label(name: str, value: str, href: str = "") -> Element:
    """Return an element with an anchor if ``href`` is a web address or a URN,
    else with plain text.
    """
    if href.startswith(ADDRESSES):
        return anchor(name, value, href)
    element = text(name, value)
    if element is None:
        return missing(name)
    return element


def code(name: str, codelist: str, value: str) -> Element:
    """Return an element with a value of an ISO code list (``gmd``, or
    ``srv`` for the lists of services).
    """
    prefix = "gmd"
    if codelist in ("SV_CouplingType", "DCPList"):
        prefix = "srv"
    address = f"{CODELISTS}#{codelist}"
    return el(name, el(f"{prefix}:{codelist}", text=value, codeList=address, codeListValue=value))


def missing(name: str, reason: str = "missing") -> Element:
    """Return an empty element with a ``gco:nilReason``, for required elements without a value."""
    return el(name, gco_nilReason=reason)


def date(name: str, value: str) -> Element:
    """Return an element with a ``gco:Date`` (also for a year or month) or a ``gco:DateTime``."""
    kind = "gco:Date"
    if "T" in value:
        kind = "gco:DateTime"
    return el(name, el(kind, text=value))


def dated(value: str, kind: str) -> Element:
    """Return a ``CI_Date`` of a citation."""
    date_type = code("gmd:dateType", "CI_DateTypeCode", kind)
    return el("gmd:date", el("gmd:CI_Date", date("gmd:date", value), date_type))


def url(name: str, value: str) -> Element:
    """Return an element with a ``gmd:URL``; characters not allowed in a URI are percent-encoded."""
    encoded = NOT_IN_A_URI.sub(lambda match: quote(match.group()), value.strip())
    return el(name, el("gmd:URL", text=encoded))


def number(name: str, value: Any, kind: str = "Decimal") -> Element:
    """Return an element with a ``gco:Decimal``, ``gco:Integer``…"""
    return el(name, el(f"gco:{kind}", text=str(value)))


# --- order ------------------------------------------------------------------------------------

ROOT = "gmd:MD_Metadata"
DATA, SERVICE = "gmd:MD_DataIdentification", "srv:SV_ServiceIdentification"
_IDENTIFICATION = (
    "citation abstract purpose credit status pointOfContact resourceMaintenance graphicOverview"
    " resourceFormat descriptiveKeywords resourceSpecificUsage resourceConstraints aggregationInfo"
)
CONTENTS = {
    ROOT: "fileIdentifier language characterSet parentIdentifier hierarchyLevel hierarchyLevelName"
    " contact dateStamp metadataStandardName metadataStandardVersion dataSetURI locale"
    " referenceSystemInfo identificationInfo distributionInfo dataQualityInfo",
    DATA: f"{_IDENTIFICATION} spatialRepresentationType spatialResolution language characterSet"
    " topicCategory environmentDescription extent supplementalInformation",
    SERVICE: f"{_IDENTIFICATION} serviceType serviceTypeVersion accessProperties restrictions"
    " keywords extent coupledResource couplingType containsOperations operatesOn",
    "gmd:CI_Citation": "title alternateTitle date edition editionDate identifier"
    " citedResponsibleParty presentationForm series otherCitationDetails collectiveTitle ISBN ISSN",
    "gmd:MD_MaintenanceInformation": "maintenanceAndUpdateFrequency dateOfNextUpdate"
    " userDefinedMaintenanceFrequency updateScope updateScopeDescription maintenanceNote contact",
    "gmd:MD_Distribution": "distributionFormat distributor transferOptions",
    "gmd:DQ_DataQuality": "scope report lineage",
    "gmd:LI_Lineage": "statement processStep source",
}
"""Type → its properties, in order. A service has no place for what its list does not name."""
SHARED = {
    "citation": "gmd:CI_Citation",
    "resourceMaintenance": "gmd:MD_MaintenanceInformation",
    "distributionInfo": "gmd:MD_Distribution",
    "dataQualityInfo": "gmd:DQ_DataQuality",
    "lineage": "gmd:LI_Lineage",
}
"""Property → its type, of which a record has one for all fields."""
REPEATED = {
    "equivalentScale": "gmd:MD_RepresentativeFraction",
    "graphicOverview": "gmd:MD_BrowseGraphic",
    "identifier": "gmd:MD_Identifier",
    "processStep": "gmd:LI_ProcessStep",
    "referenceSystemIdentifier": "gmd:RS_Identifier",
    "referenceSystemInfo": "gmd:MD_ReferenceSystem",
    "source": "gmd:LI_Source",
    "spatialResolution": "gmd:MD_Resolution",
}
"""Property → its type, of which each value has its own."""
_OF_SERVICES = {
    "serviceType",
    "serviceTypeVersion",
    "couplingType",
    "containsOperations",
    "operatesOn",
}


def prefixed(name: str) -> str:
    """Return the name of a property with its prefix."""
    if name in _OF_SERVICES:
        return f"srv:{name}"
    return f"gmd:{name}"


class Tree:
    """The elements of one record, by path.

    Args:
        identification: type of ``identificationInfo``, `DATA` or `SERVICE`.
    """

    def __init__(self, identification: str) -> None:
        self._types = {**SHARED, "identificationInfo": identification}
        self._elements: dict[str, list[Element]] = {}

    def put(self, path: str, *elements: Element) -> None:
        """Put elements below a path of properties, "" for the root; None is left out."""
        for element in elements:
            if element is not None:
                self._put(path, element)

    def _put(self, path: str, element: Element) -> None:
        names = path.split("/")
        for name in reversed(names):
            if name in REPEATED:
                element = el(prefixed(name), el(REPEATED[name], element))
        shared = [name for name in names if name and name not in REPEATED]
        place = "/".join([*shared, etree.QName(element).localname])
        self._elements.setdefault(place, []).append(element)

    def require(self, path: str, element: Element | None) -> None:
        """Put an element below a path unless there is one of its name."""
        if element is None:
            return
        place = "/".join(filter(None, (path, etree.QName(element).localname)))
        if place not in self._elements:
            self.put(path, element)

    def has(self, place: str) -> bool:
        """Return whether there are elements at a path or below it."""
        return any(f"{path}/".startswith(f"{place}/") for path in self._elements)

    def root(self) -> Element:
        """Return the record."""
        return el(ROOT, list(self._inside(ROOT, "")))

    def _inside(self, kind: str, path: str) -> Iterator[Element]:
        for name in CONTENTS[kind].split():
            place = "/".join(filter(None, (path, name)))
            yield from self._elements.get(place, ())
            if name in self._types and self.has(place):
                inside = list(self._inside(self._types[name], place))
                yield el(prefixed(name), el(self._types[name], inside))
