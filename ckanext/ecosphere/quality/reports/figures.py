"""Figures of a set of datasets from a single pass over their rows: means and levels, quickest wins, losses.

The pass dominates the cost. Failures are counted over distinct results, of which there are few, since datasets of one
origin fail the same criteria.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ckan.plugins as p
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.core import losses
from ckanext.ecosphere.quality.core.checks import State
from ckanext.ecosphere.quality.core.criteria import BY_ID, Criterion
from ckanext.ecosphere.quality.core.model import QualityRow
from ckanext.ecosphere.quality.core.scope import Scope
from ckanext.ecosphere.quality.core.source_evidence import Fault
from ckanext.ecosphere.quality.reports import report
from ckanext.ecosphere.quality.reports.report import Summary


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
    # Without failures there is a single row without a criterion.
    known = [row for row in rows if row["criterion"] in config.model().points]
    return Figures(report.summary_of(rows[0]), _wins(known), _losses(rows[0], known), tuple(rows[0]["worst"]))


def _query(scope: Scope, worst: int) -> sa.Select[Any]:
    """Return a query of one row per failed criterion, each with the figures of all datasets."""
    package, row = model.Package, QualityRow
    measured = (row.score, row.level, row.mqa, row.inspire)
    traced = (row.checks[losses.KEY].label("origins"), losses.harvested().label("harvested"))
    columns = (package.id, package.title, *measured, row.results, *traced)
    # Referenced several times, so PostgreSQL materialises it and reads the datasets once.
    read = report.select(scope, *columns).cte("datasets").c
    lowest = sa.select(read.id).order_by(read.score, read.title, read.id).limit(worst)

    alike = (read.results, read.origins, read.harvested)
    kinds = sa.select(*alike, sa.func.count().label("number")).group_by(*alike).cte("kinds")
    number, is_harvested, origins = sa.func.sum(kinds.c.number), kinds.c.harvested, kinds.c.origins
    each = sa.func.jsonb_each_text(kinds.c.results).table_valued("key", "value").lateral("each")
    fails = each.c.value == State.FAIL.value
    # Ignore criteria that have been met since (by time or a change of weights).
    lost = origins.op("->>")(each.c.key) == Fault.LOST.value
    criteria = (
        sa.select(
            each.c.key.label("criterion"),
            number.label("failing"),
            number.filter(is_harvested, origins.has_key(each.c.key)).label("traced"),
            number.filter(is_harvested, lost).label("lost"),
        )
        .select_from(sa.join(kinds, each, sa.true()))
        .where(fails)
        .group_by(each.c.key)
        .subquery("criteria")
    )
    told = sa.func.jsonb_each_text(origins).table_valued("key", "value").lateral("told")
    ours = (told.c.value == Fault.LOST.value, kinds.c.results.op("->>")(told.c.key) == State.FAIL.value)
    loses = sa.exists().select_from(told).where(*ours).correlate(kinds)
    whole = sa.select(
        *report.measures(read),
        sa.func.count().filter(read.harvested).label("harvested"),
        sa.func.count().filter(read.harvested, read.origins.is_not(None)).label("examined"),
        sa.select(number).where(is_harvested, loses).scalar_subquery().label("losing"),
        sa.func.array(lowest.scalar_subquery()).label("worst"),
    ).subquery("whole")
    return sa.select(whole, criteria).select_from(whole.outerjoin(criteria, sa.true()))


def _wins(rows: Sequence[Mapping[str, Any]]) -> tuple[Win, ...]:
    points = config.model().points
    found = [
        Win(BY_ID[row["criterion"]], int(row["failing"]), int(row["failing"]) * points[row["criterion"]])
        for row in rows
    ]
    return tuple(sorted(found, key=lambda win: (-win.points, win.criterion.id)))


def _losses(whole: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Losses | None:
    if not p.plugin_loaded("ecosphere_harvest"):
        return None
    found = [Loss(BY_ID[row["criterion"]], int(row["traced"]), int(row["lost"] or 0)) for row in rows if row["traced"]]
    found.sort(key=lambda loss: (-loss.lost, -loss.failing, loss.criterion.id))
    return Losses(whole["harvested"], whole["examined"], int(whole["losing"] or 0), tuple(found))
