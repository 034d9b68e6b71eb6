"""Convert the graph of one dataset to the neutral record.

Reads DCAT-AP 3, and the variants that older feeds write: GeoNetwork's ``dct:abstract`` and
protocols in place of formats, WKT under any predicate of a location, literals in place of URIs
(Opendatasoft, ArcGIS).
"""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from rdflib import DCTERMS, RDF, RDFS, SKOS, Graph, Literal, URIRef
from rdflib.namespace import FOAF, OWL
from rdflib.term import BNode, Node

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.dcat.graph import Described, boxes_of, in_order, is_foreign
from ckanext.ecosphere.harvest.normalise.draft import by_label, plain
from ckanext.ecosphere.harvest.record import (
    Conformity,
    Constraint,
    Contact,
    Dated,
    Format,
    Graphic,
    Identifier,
    Keyword,
    Link,
    Member,
    Period,
    Record,
    Service,
    Term,
)
from ckanext.ecosphere.shared.rdf import NAMESPACES

ADMS, CNT, DCAT, DCATAP, DQV, GEODCAT, ORG, PROV, TIME, VCARD = (
    NAMESPACES[prefix]
    for prefix in (
        "adms", "cnt", "dcat", "dcatap", "dqv", "geodcat", "org", "prov", "time", "vcard",
    )
)  # fmt: skip
SCHEMA = NAMESPACES["schema"]
HTTP_SCHEMA = "http://schema.org/"
LIMITS = URIRef("http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess")
"""Type of rights statements about access, as in GeoDCAT-AP and the portal's own feed."""
HIERARCHY = {DCAT.DatasetSeries: "series", DCAT.DataService: "service"}
INSTANTS = tuple(
    TIME[f"inXSD{kind}"] for kind in ("Date", "DateTimeStamp", "DateTime", "gYearMonth", "gYear")
)
EDITIONS = (
    ("revisionOf", DCTERMS.replaces),
    ("revisionOf", DCAT.previousVersion),
    ("replacedBy", DCTERMS.isReplacedBy),
)
"""Associations between editions of a dataset: that of ISO 19115-1, and its inverse, which the
standard lacks."""
DATES = (
    ("publication", DCTERMS.issued),
    ("revision", DCTERMS.modified),
    ("revision", URIRef(f"{DCTERMS}updated")),  # older GeoNetwork
    ("creation", DCTERMS.created),
)
_TOPIC = "/TopicCategory/"
SMALLEST_SCALE = 1e-9  # 1:1 000 000 000, at which the Earth is 13 mm wide
_RATIO = re.compile(r"\d{1,3}(?:\.\d{1,20})?(?:[eE]-\d{1,2})?")
_ADDRESS = re.compile(r"https?://[^\s<>\"{}|\\^`]+")
_ACCESS_LEVEL = URIRef("https://project-open-data.cio.gov/v1.1/schema#accessLevel")
_ACCESS_LEVELS = {
    "public": "PUBLIC",
    "restricted public": "RESTRICTED",
    "non-public": "NON_PUBLIC",
}
"""Access level of DCAT-US 1.1, used by ArcGIS portals → EU access right."""


def read_dataset(graph: Graph, subject: URIRef) -> Record:
    """Read the dataset `subject` of a graph."""
    dataset = Described(graph, subject)
    record = Record(
        standard="dcat",
        alternate_titles=dataset.texts(DCTERMS.alternative),
        edition=dataset.text(DCAT.version, OWL.versionInfo),
        hierarchy_level=_kind_of(dataset),
        topic_categories=_codes(dataset, GEODCAT.topicCategory),
        languages=[code.lower() for code in _codes(dataset, DCTERMS.language)],
        frequency=next(iter(_codes(dataset, DCTERMS.accrualPeriodicity)), None),
        status=next(filter(_is_status, _codes(dataset, ADMS.status)), None),
        scales=_scales(dataset),
        lineage=dataset.labels(DCTERMS.provenance, DCTERMS.description)
        or dataset.texts(DCAT.dataQuality),  # older GeoNetwork
        series=list(map(str, dataset.values(DCAT.inSeries, DCTERMS.isPartOf))),
        contacts=_parties_of(dataset),
    )
    for image in dataset.values(FOAF.thumbnail, FOAF.depiction):
        record.graphics.append(Graphic(url=str(image)))
    for association, predicate in EDITIONS:
        for edition in dataset.values(predicate):
            if not isinstance(edition.node, BNode):
                record.members.append(Member(identifier=str(edition), association=association))
    _add_texts(record, dataset)
    _add_identifiers(record, dataset)
    _add_catalogue_records(record, dataset)
    _add_keywords(record, dataset)
    _add_dates(record, dataset)
    _add_places(record, dataset)
    _add_constraints(record, dataset)
    _add_standards(record, dataset)
    _add_tests(record, dataset)
    _add_distributions(record, dataset)
    record.unread += rest_of(graph, subject, record)
    return record


