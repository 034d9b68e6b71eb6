"""RDF of the extents of a dataset: ``dct:Location`` with name, geographic identifier and geometries (GeoDCAT-AP 3)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from rdflib import BNode, Graph, Literal, URIRef
from rdflib.namespace import XSD

from ckanext.dcat.profiles import DCAT, DCT, LOCN, RDF, SKOS
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.fields import spatial
from ckanext.ecosphere.schemas.rdf.terms import TERM

GEOMETRIES = {"bbox": DCAT.bbox, "geom": LOCN.geometry, "centroid": DCAT.centroid}
#: Decimals of degrees: at least seven, which correspond to a centimetre, at most those of a number in a computer.
DECIMALS = (7, 15)
_DECIMALS = re.compile(r"\.(\d+)")


def write(graph: Graph, ref: Any, dataset: Mapping[str, Any], add_geometry: Callable[..., None]) -> None:
    """Write the rows of ``spatial_coverage``, and ``spatial`` if it is not derived from them.

    A row that only names a place by its URI is that URI, unless it is a territory, which has a field of its own. Other
    rows are blank nodes, since datasets may state different things of the same place.

    Args:
        graph: receives the triples.
        ref: node of the dataset.
        dataset: the dataset, from ``package_show``.
        add_geometry: method of the profile that writes geometries: (subject, predicate, value).
    """
    if dataset.get("spatial"):
        place = BNode()
        graph.add((ref, DCT.spatial, place))
        graph.add((ref, TERM.spatial, place))
        graph.add((place, RDF.type, DCT.Location))
        add_geometry(place, LOCN.geometry, dataset["spatial"])
    for row in dataset.get("spatial_coverage") or ():
        parts = {name: value for name, value in row.items() if value}
        if not parts:
            continue
        is_uri = set(parts) == {"uri"} and not is_territory(parts["uri"])
        place = URIRef(parts["uri"]) if is_uri else BNode()
        graph.add((ref, DCT.spatial, place))
        graph.add((place, RDF.type, DCT.Location))
        if "uri" in parts and not is_uri:
            graph.add((place, DCT.identifier, Literal(parts["uri"], datatype=XSD.anyURI)))
        if "text" in parts:
            graph.add((place, SKOS.prefLabel, Literal(parts["text"])))
        for name, predicate in GEOMETRIES.items():
            if name in parts:
                add_geometry(place, predicate, parts[name])


def geometry(graph: Graph, node: Any, predicate: Any) -> str:
    """Return a geometry of a place as GeoJSON text, from GeoJSON or WKT."""
    from geomet import InvalidGeoJSONException, wkt

    parse: Any = spatial.parse_box if predicate == DCAT.bbox else spatial.parse_geometry
    values: Any = graph.objects(node, predicate)
    for value in sorted(values, key=lambda each: "wktLiteral" in str(each.datatype)):
        text = str(value).rpartition("> ")[2]
        try:
            return json.dumps(parse(text if text.startswith("{") else wkt.loads(text)))
        except (spatial.GeometryError, ValueError, InvalidGeoJSONException):
            continue
    return ""


def is_territory(uri: str) -> bool:
    """Return whether a URI is a value of the field ``territory``."""
    return uri in voc.get("territories") or uri.startswith("http://id.insee.fr/geo/")


def as_wkt(value: Any) -> Any:
    """Return a GeoJSON geometry, as text or object, as WKT with all its decimals; other values unchanged."""
    from geomet import InvalidGeoJSONException, wkt

    try:
        geometry = json.loads(value) if isinstance(value, str) else value
        longest = max((len(each) for each in _DECIMALS.findall(json.dumps(geometry))), default=0)
        return wkt.dumps(geometry, decimals=min(max(longest, DECIMALS[0]), DECIMALS[1]))
    except (TypeError, ValueError, KeyError, InvalidGeoJSONException):
        return value  # WKT, or invalid: left to ckanext-dcat
