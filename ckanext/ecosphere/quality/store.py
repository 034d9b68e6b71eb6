"""Store the quality of datasets in the transaction of the save, and read it as of today.

Nothing here commits: the caller's transaction decides, so that a dataset and its score are saved or rolled back
together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.orm.util import identity_key

from ckanext.ecosphere.quality import config, series
from ckanext.ecosphere.quality.core import inspire, mqa
from ckanext.ecosphere.quality.core.facts import Checks, Facts
from ckanext.ecosphere.quality.core.score import Evaluation, changes_after, evaluate
from ckanext.ecosphere.quality.model import LinkUse, QualityHistory, QualityRow

#: Field of the index and key of the datasets found, for the level and for the score. Plain string fields, not
#: `vocab_…`, which CKAN copies into the full text: "bronze" is also a term of archaeology.
LEVEL_FIELD = "ecosphere_quality_level"
SCORE_FIELD = "ecosphere_quality_score"
_JUST_SCORED = "ecosphere_quality_fresh"
"""Key, in the session, of the badge written last, for indexing in the same transaction."""


@dataclass(frozen=True)
class Badge:
    """Score out of 100, and code of the level."""

    score: int
    level: str


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
    if row is None or not row.checks:
        return Checks()
    return Checks(links=row.checks.get("links", {}), dcat_ap=row.checks.get("dcat_ap"))


# --- writing ---


def save(package_id: str, data: Mapping[str, Any], *, new: bool = False) -> Badge:
    """Score the dataset `data` and store the result, with one statement (and one query before it unless `new`).

    Args:
        package_id: id of the dataset.
        data: the dataset in any shape (see `dataset.view`), with its resources.
        new: whether the dataset was just created, so that there is no row.
    """
    row = None
    if not new:
        row = model.Session.execute(_BEFORE, {"id": package_id}).first()
    checks, lenders, names = row or ({}, [], [])
    # Other background results were about the dataset's former contents: discard them; the nightly work redoes them.
    facts = series.facts_of(data, Checks(links=(checks or {}).get("links", {})))
    series.note({*lenders, *facts.series}, {*names, *facts.known_as})
    return write(package_id, facts)


def columns_of(facts: Facts) -> tuple[Evaluation, dict[str, Any]]:
    """Return the evaluation of `facts` as of today, and the columns of their row."""
    day, weights = today(), config.model()
    evaluation = evaluate(facts, weights, day)
    return evaluation, {
        "score": evaluation.score,
        "level": evaluation.level,
        "won": evaluation.won,
        "out_of": evaluation.out_of,
        "facts": facts.as_dict(),
        "results": evaluation.states,
        "model_version": weights.version,
        "computed_at": datetime.now(timezone.utc),
        "due": changes_after(facts, day),
        "mqa": mqa.assess(facts).points(),
        "inspire": inspire.check(facts).share,
        "themes": list(facts.theme_ids),
        "territories": list(facts.territory_ids),
        "series": list(facts.series),
        "known_as": list(facts.known_as),
    }


def write(package_id: str, facts: Facts) -> Badge:
    """Score `facts` and store the result, with a history entry if score or level changed."""
    evaluation, columns = columns_of(facts)
    texts = {name: json.dumps(columns[name]) for name in ("facts", "results")}
    model.Session.execute(_WRITE, {**columns, **texts, "id": package_id, "day": evaluation.today})
    session = model.Session()
    held = session.identity_map.get(identity_key(QualityRow, package_id))
    if held is not None:
        session.expire(held)  # the statement bypassed the ORM
    badge = Badge(evaluation.score, evaluation.level)
    session.info[_JUST_SCORED] = (_transaction(), package_id, badge)
    return badge


_BEFORE = sa.text("SELECT checks, series, known_as FROM ecosphere_quality WHERE package_id = :id")

_BADGE = sa.text(
    "SELECT score, level, model_version, due FROM ecosphere_quality WHERE package_id = :id"
)

#: Row and history in one statement; the first part reads the score as it was before the statement.
_WRITE = sa.text(
    """
    WITH before AS (
        SELECT score, level FROM ecosphere_quality WHERE package_id = :id
    ), row AS (
        INSERT INTO ecosphere_quality AS kept
            (package_id, score, level, won, out_of, facts, results, model_version, computed_at,
             due, mqa, inspire, themes, territories, series, known_as)
        VALUES
            (:id, :score, :level, :won, :out_of, CAST(:facts AS jsonb), CAST(:results AS jsonb),
             :model_version, :computed_at, :due, :mqa, :inspire, CAST(:themes AS text[]),
             CAST(:territories AS text[]), CAST(:series AS text[]), CAST(:known_as AS text[]))
        ON CONFLICT (package_id) DO UPDATE SET
            score = excluded.score, level = excluded.level, won = excluded.won,
            out_of = excluded.out_of, facts = excluded.facts, results = excluded.results,
            model_version = excluded.model_version, computed_at = excluded.computed_at,
            due = excluded.due, mqa = excluded.mqa, inspire = excluded.inspire,
            themes = excluded.themes, territories = excluded.territories,
            series = excluded.series, known_as = excluded.known_as,
            checks = kept.checks - 'dcat_ap' - 'origins'
    )
    INSERT INTO ecosphere_quality_history (package_id, day, score, level, model_version)
    SELECT :id, :day, :score, :level, :model_version
    WHERE NOT EXISTS (SELECT FROM before WHERE score = :score AND level = :level)
    ON CONFLICT (package_id, day) DO UPDATE SET
        score = excluded.score, level = excluded.level, model_version = excluded.model_version
    """
)


def forget(package_id: str) -> None:
    """Delete all data about a dataset's quality; unused links are removed by the next link check."""
    note_relatives(package_id)
    for table in (QualityRow, QualityHistory, LinkUse):
        model.Session.execute(sa.delete(table).where(table.package_id == package_id))