def _add_texts(record: Record, dataset: Described) -> None:
    record.title, titles = dataset.in_languages(DCTERMS.title)
    record.abstract, abstracts = dataset.in_languages(DCTERMS.description, DCTERMS.abstract)
    if titles:
        record.translations["title"] = titles
    if abstracts:
        record.translations["abstract"] = abstracts


def _as_uri(value: Described) -> Described:
    """Convert a URI written as a literal (code lists in older GeoNetwork) to a URIRef.

    Return other nodes unchanged.
    """
    if isinstance(value.node, Literal) and _ADDRESS.fullmatch(value.node):
        return Described(value.graph, URIRef(str(value)))
    return value


def _codes(described: Described, predicate: URIRef) -> list[str]:
    """Return codes of a controlled list; for blank nodes, their labels."""
    codes = [value.code or value.label for value in map(_as_uri, described.values(predicate))]
    return [code for code in codes if code]


def _is_status(code: str) -> bool:
    """Tell whether a code is a status of the EU vocabulary, ISO 19115 or ADMS,
    in any case ("UnderDevelopment").
    """
    for vocabulary in (voc.get("dataset-status"), voc.get("progress-code")):
        if vocabulary.lookup(code):
            return True
    return plain(code) in by_label("progress-codes", "status", "codes")


def _scales(dataset: Described) -> list[str]:
    """Return scale denominators, which GeoDCAT-AP states as quality measurements:
    0.0002 is 1:5000.
    """
    denominators = []
    for measurement in dataset.values(DQV.hasQualityMeasurement):
        value = measurement.text(DQV.value) or ""
        is_scale = measurement.has(DQV.isMeasurementOf, GEODCAT.spatialResolutionAsScale)
        if is_scale and _RATIO.fullmatch(value) and SMALLEST_SCALE <= float(value) <= 1:
            denominators.append(str(round(1 / float(value))))
    return denominators


def _add_catalogue_records(record: Record, dataset: Described) -> None:
    """Read the catalogue records, linked in either direction: their identifier,
    date and contacts.
    """
    graph = dataset.graph
    entries = {
        *graph.subjects(FOAF.primaryTopic, dataset.node),
        *graph.objects(dataset.node, FOAF.isPrimaryTopicOf),
    }
    own = record.file_identifier  # of the data; those of the entries are of their record
    for node in in_order(graph, entries):
        entry = Described(graph, node)
        date = entry.value(DCTERMS.modified, DCTERMS.issued)
        if date is not None:
            record.metadata_date = record.metadata_date or str(date)
        identifier = entry.value(DCTERMS.identifier)
        if identifier and isinstance(identifier.node, Literal) and str(identifier).strip():
            record.file_identifier = str(identifier).strip()
        record.metadata_contacts += _parties_of(entry)
    if own and own != record.file_identifier:
        record.identifiers.insert(0, Identifier(code=own))


def _add_identifiers(record: Record, dataset: Described) -> None:
    own = list(map(str, dataset.values(DCTERMS.identifier)))
    if own:
        record.file_identifier = own[0]
    if dataset.address:
        record.identifiers.append(Identifier(code=dataset.address, href=dataset.address))
    record.identifiers += [Identifier(code=code) for code in own[1:]]
    for identifier in dataset.values(ADMS.identifier):
        notation = identifier.text(SKOS.notation) or identifier.address
        if notation:
            record.identifiers.append(Identifier(code=notation))


