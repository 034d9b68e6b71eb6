"""Score many datasets: all of them after a change of the weights, overdue ones every night; then
index their scores.

Datasets are processed in chunks, each in its own transaction, so that a run can be interrupted and
restarted at any time. Rows are locked while their chunk is written, so that a dataset saved
meanwhile keeps the newer result.

CKAN indexes a dataset with ten queries, two validations and one request to Solr; `reindex` rebuilds
the documents of hundreds of datasets from those in the index, and sends them with one request. A
document built here must not overwrite one from a later save: each save writes the quality row
before it indexes the dataset, so rows are locked from before the datasets are read until Solr has
received their documents.
"""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.lib.search.common import SearchIndexError
from ckan.types import DataDict
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.fast_save.documents import KeptDocuments
from ckanext.ecosphere.quality import config, store
from ckanext.ecosphere.quality.core.facts import Facts
from ckanext.ecosphere.quality.model import QualityHistory, QualityRow

log = logging.getLogger(__name__)

PATIENCE = timedelta(days=2)  # nightly works that may be missed before it is reported
LOCKED_TOGETHER = 400  # datasets whose rows are locked together, for about two seconds
SENT_AT_ONCE = 100  # documents per request; Solr indexes them while the next ones are built
COMMIT_EVERY = 12  # times so many; results become visible in steps during a long run


@dataclass
class Outcome:
    """Result of a rescore.

    Attributes:
        seen: number of datasets scored.
        changed: ids of those whose score or level changed.
        pruned: number of rows removed, which had no dataset.
    """

    seen: int = 0
    changed: list[str] = field(default_factory=list)
    pruned: int = 0


# --- many datasets ---


def everything() -> Outcome:
    """Load and score every dataset; remove rows without a dataset. Commits."""
    outcome = Outcome(pruned=prune())
    for ids in store.each_chunk():
        outcome.changed += some(ids).changed
        outcome.seen += len(ids)
        _end_chunk()
    return _with_relatives(outcome)


def fallen_due() -> Outcome:
    """Score datasets that fell due from their stored facts, and all series and members. Commits.

    Rows without a dataset are removed.
    """
    outcome = Outcome(pruned=prune())
    query = (
        sa.select(QualityRow.package_id)
        .where(QualityRow.due < store.today())
        .order_by(QualityRow.package_id)
    )
    due_ids = list(model.Session.scalars(query))
    for ids in _chunks(due_ids, store.CHUNK):
        rows = _locked(ids)
        facts = {package_id: Facts.from_dict(row.facts) for package_id, row in rows.items()}
        outcome.changed += _write(facts, rows)
        outcome.seen += len(ids)
        _end_chunk()
    return _with_relatives(outcome)


def _with_relatives(outcome: Outcome) -> Outcome:
    """Score all series and members again, whose relatives may have been scored after them.

    Commits.
    """
    for ids in _chunks(store.related_ids(), store.CHUNK):
        outcome.changed += some(ids).changed
        _end_chunk()
    outcome.changed = list(dict.fromkeys(outcome.changed))
    return outcome


