"""Quality of a dataset as plain data, for the API and the pages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import ckan.plugins.toolkit as tk
from babel.numbers import format_decimal
from ckan import model
from ckan.types import Context
from flask import has_request_context

from ckanext.ecosphere.quality import datasets, store
from ckanext.ecosphere.quality.core import inspire, mqa
from ckanext.ecosphere.quality.core.checks import State
from ckanext.ecosphere.quality.core.criteria import BY_ID, GROUP_LABELS, Criterion
from ckanext.ecosphere.quality.core.facts import Facts
from ckanext.ecosphere.quality.core.score import ASKED_BY, LEVEL_LABELS, Evaluation, Level, Result
from ckanext.ecosphere.quality.links import REASONS
from ckanext.ecosphere.quality.model import Link
from ckanext.ecosphere.quality.origins import origin
from ckanext.ecosphere.vocabularies.freshness import is_stated

_ = tk._


def quality(package: model.Package) -> store.Quality:
    """Return the quality of `package` as of today; computed immediately if no row is stored."""
    row = store.row_of(package.id)
    if row is None:
        return store.quality_of_dict(datasets.stored_dataset(package))
    return store.quality_of(row)


def preview(
    context: Context, package: model.Package | None, data: Mapping[str, Any]
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return the quality of `package` now (None for a new one), and with the fields `data`."""
    changed = datasets.validated(context, package, data)
    if package is None:
        return None, as_dict(store.quality_of_dict(changed))
    stored = datasets.stored_dataset(package)
    changed |= {name: stored[name] for name in ("resources", "owner_org") if name not in data}
    checks = store.checks_of(store.row_of(package.id))
    return as_dict(quality(package)), as_dict(store.quality_of_dict(changed, checks))


def language() -> str:
    """Return the reader's language; outside of a request, the portal's."""
    if has_request_context():
        return tk.h.lang()
    return tk.config["ckan.locale_default"]


def number(value: float) -> str:
    """Format `value` with one decimal in the reader's language."""
    return _written(value, language())


@lru_cache(maxsize=4096)
def _written(value: float, spoken: str) -> str:
    """Format a number, cached: a page has a thousand figures, many of them equal."""
    return format_decimal(value, "#,##0.#", locale=spoken)


def level_label(level: str) -> str:
    """Return the name of `level` in the reader's language, "" for an unknown level."""
    label = LEVEL_LABELS.get(level)
    if label is None:
        return ""
    return _(label)


def state_labels() -> dict[str, str]:
    """Return the names of criterion states in the reader's language, by code."""
    return {
        State.PASS.value: _("Met"),
        State.FAIL.value: _("Not met"),
        State.MISSING.value: _("Nothing to judge"),
        State.NA.value: _("Not applicable"),
        State.UNKNOWN.value: _("Not checked yet"),
    }


def as_dict(stored: store.Quality) -> dict[str, Any]:
    """Return a quality as plain data, with texts in the reader's language; see `ecosphere_quality_show`."""
    result, facts = stored.evaluation, stored.facts
    computed_at = stored.computed_at.isoformat() if stored.computed_at else None
    return {
        "score": result.score,
        "level": result.level,
        "level_label": level_label(result.level),
        "points": result.won,
        "points_possible": result.out_of,
        "next_level": next_level(result, facts),
        "stars": facts.distributions.stars,
        "harvested": facts.harvested,
        "criteria": [criterion(own, result, facts) for own in result.results],
        "mqa": mqa_dict(mqa.assess(facts)),
        "inspire": inspire_dict(inspire.check(facts)),
        "model_version": result.model.version,
        "computed_at": computed_at,
    }


def with_origins(
    shown: dict[str, Any], facts: Facts, statements: Mapping[str, Any]
) -> dict[str, Any]:
    """Add to the failed criteria of `as_dict` whether the source or the portal is at fault.

    Args:
        shown: result of `as_dict`, changed in place.
        facts: facts of the dataset.
        statements: result of `integrations.source_statements`.
    """
    shown["source_record"] = statements["record"]
    for row in shown["criteria"]:
        row["origin"] = None
        if row["state"] == State.FAIL.value:
            cause = origin(BY_ID[row["id"]], facts, statements["fields"])
            row["origin"] = cause and cause.as_dict()
    return shown


