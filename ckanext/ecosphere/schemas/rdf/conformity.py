"""RDF of conformity to specifications (GeoDCAT-AP 3): always as a test, also ``dct:conformsTo`` if conformant.

Title and date of the specification are written on the plan of the test, since the datasets of a feed may give the same
regulation different titles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rdflib import BNode, Graph, Literal, URIRef

from ckanext.dcat.profiles import DCT, RDF
from ckanext.dcat.profiles.base import CleanedURIRef
from ckanext.ecosphere.schemas.fields import urls
from ckanext.ecosphere.schemas.rdf.terms import CONFORMITY, PROV


def write(graph: Graph, ref: Any, dataset: Mapping[str, Any], add_date: Callable[..., None]) -> None:
    """Write the rows of ``conformity``.

    Args:
        graph: receives the triples.
        ref: node of the dataset.
        dataset: the dataset, from ``package_show``.
        add_date: ckanext-dcat's method that writes dates: (subject, predicate, value).
    """
    for row in dataset.get("conformity") or ():
        if not isinstance(row, Mapping):
            continue
        uri = str(row.get("uri") or "")
        standard = (URIRef(uri) if urls.is_uri(uri) else CleanedURIRef(uri)) if uri else BNode()
        graph.add((standard, RDF.type, DCT.Standard))
        degree = row.get("degree")
        if degree == "conformant" and (uri or row.get("specification")):
            graph.add((ref, DCT.conformsTo, standard))
        test, association, plan, result = BNode(), BNode(), BNode(), BNode()
        graph.add((ref, PROV.wasUsedBy, test))
        graph.add((test, RDF.type, PROV.Activity))
        graph.add((test, PROV.qualifiedAssociation, association))
        graph.add((association, RDF.type, PROV.Association))
        graph.add((association, PROV.hadPlan, plan))
        graph.add((plan, RDF.type, PROV.Plan))
        graph.add((plan, PROV.wasDerivedFrom, standard))
        for node in (plan, standard) if isinstance(standard, BNode) else (plan,):
            if row.get("specification"):
                graph.add((node, DCT.title, Literal(row["specification"])))
            if row.get("date"):
                add_date(node, DCT.issued, row["date"])
        graph.add((test, PROV.generated, result))
        graph.add((result, RDF.type, PROV.Entity))
        if degree:
            graph.add((result, DCT.type, URIRef(CONFORMITY + degree)))


def read(graph: Graph, ref: Any, dataset: dict[str, Any]) -> None:
    """Read the field ``conformity``, as written by :func:`write`.

    Args:
        graph: the whole graph.
        ref: node of the dataset.
        dataset: changed in place.
    """
    rows = []
    for test in graph.objects(ref, PROV.wasUsedBy):
        association, result = graph.value(test, PROV.qualifiedAssociation), graph.value(test, PROV.generated)
        plan = graph.value(association, PROV.hadPlan) if association is not None else None
        if plan is None:
            continue
        standard = graph.value(plan, PROV.wasDerivedFrom)
        standard = plan if standard is None else standard
        row = {
            "specification": str(graph.value(plan, DCT.title) or graph.value(standard, DCT.title) or ""),
            "uri": str(standard) if isinstance(standard, URIRef) else "",
            "date": str(graph.value(plan, DCT.issued) or graph.value(standard, DCT.issued) or ""),
            "degree": str(graph.value(result, DCT.type) or "").removeprefix(CONFORMITY),
        }
        rows.append({key: value for key, value in row.items() if value})
    if rows:
        dataset["conformity"] = rows
