"""Index many datasets with one request: CKAN's own documents, added and shown together."""

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
    """Solr does not answer, or not properly; the same request may pass later."""


class _Collector:
    """Stands where CKAN expects its connection to Solr, and keeps the documents."""

    def __init__(self) -> None:
        self.documents: list[Document] = []

    def add(self, docs: list[Document], commit: bool = False, **_options: Any) -> None:
        self.documents.extend(docs)

    def delete(self, **_options: Any) -> None:
        """A dataset that is deleted has no document."""


def document(package_id: str) -> Document | None:
    """The document that CKAN would send to Solr for a dataset, hooks of all plugins included.

    CKAN builds a document and sends it in one function. That function runs here with another connection, one
    that keeps what it is given: the same code object with other globals, so that nothing is patched for others.

    Returns:
        the document, or None for a dataset that is not to be indexed.
    """
    both = logic.package_show_default_and_custom_schemas({"ignore_auth": True}, package_id)  # pyright: ignore
    return build(dict(both[0], with_custom_schema=both[1]))


def build(dataset: dict[str, Any], models: Any = model) -> Document | None:
    """The document that CKAN would send to Solr for a dataset that was shown.

    Args:
        dataset: shown with CKAN's default schema, and `with_custom_schema`: with the schema of its type.
        models: where the function finds datasets and resources, `ckan.model` or what stands for it.
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
    """Add documents to the index, in one request.

    Args:
        documents: as `build` makes them.
        commit: whether to show them at once, on a portal that commits at all (`ckan.search.solr_commit`).
        within: seconds within which Solr shows them, instead of at once.

    Raises:
        SolrAwayError: Solr is away.
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
    """Read what the index keeps of some documents, those included that were added and not committed yet.

    Args:
        keys: their `index_id`.
        fields: the fields wanted.

    Raises:
        SolrAwayError: Solr is away.
        SearchIndexError: Solr refuses the question.
    """
    connection = make_connection(decode_dates=False)
    data = {"ids": ",".join(keys), "fl": ",".join(fields), "wt": "json"}
    answer = _guarded(requests.post, f"{connection.url.rstrip('/')}/get", data=data, timeout=connection.timeout)
    if not answer.ok:
        raise SearchIndexError(f"HTTP {answer.status_code}: {answer.text[:500]}")
    return answer.json()["response"]["docs"]


def search(**question: Any) -> Any:
    """Ask for documents, past the hooks of CKAN's search: all those that `fq` lets through.

    Args:
        question: parameters of Solr.

    Returns:
        the answer, with `hits`, `docs` and `nextCursorMark`.

    Raises:
        SolrAwayError: Solr is away.
        SearchIndexError: Solr refuses the question.
    """
    return _guarded(make_connection(decode_dates=False).search, "*:*", **question)


def commit() -> None:
    """Show what was added, on a portal that commits at all; returns when searches find it.

    Raises:
        SolrAwayError: Solr is away.
    """
    if tk.config["ckan.search.solr_commit"]:
        _solr("commit")


def remove(package_ids: list[str]) -> None:
    """Take datasets out of the index.

    Raises:
        SolrAwayError: Solr is away.
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
        # pysolr tells a refused request from a server in trouble in its text only. A core not loaded yet gives 404.
        refused = isinstance(error, pysolr.SolrError) and "(HTTP 4" in str(error) and "(HTTP 404)" not in str(error)
        kind = SearchIndexError if refused else SolrAwayError
        raise kind(str(error)[:500]) from error