def _add_keywords(record: Record, dataset: Described) -> None:
    record.keywords += [Keyword(text=text) for text in dataset.texts(DCAT.keyword)]
    thesauri = ((DCAT.theme, None), (DCTERMS.subject, None), (DCATAP.hvdCategory, "HVD"))
    for predicate, thesaurus in thesauri:
        for concept in dataset.values(predicate):
            href = concept.address
            if str(concept).startswith("urn:ecosphere:"):
                href = str(concept)
            if _TOPIC in str(concept):
                record.topic_categories.append(concept.code)
            else:
                record.keywords.append(Keyword(concept.label, href, "theme", thesaurus))


def _kind_of(dataset: Described) -> str:
    """Return the hierarchy level (dataset, series or service),
    from the class or else the INSPIRE resource type.
    """
    for rdf_class, level in HIERARCHY.items():
        if dataset.has(RDF.type, rdf_class):
            return level
    types = [*dataset.values(DCTERMS.type), *dataset.values(GEODCAT.resourceType)]
    codes = {value.code for value in types}
    return next((level for level in ("series", "service") if level in codes), "dataset")


def _add_dates(record: Record, dataset: Described) -> None:
    for kind, predicate in DATES:
        record.dates += [Dated(str(value), kind) for value in dataset.values(predicate)]
    for period in dataset.values(DCTERMS.temporal):
        start = _end_of_period(period, "startDate", TIME.hasBeginning)
        end = _end_of_period(period, "endDate", TIME.hasEnd)
        if start or end:
            record.periods.append(Period(start, end))
        elif isinstance(period.node, Literal) and "/" in period.node:
            record.periods.append(Period(*str(period).split("/", 1)))


def _end_of_period(period: Described, name: str, instant: URIRef) -> str | None:
    """Return a date at which a period begins or ends: of DCAT or schema.org,
    or of an OWL-Time instant.
    """
    date = period.text(DCAT[name], URIRef(HTTP_SCHEMA + name), SCHEMA[name])
    if date:
        return date
    for value in period.values(instant):
        is_literal = isinstance(value.node, Literal)
        date = str(value) if is_literal else value.text(*INSTANTS)
        if is_literal or date:
            return date
    return None


def _add_places(record: Record, dataset: Described) -> None:
    for place in dataset.values(DCTERMS.spatial):
        boxes = next(filter(None, map(boxes_of, _geometries(place))), [])
        label = place.label
        if isinstance(place.node, Literal):
            boxes = boxes_of(label)
        record.boxes += boxes
        if place.address:
            record.geographic_identifiers.append(Identifier(place.address, href=place.address))
        elif label and not (isinstance(place.node, Literal) and boxes):
            record.extent_descriptions.append(label)


def _geometries(place: Described) -> list[str]:
    """Return the literals of a location that may be geometries: bounding box first,
    centroid last.
    """
    ranks: dict[Node, int] = {DCAT.bbox: 0, DCAT.centroid: 2}
    literals = []
    for predicate, value in place.graph.predicate_objects(place.node):
        if isinstance(value, Literal):
            literals.append((ranks.get(predicate, 1), str(value)))
    return [text for _rank, text in sorted(literals)]


# --- constraints, specifications ------------------------------------------------------------------


def _add_constraints(record: Record, dataset: Described) -> None:
    terms: dict[tuple[str, str | None], Term] = {}
    limits: list[Term] = []
    for place in (dataset, *dataset.values(DCAT.distribution)):
        for statement in (*place.values(DCTERMS.license), *place.values(DCTERMS.rights)):
            term = Term(_statement(statement), statement.address)
            if not term.text and not term.href:
                continue
            if place is dataset and statement.has(DCTERMS.type, LIMITS):
                limits.append(term)
            else:
                terms.setdefault((term.text, term.href), term)
    if terms:
        uses = list(terms.values())
        record.constraints.append(Constraint(kind="legal", use_limitations=uses))
    access = _access_rights(dataset) + limits
    if access:
        codes = ["otherRestrictions"]
        record.constraints.append(Constraint(kind="legal", access_codes=codes, other=access))


