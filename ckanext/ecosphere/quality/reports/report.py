"""Aggregate quality figures: levels, means, lowest scores, by organisation, theme or territory.

They are computed from stored scores, which the nightly rescore keeps up to date. Two means are distinguished: the mean
over datasets, with equal weight for each dataset, and the mean over services, with equal weight for each service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.core.model import QualityRow
from ckanext.ecosphere.quality.core.scope import Scope

__all__ = ["Group", "Scope", "Summary", "by_organization", "by_place_or_theme", "measures", "select", "worst"]


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


def measures(row: Any = QualityRow) -> list[Any]:
    """Return the columns used by `summary_of`.

    Args:
        row: the table, or the columns of a subquery of it.
    """
    levels = [sa.func.count().filter(row.level == code).label(code) for code in config.model().level_codes]
    return [
        sa.func.count().label("datasets"),
        sa.func.avg(row.score).label("mean"),
        sa.func.percentile_cont(0.5).within_group(row.score).label("median"),
        sa.func.avg(row.mqa).label("mqa"),
        sa.func.avg(row.inspire).label("inspire"),
        *levels,
    ]


def summary_of(values: Any) -> Summary:
    """Return the figures from a row of `measures`."""
    return Summary(
        datasets=values["datasets"],
        **{name: _rounded(values[name]) for name in ("mean", "median", "mqa", "inspire")},
        levels={code: values[code] for code in config.model().level_codes},
    )


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 1)


def select(scope: Scope, *columns: Any) -> sa.Select[Any]:
    """Return a query of columns of the datasets of `scope` and their quality."""
    return (
        sa.select(*columns)
        .select_from(QualityRow)
        .join(model.Package, model.Package.id == QualityRow.package_id)
        .where(*scope.conditions())
    )


def number(scope: Scope) -> int:
    """Return the number of datasets of `scope`, without reading their quality."""
    query = sa.select(sa.func.count()).select_from(model.Package).where(*scope.conditions())
    return model.Session.scalar(query) or 0


def by_organization(scope: Scope) -> list[Group]:
    """Return the figures of each organisation of `scope`, best mean first; `key` is its id."""
    owner = model.Package.owner_org
    query = select(scope, owner.label("key"), *measures()).where(owner.is_not(None)).group_by(owner)
    return _groups(query)


def by_place_or_theme(scope: Scope, column: str) -> list[Group]:
    """Return the figures of each theme or territory of `scope`, best mean first; `key` is its id in the vocabulary.

    Args:
        scope: which datasets.
        column: "themes" or "territories"; a dataset counts for each of its own.
    """
    values = sa.func.unnest(getattr(QualityRow, column)).table_valued("value").lateral().render_derived()  # pyright: ignore[reportAttributeAccessIssue]
    query = select(scope, values.c.value.label("key"), *measures()).join(values, sa.true()).group_by("key")
    return _groups(query)


def _groups(query: sa.Select[Any]) -> list[Group]:
    found = [Group(row["key"], summary_of(row)) for row in model.Session.execute(query).mappings()]
    return sorted(found, key=lambda group: (-(group.summary.mean or 0), group.key))


def mean_over(groups: Sequence[Group]) -> float | None:
    """Return the unweighted mean of the means of `groups`."""
    means = [group.summary.mean for group in groups if group.summary.mean is not None]
    return round(sum(means) / len(means), 1) if means else None


def failing(scope: Scope, criterion: str, limit: int) -> list[tuple[model.Package, QualityRow]]:
    """Return the first `limit` datasets of `scope`, by title, that fail a criterion."""
    query = select(scope, model.Package, QualityRow).where(QualityRow.results[criterion].astext == "fail")
    found = model.Session.execute(query.order_by(model.Package.title, model.Package.name).limit(limit))
    return [(package, row) for package, row in found]


def each_dataset(scope: Scope) -> list[dict[str, Any]]:
    """Return a row for each dataset of `scope`, by title."""
    package, row = model.Package, QualityRow
    columns = (package.name, package.title, package.private, row.score, row.level, row.mqa, row.inspire, row.results)
    query = select(scope, *columns).order_by(package.title, package.name)
    return [dict(found) for found in model.Session.execute(query).mappings()]


def worst(scope: Scope, limit: int = 10) -> list[tuple[model.Package, QualityRow]]:
    """Return the `limit` datasets of `scope` with the lowest scores, lowest first."""
    package = model.Package
    lowest = select(scope, package.id).order_by(QualityRow.score, package.title, package.id).limit(limit)
    return named(list(model.Session.scalars(lowest)))


def named(ids: Sequence[str]) -> list[tuple[model.Package, QualityRow]]:
    """Return datasets with their quality, in the order of `ids`."""
    query = sa.select(model.Package, QualityRow).join(QualityRow, QualityRow.package_id == model.Package.id)
    pairs = model.Session.execute(query.where(model.Package.id.in_(ids)))
    found = {package.id: (package, row) for package, row in pairs}
    return [found[each] for each in ids if each in found]
