"""Reading side of the profile `ecosphere_dcat_ap`: complete the datasets parsed by ckanext-dcat."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from rdflib import BNode, Graph, Literal, URIRef

from ckanext.dcat.profiles import ADMS, DCAT, DCATAP, DCT, FOAF, RDF, RDFS, SKOS
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.rdf import (
    conformity,
    distributions,
    lineage,
    places,
    record,
    references,
    translations,
)
from ckanext.ecosphere.schemas.rdf.terms import (
    ACCESS_STATEMENT,
    AGENT_ROLE,
    DQV,
    GEODCAT,
    IANA,
    SCHEMA,
)

#: Properties whose values are assigned to fields by their vocabulary: (property, field, vocabulary).
BY_LIST = (
    (DCAT.theme, "theme", "themes"),
    (DCAT.theme, "inspire_theme", "inspire-theme"),
    (DCAT.theme, "eu_theme", "eu-theme"),
    (DCAT.theme, "priority_dataset", "priority-dataset"),
    (DCAT.theme, "regulatory_use", "regulatory-use"),
    (DCATAP.hvdCategory, "hvd_category", "hvd-category"),
    (GEODCAT.topicCategory, "topic_category", "topic-category"),
    (DCT.conformsTo, "reference_system", "epsg"),
    (DCT.spatial, "territory", "territories"),
    (DCT.rights, "access_limitation", "access-limitation"),
)
#: URI prefixes of values that belong to an open vocabulary without being in it.
OPEN = {
    "hvd-category": "http://data.europa.eu/bna/c_",
    "epsg": "http://www.opengis.net/def/crs/",
    "territories": "http://id.insee.fr/geo/",
}
#: Properties with their own field: (property, field, whether it is multiple).
PLAIN = (
    (ADMS.status, "status", False),
    (DCT.alternative, "alternate_title", True),
    (DCT.created, "created", False),
    (FOAF.depiction, "preview_image", False),
    (DCAT.endpointURL, "endpoint_url", True),
    (DCAT.endpointDescription, "endpoint_description", False),
    (GEODCAT.serviceType, "service_type", False),
    (SCHEMA.codeRepository, "code_repository", False),
    (SCHEMA.programmingLanguage, "programming_language", True),
    (SCHEMA.creativeWorkStatus, "development_status", False),
)
#: Fields with rows, and the part by which they are sorted first.
ROWS = {
    "contact": "name",
    "publisher": "name",
    "creator": "name",
    "spatial_coverage": "text",
    "temporal_coverage": "start",
    "conformity": "specification",
    "quality_measure": "dimension",
}


def complete(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Complete a dataset parsed by ckanext-dcat.

    Args:
        graph: the whole graph.
        ref: node of the dataset.
        dataset: the parsed dataset, changed in place; JSON lists are loaded, codes converted to those of the schema.
    """
    _lists(dataset)
    _by_list(graph, ref, dataset)
    for predicate, field, several in PLAIN:
        values = [str(value) for value in graph.objects(ref, predicate)]
        if values:
            dataset[field] = sorted(values) if several else values[0]
    abstract = graph.value(ref, DCT.abstract)  # used for the description by Géo-IDE
    if abstract and not dataset.get("notes"):
        dataset["notes"] = str(abstract)
    translations.read(graph, ref, dataset, translations.OF_DATASET)
    _statements(graph, ref, dataset)
    _scale(graph, ref, dataset)
    lineage.read(graph, ref, dataset)
    conformity.read(graph, ref, dataset)
    record.read(graph, ref, dataset)
    _places(graph, ref, dataset)
    references.read(graph, ref, dataset)
    _kind(graph, ref, dataset)
    _identifiers(graph, ref, dataset)
    for row in dataset.get("qualified_attribution") or ():
        role = row["role"] = str(row.get("role") or "")  # CKAN's validation fails on rows that only contain nested rows
        if role.startswith(AGENT_ROLE) and role not in voc.get("agent-role"):
            row["role"] = role.removeprefix(AGENT_ROLE)  # a role of a later standard, kept as a code
    _licence(graph, ref, dataset)
    for resource in dataset.get("resources") or ():
        node = str(resource.get("distribution_ref") or "")
        distribution = URIRef(node) if ":" in node else BNode(node)
        distributions.read(graph, distribution, resource)
        translations.read(graph, distribution, resource, translations.OF_DISTRIBUTION)
        _resource(resource)


def sort(dataset: dict[str, Any]) -> None:
    """Sort the rows, since graphs are unordered, so that the same file always yields the same dataset."""
    for field, main in ROWS.items():
        rows = dataset.get(field)
        if isinstance(rows, list):
            rows.sort(key=lambda row: json.dumps(row, sort_keys=True))
            rows.sort(key=lambda row: str(row.get(main) or ""))


def _lists(dataset: dict[str, Any]) -> None:
    """Load JSON lists, and drop the empty subfields added by ckanext-dcat."""
    for owner in (dataset, *(dataset.get("resources") or ())):
        for key, value in list(owner.items()):
            if isinstance(value, str) and value.startswith("["):
                try:
                    owner[key] = json.loads(value)
                except ValueError:
                    continue
            if isinstance(owner[key], list) and key not in ("resources", "extras", "tags"):
                owner[key] = [_filled(part) for part in owner[key]]


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(part) for key, part in value.items() if part not in (None, "", [])}
    return [_filled(part) for part in value] if isinstance(value, list) else value


