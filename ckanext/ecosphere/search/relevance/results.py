"""Results and counts of queries, each requested from Solr once: run fully, or counted with others in advance.

Several queries are counted with a single request. Each query is a filter, and each count a facet that excludes the
filters of all other queries (Solr's reference guide, "Tagging and excluding filters"). A tag names a query to which the
filter does not belong::

    fq={!edismax tag='not1' mm=1}zones AND humides    facet.field={!lucene ex=not0 key=ask0}dataset_type
    fq={!edismax tag='not0' mm=1}zones OR humides     facet.field={!lucene ex=not1 key=ask1}dataset_type

CKAN's filters (permission labels, state, site) and the reader's own have no such tag, so they apply to each query.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchError, SearchQueryError
from ckan.types import Context

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import config, query, solr_client
from ckanext.ecosphere.search.relevance import solr_query, spelling
from ckanext.ecosphere.search.relevance.words import Question, Unit
from ckanext.ecosphere.shared import dates

log = logging.getLogger(__name__)

MOST_FORESEEN = 20
"""Maximum queries counted in one request before one of them is run."""
SEVERAL = 2
"""Minimum queries for which counting in advance is worthwhile."""
_TYPE_FIELD = "dataset_type"
"""Field with exactly one value per dataset: the sum over its values is the number of datasets."""
_SCHEMA_SECONDS = {True: 600, False: 30}


class Index:
    """The portal's index as one reader sees it, during one search.

    Args:
        original: CKAN's `package_search`.
        context: action context, with the reader's permissions.
        data_dict: parameters of the reader's `package_search`.
        without: disabled features, among `understanding.FEATURES`.
    """

    def __init__(
        self,
        original: Callable[..., Any],
        context: Context,
        data_dict: dict[str, Any],
        without: frozenset[str],
    ) -> None:
        self.original, self.context, self.data_dict, self.without = (
            original,
            context,
            data_dict,
            without,
        )
        self._counts: dict[Question, int] = {}
        self._answers: dict[Question, dict[str, Any]] = {}

    def find(self, question: Question) -> dict[str, Any]:
        """Return the result of `package_search` for a query."""
        if question not in self._answers:
            answer = self._run(question)
            self._answers[question] = answer
            self._counts[question] = answer["count"]
        return self._answers[question]

    @property
    def has_titles(self) -> bool:
        """Return whether the results have titles and keywords, which a client can leave out."""
        return self.data_dict.get("rows") != 0 and not self.data_dict.get("fl")

    def knows(self, question: Question) -> bool:
        """Return whether a query has been run or counted."""
        return question in self._counts

    def count(self, question: Question) -> int:
        """Return the number of results of a query."""
        if self.knows(question):
            return self._counts[question]
        return self.find(question)["count"]

    def near(self, word: str) -> str:
        """Return a corrected spelling of a word; empty if none finds anything for the reader."""
        other = spelling.near(voc.normalise(word), known=self.count(alone(word)) > 0)
        # The catalogue's words may be some minutes old: a dataset may have become private since.
        if spelling.is_of_lists(other) or self.count(alone(other)):
            return other
        return ""

    def foresee(self, queries: Iterable[Question]) -> None:
        """Count several queries in advance; a single one is counted when it is run."""
        distinct = list(dict.fromkeys(queries))
        if sum(not self.knows(question) for question in distinct) >= SEVERAL:
            self.count_at_once(distinct)

    def count_at_once(self, queries: Iterable[Question]) -> None:
        """Count the results of queries with one request to Solr."""
        unknown = [question for question in dict.fromkeys(queries) if not self.knows(question)][
            :MOST_FORESEEN
        ]
        if not unknown:
            return
        parameters = counting_parameters(
            [
                solr_query.parameters(
                    question, minimum=config.minimum_match(), ranked=False, year=None
                )
                for question in unknown
            ]
        )
        try:
            answer = self._ask({"qf": config.query_fields(), **parameters})
        except SearchError as error:
            # Each query is then run, and may fail, separately.
            log.warning("The questions cannot be counted together: %s", error)
            return
        self._counts.update(zip(unknown, read_counts(answer, len(unknown)), strict=True))

    def _run(self, question: Question) -> dict[str, Any]:
        if not has_numbers():
            return self._ask_ranked(question, None)
        try:
            return self._ask_ranked(question, dates.today().year)
        except SearchQueryError:
            raise
        except SearchError:
            # The schema of the index may have changed.
            forget_schema()
            return self._ask_ranked(question, None)

    def _ask_ranked(self, question: Question, year: int | None) -> dict[str, Any]:
        parameters = solr_query.parameters(
            question,
            minimum=config.minimum_match(),
            ranked="ranking" not in self.without,
            year=year,
        )
        return self._ask({"qf": config.query_fields(), "tie": config.tie(), **parameters})

    def _ask(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Run `package_search` with the reader's parameters, replaced or narrowed by those of a query."""
        filters = [*(self.data_dict.get("fq_list") or []), *parameters["fq_list"]]
        with query.written(parameters["q"]):
            # CKAN's action changes its parameters.
            return self.original(self.context, {**self.data_dict, **parameters, "fq_list": filters})


def alone(word: str) -> Question:
    """Return the query for a single word."""
    return Question((Unit((word,)),))


def counting_parameters(queries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return parameters of `package_search` that count the results of queries.

    Args:
        queries: `q`, `mm` and `fq_list` of each, as returned by `solr_query.parameters`.

    Returns:
        `q`, `fq_list`, `facet`, `facet.field`, `rows` and `start`.
    """
    queries_by_filter: dict[str, set[int]] = {}
    for number, parameters in enumerate(queries):
        filters = [f"{{!edismax tag='%s' mm='{parameters['mm']}'}}{parameters['q']}"]
        filters += [f"{{!lucene tag='%s'}}{clause}" for clause in parameters["fq_list"]]
        for written in filters:
            queries_by_filter.setdefault(written, set()).add(number)
    numbers = range(len(queries))
    tagged = []
    for written, own in queries_by_filter.items():
        others = [f"not{number}" for number in numbers if number not in own]
        tagged.append(written.replace("%s", ",".join(others) or "all", 1))
    return {
        "q": "*:*",
        "fq_list": tagged,
        "facet": "true",
        "facet.field": [
            f"{{!lucene ex=not{number} key=ask{number}}}{_TYPE_FIELD}" for number in numbers
        ],
        "rows": 0,
        "start": 0,
    }


def read_counts(answer: Mapping[str, Any], number: int) -> list[int]:
    """Return the counts from a result of `package_search`, in the order of the queries."""
    facets = [answer["search_facets"][f"ask{position}"] for position in range(number)]
    return [sum(item["count"] for item in facet["items"]) for facet in facets]


_schema: dict[str, tuple[float, bool]] = {}
"""URL of Solr → when its schema was read, and whether it has the numbers."""


def has_numbers() -> bool:
    """Return whether the index has the numeric fields of the record's boost.

    Cached for ten minutes, or for half a minute if it has not, since the schema may be being set up.
    """
    url = tk.config["solr_url"]
    moment, has_them = _schema.get(url, (0.0, False))
    if not moment or time.monotonic() - moment > _SCHEMA_SECONDS[has_them]:
        try:
            fields = solr_client.solr().schema()["fields"]
        except solr_client.SolrAdminError:
            has_them = False
        else:
            numbers = {field["name"] for field in fields if field["type"] == "pint"}
            has_them = numbers.issuperset(solr_query.NUMBER_FIELDS)
        _schema[url] = (time.monotonic(), has_them)
    return has_them


def forget_schema() -> None:
    """Clear the cached schema information."""
    _schema.clear()
