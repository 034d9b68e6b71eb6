"""Find corrections for an ISO 19139 record: element, current value, proposed value.

Only values that a rule understood and had to convert are proposed; missing or unintelligible values are left to a
person.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml import etree

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.iso.walk import one_line
from ckanext.ecosphere.harvest.normalise.constraints import limits_of_text
from ckanext.ecosphere.harvest.normalise.dates import parse_date
from ckanext.ecosphere.harvest.normalise.geography.extent import repair
from ckanext.ecosphere.harvest.normalise.links import protocols
from ckanext.ecosphere.harvest.normalise.links.addresses import clean_url
from ckanext.ecosphere.harvest.normalise.reference import EPSG_URI, epsg_codes
from ckanext.ecosphere.harvest.normalise.tables import by_label, is_placeholder, plain
from ckanext.ecosphere.harvest.record import Box, Link, ReferenceSystem
from ckanext.ecosphere.shared.hardened_xml import local_name

PREFIXES = {
    "gmd": "http://www.isotc211.org/2005/gmd",
    "gco": "http://www.isotc211.org/2005/gco",
    "gmx": "http://www.isotc211.org/2005/gmx",
    "gmi": "http://www.isotc211.org/2005/gmi",
    "srv": "http://www.isotc211.org/2005/srv",
    "gts": "http://www.isotc211.org/2005/gts",
    "gml": "http://www.opengis.net/gml/3.2",
    "xlink": "http://www.w3.org/1999/xlink",
}
"""Namespace prefixes of XPaths and snippets, as in GeoNetwork's schema plugin iso19139."""
MOST = 200
"""Maximum corrections per record."""
_PREFIX_OF = {uri: prefix for prefix, uri in PREFIXES.items()} | {"http://www.opengis.net/gml": "gml"}
_NO_LIMIT = "noLimitations"


@dataclass(frozen=True, slots=True)
class Correction:
    """A value to change.

    Attributes:
        rule: name of the rule of `normalise/` that proposes it.
        xpath: path of the property element below the root, with the prefixes in `PREFIXES`.
        today: its current text or code.
        proposed: the proposed text or code.
        content: the new content of the element, as XML.
    """

    rule: str
    xpath: str
    today: str
    proposed: str
    content: str


def proposals(record: etree._Element) -> list[Correction]:
    """Return the corrections of a ``gmd:MD_Metadata``; none for a record of another standard.

    Elements whose path includes a namespace without a known prefix are skipped.
    """
    if not str(record.tag).startswith(f"{{{PREFIXES['gmd']}}}") and local_name(record) != "MI_Metadata":
        return []
    found: dict[str, Correction] = {}
    for find in (_boxes, _dates, _systems, _frequencies, _topics, _languages, _protocols, _limits):
        for each in find(record):
            if len(found) < MOST:
                found.setdefault(each.xpath, each)
    return list(found.values())


def _changed(rule: str, prop: etree._Element, today: str, proposed: str, change: Callable[[etree._Element], None]):
    """Yield a correction of the single type within a property, if there is something to change."""
    path = xpath(prop)
    held = next((child for child in prop if local_name(child)), None)
    if path is None or held is None or today == proposed:
        return
    new = copy.deepcopy(held)
    new.tail = None
    change(new)
    etree.cleanup_namespaces(new)
    yield Correction(rule, path, today, proposed, etree.tostring(new, encoding="unicode"))


def _text(value: str) -> Callable[[etree._Element], None]:
    def change(element: etree._Element) -> None:
        element.text = value

    return change


def _code(value: str) -> Callable[[etree._Element], None]:
    def change(element: etree._Element) -> None:
        element.set("codeListValue", value)
        if element.text and element.text.strip():
            element.text = value

    return change


def xpath(element: etree._Element) -> str | None:
    """Return the path of an element below the root; None if it includes a namespace without a known prefix."""
    steps: list[str] = []
    while (parent := element.getparent()) is not None and local_name(element) not in ("MD_Metadata", "MI_Metadata"):
        name = etree.QName(element)
        prefix = _PREFIX_OF.get(name.namespace or "")
        if prefix is None:
            return None
        same = [each for each in parent if each.tag == element.tag]
        place = f"[{same.index(element) + 1}]" if len(same) > 1 else ""
        steps.append(f"{prefix}:{name.localname}{place}")
        element = parent
    return "/" + "/".join(reversed(steps))


def _said(prop: etree._Element) -> str:
    """Return the text or code of a property."""
    held = next((child for child in prop if local_name(child)), None)
    return one_line(held.get("codeListValue") or held.text) if held is not None else ""


