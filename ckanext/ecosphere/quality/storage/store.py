"""Store the quality of datasets in the transaction of the save, and read it as of today.

Nothing here commits: the caller's transaction decides, so that a dataset and its score are saved or rolled back
together.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.orm.util import identity_key

from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.core import inspire, mqa
from ckanext.ecosphere.quality.core.facts import Checks, Facts
from ckanext.ecosphere.quality.core.model import QualityHistory, QualityRow
from ckanext.ecosphere.quality.core.score import Evaluation, changes_after, evaluate
from ckanext.ecosphere.quality.links.model import LinkUse
from ckanext.ecosphere.quality.reports.badge import Badge
from ckanext.ecosphere.quality.storage import series, session_cache


@dataclass(frozen=True)
class Quality:
    """Quality of a dataset as of today; `computed_at` is None if it is not stored."""

    facts: Facts
    evaluation: Evaluation
    computed_at: datetime | None

    @property
    def badge(self) -> Badge:
        """Return score and level."""
        return Badge(self.evaluation.score, self.evaluation.level)


def today() -> date:
    """Return the date of evaluation (UTC)."""
    return datetime.now(timezone.utc).date()


def is_scored(package_type: str | None) -> bool:
    """Return whether packages of this type are scored."""
    return (package_type or "dataset") in config.dataset_types()


def row_of(package_id: str) -> QualityRow | None:
    """Return the stored row; without a query if the session holds it."""
    return model.Session.get(QualityRow, package_id)


def checks_of(row: QualityRow | None) -> Checks:
    """Return the results of background jobs stored in `row`."""
    kept = row.checks if row else None
    return Checks(links=kept.get("links", {}), dcat_ap=kept.get("dcat_ap")) if kept else Checks()


def save(package_id: str, data: Mapping[str, Any], *, new: bool = False) -> Badge:
    """Score the dataset `data` and store the result, with one statement (and one query before it unless `new`).

    Args:
        package_id: id of the dataset.
        data: the dataset in any shape (see `reading`), with its resources.
        new: whether the dataset was just created, so that there is no row.
    """
    kept = None if new else model.Session.execute(_KEPT, {"id": package_id}).first()
    checks, before, names = kept or ({}, [], [])
    # Other background results were about the dataset's former contents: discard them; the nightly work redoes them.
    facts = series.facts_of(data, Checks(links=(checks or {}).get("links", {})))
    series.note({*before, *facts.series}, {*names, *facts.known_as})
    return write(package_id, facts)


def write(package_id: str, facts: Facts) -> Badge:
    """Score `facts` and store the result, with a history entry if score or level changed."""
    day, weights = today(), config.model()
    result = evaluate(facts, weights, day)
    badge = Badge(result.score, result.level)
    values = {
        "id": package_id,
        "score": badge.score,
        "level": badge.level,
        "won": result.won,
        "out_of": result.out_of,
        "facts": json.dumps(facts.as_dict()),
        "results": json.dumps(result.states),
        "model_version": weights.version,
        "computed_at": datetime.now(timezone.utc),
        "due": changes_after(facts, day),
        "mqa": mqa.assess(facts).points(),
        "inspire": inspire.check(facts).share,
        "themes": list(facts.theme_ids),
        "territories": list(facts.territory_ids),
        "series": list(facts.series),
        "known_as": list(facts.known_as),
        "day": day,
    }
    model.Session.execute(_WRITE, values)
    _refresh(package_id)
    session_cache.note(package_id, badge)
    return badge


_KEPT = sa.text("SELECT checks, series, known_as FROM ecosphere_quality WHERE package_id = :id")

_BADGE = sa.text("SELECT score, level, model_version, due FROM ecosphere_quality WHERE package_id = :id")

#: Row and history in one statement; the first part reads the score as it was before the statement.
_WRITE = sa.text(
    """
    WITH before AS (
        SELECT score, level FROM ecosphere_quality WHERE package_id = :id
    ), row AS (
        INSERT INTO ecosphere_quality AS kept
            (package_id, score, level, won, out_of, facts, results, model_version, computed_at, due, mqa, inspire,
             themes, territories, series, known_as)
        VALUES
            (:id, :score, :level, :won, :out_of, CAST(:facts AS jsonb), CAST(:results AS jsonb), :model_version,
             :computed_at, :due, :mqa, :inspire, CAST(:themes AS text[]), CAST(:territories AS text[]),
             CAST(:series AS text[]), CAST(:known_as AS text[]))
        ON CONFLICT (package_id) DO UPDATE SET
            score = excluded.score, level = excluded.level, won = excluded.won, out_of = excluded.out_of,
            facts = excluded.facts, results = excluded.results, model_version = excluded.model_version,
            computed_at = excluded.computed_at, due = excluded.due, mqa = excluded.mqa, inspire = excluded.inspire,
            themes = excluded.themes, territories = excluded.territories, series = excluded.series,
            known_as = excluded.known_as, checks = kept.checks - 'dcat_ap' - 'origins'
    )
    INSERT INTO ecosphere_quality_history (package_id, day, score, level, model_version)
    SELECT :id, :day, :score, :level, :model_version
    WHERE NOT EXISTS (SELECT FROM before WHERE score = :score AND level = :level)
    ON CONFLICT (package_id, day) DO UPDATE SET
        score = excluded.score, level = excluded.level, model_version = excluded.model_version
    """
)


def _refresh(package_id: str) -> None:
    """Expire the row in the session, if loaded, since the statement bypassed the ORM."""
    session = model.Session()
    held = session.identity_map.get(identity_key(QualityRow, package_id))
    if held is not None:
        session.expire(held)


def forget(package_id: str) -> None:
    """Delete all data about a dataset's quality; unused links are removed by the next link check."""
    note_relatives(package_id)
    for table in (QualityRow, QualityHistory, LinkUse):
        model.Session.execute(sa.delete(table).where(table.package_id == package_id))


