"""Reconcile the search index with the database, dataset by dataset, while the portal runs.

CKAN indexes a dataset before it commits it: a process killed in between leaves a document that was never saved, and one
that loses Solr after the commit leaves a dataset without a document. Recent changes are compared each time, everything
when the totals differ and once in a while. A save in progress looks the same for a moment, so only differences found
twice in a row are repaired.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.search.common import SearchIndexError

from ckanext.ecosphere.fast_save import solr

log = logging.getLogger(__name__)

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
            document = solr.document(id_) if _stored([id_]).get(id_) else None
            if document is not None:
                solr.add([document])
                return f"dataset {id_} indexed again"
            solr.remove([id_])
            return f"dataset {id_} removed from the index"
        except solr.SolrAwayError:
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
        return stored != solr.search(fq=[*_here(), "state:active"], rows=0).hits

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
        answer = solr.search(fq=query, fl=_FIELDS, rows=_PAGE, sort="index_id asc", cursorMark=mark)
        yield from map(_version_of, answer.docs)
        if answer.nextCursorMark == mark:
            return
        mark = answer.nextCursorMark


def _documents_of(ids: Iterable[str]) -> Iterator[tuple[str, Version]]:
    for chunk in _chunks(ids):
        some = f"{{!terms f=id}}{','.join(chunk)}"
        yield from map(
            _version_of, solr.search(fq=[*_here(), some], fl=_FIELDS, rows=len(chunk)).docs
        )


def _version_of(document: dict[str, Any]) -> tuple[str, Version]:
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
