"""RDF of distributions: properties of resources that ckanext-dcat does not write or read.

- role: ``dct:type`` with a concept of the vocabulary `resource-role`; also ``adms:sample`` of the dataset for a sample;
- protocol: ``dct:conformsTo`` of the access service (DCAT 3, section 6.10), which is created if missing;
- character set: ``cnt:characterEncoding`` (GeoDCAT-AP 3);
- reference systems: ``dct:conformsTo``.

Layers, the network and the protocol of plain files are in `own_terms`, for lack of a property.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdflib import BNode, Graph, Literal, URIRef

from ckanext.dcat.profiles import ADMS, DCAT, DCT, RDF
from ckanext.dcat.profiles.base import CleanedURIRef
from ckanext.dcat.utils import resource_uri
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.rdf.terms import CNT, TERM

#: Protocols of files and pages, which are not services.
PLAIN = {"HTTP", "HTTP:DOWNLOAD", "FTP", "FILE", "DB:POSTGIS"}
_CRS = "http://www.opengis.net/def/crs/"


def write(graph: Graph, dataset_ref: Any, resource: Mapping[str, Any]) -> None:
    """Complete the distribution of a resource.

    Args:
        graph: graph written by ckanext-dcat.
        dataset_ref: node of the dataset.
        resource: the resource, from ``package_show``.
    """
    node = CleanedURIRef(resource_uri(resource))
    role = voc.get("resource-role").get(str(resource.get("resource_role") or ""))
    if role:
        graph.add((node, DCT.type, URIRef(role.uri)))
        if role.id == "sample":
            graph.add((dataset_ref, ADMS.sample, node))
    if resource.get("encoding"):
        graph.add((node, CNT.characterEncoding, Literal(resource["encoding"])))
    for system in as_list(resource.get("reference_system") or []):
        graph.add((node, DCT.conformsTo, URIRef(str(system))))
    protocol = voc.get("protocol").get(str(resource.get("protocol") or ""))
    if protocol and protocol.id not in PLAIN:
        _write_protocol(graph, node, resource, protocol)


def _write_protocol(
    graph: Graph, node: Any, resource: Mapping[str, Any], protocol: voc.Concept
) -> None:
    services = list(graph.objects(node, DCAT.accessService))
    if not services:
        service = BNode()
        address = str(resource["url"]).partition("?")[0]
        graph.add((node, DCAT.accessService, service))
        graph.add((service, RDF.type, DCAT.DataService))
        graph.add((service, DCT.title, Literal(resource.get("name") or protocol.label_fr)))
        graph.add((service, DCAT.endpointURL, CleanedURIRef(address)))
        services = [service]
    for service in services:
        if not _protocols(graph, service):
            graph.add((service, DCT.conformsTo, URIRef(protocol.uri)))
            graph.add((node, TERM.completed, URIRef(protocol.uri)))


def _protocols(graph: Graph, service: Any) -> set[str]:
    """Return the ids of the protocols that a service conforms to."""
    standards = graph.objects(service, DCT.conformsTo)
    concepts = [
        voc.get("protocol").get(str(node)) for node in standards if isinstance(node, URIRef)
    ]
    return {concept.id for concept in concepts if concept}


def endpoints(dataset: Mapping[str, Any]) -> list[str]:
    """Return the endpoint URL of a service (at most one), from its resources, for records that have none."""
    rows: Any = dataset.get("resources") or ()
    rows = sorted(rows, key=lambda row: row.get("resource_role") in ("documentation", "metadata"))
    for row in rows:
        for service in row.get("access_services") or ():
            if isinstance(service, Mapping) and service.get("endpoint_url"):
                return [str(service["endpoint_url"][0])]
    for row in rows:
        if row.get("url"):
            return [str(row["url"]).partition("?")[0]]
    return []


def read(graph: Graph, node: Any, resource: dict[str, Any]) -> None:
    """Read the properties written by :func:`write`.

    Args:
        graph: the whole graph.
        node: the distribution.
        resource: the resource as parsed by ckanext-dcat, with lists loaded; changed in place.
    """
    roles = [voc.get("resource-role").get(str(kind)) for kind in graph.objects(node, DCT.type)]
    role = next(filter(None, roles), None)
    if role:
        resource["resource_role"] = role.id
    elif (None, ADMS.sample, node) in graph:
        resource["resource_role"] = "sample"
    encoding = graph.value(node, CNT.characterEncoding)
    if encoding is not None:
        resource["encoding"] = str(encoding)
    systems, others = [], []
    for standard in map(str, as_list(resource.pop("conforms_to", None) or [])):
        is_system = standard in voc.get("epsg") or standard.startswith(_CRS)
        (systems if is_system else others).append(standard)
    if systems:
        resource["reference_system"] = sorted(systems)
    if others:
        resource["conforms_to"] = others
    protocols: set[str] = set()
    for service in graph.objects(node, DCAT.accessService):
        protocols |= _protocols(graph, service)
    if len(protocols) == 1 and not resource.get("protocol"):
        resource["protocol"] = protocols.pop()
