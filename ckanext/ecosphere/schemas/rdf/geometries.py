"""RDF in GeoDCAT-AP 3's own terms: reference systems, spatial representation, roles of responsible parties.

The terms are in http://data.europa.eu/930/ and are written in addition to the equivalent ones of DCAT-AP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rdflib import Graph, URIRef

from ckanext.dcat.profiles import ADMS, DCAT, DCT, RDF, SKOS
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.rdf.terms import AGENT_ROLE, GEODCAT, PROV

#: Type of a standard that is a reference system (INSPIRE glossary).
REFERENCE_SYSTEM = URIRef("http://inspire.ec.europa.eu/glossary/SpatialReferenceSystem")
#: Roles of ISO 19115 with a property in GeoDCAT-AP.
ROLES = ("custodian", "distributor", "originator", "principalInvestigator", "processor", "resourceProvider", "user")

Agents = Callable[[Any, Any], list[dict[str, Any]]]


def write(graph: Graph, ref: Any, dataset: Mapping[str, Any]) -> None:
    """Complete a dataset whose distributions and attributions are already in the graph.

    Args:
        graph: receives the triples.
        ref: node of the dataset.
        dataset: the dataset, from ``package_show``.
    """
    if dataset.get("dcat_type"):
        graph.add((ref, GEODCAT.resourceType, URIRef(str(dataset["dcat_type"]))))
    for system in as_list(dataset.get("reference_system") or []):
        graph.add((ref, GEODCAT.referenceSystem, URIRef(str(system))))
        graph.add((URIRef(str(system)), DCT.type, REFERENCE_SYSTEM))
    if dataset.get("spatial_representation"):  # on each distribution, else on the dataset
        node = URIRef(str(dataset["spatial_representation"]))
        graph.add((node, RDF.type, SKOS.Concept))
        for subject in list(graph.objects(ref, DCAT.distribution)) or [ref]:
            graph.add((subject, ADMS.representationTechnique, node))
    for attribution in graph.objects(ref, PROV.qualifiedAttribution):
        role = str(graph.value(attribution, DCAT.hadRole) or "").removeprefix(AGENT_ROLE)
        if role in ROLES:
            for agent in graph.objects(attribution, PROV.agent):
                graph.add((ref, GEODCAT[role], agent))


def read(graph: Graph, ref: Any, dataset: dict[str, Any], agents: Agents) -> None:
    """Read the properties written by :func:`write`, for fields without a value from DCAT-AP's terms.

    Args:
        graph: the whole graph.
        ref: node of the dataset.
        dataset: changed in place.
        agents: ckanext-dcat's method that reads agents: (subject, predicate) → rows.
    """
    systems = {str(node) for node in graph.objects(ref, GEODCAT.referenceSystem)}
    if systems and not dataset.get("reference_system"):
        known = voc.get("epsg")
        dataset["reference_system"] = sorted(known[uri].uri if uri in known else uri for uri in systems)
    kind = graph.value(ref, GEODCAT.resourceType)
    if kind is not None and not dataset.get("dcat_type"):
        dataset["dcat_type"] = str(kind)
    subjects = [ref, *graph.objects(ref, DCAT.distribution)]
    forms = {str(node) for each in subjects for node in graph.objects(each, ADMS.representationTechnique)}
    if forms and not dataset.get("spatial_representation"):
        dataset["spatial_representation"] = min(forms)
    if not dataset.get("qualified_attribution"):
        rows = [
            {"role": AGENT_ROLE + role, "agent": [_filled(agent)]}
            for role in ROLES
            for agent in agents(ref, GEODCAT[role])
        ]
        if rows:
            dataset["qualified_attribution"] = rows
    if not dataset.get("creator"):
        owners = [_filled(agent) for agent in agents(ref, DCT.rightsHolder)]
        if owners:
            dataset["creator"] = owners


def _filled(agent: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in agent.items() if value not in (None, "", [])}
