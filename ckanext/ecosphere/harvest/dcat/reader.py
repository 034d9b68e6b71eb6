"""From the graph of one dataset to the neutral record.

Reads DCAT-AP 3, and what older feeds say instead: GeoNetwork's ``dct:abstract`` and formats that are protocols,
WKT under any predicate of a location, texts where addresses should be (Opendatasoft, ArcGIS).
"""

from __future__ import annotations

import json
import re

from rdflib import DCTERMS, RDF, RDFS, SKOS, Graph, Literal, URIRef
from rdflib.namespace import FOAF, OWL, Namespace
from rdflib.term import BNode, Node

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.dcat.graph import DCAT, first_of
from ckanext.ecosphere.harvest.dcat.rest import rest_of
from ckanext.ecosphere.harvest.record import (
    Box,
    Conformity,
    Constraint,
    Contact,
    Dated,
    Format,
    Identifier,
    Keyword,
    Link,
    Period,
    Record,
    ReferenceSystem,
    Service,
    Term,
)

GEODCAT = Namespace("http://data.europa.eu/930/")
CNT = Namespace("http://www.w3.org/2011/content#")
DCATAP = Namespace("http://data.europa.eu/r5r/")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
ADMS = Namespace("http://www.w3.org/ns/adms#")
PROV = Namespace("http://www.w3.org/ns/prov#")
SCHEMA = Namespace("http://schema.org/")
SCHEMAS = Namespace("https://schema.org/")
LIMITS = URIRef("http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess")
"""Type of a statement of rights that is about access, as GeoDCAT-AP and the portal's own feed tell it."""
HIERARCHY = {DCAT.DatasetSeries: "series", DCAT.DataService: "service"}
DATES = (("publication", DCTERMS.issued), ("revision", DCTERMS.modified), ("creation", DCTERMS.created))
AGENTS = (
    ("publisher", DCTERMS.publisher),
    ("originator", DCTERMS.creator),
    ("owner", DCTERMS.rightsHolder),
    ("pointOfContact", DCAT.contactPoint),
)
_TOPIC = "/TopicCategory/"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?")
_FOUR_NUMBERS = re.compile(r"\s*-?\d+(?:\.\d+)?(?:\s*,\s*-?\d+(?:\.\d+)?){3}\s*")
_BYTES_PER_MEGABYTE = 1_000_000


def read_dataset(graph: Graph, subject: URIRef) -> Record:
    """Read the dataset `subject` of a graph."""
    kinds = set(graph.objects(subject, RDF.type))
    record = Record(
        standard="dcat",
        title=_text(graph, subject, DCTERMS.title),
        abstract=_text(graph, subject, DCTERMS.description, DCTERMS.abstract),
        alternate_titles=_texts(graph, subject, DCTERMS.alternative),
        edition=_text(graph, subject, DCAT.version, OWL.versionInfo),
        hierarchy_level=_kind_of(graph, subject, kinds),
        topic_categories=[_last(each) for each in first_of(graph, subject, GEODCAT.topicCategory)],
        languages=[_last(value).lower() for value in first_of(graph, subject, DCTERMS.language)],
        frequency=next((_last(v) for v in first_of(graph, subject, DCTERMS.accrualPeriodicity)), None),
        lineage=_labels(graph, subject, DCTERMS.provenance, DCTERMS.description),
        series=[str(v) for v in first_of(graph, subject, DCAT.inSeries, DCTERMS.isPartOf)],
    )
    _identifiers(record, graph, subject)
    _entry(record, graph, subject)
    _keywords(record, graph, subject)
    _dates(record, graph, subject)
    _contacts(record, graph, subject)
    _places(record, graph, subject)
    _constraints(record, graph, subject)
    _standards(record, graph, subject)
    _distributions(record, graph, subject)
    record.unread += rest_of(graph, subject, record)
    return record


# --- texts ---