def _by_list(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    for name in ("theme", "conforms_to", "hvd_category"):
        dataset.pop(name, None)
    known: set[Any] = set()
    for predicate, field, name in BY_LIST:
        found = [node for node in graph.objects(ref, predicate) if _belongs(str(node), name)]
        known.update((predicate, node) for node in found)
        if found:
            concepts = voc.get(name)
            dataset[field] = sorted({concepts[str(n)].uri if str(n) in concepts else str(n) for n in found})
    if dataset.get("regulatory_use"):
        dataset["regulatory_use"] = [voc.get("regulatory-use")[uri].id for uri in dataset["regulatory_use"]]
    followed = [n for n in graph.objects(ref, DCT.conformsTo) if (DCT.conformsTo, n) not in known]
    uris = sorted(str(node) for node in followed if isinstance(node, URIRef))
    if uris:
        dataset["conforms_to"] = uris


def _belongs(value: str, vocabulary: str) -> bool:
    """Return whether a value belongs to a vocabulary, or matches the prefix of an open one."""
    return value in voc.get(vocabulary) or value.startswith(OPEN.get(vocabulary, "\0"))


def _statements(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    for node in graph.objects(ref, DCT.rights):
        text = graph.value(node, RDFS.label)
        if text is None and isinstance(node, Literal):
            text = node
        if text is not None and voc.get("access-limitation").get(str(node)) is None:
            about_access = graph.value(node, DCT.type) == ACCESS_STATEMENT
            dataset["access_conditions" if about_access else "use_conditions"] = str(text)


def _scale(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    for node in graph.objects(ref, DQV.hasQualityMeasurement):
        value = graph.value(node, DQV.value)
        if graph.value(node, DQV.isMeasurementOf) == GEODCAT.spatialResolutionAsScale and value is not None:
            fraction = float(str(value))
            if 0 < fraction <= 1:
                dataset["scale_denominator"] = str(round(1 / fraction))
    resolution = dataset.get("spatial_resolution_in_meters")
    if resolution not in (None, ""):
        dataset["spatial_resolution_in_meters"] = f"{float(str(resolution)):.12g}"


def _places(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Read all locations other than territories: ckanext-dcat keeps an arbitrary one only."""
    rows = []
    for node in graph.objects(ref, DCT.spatial):
        if _belongs(str(node), "territories"):
            continue
        row = {
            "uri": str(node if isinstance(node, URIRef) else graph.value(node, DCT.identifier) or ""),
            "text": _text(graph, node),
        }
        row |= {name: places.geometry(graph, node, predicate) for name, predicate in places.GEOMETRIES.items()}
        rows.append({key: value for key, value in row.items() if value})
    dataset.pop("spatial_coverage", None)
    dataset.pop("spatial", None)
    if any(rows):
        dataset["spatial_coverage"] = [row for row in rows if row]
    periods = [_filled(row) for row in dataset.get("temporal_coverage") or () if isinstance(row, dict)]
    if periods:
        dataset["temporal_coverage"] = periods


def _text(graph: Graph, node: Any) -> str:
    labels: Iterable[Any] = (
        *graph.objects(node, SKOS.prefLabel),
        *graph.objects(node, RDFS.label),
    )
    return next((str(label) for label in labels), "")


def _kind(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    types = set(graph.objects(ref, RDF.type))
    for rdf_class, kind in (
        (DCAT.DatasetSeries, "series"),
        (DCAT.DataService, "service"),
        (SCHEMA.SoftwareSourceCode, "code"),
    ):
        if rdf_class in types and not dataset.get("dcat_type"):
            dataset["dcat_type"] = voc.get("resource-type")[kind].uri


def _identifiers(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Read the notation of other identifiers: ckanext-dcat 2.4 reads the id of their blank node."""
    found = []
    for node in graph.objects(ref, ADMS.identifier):
        notation = graph.value(node, SKOS.notation)
        found.append(str(notation if notation is not None else node))
    if found:
        dataset["alternate_identifier"] = sorted(found)


def _licence(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Set the licence: the common one of all distributions, else that of the dataset itself."""
    licences, resources = voc.get("licences"), dataset.get("resources") or []
    given = {str(resource.get("license") or "") for resource in resources}
    own = {str(graph.value(node, RDFS.label) or node) for node in graph.objects(ref, DCT.license)}
    if len(given) != 1 or not any(given):
        given = own
    named = next(iter(given)) if len(given) == 1 else ""
    only = licences.get(named) or licences.find(named)
    known = licences.get(dataset.get("license_id") or "")
    if only and (known is None or known == only or own):
        dataset["license_id"] = only.id
        for resource in resources:
            if resource.get("license") in (named, only.uri):
                del resource["license"]
    if not dataset.get("license_id"):
        dataset.pop("license_id", None)


def _resource(resource: dict[str, Any]) -> None:
    resource.pop("distribution_ref", None)
    if resource.get("access_url") == resource.get("url"):
        resource.pop("access_url")
    for service in resource.get("access_services") or ():
        service.pop("access_service_ref", None)
        for field in ("contact", "publisher", "creator"):  # once for each dataset of a feed that has the service
            rows = service.get(field) or []
            service[field] = [row for place, row in enumerate(rows) if row not in rows[:place]]
    known = voc.get("format").get(resource.get("format") or "")
    if known:
        resource["format"] = known.id
    media = str(resource.get("mimetype") or "").replace("http://", "https://")
    if media.startswith(IANA):
        resource["mimetype"] = media.removeprefix(IANA)
