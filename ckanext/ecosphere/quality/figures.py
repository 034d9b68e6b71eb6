"""Aggregated quality figures of a set of datasets: levels, means, lowest scores, failed criteria, scores over time.

They are computed from stored scores, which the nightly rescore keeps up to date. Two means are distinguished: the mean
over datasets, with equal weight for each dataset, and the mean over services, with equal weight for each service.

`of` reads the rows in a single pass, which dominates the cost. Failures are counted over distinct results, of which
there are few, since datasets of one origin fail the same criteria.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import ckan.plugins as p
import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.quality import config, origins
from ckanext.ecosphere.quality.core.criteria import BY_ID, Criterion, State
from ckanext.ecosphere.quality.model import QualityHistory, QualityRow
from ckanext.ecosphere.quality.origins import Fault


@dataclass(frozen=True)
class Scope:
    """The datasets included in a report, depending on its reader: active ones of the portal, or of one organisation.

    Attributes:
        organization: id of the organisation, None for the whole portal.
        private: whether to include private datasets, for readers who may see them.
    """

    organization: str | None = None
    private: bool = False

    def conditions(self) -> list[Any]:
        """Return the SQL conditions on `package` that select the datasets."""
        package = model.Package
        conditions: list[Any] = [
            package.state == model.State.ACTIVE,
            package.type.in_(config.dataset_types()),
        ]
        if not self.private:
            conditions.append(package.private.is_(False))
        if self.organization:
            conditions.append(package.owner_org == self.organization)
        return conditions


@dataclass(frozen=True)
class Summary:
    """Figures of a set of datasets; means are None if it is empty."""

    datasets: int = 0
    mean: float | None = None
    median: float | None = None
    mqa: float | None = None
    inspire: float | None = None
    levels: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Figures of an organisation, theme or territory; `key` is its id in the database or the vocabulary."""

    key: str
    summary: Summary


@dataclass(frozen=True)
class Win:
    """A criterion that datasets fail: how many, and the total points to gain by fixing it everywhere."""

    criterion: Criterion
    datasets: int
    points: int


@dataclass(frozen=True)
class Loss:
    """A criterion that harvested datasets fail: how many, and how many of them because of a loss by the portal."""

    criterion: Criterion
    failing: int
    lost: int


@dataclass(frozen=True)
class Losses:
    """Figures of the harvested datasets of a set.

    Attributes:
        harvested: number of harvested datasets.
        examined: those whose failures were traced back to the record.
        losing: those that fail a criterion because of a loss by the portal.
        criteria: failed criteria, most losses first.
    """

    harvested: int
    examined: int
    losing: int
    criteria: tuple[Loss, ...]


@dataclass(frozen=True)
class Figures:
    """Figures of a set of datasets.

    Attributes:
        summary: number of datasets, means and levels.
        wins: failed criteria, most points to gain first.
        losses: losses of harvested datasets; None without the harvest room.
        worst: ids of the datasets with the lowest scores, lowest first.
    """

    summary: Summary
    wins: tuple[Win, ...]
    losses: Losses | None
    worst: tuple[str, ...]


def of(scope: Scope, worst: int = 0) -> Figures:
    """Return the figures of `scope`.

    Args:
        scope: which datasets.
        worst: number of lowest-scored datasets to return.
    """
    rows: Any = model.Session.execute(_query(scope, worst)).mappings().all()
    whole = rows[0]
    # Without failures there is a single row without a criterion.
    failures = [row for row in rows if row["criterion"] in config.model().points]
    return Figures(
        _summary(whole), _wins(failures), _losses(whole, failures), tuple(whole["worst"])
    )