def note_relatives(package_id: str) -> None:
    """Mark the series and members of a dataset that is added or removed for rescoring."""
    row = model.Session.execute(_KEPT, {"id": package_id}).first()
    if row:
        series.note(row.series, row.known_as)


def is_current(row: Any) -> bool:
    """Return whether the stored score is still valid: same weights, and no due date has passed."""
    return row.model_version == config.model().version and (row.due is None or row.due >= today())


def quality_of(row: QualityRow) -> Quality:
    """Return the quality stored in `row`, evaluated as of today."""
    facts = Facts.from_dict(row.facts)
    return Quality(facts, evaluate(facts, config.model(), today()), row.computed_at)


def quality_of_dict(data: Mapping[str, Any], checks: Checks | None = None) -> Quality:
    """Return the quality of a dataset without a row, without storing it."""
    facts = series.facts_of(data, checks)
    return Quality(facts, evaluate(facts, config.model(), today()), None)


def badge_of(row: QualityRow) -> Badge:
    """Return the badge stored in `row`, evaluated as of today."""
    return Badge(row.score, row.level) if is_current(row) else quality_of(row).badge


def badge_to_index(package_id: str) -> Badge | None:
    """Return the badge of a dataset, None without a row; without a query if the current transaction just scored it."""
    found = session_cache.of(package_id)
    if found is not None:
        return found
    row: Any = model.Session.execute(_BADGE, {"id": package_id}).first()
    if row is not None and not is_current(row):
        row = row_of(package_id)  # evaluating again requires the whole row
    return badge_of(row) if row is not None else None


def badges(datasets: Collection[Mapping[str, Any]]) -> dict[str, Badge]:
    """Return the badges of `datasets` by id, with one query; those without a row are scored immediately.

    Whole rows are read only for datasets whose stored score is no longer valid.
    """
    wanted = {d["id"]: d for d in datasets if d.get("id") and is_scored(d.get("type"))}
    if not wanted:
        return {}
    columns = (getattr(QualityRow, name) for name in ("package_id", "score", "level", "model_version", "due"))
    rows = model.Session.execute(sa.select(*columns).where(QualityRow.package_id.in_(wanted))).all()
    found = {row.package_id: Badge(row.score, row.level) for row in rows if is_current(row)}
    late = [row.package_id for row in rows if row.package_id not in found]
    if late:
        whole = model.Session.scalars(sa.select(QualityRow).where(QualityRow.package_id.in_(late)))
        found |= {row.package_id: badge_of(row) for row in whole}
    return {key: found.get(key) or quality_of_dict(data).badge for key, data in wanted.items()}
