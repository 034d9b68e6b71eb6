"""Convert the distributions, data services and pages of an RDF dataset to links of the neutral record."""

from __future__ import annotations

import re

from rdflib import DCTERMS, RDFS, Graph
from rdflib.namespace import FOAF
from rdflib.term import BNode, Node

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.dcat.namespaces import ADMS, CNT, DCAT, GEODCAT
from ckanext.ecosphere.harvest.dcat.values import (
    address_of,
    first_of,
    in_languages,
    in_order,
    label_of,
    last_part,
    text_of,
)
from ckanext.ecosphere.harvest.record import Format, Link, Record, Service

_SIZE = re.compile(r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?")
_BYTES_PER_MEGABYTE = 1_000_000


def add_distributions(record: Record, graph: Graph, subject: Node) -> None:
    """Add the links of a dataset or data service to its record, and the formats that they state."""
    for node in in_order(graph, graph.objects(subject, DCAT.distribution)):
        record.links += _links(graph, node)
    for node in in_order(graph, graph.objects(subject, DCAT.endpointURL)):  # of a data service
        record.links.append(Link(url=str(node), name=text_of(graph, subject, DCTERMS.title), role="service"))
        record.service = record.service or Service()
    described = next(first_of(graph, subject, DCAT.endpointDescription), None)
    if record.service and described is not None and (address := address_of(described)):
        record.fields["endpoint_description"] = address
    for predicate in (DCAT.landingPage, FOAF.page):
        for node in in_order(graph, graph.objects(subject, predicate)):
            record.links.append(Link(url=str(node), name=label_of(graph, node) or None, function="information"))
    record.formats = [Format(name=name) for name in dict.fromkeys(link.format for link in record.links) if name]


def _links(graph: Graph, node: Node) -> list[Link]:
    """Convert a distribution to links; one that has a URI but no properties is linked by its URI."""
    access = [str(v) for v in first_of(graph, node, DCAT.downloadURL, DCAT.accessURL)]
    pages = [str(v) for v in first_of(graph, node, DCAT.accessURL) if str(v) not in access]
    if not access and not list(graph.predicate_objects(node)) and address_of(node):
        access = [str(node)]
    kind = next(first_of(graph, node, DCTERMS["format"]), None)
    kind = (label_of(graph, kind) or last_part(kind) or None) if kind is not None else None
    media = next((each for each in first_of(graph, node, DCAT.mediaType) if not isinstance(each, BNode)), None)
    size = text_of(graph, node, DCAT.byteSize)
    # Older GeoNetwork versions write the protocol in place of the format.
    protocol = kind if kind and re.match(r"(?i)(OGC|WWW|ESRI):", kind) else None
    role, encoding = _role(graph, node), text_of(graph, node, CNT.characterEncoding)
    licence = next(first_of(graph, node, DCTERMS.license), None)
    systems = sorted(str(each) for each in graph.objects(node, DCTERMS.conformsTo) if "/def/crs/" in str(each))
    name, names = in_languages(graph, node, DCTERMS.title, RDFS.label)
    description, descriptions = in_languages(graph, node, DCTERMS.description)
    return [
        Link(
            url=url,
            protocol=protocol or _protocol(graph, node),
            name=name,
            description=description,
            translations={key: texts for key, texts in (("name", names), ("description", descriptions)) if texts},
            function="download" if list(graph.objects(node, DCAT.downloadURL)) else None,
            media_type=re.sub(r"^.*/media-types/", "", str(media)) if media is not None else None,
            size_megabytes=str(float(size) / _BYTES_PER_MEGABYTE) if size and _SIZE.fullmatch(size) else None,
            format=None if protocol else kind,
            systems=systems,
            role=role,
            encoding=encoding,
            licence=(address_of(licence) or label_of(graph, licence) or None) if licence is not None else None,
            access_url=pages[0] if pages else None,
            issued=text_of(graph, node, DCTERMS.issued),
            modified=text_of(graph, node, DCTERMS.modified),
            documentation=[found for each in first_of(graph, node, FOAF.page) if (found := address_of(each))],
            standards=[
                found
                for each in first_of(graph, node, DCTERMS.conformsTo)
                if (found := address_of(each)) and found not in systems
            ],
        )
        for url in access
    ] + _services(graph, node, access)


def _role(graph: Graph, node: Node) -> str | None:
    """Return the role of a distribution, from our vocabulary or as a sample of its dataset."""
    roles = [
        concept.id for each in graph.objects(node, DCTERMS.type) if (concept := voc.get("resource-role").get(str(each)))
    ]
    return roles[0] if roles else "sample" if (None, ADMS.sample, node) in graph else None


def _protocol(graph: Graph, node: Node) -> str | None:
    """Return the protocol of the data service that gives access to a distribution, if the vocabulary has it."""
    found = {
        concept.id
        for service in graph.objects(node, DCAT.accessService)
        for each in first_of(graph, service, GEODCAT.serviceProtocol, DCTERMS.conformsTo)
        if (concept := voc.get("protocol").get(str(each)))
    }
    return found.pop() if len(found) == 1 else None


def _services(graph: Graph, node: Node, access: list[str]) -> list[Link]:
    """Return links to the data services of a distribution, except those whose URL it already states."""
    known = {url.partition("?")[0].rstrip("/") for url in access}
    found = []
    for service in in_order(graph, graph.objects(node, DCAT.accessService)):
        protocol = next(first_of(graph, service, GEODCAT.serviceProtocol, DCTERMS.conformsTo), None)
        for url in in_order(graph, graph.objects(service, DCAT.endpointURL)):
            if str(url).partition("?")[0].rstrip("/") not in known:
                name = text_of(graph, service, DCTERMS.title) or text_of(graph, node, DCTERMS.title)
                kind = (
                    f"OGC:{last_part(protocol).upper()}"
                    if protocol is not None and "opengeospatial" in str(protocol)
                    else None
                )
                found.append(Link(url=str(url), protocol=kind, name=name))
    return found
