"""RDF of the portal as ``dcat:Catalog``: properties required by DCAT-AP 3 that ckanext-dcat does not write."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from rdflib import BNode, Graph, Literal, URIRef

from ckanext.dcat.profiles import DCAT, DCT, FOAF, RDF
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas import config


def complete(graph: Graph, catalogue: Any) -> None:
    """Write publisher, language and type of the home page of the catalogue.

    Args:
        graph: graph written by ckanext-dcat.
        catalogue: node of the catalogue.
    """
    for given in list(graph.objects(catalogue, DCT.language)):
        known = voc.get("language").get(str(given)) or voc.get("language").find(str(given).partition("_")[0])
        graph.remove((catalogue, DCT.language, given))
        if known:
            graph.add((catalogue, DCT.language, URIRef(known.uri)))
            graph.add((URIRef(known.uri), RDF.type, DCT.LinguisticSystem))
    for page in graph.objects(catalogue, FOAF.homepage):
        graph.add((page, RDF.type, FOAF.Document))
    if (catalogue, DCT.publisher, None) not in graph:
        service = model.Group.get(config.publisher() or "")
        publisher = URIRef(_page(service.name)) if service else BNode()
        graph.add((catalogue, DCT.publisher, publisher))
        graph.add((publisher, RDF.type, FOAF.Agent))
        graph.add((publisher, FOAF.name, Literal(service.title if service else tk.config["ckan.site_title"])))


def add_service(graph: Graph, service: Any) -> None:
    """Link a service from the catalogue, if the graph contains the catalogue."""
    for catalogue in graph.subjects(RDF.type, DCAT.Catalog):
        graph.add((catalogue, DCAT.service, service))


def add_record(graph: Graph, record: Any) -> None:
    """Link a record from the catalogue, if the graph contains the catalogue."""
    for catalogue in graph.subjects(RDF.type, DCAT.Catalog):
        graph.add((catalogue, DCAT.record, record))


def _page(name: str) -> str:
    return tk.url_for("organization.read", id=name, qualified=True, locale="default")
