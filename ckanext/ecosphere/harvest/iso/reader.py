"""Convert an ISO 19139 or ISO 19115-3 element to the neutral record, by mapping tables.

Read a table as: under this element, this property fills that attribute. Its keys are local names of
properties, in the order of the standard (ISO/TS 19139:2007, schemas of 2005-2007). The names of ISO
19115-3 stand beside them where they differ; the French profile (``fra:``) only adds types, which
are passed through. What no table names is noted. Properties that are fields of datasets stand in
the table of fields, which `of_fields` asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

from ckanext.ecosphere.dataset.dates import is_stored_form
from ckanext.ecosphere.dataset.geometry import boxes_around, parts_of
from ckanext.ecosphere.harvest import record as r
from ckanext.ecosphere.harvest.iso import walk
from ckanext.ecosphere.harvest.iso.parts import (
    DATE,
    DISTRIBUTION,
    LINEAGE,
    LINK,
    QUALITY,
    SPECIFICATION_OF_FORMAT,
    contact,
    extent,
    identifier_code,
)
from ckanext.ecosphere.harvest.iso.walk import (
    FRENCH,
    XLINK_HREF,
    Table,
    Walk,
    block,
    code,
    code_of,
    codes,
    identifiers,
    long_text,
    new,
    of_fields,
    one_line,
    read_feature_catalogue,
    reference,
    skip,
    terms,
    text,
    text_and_href,
    texts,
    within,
)
from ckanext.ecosphere.harvest.problems import FEATURE_CATALOGUE, RecordError
from ckanext.ecosphere.harvest.record import Record, as_boxes
from ckanext.ecosphere.shared.parsing import Element, local_name

ROOTS = {"MD_Metadata", "MI_Metadata"}
ISO_19139 = "http://www.isotc211.org/"
ISO_19115_3 = "http://standards.iso.org/iso/19115/-3/"
IDENTIFICATION_INFO = "identificationInfo"
_EXCEPTIONS = {"ExceptionReport", "ServiceExceptionReport", "Exception"}


def records_in(root: Element) -> Iterator[Element]:
    """Yield the metadata records of a document: the document itself, or those of a response."""
    if local_name(root) in ROOTS:
        yield root
        return
    yield from root.iter("{*}MD_Metadata", "{*}MI_Metadata")


def kept_in(root: Element) -> Iterator[Element]:
    """Yield what a source stores of a document: its records, or a lone feature catalogue."""
    if local_name(root) == walk.CATALOGUE_ROOT:
        yield root
        return
    yield from records_in(root)


def read_record(element: Element) -> Record:
    """Read one metadata record.

    Args:
        element: ``gmd:MD_Metadata``, ``gmi:MI_Metadata`` or ``mdb:MD_Metadata``.

    Raises:
        RecordError: it is not such a record, or it describes no resource.
    """
    record = Record(standard=_standard(element))
    locales = _languages(element, record)
    # In a record of another language, the French translations are the texts of the dataset.
    french_first = bool(record.metadata_language) and record.metadata_language not in FRENCH
    Walk(record, locales, french_first).children(element, METADATA, record)
    systems = record.reference_systems
    record.reference_systems = [system for system in systems if system.code or system.href]
    if not any(local_name(child) == "identificationInfo" for child in element):
        raise RecordError("no-identification")
    if not record.boxes:
        parts = []
        for shape in record.shapes:
            parts += parts_of(shape)
        record.boxes += as_boxes(boxes_around(parts))
    return record


def _standard(element: Element) -> str:
    name = local_name(element)
    if name in _EXCEPTIONS:
        text = one_line(" ".join(str(part) for part in element.itertext()))
        raise RecordError("exception", text=text[:200])
    if name == "html":
        raise RecordError("html")
    if name == walk.CATALOGUE_ROOT:
        raise RecordError(FEATURE_CATALOGUE)
    namespace = str(element.tag).partition("}")[0].lstrip("{")
    if name in ROOTS and namespace.startswith(ISO_19139):
        return "iso19139"
    if name in ROOTS and namespace.startswith(ISO_19115_3):
        return "iso19115-3"
    raise RecordError("not-iso", root=name[:80])


def _languages(element: Element, record: Record) -> dict[str, str]:
    """Read the language and the locales of the record, which are needed before any text."""
    locales: dict[str, str] = {}
    for child in element:
        name = local_name(child)
        if name == "language":
            record.metadata_language = code_of(child).lower() or None
        elif name in ("locale", "defaultLocale", "otherLocale"):
            for locale in child.iter("{*}PT_Locale"):
                language = _language_of(locale).lower()
                if language:
                    locales[locale.get("id") or ""] = language
                if name == "defaultLocale":
                    record.metadata_language = language or None
    return locales


def _language_of(locale: Element) -> str:
    for child in locale:
        if local_name(child) in ("languageCode", "language"):
            return code_of(child)
    return ""


# --- citation, keywords ---------------------------------------------------------------------------


def _series(walk: Walk, element: Element, record: r.Record) -> None:
    """Read the series of a publication as a series of the resource; note its issue and pages."""
    reference("series")(walk, element, record)
    if next(element.iter("{*}issueIdentification", "{*}page"), None) is not None:
        walk.unread(element)


CITATION: Table = {
    "date": new(r.Dated, "dates", DATE),
    "identifier": identifiers("identifiers"),
    "series": _series,
    "citedResponsibleParty": contact("contacts"),
    **of_fields(f"{IDENTIFICATION_INFO}/citation"),
}


@dataclass(slots=True)
class _Keywords:
    """A group of keywords, before it is distributed over them."""

    terms: list[r.Term] = field(default_factory=list)
    type: str | None = None
    thesaurus: str | None = None
    thesaurus_href: str | None = None


_NAME_OF_THESAURUS = text_and_href("thesaurus", "thesaurus_href")


def _thesaurus(walk: Walk, element: Element, group: _Keywords) -> None:
    """Read the name of the thesaurus, and note its whole citation."""
    for path in ("*/{*}title", "*/{*}identifier/*/{*}code"):
        for name in element.iterfind(path):
            _NAME_OF_THESAURUS(walk, name, group)
    walk.unread(element)


def _keyword(walk: Walk, element: Element, group: _Keywords) -> None:
    """Read a keyword in all its languages, as from RDF."""
    word = SimpleNamespace(translations={})
    first = walk.text(element, word, "keyword")
    term = r.Term(block(first.text), first.href or element.get(XLINK_HREF))
    if term.text or term.href:
        group.terms.append(term)
    for translation in word.translations.get("keyword", {}).values():
        if translation != first.text:
            group.terms.append(r.Term(one_line(translation)))


_KEYWORDS: Table = {
    "keyword": _keyword,
    "type": code("type"),
    "thesaurusName": _thesaurus,
}
_USUAL_KINDS = {"theme", "place"}
"""Keyword types that add no information; the others are noted."""


def _keywords(walk: Walk, element: Element, record: r.Record) -> None:
    for child in element:
        group = _Keywords()
        walk.children(child, _KEYWORDS, group)
        if group.type and group.type not in _USUAL_KINDS and group.terms:
            words = ", ".join(term.text for term in group.terms if term.text)
            walk.note(child, f"{group.type}: {words}")
        about = (group.type, group.thesaurus, group.thesaurus_href)
        for term in group.terms:
            record.keywords.append(r.Keyword(one_line(term.text), term.href, *about))
    if len(element) == 0:
        walk.unread(element)


# --- constraints, maintenance, relations ----------------------------------------------------------

_REFERENCE: Table = {
    "title": terms("other"),
    "onlineResource": within({"linkage": terms("other"), "protocol": skip}),
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


def _constraint_kind(walk: Walk, element: Element, constraint: r.Constraint) -> None:
    name = local_name(element)
    for kind in ("legal", "security"):
        if kind.capitalize() in name:
            constraint.kind = kind


_CONSTRAINTS = new(r.Constraint, "constraints", _CONSTRAINT, finish=_constraint_kind)


def _note(walk: Walk, element: Element, record: r.Record) -> None:
    """Read a maintenance note; a link takes precedence over its text."""
    term = walk.text(element)
    words = term.href or block(term.text)
    if words:
        record.frequency_notes.append(words)


def _documentation(walk: Walk, element: Element, record: r.Record) -> None:
    """Read a document about the resource (ISO 19115-3): its title and URL; note the rest."""
    for cited in element:
        titles = [walk.text(title).text for title in cited.iterfind("{*}title")]
        title = one_line(" ".join(titles)) or None
        for linkage in cited.iterfind("{*}onlineResource/{*}CI_OnlineResource/{*}linkage"):
            url = one_line(walk.text(linkage).text)
            if url:
                record.links.append(r.Link(url, name=title, function="information"))
        if len(cited) > len(titles) + len(cited.findall("{*}onlineResource")):
            walk.unread(element)
    if not element.findall("*/{*}onlineResource"):
        walk.unread(element)


MAINTENANCE: Table = {
    "userDefinedMaintenanceFrequency": text("frequency_period"),
    # A rule decides which of them is the next one.
    "maintenanceDate": new(r.Dated, "maintenance_dates", DATE),
    "maintenanceNote": _note,
    **of_fields(f"{IDENTIFICATION_INFO}/resourceMaintenance"),
}


def _distance(walk: Walk, element: Element, record: r.Record) -> None:
    for child in element:
        value = one_line(child.text)
        if value:
            record.resolutions.append(r.Resolution(value, child.get("uom")))


_RESOLUTION: Table = {
    "equivalentScale": within(
        of_fields(f"{IDENTIFICATION_INFO}/spatialResolution/equivalentScale")
    ),
    "distance": _distance,
}


def _temporal_resolution(walk: Walk, element: Element, record: r.Record) -> None:
    """Read the temporal resolution (ISO 19115-3), the first that is a duration."""
    value = one_line(walk.text(element).text)
    if is_stored_form(value):
        is_read = record.fields.setdefault("temporal_resolution", value) == value
    else:
        is_read = False
    if not is_read:
        walk.unread(element)


_NAME_OF_MEMBER = within({"title": text("title"), "identifier": identifier_code("identifier")})


def _name_of_member(walk: Walk, element: Element, member: r.Member) -> None:
    """Read the name of a related resource, or a mere reference to it."""
    reference_to = (element.get("uuidref") or "").strip()
    if not len(element) and reference_to:
        member.identifier = member.identifier or reference_to
        member.href = member.href or element.get(XLINK_HREF)
    else:
        _NAME_OF_MEMBER(walk, element, member)


_MEMBER: Table = {
    "aggregateDataSetName": _name_of_member,
    "aggregateDataSetIdentifier": identifier_code("identifier"),
    "name": _NAME_OF_MEMBER,
    "metadataReference": identifier_code("identifier"),
    "associationType": code("association"),
    "initiativeType": code("initiative"),
}
_MEMBERS = new(r.Member, "members", _MEMBER)
_GRAPHIC: Table = {
    "fileName": skip,  # read by _graphic_url
    "fileDescription": text("description"),
    "linkage": within({"linkage": text("url"), "protocol": skip}),
}


def _graphic_url(walk: Walk, element: Element, graphic: r.Graphic) -> None:
    """Read the URL of `fileName`: a text, or the ``src`` of a ``gmx:FileName``.

    A mere name of a file beside a linkage is noted.
    """
    for child in element.iterfind("{*}fileName"):
        term = walk.text(child)
        address = term.href or one_line(term.text)
        if graphic.url and "://" not in address:
            walk.unread(child)
        else:
            graphic.url = address or graphic.url


# --- identification (MD_DataIdentification, SV_ServiceIdentification) -----------------------------

IDENTIFICATION: Table = {
    "citation": within(CITATION),
    "purpose": long_text("purpose"),
    "pointOfContact": contact("contacts"),
    "resourceMaintenance": within(MAINTENANCE),
    "graphicOverview": new(r.Graphic, "graphics", _GRAPHIC, finish=_graphic_url),
    "resourceFormat": new(
        r.Format,
        "formats",
        {
            "name": text_and_href("name", "href"),
            "version": text("version"),
            "formatSpecificationCitation": SPECIFICATION_OF_FORMAT,
        },
    ),
    "descriptiveKeywords": _keywords,
    "resourceConstraints": _CONSTRAINTS,
    "restrictions": _CONSTRAINTS,
    "aggregationInfo": _MEMBERS,
    "associatedResource": _MEMBERS,
    "spatialResolution": within(_RESOLUTION),
    "temporalResolution": _temporal_resolution,
    "defaultLocale": within(
        {"language": codes("languages"), "characterEncoding": codes("encodings")}
    ),
    "characterSet": codes("encodings"),
    "additionalDocumentation": _documentation,
    "extent": extent,
    **of_fields(IDENTIFICATION_INFO),
}
_OPERATION: Table = {
    "operationName": code("name"),
    "connectPoint": new(r.Link, "links", LINK),
    "DCP": skip,  # always web services
    "distributedComputingPlatform": skip,
}


def _coupled(walk: Walk, element: Element, service: r.Service) -> None:
    """Read ``operatesOn``: a dataset by its identifier, the URL of its record, or both."""
    term = r.Term(element.get("uuidref") or "", element.get(XLINK_HREF))
    if term.text or term.href:
        service.coupled.append(term)


def _coupled_resource(walk: Walk, element: Element, service: r.Service) -> None:
    for child in element:
        for part in child:
            _part_of_coupled(walk, part, service)


def _part_of_coupled(walk: Walk, part: Element, service: r.Service) -> None:
    name = local_name(part)
    if name == "operationName":
        walk.unread(part)
    elif name in ("ScopedName", "scopedName"):  # in ISO 19115-3, a property around the name
        layers = [one_line(layer.text) for layer in part.iter("{*}ScopedName")]
        service.layers += filter(None, layers)
    elif name == "resourceReference":  # ISO 19115-3
        _coupled(walk, part, service)
        if len(part):
            walk.unread(part)
    elif name == "identifier":
        identifier = one_line(walk.text(part).text)
        if identifier:
            service.coupled.append(r.Term(identifier))


SERVICE: Table = {
    "serviceType": code("type"),
    "serviceTypeVersion": texts("versions"),
    "coupledResource": _coupled_resource,
    "containsOperations": new(r.Operation, "operations", _OPERATION),
    "operatesOn": _coupled,
}


def _identification(walk: Walk, element: Element, record: r.Record) -> None:
    """Read the identification of data or of a service, which has properties of its own, too."""
    for child in element:
        name = local_name(child)
        if name.startswith("SV_"):
            record.service = record.service or r.Service()
            for part in child:
                if local_name(part) in SERVICE:
                    walk.child(part, SERVICE, record.service)
                else:
                    walk.child(part, IDENTIFICATION, record)
        elif name:
            walk.children(child, IDENTIFICATION, record)


# --- the record (MD_Metadata) ---------------------------------------------------------------------


def _reference_system(walk: Walk, element: Element, system: r.Identifier) -> None:
    """Read the identifier of a reference system; without one it is meaningless."""
    collected = SimpleNamespace(values=[])
    for child in element.iterfind("{*}referenceSystemIdentifier"):
        identifiers("values")(walk, child, collected)
    if collected.values:
        first = collected.values[0]
        system.code, system.codespace, system.href = first.code, first.codespace, first.href


def _metadata_date(walk: Walk, element: Element, record: r.Record) -> None:
    """Read the record's date (ISO 19115-3): the last revision, else the first date; note others.

    All dates are read at the first ``dateInfo``.
    """
    parent = element.getparent()
    properties = [element]
    if parent is not None:
        properties = parent.findall("{*}dateInfo")
    if properties[0] is not element:
        return
    dates = []
    for prop in properties:
        for child in prop:
            dated = r.Dated()
            walk.children(child, DATE, dated)
            if dated.value:
                dates.append(dated)
    revisions = [dated for dated in dates if dated.type == "revision"]
    best = [*revisions[-1:], *dates[:1]]
    if not record.metadata_date and best:
        record.metadata_date = best[0].value
    others = [dated for dated in dates if dated.value != record.metadata_date]
    notes = [f"dateInfo: {other.type or ''} {other.value}" for other in others]
    record.unread += dict.fromkeys(notes)


def _to_record(walk: Walk, element: Element, link: r.Link) -> None:
    """Mark a link to the record itself (ISO 19115-3), whatever its function."""
    link.function = "completeMetadata"


def _data_set_uri(walk: Walk, element: Element, record: r.Record) -> None:
    record.uri = one_line(walk.text(element).text) or None


def _parent_identifier(walk: Walk, element: Element, record: r.Record) -> None:
    """Read the identifier of the parent record (ISO 19139) and its link; the first one wins."""
    if record.parent_identifier or record.parent_href:
        walk.unread(element)
    else:
        text_and_href("parent_identifier", "parent_href")(walk, element, record)


_PARENT = within({"identifier": identifier_code("parent_identifier")})


def _parent(walk: Walk, element: Element, record: r.Record) -> None:
    """Read the citation of the parent record (ISO 19115-3), or a mere reference to it."""
    reference_to = (element.get("uuidref") or "").strip()
    if len(element):
        _PARENT(walk, element, record)
    elif not reference_to or element.get(XLINK_HREF):
        walk.unread(element)
    record.parent_identifier = record.parent_identifier or reference_to or None


METADATA: Table = {
    "metadataIdentifier": identifier_code("file_identifier"),
    "language": skip,  # read before the walk, with the locales
    "defaultLocale": skip,
    "locale": skip,
    "otherLocale": skip,
    "characterSet": skip,
    "parentIdentifier": _parent_identifier,
    "parentMetadata": _parent,
    "hierarchyLevelName": text("hierarchy_level_name"),
    "metadataScope": within(
        {"resourceScope": code("hierarchy_level"), "name": text("hierarchy_level_name")}
    ),
    "contact": contact("metadata_contacts"),
    "dateInfo": _metadata_date,
    "metadataStandardName": skip,
    "metadataStandardVersion": skip,
    "metadataStandard": skip,
    "metadataProfile": skip,
    "metadataLinkage": new(r.Link, "links", LINK, finish=_to_record),
    "dataSetURI": _data_set_uri,
    "referenceSystemInfo": new(
        r.Identifier,
        "reference_systems",
        {"referenceSystemIdentifier": skip},  # read by _reference_system
        finish=_reference_system,
    ),
    "identificationInfo": _identification,
    "contentInfo": within(
        {
            "featureCatalogueCitation": reference("feature_catalogues"),
            "featureCatalogue": read_feature_catalogue,
        }
    ),
    "distributionInfo": within(DISTRIBUTION),
    "dataQualityInfo": within(QUALITY),
    "resourceLineage": within(LINEAGE),
    "applicationSchemaInfo": within({"name": within({"title": texts("application_schemas")})}),
    **of_fields(""),
}
