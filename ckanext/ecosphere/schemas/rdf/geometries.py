"""What GeoDCAT-AP 3 says in terms of its own: reference systems, representation, roles of parties; written and read.

The terms are those of http://data.europa.eu/930/; each stands beside the one of DCAT-AP where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rdflib import Graph, URIRef

from ckanext.dcat.profiles import ADMS, DCAT, DCT, RDF, SKOS
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.rdf.terms import AGENT_ROLE, GEODCAT, PROV

#: What a standard is that is a reference system (INSPIRE glossary).
REFERENCE_SYSTEM = URIRef("http://inspire.ec.europa.eu/glossary/SpatialReferenceSystem")
#: Roles of ISO 19115 that have a property.
ROLES = ("custodian", "distributor", "originator", "principalInvestigator", "processor", "resourceProvider", "user")

Agents = Callable[[Any, Any], list[dict[str, Any]]]


def write(graph: Graph, ref: Any, dataset: Mapping[str, Any]) -> None:
    """Complete a dataset whose distributions and attributions the graph holds.

    Args:
        graph: receives the triples.
        ref: node of the dataset.
        dataset: as ``package_show`` gives it.
    """
    if dataset.get("dcat_type"):
        graph.add((ref, GEODCAT.resourceType, URIRef(str(dataset["dcat_type"]))))
    for system in as_list(dataset.get("reference_system") or []):
        graph.add((ref, GEODCAT.referenceSystem, URIRef(str(system))))
        graph.add((URIRef(str(system)), DCT.type, REFERENCE_SYSTEM))
    if dataset.get("spatial_representation"):  # of each distribution; of the dataset when there is none
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
    """Read what :func:`write` wrote, and what others write in these terms only.

    Args:
        graph: the whole graph.
        ref: node of the dataset.
        dataset: changed in place.
        agents: ckanext-dcat's own reader of parties: (subject, predicate) → rows.
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
