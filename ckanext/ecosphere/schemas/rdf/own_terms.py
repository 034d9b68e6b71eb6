"""RDF by which another portal of the suite reads a dataset exactly as it was published.

DCAT-AP, GeoDCAT-AP and PROV come first. In addition:

- fields without a property there are in the suite's own terms (`urn:ecosphere:term:` and the name of the field);
- what the export adds to a dataset (what DCAT-AP requires, what a series lends) is named by ``completed`` of the
  dataset or distribution: a field as text, one of several values as URI;
- rows and distributions have their place (``schema:position``);
- a URL that is no IRI, and is therefore encoded, has the original as ``address``.

Only graphs whose catalogue record conforms to the suite's profile are read so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rdflib import BNode, Graph, Literal, URIRef

from ckanext.dcat.profiles import DCAT, DCATAP, DCT, LOCN
from ckanext.dcat.profiles.base import CleanedURIRef
from ckanext.dcat.utils import resource_uri
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.catalogue.inheritance import is_filled
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.rdf import addresses, places
from ckanext.ecosphere.schemas.rdf.terms import DQV, IANA, PROV, SCHEMA, TERM

COMPLETED, POSITION = TERM.completed, SCHEMA.position
COMMA = "%2C"
#: Fields without a property in the standards; some are written only where their usual property lacks or changes them.
#: Name and URI are read by our harvest alone: for other harvesters the URI of the portal identifies the dataset.
DATASET = ("next_update", "license_id", "temporal_resolution")
FILE = ("protocol", "network", "layer_name", "url", "hash", "hash_algorithm")
#: Fields that the export of a dataset or of a distribution fills, with their properties.
FILLED = (("identifier", DCT.identifier), ("publisher", DCT.publisher), ("endpoint_url", DCAT.endpointURL))
FILLED_OF_FILE = (
    ("access_services", DCAT.accessService),
    ("access_url", DCAT.accessURL),
    ("license", DCT.license),
    ("mimetype", DCAT.mediaType),
)
#: Fields of several URIs to which the export adds some, with their properties.
EXTENDED = (
    ("conforms_to", DCT.conformsTo),
    ("applicable_legislation", DCATAP.applicableLegislation),
    ("is_referenced_by", DCT.isReferencedBy),
)
#: Properties whose values are rows, in an order.
ORDERED = (
    DCAT.accessService,
    DCAT.contactPoint,
    DCAT.distribution,
    DCT.creator,
    DCT.publisher,
    DCT.spatial,
    DCT.temporal,
    DQV.hasQualityMeasurement,
    PROV.qualifiedAttribution,
    PROV.wasUsedBy,
)


def write(graph: Graph, ref: Any, given: Mapping[str, Any], exported: Mapping[str, Any]) -> None:
    """Complete a dataset to which nothing will be added any more.

    Args:
        graph: the graph with the dataset.
        ref: node of the dataset.
        given: the dataset, from ``package_show``.
        exported: the dataset as it was written, with what it inherits and what DCAT-AP requires.
    """
    _write_fields(graph, ref, given, ["name", "uri"])
    period = given.get("temporal_resolution")
    usual = {
        "license_id": (ref, DCT.license, None) in graph,
        "temporal_resolution": period == str(graph.value(ref, DCAT.temporalResolution)),
    }
    _write_fields(graph, ref, exported, [field for field in DATASET if not usual.get(field)])
    lent = {field for field, value in exported.items() if is_filled(value) and not is_filled(given.get(field))}
    _write_completed(graph, ref, given, FILLED, lent)
    for field, predicate in EXTENDED:
        stated = {*as_list(given.get(field) or []), *as_list(given.get("reference_system") or [])}
        for node in graph.objects(ref, predicate):
            if isinstance(node, URIRef) and str(node) not in stated:
                graph.add((ref, COMPLETED, node))
    _number(graph, ref)
    for file, written in zip(given.get("resources") or (), exported.get("resources") or (), strict=True):
        _write_file(graph, CleanedURIRef(resource_uri(written)), file)


def _write_file(graph: Graph, node: Any, file: Mapping[str, Any]) -> None:
    checksum = str(file.get("hash") or "")
    usual = {
        "url": (file.get("download_url") or file.get("access_url") or file.get("url")) == file.get("url"),
        "hash": checksum == checksum.lower(),  # rdflib writes hexadecimal numbers in lower case
        "hash_algorithm": bool(checksum),
    }
    _write_fields(graph, node, file, [field for field in FILE if not usual.get(field)])
    _write_completed(graph, node, file, FILLED_OF_FILE, {"uri"})
    _number(graph, node)


def _write_fields(graph: Graph, node: Any, values: Mapping[str, Any], fields: Iterable[str]) -> None:
    for field in filter(values.get, fields):
        value = values[field]
        if isinstance(value, list):  # layers, joined as in a request to their service, which keeps their order
            value = ",".join(str(layer).replace(",", COMMA) for layer in value)
        graph.add((node, TERM[field], Literal(str(value))))


def _write_completed(
    graph: Graph, node: Any, given: Mapping[str, Any], filled: Iterable[tuple[str, Any]], others: set[str]
) -> None:
    fields = {field for field, predicate in filled if (node, predicate, None) in graph}
    for field in fields | others:
        if not is_filled(given.get(field)):
            graph.add((node, COMPLETED, Literal(field)))


def _number(graph: Graph, node: Any) -> None:
    """Write the places of rows; rdflib returns the values of a property in the order in which they were added."""
    for predicate in ORDERED:
        rows = list(graph.objects(node, predicate))
        for place, row in enumerate(rows if len(rows) > 1 else ()):
            if isinstance(row, BNode) or predicate == DCAT.distribution:
                graph.add((row, POSITION, Literal(place)))
            else:  # other datasets may have it in another place
                graph.add((node, TERM.place, Literal(f"{place} {row}")))


def arrange(graph: Graph, ref: Any) -> None:
    """Put the rows of a dataset and of its distributions in order, so that profiles read them in that order."""
    for place in graph.objects(ref, TERM.spatial):
        graph.remove((ref, DCT.spatial, place))  # of a field of its own
    for node in (ref, *graph.objects(ref, DCAT.distribution)):
        texts = [str(text).partition(" ") for text in graph.objects(node, TERM.place)]
        numbers = {uri: place for place, _space, uri in texts}
        for predicate in ORDERED:
            rows = list(graph.objects(node, predicate))
            for row in sorted(rows, key=lambda row: _place(graph.value(row, POSITION) or numbers.get(str(row)))):
                graph.remove((node, predicate, row))
                graph.add((node, predicate, row))


def _place(written: Any) -> int:
    return int(written) if str(written).isdecimal() else 0


def restore(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Restore the dataset as it was published.

    Args:
        graph: the whole graph.
        ref: node of the dataset.
        dataset: the dataset as it was exported, changed in place.
    """
    licence = voc.get("licences").get(str(graph.value(ref, DCT.license) or ""))
    dataset["license_id"] = licence.id if licence else ""
    _read_fields(graph, ref, DATASET, dataset)
    sources = sorted(str(text) for text in graph.objects(ref, TERM.source))
    if sources:
        dataset["source"] = sources
    for place in graph.objects(ref, TERM.spatial):
        dataset["spatial"] = places.geometry(graph, place, LOCN.geometry)
    added = _take_out(graph, ref, dataset)
    for field, _predicate in EXTENDED:
        dataset[field] = [value for value in dataset.get(field) or () if value not in added]
    for node, file in zip(graph.objects(ref, DCAT.distribution), dataset["resources"], strict=True):
        _restore_file(graph, node, file)
    original = addresses.read(graph, dataset)
    dataset.update(original)


