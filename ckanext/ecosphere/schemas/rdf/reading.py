"""Reading side of the profile `ecosphere_dcat_ap`: complete the datasets parsed by ckanext-dcat."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rdflib import BNode, Graph, Literal, URIRef

from ckanext.dcat.profiles import ADMS, DCAT, DCT, RDF, RDFS, SKOS
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.schemas.rdf import distributions, parts
from ckanext.ecosphere.schemas.rdf.terms import (
    AGENT_ROLE,
    DQV,
    GEODCAT,
    IANA,
    SCHEMA,
    STATEMENTS,
    uri,
)
from ckanext.ecosphere.vocabularies import languages

#: URI prefixes of values that belong to an open vocabulary without being in it.
OPEN = {
    "hvd-category": "http://data.europa.eu/bna/c_",
    "epsg": "http://www.opengis.net/def/crs/",
    "territories": "http://id.insee.fr/geo/",
}
#: Texts in several languages, with their properties.
TEXTS_OF_DATASET = {"title": DCT.title, "notes": DCT.description}
TEXTS_OF_DISTRIBUTION = {"name": DCT.title, "description": DCT.description}
#: Class of a dataset → its kind.
KINDS = {
    DCAT.DatasetSeries: "series",
    DCAT.DataService: "service",
    SCHEMA.SoftwareSourceCode: "code",
}
_LISTS_OF_CKAN = ("resources", "extras", "tags")


def complete(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Complete a dataset parsed by ckanext-dcat.

    Args:
        graph: the whole graph.
        ref: node of the dataset.
        dataset: the parsed dataset, changed in place; JSON lists are loaded, codes converted to those of the schema.
    """
    _load_lists(dataset)
    _read_by_vocabulary(graph, ref, dataset)
    _read_fields(graph, ref, dataset)
    abstract = graph.value(ref, DCT.abstract)  # used for the description by Géo-IDE
    if abstract and not dataset.get("notes"):
        dataset["notes"] = str(abstract)
    _read_translations(graph, ref, dataset, TEXTS_OF_DATASET)
    _read_statements(graph, ref, dataset)
    _read_scale(graph, ref, dataset)
    parts.read_lineage(graph, ref, dataset)
    parts.read_conformity(graph, ref, dataset)
    parts.read_record(graph, ref, dataset)
    parts.read_places(graph, ref, dataset)
    periods = [row for row in dataset.get("temporal_coverage") or () if isinstance(row, dict)]
    if periods:
        dataset["temporal_coverage"] = periods
    parts.read_references(graph, ref, dataset)
    for rdf_class, kind in KINDS.items():
        if (ref, RDF.type, rdf_class) in graph and not dataset.get("dcat_type"):
            dataset["dcat_type"] = voc.get("resource-type")[kind].uri
    _read_identifiers(graph, ref, dataset)
    for row in dataset.get("qualified_attribution") or ():
        # CKAN's validation fails on rows that only contain nested rows.
        role = row["role"] = str(row.get("role") or "")
        if role.startswith(AGENT_ROLE) and role not in voc.get("agent-role"):
            row["role"] = role.removeprefix(AGENT_ROLE)  # of a later standard, kept as a code
    _read_licence(graph, ref, dataset)
    for resource in dataset.get("resources") or ():
        name = str(resource.pop("distribution_ref", None) or "")
        node = URIRef(name) if ":" in name else BNode(name)
        distributions.read(graph, node, resource)
        _read_translations(graph, node, resource, TEXTS_OF_DISTRIBUTION)
        _complete_resource(resource)


def sort(dataset: dict[str, Any]) -> None:
    """Sort the rows, first by their first column, so that the same file always yields the same dataset.

    Graphs are unordered. Rows of further information are in the order of their subjects already.
    """
    for field in fields.fields():
        rows = dataset.get(field.name)
        if field.subfields and isinstance(rows, list) and field.name != "other_information":
            first = field.subfields[0]
            rows.sort(key=lambda row: json.dumps(row, sort_keys=True))
            rows.sort(key=lambda row, first=first: str(row.get(first) or ""))


def _load_lists(dataset: dict[str, Any]) -> None:
    """Load JSON lists, and drop the empty subfields added by ckanext-dcat."""
    for owner in (dataset, *(dataset.get("resources") or ())):
        for key, value in owner.items():
            values = value
            if isinstance(value, str) and value.startswith("["):
                try:
                    values = json.loads(value)
                except ValueError:
                    continue
            if isinstance(values, list) and key not in _LISTS_OF_CKAN:
                owner[key] = _filled(values)


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(part) for key, part in parts.filled(value).items()}
    if isinstance(value, list):
        return [_filled(part) for part in value]
    return value


# --- the table of fields ------------------------------------------------------------------------


