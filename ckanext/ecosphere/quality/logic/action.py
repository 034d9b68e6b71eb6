"""Actions of the room."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere.quality import integrations
from ckanext.ecosphere.quality.jobs import tasks
from ckanext.ecosphere.quality.links import inventory
from ckanext.ecosphere.quality.logic import chained, schema
from ckanext.ecosphere.quality.reports import cached_overview, overview, presentation
from ckanext.ecosphere.quality.storage import store
from ckanext.ecosphere.shared import action_input

MOST_DATASETS = 100
MOST_PREVIEWED = 5_000
"""Resources of a dataset whose quality is previewed: more take longer than anybody waits."""


def package_or_not_found(name_or_id: str) -> model.Package:
    """Return the dataset called so.

    Raises:
        NotFound: there is none, or packages of its type have no quality.
    """
    package = model.Package.get(name_or_id)
    if package is None or not store.is_scored(package.type):
        raise tk.ObjectNotFound(tk._("Dataset not found"))
    return package


@tk.side_effect_free
@tk.validate_action_data(schema.quality_explain)
def ecosphere_quality_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the quality of a dataset as of today.

    Whoever may see the dataset may see its quality.

    Args:
        id (str): id or name of the dataset.
        origins (bool): for a harvested dataset, read its source record anew (some hundredths of a second) and tell for
            each failed criterion whose fault it is; False if not given.

    Returns:
        dict: `score` (0–100), `level` (gold, silver, bronze, incomplete), `level_label`, `points`, `points_possible`,
        `next_level` (level, level_label, from, short_by and `unmet`: its conditions that are not met, as in
        `criteria`; None at the top), `stars` (best openness of a resource, 0–5), `harvested`, `criteria` (for each: id,
        label, group, state (pass, fail, missing, na, unknown), points, points_won, gain of score if it passed, advice,
        field, on_resource, resource_id to mend, source_element of an ISO 19139 record), `mqa` (European assessment:
        total, maximum, not_checked, rating, rating_label, dimensions with points, maximum and indicators),
        `inspire` (met, applicable, requirements with number, label, state, field, source_element), `model_version`,
        `computed_at` (None when not stored yet), `package_id` and `name`. With `origins`, `source_record` (address of
        the original) and for each failed criterion `origin`: fault (lost, unusable, not_enough, silent), ours (whether
        the portal lost it), label, sentence, texts of the record; None when the harvest does not know.

    Raises:
        NotFound: no such dataset.
        NotAuthorized: the dataset may not be seen.
    """
    tk.check_access("ecosphere_quality_show", context, data_dict)
    package = package_or_not_found(data_dict["id"])
    found = presentation.quality(package)
    shown = {"package_id": package.id, "name": package.name, **presentation.as_dict(found)}
    if data_dict["origins"] and found.facts.harvested:
        told = integrations.source_statements(context, package.id)
        if told:
            presentation.with_origins(shown, found.facts, told)
    return shown