def _texts(graph: Graph, subject: Node, *predicates: URIRef) -> list[str]:
    """Texts of the first predicate that has any, French ones first."""
    found = list(first_of(graph, subject, *predicates))
    found.sort(key=lambda v: not (isinstance(v, Literal) and (v.language or "fr").lower().startswith("fr")))
    return [str(value) for value in found if str(value).strip()]


def _text(graph: Graph, subject: Node, *predicates: URIRef) -> str | None:
    return next(iter(_texts(graph, subject, *predicates)), None)


def _label(graph: Graph, node: Node) -> str:
    """What a thing is called; a text is its own name."""
    if isinstance(node, Literal):
        return str(node)
    return _text(graph, node, SKOS.prefLabel, RDFS.label, DCTERMS.title, FOAF.name, VCARD.fn) or ""


def _labels(graph: Graph, subject: Node, predicate: URIRef, other: URIRef) -> list[str]:
    """What the things that a predicate names are called, or say under another predicate."""
    nodes = first_of(graph, subject, predicate)
    return [label for node in nodes if (label := _label(graph, node) or _text(graph, node, other))]


def _last(value: Node) -> str:
    """The last part of an address: the code of a controlled list."""
    return re.split(r"[/#:]", str(value).rstrip("/"))[-1] if isinstance(value, URIRef) else str(value)


def _address(value: Node) -> str | None:
    return str(value) if isinstance(value, URIRef) and str(value).startswith(("http://", "https://")) else None


# --- parts ---


def _entries(graph: Graph, subject: Node) -> list[Node]:
    """The records of catalogues on a dataset, named in either direction."""
    found = {*graph.subjects(FOAF.primaryTopic, subject), *graph.objects(subject, FOAF.isPrimaryTopicOf)}
    return sorted(found, key=str)


def _entry(record: Record, graph: Graph, subject: Node) -> None:
    """What the record of the catalogue says of itself: its identifier, date and contacts."""
    for entry in _entries(graph, subject):
        date = next(first_of(graph, entry, DCTERMS.modified, DCTERMS.issued), None)
        record.metadata_date = record.metadata_date or (str(date) if date is not None else None)
        identifier = next(first_of(graph, entry, DCTERMS.identifier), None)
        if isinstance(identifier, Literal) and str(identifier).strip():
            own = record.file_identifier
            if own and own != str(identifier):
                record.identifiers.insert(0, Identifier(code=own))  # of the data, the other being of their record
            record.file_identifier = str(identifier).strip()
        parties = Record()
        _contacts(parties, graph, entry)
        record.metadata_contacts += parties.contacts


def _identifiers(record: Record, graph: Graph, subject: URIRef) -> None:
    own = [str(v) for v in first_of(graph, subject, DCTERMS.identifier)]
    record.file_identifier = own[0] if own else None
    if _address(subject):
        record.identifiers.append(Identifier(code=str(subject), href=str(subject)))
    record.identifiers += [Identifier(code=each) for each in own[1:]]
    for node in graph.objects(subject, ADMS.identifier):
        notation = _text(graph, node, SKOS.notation) or _address(node)
        if notation:
            record.identifiers.append(Identifier(code=notation))


def _keywords(record: Record, graph: Graph, subject: Node) -> None:
    record.keywords += [Keyword(text=text) for text in _texts(graph, subject, DCAT.keyword)]
    for predicate, thesaurus in ((DCAT.theme, None), (DCTERMS.subject, None), (DCATAP.hvdCategory, "HVD")):
        for node in first_of(graph, subject, predicate):
            if _TOPIC in str(node):
                record.topic_categories.append(_last(node))
                continue
            own = str(node) if str(node).startswith("urn:ecosphere:") else None
            record.keywords.append(Keyword(_label(graph, node), _address(node) or own, "theme", thesaurus))


