"""Read multilingual texts from a graph.

ckanext-dcat writes ``title_translated`` and the like, but reads them only for fields validated by ckanext-fluent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdflib import Graph, Literal

from ckanext.dcat.profiles import DCT
from ckanext.ecosphere.vocabularies import languages

OF_DATASET = {"title": DCT.title, "notes": DCT.description}
OF_DISTRIBUTION = {"name": DCT.title, "description": DCT.description}


def read(graph: Graph, node: Any, target: dict[str, Any], fields: Mapping[str, Any]) -> None:
    """Set the main text (French if available) and the translations of fields with texts in several languages.

    Args:
        graph: the whole graph.
        node: the dataset or distribution.
        target: the dataset or resource as parsed by ckanext-dcat, changed in place.
        fields: properties by field.
    """
    for field, predicate in fields.items():
        given = sorted(each for each in graph.objects(node, predicate) if isinstance(each, Literal))
        if len(given) < 2:  # noqa: PLR2004 - as in most graphs
            continue
        texts, _left = languages.by_tag((each.language, str(each)) for each in given if each.language)
        plain = next((str(each) for each in given if not each.language), "")
        target[field] = texts.get(languages.FRENCH) or plain or texts.get(languages.best(texts)) or str(given[0])
        if found := languages.completed(target[field], texts):
            target[f"{field}{languages.SUFFIX}"] = found
