"""Mapping tables for identification (``MD_DataIdentification``, ``SV_ServiceIdentification``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from ckanext.ecosphere.dataset.dates import is_stored_form
from ckanext.ecosphere.harvest import record as r
from ckanext.ecosphere.harvest.iso.handlers import (
    code,
    codes,
    identifiers,
    long_text,
    new,
    note,
    reference,
    skip,
    terms,
    text,
    text_and_href,
    texts,
    within,
)
from ckanext.ecosphere.harvest.iso.table_distribution import LINK
from ckanext.ecosphere.harvest.iso.table_extent import extent
from ckanext.ecosphere.harvest.iso.table_parts import CONTACT, DATE, identifier_code, party_identifier
from ckanext.ecosphere.harvest.iso.walk import XLINK_HREF, Table, Walk, block, one_line
from ckanext.ecosphere.shared.hardened_xml import local_name


def _series(walk: Walk, element: etree._Element, record: r.Record) -> None:
    """Read the series of a publication as a series of the resource, and note its issue and pages."""
    reference("series")(walk, element, record)
    if element.find(".//{*}issueIdentification") is not None or element.find(".//{*}page") is not None:
        walk.unread(element)


CITATION: Table = {
    "title": text("title"),
    "alternateTitle": texts("alternate_titles"),
    "date": new(r.Dated, "dates", DATE),
    "edition": text("edition"),
    "editionDate": note,
    "identifier": identifiers("identifiers"),
    "series": _series,
    "presentationForm": note,
    "citedResponsibleParty": new(r.Contact, "contacts", CONTACT, finish=party_identifier),
}


@dataclass(slots=True)
class _Keywords:
    """A group of keywords, before it is distributed over them."""

    terms: list[r.Term] = field(default_factory=list)
    type: str | None = None
    thesaurus: str | None = None
    thesaurus_href: str | None = None


_THESAURUS: Table = {
    # The whole citation is noted with its title, see _thesaurus.
    "title": text_and_href("thesaurus", "thesaurus_href"),
    "identifier": within({"code": text_and_href("thesaurus", "thesaurus_href"), "codeSpace": skip}),
    "alternateTitle": skip,
    "date": skip,
    "edition": skip,
    "editionDate": skip,
    "citedResponsibleParty": skip,
    "otherCitationDetails": skip,
    "onlineResource": skip,
}


def _thesaurus(walk: Walk, element: etree._Element, group: _Keywords) -> None:
    """Read the name of the thesaurus, and note its title, dates and identifier together."""
    within(_THESAURUS)(walk, element, group)
    walk.unread(element)


@dataclass(slots=True)
class _Word:
    """The translations of one keyword."""

    translations: r.Translations = field(default_factory=dict)


def _keyword(walk: Walk, element: etree._Element, group: _Keywords) -> None:
    """Read a keyword in all its languages, as from RDF."""
    word = _Word()
    first = walk.text(element, word, "keyword")
    term = r.Term(block(first.text), first.href or element.get(XLINK_HREF))
    group.terms += [term] if term.text or term.href else []
    others = word.translations.get("keyword", {}).values()
    group.terms += [r.Term(one_line(text)) for text in others if text != first.text]


_KEYWORDS: Table = {
    "keyword": _keyword,
    "type": code("type"),
    "thesaurusName": _thesaurus,
}


_USUAL_KINDS = {"theme", "place"}
"""Keyword types that add no information; the others are noted."""


def _keywords(walk: Walk, element: etree._Element, record: r.Record) -> None:
    for child in element:
        group = _Keywords()
        walk.children(child, _KEYWORDS, group)
        if group.type and group.type not in _USUAL_KINDS and group.terms:
            walk.note(child, f"{group.type}: {', '.join(term.text for term in group.terms if term.text)}")
        record.keywords += [
            r.Keyword(one_line(term.text), term.href, group.type, group.thesaurus, group.thesaurus_href)
            for term in group.terms
        ]
    if len(element) == 0:
        walk.unread(element)


_REFERENCE: Table = {
    "title": terms("other"),
    "onlineResource": within({"linkage": terms("other"), "name": note, "description": note, "protocol": skip}),
    "date": note,
}
_CONSTRAINT: Table = {
    "useLimitation": terms("use_limitations"),
    "accessConstraints": codes("access_codes"),
    "useConstraints": codes("use_codes"),
    "otherConstraints": terms("other"),
    "classification": code("classification"),
    "userNote": terms("other"),
    "reference": within(_REFERENCE),
    "citation": within(_REFERENCE),
}


def _constraint_kind(walk: Walk, element: etree._Element, constraint: r.Constraint) -> None:
    name = local_name(element)
    constraint.kind = "legal" if "Legal" in name else "security" if "Security" in name else "general"


_CONSTRAINTS = new(r.Constraint, "constraints", _CONSTRAINT, finish=_constraint_kind)


def _note(walk: Walk, element: etree._Element, record: r.Record) -> None:
    """Read a maintenance note; a link takes precedence over its text."""
    term = walk.text(element)
    if note := term.href or block(term.text):
        record.frequency_notes.append(note)


def _documentation(walk: Walk, element: etree._Element, record: r.Record) -> None:
    """Read a document about the resource (ISO 19115-3): its title and URL; note the rest."""
    for cited in element:
        title = one_line(" ".join(walk.text(each).text for each in cited.iterfind("{*}title")))
        for linkage in cited.iterfind("{*}onlineResource/{*}CI_OnlineResource/{*}linkage"):
            if url := one_line(walk.text(linkage).text):
                record.links.append(r.Link(url, name=title or None, function="information"))
        if len(cited) > len(cited.findall("{*}title")) + len(cited.findall("{*}onlineResource")):
            walk.unread(element)
    if not element.findall("*/{*}onlineResource"):
        walk.unread(element)


MAINTENANCE: Table = {
    "maintenanceAndUpdateFrequency": code("frequency"),
    "userDefinedMaintenanceFrequency": text("frequency_period"),
    "dateOfNextUpdate": text("next_update"),
    "maintenanceDate": new(r.Dated, "maintenance_dates", DATE),  # a rule decides which of them is the next one
    "maintenanceNote": _note,
    "updateScope": note,
    "maintenanceScope": note,
    "contact": note,
}


def _distance(walk: Walk, element: etree._Element, record: r.Record) -> None:
    for child in element:
        value = one_line(child.text)
        if value:
            record.resolutions.append(r.Resolution(value, child.get("uom")))


_RESOLUTION: Table = {
    "equivalentScale": within({"denominator": texts("scales")}),
    "distance": _distance,
}


def _temporal_resolution(walk: Walk, element: etree._Element, record: r.Record) -> None:
    """Read the temporal resolution (ISO 19115-3), the first that is a duration."""
    value = one_line(walk.text(element).text)
    if is_stored_form(value) and record.fields.setdefault("temporal_resolution", value) == value:
        return
    walk.unread(element)


def _named(walk: Walk, element: etree._Element, member: r.Member) -> None:
    """Read the name of a related resource, or a mere reference to it."""
    reference_to = (element.get("uuidref") or "").strip()
    if not len(element) and reference_to:
        member.identifier = member.identifier or reference_to
        member.href = member.href or element.get(XLINK_HREF)
    else:
        _NAME_OF_MEMBER(walk, element, member)


_NAME_OF_MEMBER = within({"title": text("title"), "identifier": identifier_code("identifier")})
_MEMBER: Table = {
    "aggregateDataSetName": _named,
    "aggregateDataSetIdentifier": identifier_code("identifier"),
    "name": within({"title": text("title"), "identifier": identifier_code("identifier"), "date": note}),
    "metadataReference": identifier_code("identifier"),
    "associationType": code("association"),
    "initiativeType": code("initiative"),
}

_GRAPHIC: Table = {
    "fileName": skip,  # read by _graphic_url
    "fileDescription": text("description"),
    "fileType": note,
    "linkage": within({"linkage": text("url"), "protocol": skip, "name": note, "description": note}),
}


def _graphic_url(walk: Walk, element: etree._Element, graphic: r.Graphic) -> None:
    """Read the URL of `fileName`: a text, or the ``src`` of a ``gmx:FileName``."""
    for child in element:
        if local_name(child) == "fileName":
            term = walk.text(child)
            graphic.url = term.href or one_line(term.text) or graphic.url


IDENTIFICATION: Table = {
    "citation": within(CITATION),
    "abstract": long_text("abstract"),
    "purpose": long_text("purpose"),
    "status": code("status"),
    "pointOfContact": new(r.Contact, "contacts", CONTACT, finish=party_identifier),
    "resourceMaintenance": within(MAINTENANCE),
    "graphicOverview": new(r.Graphic, "graphics", _GRAPHIC, finish=_graphic_url),
    "resourceFormat": new(
        r.Format,
        "formats",
        {
            "name": text_and_href("name", "href"),
            "version": text("version"),
            "specification": note,
            "formatSpecificationCitation": within(
                {"title": text_and_href("name", "href"), "edition": text("version"), "date": note}
            ),
        },
    ),
    "descriptiveKeywords": _keywords,
    "resourceConstraints": _CONSTRAINTS,
    "restrictions": _CONSTRAINTS,
    "aggregationInfo": new(r.Member, "members", _MEMBER),
    "associatedResource": new(r.Member, "members", _MEMBER),
    "spatialRepresentationType": codes("spatial_representations"),
    "spatialResolution": within(_RESOLUTION),
    "temporalResolution": _temporal_resolution,
    "language": codes("languages"),
    "defaultLocale": within({"language": codes("languages"), "characterEncoding": codes("encodings")}),
    "characterSet": codes("encodings"),
    "topicCategory": codes("topic_categories"),
    "environmentDescription": note,
    "additionalDocumentation": _documentation,
    "extent": extent,
    "supplementalInformation": long_text("supplemental_information"),
}


# --- services ------------------------------------------------------------------------------------

_OPERATION: Table = {
    "operationName": code("name"),
    "connectPoint": new(r.Link, "links", LINK),
    "DCP": skip,  # always web services
    "distributedComputingPlatform": skip,
    "operationDescription": note,
    "invocationName": note,
    "parameters": note,
    "dependsOn": note,
}


def _coupled(walk: Walk, element: etree._Element, service: r.Service) -> None:
    """Read ``operatesOn``: a dataset by its identifier, the URL of its record, or both."""
    term = r.Term(element.get("uuidref") or "", element.get("{http://www.w3.org/1999/xlink}href"))
    if term.text or term.href:
        service.coupled.append(term)


def _scoped_name(walk: Walk, element: etree._Element, service: r.Service) -> None:
    for child in element:
        for part in child:
            if local_name(part) == "operationName":
                walk.unread(part)
            elif local_name(part) in ("ScopedName", "scopedName"):  # in ISO 19115-3, a property around the name
                named = (one_line(each.text) for each in part.iter("{*}ScopedName"))
                service.layers += [name for name in named if name]
            elif local_name(part) == "resourceReference":
                _coupled(walk, part, service)  # ISO 19115-3
                if len(part):
                    walk.unread(part)
            elif local_name(part) == "identifier" and one_line(walk.text(part).text):
                service.coupled.append(r.Term(one_line(walk.text(part).text)))


SERVICE: Table = {
    "serviceType": code("type"),
    "serviceTypeVersion": texts("versions"),
    "coupledResource": _scoped_name,
    "couplingType": note,
    "containsOperations": new(r.Operation, "operations", _OPERATION),
    "operatesOn": _coupled,
}


def read_identification(walk: Walk, element: etree._Element, record: r.Record) -> None:
    """Read the data or service identification; a service has its own properties and the common ones."""
    for child in element:
        name = local_name(child)
        if not name:
            continue
        if name.startswith("SV_"):
            record.service = record.service or r.Service()
            service = record.service
            for part in child:
                handler = SERVICE.get(local_name(part))
                if handler is not None:
                    handler(walk, part, service)
                else:
                    IDENTIFICATION.get(local_name(part), _unread)(walk, part, record)
        else:
            walk.children(child, IDENTIFICATION, record)


def _unread(walk: Walk, element: etree._Element, target: Any) -> None:
    walk.unread(element)