def _access_rights(dataset: Described) -> list[Term]:
    terms = []
    for right in dataset.values(DCTERMS.accessRights):
        text = _statement(right)
        if text:
            text = right.code if text == str(right) else text
            terms.append(Term(text, right.address))
    for level in map(str, dataset.values(_ACCESS_LEVEL)):
        if level in _ACCESS_LEVELS:
            concept = voc.get("access-right")[_ACCESS_LEVELS[level]]
            terms.append(Term(level, concept.uri))
    return terms


def _statement(statement: Described) -> str:
    """Return the text of a rights statement: its label, its description or its URI;
    "" for a blank node without.
    """
    text = statement.label or statement.text(DCTERMS.description, RDF.value)
    if not text and not isinstance(statement.node, BNode):
        text = str(statement)
    return text or ""


def _add_standards(record: Record, dataset: Described) -> None:
    for standard in dataset.values(DCTERMS.conformsTo):
        title, href = standard.label or str(standard), standard.address
        if "/def/crs/" in str(standard) or "EPSG" in f"{standard} {title}":
            # Older GeoNetwork gives the name of the system instead of a URI.
            code = standard.code if href else title
            record.reference_systems.append(Identifier(code=code, href=href))
        else:
            report = Conformity(title=title, href=href, degree=True)
            issued = standard.text(DCTERMS.issued)
            if issued:
                report.dates = [Dated(issued, "publication")]
            record.conformity.append(report)


def _add_tests(record: Record, dataset: Described) -> None:
    """Add the conformance tests of GeoDCAT-AP (PROV).

    A specification may also be stated with ``dct:conformsTo``.
    """
    for test in dataset.values(PROV.wasUsedBy):
        plans: list[Described] = []
        for association in test.values(PROV.qualifiedAssociation):
            plans += association.values(PROV.hadPlan)
        if not plans:
            continue
        report = _tested(record, plans[0])
        if report is None:
            continue
        result = test.value(PROV.generated)
        if result is not None:
            kind = result.value(DCTERMS.type)
            degree = "" if kind is None else kind.code
            report.degree = {"conformant": True, "notConformant": False}.get(degree)
            report.explanation = result.text(DCTERMS.description)
        if not report.dates:
            report.dates = _dates_of_plan(plans[0])


def _tested(record: Record, plan: Described) -> Conformity | None:
    """Return the report about the specification of a plan, a new one if there is none.

    None without title and URI.
    """
    standard = plan.value(PROV.wasDerivedFrom) or plan
    title = plan.label or standard.label
    href = standard.address
    for report in record.conformity:
        if report.href == href and (href or report.title == title):
            if title and report.title == report.href:
                report.title = title
            return report
    if not title and not href:
        return None
    report = Conformity(title=title or str(href), href=href)
    record.conformity.append(report)
    return report


def _dates_of_plan(plan: Described) -> list[Dated]:
    standard = plan.value(PROV.wasDerivedFrom) or plan
    dates = []
    for kind, predicate in DATES:
        value = plan.text(predicate) or standard.text(predicate)
        if value:
            dates.append(Dated(value, kind))
    return dates


# --- parties, with their ISO 19115 roles (GeoDCAT-AP properties, PROV) ---------------------------

ROLES = (
    "author", "custodian", "distributor", "originator", "owner", "pointOfContact",
    "principalInvestigator", "processor", "publisher", "resourceProvider", "user",
)  # fmt: skip
"""ISO 19115 role codes. GeoDCAT-AP 2 and 3 define a property of the same name for most; feeds use
one for any."""
AGENTS = (
    ("publisher", DCTERMS.publisher),
    ("originator", DCTERMS.creator),
    ("owner", DCTERMS.rightsHolder),
    ("owner", URIRef(f"{DCTERMS}rights_holder")),  # CKAN portals that export their field name
    *((role, GEODCAT[role]) for role in ROLES),
    ("pointOfContact", DCAT.contactPoint),
)
_ORGANISATION = re.compile(r"/metadata/+organizations/([^/?#]+)$")
_BEFORE_MAIL = re.compile(r"^.*?(?:mailto:|/(?=[^/]*@))")


