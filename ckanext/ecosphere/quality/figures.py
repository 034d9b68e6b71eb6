"""Figures of many datasets, as plain data: levels, means, lowest scores, failed criteria, scores
over time.

They are computed from stored scores, which the nightly rescore keeps up to date. Two means are
distinguished: the mean over datasets, with equal weight for each dataset, and the mean over
services, with equal weight for each service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.quality import config, helpers
from ckanext.ecosphere.quality.core.criteria import BY_ID, State
from ckanext.ecosphere.quality.model import QualityHistory, QualityRow


@dataclass(frozen=True)
class Scope:
    """The datasets included in a report, depending on its reader: active ones of the portal, or of
    one organisation.

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


Group = tuple[str, DataDict]
"""Id of an organisation, theme or territory, and its figures (`_summary`)."""
MEANS = ("mean", "median", "mean_mqa", "mean_inspire")


def of(scope: Scope) -> tuple[DataDict, list[DataDict]]:
    """Return the figures of `scope` (`_summary`) and its failed criteria, those with most points to
    gain first.

    Returns:
        of each criterion `criterion` (id), `label`, `advice`, `datasets` that fail it, `points` to
        gain by fixing all.
    """
    row = QualityRow
    # Referenced twice, so that PostgreSQL reads the datasets once.
    read = _select(scope, row.score, row.level, row.mqa, row.inspire, row.results).cte("read")
    result = sa.func.jsonb_each_text(read.c.results).table_valued("key", "value").lateral()
    failures = (
        sa.select(result.c.key.label("criterion"), sa.func.count().label("failing"))
        .select_from(read.join(result, sa.true()))
        .where(result.c.value == State.FAIL.value)
        .group_by(result.c.key)
        .subquery()
    )
    whole = sa.select(*_measures(read.c)).subquery()
    query = sa.select(whole, failures).select_from(whole.outerjoin(failures, sa.true()))
    rows: Any = model.Session.execute(query).mappings().all()
    # Without failures there is a single row without a criterion; others may have lost their weight
    # since.
    wins = [_win(values) for values in rows if values["criterion"] in config.model().points]
    return _summary(rows[0]), sorted(wins, key=lambda win: (-win["points"], win["criterion"]))


def _win(values: Row) -> DataDict:
    criterion = BY_ID[values["criterion"]]
    return {
        "criterion": criterion.id,
        "label": _(criterion.label),
        "advice": _(criterion.advice),
        "datasets": values["failing"],
        "points": values["failing"] * config.model().points[criterion.id],
    }


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
        sa.func.avg(row.mqa).label("mean_mqa"),
        sa.func.avg(row.inspire).label("mean_inspire"),
        *levels,
    ]


def _summary(values: Row) -> DataDict:
    """Return the figures from a row of `_measures`; means are None without datasets."""
    levels = [
        {"level": code, "label": helpers.level_label(code), "datasets": values[code]}
        for code in config.model().level_codes
    ]
    means = {name: _rounded(values[name]) for name in MEANS}
    return {"datasets": values["datasets"], **means, "levels": levels}


def _rounded(value: Any) -> float | None:
    if value is None:
        return None
    return round(float(value), 1)


# --- groups and lists ---


def by_organization(scope: Scope) -> list[Group]:
    """Return the figures of each organisation of `scope`, best mean first."""
    owner = model.Package.owner_org
    query = (
        _select(scope, owner.label("key"), *_measures()).where(owner.is_not(None)).group_by(owner)
    )
    return _groups(query)


def by_place_or_theme(scope: Scope, column: str) -> list[Group]:
    """Return the figures of each theme or territory of `scope`, best mean first.

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
    rows: Any = model.Session.execute(query).mappings()
    groups = [(str(values["key"]), _summary(values)) for values in rows]
    return sorted(groups, key=lambda group: (-(group[1]["mean"] or 0), group[0]))


def mean_over(groups: Sequence[Row]) -> float | None:
    """Return the unweighted mean of the means of `groups`."""
    means = [group["mean"] for group in groups if group["mean"] is not None]
    if not means:
        return None
    return round(sum(means) / len(means), 1)


def failing(scope: Scope, criterion: str, limit: int) -> list[tuple[model.Package, QualityRow]]:
    """Return the first `limit` datasets of `scope`, by title, that fail a criterion."""
    query = _select(scope, model.Package, QualityRow).where(
        QualityRow.results[criterion].astext == "fail"
    )
    first = query.order_by(model.Package.title, model.Package.name).limit(limit)
    return list(model.Session.execute(first).tuples())


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


def worst(scope: Scope, limit: int) -> list[tuple[model.Package, QualityRow]]:
    """Return the `limit` datasets of `scope` with the lowest scores, lowest first."""
    package = model.Package
    query = _select(scope, package, QualityRow)
    lowest = query.order_by(QualityRow.score, package.title, package.id).limit(limit)
    return list(model.Session.execute(lowest).tuples())


def number_below(scope: Scope, score: int) -> int:
    """Return the number of datasets of `scope` with a lower score."""
    query = _select(scope, sa.func.count()).where(QualityRow.score < score)
    return model.Session.scalar(query) or 0


# --- over time ---


def trend(scope: Scope, since: date) -> list[DataDict]:
    """Return number of datasets and mean score of `scope` on each day on which one of them changed.

    Datasets that are outside the scope today (deleted, made private) are excluded from its past as
    well.

    Args:
        scope: which datasets.
        since: first day to return; earlier entries are still taken into account.
    """
    steps = _changes(scope).subquery()
    rise, new = sa.func.sum(steps.c.rise), sa.func.count().filter(steps.c.first)
    days = sa.select(steps.c.day, rise, new).group_by(steps.c.day).order_by(steps.c.day)
    points: list[DataDict] = []
    datasets = total = 0
    for day, day_rise, day_new in model.Session.execute(days):
        datasets += day_new
        total += day_rise
        if day >= since:
            mean = _rounded(total / datasets)
            points.append({"day": day.isoformat(), "datasets": datasets, "mean": mean})
    return points


def _changes(scope: Scope) -> sa.Select[Any]:
    """Return a query of the entries: `day`, `rise` of the score, whether it is the `first` one of
    its dataset.

    Those of a service are joined per dataset (lateral): with a plain join PostgreSQL would read the
    history of all services for one.
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
