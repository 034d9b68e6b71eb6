"""Update the scores of many datasets in the search index.

CKAN indexes a dataset with ten queries, two validations and one request to Solr; here the documents of hundreds of
datasets are rebuilt from those in the index, and sent with one request.

A document built here must not overwrite one from a later save. Each save writes the quality row before it indexes the
dataset, so rows are locked from before the datasets are read until Solr has received their documents.
"""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import sqlalchemy as sa
from ckan import model
from ckan.lib.search.common import SearchIndexError

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.fast_save.documents import KeptDocuments
from ckanext.ecosphere.quality.core.model import QualityRow

log = logging.getLogger(__name__)

CHUNK = 400  # datasets whose rows are locked together, for about two seconds
SENT_AT_ONCE = 100  # documents per request; Solr indexes them while the next ones are built
COMMIT_EVERY = 5000  # datasets; results become visible in steps during a long run

Progress = Callable[[int, int], None]


def datasets(ids: Sequence[str], progress: Progress = lambda done, total: None) -> int:
    """Reindex the datasets `ids`, so that facet and sort order follow. Commits.

    Args:
        ids: dataset ids; deleted and missing ones are skipped.
        progress: called with (done, total) after each chunk.

    Returns:
        how many could not be indexed; the log names them.

    Raises:
        SolrAwayError: Solr is down.
    """
    with ThreadPoolExecutor(1) as sender:
        run, done = _Run(sender), 0
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            run.index(chunk, skip_locked=True)
            done += len(chunk)
            if start // COMMIT_EVERY != (start + CHUNK) // COMMIT_EVERY:
                solr.commit()
            progress(done, len(ids))
        # A save in progress indexes its dataset itself, unless it is rolled back: wait, one by one against deadlocks.
        for package_id in run.busy:
            run.index([package_id], skip_locked=False)
    if ids:
        solr.commit()
    return run.failed


class _Run:
    """State of a run: datasets left for later, and how many could not be indexed."""

    def __init__(self, sender: ThreadPoolExecutor) -> None:
        self.busy: list[str] = []
        self.failed = 0
        self._sender = sender
        self._documents = KeptDocuments()

    def index(self, ids: Sequence[str], *, skip_locked: bool) -> None:
        """Index `ids` in a separate transaction; those locked by a save are added to `busy`."""
        query = sa.select(QualityRow).where(QualityRow.package_id.in_(ids)).order_by(QualityRow.package_id)
        # Keep references, so that the hook that adds the score finds the rows in the session.
        rows = list(model.Session.scalars(query.with_for_update(skip_locked=skip_locked)))
        locked = [row.package_id for row in rows]
        if skip_locked and len(locked) < len(ids):
            there = sa.select(QualityRow.package_id).where(QualityRow.package_id.in_(set(ids).difference(locked)))
            self.busy += model.Session.scalars(there)
        sent: list[tuple[list[solr.Document], Future[None]]] = []
        for start in range(0, len(locked), SENT_AT_ONCE):
            documents = self._documents.make(locked[start : start + SENT_AT_ONCE], self._failed)
            # CKAN's configuration is a context variable.
            sending = self._sender.submit(contextvars.copy_context().run, solr.add, documents, commit=False)
            sent.append((documents, sending))
        for documents, sending in sent:
            self._received(documents, sending)
        model.Session.commit()
        model.Session.expunge_all()

    def _received(self, documents: list[solr.Document], sending: Future[None]) -> None:
        """Wait until Solr has received `documents`; if it refuses one, send them one by one."""
        try:
            sending.result()
        except solr.SolrAwayError:
            raise
        except SearchIndexError:
            for document in documents:
                try:
                    solr.add([document], commit=False)
                except solr.SolrAwayError:
                    raise
                except SearchIndexError as error:
                    self._failed(document["id"], error)

    def _failed(self, package_id: str, error: Exception) -> None:
        self.failed += 1
        model.Session.rollback()  # a hook may have broken the transaction
        log.error("Quality: the dataset %s cannot be indexed", package_id, exc_info=error)