def _restore_file(graph: Graph, node: Any, file: dict[str, Any]) -> None:
    kind, media = graph.value(node, DCT["format"]), str(graph.value(node, DCAT.mediaType) or "")
    known = voc.get("format").get(str(kind))
    file["format"] = known.id if known else str(kind or "")
    if kind is None and (node, COMPLETED, Literal("mimetype")) in graph:
        file["format"] = media.removeprefix(IANA)  # ckanext-dcat writes such a format as a media type
    file["access_url"], file["license"] = (str(graph.value(node, each) or "") for each in (DCAT.accessURL, DCT.license))
    file.pop("protocol", None)
    _read_fields(graph, node, FILE, file)
    layers = graph.value(node, TERM.layer_name)
    if layers is not None:
        file["layer_name"] = [layer.replace(COMMA, ",") for layer in str(layers).split(",")]
    added = _take_out(graph, node, file)
    for service in file.get("access_services") or ():
        service["conforms_to"] = [value for value in service.get("conforms_to") or () if value not in added]


def _read_fields(graph: Graph, node: Any, fields: Iterable[str], target: dict[str, Any]) -> None:
    for field in fields:
        value = graph.value(node, TERM[field])
        if value is not None:
            target[field] = str(value)


def _take_out(graph: Graph, node: Any, target: dict[str, Any]) -> set[str]:
    """Remove the fields that the export has added; return them and the URIs that it has added to other fields."""
    added = {str(each) for each in graph.objects(node, COMPLETED)}
    for field in added:
        target.pop(field, None)
    return added
