"""Convert the graph of one dataset to the neutral record.

Reads DCAT-AP 3, and the variants that older feeds write: GeoNetwork's ``dct:abstract`` and protocols in place of
formats, WKT under any predicate of a location, literals in place of URIs (Opendatasoft, ArcGIS).
"""

from __future__ import annotations

import re

from rdflib import DCTERMS, RDF, SKOS, Graph, Literal, URIRef
from rdflib.namespace import FOAF, OWL
from rdflib.term import BNode, Node

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.dcat.distributions import add_distributions
from ckanext.ecosphere.harvest.dcat.geometry import boxes_of
from ckanext.ecosphere.harvest.dcat.namespaces import (
    ADMS,
    DCAT,
    DCATAP,
    DQV,
    GEODCAT,
    PROV,
    SCHEMA,
    SCHEMAS,
    TIME,
)
from ckanext.ecosphere.harvest.dcat.parties import add_parties
from ckanext.ecosphere.harvest.dcat.rest import rest_of
from ckanext.ecosphere.harvest.dcat.values import (
    address_of,
    first_of,
    in_languages,
    in_order,
    label_of,
    labels_of,
    last_part,
    text_of,
    texts_of,
)
from ckanext.ecosphere.harvest.normalise.tables import by_label, plain
from ckanext.ecosphere.harvest.record import (
    Conformity,
    Constraint,
    Dated,
    Graphic,
    Identifier,
    Keyword,
    Member,
    Period,
    Record,
    ReferenceSystem,
    Term,
)

LIMITS = URIRef("http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess")
"""Type of rights statements about access, as in GeoDCAT-AP and the portal's own feed."""
HIERARCHY = {DCAT.DatasetSeries: "series", DCAT.DataService: "service"}
INSTANTS = tuple(TIME[f"inXSD{kind}"] for kind in ("Date", "DateTimeStamp", "DateTime", "gYearMonth", "gYear"))
EDITIONS = (
    ("revisionOf", DCTERMS.replaces),
    ("revisionOf", DCAT.previousVersion),
    ("replacedBy", DCTERMS.isReplacedBy),
)
"""Associations between editions of a dataset: that of ISO 19115-1, and its inverse, which the standard lacks."""
DATES = (
    ("publication", DCTERMS.issued),
    ("revision", DCTERMS.modified),
    ("revision", URIRef(f"{DCTERMS}updated")),  # older GeoNetwork
    ("creation", DCTERMS.created),
)
_TOPIC = "/TopicCategory/"
SMALLEST_SCALE = 1e-9  # 1:1 000 000 000, at which the Earth is 13 mm wide
_RATIO = re.compile(r"\d{1,3}(?:\.\d{1,20})?(?:[eE]-\d{1,2})?")
_ACCESS_LEVEL = URIRef("https://project-open-data.cio.gov/v1.1/schema#accessLevel")
_ACCESS_RIGHT = "http://publications.europa.eu/resource/authority/access-right/"
_ACCESS_LEVELS = {"public": "PUBLIC", "restricted public": "RESTRICTED", "non-public": "NON_PUBLIC"}
"""Access level of DCAT-US 1.1, used by ArcGIS portals → EU access right."""