def _kind_of(graph: Graph, subject: Node, kinds: set[Node]) -> str:
    """Dataset, series or service: by its class, else by its type in the list of INSPIRE."""
    for kind, level in HIERARCHY.items():
        if kind in kinds:
            return level
    typed = {_last(each) for p in (DCTERMS.type, GEODCAT.resourceType) for each in graph.objects(subject, p)}
    return next((level for level in ("series", "service") if level in typed), "dataset")


def _dates(record: Record, graph: Graph, subject: Node) -> None:
    for kind, predicate in DATES:
        record.dates += [Dated(str(value), kind) for value in graph.objects(subject, predicate)]
    for node in graph.objects(subject, DCTERMS.temporal):
        start = _text(graph, node, DCAT.startDate, SCHEMA.startDate, SCHEMAS.startDate)
        end = _text(graph, node, DCAT.endDate, SCHEMA.endDate, SCHEMAS.endDate)
        if start or end:
            record.periods.append(Period(start, end))
        elif isinstance(node, Literal) and "/" in node:
            record.periods.append(Period(*str(node).split("/", 1)))


def _contacts(record: Record, graph: Graph, subject: Node) -> None:
    for role, predicate in AGENTS:
        _parties(record, graph, subject, role, predicate)
    _attributions(record, graph, subject)


def _parties(record: Record, graph: Graph, subject: Node, role: str, predicate: URIRef) -> None:
    found: list[Contact] = []
    for node in graph.objects(subject, predicate):
        name = _text(graph, node, FOAF.name, VCARD["organization-name"], VCARD.fn, RDFS.label, SKOS.prefLabel)
        mail = next(first_of(graph, node, VCARD.hasEmail, FOAF.mbox, VCARD.email), None)
        mail = _text(graph, mail, VCARD.value) or mail if mail is not None else None
        phone = next(first_of(graph, node, VCARD.hasTelephone, FOAF.phone), None)
        phone = (_text(graph, phone, VCARD.hasValue) or phone) if phone is not None else None
        home = next(first_of(graph, node, FOAF.homepage, VCARD.hasURL, FOAF.workplaceHomepage), None)
        found.append(
            Contact(
                organisation=str(node) if isinstance(node, Literal) else name,
                organisation_href=_address(node),
                role=role,
                email=re.sub(r"^.*?(?:mailto:|/(?=[^/]*@))", "", str(mail)) if mail is not None else None,
                url=str(home) if home is not None else None,
                position=_text(graph, node, VCARD["organization-unit"]),
                phone=str(phone) if phone is not None else None,
            )
        )
    # By what they say: blank nodes have other names each time that a file is read.
    record.contacts += sorted(found, key=_said)


def _attributions(record: Record, graph: Graph, subject: Node) -> None:
    """Parties in other roles (PROV): each with the role that the attribution gives it."""
    for node in sorted(graph.objects(subject, PROV.qualifiedAttribution), key=str):
        role = next((_last(each) for each in first_of(graph, node, DCAT.hadRole, PROV.hadRole)), None)
        parties = Record()
        _parties(parties, graph, node, role or "", PROV.agent)
        record.contacts += parties.contacts


def _said(contact: Contact) -> tuple[str, ...]:
    return tuple(part or "" for part in (contact.organisation_href, contact.organisation, contact.email, contact.url))


def _places(record: Record, graph: Graph, subject: Node) -> None:
    for node in sorted(graph.objects(subject, DCTERMS.spatial), key=str):
        boxes = [box for value in graph.objects(node) if isinstance(value, Literal) and (box := box_of(str(value)))]
        record.boxes += boxes[:1]
        if isinstance(node, Literal):
            box = box_of(str(node))
            record.boxes += [box] if box else []
            record.extent_descriptions += [] if box else [str(node)]
        elif _address(node):
            record.geographic_identifiers.append(Identifier(code=str(node), href=str(node)))
        elif label := _label(graph, node):
            record.extent_descriptions.append(label)


