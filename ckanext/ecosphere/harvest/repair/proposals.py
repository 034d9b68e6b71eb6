"""Find corrections for an ISO 19139 record: element, current value, proposed value.

Only values that a rule understood and had to convert are proposed; missing or unintelligible values are left to a
person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from lxml import etree

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.dates import parse_date
from ckanext.ecosphere.harvest.iso.reader import ROOTS
from ckanext.ecosphere.harvest.iso.walk import one_line
from ckanext.ecosphere.harvest.normalise.addresses import clean_url
from ckanext.ecosphere.harvest.normalise.constraint_texts import limits_of_text
from ckanext.ecosphere.harvest.normalise.extent import repair
from ckanext.ecosphere.harvest.normalise.reference import EPSG_URI, epsg_codes
from ckanext.ecosphere.harvest.normalise.tables import by_label, is_placeholder, plain
from ckanext.ecosphere.harvest.record import Box, ReferenceSystem
from ckanext.ecosphere.harvest.repair import names
from ckanext.ecosphere.shared.hardened_xml import local_name

MOST = 200
"""Maximum corrections per record."""
LONGEST = 500
"""Maximum length of a value, in characters: longer ones are texts, not faulty codes."""
DEEPEST = 24
"""Maximum number of steps of an XPath."""
_CODES = ("gmd:LanguageCode", "gmd:MD_MaintenanceFrequencyCode")
"""Elements whose value is the attribute `codeListValue`."""
_NO_LIMIT = "noLimitations"


@dataclass(frozen=True, slots=True)
class Correction:
    """A value to change.

    Attributes:
        rule: name of the rule of `normalise/` that proposes it.
        xpath: path of the property element below the root, with the prefixes of `names`.
        today: its current text or code.
        proposed: the proposed text or code.
        element: the element that the property is to contain, a name of `names`.
        text: the text of this element.
        attributes: its attributes: those of `names.KEPT`, and `codeListValue`.
    """

    rule: str
    xpath: str
    today: str
    proposed: str
    element: str
    text: str
    attributes: dict[str, str]

    @property
    def content(self) -> str:
        """The new content of the property, as XML."""
        made = etree.Element(names.expanded(self.element), nsmap=names.PREFIXES)
        made.text = self.text or None
        for name, value in self.attributes.items():
            made.set(names.expanded(name), value)
        etree.cleanup_namespaces(made)
        return etree.tostring(made, encoding="unicode")


def proposals(record: etree._Element) -> list[Correction]:
    """Return the corrections of a ``gmd:MD_Metadata``; none for a record of another standard.

    Elements whose path includes an unknown name are skipped.
    """
    if not str(record.tag).startswith(f"{{{names.PREFIXES['gmd']}}}") and local_name(record) != "MI_Metadata":
        return []
    found: dict[str, Correction] = {}
    rules = (_boxes, _dates, _systems, _frequencies, _topics, _languages, _protocols, _limits)
    for correction in chain.from_iterable(rule(record) for rule in rules):
        found.setdefault(correction.xpath, correction)
        if len(found) == MOST:
            break
    return list(found.values())


def _changed(rule: str, prop: etree._Element, today: str, proposed: str) -> Iterator[Correction]:
    """Yield a correction of the single type within a property, if there is something to change."""
    held = _held(prop)
    element = names.known(held) if held is not None else None
    if held is None or element is None or today == proposed or len(today) > LONGEST:
        return
    values = {name: held.get(names.expanded(name)) or "" for name in names.KEPT}
    attributes = {name: value for name, value in values.items() if 0 < len(value) <= LONGEST}
    text = proposed
    if element in _CODES:
        attributes["codeListValue"] = proposed
        text = proposed if one_line(held.text) else ""
    path = xpath(prop)
    if path:
        yield Correction(rule, path, today, proposed, element, text, attributes)


def xpath(element: etree._Element) -> str | None:
    """Return the path of an element below the root; None if it includes an unknown name or is too deep."""
    branch = [element]
    for parent in element.iterancestors():
        if local_name(parent) in ROOTS:
            break
        branch.insert(0, parent)
    steps = [names.known(each) for each in branch]
    if len(branch) > DEEPEST or not all(steps):
        return None
    return "".join(f"/{step}{_place(each)}" for step, each in zip(steps, branch, strict=True))


def _place(element: etree._Element) -> str:
    """Return the position of an element among those of its name, in brackets; nothing if it is the only one."""
    before = sum(1 for _sibling in element.itersiblings(str(element.tag), preceding=True))
    alone = not before and next(element.itersiblings(str(element.tag)), None) is None
    return "" if alone else f"[{before + 1}]"


def _held(prop: etree._Element) -> etree._Element | None:
    """Return the type within a property."""
    return next((child for child in prop if local_name(child)), None)


def _said(prop: etree._Element) -> str:
    """Return the text or code of a property."""
    held = _held(prop)
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
                yield from _changed("boxes", prop, today, value)


def _dates(record: etree._Element) -> Iterator[Correction]:
    for held in record.iter("{*}Date", "{*}DateTime"):
        prop, today = held.getparent(), one_line(held.text)
        day = parse_date(today)
        if prop is not None and day and not today.startswith(day):
            yield from _changed("dates", prop, today, day)


def _systems(record: etree._Element) -> Iterator[Correction]:
    for identifier in record.iter("{*}referenceSystemIdentifier"):
        for prop in identifier.iter("{*}code"):
            today = _said(prop)
            codes = epsg_codes(ReferenceSystem(today)) if not is_placeholder(today) else []
            anchored = any(local_name(child) == "Anchor" for child in prop)
            if len(codes) == 1 and not anchored:
                uri = EPSG_URI.format(code=codes[0])
                yield from _changed("reference-systems", prop, today, uri)


def _frequencies(record: etree._Element) -> Iterator[Correction]:
    codes = voc.get("maintenance-frequency")
    for prop in record.iter("{*}maintenanceAndUpdateFrequency"):
        today = _said(prop)
        known = voc.get("frequency").find(today) if today and today not in codes else None
        code = next((label for label in known.alt_labels if label in codes), None) if known else None
        if code:
            yield from _changed("frequency", prop, today, code)


def _topics(record: etree._Element) -> Iterator[Correction]:
    topics, other = voc.get("topic-category"), by_label("topic-categories", "topic", "other_codes")
    for prop in record.iter("{*}topicCategory"):
        today = _said(prop)
        known = topics.get(today) or topics.find(today) or topics.get(other.get(plain(today), ""))
        if known:
            yield from _changed("topic-categories", prop, today, known.id)


def _languages(record: etree._Element) -> Iterator[Correction]:
    for prop in record.iter("{*}language"):
        today = _said(prop)
        if today.lower() in ("fr", "fra", "french", "français", "francais"):
            yield from _changed("languages", prop, today, "fre")


def _protocols(record: etree._Element) -> Iterator[Correction]:
    for link in record.iter("{*}CI_OnlineResource"):
        prop, linkage = link.find("{*}protocol"), link.find("{*}linkage")
        address = clean_url(_said(linkage)) if linkage is not None else None
        if prop is None or address is None or not address.url:
            continue
        today = _said(prop)
        protocol = links.protocol_of(today, address.url)
        sign = links.sign_of(links.Link(address.url))
        if sign.certain and sign.use in (links.DATA, "request"):
            protocol = "WWW:DOWNLOAD-1.0-http--download"
        elif protocol not in links.OGC_WITH_CAPABILITIES:
            continue
        if not plain(today).startswith(plain(protocol)) and "download" not in today.lower():
            yield from _changed("links", prop, today, protocol)


def _limits(record: etree._Element) -> Iterator[Correction]:
    """Yield corrections of texts about unlimited access, for which INSPIRE requires a code list URI (TG 2.0, C.17)."""
    concept = voc.get("access-limitation")[_NO_LIMIT]
    for prop in record.iter("{*}otherConstraints"):
        held = prop.find("{*}CharacterString")
        today = _said(prop)
        if held is None or len(today) > 120 or limits_of_text(today) != [_NO_LIMIT]:  # noqa: PLR2004
            continue
        path = xpath(prop)
        if path:
            proposed = f"{concept.label_fr} ({concept.uri})"
            href = {"xlink:href": concept.uri}
            yield Correction("constraints", path, today, proposed, "gmx:Anchor", concept.label_fr, href)
