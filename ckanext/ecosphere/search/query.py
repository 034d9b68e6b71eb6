"""What a person's query becomes before it reaches Solr.

CKAN sends queries to Solr's dismax parser. Its own field list mixes analysed text with plain strings (name,
tags, groups): a stop word, removed from the text fields, stays a required word of the string fields, so
"les zones humides de la Loire" finds nothing. Here every field of the list is analysed alike.

Works on CKAN's plain schema as well: the fields that only the French schema has are then empty.
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

# "field:value" as Solr reads it. CKAN takes any colon for it, which breaks queries such as "Natura 2000 :
# les sites" and pasted addresses.
_FIELDED = re.compile(r"(?:^|[\s(+!-])(?!https?:|urn:)[a-z*][\w*-]{0,60}:(?=[\w\"(\[{*])", re.IGNORECASE)
_PARSER_DEFINITION = re.compile(r"^\s*\{!")


#: The query that `relevance` wrote for a question, while CKAN carries it to Solr: what bounds the queries that others
#: write in Solr's language is not for it.
_written: ContextVar[str] = ContextVar("written", default="")


@contextmanager
def written(text: str) -> Iterator[None]:
    """Let a query pass as it is for the time of the block."""
    mark = _written.set(text)
    try:
        yield
    finally:
        _written.reset(mark)


def is_fielded(query: str) -> bool:
    """Tell whether a query is written in Solr's own language ("tags:eau", "*:*") rather than in words."""
    return bool(_FIELDED.search(query) or _PARSER_DEFINITION.match(query))


def prepare(params: dict[str, Any]) -> dict[str, Any]:
    """Complete the parameters of a dataset search; what the caller asked for explicitly is left alone.

    Args:
        params: the data_dict of `package_search`, changed in place.

    Returns:
        the same dict, as `before_dataset_search` must.

    Raises:
        SearchQueryError: the query asks too much of the index, see `bounds`.
    """
    query = str(params.get("q") or "")
    if query and query == _written.get():
        if params.get("facet.field"):
            params.setdefault("facet.limit", config.facet_limit())
        return params
    if not characters.is_clean(query):
        query = params["q"] = characters.clean(query)
    fielded = is_fielded(query[: bounds.LONGEST_QUERY])
    written = not fielded and not params.get("defType") and solr_language.is_written(query[: bounds.LONGEST_QUERY])
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