def next_level(result: Evaluation, facts: Facts) -> dict[str, Any] | None:
    """Return the level above, the points and conditions missing for it; None at the top."""
    level = result.next_level
    if level is None:
        return None
    return {
        "level": level.code,
        "level_label": level_label(level.code),
        "from": level.lowest,
        "short_by": max(0, level.lowest - result.score),
        "unmet": [criterion(condition, result, facts) for condition in result.unmet(level)],
    }


def level_dict(level: Level) -> dict[str, Any]:
    """Return a level as plain data: level, label, from (lowest score) and requires (labels of its conditions)."""
    requires = [_(BY_ID[name].label) for name in level.requires]
    return {
        "level": level.code,
        "label": level_label(level.code),
        "from": level.lowest,
        "requires": requires,
    }


def criterion(own: Result, result: Evaluation, facts: Facts) -> dict[str, Any]:
    """Return the result of a criterion as plain data."""
    about = own.criterion
    advising = _advising(own, facts)
    remedy = advising.remedy(facts.kind)
    gain, resource_id = 0, None
    if own.unmet:
        gain = result.gain(advising.id)
    if remedy.on_resource:
        resource_id = facts.distributions.targets.get(advising.id)
    return {
        "id": about.id,
        "label": _(about.label),
        "group": about.group.value,
        "group_label": _(GROUP_LABELS[about.group]),
        "state": own.state.value,
        "points": own.points,
        "points_won": own.won,
        "gain": gain,
        "advice": _(remedy.advice),
        "field": remedy.field,
        "on_resource": remedy.on_resource,
        "resource_id": resource_id,
        "source_element": advising.element,
    }


def _advising(own: Result, facts: Facts) -> Criterion:
    """Return the criterion that gives the advice: for a missing value, the one that requires it."""
    if own.state is not State.MISSING:
        return own.criterion
    if own.criterion.id == "on_time" and is_stated(facts.frequency):
        return BY_ID["dates"]
    return BY_ID[ASKED_BY[own.criterion.id]]


def mqa_dict(assessment: mqa.Assessment) -> dict[str, Any]:
    """Return the MQA assessment as plain data."""
    return {
        "total": assessment.points(),
        "maximum": mqa.MAXIMUM,
        "not_checked": assessment.points(state=State.UNKNOWN),
        "rating": assessment.rating,
        "rating_label": _(mqa.RATING_LABELS[assessment.rating]),
        "dimensions": [
            _dimension_dict(assessment, dimension) for dimension in mqa.DIMENSION_LABELS
        ],
    }


def _dimension_dict(assessment: mqa.Assessment, dimension: mqa.Dimension) -> dict[str, Any]:
    indicators = []
    for indicator, state in assessment.states:
        if indicator.dimension is dimension:
            label = _(indicator.label)
            points = indicator.points
            indicators.append(
                {"id": indicator.id, "label": label, "state": state.value, "points": points}
            )
    return {
        "id": dimension.value,
        "label": _(mqa.DIMENSION_LABELS[dimension]),
        "points": assessment.points(dimension),
        "maximum": mqa.maximum(dimension),
        "indicators": indicators,
    }


def inspire_dict(checklist: inspire.Checklist) -> dict[str, Any]:
    """Return the INSPIRE checklist as plain data."""
    return {
        "met": checklist.met,
        "applicable": checklist.applicable,
        "share": checklist.share,
        "requirements": [
            {
                "id": requirement.id,
                "number": requirement.number,
                "label": _(requirement.label),
                "state": state.value,
                "field": requirement.field,
                "source_element": requirement.element,
            }
            for requirement, state in checklist.states
        ],
    }


def link_dict(link: Link) -> dict[str, Any]:
    """Return the state of a link as plain data."""
    reason, checked_at = "", None
    if link.checked_at:
        reason, checked_at = _(REASONS[link.reason]), link.checked_at.isoformat()
    return {
        "url": link.url,
        "kind": link.kind,
        "state": link.state,
        "status": link.status,
        "misses": link.misses,
        "reason": reason,
        "answered": link.answered,
        "checked_at": checked_at,
        "next_check_at": link.next_check_at.isoformat(),
    }


def grouped(criteria: list[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Return the criteria of `as_dict` by group label, in the order of the table."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for criterion_dict in criteria:
        groups.setdefault(criterion_dict["group_label"], []).append(criterion_dict)
    return list(groups.items())
