"""Explain the score of search results: words by field, place, record."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search.common import make_connection

from ckanext.ecosphere.search import config
from ckanext.ecosphere.search.relevance import solr
from ckanext.ecosphere.search.relevance.solr import (
    ACCESS_FIELD,
    INSIDE_FIELD,
    NUMBER_FIELDS,
    PLACE_FIELD,
)
from ckanext.ecosphere.search.relevance.understanding import Understood
from ckanext.ecosphere.search.relevance.words import Question
from ckanext.ecosphere.shared.reach import DOWNLOAD, SERVICE

_WEIGHT = re.compile(r"weight\((?P<field>\w{1,80}):")
_PUBLIC = "+entity_type:package +dataset_type:dataset +state:active +capacity:public +site_id:"


@dataclass(frozen=True)
class Explained:
    """A result with the components of its score.

    Attributes:
        score: the total score.
        words: field → score of its words, before the factors of place and record.
        place: factor of the place.
        places: the dataset's own places.
        record: boosts of the record, added to 1: name in `weights.csv` → value.
    """

    title: str
    name: str
    score: float
    words: dict[str, float]
    place: float
    places: tuple[str, ...]
    record: dict[str, float]


def explain(understood: Understood, rows: int, year: int | None) -> list[Explained]:
    """Return the public results of a query, with Solr's explanation of their scores.

    Args:
        understood: the interpreted query.
        rows: number of results.
        year: the current year; None if the index lacks `NUMBER_FIELDS`.

    Raises:
        pysolr.SolrError: Solr is down.
    """
    question = understood.question
    parameters = solr.parameters(question, minimum=config.minimum_match(), ranked=True, year=year)
    parameters["fq"] = [f'{_PUBLIC}"{tk.config["ckan.site_id"]}"', *parameters.pop("fq_list")]
    parameters |= {
        "qf": config.query_fields(),
        "tie": config.tie(),
        "q.op": "AND",
        "df": "text",
        "rows": rows,
        "fl": f"index_id,name,title,score,{PLACE_FIELD},{INSIDE_FIELD},{ACCESS_FIELD},{','.join(NUMBER_FIELDS)}",
        "sort": "score desc, metadata_modified desc",
        "debugQuery": "true",
        "debug.explain.structured": "true",
    }
    answer = make_connection(decode_dates=False).search(parameters.pop("q"), **parameters)
    return [
        _explained(document, answer.debug["explain"][document["index_id"]], question, year)
        for document in answer.docs
    ]


def _explained(
    document: dict[str, Any], tree: dict[str, Any], question: Question, year: int | None
) -> Explained:
    words: dict[str, float] = defaultdict(float)
    for field, value in _weights(tree):
        words[field] += value
    record = _gains(document, year) if year else {}
    return Explained(
        title=str(document.get("title") or ""),
        name=document["name"],
        score=document["score"],
        words=dict(sorted(words.items(), key=lambda item: -item[1])),
        place=_fit(document, question),
        places=tuple(document.get(PLACE_FIELD) or ()),
        record=record,
    )


def _weights(tree: dict[str, Any]) -> Iterator[tuple[str, float]]:
    match = _WEIGHT.match(tree["description"])
    if match:
        yield match["field"], float(tree["value"])
        return
    for part in tree.get("details", ()):
        yield from _weights(part)


def _fit(document: dict[str, Any], question: Question) -> float:
    have = {
        PLACE_FIELD: document.get(PLACE_FIELD) or (),
        INSIDE_FIELD: document.get(INSIDE_FIELD) or (),
    }
    return max(
        [
            1.0,
            *(weight for weight, field, value in solr.fits(question) if value in have[field]),
        ]
    )


def _gains(document: Mapping[str, Any], year: int) -> dict[str, float]:
    """Return the boosts of a dataset's record, as computed by `solr._record`: name in `weights.csv` → value."""
    weight = solr.weights()["record"]
    age = year - int(document.get(solr.YEAR_NUMBER_FIELD) or 0)
    shares = {
        "quality": int(document.get(solr.QUALITY_FIELD) or 0) / 100,
        "freshness": max(0.0, min(1.0, 1 - age / solr.OLD_YEARS)),
        "access": float(bool({DOWNLOAD, SERVICE}.intersection(document.get(ACCESS_FIELD) or ()))),
        "popularity": int(document.get(solr.POPULARITY_FIELD) or 0) / 100,
    }
    return {name: weight[name] * share for name, share in shares.items()}
