"""Quality of datasets as plain data for the API and the pages, template helpers,
and charts as SVG.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from html import escape
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from babel.numbers import format_decimal
from ckan import model
from ckan.common import _
from ckan.types import Context, DataDict
from werkzeug.routing import BuildError

from ckanext.ecosphere import vocabularies
from ckanext.ecosphere.dataset import outlines
from ckanext.ecosphere.dataset.dates import is_stated
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.quality import config, integrations, store
from ckanext.ecosphere.quality.core import inspire
from ckanext.ecosphere.quality.core.criteria import BY_ID, GROUP_LABELS, Criterion, State
from ckanext.ecosphere.quality.core.facts import Facts
from ckanext.ecosphere.quality.core.score import ASKED_BY, LEVEL_LABELS, Evaluation, Level, Result
from ckanext.ecosphere.quality.links import REASONS
from ckanext.ecosphere.quality.model import Link
from ckanext.ecosphere.quality.origins import origin
from ckanext.ecosphere.quality.store import Badge
from ckanext.ecosphere.shared import authorization, dates, language, once

#: Aliases for templates.
ecosphere_quality_moment = dates.moment
ecosphere_quality_day = dates.day


def ecosphere_quality_is_scored(package: Row) -> bool:
    """Return whether the type of `package` is scored."""
    return store.is_scored(package.get("type"))


def ecosphere_quality_badge(package: Row) -> DataDict | None:
    """Return score, level and label of the dataset dict `package`; None for packages without a
    quality.

    Search results already include their badges (one query per page); otherwise the row is read.
    """
    if not store.is_scored(package.get("type")):
        return None
    if store.LEVEL_FIELD in package:
        badge = Badge(package[store.SCORE_FIELD], package[store.LEVEL_FIELD])
    else:
        badge = store.badges([package]).get(package.get("id", ""))
    if badge is None:
        return None
    return {
        "score": badge.score,
        "level": badge.level,
        "label": level_label(badge.level),
    }


def ecosphere_quality_show(package: Row) -> DataDict | None:
    """Return the full quality of the dataset dict `package`, as in the action of this name,
    cached per page.
    """
    return once.of_dataset("quality", package, _quality)


def _quality(package: Row) -> DataDict | None:
    stored = model.Package.get(package["id"])
    if stored is None or not store.is_scored(stored.type):
        return None
    return as_dict(quality(stored))


def ecosphere_quality_grouped(quality: Row) -> list[Any]:
    """Return the criteria of `quality` by group label, in the order of the table."""
    groups: dict[str, list[Row]] = {}
    for criterion_dict in quality["criteria"]:
        groups.setdefault(criterion_dict["group_label"], []).append(criterion_dict)
    return list(groups.items())


def ecosphere_quality_levels() -> list[DataDict]:
    """Return the levels, best first: level, label, from (lowest score) and
    requires (labels of its conditions).
    """
    return [level_dict(level) for level in config.model().levels]


def ecosphere_quality_can_see_dashboard(organization: Row) -> bool:
    """Return whether the reader may see the dashboard of `organization`."""
    return bool(tk.h.check_access("ecosphere_quality_dashboard", {"id": organization["id"]}))


def ecosphere_quality_number(value: float | None) -> str:
    """Format `value` with one decimal in the reader's language, a dash for None."""
    if value is None:
        return "–"
    return _written(value, language.current())


def ecosphere_quality_can_edit(package: Row) -> bool:
    """Return whether the reader may edit `package`."""
    return bool(tk.h.check_access("package_update", {"id": package["id"]}))


def ecosphere_quality_signals(package: Row) -> int | None:
    """Return the number of open problems reported about `package`.

    None if requests are not enabled.
    """
    return integrations.open_signals(authorization.of_page(), package["id"])


def ecosphere_quality_desk_url(organization: Row) -> str | None:
    """Return the URL of a service's desk of data requests, None if requests are not enabled."""
    try:
        return tk.url_for("ecosphere_requests.desk", organization=organization["name"])
    except BuildError:
        return None


def ecosphere_quality_badge_code(package: Row, badge: Row) -> dict[str, str]:
    """Return the badge of `package` for other sites, as HTML and Markdown:
    an image linked to its quality page.
    """
    image = tk.url_for("ecosphere_quality.dataset_badge", id=package["name"], _external=True)
    page = tk.url_for("ecosphere_quality.dataset_page", id=package["name"], _external=True)
    text = _("Metadata quality: {level}, {score} out of 100").format(
        level=badge["label"], score=badge["score"]
    )
    return {
        "html": f'<a href="{escape(page)}"><img src="{escape(image)}" alt="{escape(text)}" '
        f'height="24"></a>',
        "markdown": f"[![{text}]({image})]({page})",
    }