def _query(scope: Scope, worst: int) -> sa.Select[Any]:
    """Return a query of one row per failed criterion, each with the figures of all datasets."""
    package, row = model.Package, QualityRow
    scores = (row.score, row.level, row.mqa, row.inspire)
    traced = (row.checks[origins.KEY].label("origins"), origins.harvested().label("harvested"))
    columns = (package.id, package.title, *scores, row.results, *traced)
    # Referenced several times, so PostgreSQL materialises it and reads the datasets once.
    read = _select(scope, *columns).cte("datasets").c
    lowest = sa.select(read.id).order_by(read.score, read.title, read.id).limit(worst)

    alike = (read.results, read.origins, read.harvested)
    kinds = sa.select(*alike, sa.func.count().label("number")).group_by(*alike).cte("kinds")
    number, is_harvested, causes = sa.func.sum(kinds.c.number), kinds.c.harvested, kinds.c.origins
    result = sa.func.jsonb_each_text(kinds.c.results).table_valued("key", "value").lateral("result")
    # Ignore criteria that have been met since (by time or a change of weights).
    is_lost = causes.op("->>")(result.c.key) == Fault.LOST.value
    criteria = (
        sa.select(
            result.c.key.label("criterion"),
            number.label("failing"),
            number.filter(is_harvested, causes.has_key(result.c.key)).label("traced"),
            number.filter(is_harvested, is_lost).label("lost"),
        )
        .select_from(sa.join(kinds, result, sa.true()))
        .where(result.c.value == State.FAIL.value)
        .group_by(result.c.key)
        .subquery("criteria")
    )
    cause = sa.func.jsonb_each_text(causes).table_valued("key", "value").lateral("cause")
    is_ours = (
        cause.c.value == Fault.LOST.value,
        kinds.c.results.op("->>")(cause.c.key) == State.FAIL.value,
    )
    loses = sa.exists().select_from(cause).where(*is_ours).correlate(kinds)
    whole = sa.select(
        *_measures(read),
        sa.func.count().filter(read.harvested).label("harvested"),
        sa.func.count().filter(read.harvested, read.origins.is_not(None)).label("examined"),
        sa.select(number).where(is_harvested, loses).scalar_subquery().label("losing"),
        sa.func.array(lowest.scalar_subquery()).label("worst"),
    ).subquery("whole")
    return sa.select(whole, criteria).select_from(whole.outerjoin(criteria, sa.true()))


def _select(scope: Scope, *columns: Any) -> sa.Select[Any]:
    """Return a query of columns of the datasets of `scope` and their quality."""
    return (
        sa.select(*columns)
        .select_from(QualityRow)
        .join(model.Package, model.Package.id == QualityRow.package_id)
        .where(*scope.conditions())
    )


def _measures(row: Any = QualityRow) -> list[Any]:
    """Return the columns used by `_summary`.

    Args:
        row: the table, or the columns of a subquery of it.
    """
    levels = [
        sa.func.count().filter(row.level == code).label(code) for code in config.model().level_codes
    ]
    return [
        sa.func.count().label("datasets"),
        sa.func.avg(row.score).label("mean"),
        sa.func.percentile_cont(0.5).within_group(row.score).label("median"),
        sa.func.avg(row.mqa).label("mqa"),
        sa.func.avg(row.inspire).label("inspire"),
        *levels,
    ]


def _summary(values: Any) -> Summary:
    """Return the figures from a row of `_measures`."""
    means = {name: _rounded(values[name]) for name in ("mean", "median", "mqa", "inspire")}
    levels = {code: values[code] for code in config.model().level_codes}
    return Summary(datasets=values["datasets"], **means, levels=levels)


def _rounded(value: Any) -> float | None:
    if value is None:
        return None
    return round(float(value), 1)


def _wins(rows: Sequence[Row]) -> tuple[Win, ...]:
    points = config.model().points
    wins = []
    for row in rows:
        criterion, failing = row["criterion"], int(row["failing"])
        wins.append(Win(BY_ID[criterion], failing, failing * points[criterion]))
    return tuple(sorted(wins, key=lambda win: (-win.points, win.criterion.id)))


def _losses(whole: Row, rows: Sequence[Row]) -> Losses | None:
    if not p.plugin_loaded("ecosphere_harvest"):
        return None
    traced = [row for row in rows if row["traced"]]
    losses = [
        Loss(BY_ID[row["criterion"]], int(row["traced"]), int(row["lost"] or 0)) for row in traced
    ]
    losses.sort(key=lambda loss: (-loss.lost, -loss.failing, loss.criterion.id))
    return Losses(whole["harvested"], whole["examined"], int(whole["losing"] or 0), tuple(losses))


# --- groups and lists ---


def number(scope: Scope) -> int:
    """Return the number of datasets of `scope`, without reading their quality."""
    query = sa.select(sa.func.count()).select_from(model.Package).where(*scope.conditions())
    return model.Session.scalar(query) or 0


def by_organization(scope: Scope) -> list[Group]:
    """Return the figures of each organisation of `scope`, best mean first; `key` is its id."""
    owner = model.Package.owner_org
    query = (
        _select(scope, owner.label("key"), *_measures()).where(owner.is_not(None)).group_by(owner)
    )
    return _groups(query)


