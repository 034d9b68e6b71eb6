"""Index many datasets with one request, using CKAN's own documents.

Reconcile the index with the database.
"""

from __future__ import annotations

import logging
import time
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import pysolr
import requests
import sqlalchemy as sa
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
    """Return the document that CKAN would send to Solr for a dataset, including the hooks of all
    plugins.

    CKAN builds and sends a document in one function. It runs here with a connection that collects
    documents: the same code object with other globals, so that nothing is patched for other
    callers.

    Returns:
        the document, or None for a dataset that is not to be indexed.
    """
    context: Any = {"ignore_auth": True}
    both = logic.package_show_default_and_custom_schemas(context, package_id)
    return build(dict(both[0], with_custom_schema=both[1]))


def build(dataset: Document, models: Any = model) -> Document | None:
    """Return the document that CKAN would send to Solr for a dataset dict.

    Args:
        dataset: dict shown with CKAN's default schema, and under `with_custom_schema` with the
            schema of its type.
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


def add_one_by_one(
    documents: Iterable[Document], on_error: Callable[[str, Exception], None]
) -> None:
    """Add documents after a request with all of them was refused; the caller commits.

    Args:
        documents: documents of `build`.
        on_error: called for a dataset whose document Solr refuses; the others are still added.

    Raises:
        SolrAwayError: Solr is down.
    """
    for document in documents:
        try:
            add([document], commit=False)
        except SolrAwayError:
            raise
        except SearchIndexError as error:
            on_error(document["id"], error)


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
        # pysolr distinguishes refused requests from outages only by its message. A core not loaded
        # yet gives 404.
        refused = (
            isinstance(error, pysolr.SolrError)
            and "(HTTP 4" in str(error)
            and "(HTTP 404)" not in str(error)
        )
        kind = SearchIndexError if refused else SolrAwayError
        raise kind(str(error)[:500]) from error


# --- repair ---

# CKAN indexes a dataset before it commits it: a process killed in between leaves a document that
# was never saved, and one that loses Solr after the commit leaves a dataset without a document.
# Recent changes are compared each time, everything when the totals differ and once in a while. A
# save in progress looks the same for a moment, so only differences found twice in a row are
# repaired.

#: How far back each comparison goes at least, and interval of full comparisons, in seconds.
BACK_SECONDS, EVERYTHING_SECONDS = 900.0, 3600.0
AT_ONCE = 500
_PAGE = 5000
_FIELDS = "id,state,metadata_modified"
#: State and time of the last change, in the database or in the index; None if missing.
Version = tuple[str, str] | None
Difference = tuple[Version, Version]


class IndexRepair:
    """Comparison and repair of the index; keep one per process.

    Args:
        clock: monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._everything_at = clock()  # the first comparison is a full one
        self._seen: dict[str, Difference] = {}

    def look(self) -> list[str]:
        """Compare, and index or remove datasets with the same difference as last time.

        Returns:
            what was repaired.

        Raises:
            SolrAwayError: Solr is down.
        """
        is_whole = self._clock() >= self._everything_at or self._numbers_differ()
        since = None if is_whole else _now() - timedelta(seconds=BACK_SECONDS)
        differing = self._differing(since)
        lasting = [id_ for id_, pair in differing.items() if self._seen.get(id_) == pair]
        self._seen = differing
        if is_whole and not differing:
            self._everything_at = self._clock() + EVERYTHING_SECONDS
        repairs = [self._put_right(id_) for id_ in lasting[:AT_ONCE]]
        return [text for text in repairs if text]

    def _put_right(self, id_: str) -> str:
        try:
            expected = None
            if _stored([id_]).get(id_):
                expected = document(id_)
            if expected is not None:
                add([expected])
                return f"dataset {id_} indexed again"
            remove([id_])
            return f"dataset {id_} removed from the index"
        except SolrAwayError:
            raise
        except (SearchIndexError, tk.ObjectNotFound, tk.ValidationError) as error:
            log.error("Dataset %s cannot be indexed: %s", id_, str(error)[:300])
            return ""
        finally:
            model.Session.rollback()

    def _numbers_differ(self) -> bool:
        stored = model.Session.scalar(
            sa.select(sa.func.count())
            .select_from(model.Package)
            .where(model.Package.state == model.State.ACTIVE)
        )
        model.Session.rollback()
        return stored != search(fq=[*_here(), "state:active"], rows=0).hits

    def _differing(self, since: datetime | None) -> dict[str, Difference]:
        indexed = dict(_indexed(since))
        stored = _changed(since)
        # Look up what is recent on one side on the other side as well, whatever its age there.
        stored |= _stored(indexed.keys() - stored.keys())
        indexed |= dict(_documents_of(stored.keys() - indexed.keys()))
        model.Session.rollback()
        differing: dict[str, Difference] = {}
        for id_ in stored.keys() | indexed.keys():
            expected, present = stored.get(id_), indexed.get(id_)
            if expected is not None and expected[0] != model.State.ACTIVE:
                expected = None
            # A draft, or a portal that keeps deleted datasets in its index, is no difference.
            is_other = expected is None and present is not None and present[0] != model.State.ACTIVE
            if expected != present and not is_other:
                differing[id_] = (expected, present)
        return differing


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)


def _here() -> list[str]:
    return [f'site_id:"{tk.config["ckan.site_id"]}"', "entity_type:package"]


def _changed(since: datetime | None) -> dict[str, Version]:
    """Return the datasets in the database changed since a time; all active ones for None."""
    package = model.Package
    if since is None:
        return _versions(package.state == model.State.ACTIVE)
    return _versions(package.metadata_modified >= since)


def _stored(ids: Iterable[str]) -> dict[str, Version]:
    """Return the given datasets in the database; missing ones are left out."""
    versions: dict[str, Version] = {}
    for chunk in _chunks(ids):
        versions |= _versions(model.Package.id.in_(chunk))
    return versions


def _versions(condition: sa.ColumnElement[bool]) -> dict[str, Version]:
    package = model.Package
    rows = model.Session.execute(
        sa.select(package.id, package.state, package.metadata_modified).where(condition)
    )
    return {id_: (state, _milliseconds(moment.isoformat())) for id_, state, moment in rows}


def _indexed(since: datetime | None) -> Iterator[tuple[str, Version]]:
    """Return the documents indexed since a time; all of them for None."""
    query = _here()
    if since is not None:
        query.append(f"indexed_ts:[{since.isoformat(timespec='seconds')}Z TO *]")
    mark = "*"
    while True:
        answer = search(fq=query, fl=_FIELDS, rows=_PAGE, sort="index_id asc", cursorMark=mark)
        yield from map(_version_of, answer.docs)
        if answer.nextCursorMark == mark:
            return
        mark = answer.nextCursorMark


def _documents_of(ids: Iterable[str]) -> Iterator[tuple[str, Version]]:
    for chunk in _chunks(ids):
        some = f"{{!terms f=id}}{','.join(chunk)}"
        yield from map(_version_of, search(fq=[*_here(), some], fl=_FIELDS, rows=len(chunk)).docs)


def _version_of(document: Document) -> tuple[str, Version]:
    return document["id"], (
        document.get("state") or "",
        _milliseconds(document.get("metadata_modified") or ""),
    )


def _milliseconds(moment: str) -> str:
    """Return a time with the precision of the index: milliseconds, without time zone."""
    whole, _dot, fraction = moment.rstrip("Z").partition(".")
    return f"{whole}.{fraction[:3].ljust(3, '0')}"


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    in_order = sorted(ids)
    for start in range(0, len(in_order), AT_ONCE):
        yield in_order[start : start + AT_ONCE]
