"""RDF of values with a structure, written and read: references, places, lineage, conformity,
records, contacts.

Each part says which terms it uses. `write_…` adds the triples of a dataset, from ``package_show``,
to a graph; `read_…` changes a dataset parsed by ckanext-dcat in place.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import DataDict
from rdflib import BNode, Graph, Literal, URIRef
from rdflib.namespace import XSD

from ckanext.dcat.profiles import ADMS, DCAT, DCT, FOAF, LOCN, RDF, RDFS, SKOS, VCARD
from ckanext.dcat.profiles.base import CleanedURIRef
from ckanext.dcat.utils import dataset_uri
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.dataset.view import Row, View, as_list, filled
from ckanext.ecosphere.schemas import config, places, urls
from ckanext.ecosphere.schemas.stored import is_public, packages_of
from ckanext.ecosphere.shared import contact_details
from ckanext.ecosphere.shared.rdf import NAMESPACES, PROFILE, TERM
from ckanext.ecosphere.vocabularies import information

CNT = NAMESPACES["cnt"]
DQV = NAMESPACES["dqv"]
GEODCAT = NAMESPACES["geodcat"]
PROV = NAMESPACES["prov"]
SCHEMA = NAMESPACES["schema"]
#: Unit of a measurement, an SDMX term used by the Data Quality Vocabulary.
UNIT = URIRef("http://purl.org/linked-data/sdmx/2009/attribute#unitMeasure")
#: Prefixes of graphs beside those of ckanext-dcat.
PREFIXES = {
    "prov": PROV,
    "dqv": DQV,
    "geodcat": GEODCAT,
    "schema": SCHEMA,
    "cnt": CNT,
    "ecosphere": TERM,
}
IANA = "https://www.iana.org/assignments/media-types/"
_INSPIRE = "http://inspire.ec.europa.eu/metadata-codelist"
CONFORMITY = f"{_INSPIRE}/DegreeOfConformity/"
AGENT_ROLE = f"{_INSPIRE}/ResponsiblePartyRole/"
#: Prefix of the types of rights statements: limitations on access, conditions of use.
STATEMENTS = f"{_INSPIRE}/"
#: Applicable legislation of high-value datasets, required by DCAT-AP HVD.
HIGH_VALUE_REGULATION = "http://data.europa.eu/eli/reg_impl/2023/138/oj"


def uri(name: str) -> URIRef:
    """Return the URI of a property or class of the table of fields, such as ``dct:title``."""
    prefix, _colon, local = name.partition(":")
    return NAMESPACES[prefix][local]


Dataset = Row
AddDate = Callable[..., None]
"""ckanext-dcat's method that writes dates: (subject, predicate, value)."""


def add(graph: Graph, node: Any, properties: Mapping[Any, Any]) -> None:
    """Add properties of a node to a graph."""
    for predicate, value in properties.items():
        graph.add((node, predicate, value))


def add_texts(graph: Graph, node: Any, texts: Mapping[Any, Any]) -> None:
    """Add the texts that there are, by property."""
    for predicate, text in texts.items():
        if text:
            graph.add((node, predicate, Literal(text)))