def _parties_of(described: Described) -> list[Contact]:
    """Return the parties of a dataset or of its catalogue record,
    including those of qualified attributions.
    """
    contacts = []
    for role, predicate in AGENTS:
        contacts += _parties(described, role, predicate)
    for attribution in described.values(PROV.qualifiedAttribution):
        role = attribution.value(DCAT.hadRole, PROV.hadRole)
        code = ""
        if role is not None:
            code = role.code
        contacts += _parties(attribution, code, PROV.agent)
    return contacts


def _parties(described: Described, role: str, predicate: URIRef) -> list[Contact]:
    """Return the parties of a property, sorted by content:
    the labels of blank nodes change at each parse.
    """
    parties = [_party(agent, role) for agent in described.values(predicate)]
    return sorted(parties, key=_content)


def _content(party: Contact) -> list[str]:
    texts = (party.organisation_href, party.organisation, party.email, party.url)
    return [text or "" for text in texts]


def _party(agent: Described, role: str) -> Contact:
    names = (VCARD["organization-name"], VCARD.fn, RDFS.label, SKOS.prefLabel)
    name = agent.text(FOAF.name, *names)
    contact = Contact(
        organisation=name or _name_in(agent),
        organisation_href=agent.address,
        role=role,
        position=agent.text(VCARD["organization-unit"]),
        phone=agent.stated(VCARD.hasValue, VCARD.hasTelephone, FOAF.phone),
        url=agent.stated(VCARD.hasValue, FOAF.homepage, VCARD.hasURL, FOAF.workplaceHomepage),
    )
    if isinstance(agent.node, Literal):
        contact.organisation = str(agent)
    elif agent.has(RDF.type, FOAF.Person):
        services = [service.label for service in agent.values(ORG.memberOf)]
        service = next(filter(None, services), None)
        if service:
            contact.organisation, contact.individual = service, name
    # Older GeoNetwork states it on the members of an organisation.
    for holder in (agent, *agent.values(FOAF.member)):
        mail = holder.stated(VCARD.value, VCARD.hasEmail, FOAF.mbox, VCARD.email)
        if mail:
            contact.email = _BEFORE_MAIL.sub("", mail)
            break
    return contact


def _name_in(agent: Described) -> str | None:
    """Return the name in the URI of an organisation without a description (older GeoNetwork)."""
    match = _ORGANISATION.search(str(agent))
    if match is None or not isinstance(agent.node, URIRef):
        return None
    return unquote(match.group(1)).strip() or None


# --- distributions, data services, pages ----------------------------------------------------------

