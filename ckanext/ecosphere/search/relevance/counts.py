"""Count the results of several queries with a single request to Solr. Pure.

Each query is a filter, and each count a facet that excludes the filters of all other queries (Solr's reference guide,
"Tagging and excluding filters"). A tag names a query to which the filter does not belong::

    fq={!edismax tag='not1' mm=1}zones AND humides    facet.field={!lucene ex=not0 key=ask0}dataset_type
    fq={!edismax tag='not0' mm=1}zones OR humides     facet.field={!lucene ex=not1 key=ask1}dataset_type

CKAN's filters (permission labels, state, site) and the reader's own have no such tag, so they apply to each query.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

_TYPE_FIELD = "dataset_type"
"""Field with exactly one value per dataset: the sum over its values is the number of datasets."""


def parameters(questions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return parameters of `package_search` that count the results of queries.

    Args:
        questions: `q`, `mm` and `fq_list` of each, as returned by `solr_query.parameters`.

    Returns:
        `q`, `fq_list`, `facet`, `facet.field`, `rows` and `start`.
    """
    shared: dict[str, set[int]] = {}
    for number, question in enumerate(questions):
        for each in [f"{{!edismax tag='%s' mm='{question['mm']}'}}{question['q']}", *map(_lucene, question["fq_list"])]:
            shared.setdefault(each, set()).add(number)
    everyone = range(len(questions))
    return {
        "q": "*:*",
        "fq_list": [each.replace("%s", _tags(everyone, numbers), 1) for each, numbers in shared.items()],
        "facet": "true",
        "facet.field": [f"{{!lucene ex=not{number} key=ask{number}}}{_TYPE_FIELD}" for number in everyone],
        "rows": 0,
        "start": 0,
    }


def read(answer: Mapping[str, Any], number: int) -> list[int]:
    """Return the counts from a result of `package_search`, in the order of the queries."""
    facets = answer["search_facets"]
    return [sum(each["count"] for each in facets[f"ask{asked}"]["items"]) for asked in range(number)]


def _lucene(clause: str) -> str:
    return f"{{!lucene tag='%s'}}{clause}"


def _tags(everyone: Collection[int], numbers: set[int]) -> str:
    return ",".join(f"not{number}" for number in everyone if number not in numbers) or "all"
