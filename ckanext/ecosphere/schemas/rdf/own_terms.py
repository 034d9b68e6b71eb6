"""RDF by which another portal of the suite reads a dataset exactly as it was published.

DCAT-AP, GeoDCAT-AP and PROV come first. In addition:

- fields without a property there are in the suite's own terms (`urn:ecosphere:term:` and the name
  of the field);
- what the export adds to a dataset (what DCAT-AP requires, what a series lends) is named by
  ``completed`` of the dataset, distribution or service: a field as text, one of several values or a
  whole property as URI;
- rows and distributions have their place (``schema:position``);
- a URL that is no IRI, and is therefore encoded, has the original as ``address``.

Only graphs whose catalogue record conforms to the suite's profile are read so.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from ckan.types import DataDict
from rdflib import BNode, Graph, Literal, URIRef

from ckanext.dcat.profiles import DCAT, DCT, LOCN
from ckanext.dcat.profiles.base import CleanedURIRef
from ckanext.dcat.utils import resource_uri
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.dataset.view import Row, as_list
from ckanext.ecosphere.schemas import urls
from ckanext.ecosphere.schemas.iso import xml
from ckanext.ecosphere.schemas.rdf.parts import DQV, IANA, PROV, SCHEMA, TERM, geometry, uri
from ckanext.ecosphere.schemas.stored import is_filled

COMPLETED, POSITION = TERM.completed, SCHEMA.position
COMMA = "%2C"
#: Name and URI are read by our harvest alone: for other harvesters the URI of the portal identifies
#: the dataset.
IDENTITY = ("name", "uri")
Properties = tuple[tuple[str, Any], ...]


def _in_own_terms(scope: str) -> list[str]:
    """Return the fields without a property in the standards,
    or whose property lacks or changes some values.
    """
    names = [field.name for field in fields.with_dcat("own_term", scope)]
    return [name for name in names if name not in IDENTITY]


def _added(scope: str, added: str) -> Properties:
    """Return the fields that the export fills ("empty"), or to which it adds URIs ("values"),
    and their properties.
    """
    properties = []
    for field in fields.with_dcat("added", scope):
        if field.dcat["added"] == added:
            properties.append((field.name, uri(field.dcat["property"])))
    return tuple(properties)


DATASET, FILE = _in_own_terms(fields.DATASET), _in_own_terms(fields.RESOURCE)
FILLED, FILLED_OF_FILE = _added(fields.DATASET, "empty"), _added(fields.RESOURCE, "empty")
EXTENDED = _added(fields.DATASET, "values")
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


def write(graph: Graph, ref: Any, given: Row, exported: Row) -> None:
    """Complete a dataset to which nothing will be added any more.

    Args:
        graph: the graph with the dataset.
        ref: node of the dataset.
        given: the dataset, from ``package_show``.
        exported: the dataset as it was written, with what it inherits and what DCAT-AP requires.
    """
    _write_fields(graph, ref, given, IDENTITY)
    usual = {"license_id": (ref, DCT.license, None) in graph}
    for field in fields.with_dcat("stock"):
        if field.name in DATASET:
            written = graph.value(ref, uri(field.dcat["property"]))
            usual[field.name] = given.get(field.name) == str(written)
    _write_fields(graph, ref, exported, [field for field in DATASET if not usual.get(field)])
    lent = {
        field
        for field, value in exported.items()
        if is_filled(value) and not is_filled(given.get(field))
    }
    _write_completed(graph, ref, given, FILLED, lent)
    for field, predicate in EXTENDED:
        own_values = {
            *as_list(given.get(field) or []),
            *as_list(given.get("reference_system") or []),
        }
        for node in graph.objects(ref, predicate):
            if isinstance(node, URIRef) and str(node) not in own_values:
                graph.add((ref, COMPLETED, node))
    _number(graph, ref)
    files, written = given.get("resources") or (), exported.get("resources") or ()
    for file, exported_file in zip(files, written, strict=True):
        _write_file(graph, CleanedURIRef(resource_uri(exported_file)), file)


def _write_file(graph: Graph, node: Any, file: Row) -> None:
    checksum = str(file.get("hash") or "")
    main = file.get("download_url") or file.get("access_url") or file.get("url")
    usual = {
        "url": main == file.get("url"),
        "hash": checksum == checksum.lower(),  # rdflib writes hexadecimal numbers in lower case
        "hash_algorithm": bool(checksum),
    }
    _write_fields(graph, node, file, [field for field in FILE if not usual.get(field)])
    _write_completed(graph, node, file, FILLED_OF_FILE, {"uri"})
    _number(graph, node)


def _write_fields(graph: Graph, node: Any, values: Row, names: Iterable[str]) -> None:
    for field in filter(values.get, names):
        value = values[field]
        # Layers are joined as in a request to their service, which keeps their order.
        if isinstance(value, list):
            layers = [str(layer).replace(",", COMMA) for layer in value]
            value = ",".join(layers)
        graph.add((node, TERM[field], Literal(str(value))))


def _write_completed(
    graph: Graph, node: Any, given: Row, properties: Properties, others: set[str]
) -> None:
    written = {field for field, predicate in properties if (node, predicate, None) in graph}
    for field in written | others:
        if not is_filled(given.get(field)):
            graph.add((node, COMPLETED, Literal(field)))


def _number(graph: Graph, node: Any) -> None:
    """Write the places of rows.

    Rdflib returns the values of a property in the order in which they were added.
    """
    for predicate in ORDERED:
        rows = list(graph.objects(node, predicate))
        if len(rows) == 1:
            continue
        for place, row in enumerate(rows):
            if isinstance(row, BNode) or predicate == DCAT.distribution:
                graph.add((row, POSITION, Literal(place)))
            else:  # other datasets may have it in another place
                graph.add((node, TERM.place, Literal(f"{place} {row}")))


def arrange(graph: Graph, ref: Any) -> None:
    """Put the rows of a dataset and of its distributions in order,
    so that profiles read them in that order.
    """
    for place in graph.objects(ref, TERM.spatial):
        graph.remove((ref, DCT.spatial, place))  # of a field of its own
    distributions = list(graph.objects(ref, DCAT.distribution))
    services = itertools.chain.from_iterable(
        graph.objects(node, DCAT.accessService) for node in distributions
    )
    for node in (ref, *distributions, *services):
        for predicate in list(graph.objects(node, COMPLETED)):
            graph.remove((node, predicate, None))
        places = {}
        for text in graph.objects(node, TERM.place):
            place, _space, row_uri = str(text).partition(" ")
            places[row_uri] = place
        for predicate in ORDERED:
            numbered = []
            for row in graph.objects(node, predicate):
                place = str(graph.value(row, POSITION) or places.get(str(row)))
                number = int(place) if place.isdecimal() else 0
                numbered.append((number, row))
            for _number, row in sorted(numbered, key=itemgetter(0)):
                graph.remove((node, predicate, row))
                graph.add((node, predicate, row))


def restore(graph: Graph, ref: Any, dataset: DataDict) -> None:
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
        dataset["spatial"] = geometry(graph, place, LOCN.geometry)
    added = _take_out(graph, ref, dataset)
    for field, _predicate in EXTENDED:
        dataset[field] = [value for value in dataset.get(field) or () if value not in added]
    for node, file in zip(graph.objects(ref, DCAT.distribution), dataset["resources"], strict=True):
        _restore_file(graph, node, file)
    originals = {str(node): str(address) for node, address in graph.subject_objects(TERM.address)}
    if originals:
        dataset.update(_replaced(dict(dataset), originals))


def _restore_file(graph: Graph, node: Any, file: DataDict) -> None:
    kind, media = graph.value(node, DCT["format"]), str(graph.value(node, DCAT.mediaType) or "")
    concept = voc.get("format").get(str(kind))
    file["format"] = concept.id if concept else str(kind or "")
    if kind is None and (node, COMPLETED, Literal("mimetype")) in graph:
        # ckanext-dcat writes such a format as a media type.
        file["format"] = media.removeprefix(IANA)
    file["access_url"] = str(graph.value(node, DCAT.accessURL) or "")
    file["license"] = str(graph.value(node, DCT.license) or "")
    file.pop("protocol", None)
    _read_fields(graph, node, FILE, file)
    layers = graph.value(node, TERM.layer_name)
    if layers is not None:
        file["layer_name"] = [layer.replace(COMMA, ",") for layer in str(layers).split(",")]
    added = _take_out(graph, node, file)
    for service in file.get("access_services") or ():
        standards = service.get("conforms_to") or ()
        service["conforms_to"] = [standard for standard in standards if standard not in added]


def _read_fields(graph: Graph, node: Any, names: Iterable[str], target: DataDict) -> None:
    for field in names:
        value = graph.value(node, TERM[field])
        if value is not None:
            target[field] = str(value)


def _take_out(graph: Graph, node: Any, target: DataDict) -> set[str]:
    """Remove the fields that the export has added.

    Return them and the URIs that it has added to other fields.
    """
    added = set(map(str, graph.objects(node, COMPLETED)))
    for field in added:
        target.pop(field, None)
    return added


# --- URLs ---------------------------------------------------------------------------------------


def restore_addresses(graph: Graph, dataset: Row) -> None:
    """Restore the URLs of a dataset in its graph: ckanext-dcat 2.4 percent-encodes commas and the
    like.

    One that is no IRI remains encoded, with the original beside it.
    """
    for address in set(_texts(dataset)):
        cleaned = CleanedURIRef(address)
        if str(cleaned) == address or not urls.is_web_address(address):
            continue
        if xml.NOT_IN_A_URI.search(address):
            graph.add((cleaned, TERM.address, Literal(address)))
            continue
        for subject, predicate in list(graph.subject_predicates(cleaned)):
            graph.remove((subject, predicate, cleaned))
            graph.add((subject, predicate, URIRef(address)))
        for predicate, value in list(graph.predicate_objects(cleaned)):
            graph.remove((cleaned, predicate, value))
            graph.add((URIRef(address), predicate, value))


def _replaced(value: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(part, texts) for key, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, texts) for part in value]
    if isinstance(value, str):
        return texts.get(value, value)
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("http"):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
