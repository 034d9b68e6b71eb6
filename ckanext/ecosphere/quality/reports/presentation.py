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

from ckanext.ecosphere.quality.core import inspire, mqa
from ckanext.ecosphere.quality.core.checks import State
from ckanext.ecosphere.quality.core.criteria import BY_ID, GROUP_LABELS, Criterion
from ckanext.ecosphere.quality.core.facts import Facts
from ckanext.ecosphere.quality.core.mending import ASKED_BY
from ckanext.ecosphere.quality.core.score import LEVEL_LABELS, Evaluation, Level, Result
from ckanext.ecosphere.quality.core.source_evidence import origin
from ckanext.ecosphere.quality.links.model import Link
from ckanext.ecosphere.quality.links.probe import REASONS
from ckanext.ecosphere.quality.storage import saving, store
from ckanext.ecosphere.vocabularies.freshness import is_stated

_ = tk._


def quality(package: model.Package) -> store.Quality:
    """Return the quality of `package` as of today; computed immediately if no row is stored."""
    row = store.row_of(package.id)
    return store.quality_of(row) if row else store.quality_of_dict(saving.stored_dataset(package))


def preview(
    context: Context, package: model.Package | None, data: Mapping[str, Any]
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return the quality of `package` now (None for a new one), and with the fields `data`."""
    kept = saving.validated(context, package, data)
    if package is None:
        return None, as_dict(store.quality_of_dict(kept))
    stored = saving.stored_dataset(package)
    kept |= {name: stored[name] for name in ("resources", "owner_org") if name not in data}
    checks = store.checks_of(store.row_of(package.id))
    return as_dict(quality(package)), as_dict(store.quality_of_dict(kept, checks))


def language() -> str:
    """Return the reader's language; outside of a request, the portal's."""
    return tk.h.lang() if has_request_context() else tk.config["ckan.locale_default"]


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
    return _(label) if label else ""


def state_labels() -> dict[str, str]:
    """Return the names of criterion states in the reader's language, by code."""
    return {
        State.PASS.value: _("Met"),
        State.FAIL.value: _("Not met"),
        State.MISSING.value: _("Nothing to judge"),
        State.NA.value: _("Not applicable"),
        State.UNKNOWN.value: _("Not checked yet"),
    }


def as_dict(found: store.Quality) -> dict[str, Any]:
    """Return a quality as plain data, with texts in the reader's language; see `ecosphere_quality_show`."""
    result = found.evaluation
    return {
        "score": result.score,
        "level": result.level,
        "level_label": level_label(result.level),
        "points": result.won,
        "points_possible": result.out_of,
        "next_level": next_level(result, found.facts),
        "stars": found.facts.distributions.stars,
        "harvested": found.facts.harvested,
        "criteria": [criterion(each, result, found.facts) for each in result.results],
        "mqa": mqa_dict(mqa.assess(found.facts)),
        "inspire": inspire_dict(inspire.check(found.facts)),
        "model_version": result.model.version,
        "computed_at": found.computed_at.isoformat() if found.computed_at else None,
    }


def with_origins(shown: dict[str, Any], facts: Facts, told: Mapping[str, Any]) -> dict[str, Any]:
    """Add to the failed criteria of `as_dict` whether the source or the portal is at fault.

    Args:
        shown: result of `as_dict`, changed in place.
        facts: facts of the dataset.
        told: result of `integrations.source_statements`.
    """
    shown["source_record"] = told["record"]
    for each in shown["criteria"]:
        found = origin(BY_ID[each["id"]], facts, told["fields"]) if each["state"] == State.FAIL.value else None
        each["origin"] = found.as_dict() if found else None
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
        "unmet": [criterion(each, result, facts) for each in result.unmet(level)],
    }


def level_dict(level: Level) -> dict[str, Any]:
    """Return a level as plain data: level, label, from (lowest score) and requires (labels of its conditions)."""
    requires = [_(BY_ID[name].label) for name in level.requires]
    return {"level": level.code, "label": level_label(level.code), "from": level.lowest, "requires": requires}


def criterion(each: Result, result: Evaluation, facts: Facts) -> dict[str, Any]:
    """Return the result of a criterion as plain data."""
    about = each.criterion
    mends = _mends(each, facts)
    remedy = mends.remedy(facts.kind)
    return {
        "id": about.id,
        "label": _(about.label),
        "group": about.group.value,
        "group_label": _(GROUP_LABELS[about.group]),
        "state": each.state.value,
        "points": each.points,
        "points_won": each.won,
        "gain": result.gain(mends.id) if each.unmet else 0,
        "advice": _(remedy.advice),
        "field": remedy.field,
        "on_resource": remedy.on_resource,
        "resource_id": facts.distributions.targets.get(mends.id) if remedy.on_resource else None,
        "source_element": mends.element,
    }


def _mends(each: Result, facts: Facts) -> Criterion:
    """Return the criterion that gives the advice: for a missing value, the one that requires it."""
    if each.state is not State.MISSING:
        return each.criterion
    asked = "dates" if each.criterion.id == "on_time" and is_stated(facts.frequency) else ASKED_BY[each.criterion.id]
    return BY_ID[asked]


def mqa_dict(found: mqa.Assessment) -> dict[str, Any]:
    """Return the MQA assessment as plain data."""
    return {
        "total": found.points(),
        "maximum": mqa.MAXIMUM,
        "not_checked": found.points(state=State.UNKNOWN),
        "rating": found.rating,
        "rating_label": _(mqa.RATING_LABELS[found.rating]),
        "dimensions": [
            {
                "id": dimension.value,
                "label": _(label),
                "points": found.points(dimension),
                "maximum": mqa.maximum(dimension),
                "indicators": [
                    {"id": i.id, "label": _(i.label), "state": state.value, "points": i.points}
                    for i, state in found.states
                    if i.dimension is dimension
                ],
            }
            for dimension, label in mqa.DIMENSION_LABELS.items()
        ],
    }


def inspire_dict(found: inspire.Checklist) -> dict[str, Any]:
    """Return the INSPIRE checklist as plain data."""
    return {
        "met": found.met,
        "applicable": found.applicable,
        "share": found.share,
        "requirements": [
            {
                "id": each.id,
                "number": each.number,
                "label": _(each.label),
                "state": state.value,
                "field": each.field,
                "source_element": each.element,
            }
            for each, state in found.states
        ],
    }


def link_dict(link: Link) -> dict[str, Any]:
    """Return the state of a link as plain data."""
    return {
        "url": link.url,
        "kind": link.kind,
        "state": link.state,
        "status": link.status,
        "misses": link.misses,
        "reason": _(REASONS[link.reason]) if link.checked_at else "",
        "answered": link.answered,
        "checked_at": link.checked_at.isoformat() if link.checked_at else None,
        "next_check_at": link.next_check_at.isoformat(),
    }


def grouped(criteria: list[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Return the criteria of `as_dict` by group label, in the order of the table."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for each in criteria:
        groups.setdefault(each["group_label"], []).append(each)
    return list(groups.items())
