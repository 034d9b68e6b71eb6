"""Scores over time, from one entry per dataset and day on which its score changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.quality.core.model import QualityHistory
from ckanext.ecosphere.quality.core.scope import Scope


@dataclass(frozen=True)
class Point:
    """Number of datasets and mean score at the end of a day."""

    day: date
    datasets: int
    mean: float


def of_dataset(package_id: str) -> list[QualityHistory]:
    """Return the history of a dataset, oldest entry first."""
    query = sa.select(QualityHistory).where(QualityHistory.package_id == package_id).order_by(QualityHistory.day)
    return list(model.Session.scalars(query))


def trend(scope: Scope, since: date | None = None) -> list[Point]:
    """Return the mean score of the datasets of `scope` on each day on which one of them changed.

    Datasets that are outside the scope today (deleted, made private) are excluded from its past as well.

    Args:
        scope: which datasets.
        since: first day to return; earlier entries are still taken into account.
    """
    steps = (_of_service if scope.organization else _of_all)(scope).subquery()
    days = (
        sa.select(
            steps.c.day,
            sa.func.sum(steps.c.rise).label("rise"),
            sa.func.count().filter(steps.c.first).label("new"),
        )
        .group_by(steps.c.day)
        .order_by(steps.c.day)
    )
    points, datasets, total = [], 0, 0
    for day, rise, new in model.Session.execute(days):
        datasets, total = datasets + new, total + rise
        points.append(Point(day, datasets, round(float(total) / datasets, 1)))
    return [point for point in points if since is None or point.day >= since]


def _changes() -> sa.Select[Any]:
    """Return a query of the entries: `day`, `rise` of the score, whether it is the `first` one of its dataset."""
    line = QualityHistory
    before = sa.func.lag(line.score).over(partition_by=line.package_id, order_by=line.day)
    rise = line.score - sa.func.coalesce(before, 0)
    return sa.select(line.day, rise.label("rise"), before.is_(None).label("first"))


def _of_all(scope: Scope) -> sa.Select[Any]:
    return _changes().join(model.Package, model.Package.id == QualityHistory.package_id).where(*scope.conditions())


def _of_service(scope: Scope) -> sa.Select[Any]:
    """Join per dataset (lateral): with a plain join PostgreSQL would read the history of all services for one."""
    lines = _changes().where(QualityHistory.package_id == model.Package.id).correlate(model.Package).lateral()
    return sa.select(lines).select_from(model.Package).join(lines, sa.true()).where(*scope.conditions())
