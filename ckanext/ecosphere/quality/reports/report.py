"""Figures over many datasets: levels, means, what is missing most, who describes best.

Figures rest on stored scores (the nightly re-score keeps them up to date). Two means are kept apart: the mean over
datasets, in which each dataset counts the same, and the mean over services, in which each service counts the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.core.criteria import BY_ID, Criterion
from ckanext.ecosphere.quality.core.model import QualityRow
from ckanext.ecosphere.quality.core.scope import Scope

__all__ = ["Group", "Scope", "Summary", "Win", "by_organization", "by_place_or_theme", "summary", "wins", "worst"]


@dataclass(frozen=True)
class Summary:
    """Figures of one set of datasets; means are None when it is empty."""

    datasets: int = 0
    mean: float | None = None
    median: float | None = None
    mqa: float | None = None
    inspire: float | None = None
    levels: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Figures of one organisation, theme or territory; `key` is its id in the database or the vocabulary."""

    key: str
    summary: Summary


@dataclass(frozen=True)
class Win:
    """A criterion that datasets fail: how many, and the points that mending it everywhere would bring."""

    criterion: Criterion
    datasets: int
    points: int


def _measures() -> list[Any]:
    row = QualityRow
    levels = [sa.func.count().filter(row.level == code).label(code) for code in config.model().level_codes]
    return [
        sa.func.count().label("datasets"),
        sa.func.avg(row.score).label("mean"),
        sa.func.percentile_cont(0.5).within_group(row.score).label("median"),
        sa.func.avg(row.mqa).label("mqa"),
        sa.func.avg(row.inspire).label("inspire"),
        *levels,
    ]


def _summary(values: Any) -> Summary:
    return Summary(
        datasets=values["datasets"],
        **{name: _rounded(values[name]) for name in ("mean", "median", "mqa", "inspire")},
        levels={code: values[code] for code in config.model().level_codes},
    )


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 1)


def _select(scope: Scope, *columns: Any) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .select_from(QualityRow)
        .join(model.Package, model.Package.id == QualityRow.package_id)
        .where(*scope.conditions())
    )


def summary(scope: Scope) -> Summary:
    """Return the figures of all datasets of `scope`."""
    return _summary(model.Session.execute(_select(scope, *_measures())).mappings().one())


def number(scope: Scope) -> int:
    """Return how many datasets `scope` has, without reading their quality."""
    query = sa.select(sa.func.count()).select_from(model.Package).where(*scope.conditions())
    return model.Session.scalar(query) or 0


def by_organization(scope: Scope) -> list[Group]:
    """Return the figures of each organisation of `scope`, by its id, the best mean first."""
    owner = model.Package.owner_org
    query = _select(scope, owner.label("key"), *_measures()).where(owner.is_not(None)).group_by(owner)
    return _groups(query)


def by_place_or_theme(scope: Scope, column: str) -> list[Group]:
    """Return the figures of each theme or territory of `scope`, by its id in the vocabulary, the best mean first.

    Args:
        scope: which datasets.
        column: "themes" or "territories"; a dataset counts in each of its own.
    """
    values = sa.func.unnest(getattr(QualityRow, column)).table_valued("value").lateral().render_derived()  # pyright: ignore[reportAttributeAccessIssue]
    query = _select(scope, values.c.value.label("key"), *_measures()).join(values, sa.true()).group_by("key")
    return _groups(query)


def _groups(query: sa.Select[Any]) -> list[Group]:
    found = [Group(row["key"], _summary(row)) for row in model.Session.execute(query).mappings()]
    return sorted(found, key=lambda group: (-(group.summary.mean or 0), group.key))


def mean_over(groups: Sequence[Group]) -> float | None:
    """Return the mean of the means of `groups`, in which each group counts the same."""
    means = [group.summary.mean for group in groups if group.summary.mean is not None]
    return round(sum(means) / len(means), 1) if means else None


def wins(scope: Scope) -> list[Win]:
    """Return what the datasets of `scope` fail most, the most points to gain first."""
    points = config.model().points
    each = sa.func.jsonb_each_text(QualityRow.results).table_valued("key", "value").lateral()
    query = (
        _select(scope, each.c.key, sa.func.count().label("datasets"))
        .join(each, sa.true())
        .where(each.c.value == "fail")
        .group_by(each.c.key)
    )
    found = [
        Win(BY_ID[key], datasets, datasets * points[key])
        for key, datasets in model.Session.execute(query)
        if key in points
    ]
    return sorted(found, key=lambda win: (-win.points, win.criterion.id))


def failing(scope: Scope, criterion: str, limit: int) -> list[tuple[model.Package, QualityRow]]:
    """Return the first `limit` datasets of `scope`, by title, that fail a criterion."""
    query = _select(scope, model.Package, QualityRow).where(QualityRow.results[criterion].astext == "fail")
    found = model.Session.execute(query.order_by(model.Package.title, model.Package.name).limit(limit))
    return [(package, row) for package, row in found]


def each_dataset(scope: Scope) -> list[dict[str, Any]]:
    """Return one row for each dataset of `scope`, by title."""
    package, row = model.Package, QualityRow
    columns = (package.name, package.title, package.private, row.score, row.level, row.mqa, row.inspire, row.results)
    query = _select(scope, *columns).order_by(package.title, package.name)
    return [dict(found) for found in model.Session.execute(query).mappings()]


def worst(scope: Scope, limit: int = 10) -> list[tuple[model.Package, QualityRow]]:
    """Return the `limit` datasets of `scope` with the lowest scores, the lowest first."""
    query = _select(scope, model.Package, QualityRow).order_by(QualityRow.score, model.Package.title).limit(limit)
    return [(package, row) for package, row in model.Session.execute(query)]