@tk.side_effect_free
def ecosphere_quality_overview(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the figures of all public datasets, by service, theme and territory, and over time.

    Everyone may call it; private datasets do not count, whoever calls.

    Returns:
        dict: `summary` (datasets, mean, median, mean_mqa, mean_inspire, levels), `minimum_size`, `mean_over_services`
        (each compared service counts the same), `services` and `small_services` (name, title, compared and the same
        figures), `target` (score, reached: how many services reach it; None without one), `first_win` (criterion,
        label, datasets that fail it: what would bring most points), `themes`, `small_themes`, `territories` and
        `small_territories` (id, label and the same figures; those
        that are small have fewer than `minimum_size` datasets), `trend` (day, datasets, mean),
        `losses` (harvested, examined, losing, criteria: criterion, label, failing, lost; None without the harvest),
        `rescore` (stage, percent, at; None when no re-score is under way).

    Raises:
        ValidationError: the figures of a large catalogue are being counted: ask again in some seconds.
    """
    tk.check_access("ecosphere_quality_overview", context, data_dict)
    return cached_overview.show()


@tk.side_effect_free
@tk.validate_action_data(schema.quality_dashboard)
def ecosphere_quality_dashboard(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the figures of one service, its private datasets included; for its members.

    Args:
        id (str): id or name of the organisation.
        limit (int): how many of the worst datasets to name; 10 if not given, 100 at most.
        criterion (str): id of a criterion of which the datasets that fail it are wanted; none if not given.

    Returns:
        dict: `organization`, `summary`, `trend`, `losses` as in the overview, `target` (mean score that each service
        should reach, None without one), `failing` (None, or `criterion`, `label`,
        `advice`, `count`, and of the first 200 `datasets`, as in `worst`, with `source`, the title of the harvest
        source that has to be corrected, None for what is described on the portal), `wins` (criterion, label, advice,
        datasets that fail it, points to gain; the most rewarding first), `worst` (the datasets with the lowest
        scores), `harvest_sources` (with the errors of their last job, None without that plugin),
        `pending_requests` (count, overdue, due_soon; None without that plugin, and for members who may not
        answer requests).

    Raises:
        NotFound: no such organisation.
        NotAuthorized: the caller is no member of it.
    """
    tk.check_access("ecosphere_quality_dashboard", context, data_dict)
    group = model.Group.get(data_dict["id"])
    if group is None or not group.is_organization:
        raise tk.ObjectNotFound(tk._("Organization not found"))
    found = overview.dashboard(group, min(data_dict["limit"], MOST_DATASETS))
    found["harvest_sources"] = integrations.harvest_sources(context, group.id)
    found["pending_requests"] = integrations.pending_requests(context, group.id)
    found["failing"] = _failing(context, group, data_dict["criterion"]) if data_dict.get("criterion") else None
    return found


def _failing(context: Context, group: model.Group, criterion: str) -> dict[str, Any]:
    """Return the datasets of a service that fail a criterion, each with the source where it has to be corrected."""
    found = overview.failing(group, criterion)
    sources = integrations.governing_sources(context, [each["id"] for each in found["datasets"]])
    return {**found, "datasets": [{**each, "source": sources.get(each["id"])} for each in found["datasets"]]}


@tk.side_effect_free
@tk.validate_action_data(schema.quality_preview)
def ecosphere_quality_preview(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the quality that a dataset would have, with the same scorer as a save and without writing anything.

    Args:
        id (str): id or name of the dataset that is edited; none for a new one.
        dataset (dict): its fields, as `package_create` takes them or as the form posts them. Resources that are not
            given are those of the dataset.

    Returns:
        dict: `after`, as `ecosphere_quality_show` gives it; `before`, the same for the dataset as it is, or None for a
        new one; `change`, by how much the score would change.

    Raises:
        NotFound: no such dataset.
        NotAuthorized: the caller may not edit it, or may not create datasets.
    """
    tk.check_access("ecosphere_quality_preview", context, data_dict)
    package = package_or_not_found(data_dict["id"]) if data_dict.get("id") else None
    resources = data_dict["dataset"].get("resources")
    if isinstance(resources, list | dict) and len(resources) > MOST_PREVIEWED:
        message = tk._("Too many values: {number} at most.").format(number=MOST_PREVIEWED)
        raise tk.ValidationError({"dataset": [message]})
    before, after = presentation.preview(package, data_dict["dataset"])
    change = after["score"] - (before["score"] if before else 0)
    return {"before": before, "after": after, "change": change}


@tk.side_effect_free
@tk.validate_action_data(schema.quality_show)
def ecosphere_quality_links(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Return the links of a dataset's data and whether they answered, the broken ones first.

    Args:
        id (str): id or name of the dataset.

    Returns:
        list: for each: url, kind (file, atom, wms, wfs, wmts, wcs), state (unchecked, ok, broken), status, misses
        (failed checks in a row; a first one changes no state), reason (a sentence about the last check), answered (what
        a file was by its last good answer: ending of its name or media type, empty when unknown), checked_at,
        next_check_at.

    Raises:
        NotFound: no such dataset.
        NotAuthorized: the dataset may not be seen.
    """
    tk.check_access("ecosphere_quality_links", context, data_dict)
    package = package_or_not_found(data_dict["id"])
    return [presentation.link_dict(link) for link in inventory.of_dataset(package.id)]


@tk.validate_action_data(schema.quality_show)
def ecosphere_quality_recheck(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Have the links of a dataset checked again in the background.

    Args:
        id (str): id or name of the dataset.

    Returns:
        dict: `queued`, False when this was asked for less than five minutes ago.

    Raises:
        NotFound: no such dataset.
        NotAuthorized: the caller may not edit it.
    """
    tk.check_access("ecosphere_quality_recheck", context, data_dict)
    return {"queued": tasks.enqueue_recheck(package_or_not_found(data_dict["id"]).id)}


def get_actions() -> dict[str, Any]:
    """Return all actions that the plugin registers."""
    own = {name: each for name, each in globals().items() if name.startswith("ecosphere_quality_")}
    return action_input.checked(own | chained.CHAINED)