def read_dataset(graph: Graph, subject: URIRef) -> Record:
    """Read the dataset `subject` of a graph."""
    kinds = set(graph.objects(subject, RDF.type))
    title, titles = in_languages(graph, subject, DCTERMS.title)
    abstract, abstracts = in_languages(graph, subject, DCTERMS.description, DCTERMS.abstract)
    record = Record(
        standard="dcat",
        title=title,
        abstract=abstract,
        translations={name: texts for name, texts in (("title", titles), ("abstract", abstracts)) if texts},
        alternate_titles=texts_of(graph, subject, DCTERMS.alternative),
        edition=text_of(graph, subject, DCAT.version, OWL.versionInfo),
        hierarchy_level=_kind_of(graph, subject, kinds),
        topic_categories=_codes(graph, subject, GEODCAT.topicCategory),
        languages=[code.lower() for code in _codes(graph, subject, DCTERMS.language)],
        frequency=next(iter(_codes(graph, subject, DCTERMS.accrualPeriodicity)), None),
        status=next(filter(_is_status, _codes(graph, subject, ADMS.status)), None),
        scales=_scales(graph, subject),
        graphics=[Graphic(url=str(node)) for node in first_of(graph, subject, FOAF.thumbnail, FOAF.depiction)],
        lineage=labels_of(graph, subject, DCTERMS.provenance, DCTERMS.description)
        or texts_of(graph, subject, DCAT.dataQuality),  # older GeoNetwork
        series=[str(v) for v in first_of(graph, subject, DCAT.inSeries, DCTERMS.isPartOf)],
        members=[
            Member(identifier=str(node), association=kind)
            for kind, predicate in EDITIONS
            for node in in_order(graph, set(graph.objects(subject, predicate)))
            if not isinstance(node, BNode)
        ],
    )
    _identifiers(record, graph, subject)
    _entry(record, graph, subject)
    _keywords(record, graph, subject)
    _dates(record, graph, subject)
    add_parties(record, graph, subject)
    _places(record, graph, subject)
    _constraints(record, graph, subject)
    _standards(record, graph, subject)
    add_distributions(record, graph, subject)
    record.unread += rest_of(graph, subject, record)
    return record


def _as_address(node: Node) -> Node:
    """Convert a URI written as a literal (code lists in older GeoNetwork) to a URIRef; return other nodes unchanged."""
    is_text = isinstance(node, Literal) and re.fullmatch(r"https?://[^\s<>\"{}|\\^`]+", node)
    return URIRef(str(node)) if is_text else node


def _codes(graph: Graph, subject: Node, predicate: URIRef) -> list[str]:
    """Return codes of a controlled list; for blank nodes, their labels."""
    nodes = (_as_address(node) for node in first_of(graph, subject, predicate))
    found = (last_part(node) or label_of(graph, node) for node in nodes)
    return [code for code in found if code]


def _is_status(code: str) -> bool:
    """Tell whether a code is a status of the EU vocabulary, ISO 19115 or ADMS, in any case ("UnderDevelopment")."""
    lists = (voc.get("dataset-status"), voc.get("progress-code"))
    return any(each.get(code) or each.find(code) for each in lists) or plain(code) in by_label(
        "progress-codes", "status", "codes"
    )


def _scales(graph: Graph, subject: Node) -> list[str]:
    """Return scale denominators, which GeoDCAT-AP states as quality measurements: 0.0002 is 1:5000."""
    found = []
    for node in in_order(graph, graph.objects(subject, DQV.hasQualityMeasurement)):
        if (node, DQV.isMeasurementOf, GEODCAT.spatialResolutionAsScale) in graph:
            value = text_of(graph, node, DQV.value) or ""
            ratio = float(value) if _RATIO.fullmatch(value) else 0
            found += [str(round(1 / ratio))] if SMALLEST_SCALE <= ratio <= 1 else []
    return found


def _entries(graph: Graph, subject: Node) -> list[Node]:
    """Return the catalogue records of a dataset, linked in either direction."""
    found = {*graph.subjects(FOAF.primaryTopic, subject), *graph.objects(subject, FOAF.isPrimaryTopicOf)}
    return in_order(graph, found)


def _entry(record: Record, graph: Graph, subject: Node) -> None:
    """Read the catalogue record: its identifier, date and contacts."""
    for entry in _entries(graph, subject):
        date = next(first_of(graph, entry, DCTERMS.modified, DCTERMS.issued), None)
        record.metadata_date = record.metadata_date or (str(date) if date is not None else None)
        identifier = next(first_of(graph, entry, DCTERMS.identifier), None)
        if isinstance(identifier, Literal) and str(identifier).strip():
            own = record.file_identifier
            if own and own != str(identifier):
                record.identifiers.insert(0, Identifier(code=own))  # of the data; the other one is of their record
            record.file_identifier = str(identifier).strip()
        parties = Record()
        add_parties(parties, graph, entry)
        record.metadata_contacts += parties.contacts