def texts_of(graph: Graph, node: Any, properties: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of a node, without empty ones, by the names given to their properties."""
    texts = {
        name: str(graph.value(node, predicate) or "") for name, predicate in properties.items()
    }
    return filled(texts)


def add_blank(graph: Graph, ref: Any, link: Any, properties: Mapping[Any, Any]) -> Any:
    """Add a blank node, to which a property of `ref` leads, with its properties; return it."""
    node = BNode()
    graph.add((ref, link, node))
    add(graph, node, properties)
    return node


def add_concept(graph: Graph, node: Any, label: str) -> None:
    """Add a concept of which only a label is known."""
    add(graph, node, {RDF.type: SKOS.Concept, SKOS.prefLabel: Literal(label)})


def rows_with_role(dataset: Dataset) -> list[Any]:
    """Return the rows of parties that name their role."""
    rows = (dataset.get(field.name) or () for field in fields.with_subfield("role"))
    return list(itertools.chain.from_iterable(rows))


# --- references to other datasets: series, served datasets, editions ----------------------------
# Public datasets of the portal are linked by URI. The reference itself (a name, or the identifier
# of a record) is also written as it is, since it may name a dataset that only other catalogues
# have.


def write_references(graph: Graph, ref: Any, dataset: Dataset) -> None:
    """Write the references of a dataset, except those to datasets that are not public."""
    for field in fields.with_dcat("reference"):
        predicate = uri(field.dcat["property"])
        names = [str(name) for name in as_list(dataset.get(field.name) or [])]
        for name, package in zip(names, packages_of(names), strict=True):
            if package is not None and not is_public(package):
                continue
            graph.add((ref, TERM[field.name], Literal(name)))
            if package is not None:
                node = _uri_of(package)
                graph.add((ref, predicate, node))
                if predicate == DCAT.inSeries:
                    _describe_series(graph, node, package)


def _uri_of(package: Any) -> Any:
    """Return the node of a `model.Package`."""
    return CleanedURIRef(dataset_uri({"id": package.id, "uri": package.extras.get("uri")}))


def _describe_series(graph: Graph, node: Any, series: Any) -> None:
    """Write the properties of a series required by DCAT-AP,
    unless the graph describes it anyway.
    """
    if (node, FOAF.isPrimaryTopicOf, None) in graph:
        return
    title = series.title or series.name
    properties = {
        RDF.type: DCAT.DatasetSeries,
        DCT.title: Literal(title),
        DCT.description: Literal(series.notes or title),
    }
    add(graph, node, properties)


def read_references(graph: Graph, ref: Any, dataset: DataDict) -> None:
    """Read the references: as they are if they are written so, else the last part of each URI."""
    for field in fields.with_dcat("reference"):
        names = {str(name) for name in graph.objects(ref, TERM[field.name])}
        if not names:
            for key in ("property", "also"):
                if key in field.dcat:
                    names |= _last_parts(graph.objects(ref, uri(field.dcat[key])))
        if names:
            dataset[field.name] = sorted(names)


def _last_parts(nodes: Iterator[Any]) -> set[str]:
    return {
        str(node).rstrip("/").rpartition("/")[2] for node in nodes if not isinstance(node, BNode)
    }


# --- extents: dct:Location with name, geographic identifier and geometries (GeoDCAT-AP 3) -------

GEOMETRIES = {"bbox": DCAT.bbox, "geom": LOCN.geometry, "centroid": DCAT.centroid}
#: Decimals of degrees: at least seven, which correspond to a centimetre, at most those of a number
#: in a computer.
DECIMALS = (7, 15)
_DECIMALS = re.compile(r"\.(\d+)")


def write_places(graph: Graph, ref: Any, dataset: Dataset, add_geometry: AddDate) -> None:
    """Write the rows of ``spatial_coverage``, and ``spatial`` if it is not derived from them.

    A row that only names a place by its URI is that URI, unless it is a territory, which has a
    field of its own. Other rows are blank nodes, since datasets may state different things of the
    same place.

    Args:
        graph: receives the triples.
        ref: node of the dataset.
        dataset: the dataset.
        add_geometry: method of the profile that writes geometries: (subject, predicate, value).
    """
    if dataset.get("spatial"):
        place = add_blank(graph, ref, DCT.spatial, {RDF.type: DCT.Location})
        graph.add((ref, TERM.spatial, place))
        add_geometry(place, LOCN.geometry, dataset["spatial"])
    for row in dataset.get("spatial_coverage") or ():
        parts = {name: value for name, value in row.items() if value}
        if not parts:
            continue
        is_uri = set(parts) == {"uri"} and not is_territory(parts["uri"])
        place = URIRef(parts["uri"]) if is_uri else BNode()
        graph.add((ref, DCT.spatial, place))
        graph.add((place, RDF.type, DCT.Location))
        if "uri" in parts and not is_uri:
            identifier = Literal(parts["uri"], datatype=XSD.anyURI)
            graph.add((place, DCT.identifier, identifier))
        add_texts(graph, place, {SKOS.prefLabel: parts.get("text")})
        for name, predicate in GEOMETRIES.items():
            if name in parts:
                add_geometry(place, predicate, parts[name])


def read_places(graph: Graph, ref: Any, dataset: DataDict) -> None:
    """Read all locations other than territories: ckanext-dcat keeps an arbitrary one only."""
    rows = []
    for node in graph.objects(ref, DCT.spatial):
        if is_territory(str(node)):
            continue
        identifier = node
        if not isinstance(node, URIRef):
            identifier = graph.value(node, DCT.identifier) or ""
        row = {"uri": str(identifier), "text": _place_name(graph, node)}
        for name, predicate in GEOMETRIES.items():
            row[name] = geometry(graph, node, predicate)
        if any(row.values()):
            rows.append(filled(row))
    dataset.pop("spatial_coverage", None)
    dataset.pop("spatial", None)
    if rows:
        dataset["spatial_coverage"] = rows


def _place_name(graph: Graph, node: Any) -> str:
    for predicate in (SKOS.prefLabel, RDFS.label):
        for label in graph.objects(node, predicate):
            return str(label)
    return ""


def geometry(graph: Graph, node: Any, predicate: Any) -> str:
    """Return a geometry of a place as GeoJSON text, from GeoJSON or WKT."""
    from geomet import InvalidGeoJSONException, wkt

    parse: Any = places.parse_geometry
    if predicate == DCAT.bbox:
        parse = places.parse_box
    values: Any = graph.objects(node, predicate)
    for value in sorted(values, key=lambda literal: "wktLiteral" in str(literal.datatype)):
        text: Any = str(value).rpartition("> ")[2]
        try:
            if not text.startswith("{"):
                text = wkt.loads(text)
            return json.dumps(parse(text))
        except (places.GeometryError, ValueError, InvalidGeoJSONException):
            continue
    return ""


def is_territory(place_uri: str) -> bool:
    """Return whether a URI is a value of the field ``territory``."""
    is_commune = place_uri.startswith("http://id.insee.fr/geo/")
    return is_commune or place_uri in voc.get("territories")


def as_wkt(value: Any) -> Any:
    """Return a GeoJSON geometry, as text or object, as WKT with all its decimals.

    Other values unchanged.
    """
    from geomet import InvalidGeoJSONException, wkt

    try:
        shape = json.loads(value) if isinstance(value, str) else value
        digits = [len(decimals) for decimals in _DECIMALS.findall(json.dumps(shape))]
        least, most = DECIMALS
        return wkt.dumps(shape, decimals=min(max([least, *digits]), most))
    except (TypeError, ValueError, KeyError, InvalidGeoJSONException):
        return value  # WKT, or invalid: left to ckanext-dcat


# --- lineage (PROV), quality measurements (DQV), notes ------------------------------------------


def write_lineage(graph: Graph, ref: Any, dataset: Dataset) -> None:
    """Write sources (prov:wasDerivedFrom), method (prov:wasGeneratedBy),
    measurements and notes (skos:note).
    """
    sources = [str(text) for text in as_list(dataset.get("source") or [])]
    packages = packages_of(sources)
    for text, package in zip(sources, packages, strict=True):
        _write_source(graph, ref, text, package)
        if any(packages):  # written by URI: the texts are needed to read them again
            graph.add((ref, TERM.source, Literal(text)))
    if dataset.get("method"):
        method = {RDF.type: PROV.Activity, DCT.description: Literal(dataset["method"])}
        add_blank(graph, ref, PROV.wasGeneratedBy, method)
    view = View(dataset)
    for row in view.rows("quality_measure"):
        _write_measure(graph, ref, row)
    for row in view.rows("other_information"):
        add_texts(graph, ref, {SKOS.note: information.written(row)})


def _write_source(graph: Graph, ref: Any, text: str, package: Any) -> None:
    """Write a source as a public dataset of the portal (`package`), a URI, or a blank node with a
    title.

    DCAT-AP reserves dct:source for resources described as datasets, which most sources are not.
    """
    if package is not None and is_public(package):
        graph.add((ref, PROV.wasDerivedFrom, _uri_of(package)))
    elif urls.is_uri(text):
        graph.add((ref, PROV.wasDerivedFrom, URIRef(text)))
    else:
        add_blank(graph, ref, PROV.wasDerivedFrom, {DCT.title: Literal(text)})


def _write_measure(graph: Graph, ref: Any, row: Row) -> None:
    node = add_blank(graph, ref, DQV.hasQualityMeasurement, {RDF.type: DQV.QualityMeasurement})
    metric = add_blank(graph, node, DQV.isMeasurementOf, {RDF.type: DQV.Metric})
    dimension = voc.get("quality-dimension").get(str(row.get("dimension") or ""))
    if dimension:
        graph.add((metric, DQV.inDimension, URIRef(dimension.uri)))
    add_texts(graph, metric, {SKOS.prefLabel: row.get("name")})
    add_texts(graph, node, {DQV.value: row.get("value")})
    if row.get("unit"):
        add_concept(graph, add_blank(graph, node, UNIT, {}), row["unit"])


def read_lineage(graph: Graph, ref: Any, dataset: DataDict) -> None:
    """Read the fields written by :func:`write_lineage`."""
    dataset.pop("source", None)
    nodes = [*graph.objects(ref, DCT.source), *graph.objects(ref, PROV.wasDerivedFrom)]
    sources = {_source(graph, node) for node in nodes} - {""}
    if sources:
        dataset["source"] = sorted(sources)
    steps = []
    for activity in graph.objects(ref, PROV.wasGeneratedBy):
        steps += [str(text) for text in graph.objects(activity, DCT.description)]
    if steps:
        dataset["method"] = "\n\n".join(sorted(steps))
        dataset.pop("provenance_activity", None)
    rows = list(_measures(graph, ref))
    if rows:
        dataset["quality_measure"] = rows
    notes = [
        str(note).strip() for note in graph.objects(ref, SKOS.note) if isinstance(note, Literal)
    ]
    texts = [information.row_of(note) for note in sorted(notes) if note]
    if texts:
        dataset["other_information"] = sorted(texts, key=information.order)


def _source(graph: Graph, node: Any) -> str:
    if not isinstance(node, BNode):
        return str(node)
    return str(graph.value(node, DCT.title) or graph.value(node, RDFS.label) or "")


def _measures(graph: Graph, ref: Any) -> Iterator[dict[str, str]]:
    for node in graph.objects(ref, DQV.hasQualityMeasurement):
        metric = graph.value(node, DQV.isMeasurementOf)
        if metric is None or metric == GEODCAT.spatialResolutionAsScale:
            continue
        if graph.value(node, DQV.computedOn) is not None:  # a portal's score of the metadata
            continue
        row = texts_of(graph, node, {"value": DQV.value, "unit": UNIT})
        row |= texts_of(graph, graph.value(node, UNIT), {"unit": SKOS.prefLabel})
        row |= texts_of(graph, metric, {"name": SKOS.prefLabel, "dimension": DQV.inDimension})
        dimension = voc.get("quality-dimension").get(row.pop("dimension", ""))
        if dimension:
            row["dimension"] = dimension.id
        if row:
            yield row


# --- conformity to specifications (GeoDCAT-AP 3) ------------------------------------------------
# Always as a test, also ``dct:conformsTo`` if conformant. Title and date of the specification are
# written on the plan of the test, since the datasets of a feed may give the same regulation
# different titles.


def write_conformity(graph: Graph, ref: Any, dataset: Dataset, add_date: AddDate) -> None:
    """Write the rows of ``conformity``."""
    for row in View(dataset).rows("conformity"):
        address = str(row.get("uri") or "")
        standard: Any = BNode()
        if address:
            standard = URIRef(address) if urls.is_uri(address) else CleanedURIRef(address)
        graph.add((standard, RDF.type, DCT.Standard))
        degree = row.get("degree")
        if degree == "conformant" and (address or row.get("specification")):
            graph.add((ref, DCT.conformsTo, standard))
        test = add_blank(graph, ref, PROV.wasUsedBy, {RDF.type: PROV.Activity})
        association = {RDF.type: PROV.Association}
        associated = add_blank(graph, test, PROV.qualifiedAssociation, association)
        followed = {RDF.type: PROV.Plan, PROV.wasDerivedFrom: standard}
        plan = add_blank(graph, associated, PROV.hadPlan, followed)
        described = [plan]
        if isinstance(standard, BNode):
            described.append(standard)
        for node in described:
            add_texts(graph, node, {DCT.title: row.get("specification")})
            if row.get("date"):
                add_date(node, DCT.issued, row["date"])
        result = add_blank(graph, test, PROV.generated, {RDF.type: PROV.Entity})
        if degree:
            graph.add((result, DCT.type, URIRef(CONFORMITY + degree)))


def read_conformity(graph: Graph, ref: Any, dataset: DataDict) -> None:
    """Read the rows written by :func:`write_conformity`."""
    rows = []
    for test in graph.objects(ref, PROV.wasUsedBy):
        association = graph.value(test, PROV.qualifiedAssociation)
        result = graph.value(test, PROV.generated)
        plan = None
        if association is not None:
            plan = graph.value(association, PROV.hadPlan)
        if plan is None:
            continue
        standard = graph.value(plan, PROV.wasDerivedFrom)
        if standard is None:
            standard = plan
        properties = {"specification": DCT.title, "date": DCT.issued}
        row = {**texts_of(graph, standard, properties), **texts_of(graph, plan, properties)}
        if isinstance(standard, URIRef):
            row["uri"] = str(standard)
        degree = texts_of(graph, result, {"degree": DCT.type})
        rows.append(row | {name: uri_.removeprefix(CONFORMITY) for name, uri_ in degree.items()})
    if rows:
        dataset["conformity"] = rows


# --- catalogue records (dcat:CatalogRecord) -----------------------------------------------------
# DCAT-AP 3 distinguishes a dataset from its record. The portal's record has the metadata
# identifier,
# conforms to the profile of the suite, and refers to the original record in another catalogue: with
# ``dct:source`` if its date is known, which DCAT-AP requires of every record, else with
# ``prov:wasDerivedFrom``.


def write_record(graph: Graph, ref: Any, dataset: Dataset, add_date: AddDate) -> None:
    """Write the record of a dataset; one that is not saved yet is described just now."""
    record = BNode()
    now = datetime.now(tz=timezone.utc).isoformat()
    _describe_record(graph, record, ref)
    add_date(record, DCT.issued, dataset.get("metadata_created"))
    add_date(record, DCT.modified, dataset.get("metadata_modified") or now)
    graph.add((ref, FOAF.isPrimaryTopicOf, record))
    graph.add((record, DCT.conformsTo, PROFILE))
    add_to_catalogue(graph, DCAT.record, record)
    add_texts(graph, record, {DCT.identifier: dataset.get("metadata_identifier")})
    date = str(dataset.get("metadata_date") or "")
    original, link = _original(graph, dataset), PROV.wasDerivedFrom
    if date:
        _describe_record(graph, original, ref)
        add_date(original, DCT.modified, date)
        link = DCT.source
    if (original, None, None) in graph:
        graph.add((record, link, original))


def _original(graph: Graph, dataset: Dataset) -> Any:
    """Write page and catalogue of the original record; return its node.

    It is blank, since several datasets may refer to the same page.
    """
    node = BNode()
    page = str(dataset.get("source_record") or "")
    catalogue = str(dataset.get("source_catalogue") or "")
    if urls.is_web_address(page):
        graph.add((node, FOAF.page, CleanedURIRef(page)))
    if catalogue:
        add_blank(graph, node, DCT.isPartOf, {DCT.title: Literal(catalogue)})
    return node


def _describe_record(graph: Graph, record: Any, dataset_ref: Any) -> None:
    add(graph, record, {RDF.type: DCAT.CatalogRecord, FOAF.primaryTopic: dataset_ref})


def read_record(graph: Graph, ref: Any, dataset: DataDict) -> None:
    """Read the record written by :func:`write_record`."""
    for record in graph.objects(ref, FOAF.isPrimaryTopicOf):
        dataset |= texts_of(graph, record, {"metadata_identifier": DCT.identifier})
        original = graph.value(record, DCT.source) or graph.value(record, PROV.wasDerivedFrom)
        if original is not None:
            catalogue = graph.value(original, DCT.isPartOf)
            properties = {"source_record": FOAF.page, "metadata_date": DCT.modified}
            dataset |= texts_of(graph, original, properties)
            dataset |= texts_of(graph, catalogue, {"source_catalogue": DCT.title})


# --- the catalogue (dcat:Catalog): what DCAT-AP 3 requires and ckanext-dcat does not write ------


def complete_catalogue(graph: Graph, catalogue: Any) -> None:
    """Write publisher and language of the portal's catalogue."""
    languages = voc.get("language")
    for code in list(graph.objects(catalogue, DCT.language)):
        language = languages.get(str(code)) or languages.find(str(code).partition("_")[0])
        graph.remove((catalogue, DCT.language, code))
        if language:
            graph.add((catalogue, DCT.language, URIRef(language.uri)))
    if (catalogue, DCT.publisher, None) not in graph:
        service = model.Group.get(config.publisher() or "")
        publisher: Any = BNode()
        name = tk.config["ckan.site_title"]
        if service:
            address = tk.url_for(
                "organization.read", id=service.name, qualified=True, locale="default"
            )
            publisher, name = URIRef(address), service.title
        graph.add((catalogue, DCT.publisher, publisher))
        add(graph, publisher, {RDF.type: FOAF.Agent, FOAF.name: Literal(name)})


def add_to_catalogue(graph: Graph, predicate: Any, node: Any) -> None:
    """Link a service or a record from the catalogue, if the graph contains the catalogue."""
    for catalogue in graph.subjects(RDF.type, DCAT.Catalog):
        graph.add((catalogue, predicate, node))


# --- high-value datasets: what DCAT-AP HVD demands of their distributions and services ----------

DCATAP = NAMESPACES["dcatap"]


def write_high_value(graph: Graph, ref: Any, dataset: Dataset) -> None:
    """Lend distributions and services what they lack: the regulation, and to services categories,
    contacts, a page.
    """
    address = tk.url_for(
        "dataset.read", id=dataset.get("name") or "", qualified=True, locale="default"
    )
    page, regulation = URIRef(address), URIRef(HIGH_VALUE_REGULATION)
    services = [ref] if (ref, RDF.type, DCAT.DataService) in graph else []
    for distribution in list(graph.objects(ref, DCAT.distribution)):
        _lend(graph, distribution, DCATAP.applicableLegislation, [regulation])
        services += graph.objects(distribution, DCAT.accessService)
    for service in services:
        _lend(graph, service, DCATAP.applicableLegislation, [regulation])
        _lend(graph, service, FOAF.page, [page])
        for predicate in (DCATAP.hvdCategory, DCAT.contactPoint):
            _lend(graph, service, predicate, list(graph.objects(ref, predicate)))


def _lend(graph: Graph, node: Any, predicate: Any, values: list[Any]) -> None:
    if values and (node, predicate, None) not in graph:
        add(graph, node, {TERM.completed: predicate})
        for value in values:
            graph.add((node, predicate, value))


# --- contacts: telephone and unit in vCard terms, which ckanext-dcat leaves out -----------------

#: ``vcard:organization-unit``; not an attribute because of the hyphen.
VCARD_UNIT = VCARD["organization-unit"]


def write_contact(graph: Graph, node: Any, contact: Row) -> None:
    """Complete a contact, a row of the field ``contact``."""
    add_texts(graph, node, {VCARD_UNIT: contact.get("unit")})
    if contact.get("telephone"):
        number: Any = Literal(contact["telephone"])  # accepted by an earlier version of the schema
        with suppress(ValueError):
            number = URIRef(contact_details.telephone_uri(str(contact["telephone"])))
        graph.add((node, VCARD.hasTelephone, number))


def read_contact(graph: Graph, node: Any, contact: DataDict) -> None:
    """Read unit and telephone; invalid telephone numbers are left out."""
    contact |= texts_of(graph, node, {"unit": VCARD_UNIT})
    for telephone in sorted(graph.objects(node, VCARD.hasTelephone), key=str):
        number = graph.value(telephone, VCARD.hasValue, default=telephone)
        try:
            contact["telephone"] = contact_details.international(str(number))
        except ValueError:
            continue
        break


# --- GeoDCAT-AP 3's own terms (http://data.europa.eu/930/), beside the equivalents of DCAT-AP ---

#: Type of a standard that is a reference system (INSPIRE glossary).
REFERENCE_SYSTEM = URIRef("http://inspire.ec.europa.eu/glossary/SpatialReferenceSystem")
#: Roles of ISO 19115 with a property in GeoDCAT-AP.
ROLES = (
    "custodian",
    "distributor",
    "originator",
    "principalInvestigator",
    "processor",
    "resourceProvider",
    "user",
)


def write_geodcat(graph: Graph, ref: Any, dataset: Dataset) -> None:
    """Complete a dataset whose distributions and attributions are already in the graph."""
    if dataset.get("dcat_type"):
        graph.add((ref, GEODCAT.resourceType, URIRef(str(dataset["dcat_type"]))))
    for system in map(URIRef, as_list(dataset.get("reference_system") or [])):
        graph.add((ref, GEODCAT.referenceSystem, system))
        graph.add((system, DCT.type, REFERENCE_SYSTEM))
        add_concept(graph, REFERENCE_SYSTEM, "Spatial reference system")
        add_concept(graph, system, voc.get("epsg").label(system) or system)
    if dataset.get("spatial_representation"):  # on each distribution, else on the dataset
        node = URIRef(str(dataset["spatial_representation"]))
        for subject in list(graph.objects(ref, DCAT.distribution)) or [ref]:
            graph.add((subject, ADMS.representationTechnique, node))
    for attribution in graph.objects(ref, PROV.qualifiedAttribution):
        role = str(graph.value(attribution, DCAT.hadRole) or "").removeprefix(AGENT_ROLE)
        if role in ROLES:
            for agent in graph.objects(attribution, PROV.agent):
                graph.add((ref, GEODCAT[role], agent))


def read_geodcat(graph: Graph, ref: Any, dataset: DataDict, agents: Callable[..., Any]) -> None:
    """Read the properties written by :func:`write_geodcat`, for fields without a value from
    DCAT-AP's terms.

    Args:
        graph: the whole graph.
        ref: node of the dataset.
        dataset: changed in place.
        agents: ckanext-dcat's method that reads agents: (subject, predicate) → rows.
    """
    systems = {str(node) for node in graph.objects(ref, GEODCAT.referenceSystem)}
    if systems and not dataset.get("reference_system"):
        dataset["reference_system"] = sorted(map(voc.get("epsg").as_stored, systems))
    kind = graph.value(ref, GEODCAT.resourceType)
    if kind is not None and not dataset.get("dcat_type"):
        dataset["dcat_type"] = str(kind)
    techniques: set[str] = set()
    for subject in (ref, *graph.objects(ref, DCAT.distribution)):
        techniques.update(map(str, graph.objects(subject, ADMS.representationTechnique)))
    if techniques and not dataset.get("spatial_representation"):
        dataset["spatial_representation"] = min(techniques)
    if not dataset.get("qualified_attribution"):
        rows = []
        for role in ROLES:
            for agent in agents(ref, GEODCAT[role]):
                rows.append({"role": AGENT_ROLE + role, "agent": [filled(agent)]})
        if rows:
            dataset["qualified_attribution"] = rows
    if not dataset.get("creator"):
        owners = [filled(agent) for agent in agents(ref, DCT.rightsHolder)]
        if owners:
            dataset["creator"] = owners