# --- fields in the forms of CKAN and ckanext-scheming ---

#: Anchors in CKAN's own forms, without ckanext-scheming.
CORE_ANCHORS = {
    "tag_string": "field-tags",
    "license_id": "field-license",
    "owner_org": "field-organizations",
    "title": "field-title",
    "notes": "field-notes",
    "url": "field-url",
    "version": "field-version",
}
CORE_RESOURCE_ANCHORS = {
    "name": "field-name",
    "description": "field-description",
    "format": "field-format",
    "url": "field-resource-url",
}
UPLOAD_ANCHOR = "field-resource-url"  # the URL, in CKAN's widget for a file or a link


def ecosphere_quality_improve_url(criterion: Row, package: Row) -> str | None:
    """Return the URL of the form at the field of `criterion` (an item of `ecosphere_quality_show`).

    For a criterion about resources it is the form of the resource to correct, or of a new one if
    there is none. None if the form does not show the field for this dataset.
    """
    kind, name = package.get("type") or "dataset", package["name"]
    if not is_shown(criterion, package):
        return None
    anchor = _anchor(criterion, kind)
    if not criterion["on_resource"]:
        return tk.url_for(f"{kind}.edit", id=name, _anchor=anchor)
    resource = criterion["resource_id"]
    if not resource:
        return tk.url_for(f"{kind}_resource.new", id=name, _anchor=anchor)
    return tk.url_for(f"{kind}_resource.edit", id=name, resource_id=resource, _anchor=anchor)


def _anchor(criterion: Row, kind: str) -> str | None:
    """Return the anchor of the field of a criterion in its form, None if it has none."""
    schema, name = _schema(kind), criterion["field"]
    anchors, part = CORE_ANCHORS, "dataset_fields"
    if criterion["on_resource"]:
        anchors, part = CORE_RESOURCE_ANCHORS, "resource_fields"
    if schema is None:
        return anchors.get(name)
    field = tk.h.scheming_field_by_name(schema[part], name)
    if field is None:
        return None
    if field.get("upload_field"):
        return UPLOAD_ANCHOR
    return f"field-{name}"


def is_shown(criterion: Row, package: Row) -> bool:
    """Return whether the form shows the field of `criterion` for `package`, or for its resource."""
    schema = _schema(package.get("type") or "dataset")
    if schema is None or not p.plugin_loaded("ecosphere_schemas"):
        return True
    part, values = "dataset_fields", package
    if criterion["on_resource"]:
        part, values = "resource_fields", {}
        for resource in package.get("resources") or ():
            if criterion["resource_id"] and resource.get("id") == criterion["resource_id"]:
                values = resource
    field = tk.h.scheming_field_by_name(schema[part], criterion["field"])
    return field is not None and tk.h.ecosphere_is_in_form(field, values)


def _schema(kind: str) -> DataDict | None:
    if not p.plugin_loaded("scheming_datasets"):
        return None
    return tk.h.scheming_get_dataset_schema(kind)


# --- plain data ----------------------------------------------------------------------------------


def quality(package: model.Package) -> store.Quality:
    """Return the quality of `package` as of today; computed immediately if no row is stored."""
    row = store.row_of(package.id)
    if row is None:
        return store.quality_of_dict(store.stored_dataset(package))
    return store.quality_of(row)


def preview(
    context: Context, package: model.Package | None, data: Row
) -> tuple[DataDict | None, DataDict]:
    """Return the quality of `package` now (None for a new one), and with the fields `data`."""
    changed = store.validated(context, package, data)
    if package is None:
        return None, as_dict(store.quality_of_dict(changed))
    stored = store.stored_dataset(package)
    changed |= {name: stored[name] for name in ("resources", "owner_org") if name not in data}
    checks = store.checks_of(store.row_of(package.id))
    return as_dict(quality(package)), as_dict(store.quality_of_dict(changed, checks))


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


def ecosphere_quality_state_labels() -> dict[str, str]:
    """Return the names of criterion states in the reader's language, by code."""
    return {
        State.PASS.value: _("Met"),
        State.FAIL.value: _("Not met"),
        State.MISSING.value: _("Nothing to judge"),
        State.NA.value: _("Not applicable"),
        State.UNKNOWN.value: _("Not checked yet"),
    }


def as_dict(stored: store.Quality) -> DataDict:
    """Return a quality as plain data, with texts in the reader's language.

    See `ecosphere_quality_show`.
    """
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
        "mqa": mqa_dict(inspire.assess(facts)),
        "inspire": inspire_dict(inspire.check(facts)),
        "model_version": result.model.version,
        "computed_at": computed_at,
    }