def _identifiers(record: Record, graph: Graph, subject: URIRef) -> None:
    own = [str(v) for v in first_of(graph, subject, DCTERMS.identifier)]
    record.file_identifier = own[0] if own else None
    if address_of(subject):
        record.identifiers.append(Identifier(code=str(subject), href=str(subject)))
    record.identifiers += [Identifier(code=each) for each in own[1:]]
    for node in in_order(graph, graph.objects(subject, ADMS.identifier)):
        notation = text_of(graph, node, SKOS.notation) or address_of(node)
        if notation:
            record.identifiers.append(Identifier(code=notation))


def _keywords(record: Record, graph: Graph, subject: Node) -> None:
    record.keywords += [Keyword(text=text) for text in texts_of(graph, subject, DCAT.keyword)]
    for predicate, thesaurus in ((DCAT.theme, None), (DCTERMS.subject, None), (DCATAP.hvdCategory, "HVD")):
        for node in first_of(graph, subject, predicate):
            if _TOPIC in str(node):
                record.topic_categories.append(last_part(node))
                continue
            own = str(node) if str(node).startswith("urn:ecosphere:") else None
            record.keywords.append(Keyword(label_of(graph, node), address_of(node) or own, "theme", thesaurus))


def _kind_of(graph: Graph, subject: Node, kinds: set[Node]) -> str:
    """Return the hierarchy level (dataset, series or service), from the class or else the INSPIRE resource type."""
    for kind, level in HIERARCHY.items():
        if kind in kinds:
            return level
    typed = {last_part(each) for p in (DCTERMS.type, GEODCAT.resourceType) for each in graph.objects(subject, p)}
    return next((level for level in ("series", "service") if level in typed), "dataset")


def _dates(record: Record, graph: Graph, subject: Node) -> None:
    for kind, predicate in DATES:
        record.dates += [Dated(str(value), kind) for value in first_of(graph, subject, predicate)]
    for node in first_of(graph, subject, DCTERMS.temporal):
        start = text_of(graph, node, DCAT.startDate, SCHEMA.startDate, SCHEMAS.startDate)
        end = text_of(graph, node, DCAT.endDate, SCHEMA.endDate, SCHEMAS.endDate)
        start, end = start or _instant(graph, node, TIME.hasBeginning), end or _instant(graph, node, TIME.hasEnd)
        if start or end:
            record.periods.append(Period(start, end))
        elif isinstance(node, Literal) and "/" in node:
            record.periods.append(Period(*str(node).split("/", 1)))


def _instant(graph: Graph, node: Node, predicate: URIRef) -> str | None:
    """Return the date of an OWL-Time instant at which a period begins or ends."""
    for each in first_of(graph, node, predicate):
        if isinstance(each, Literal):
            return str(each)
        if found := text_of(graph, each, *INSTANTS):
            return found
    return None


def _places(record: Record, graph: Graph, subject: Node) -> None:
    for node in in_order(graph, graph.objects(subject, DCTERMS.spatial)):
        record.boxes += next(filter(None, map(boxes_of, _geometries(graph, node))), [])
        if isinstance(node, Literal):
            boxes = boxes_of(str(node))
            record.boxes += boxes
            record.extent_descriptions += [] if boxes else [str(node)]
        elif address_of(node):
            record.geographic_identifiers.append(Identifier(code=str(node), href=str(node)))
        elif label := label_of(graph, node):
            record.extent_descriptions.append(label)


def _geometries(graph: Graph, place: Node) -> list[str]:
    """Return the literals of a location that may be geometries: bounding box first, centroid last."""
    found = [(p, value) for p, value in graph.predicate_objects(place) if isinstance(value, Literal)]
    ranks: dict[Node, int] = {DCAT.bbox: 0, DCAT.centroid: 2}
    return [str(value) for _p, value in sorted(found, key=lambda each: (ranks.get(each[0], 1), str(each[1])))]


