"""Prepare the parameters of `package_search` before they reach Solr.

CKAN sends queries to Solr's dismax parser. Its default field list mixes analysed text with plain strings (name, tags,
groups): a stop word, removed from the text fields, remains a required word in the string fields, so "les zones humides
de la Loire" finds nothing. Here every field of the list has the same analysis.

On CKAN's plain schema this works as well: the fields of the French schema are then empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ckanext.ecosphere.search import bounds, config
from ckanext.ecosphere.search.relevance import solr_language
from ckanext.ecosphere.shared import characters

# Solr's "field:value". CKAN treats any colon as such, which breaks queries such as "Natura 2000 : les sites" and
# pasted URLs.
_FIELDED = re.compile(
    r"(?:^|[\s(+!-])(?!https?:|urn:)[a-z*][\w*-]{0,60}:(?=[\w\"(\[{*])", re.IGNORECASE
)
_PARSER_DEFINITION = re.compile(r"^\s*\{!")


#: The query that `relevance` is running: it is exempt from the limits on queries that users write in Solr's syntax.
_written: ContextVar[str] = ContextVar("written", default="")


@contextmanager
def written(text: str) -> Iterator[None]:
    """Exempt a generated query from checks and changes within the block."""
    mark = _written.set(text)
    try:
        yield
    finally:
        _written.reset(mark)


def is_fielded(query: str) -> bool:
    """Return whether a query is in Solr's syntax ("tags:eau", "*:*") rather than in words."""
    return bool(_FIELDED.search(query) or _PARSER_DEFINITION.match(query))


def prepare(params: dict[str, Any]) -> dict[str, Any]:
    """Complete the parameters of a dataset search; explicit parameters of the caller are kept.

    Args:
        params: the data_dict of `package_search`, changed in place.

    Returns:
        the same dict, as `before_dataset_search` requires.

    Raises:
        SearchQueryError: the query exceeds a limit, see `bounds`.
    """
    query = str(params.get("q") or "")
    if query and query == _written.get():
        if params.get("facet.field"):
            params.setdefault("facet.limit", config.facet_limit())
        return params
    if not characters.is_clean(query):
        query = params["q"] = characters.clean(query)
    fielded = is_fielded(query[: bounds.LONGEST_QUERY])
    written = (
        not fielded
        and not params.get("defType")
        and solr_language.is_written(query[: bounds.LONGEST_QUERY])
    )
    if written:
        query = params["q"] = solr_language.plain(query)
    bounds.check(params, fielded or written)
    if fielded and not _PARSER_DEFINITION.match(query):
        params["q"] = solr_language.fielded(query)
    elif not fielded:
        query = query.replace(":", " ")
        if written and query.strip():
            params["defType"] = "edismax"
            params.setdefault("mm", solr_language.minimum(query, config.minimum_match()))
            query = solr_language.written(query)
        if query:
            params["q"] = query
        params.setdefault("qf", config.query_fields())
        params.setdefault("mm", config.minimum_match())
        params.setdefault("tie", config.tie())
    if params.get("facet.field"):
        params.setdefault("facet.limit", config.facet_limit())
    return params