# --- one function for each rule -----------------------------------------------------------------------


def _boxes(record: etree._Element) -> Iterator[Correction]:
    sides = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude")
    for element in record.iter("{*}EX_GeographicBoundingBox"):
        props = [element.find(f"{{*}}{side}") for side in sides]
        if any(prop is None for prop in props):
            continue
        west, south, east, north = (_said(prop) for prop in props if prop is not None)
        degrees, done = repair(Box(west, east, south, north))
        if degrees is None or not done:
            continue
        for prop, today, number in zip(props, (west, south, east, north), degrees, strict=True):
            if prop is not None:
                value = f"{number:.6f}".rstrip("0").rstrip(".")
                yield from _changed("boxes", prop, today, value, _text(value))


def _dates(record: etree._Element) -> Iterator[Correction]:
    for held in record.iter("{*}Date", "{*}DateTime"):
        prop, today = held.getparent(), one_line(held.text)
        day = parse_date(today)
        if prop is not None and day and not today.startswith(day):
            yield from _changed("dates", prop, today, day, _text(day))


def _systems(record: etree._Element) -> Iterator[Correction]:
    for identifier in record.iter("{*}referenceSystemIdentifier"):
        for prop in identifier.iter("{*}code"):
            today = _said(prop)
            codes = epsg_codes(ReferenceSystem(today)) if not is_placeholder(today) else []
            anchored = any(local_name(child) == "Anchor" for child in prop)
            if len(codes) == 1 and not anchored:
                uri = EPSG_URI.format(code=codes[0])
                yield from _changed("reference-systems", prop, today, uri, _text(uri))


def _frequencies(record: etree._Element) -> Iterator[Correction]:
    codes = voc.get("maintenance-frequency")
    for prop in record.iter("{*}maintenanceAndUpdateFrequency"):
        today = _said(prop)
        known = voc.get("frequency").find(today) if today and today not in codes else None
        code = next((label for label in known.alt_labels if label in codes), None) if known else None
        if code:
            yield from _changed("frequency", prop, today, code, _code(code))


def _topics(record: etree._Element) -> Iterator[Correction]:
    topics, other = voc.get("topic-category"), by_label("topic-categories", "topic", "other_codes")
    for prop in record.iter("{*}topicCategory"):
        today = _said(prop)
        known = topics.get(today) or topics.find(today) or topics.get(other.get(plain(today), ""))
        if known:
            yield from _changed("topic-categories", prop, today, known.id, _text(known.id))


def _languages(record: etree._Element) -> Iterator[Correction]:
    for prop in record.iter("{*}language"):
        today = _said(prop)
        if today.lower() in ("fr", "fra", "french", "français", "francais"):
            change = _code("fre") if prop.find("{*}LanguageCode") is not None else _text("fre")
            yield from _changed("languages", prop, today, "fre", change)


def _protocols(record: etree._Element) -> Iterator[Correction]:
    for link in record.iter("{*}CI_OnlineResource"):
        prop, linkage = link.find("{*}protocol"), link.find("{*}linkage")
        address = clean_url(_said(linkage)) if linkage is not None else None
        if prop is None or address is None or not address.url:
            continue
        today = _said(prop)
        protocol = protocols.protocol_of(today, address)
        use, certain = protocols.use_of(Link(address.url, today), address)
        if certain and use == "data":
            protocol = "WWW:DOWNLOAD-1.0-http--download"
        elif protocol not in protocols.OGC_WITH_CAPABILITIES:
            continue
        if not plain(today).startswith(plain(protocol)) and "download" not in today.lower():
            yield from _changed("links", prop, today, protocol, _text(protocol))


def _limits(record: etree._Element) -> Iterator[Correction]:
    """Yield corrections of texts about unlimited access, for which INSPIRE requires a code list URI (TG 2.0, C.17)."""
    concept = voc.get("access-limitation")[_NO_LIMIT]
    for prop in record.iter("{*}otherConstraints"):
        held = prop.find("{*}CharacterString")
        today = _said(prop)
        path = xpath(prop)
        if held is None or path is None or len(today) > 120 or limits_of_text(today) != [_NO_LIMIT]:  # noqa: PLR2004
            continue
        anchor = etree.Element(f"{{{PREFIXES['gmx']}}}Anchor", nsmap={k: PREFIXES[k] for k in ("gmx", "xlink")})
        anchor.set(f"{{{PREFIXES['xlink']}}}href", concept.uri)
        anchor.text = concept.label_fr
        content = etree.tostring(anchor, encoding="unicode")
        yield Correction("constraints", path, today, f"{concept.label_fr} ({concept.uri})", content)