_SIZE = re.compile(r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?")
_BYTES_PER_MEGABYTE = 1_000_000
_PROTOCOL = re.compile(r"(?i)(OGC|WWW|ESRI):")
_MEDIA_TYPES = re.compile(r"^.*/media-types/")


def _add_distributions(record: Record, dataset: Described) -> None:
    """Add the links of a dataset or data service to its record, and the formats that they state."""
    for distribution in dataset.values(DCAT.distribution):
        record.links += _links(distribution)
    for endpoint in dataset.values(DCAT.endpointURL):  # of a data service
        title = dataset.text(DCTERMS.title)
        record.links.append(Link(url=str(endpoint), name=title, role="service"))
        record.service = record.service or Service()
    described = dataset.value(DCAT.endpointDescription)
    if record.service and described and described.address:
        record.fields["endpoint_description"] = described.address
    for page in (*dataset.values(DCAT.landingPage), *dataset.values(FOAF.page)):
        name = page.label or None
        record.links.append(Link(url=str(page), name=name, function="information"))
    names = dict.fromkeys(link.format for link in record.links)
    record.formats = [Format(name=name) for name in names if name]


def _links(distribution: Described) -> list[Link]:
    """Convert a distribution to links.

    One that has a URI but no properties is linked by its URI.
    """
    urls = list(map(str, distribution.values(DCAT.downloadURL, DCAT.accessURL)))
    address = distribution.address
    if not urls and address and (distribution.node, None, None) not in distribution.graph:
        urls = [address]
    links = [_link(distribution, url) for url in urls]
    pages = (page for page in map(str, distribution.values(DCAT.accessURL)) if page not in urls)
    first_page = next(pages, None)
    for link in links:
        link.access_url = first_page
    return links + _services(distribution, urls)


def _link(distribution: Described, url: str) -> Link:
    """Return the link of a distribution to one of its URLs."""
    name, names = distribution.in_languages(DCTERMS.title, RDFS.label)
    description, descriptions = distribution.in_languages(DCTERMS.description)
    standards = list(map(str, distribution.values(DCTERMS.conformsTo)))
    systems = sorted(standard for standard in standards if "/def/crs/" in standard)
    link = Link(
        url=url,
        protocol=_protocol(distribution),
        name=name,
        description=description,
        role=_role(distribution),
        encoding=distribution.text(CNT.characterEncoding),
        issued=distribution.text(DCTERMS.issued),
        modified=distribution.text(DCTERMS.modified),
        documentation=distribution.addresses(FOAF.page),
        systems=systems,
    )
    addresses = distribution.addresses(DCTERMS.conformsTo)
    link.standards = [address for address in addresses if address not in systems]
    if names:
        link.translations["name"] = names
    if descriptions:
        link.translations["description"] = descriptions
    if distribution.has(DCAT.downloadURL):
        link.function = "download"
    file_format = distribution.value(DCTERMS["format"])
    if file_format is not None:
        link.format = file_format.label or file_format.code or None
    if link.format and _PROTOCOL.match(link.format):  # older GeoNetwork
        link.protocol, link.format = link.format, None
    for media in distribution.values(DCAT.mediaType):
        if not isinstance(media.node, BNode):
            link.media_type = _MEDIA_TYPES.sub("", str(media))
            break
    size = distribution.text(DCAT.byteSize)
    if size and _SIZE.fullmatch(size):
        link.size_megabytes = str(float(size) / _BYTES_PER_MEGABYTE)
    licence = distribution.value(DCTERMS.license)
    if licence is not None:
        link.licence = licence.address or licence.label or None
    return link


def _role(distribution: Described) -> str | None:
    """Return the role of a distribution, from our vocabulary or as a sample of its dataset."""
    for kind in distribution.values(DCTERMS.type):
        concept = voc.get("resource-role").get(str(kind))
        if concept:
            return concept.id
    if (None, ADMS.sample, distribution.node) in distribution.graph:
        return "sample"
    return None


def _protocol(distribution: Described) -> str | None:
    """Return the protocol of the data service that gives access to a distribution,
    if the vocabulary has it.
    """
    protocols = set()
    for service in distribution.values(DCAT.accessService):
        for predicate in (GEODCAT.serviceProtocol, DCTERMS.conformsTo):
            concepts = (voc.get("protocol").get(str(value)) for value in service.values(predicate))
            protocols.update(concept.id for concept in concepts if concept)
    if len(protocols) != 1:
        return None
    return protocols.pop()


def _services(distribution: Described, urls: list[str]) -> list[Link]:
    """Return links to the data services of a distribution,
    except those whose URL it already states.
    """
    present = {_without_query(url) for url in urls}
    links = []
    for service in distribution.values(DCAT.accessService):
        name = service.text(DCTERMS.title) or distribution.text(DCTERMS.title)
        standard = service.value(GEODCAT.serviceProtocol, DCTERMS.conformsTo)
        protocol = None
        if standard is not None and "opengeospatial" in str(standard):
            protocol = f"OGC:{standard.code.upper()}"
        for url in map(str, service.values(DCAT.endpointURL)):
            if _without_query(url) not in present:
                links.append(Link(url=url, protocol=protocol, name=name))
    return links


def _without_query(url: str) -> str:
    return url.partition("?")[0].rstrip("/")


# --- what the record does not hold ---
#
# Report by path what a dataset's graph holds beyond the neutral record, so that nothing is lost
# silently.

MAX_NOTES, MAX_NOTE = 300, 2_000
"""Maximum notes per dataset (of the rest only the number is reported), and characters per note."""
MAX_DEPTH = 5
_NAMES_OF_DATES = {"created", "issued", "modified"}
_PARTS_WITH_DATES = {"", "distribution", "isPrimaryTopicOf"}
"""Parts of a dataset whose dates the record keeps; "" is the dataset itself."""
_GEOMETRIES = {"bbox", "geometry", "asWKT", "asGML", "asGeoJSON"}


def rest_of(graph: Graph, subject: Node, record: Any) -> list[str]:
    """Return ``path: text`` for each literal and URI that the record does not hold; translations
    are grouped.

    Args:
        graph: the triples of one dataset.
        subject: the dataset.
        record: the neutral record that was made of it.
    """
    texts = set(map(_bare, _texts_in(dataclasses.asdict(record))))
    lines: list[str] = []
    translations: dict[str, list[str]] = defaultdict(list)
    for path, value in _values(graph, subject):
        text = _bare(value)
        if not text or _is_held(path, value, text, texts) or _is_box_of(record, path, value):
            continue
        texts.add(text)
        line = " ".join(str(value).split())
        if is_foreign(value) and isinstance(value, Literal):
            translations[path].append(f"[{value.language}] {line}")
        else:
            lines.append(f"{path}: {line}"[:MAX_NOTE])
    lines = list(dict.fromkeys(lines))
    for path, others in translations.items():
        lines += _packed(path, others)
    if len(lines) > MAX_NOTES:
        lines[MAX_NOTES:] = [f"…: {len(lines) - MAX_NOTES}"]
    return lines


def _is_held(path: str, value: Node, text: str, texts: set[str]) -> bool:
    """Return whether a text is among those of the record; a URI may be there as a code."""
    if isinstance(value, URIRef) and _last(text).casefold() in texts:
        return True
    part, _slash, last = path.rpartition("/")
    # Equal dates of other parts are separate facts.
    is_other_date = last in _NAMES_OF_DATES and part not in _PARTS_WITH_DATES
    return text in texts and not is_other_date


def _is_box_of(record: Any, path: str, value: Node) -> bool:
    """Return whether a value is a geometry that the record holds as boxes."""
    if path.rpartition("/")[2] not in _GEOMETRIES:
        return False
    boxes = boxes_of(str(value))
    return bool(boxes) and all(box in record.boxes for box in boxes)


def _packed(path: str, texts: list[str]) -> Iterator[str]:
    """Pack many short texts into few notes."""
    note = f"{path}:"
    for text in texts:
        if len(note) + len(text) > MAX_NOTE and note != f"{path}:":
            yield note
            note = f"{path}:"
        note = f"{note} {text}"[:MAX_NOTE]
    yield note


def _values(graph: Graph, subject: Node) -> Iterator[tuple[str, Node]]:
    """Yield path and value of each literal and URI reachable from a dataset,
    in an order independent of the graph's.
    """
    visited = {subject}
    waiting: list[tuple[Node, str, int]] = [(subject, "", 0)]
    while waiting:
        node, path, depth = waiting.pop()
        for predicate, value in _ordered(graph, node):
            if predicate == RDF.type:
                continue
            path_of_value = f"{path}/{_last(predicate)}".lstrip("/")
            if not isinstance(value, BNode):
                yield path_of_value, value
            if not isinstance(value, Literal) and value not in visited and depth < MAX_DEPTH:
                visited.add(value)
                waiting.append((value, path_of_value, depth + 1))


def _ordered(graph: Graph, node: Node) -> Iterator[tuple[Node, Node]]:
    for predicate in sorted(set(graph.predicates(node)), key=str):
        yield from ((predicate, value) for value in in_order(graph, graph.objects(node, predicate)))


def _last(node: Node | str) -> str:
    return str(node).rstrip("/#").replace("#", "/").rpartition("/")[2]


def _bare(value: Any) -> str:
    return " ".join(str(value).split()).casefold().removeprefix("mailto:").removeprefix("tel:")


def _texts_in(value: Any) -> Iterator[str]:
    """Yield the texts in a value.

    A number or a flag is no text that says the same as a statement.
    """
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts_in(item)