def _read_by_vocabulary(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Assign the values of properties that several fields share, by their vocabularies."""
    others = set(graph.objects(ref, DCT.conformsTo))
    dataset.pop("conforms_to", None)
    for field in fields.with_dcat("read"):
        predicate = uri(field.dcat["property"])
        nodes = [n for n in graph.objects(ref, predicate) if _belongs(str(n), field.vocabulary)]
        if predicate == DCT.conformsTo:
            others -= set(nodes)
        dataset.pop(field.name, None)
        if nodes:
            key = field.entry.get("vocabulary_store", "uri")
            values = {_stored(str(node), field.vocabulary, key) for node in nodes}
            dataset[field.name] = sorted(values)
    specifications = sorted(str(node) for node in others if isinstance(node, URIRef))
    if specifications:
        dataset["conforms_to"] = specifications


def _belongs(value: str, vocabulary: str) -> bool:
    """Return whether a value belongs to a vocabulary, or matches the prefix of an open one."""
    return value in voc.get(vocabulary) or value.startswith(OPEN.get(vocabulary, "\0"))


def _stored(value: str, vocabulary: str, key: str) -> str:
    concept = voc.get(vocabulary).get(value)
    if concept is None:
        return value
    return getattr(concept, key)


def _read_fields(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Read the fields that the table gives a property of their own, except those of ckanext-dcat."""
    for field in fields.with_dcat("object"):
        if field.dcat.get("stock") or field.dcat.get("read"):
            continue
        values = [str(value) for value in graph.objects(ref, uri(field.dcat["property"]))]
        if values:
            dataset[field.name] = sorted(values) if field.has_several else values[0]


# --- texts in several languages -----------------------------------------------------------------


def _read_translations(
    graph: Graph, node: Any, target: dict[str, Any], properties: Mapping[str, Any]
) -> None:
    """Set the main text (French if available) and the translations of texts in several languages.

    ckanext-dcat writes ``title_translated`` and the like, but reads them only for fields validated by ckanext-fluent.
    """
    for field, predicate in properties.items():
        literals = [value for value in graph.objects(node, predicate) if isinstance(value, Literal)]
        if len(literals) < 2:  # noqa: PLR2004 - as in most graphs
            continue
        literals.sort()
        stated = [(text.language, str(text)) for text in literals if text.language]
        texts, _others = languages.by_tag(stated)
        plain = [str(text) for text in literals if not text.language]
        preferred = [texts.get(languages.FRENCH), *plain[:1], texts.get(languages.best(texts))]
        target[field] = next(filter(None, preferred), str(literals[0]))
        translations = languages.completed(target[field], texts)
        if translations:
            target[f"{field}{languages.SUFFIX}"] = translations


# --- details ------------------------------------------------------------------------------------


def _read_statements(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Read the texts of rights statements; one without a type of ours says how the data may be used."""
    by_type = {field.dcat["statement"]: field.name for field in fields.with_dcat("statement")}
    for node in graph.objects(ref, DCT.rights):
        text = graph.value(node, RDFS.label)
        if text is None and isinstance(node, Literal):
            text = node
        if text is not None and str(node) not in voc.get("access-limitation"):
            kind = str(graph.value(node, DCT.type) or "").removeprefix(STATEMENTS)
            dataset[by_type.get(kind, "use_conditions")] = str(text)


def _read_scale(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    for node in graph.objects(ref, DQV.hasQualityMeasurement):
        value = graph.value(node, DQV.value)
        metric = graph.value(node, DQV.isMeasurementOf)
        if metric == GEODCAT.spatialResolutionAsScale and value is not None:
            fraction = float(str(value))
            if 0 < fraction <= 1:
                dataset["scale_denominator"] = str(round(1 / fraction))
    metres = dataset.get("spatial_resolution_in_meters")
    if metres not in (None, ""):
        dataset["spatial_resolution_in_meters"] = f"{float(str(metres)):.12g}"


def _read_identifiers(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Read the notation of other identifiers: ckanext-dcat 2.4 reads the id of their blank node."""
    identifiers = []
    for node in graph.objects(ref, ADMS.identifier):
        notation = graph.value(node, SKOS.notation)
        identifiers.append(str(node if notation is None else notation))
    if identifiers:
        dataset["alternate_identifier"] = sorted(identifiers)


def _read_licence(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Set the licence: the common one of all distributions, else that of the dataset itself."""
    licences, resources = voc.get("licences"), dataset.get("resources") or []
    own = {str(graph.value(node, RDFS.label) or node) for node in graph.objects(ref, DCT.license)}
    stated = {str(resource.get("license") or "") for resource in resources}
    if stated == {""} or len(stated) != 1:
        stated = own
    name = _only(stated)
    common = licences.get(name) or licences.find(name)
    before = licences.get(dataset.get("license_id") or "")
    if common and (before is None or before == common or own):
        dataset["license_id"] = common.id
        for resource in resources:
            if resource.get("license") in (name, common.uri):
                del resource["license"]
    if not dataset.get("license_id"):
        dataset.pop("license_id", None)


def _only(values: set[str]) -> str:
    """Return the only value of a set; "" if there are none or several."""
    if len(values) != 1:
        return ""
    return next(iter(values))


def _complete_resource(resource: dict[str, Any]) -> None:
    if resource.get("access_url") == resource.get("url"):
        resource.pop("access_url")
    for service in resource.get("access_services") or ():
        service.pop("access_service_ref", None)
        for field in ("contact", "publisher", "creator"):
            service[field] = _distinct(service.get(field) or ())
    file_format = voc.get("format").get(resource.get("format") or "")
    if file_format:
        resource["format"] = file_format.id
    media = str(resource.get("mimetype") or "").replace("http://", "https://")
    if media.startswith(IANA):
        resource["mimetype"] = media.removeprefix(IANA)


def _distinct(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without repetitions: one for each dataset of a feed that has the service."""
    distinct: list[dict[str, Any]] = []
    for row in rows:
        if row not in distinct:
            distinct.append(row)
    return distinct