def box_of(text: str) -> Box | None:
    """The box around a geometry in WKT or GeoJSON, in the axis order longitude, latitude; None when it is neither."""
    bare = re.sub(r"^\s*<[^>]*>", "", text).strip()
    if bare.startswith("{"):
        try:
            bare = json.dumps(json.loads(bare).get("coordinates"))
        except (ValueError, AttributeError, RecursionError):
            return None
    elif _FOUR_NUMBERS.fullmatch(bare):  # ArcGIS: west, south, east, north
        return Box(*(bare.split(",")[place].strip() for place in (0, 2, 1, 3)))
    elif not re.match(r"(?i)(?:MULTI)?(?:POLYGON|POINT|LINESTRING)|ENVELOPE|GEOMETRYCOLLECTION", bare):
        return None
    numbers = [float(number) for number in _NUMBER.findall(bare[:1_000_000])]
    if bare[:8].upper() == "ENVELOPE" and len(numbers) == 4:  # noqa: PLR2004 - west, east, north, south
        west, east, north, south = numbers
    elif numbers and len(numbers) % 2 == 0:
        west, east = min(numbers[::2]), max(numbers[::2])
        south, north = min(numbers[1::2]), max(numbers[1::2])
    else:
        return None
    return Box(str(west), str(east), str(south), str(north))


def _constraints(record: Record, graph: Graph, subject: Node) -> None:
    places = [subject, *graph.objects(subject, DCAT.distribution)]
    terms: dict[tuple[str, str | None], Term] = {}
    limits: list[Term] = []
    for place in places:
        for predicate in (DCTERMS.license, DCTERMS.rights):
            for node in first_of(graph, place, predicate):
                term = Term(_statement(graph, node), _address(node))
                if not term.text and not term.href:
                    continue
                if place == subject and (node, DCTERMS.type, LIMITS) in graph:
                    limits.append(term)
                    continue
                terms.setdefault((term.text, term.href), term)
    if terms:
        record.constraints.append(Constraint(kind="legal", use_limitations=list(terms.values())))
    access = [Term(_label(graph, n) or _last(n), _address(n)) for n in first_of(graph, subject, DCTERMS.accessRights)]
    if access or limits:
        record.constraints.append(
            Constraint(kind="legal", access_codes=["otherRestrictions"], other=[*access, *limits])
        )


def _statement(graph: Graph, node: Node) -> str:
    """What a statement of rights says: its label, its description, or itself; nothing of a blank node without words."""
    said = _label(graph, node) or _text(graph, node, DCTERMS.description, RDF.value)
    return said or ("" if isinstance(node, BNode) else str(node))


def _standards(record: Record, graph: Graph, subject: Node) -> None:
    for node in sorted(graph.objects(subject, DCTERMS.conformsTo), key=str):
        title = _label(graph, node) or str(node)
        if "/def/crs/" in str(node) or "EPSG" in f"{node} {title}":
            # Older GeoNetwork names the system and gives no address.
            code = _last(node) if _address(node) else title
            record.reference_systems.append(ReferenceSystem(code=code, href=_address(node)))
        else:
            record.conformity.append(Conformity(title=title, href=_address(node), degree=True))


def _distributions(record: Record, graph: Graph, subject: Node) -> None:
    for node in sorted(graph.objects(subject, DCAT.distribution), key=str):
        record.links += _links(graph, node)
    for node in sorted(graph.objects(subject, DCAT.endpointURL), key=str):  # of a data service
        record.links.append(Link(url=str(node), name=_text(graph, subject, DCTERMS.title), role="service"))
        record.service = record.service or Service()
    described = next(first_of(graph, subject, DCAT.endpointDescription), None)
    if record.service and described is not None and (address := _address(described)):
        record.fields["endpoint_description"] = address
    for predicate in (DCAT.landingPage, FOAF.page):
        for node in sorted(graph.objects(subject, predicate), key=str):
            record.links.append(Link(url=str(node), name=_label(graph, node) or None, function="information"))
    record.formats = [Format(name=name) for name in dict.fromkeys(link.format for link in record.links) if name]


