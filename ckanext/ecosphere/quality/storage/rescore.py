"""Score many datasets: all of them after a change of the weights, overdue ones every night.

The search index is updated by `reindex.datasets`.

Datasets are processed in chunks, each in its own transaction, so that a run can be interrupted and restarted at any
time. Rows are locked while their chunk is written, so that a dataset saved meanwhile keeps the newer result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.core import inspire, mqa
from ckanext.ecosphere.quality.core.facts import Facts
from ckanext.ecosphere.quality.core.model import QualityHistory, QualityRow
from ckanext.ecosphere.quality.core.score import changes_after, evaluate
from ckanext.ecosphere.quality.storage import bulk, series, session_cache, store

PATIENCE = timedelta(days=2)  # tolerates a missed night or two

Progress = Callable[[int, int], None]


@dataclass
class Outcome:
    """Result of a rescore: datasets processed, ids of changed ones, removed rows without a dataset."""

    seen: int = 0
    changed: list[str] = field(default_factory=list)
    pruned: int = 0


def everything(progress: Progress = lambda done, total: None) -> Outcome:
    """Load and score every dataset.

    Args:
        progress: called with (done, total) after each chunk.
    """
    outcome, total = Outcome(pruned=prune()), bulk.count()
    for ids in bulk.each_chunk():
        rows = _locked(ids)
        read = bulk.load(ids)
        facts = {key: series.facts_of(data, store.checks_of(rows.get(key))) for key, data in read.items()}
        outcome.changed += _write(facts, rows)
        outcome.seen += len(ids)
        model.Session.commit()
        model.Session.expunge_all()
        progress(outcome.seen, total)
    outcome.changed = list(dict.fromkeys([*outcome.changed, *relatives()]))
    return outcome


def relatives() -> list[str]:
    """Score all series and members again, whose relatives may have been scored after them. Commits.

    Returns:
        ids of those whose score or level changed.
    """
    changed, ids = [], series.related_ids()
    for start in range(0, len(ids), bulk.CHUNK):
        changed += some(ids[start : start + bulk.CHUNK]).changed
        model.Session.commit()
        model.Session.expunge_all()
    return changed


def fallen_due(progress: Progress = lambda done, total: None) -> Outcome:
    """Score overdue datasets from their stored facts, and all series and members; remove rows without a dataset."""
    outcome = Outcome(pruned=prune())
    late = sa.select(QualityRow.package_id).where(QualityRow.due < store.today()).order_by(QualityRow.package_id)
    waiting = list(model.Session.scalars(late))
    for start in range(0, len(waiting), bulk.CHUNK):
        ids = waiting[start : start + bulk.CHUNK]
        rows = _locked(ids)
        outcome.changed += _write({key: Facts.from_dict(row.facts) for key, row in rows.items()}, rows)
        outcome.seen += len(ids)
        model.Session.commit()
        model.Session.expunge_all()
        progress(outcome.seen, len(waiting))
    outcome.changed = list(dict.fromkeys([*outcome.changed, *relatives()]))
    return outcome


def some(ids: Sequence[str]) -> Outcome:
    """Load and score the datasets `ids`; the caller commits."""
    return datasets(bulk.load(ids))


def datasets(read: Mapping[str, Mapping[str, Any]]) -> Outcome:
    """Score datasets loaded by `bulk.load`; the caller commits."""
    rows = _locked(list(read))
    facts = {key: series.facts_of(data, store.checks_of(rows.get(key))) for key, data in read.items()}
    return Outcome(len(facts), _write(facts, rows))


def prune() -> int:
    """Delete rows of datasets that no longer exist; return their number."""
    removed = 0
    for table in (QualityRow, QualityHistory):
        gone = ~sa.exists().where(model.Package.id == table.package_id)
        result: Any = model.Session.execute(sa.delete(table).where(gone).execution_options(synchronize_session=False))
        removed += result.rowcount
    model.Session.commit()
    return removed


def missing() -> int:
    """Return the number of datasets without a row, or with one of other weights."""
    current = sa.exists().where(
        QualityRow.package_id == model.Package.id, QualityRow.model_version == config.model().version
    )
    query = (
        sa.select(sa.func.count())
        .select_from(model.Package)
        .where(model.Package.type.in_(config.dataset_types()), ~current)
    )
    return model.Session.scalar(query) or 0


def overdue() -> int:
    """Return the number of datasets that fell due and were not scored by the nightly work since."""
    before = store.today() - PATIENCE
    query = sa.select(sa.func.count()).select_from(QualityRow).where(QualityRow.due < before)
    return model.Session.scalar(query) or 0


def _locked(ids: Sequence[str]) -> dict[str, QualityRow]:
    # In the same order as other jobs, to avoid deadlocks.
    query = sa.select(QualityRow).where(QualityRow.package_id.in_(ids)).order_by(QualityRow.package_id)
    return {row.package_id: row for row in model.Session.scalars(query.with_for_update())}


def _write(facts: dict[str, Facts], rows: dict[str, QualityRow]) -> list[str]:
    """Write the scores of `facts`; return the ids whose score or level changed."""
    if not facts:
        return []
    weights, day, now = config.model(), store.today(), datetime.now(timezone.utc)
    values, history, changed = [], [], []
    for key, found in facts.items():
        result, row = evaluate(found, weights, day), rows.get(key)
        value: dict[str, Any] = {"package_id": key, "score": result.score, "level": result.level}
        values.append(
            value
            | {"won": result.won, "out_of": result.out_of, "facts": found.as_dict(), "results": result.states}
            | {"model_version": weights.version, "computed_at": now, "due": changes_after(found, day)}
            | {"mqa": mqa.assess(found).points(), "inspire": inspire.check(found).share}
            | {"themes": list(found.theme_ids), "territories": list(found.territory_ids)}
            | {"series": list(found.series), "known_as": list(found.known_as)}
        )
        if row is None or (row.score, row.level) != (result.score, result.level):
            history.append(value | {"day": day, "model_version": weights.version})
            changed.append(key)
    _upsert(QualityRow, ["package_id"], values)
    if history:
        _upsert(QualityHistory, ["package_id", "day"], history)
    session_cache.forget()
    for row in rows.values():  # updated without the ORM
        model.Session.expire(row)
    return changed


def _upsert(table: Any, keys: list[str], values: list[dict[str, Any]]) -> None:
    statement = insert(table.__table__)
    updated = {name: statement.excluded[name] for name in values[0] if name not in keys}
    model.Session.execute(statement.on_conflict_do_update(index_elements=keys, set_=updated), values)
