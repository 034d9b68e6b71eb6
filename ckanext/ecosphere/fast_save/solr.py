"""Index many datasets with one request, using CKAN's own documents."""

from __future__ import annotations

import logging
import types
from collections.abc import Callable, Sequence
from typing import Any

import ckan.plugins.toolkit as tk
import pysolr
import requests
from ckan import logic, model
from ckan.lib.search import index as ckan_index
from ckan.lib.search.common import SearchIndexError, make_connection

log = logging.getLogger(__name__)

Document = dict[str, Any]
_DELETED_AT_ONCE = 100


class SolrAwayError(SearchIndexError):
    """Solr does not answer, or not properly; a retry may succeed."""


class _Collector:
    """A stand-in for CKAN's Solr connection that collects the documents."""

    def __init__(self) -> None:
        self.documents: list[Document] = []

    def add(self, docs: list[Document], commit: bool = False, **_options: Any) -> None:
        self.documents.extend(docs)

    def delete(self, **_options: Any) -> None:
        """Ignore the deletion: a deleted dataset has no document."""


def document(package_id: str) -> Document | None:
    """Return the document that CKAN would send to Solr for a dataset, including the hooks of all plugins.

    CKAN builds and sends a document in one function. It runs here with a connection that collects documents: the same
    code object with other globals, so that nothing is patched for other callers.

    Returns:
        the document, or None for a dataset that is not to be indexed.
    """
    both = logic.package_show_default_and_custom_schemas({"ignore_auth": True}, package_id)  # pyright: ignore
    return build(dict(both[0], with_custom_schema=both[1]))


def build(dataset: dict[str, Any], models: Any = model) -> Document | None:
    """Return the document that CKAN would send to Solr for a dataset dict.

    Args:
        dataset: dict shown with CKAN's default schema, and under `with_custom_schema` with the schema of its type.
        models: `ckan.model`, or a stand-in for it.
    """
    collector = _Collector()
    original = ckan_index.PackageSearchIndex.index_package
    function = types.FunctionType(
        original.__code__,
        {**original.__globals__, "make_connection": lambda: collector, "model": models},
        original.__name__,
        original.__defaults__,
    )
    function(ckan_index.PackageSearchIndex(), dataset, True)
    return collector.documents[0] if collector.documents else None


def add(documents: list[Document], *, commit: bool = True, within: int | None = None) -> None:
    """Add documents to the index in one request.

    Args:
        documents: documents of `build`.
        commit: whether to commit, unless `ckan.search.solr_commit` is off.
        within: seconds within which Solr commits, instead of immediately.

    Raises:
        SolrAwayError: Solr is down.
        SearchIndexError: Solr refuses one of them.
    """
    if not documents:
        return
    commits = commit and tk.config["ckan.search.solr_commit"]
    if commits and within:
        _solr("add", documents, commit=False, commitWithin=within * 1000)
    else:
        _solr("add", documents, commit=commits)


def kept(keys: Sequence[str], fields: Sequence[str]) -> list[Document]:
    """Return stored fields of documents, including uncommitted ones.

    Args:
        keys: their `index_id`.
        fields: names of the fields.

    Raises:
        SolrAwayError: Solr is down.
        SearchIndexError: Solr refuses the query.
    """
    connection = make_connection(decode_dates=False)
    data = {"ids": ",".join(keys), "fl": ",".join(fields), "wt": "json"}
    answer = _guarded(
        requests.post, f"{connection.url.rstrip('/')}/get", data=data, timeout=connection.timeout
    )
    if not answer.ok:
        raise SearchIndexError(f"HTTP {answer.status_code}: {answer.text[:500]}")
    return answer.json()["response"]["docs"]


def search(**question: Any) -> Any:
    """Query documents by `fq`, without the hooks of CKAN's search.

    Args:
        question: Solr parameters.

    Returns:
        the results, with `hits`, `docs` and `nextCursorMark`.

    Raises:
        SolrAwayError: Solr is down.
        SearchIndexError: Solr refuses the query.
    """
    return _guarded(make_connection(decode_dates=False).search, "*:*", **question)


def commit() -> None:
    """Commit, unless `ckan.search.solr_commit` is off; returns when searches see the changes.

    Raises:
        SolrAwayError: Solr is down.
    """
    if tk.config["ckan.search.solr_commit"]:
        _solr("commit")


def remove(package_ids: list[str]) -> None:
    """Remove datasets from the index.

    Raises:
        SolrAwayError: Solr is down.
    """
    for start in range(0, len(package_ids), _DELETED_AT_ONCE):
        some = " OR ".join(f'"{id_}"' for id_ in package_ids[start : start + _DELETED_AT_ONCE])
        query = f'+entity_type:package +site_id:"{tk.config["ckan.site_id"]}" +id:({some})'
        _solr("delete", q=query, commit=tk.config["ckan.search.solr_commit"])


def _solr(method: str, *args: Any, **kwargs: Any) -> None:
    _guarded(getattr(make_connection(), method), *args, **kwargs)


def _guarded(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        return call(*args, **kwargs)
    except (pysolr.SolrError, requests.RequestException, OSError) as error:
        # pysolr distinguishes refused requests from outages only by its message. A core not loaded yet gives 404.
        refused = (
            isinstance(error, pysolr.SolrError)
            and "(HTTP 4" in str(error)
            and "(HTTP 404)" not in str(error)
        )
        kind = SearchIndexError if refused else SolrAwayError
        raise kind(str(error)[:500]) from error