def by_place_or_theme(scope: Scope, column: str) -> list[Group]:
    """Return the figures of each theme or territory of `scope`, best mean first; `key` is its id in the vocabulary.

    Args:
        scope: which datasets.
        column: "themes" or "territories"; a dataset counts for each of its own.
    """
    unnested: Any = sa.func.unnest(getattr(QualityRow, column)).table_valued("value")
    values = unnested.lateral().render_derived()
    query = (
        _select(scope, values.c.value.label("key"), *_measures())
        .join(values, sa.true())
        .group_by("key")
    )
    return _groups(query)


def _groups(query: sa.Select[Any]) -> list[Group]:
    groups = [
        Group(row["key"], _summary(dict(row))) for row in model.Session.execute(query).mappings()
    ]
    return sorted(groups, key=lambda group: (-(group.summary.mean or 0), group.key))


def mean_over(groups: Sequence[Group]) -> float | None:
    """Return the unweighted mean of the means of `groups`."""
    means = [group.summary.mean for group in groups if group.summary.mean is not None]
    if not means:
        return None
    return round(sum(means) / len(means), 1)


def failing(scope: Scope, criterion: str, limit: int) -> list[tuple[model.Package, QualityRow]]:
    """Return the first `limit` datasets of `scope`, by title, that fail a criterion."""
    query = _select(scope, model.Package, QualityRow).where(
        QualityRow.results[criterion].astext == "fail"
    )
    pairs = model.Session.execute(
        query.order_by(model.Package.title, model.Package.name).limit(limit)
    )
    return [(package, row) for package, row in pairs]


def each_dataset(scope: Scope) -> list[DataDict]:
    """Return a row for each dataset of `scope`, by title."""
    package, row = model.Package, QualityRow
    columns = (
        package.name,
        package.title,
        package.private,
        row.score,
        row.level,
        row.mqa,
        row.inspire,
        row.results,
    )
    query = _select(scope, *columns).order_by(package.title, package.name)
    return [dict(values) for values in model.Session.execute(query).mappings()]


def worst(scope: Scope, limit: int = 10) -> list[tuple[model.Package, QualityRow]]:
    """Return the `limit` datasets of `scope` with the lowest scores, lowest first."""
    package = model.Package
    lowest = (
        _select(scope, package.id)
        .order_by(QualityRow.score, package.title, package.id)
        .limit(limit)
    )
    return with_quality(list(model.Session.scalars(lowest)))


def with_quality(ids: Sequence[str]) -> list[tuple[model.Package, QualityRow]]:
    """Return datasets with their quality, in the order of `ids`."""
    query = sa.select(model.Package, QualityRow).join(
        QualityRow, QualityRow.package_id == model.Package.id
    )
    pairs = model.Session.execute(query.where(model.Package.id.in_(ids)))
    by_id = {package.id: (package, row) for package, row in pairs}
    return [by_id[package_id] for package_id in ids if package_id in by_id]


# --- over time ---


@dataclass(frozen=True)
class Point:
    """Number of datasets and mean score at the end of a day."""

    day: date
    datasets: int
    mean: float


def trend(scope: Scope, since: date | None = None) -> list[Point]:
    """Return the mean score of the datasets of `scope` on each day on which one of them changed.

    Datasets that are outside the scope today (deleted, made private) are excluded from its past as well.

    Args:
        scope: which datasets.
        since: first day to return; earlier entries are still taken into account.
    """
    steps = _changes(scope).subquery()
    rise, new = sa.func.sum(steps.c.rise), sa.func.count().filter(steps.c.first)
    days = sa.select(steps.c.day, rise, new).group_by(steps.c.day).order_by(steps.c.day)
    points, datasets, total = [], 0, 0
    for day, day_rise, day_new in model.Session.execute(days):
        datasets += day_new
        total += day_rise
        points.append(Point(day, datasets, round(float(total) / datasets, 1)))
    return [point for point in points if since is None or point.day >= since]


def _changes(scope: Scope) -> sa.Select[Any]:
    """Return a query of the entries: `day`, `rise` of the score, whether it is the `first` one of its dataset.

    Those of a service are joined per dataset (lateral): with a plain join PostgreSQL would read the history of all
    services for one.
    """
    entry = QualityHistory
    before = sa.func.lag(entry.score).over(partition_by=entry.package_id, order_by=entry.day)
    rise = entry.score - sa.func.coalesce(before, 0)
    changes = sa.select(entry.day, rise.label("rise"), before.is_(None).label("first"))
    if not scope.organization:
        return changes.join(model.Package, model.Package.id == entry.package_id).where(
            *scope.conditions()
        )
    own = changes.where(entry.package_id == model.Package.id).correlate(model.Package).lateral()
    return sa.select(own).select_from(model.Package).join(own, sa.true()).where(*scope.conditions())