def note_relatives(package_id: str) -> None:
    """Mark the series and members of a dataset that is added or removed for rescoring."""
    row = model.Session.execute(_BEFORE, {"id": package_id}).first()
    if row:
        series.note(row.series, row.known_as)


# --- reading ---


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
    if not is_current(row):
        return quality_of(row).badge
    return Badge(row.score, row.level)


def badges(datasets: Collection[Mapping[str, Any]]) -> dict[str, Badge]:
    """Return the badges of `datasets` by id, with one query; those without a row are scored immediately.

    Whole rows are read only for datasets whose stored score is no longer valid.
    """
    scored = {d["id"]: d for d in datasets if d.get("id") and is_scored(d.get("type"))}
    if not scored:
        return {}
    names = ("package_id", "score", "level", "model_version", "due")
    columns = [getattr(QualityRow, name) for name in names]
    rows = model.Session.execute(sa.select(*columns).where(QualityRow.package_id.in_(scored))).all()
    by_id = {row.package_id: Badge(row.score, row.level) for row in rows if is_current(row)}
    late = [row.package_id for row in rows if row.package_id not in by_id]
    if late:
        whole = model.Session.scalars(sa.select(QualityRow).where(QualityRow.package_id.in_(late)))
        by_id |= {row.package_id: badge_of(row) for row in whole}
    for package_id, data in scored.items():
        if package_id not in by_id:
            by_id[package_id] = quality_of_dict(data).badge
    return by_id


# --- index ---


def complete_document(
    document: dict[str, Any], dataset: Callable[[], Mapping[str, Any]]
) -> dict[str, Any]:
    """Add level and score to an index document.

    Args:
        document: index document, changed in place.
        dataset: returns the dataset dict; only called if no row is stored.
    """
    if not is_scored(document.get("dataset_type")):
        return document
    badge = _badge_to_index(document["id"]) or quality_of_dict(dataset()).badge
    document[LEVEL_FIELD] = badge.level
    document[SCORE_FIELD] = (
        f"{badge.score:03d}"  # zero-padded, so that it sorts correctly as text and as a number
    )
    return document


def _badge_to_index(package_id: str) -> Badge | None:
    """Return the badge of a dataset, None without a row; without a query if the current transaction just scored it."""
    transaction, scored_id, badge = model.Session().info.get(_JUST_SCORED, (None, None, None))
    if scored_id == package_id and transaction is not None and transaction is _transaction():
        return badge
    row: Any = model.Session.execute(_BADGE, {"id": package_id}).first()
    if row is not None and not is_current(row):
        row = row_of(package_id)  # evaluating again requires the whole row
    if row is None:
        return None
    return badge_of(row)


def forget_just_scored() -> None:
    """Forget the badge written last, after rows were written in another way."""
    model.Session().info.pop(_JUST_SCORED, None)


def _transaction() -> Any:
    session = model.Session()
    return session.get_nested_transaction() or session.get_transaction()
