"""How many datasets each of several questions finds, asked of Solr at once. Pure.

Each question is a filter, and a facet that leaves out the filters of all others counts what it lets through (Solr's
reference guide, "Tagging and excluding filters"). A tag names a question that the filter does not belong to::

    fq={!edismax tag='not1' mm=1}zones AND humides    facet.field={!lucene ex=not0 key=ask0}dataset_type
    fq={!edismax tag='not0' mm=1}zones OR humides     facet.field={!lucene ex=not1 key=ask1}dataset_type

What CKAN adds (permission labels, state, site) and what the reader filters by has no such tag: it holds for each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

_TYPE_FIELD = "dataset_type"
"""Field of which every dataset has one value: the sum over its values is the number of datasets."""


def parameters(questions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Parameters of `package_search` that count what questions find.

    Args:
        questions: `q`, `mm` and `fq_list` of each, as `solr_query.parameters` writes them.

    Returns:
        `q`, `fq_list`, `facet.field` and what keeps the answer short.
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
    """The counts in an answer of `package_search`, in the order in which so many questions were asked."""
    facets = answer["search_facets"]
    return [sum(each["count"] for each in facets[f"ask{asked}"]["items"]) for asked in range(number)]


def _lucene(clause: str) -> str:
    return f"{{!lucene tag='%s'}}{clause}"


def _tags(everyone: Collection[int], numbers: set[int]) -> str:
    return ",".join(f"not{number}" for number in everyone if number not in numbers) or "all"