def _links(graph: Graph, node: Node) -> list[Link]:
    """A distribution as links; one that is named and nowhere described is its own address."""
    access = [str(v) for v in first_of(graph, node, DCAT.downloadURL, DCAT.accessURL)]
    pages = [str(v) for v in first_of(graph, node, DCAT.accessURL) if str(v) not in access]
    if not access and not list(graph.predicate_objects(node)) and _address(node):
        access = [str(node)]
    kind = next(first_of(graph, node, DCTERMS["format"]), None)
    kind = (_label(graph, kind) or _last(kind)) if kind is not None else None
    media = next(first_of(graph, node, DCAT.mediaType), None)
    size = _text(graph, node, DCAT.byteSize)
    # Older GeoNetwork writes the protocol where the format should be.
    protocol = kind if kind and re.match(r"(?i)(OGC|WWW|ESRI):", kind) else None
    role, encoding = _role(graph, node), _text(graph, node, CNT.characterEncoding)
    systems = sorted(str(each) for each in graph.objects(node, DCTERMS.conformsTo) if "/def/crs/" in str(each))
    return [
        Link(
            url=url,
            protocol=protocol or _protocol(graph, node),
            name=_text(graph, node, DCTERMS.title, RDFS.label),
            description=_text(graph, node, DCTERMS.description),
            function="download" if list(graph.objects(node, DCAT.downloadURL)) else None,
            media_type=re.sub(r"^.*/media-types/", "", str(media)) if media is not None else None,
            size_megabytes=str(float(size) / _BYTES_PER_MEGABYTE) if size and _NUMBER.fullmatch(size) else None,
            format=None if protocol else kind,
            systems=systems,
            role=role,
            encoding=encoding,
            access_url=pages[0] if pages else None,
            issued=_text(graph, node, DCTERMS.issued),
            modified=_text(graph, node, DCTERMS.modified),
            documentation=[found for each in first_of(graph, node, FOAF.page) if (found := _address(each))],
            standards=[
                found
                for each in first_of(graph, node, DCTERMS.conformsTo)
                if (found := _address(each)) and found not in systems
            ],
        )
        for url in access
    ] + _services(graph, node, access)


def _role(graph: Graph, node: Node) -> str | None:
    """Return what a distribution is for, where it says so with our list or as a sample of its dataset."""
    roles = [
        concept.id for each in graph.objects(node, DCTERMS.type) if (concept := voc.get("resource-role").get(str(each)))
    ]
    return roles[0] if roles else "sample" if (None, ADMS.sample, node) in graph else None


def _protocol(graph: Graph, node: Node) -> str | None:
    """Return the protocol of the service that gives access to a distribution, when it names one of the list."""
    found = {
        concept.id
        for service in graph.objects(node, DCAT.accessService)
        for each in first_of(graph, service, GEODCAT.serviceProtocol, DCTERMS.conformsTo)
        if (concept := voc.get("protocol").get(str(each)))
    }
    return found.pop() if len(found) == 1 else None


def _services(graph: Graph, node: Node, access: list[str]) -> list[Link]:
    """The services that give access to a distribution, unless it already names their address."""
    known = {url.partition("?")[0].rstrip("/") for url in access}
    found = []
    for service in sorted(graph.objects(node, DCAT.accessService), key=str):
        protocol = next(first_of(graph, service, GEODCAT.serviceProtocol, DCTERMS.conformsTo), None)
        for url in sorted(graph.objects(service, DCAT.endpointURL), key=str):
            if str(url).partition("?")[0].rstrip("/") not in known:
                name = _text(graph, service, DCTERMS.title) or _text(graph, node, DCTERMS.title)
                kind = (
                    f"OGC:{_last(protocol).upper()}"
                    if protocol is not None and "opengeospatial" in str(protocol)
                    else None
                )
                found.append(Link(url=str(url), protocol=kind, name=name))
    return found
