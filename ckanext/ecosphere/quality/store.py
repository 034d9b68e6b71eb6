"""Keep the quality of datasets: written in the transaction of the save, read with what time has changed since.

Nothing here commits: the caller's transaction decides, so that a dataset and its score live or die together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.quality import config, inspire, mqa
from ckanext.ecosphere.quality.facts import Checks, Facts, gather
from ckanext.ecosphere.quality.links.model import LinkUse
from ckanext.ecosphere.quality.model import QualityHistory, QualityRow
from ckanext.ecosphere.quality.score import Evaluation, changes_after, evaluate


@dataclass(frozen=True)
class Badge:
    """The short form of a dataset's quality."""

    score: int
    level: str


@dataclass(frozen=True)
class Quality:
    """Quality of a dataset as of today; `computed_at` is None when it was not stored yet."""

    facts: Facts
    evaluation: Evaluation
    computed_at: datetime | None

    @property
    def badge(self) -> Badge:
        """The short form."""
        return Badge(self.evaluation.score, self.evaluation.level)


def today() -> date:
    """Return the day on which things are judged (UTC)."""
    return datetime.now(timezone.utc).date()


def is_scored(package_type: str | None) -> bool:
    """Tell whether packages of this type have a quality."""
    return (package_type or "dataset") in config.dataset_types()


def row_of(package_id: str) -> QualityRow | None:
    """Return the stored row; without a query when the session wrote or read it before."""
    return model.Session.get(QualityRow, package_id)


def checks_of(row: QualityRow | None) -> Checks:
    """Return the results of background jobs kept in `row`."""
    kept = row.checks if row else None
    return Checks(links=kept.get("links", {}), dcat_ap=kept.get("dcat_ap")) if kept else Checks()


def save(package_id: str, data: Mapping[str, Any], *, new: bool = False) -> QualityRow:
    """Score the dataset `data` and store the result in the session.

    Args:
        package_id: id of the dataset.
        data: the dataset in any shape (see `reading`), with its resources.
        new: whether the dataset was just created, so that no row can exist.
    """
    row = None if new else row_of(package_id)
    if row and "dcat_ap" in (row.checks or {}):  # the verdict was on what the dataset was before
        row.checks = {name: value for name, value in row.checks.items() if name != "dcat_ap"}
    return store(package_id, row, gather(data, checks_of(row)))


def store(package_id: str, row: QualityRow | None, facts: Facts) -> QualityRow:
    """Score `facts` and store them in `row`, or in a new one; the history follows when the score changed."""
    day = today()
    result = evaluate(facts, config.model(), day)
    before = row.score if row else None
    if row is None:
        row = QualityRow(package_id=package_id, checks={})
        model.Session.add(row)
    row.score, row.level, row.won, row.out_of = result.score, result.level, result.won, result.out_of
    row.facts, row.results = facts.as_dict(), result.states
    row.model_version, row.computed_at = result.model.version, datetime.now(timezone.utc)
    row.due = changes_after(facts, day)
    row.themes, row.territories = list(facts.theme_ids), list(facts.territory_ids)
    row.mqa, row.inspire = mqa.assess(facts).points(), inspire.check(facts).share
    if before != row.score:
        note_history(row, day, first=before is None)
    return row


def note_history(row: QualityRow, day: date, *, first: bool = False) -> None:
    """Note the score of `day`: one line per dataset and day, the last one wins."""
    line = None if first else model.Session.get(QualityHistory, (row.package_id, day))
    if line is None:
        line = QualityHistory(package_id=row.package_id, day=day)
        model.Session.add(line)
    line.score, line.level, line.model_version = row.score, row.level, row.model_version


def forget(package_id: str) -> None:
    """Remove all that is kept about a dataset; links that nobody uses any more go with the next check of links."""
    for table in (QualityRow, QualityHistory, LinkUse):
        model.Session.execute(sa.delete(table).where(table.package_id == package_id))


def is_current(row: QualityRow) -> bool:
    """Tell whether the stored score still holds: same weights, and no due date has passed."""
    return row.model_version == config.model().version and (row.due is None or row.due >= today())


def quality_of(row: QualityRow) -> Quality:
    """Return the quality kept in `row`, judged as of today."""
    facts = Facts.from_dict(row.facts)
    return Quality(facts, evaluate(facts, config.model(), today()), row.computed_at)


def quality_of_dict(data: Mapping[str, Any], checks: Checks | None = None) -> Quality:
    """Return the quality of a dataset that has no row yet, without storing it."""
    facts = gather(data, checks)
    return Quality(facts, evaluate(facts, config.model(), today()), None)


def badge_of(row: QualityRow) -> Badge:
    """Return the badge kept in `row`, judged as of today."""
    return Badge(row.score, row.level) if is_current(row) else quality_of(row).badge


def badges(datasets: Collection[Mapping[str, Any]]) -> dict[str, Badge]:
    """Return the badges of `datasets` by id, with one query; those without a row are scored on the spot."""
    wanted = {d["id"]: d for d in datasets if d.get("id") and is_scored(d.get("type"))}
    if not wanted:
        return {}
    rows = model.Session.scalars(sa.select(QualityRow).where(QualityRow.package_id.in_(wanted)))
    found = {row.package_id: badge_of(row) for row in rows}
    return {key: found.get(key) or quality_of_dict(data).badge for key, data in wanted.items()}
