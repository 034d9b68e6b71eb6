"""Figures of a service's dashboard and of the comparison of services, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere import vocabularies
from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.core.criteria import BY_ID
from ckanext.ecosphere.quality.core.model import QualityRow
from ckanext.ecosphere.quality.core.scope import Scope
from ckanext.ecosphere.quality.reports import figures, history, presentation, progress, report
from ckanext.ecosphere.quality.reports.figures import Losses, Win
from ckanext.ecosphere.quality.reports.report import Group, Summary
from ckanext.ecosphere.quality.storage import store

TREND_DAYS = 730
PLACES = ("region", "departement")
#: Maximum number of datasets listed for a criterion, all of which can be passed to a bulk edit.
MOST_FAILING = 200


def dashboard(organization: model.Group, limit: int) -> dict[str, Any]:
    """Return the figures of a service, including private datasets: only for those who may see them.

    Args:
        organization: the service.
        limit: number of lowest-scored datasets to list.
    """
    scope = Scope(organization=organization.id, private=True)
    found = figures.of(scope, worst=limit)
    return {
        "organization": {"id": organization.id, "name": organization.name, "title": organization.title},
        "summary": summary_dict(found.summary),
        "target": config.target() or None,
        "trend": trend(scope),
        "losses": losses_dict(found.losses),
        "wins": [
            {
                "criterion": win.criterion.id,
                "label": tk._(win.criterion.label),
                "advice": tk._(win.criterion.advice),
                "datasets": win.datasets,
                "points": win.points,
            }
            for win in found.wins
        ],
        "worst": [_named(package, row) for package, row in report.named(found.worst)],
    }


def failing(organization: model.Group, criterion: str) -> dict[str, Any]:
    """Return the datasets of a service that fail a criterion: their number, and the first of them."""
    scope = Scope(organization=organization.id, private=True)
    win = next((each for each in figures.of(scope).wins if each.criterion.id == criterion), None)
    datasets = [_named(package, row) for package, row in report.failing(scope, criterion, MOST_FAILING)] if win else []
    known = BY_ID[criterion]
    return {
        "criterion": criterion,
        "label": tk._(known.label),
        "advice": tk._(known.advice),
        "count": win.datasets if win else 0,
        "datasets": datasets,
    }


def _named(package: model.Package, row: QualityRow) -> dict[str, Any]:
    return {
        "id": package.id,
        "name": package.name,
        "title": package.title or package.name,
        "type": package.type,
        "private": package.private,
        "score": row.score,
        "level": row.level,
        "level_label": presentation.level_label(row.level),
        "failed": sum(state == "fail" for state in row.results.values()),
    }


def overview() -> dict[str, Any]:
    """Return the figures of the public datasets: total, by service, theme and territory, and over time."""
    scope, least = Scope(), config.minimum_size()
    found = figures.of(scope)
    services = report.by_organization(scope)
    titles = _organization_titles([group.key for group in services])
    compared = [group for group in services if group.summary.datasets >= least]
    language = presentation.language()
    themes = _concepts(report.by_place_or_theme(scope, "themes"), "themes", language)
    territories = _concepts(report.by_place_or_theme(scope, "territories"), "territories", language, PLACES)
    return {
        "summary": summary_dict(found.summary),
        "minimum_size": least,
        "target": _target(compared),
        "first_win": _first_win(found.wins),
        "mean_over_services": report.mean_over(compared),
        "services": [_service(group, titles, True) for group in compared],
        "small_services": [_service(g, titles, False) for g in services if g not in compared and g.key in titles],
        "themes": [group for group in themes if group["datasets"] >= least],
        "small_themes": [group for group in themes if group["datasets"] < least],
        "territories": [group for group in territories if group["datasets"] >= least],
        "small_territories": [group for group in territories if group["datasets"] < least],
        "trend": trend(scope),
        "losses": losses_dict(found.losses),
        "rescore": progress.running(),
    }


def _target(compared: list[Group]) -> dict[str, Any] | None:
    """Return how many of the compared services reach the target; None without one."""
    target = config.target()
    if not (target and compared):
        return None
    return {"score": target, "reached": sum((group.summary.mean or 0) >= target for group in compared)}


def _first_win(wins: Sequence[Win]) -> dict[str, Any] | None:
    """Return the criterion that would bring most points if fixed everywhere."""
    best = next(iter(wins), None)
    return (
        {"criterion": best.criterion.id, "label": tk._(best.criterion.label), "datasets": best.datasets}
        if best
        else None
    )


def summary_dict(found: Summary) -> dict[str, Any]:
    """Return figures as plain data, with names of the levels."""
    levels = [
        {"level": code, "label": presentation.level_label(code), "datasets": number}
        for code, number in found.levels.items()
    ]
    return {
        "datasets": found.datasets,
        "mean": found.mean,
        "median": found.median,
        "mean_mqa": found.mqa,
        "mean_inspire": found.inspire,
        "levels": levels,
    }


def losses_dict(found: Losses | None) -> dict[str, Any] | None:
    """Return the losses of harvested records as plain data, None without the harvest room."""
    if found is None:
        return None
    return {
        "harvested": found.harvested,
        "examined": found.examined,
        "losing": found.losing,
        "criteria": [
            {"criterion": e.criterion.id, "label": tk._(e.criterion.label), "failing": e.failing, "lost": e.lost}
            for e in found.criteria
        ],
    }


def trend(scope: Scope) -> list[dict[str, Any]]:
    """Return mean and number of datasets on each day of change in the last two years."""
    since = store.today() - timedelta(days=TREND_DAYS)
    return [
        {"day": point.day.isoformat(), "datasets": point.datasets, "mean": point.mean}
        for point in history.trend(scope, since)
    ]


def _organization_titles(ids: list[str]) -> dict[str, tuple[str, str]]:
    query = sa.select(model.Group.id, model.Group.name, model.Group.title).where(
        model.Group.id.in_(ids), model.Group.state == model.State.ACTIVE
    )
    return {row.id: (row.name, row.title or row.name) for row in model.Session.execute(query)}


def _service(group: Group, titles: dict[str, tuple[str, str]], compared: bool) -> dict[str, Any]:
    name, title = titles.get(group.key, (group.key, group.key))
    return {"name": name, "title": title, "compared": compared, **summary_dict(group.summary)}


def _concepts(
    groups: list[Group], vocabulary: str, language: str, kinds: tuple[str, ...] | None = None
) -> list[dict[str, Any]]:
    known = vocabularies.get(vocabulary)
    found = []
    for group in groups:
        concept = known.get(group.key)
        if concept and (kinds is None or concept.data.get("type") in kinds):
            kind = concept.data.get("type") if kinds else None
            found.append(
                {"id": concept.id, "label": concept.label(language), "kind": kind, **summary_dict(group.summary)}
            )
    return found
