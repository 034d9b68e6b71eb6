"""Dashboard card of datasets to improve."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _

from ckanext.ecosphere.interfaces import MOST_LINES, Card, Line, Link, Person
from ckanext.ecosphere.quality import figures, helpers, store
from ckanext.ecosphere.quality.figures import Scope
from ckanext.ecosphere.quality.model import QualityRow

FULL = 100


def cards(person: Person) -> list[Card]:
    """Return a card of the lowest-scored datasets of the person's services, each with its most valuable improvement."""
    pairs: list[tuple[model.Package, QualityRow]] = []
    ways, count = [], 0
    for service in person.services:
        scope = Scope(service.id, private=True)
        pairs += [pair for pair in figures.worst(scope, MOST_LINES) if pair[1].score < FULL]
        count += figures.number(scope)
        text = _("Quality of {service}").format(service=service.title)
        ways.append(
            Link(
                text, tk.url_for("ecosphere_quality.dashboard_page", id=service.name), "chart-line"
            )
        )
    if not pairs:
        return []
    pairs.sort(key=lambda pair: pair[1].score)
    lines = [_line(package, row) for package, row in pairs[:MOST_LINES]]
    return [
        Card(
            "to-improve",
            _("Datasets to improve first"),
            "star-half-stroke",
            count,
            lines,
            ways,
            40,
        )
    ]


def _line(package: model.Package, row: QualityRow) -> Line:
    evaluation = store.quality_of(row).evaluation
    note = _("{score} of 100, {level}").format(
        score=row.score, level=helpers.level_label(row.level)
    )
    best, gain = next(iter(evaluation.advice()), (None, 0))
    if best and gain > 0:
        note += _(": ") + _("{points} more with “{advice}”").format(
            points=gain, advice=_(best.criterion.label)
        )
    return Line(
        package.title or package.name,
        tk.url_for("ecosphere_quality.dataset_page", id=package.name),
        note,
    )
