"""Convert the graph of one dataset to the neutral record.

Reads DCAT-AP 3, and the variants that older feeds write: GeoNetwork's ``dct:abstract`` and protocols in place of
formats, WKT under any predicate of a location, literals in place of URIs (Opendatasoft, ArcGIS).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from rdflib import DCTERMS, RDF, RDFS, SKOS, Graph, Literal, URIRef
from rdflib.namespace import FOAF, OWL
from rdflib.term import BNode, Node

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.dcat.graph import (
    address_of,
    addresses_of,
    boxes_of,
    first_node,
    first_of,
    in_languages,
    in_order,
    label_of,
    labels_of,
    last_part,
    text_of,
    texts_of,
)
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
    ReferenceSystem,
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
_ACCESS_RIGHT = "http://publications.europa.eu/resource/authority/access-right/"
_ACCESS_LEVELS = {
    "public": "PUBLIC",
    "restricted public": "RESTRICTED",
    "non-public": "NON_PUBLIC",
}
"""Access level of DCAT-US 1.1, used by ArcGIS portals → EU access right."""


def read_dataset(graph: Graph, subject: URIRef) -> Record:
    """Read the dataset `subject` of a graph."""
    record = Record(
        standard="dcat",
        alternate_titles=texts_of(graph, subject, DCTERMS.alternative),
        edition=text_of(graph, subject, DCAT.version, OWL.versionInfo),
        hierarchy_level=_kind_of(graph, subject),
        topic_categories=_codes(graph, subject, GEODCAT.topicCategory),
        languages=[code.lower() for code in _codes(graph, subject, DCTERMS.language)],
        frequency=next(iter(_codes(graph, subject, DCTERMS.accrualPeriodicity)), None),
        status=next(filter(_is_status, _codes(graph, subject, ADMS.status)), None),
        scales=_scales(graph, subject),
        lineage=labels_of(graph, subject, DCTERMS.provenance, DCTERMS.description),
        series=list(map(str, first_of(graph, subject, DCAT.inSeries, DCTERMS.isPartOf))),
    )
    if not record.lineage:  # older GeoNetwork
        record.lineage = texts_of(graph, subject, DCAT.dataQuality)
    for image in first_of(graph, subject, FOAF.thumbnail, FOAF.depiction):
        record.graphics.append(Graphic(url=str(image)))
    for association, predicate in EDITIONS:
        for node in in_order(graph, set(graph.objects(subject, predicate))):
            if not isinstance(node, BNode):
                record.members.append(Member(identifier=str(node), association=association))
    _texts(record, graph, subject)
    _identifiers(record, graph, subject)
    _entry(record, graph, subject)
    _keywords(record, graph, subject)
    _dates(record, graph, subject)
    _add_parties(record, graph, subject)
    _places(record, graph, subject)
    _constraints(record, graph, subject)
    _standards(record, graph, subject)
    _tests(record, graph, subject)
    _add_distributions(record, graph, subject)
    record.unread += rest_of(graph, subject, record)
    return record


def _texts(record: Record, graph: Graph, subject: Node) -> None:
    record.title, titles = in_languages(graph, subject, DCTERMS.title)
    predicates = (DCTERMS.description, DCTERMS.abstract)
    record.abstract, abstracts = in_languages(graph, subject, *predicates)
    if titles:
        record.translations["title"] = titles
    if abstracts:
        record.translations["abstract"] = abstracts


def _as_uri(node: Node) -> Node:
    """Convert a URI written as a literal (code lists in older GeoNetwork) to a URIRef; return other nodes unchanged."""
    if isinstance(node, Literal) and _ADDRESS.fullmatch(node):
        return URIRef(str(node))
    return node


def _codes(graph: Graph, subject: Node, predicate: URIRef) -> list[str]:
    """Return codes of a controlled list; for blank nodes, their labels."""
    nodes = map(_as_uri, first_of(graph, subject, predicate))
    codes = [last_part(node) or label_of(graph, node) for node in nodes]
    return [code for code in codes if code]


def _is_status(code: str) -> bool:
    """Tell whether a code is a status of the EU vocabulary, ISO 19115 or ADMS, in any case ("UnderDevelopment")."""
    for vocabulary in (voc.get("dataset-status"), voc.get("progress-code")):
        if vocabulary.get(code) or vocabulary.find(code):
            return True
    return plain(code) in by_label("progress-codes", "status", "codes")


def _scales(graph: Graph, subject: Node) -> list[str]:
    """Return scale denominators, which GeoDCAT-AP states as quality measurements: 0.0002 is 1:5000."""
    denominators = []
    for node in in_order(graph, graph.objects(subject, DQV.hasQualityMeasurement)):
        value = text_of(graph, node, DQV.value) or ""
        is_scale = (node, DQV.isMeasurementOf, GEODCAT.spatialResolutionAsScale) in graph
        if is_scale and _RATIO.fullmatch(value) and SMALLEST_SCALE <= float(value) <= 1:
            denominators.append(str(round(1 / float(value))))
    return denominators


def _entry(record: Record, graph: Graph, subject: Node) -> None:
    """Read the catalogue records, linked in either direction: their identifier, date and contacts."""
    entries = {
        *graph.subjects(FOAF.primaryTopic, subject),
        *graph.objects(subject, FOAF.isPrimaryTopicOf),
    }
    for entry in in_order(graph, entries):
        date = first_node(graph, entry, DCTERMS.modified, DCTERMS.issued)
        if date is not None:
            record.metadata_date = record.metadata_date or str(date)
        identifier = first_node(graph, entry, DCTERMS.identifier)
        if isinstance(identifier, Literal) and str(identifier).strip():
            own = record.file_identifier
            if own and own != str(identifier):  # of the data; the other one is of their record
                record.identifiers.insert(0, Identifier(code=own))
            record.file_identifier = str(identifier).strip()
        parties = Record()
        _add_parties(parties, graph, entry)
        record.metadata_contacts += parties.contacts


def _identifiers(record: Record, graph: Graph, subject: URIRef) -> None:
    own = list(map(str, first_of(graph, subject, DCTERMS.identifier)))
    if own:
        record.file_identifier = own[0]
    if address_of(subject):
        record.identifiers.append(Identifier(code=str(subject), href=str(subject)))
    record.identifiers += [Identifier(code=code) for code in own[1:]]
    for node in in_order(graph, graph.objects(subject, ADMS.identifier)):
        notation = text_of(graph, node, SKOS.notation) or address_of(node)
        if notation:
            record.identifiers.append(Identifier(code=notation))


def _keywords(record: Record, graph: Graph, subject: Node) -> None:
    record.keywords += [Keyword(text=text) for text in texts_of(graph, subject, DCAT.keyword)]
    thesauri = ((DCAT.theme, None), (DCTERMS.subject, None), (DCATAP.hvdCategory, "HVD"))
    for predicate, thesaurus in thesauri:
        for node in first_of(graph, subject, predicate):
            href = address_of(node)
            if str(node).startswith("urn:ecosphere:"):
                href = str(node)
            if _TOPIC in str(node):
                record.topic_categories.append(last_part(node))
            else:
                record.keywords.append(Keyword(label_of(graph, node), href, "theme", thesaurus))


def _kind_of(graph: Graph, subject: Node) -> str:
    """Return the hierarchy level (dataset, series or service), from the class or else the INSPIRE resource type."""
    for rdf_class, level in HIERARCHY.items():
        if (subject, RDF.type, rdf_class) in graph:
            return level
    types = [*graph.objects(subject, DCTERMS.type), *graph.objects(subject, GEODCAT.resourceType)]
    codes = set(map(last_part, types))
    for level in ("series", "service"):
        if level in codes:
            return level
    return "dataset"


def _dates(record: Record, graph: Graph, subject: Node) -> None:
    for kind, predicate in DATES:
        record.dates += [Dated(str(value), kind) for value in first_of(graph, subject, predicate)]
    for node in first_of(graph, subject, DCTERMS.temporal):
        start = _end_of_period(graph, node, "startDate", TIME.hasBeginning)
        end = _end_of_period(graph, node, "endDate", TIME.hasEnd)
        if start or end:
            record.periods.append(Period(start, end))
        elif isinstance(node, Literal) and "/" in node:
            record.periods.append(Period(*str(node).split("/", 1)))


def _end_of_period(graph: Graph, node: Node, name: str, instant: URIRef) -> str | None:
    """Return a date at which a period begins or ends: of DCAT or schema.org, or of an OWL-Time instant."""
    date = text_of(graph, node, DCAT[name], URIRef(HTTP_SCHEMA + name), SCHEMA[name])
    if date:
        return date
    for value in first_of(graph, node, instant):
        date = str(value) if isinstance(value, Literal) else text_of(graph, value, *INSTANTS)
        if isinstance(value, Literal) or date:
            return date
    return None


def _places(record: Record, graph: Graph, subject: Node) -> None:
    for node in in_order(graph, graph.objects(subject, DCTERMS.spatial)):
        boxes = next(filter(None, map(boxes_of, _geometries(graph, node))), [])
        if isinstance(node, Literal):
            boxes = boxes_of(str(node))
            if not boxes:
                record.extent_descriptions.append(str(node))
        record.boxes += boxes
        label = label_of(graph, node)
        if address_of(node):
            record.geographic_identifiers.append(Identifier(code=str(node), href=str(node)))
        elif label and not isinstance(node, Literal):
            record.extent_descriptions.append(label)


def _geometries(graph: Graph, place: Node) -> list[str]:
    """Return the literals of a location that may be geometries: bounding box first, centroid last."""
    ranks: dict[Node, int] = {DCAT.bbox: 0, DCAT.centroid: 2}
    literals = []
    for predicate, value in graph.predicate_objects(place):
        if isinstance(value, Literal):
            literals.append((ranks.get(predicate, 1), str(value)))
    return [text for _rank, text in sorted(literals)]


# --- constraints, specifications ------------------------------------------------------------------


def _constraints(record: Record, graph: Graph, subject: Node) -> None:
    terms: dict[tuple[str, str | None], Term] = {}
    limits: list[Term] = []
    for place in (subject, *first_of(graph, subject, DCAT.distribution)):
        for predicate in (DCTERMS.license, DCTERMS.rights):
            for node in first_of(graph, place, predicate):
                term = Term(_statement(graph, node), address_of(node))
                if not term.text and not term.href:
                    continue
                if place == subject and (node, DCTERMS.type, LIMITS) in graph:
                    limits.append(term)
                else:
                    terms.setdefault((term.text, term.href), term)
    if terms:
        uses = list(terms.values())
        record.constraints.append(Constraint(kind="legal", use_limitations=uses))
    access = _access_rights(graph, subject) + limits
    if access:
        codes = ["otherRestrictions"]
        record.constraints.append(Constraint(kind="legal", access_codes=codes, other=access))


def _access_rights(graph: Graph, subject: Node) -> list[Term]:
    terms = []
    for node in first_of(graph, subject, DCTERMS.accessRights):
        text = _statement(graph, node)
        if text:
            text = last_part(node) if text == str(node) else text
            terms.append(Term(text, address_of(node)))
    for level in map(str, first_of(graph, subject, _ACCESS_LEVEL)):
        if level in _ACCESS_LEVELS:
            terms.append(Term(level, _ACCESS_RIGHT + _ACCESS_LEVELS[level]))
    return terms


def _statement(graph: Graph, node: Node) -> str:
    """Return the text of a rights statement: its label, its description or its URI; "" for a blank node without."""
    text = label_of(graph, node) or text_of(graph, node, DCTERMS.description, RDF.value)
    if not text and not isinstance(node, BNode):
        text = str(node)
    return text or ""


def _standards(record: Record, graph: Graph, subject: Node) -> None:
    for node in in_order(graph, graph.objects(subject, DCTERMS.conformsTo)):
        title, href = label_of(graph, node) or str(node), address_of(node)
        if "/def/crs/" in str(node) or "EPSG" in f"{node} {title}":
            # Older GeoNetwork gives the name of the system instead of a URI.
            code = last_part(node) if href else title
            record.reference_systems.append(ReferenceSystem(code=code, href=href))
        else:
            report = Conformity(title=title, href=href, degree=True)
            issued = text_of(graph, node, DCTERMS.issued)
            if issued:
                report.dates = [Dated(issued, "publication")]
            record.conformity.append(report)


def _tests(record: Record, graph: Graph, subject: Node) -> None:
    """Add the conformance tests of GeoDCAT-AP (PROV); a specification may also be stated with ``dct:conformsTo``."""
    for test in in_order(graph, graph.objects(subject, PROV.wasUsedBy)):
        plans: list[Node] = []
        for association in graph.objects(test, PROV.qualifiedAssociation):
            plans += graph.objects(association, PROV.hadPlan)
        report = _tested(record, graph, plans[0]) if plans else None
        if report is None:
            continue
        result = first_node(graph, test, PROV.generated)
        if result is not None:
            kind = first_node(graph, result, DCTERMS.type)
            degree = "" if kind is None else last_part(kind)
            report.degree = {"conformant": True, "notConformant": False}.get(degree)
            report.explanation = text_of(graph, result, DCTERMS.description)
        if not report.dates:
            report.dates = _dates_of_plan(graph, plans[0])


def _tested(record: Record, graph: Graph, plan: Node) -> Conformity | None:
    """Return the report about the specification of a plan, a new one if there is none; None without title and URI."""
    standard = first_node(graph, plan, PROV.wasDerivedFrom) or plan
    title = label_of(graph, plan) or label_of(graph, standard)
    href = address_of(standard)
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


def _dates_of_plan(graph: Graph, plan: Node) -> list[Dated]:
    standard = first_node(graph, plan, PROV.wasDerivedFrom) or plan
    dates = []
    for kind, predicate in DATES:
        value = text_of(graph, plan, predicate) or text_of(graph, standard, predicate)
        if value:
            dates.append(Dated(value, kind))
    return dates


# --- parties, with their ISO 19115 roles (GeoDCAT-AP properties, PROV) -----------------------------

ROLES = (
    "author",
    "custodian",
    "distributor",
    "originator",
    "owner",
    "pointOfContact",
    "principalInvestigator",
    "processor",
    "publisher",
    "resourceProvider",
    "user",
)
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


def _add_parties(record: Record, graph: Graph, subject: Node) -> None:
    """Add the parties of a dataset or of its catalogue record, including those of qualified attributions."""
    for role, predicate in AGENTS:
        record.contacts += _parties(graph, subject, role, predicate)
    for node in in_order(graph, graph.objects(subject, PROV.qualifiedAttribution)):
        role = first_node(graph, node, DCAT.hadRole, PROV.hadRole)
        code = "" if role is None else last_part(role)
        record.contacts += _parties(graph, node, code, PROV.agent)


def _parties(graph: Graph, subject: Node, role: str, predicate: URIRef) -> list[Contact]:
    """Return the parties of a property, sorted by content: the labels of blank nodes change at each parse."""
    parties = [_party(graph, node, role) for node in graph.objects(subject, predicate)]
    return sorted(parties, key=_sort_key)


def _party(graph: Graph, node: Node, role: str) -> Contact:
    names = (VCARD["organization-name"], VCARD.fn, RDFS.label, SKOS.prefLabel)
    name = text_of(graph, node, FOAF.name, *names)
    contact = Contact(
        organisation=name or _name_in(node),
        organisation_href=address_of(node),
        role=role,
        position=text_of(graph, node, VCARD["organization-unit"]),
    )
    if isinstance(node, Literal):
        contact.organisation = str(node)
    elif (node, RDF.type, FOAF.Person) in graph:
        services = [label_of(graph, service) for service in first_of(graph, node, ORG.memberOf)]
        service = next(filter(None, services), None)
        if service:
            contact.organisation, contact.individual = service, name
    mail = first_node(graph, node, VCARD.hasEmail, FOAF.mbox, VCARD.email)
    if mail is None:  # older GeoNetwork states it on the members of an organisation
        members = first_of(graph, node, FOAF.member)
        mails = [first_node(graph, member, FOAF.mbox) for member in members]
        mail = next(filter(None, mails), None)
    if mail is not None:
        text = text_of(graph, mail, VCARD.value) or str(mail)
        contact.email = _BEFORE_MAIL.sub("", text)
    phone = first_node(graph, node, VCARD.hasTelephone, FOAF.phone)
    if phone is not None:
        contact.phone = text_of(graph, phone, VCARD.hasValue) or str(phone)
    home = first_node(graph, node, FOAF.homepage, VCARD.hasURL, FOAF.workplaceHomepage)
    if home is not None:
        contact.url = str(home)
    return contact


def _name_in(node: Node) -> str | None:
    """Return the name in the URI of an organisation without a description (older GeoNetwork)."""
    match = _ORGANISATION.search(str(node)) if isinstance(node, URIRef) else None
    if match is None:
        return None
    return unquote(match.group(1)).strip() or None


def _sort_key(contact: Contact) -> tuple[str, ...]:
    parts = (contact.organisation_href, contact.organisation, contact.email, contact.url)
    return tuple(part or "" for part in parts)


# --- distributions, data services, pages ----------------------------------------------------------

_SIZE = re.compile(r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?")
_BYTES_PER_MEGABYTE = 1_000_000
_PROTOCOL = re.compile(r"(?i)(OGC|WWW|ESRI):")
_MEDIA_TYPES = re.compile(r"^.*/media-types/")


def _add_distributions(record: Record, graph: Graph, subject: Node) -> None:
    """Add the links of a dataset or data service to its record, and the formats that they state."""
    for node in in_order(graph, graph.objects(subject, DCAT.distribution)):
        record.links += _links(graph, node)
    for node in in_order(graph, graph.objects(subject, DCAT.endpointURL)):  # of a data service
        title = text_of(graph, subject, DCTERMS.title)
        record.links.append(Link(url=str(node), name=title, role="service"))
        record.service = record.service or Service()
    described = first_node(graph, subject, DCAT.endpointDescription)
    address = None if described is None else address_of(described)
    if record.service and address:
        record.fields["endpoint_description"] = address
    for predicate in (DCAT.landingPage, FOAF.page):
        for node in in_order(graph, graph.objects(subject, predicate)):
            name = label_of(graph, node) or None
            record.links.append(Link(url=str(node), name=name, function="information"))
    names = dict.fromkeys(link.format for link in record.links)
    record.formats = [Format(name=name) for name in names if name]


def _links(graph: Graph, node: Node) -> list[Link]:
    """Convert a distribution to links; one that has a URI but no properties is linked by its URI."""
    urls = list(map(str, first_of(graph, node, DCAT.downloadURL, DCAT.accessURL)))
    address = address_of(node)
    if not urls and address and (node, None, None) not in graph:
        urls = [address]
    links = [_link(graph, node, url) for url in urls]
    pages = [str(page) for page in first_of(graph, node, DCAT.accessURL) if str(page) not in urls]
    for link in links:
        link.access_url = pages[0] if pages else None
    return links + _services(graph, node, urls)


def _link(graph: Graph, node: Node, url: str) -> Link:
    """Return the link of a distribution to one of its URLs."""
    name, names = in_languages(graph, node, DCTERMS.title, RDFS.label)
    description, descriptions = in_languages(graph, node, DCTERMS.description)
    standards = addresses_of(graph, node, DCTERMS.conformsTo)
    link = Link(
        url=url,
        protocol=_protocol(graph, node),
        name=name,
        description=description,
        role=_role(graph, node),
        encoding=text_of(graph, node, CNT.characterEncoding),
        issued=text_of(graph, node, DCTERMS.issued),
        modified=text_of(graph, node, DCTERMS.modified),
        documentation=addresses_of(graph, node, FOAF.page),
        systems=_systems(graph, node),
    )
    link.standards = [standard for standard in standards if standard not in link.systems]
    if names:
        link.translations["name"] = names
    if descriptions:
        link.translations["description"] = descriptions
    if (node, DCAT.downloadURL, None) in graph:
        link.function = "download"
    file_format = first_node(graph, node, DCTERMS["format"])
    if file_format is not None:
        link.format = label_of(graph, file_format) or last_part(file_format) or None
    if link.format and _PROTOCOL.match(link.format):  # older GeoNetwork
        link.protocol, link.format = link.format, None
    for media in first_of(graph, node, DCAT.mediaType):
        if not isinstance(media, BNode):
            link.media_type = _MEDIA_TYPES.sub("", str(media))
            break
    size = text_of(graph, node, DCAT.byteSize)
    if size and _SIZE.fullmatch(size):
        link.size_megabytes = str(float(size) / _BYTES_PER_MEGABYTE)
    licence = first_node(graph, node, DCTERMS.license)
    if licence is not None:
        link.licence = address_of(licence) or label_of(graph, licence) or None
    return link


def _systems(graph: Graph, node: Node) -> list[str]:
    standards = map(str, graph.objects(node, DCTERMS.conformsTo))
    return sorted(standard for standard in standards if "/def/crs/" in standard)


def _role(graph: Graph, node: Node) -> str | None:
    """Return the role of a distribution, from our vocabulary or as a sample of its dataset."""
    for kind in graph.objects(node, DCTERMS.type):
        concept = voc.get("resource-role").get(str(kind))
        if concept:
            return concept.id
    if (None, ADMS.sample, node) in graph:
        return "sample"
    return None


def _protocol(graph: Graph, node: Node) -> str | None:
    """Return the protocol of the data service that gives access to a distribution, if the vocabulary has it."""
    protocols = set()
    for service in graph.objects(node, DCAT.accessService):
        for standard in first_of(graph, service, GEODCAT.serviceProtocol, DCTERMS.conformsTo):
            concept = voc.get("protocol").get(str(standard))
            if concept:
                protocols.add(concept.id)
    if len(protocols) == 1:
        return protocols.pop()
    return None


def _services(graph: Graph, node: Node, urls: list[str]) -> list[Link]:
    """Return links to the data services of a distribution, except those whose URL it already states."""
    stated = {_without_query(url) for url in urls}
    links = []
    for service in in_order(graph, graph.objects(node, DCAT.accessService)):
        name = text_of(graph, service, DCTERMS.title) or text_of(graph, node, DCTERMS.title)
        standard = first_node(graph, service, GEODCAT.serviceProtocol, DCTERMS.conformsTo)
        protocol = None
        if standard is not None and "opengeospatial" in str(standard):
            protocol = f"OGC:{last_part(standard).upper()}"
        for url in in_order(graph, graph.objects(service, DCAT.endpointURL)):
            if _without_query(str(url)) not in stated:
                links.append(Link(url=str(url), protocol=protocol, name=name))
    return links


def _without_query(url: str) -> str:
    return url.partition("?")[0].rstrip("/")


# --- what the record does not hold ---
#
# Report by path what a dataset's graph holds beyond the neutral record, so that nothing is lost silently.

MAX_NOTES, MAX_NOTE = 300, 2_000
"""Maximum notes per dataset (of the rest only the number is reported), and characters per note."""
MAX_DEPTH = 5
_DATES = {"created", "issued", "modified"}
_DATED = {"", "distribution", "isPrimaryTopicOf"}
"""Parts of a dataset whose dates the record keeps; "" is the dataset itself."""
_GEOMETRIES = {"bbox", "geometry", "asWKT", "asGML", "asGeoJSON"}


def rest_of(graph: Graph, subject: Node, record: Any) -> list[str]:
    """Return ``path: text`` for each literal and URI that the record does not hold; translations are grouped.

    Args:
        graph: the triples of one dataset.
        subject: the dataset.
        record: the neutral record that was made of it.
    """
    texts = {_bare(text) for text in _strings(record)}
    notes: dict[str, None] = {}
    translations: dict[str, list[str]] = {}
    for path, value in _values(graph, subject):
        text = _bare(value)
        if not text or _is_held(path, value, text, texts) or _is_box_of(record, path, value):
            continue
        texts.add(text)
        line = " ".join(str(value).split())
        language = "fr"
        if isinstance(value, Literal) and value.language:
            language = value.language
        if language.lower().startswith("fr"):
            notes[f"{path}: {line}"[:MAX_NOTE]] = None
        else:
            translations.setdefault(path, []).append(f"[{language}] {line}")
    lines = list(notes)
    for path, others in translations.items():
        lines += _packed(path, others)
    if len(lines) > MAX_NOTES:
        lines[MAX_NOTES:] = [f"…: {len(lines) - MAX_NOTES}"]
    return lines


def _is_held(path: str, value: Node, text: str, texts: set[str]) -> bool:
    """Return whether a text is among those of the record; a URI may be there as a code."""
    if isinstance(value, URIRef) and _code(text) in texts:
        return True
    part, _slash, last = path.rpartition("/")
    is_other_date = last in _DATES and part not in _DATED  # equal dates of parts are separate facts
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
    """Yield path and value of each literal and URI reachable from a dataset, in an order independent of the graph's."""
    seen = {subject}
    todo: list[tuple[Node, str, int]] = [(subject, "", 0)]
    while todo:
        node, path, depth = todo.pop()
        for predicate, value in _ordered(graph, node):
            if predicate == RDF.type:
                continue
            here = f"{path}/{_last(predicate)}" if path else _last(predicate)
            if not isinstance(value, BNode):
                yield here, value
            if not isinstance(value, Literal) and value not in seen and depth < MAX_DEPTH:
                seen.add(value)
                todo.append((value, here, depth + 1))


def _ordered(graph: Graph, node: Node) -> Iterator[tuple[Node, Node]]:
    for predicate in sorted(set(graph.predicates(node)), key=str):
        yield from ((predicate, value) for value in in_order(graph, graph.objects(node, predicate)))


def _last(node: Node) -> str:
    return str(node).rstrip("/#").replace("#", "/").rpartition("/")[2]


def _code(text: str) -> str:
    return text.rstrip("/#").replace("#", "/").rpartition("/")[2].casefold()


def _bare(value: Any) -> str:
    return " ".join(str(value).split()).casefold().removeprefix("mailto:").removeprefix("tel:")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for each in dataclasses.fields(value):
            yield from _strings(getattr(value, each.name))
