"""Dashboard card of datasets to improve."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.interfaces import MOST_LINES, Card, Line, Link, Person
from ckanext.ecosphere.quality.core.model import QualityRow
from ckanext.ecosphere.quality.core.scope import Scope
from ckanext.ecosphere.quality.reports import presentation, report
from ckanext.ecosphere.quality.storage import store

FULL = 100


def cards(person: Person) -> list[Card]:
    """Return a card of the lowest-scored datasets of the person's services, each with its most valuable improvement."""
    found = [pair for each in person.services for pair in report.worst(Scope(each.id, private=True), MOST_LINES)]
    found = [(package, row) for package, row in found if row.score < FULL]
    if not found:
        return []
    found.sort(key=lambda pair: pair[1].score)
    count = sum(report.number(Scope(each.id, private=True)) for each in person.services)
    ways = [
        Link(
            tk._("Quality of {service}").format(service=each.title),
            tk.url_for("ecosphere_quality.dashboard_page", id=each.name),
            "chart-line",
        )
        for each in person.services
    ]
    lines = [_line(package, row) for package, row in found[:MOST_LINES]]
    return [Card("to-improve", tk._("Datasets to improve first"), "star-half-stroke", count, lines, ways, 40)]


def _line(package: model.Package, row: QualityRow) -> Line:
    evaluation = store.quality_of(row).evaluation
    note = tk._("{score} of 100, {level}").format(score=row.score, level=presentation.level_label(row.level))
    best, gain = next(iter(evaluation.advice()), (None, 0))
    if best and gain > 0:
        note += tk._(": ") + tk._("{points} more with “{advice}”").format(
            points=gain, advice=tk._(best.criterion.label)
        )
    return Line(package.title or package.name, tk.url_for("ecosphere_quality.dataset_page", id=package.name), note)