def _chunks(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _end_chunk() -> None:
    """Commit, and free the memory of the rows."""
    model.Session.commit()
    model.Session.expunge_all()


# --- a few datasets ---


def some(ids: Sequence[str]) -> Outcome:
    """Load and score the datasets `ids`; the caller commits."""
    rows = _locked(ids)  # before they are loaded, so that no save comes between
    return _score(store.load(ids), rows)


def loaded(data: Mapping[str, Row]) -> None:
    """Score datasets as loaded by `store.load`; the caller commits."""
    _score(data, _locked(list(data)))


def _score(data: Mapping[str, Row], rows: dict[str, QualityRow]) -> Outcome:
    facts: dict[str, Facts] = {}
    for package_id, dataset in data.items():
        checks = store.checks_of(rows.get(package_id))
        facts[package_id] = store.facts_of(dataset, checks)
    return Outcome(len(facts), _write(facts, rows))


# --- rows ---


def prune() -> int:
    """Delete rows of datasets that no longer exist; return their number."""
    removed = 0
    for table in (QualityRow, QualityHistory):
        orphans = ~sa.exists().where(model.Package.id == table.package_id)
        delete = sa.delete(table).where(orphans).execution_options(synchronize_session=False)
        result: Any = model.Session.execute(delete)
        removed += result.rowcount
    model.Session.commit()
    return removed


def missing() -> int:
    """Return the number of datasets without a row, or with one of other weights."""
    current = sa.exists().where(
        QualityRow.package_id == model.Package.id,
        QualityRow.model_version == config.model().version,
    )
    scored = model.Package.type.in_(config.dataset_types())
    query = sa.select(sa.func.count()).select_from(model.Package).where(scored, ~current)
    return model.Session.scalar(query) or 0


def overdue() -> int:
    """Return the number of datasets that fell due and were not scored by the nightly work since."""
    before = store.today() - PATIENCE
    query = sa.select(sa.func.count()).select_from(QualityRow).where(QualityRow.due < before)
    return model.Session.scalar(query) or 0


def _rows_of(ids: Sequence[str]) -> sa.Select[tuple[QualityRow]]:
    """Return the query of the rows of some datasets, which all jobs lock in this order,
    against deadlocks.
    """
    of_datasets = sa.select(QualityRow).where(QualityRow.package_id.in_(ids))
    return of_datasets.order_by(QualityRow.package_id)


def _locked(ids: Sequence[str]) -> dict[str, QualityRow]:
    """Return the rows of some datasets by dataset id, locked until the end of the transaction."""
    rows = model.Session.scalars(_rows_of(ids).with_for_update())
    return {row.package_id: row for row in rows}


def _write(facts: dict[str, Facts], rows: dict[str, QualityRow]) -> list[str]:
    """Write the scores of `facts`; return the ids whose score or level changed."""
    if not facts:
        return []
    values, history = [], []
    for package_id, own_facts in facts.items():
        evaluation, columns = store.columns_of(own_facts)
        values.append({"package_id": package_id, **columns})
        row = rows.get(package_id)
        if row is None or (row.score, row.level) != (evaluation.score, evaluation.level):
            entry = {name: columns[name] for name in ("score", "level", "model_version")}
            history.append({"package_id": package_id, "day": evaluation.today, **entry})
    _upsert(QualityRow, ["package_id"], values)
    if history:
        _upsert(QualityHistory, ["package_id", "day"], history)
    store.forget_just_scored()
    for row in rows.values():  # updated without the ORM
        model.Session.expire(row)
    return [entry["package_id"] for entry in history]


def _upsert(table: Any, keys: list[str], values: list[DataDict]) -> None:
    statement = insert(table.__table__)
    updated = {name: statement.excluded[name] for name in values[0] if name not in keys}
    model.Session.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=updated), values
    )


# --- index ---


def reindex(ids: Sequence[str]) -> int:
    """Index the scores of the datasets `ids`, so that facet and sort order follow. Commits.

    Args:
        ids: dataset ids; deleted and missing ones are skipped.

    Returns:
        how many could not be indexed; the log names them.

    Raises:
        SolrAwayError: Solr is down.
    """
    with ThreadPoolExecutor(1) as sender:
        run = _Reindexing(sender)
        for number, chunk in enumerate(_chunks(ids, LOCKED_TOGETHER), 1):
            run.index(chunk, skip_locked=True)
            if number % COMMIT_EVERY == 0:
                solr.commit()
        # A save in progress indexes its dataset itself, unless it is rolled back: wait, one by one
        # against deadlocks.
        for package_id in run.busy:
            run.index([package_id], skip_locked=False)
    if ids:
        solr.commit()
    return run.failed


class _Reindexing:
    """A run of the indexing.

    Attributes:
        busy: datasets left for later, since a save has locked their rows.
        failed: how many could not be indexed.
    """

    def __init__(self, sender: ThreadPoolExecutor) -> None:
        self.busy: list[str] = []
        self.failed = 0
        self._sender = sender
        self._documents = KeptDocuments()

    def index(self, ids: Sequence[str], *, skip_locked: bool) -> None:
        """Index `ids` in a separate transaction; those locked by a save are added to `busy`."""
        query = _rows_of(ids).with_for_update(skip_locked=skip_locked)
        # Keep references, so that the hook that adds the score finds the rows in the session.
        rows = list(model.Session.scalars(query))
        locked = [row.package_id for row in rows]
        if skip_locked and len(locked) < len(ids):
            others = set(ids).difference(locked)
            self.busy += model.Session.scalars(
                sa.select(QualityRow.package_id).where(QualityRow.package_id.in_(others))
            )
        sendings: list[tuple[list[solr.Document], Future[None]]] = []
        for chunk in _chunks(locked, SENT_AT_ONCE):
            documents = self._documents.make(chunk, self._failed)
            # CKAN's configuration is a context variable.
            sending = self._sender.submit(
                contextvars.copy_context().run, solr.add, documents, commit=False
            )
            sendings.append((documents, sending))
        for documents, sending in sendings:
            self._await(documents, sending)
        _end_chunk()

    def _await(self, documents: list[solr.Document], sending: Future[None]) -> None:
        """Wait until Solr has received `documents`; if it refuses one, send them one by one."""
        try:
            sending.result()
        except solr.SolrAwayError:
            raise
        except SearchIndexError:
            solr.add_one_by_one(documents, self._failed)

    def _failed(self, package_id: str, error: Exception) -> None:
        self.failed += 1
        model.Session.rollback()  # a hook may have broken the transaction
        log.error("Quality: the dataset %s cannot be indexed", package_id, exc_info=error)