def _constraints(record: Record, graph: Graph, subject: Node) -> None:
    places = [subject, *first_of(graph, subject, DCAT.distribution)]
    terms: dict[tuple[str, str | None], Term] = {}
    limits: list[Term] = []
    for place in places:
        for predicate in (DCTERMS.license, DCTERMS.rights):
            for node in first_of(graph, place, predicate):
                term = Term(_statement(graph, node), address_of(node))
                if not term.text and not term.href:
                    continue
                if place == subject and (node, DCTERMS.type, LIMITS) in graph:
                    limits.append(term)
                    continue
                terms.setdefault((term.text, term.href), term)
    if terms:
        record.constraints.append(Constraint(kind="legal", use_limitations=list(terms.values())))
    rights = [(_statement(graph, n), n) for n in first_of(graph, subject, DCTERMS.accessRights)]
    access = [Term(last_part(n) if text == str(n) else text, address_of(n)) for text, n in rights if text]
    levels = map(str, first_of(graph, subject, _ACCESS_LEVEL))
    access += [Term(each, _ACCESS_RIGHT + _ACCESS_LEVELS[each]) for each in levels if each in _ACCESS_LEVELS]
    if access or limits:
        record.constraints.append(
            Constraint(kind="legal", access_codes=["otherRestrictions"], other=[*access, *limits])
        )


def _statement(graph: Graph, node: Node) -> str:
    """Return the text of a rights statement: its label, its description or its URI; "" for a blank node without."""
    said = label_of(graph, node) or text_of(graph, node, DCTERMS.description, RDF.value)
    return said or ("" if isinstance(node, BNode) else str(node))


def _standards(record: Record, graph: Graph, subject: Node) -> None:
    for node in in_order(graph, graph.objects(subject, DCTERMS.conformsTo)):
        title = label_of(graph, node) or str(node)
        if "/def/crs/" in str(node) or "EPSG" in f"{node} {title}":
            # Older GeoNetwork gives the name of the system instead of a URI.
            code = last_part(node) if address_of(node) else title
            record.reference_systems.append(ReferenceSystem(code=code, href=address_of(node)))
        else:
            issued = text_of(graph, node, DCTERMS.issued)
            dates = [Dated(issued, "publication")] if issued else []
            record.conformity.append(Conformity(title=title, href=address_of(node), dates=dates, degree=True))
    _tests(record, graph, subject)


def _tests(record: Record, graph: Graph, subject: Node) -> None:
    """Add the conformance tests of GeoDCAT-AP (PROV); a specification may also be stated with ``dct:conformsTo``."""
    for test in in_order(graph, graph.objects(subject, PROV.wasUsedBy)):
        associations = graph.objects(test, PROV.qualifiedAssociation)
        plan = next((each for node in associations for each in graph.objects(node, PROV.hadPlan)), None)
        if plan is None:
            continue
        standard = next(first_of(graph, plan, PROV.wasDerivedFrom), plan)
        title, href = label_of(graph, plan) or label_of(graph, standard), address_of(standard)
        same = (each for each in record.conformity if each.href == href and (href or each.title == title))
        report = next(same, None)
        if report is None and (title or href):
            report = Conformity(title=title or str(href), href=href)
            record.conformity.append(report)
        if report is None:
            continue
        if title and report.title == report.href:
            report.title = title
        result = next(first_of(graph, test, PROV.generated), None)
        if result is not None:
            degree = next((last_part(each) for each in first_of(graph, result, DCTERMS.type)), "")
            report.degree = {"conformant": True, "notConformant": False}.get(degree)
            report.explanation = text_of(graph, result, DCTERMS.description)
        for kind, predicate in DATES if not report.dates else ():
            dated = (text_of(graph, node, predicate) for node in (plan, standard))
            report.dates += [Dated(value, kind) for value in dated if value][:1]