def add_origins(shown: DataDict, facts: Facts, statements: Row) -> None:
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


def next_level(result: Evaluation, facts: Facts) -> DataDict | None:
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


def level_dict(level: Level) -> DataDict:
    """Return a level as plain data: level, label, from (lowest score) and
    requires (labels of its conditions).
    """
    requires = [_(BY_ID[name].label) for name in level.requires]
    return {
        "level": level.code,
        "label": level_label(level.code),
        "from": level.lowest,
        "requires": requires,
    }


def criterion(own: Result, result: Evaluation, facts: Facts) -> DataDict:
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


def mqa_dict(assessment: inspire.Checklist) -> DataDict:
    """Return the MQA assessment as plain data."""
    rating = inspire.rating(assessment.points())
    spoken = language.of_tables()
    dimensions = []
    for dimension, name in inspire.DIMENSION_LABELS.items():
        indicators = [
            {
                "id": indicator.id,
                "label": indicator.labels[spoken],
                "state": state.value,
                "points": indicator.points,
            }
            for indicator, state in assessment.states
            if indicator.dimension == dimension
        ]
        dimensions.append(
            {
                "id": dimension,
                "label": _(name),
                "points": assessment.points(dimension),
                "maximum": inspire.maximum(dimension),
                "indicators": indicators,
            }
        )
    return {
        "total": assessment.points(),
        "maximum": inspire.MAXIMUM,
        "not_checked": assessment.points(state=State.UNKNOWN),
        "rating": rating,
        "rating_label": _(inspire.RATING_LABELS[rating]),
        "dimensions": dimensions,
    }


def inspire_dict(checklist: inspire.Checklist) -> DataDict:
    """Return the INSPIRE checklist as plain data."""
    spoken = language.of_tables()
    return {
        "met": checklist.met,
        "applicable": checklist.applicable,
        "share": checklist.share,
        "requirements": [
            {
                "id": requirement.id,
                "number": requirement.number,
                "label": requirement.labels[spoken],
                "state": state.value,
                "field": requirement.field,
                "source_element": requirement.element,
            }
            for requirement, state in checklist.states
        ],
    }


def link_dict(link: Link) -> DataDict:
    """Return the state of a link as plain data."""
    reason, checked_at = "", None
    if link.checked_at:
        reason, checked_at = _(REASONS[link.reason]), link.checked_at.isoformat()
    names = ("url", "kind", "state", "status", "misses", "answered")
    return {
        **{name: getattr(link, name) for name in names},
        "reason": reason,
        "checked_at": checked_at,
        "next_check_at": link.next_check_at.isoformat(),
    }


# --- charts and badge: what their templates draw ---

LEFT, RIGHT = 36, 630
"""Ends of the line of `trend_chart.html`, in pixels."""
DISC = 11
"""Radius of a disc of `map.html`, in pixels."""


def ecosphere_quality_trend(points: Sequence[Row]) -> list[DataDict]:
    """Return the points of `overview.trend` (`day`, `mean`), each with its `x` on the chart,
    in pixels.
    """
    days = [date.fromisoformat(point["day"]) for point in points]
    a_day = (RIGHT - LEFT) / max((days[-1] - days[0]).days, 1)
    return [
        {**point, "x": f"{LEFT + (day - days[0]).days * a_day:.1f}"}
        for day, point in zip(days, points, strict=True)
    ]


def ecosphere_quality_map(places: Sequence[Row]) -> DataDict:
    """Return the outline (`land`), the `height` and the `discs` (`x`, `y`, `place`) of a map of the
    départements.

    Args:
        places: territories of `overview.overview`: `id`, `kind`, `mean`. Overseas ones are below
            the mainland.
    """
    territories = vocabularies.get("territories")
    land = outlines.frames()[0]
    discs, overseas = [], 0
    for place in sorted(places, key=lambda place: str(place["id"])):
        concept = territories.get(place["id"])
        if place["kind"] != "departement" or place["mean"] is None or concept is None:
            continue
        west, south, east, north = concept.data["bbox"]
        x = ((west + east) / 2 - land.box[0]) * land.scale_x
        y = (land.box[3] - (south + north) / 2) * land.scale_y
        if outlines.frame_of(concept.data["bbox"]) is not land:
            x, y = DISC * (2 + 2.5 * overseas), land.height + DISC
            overseas += 1
        discs.append({"x": x, "y": y, "place": place})
    height = land.height
    if overseas:
        height += 3 * DISC
    return {"land": land, "height": height, "discs": discs}
