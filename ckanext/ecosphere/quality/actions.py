"""Actions of the quality room, and chained actions of CKAN that affect scores without calling the
save hooks.

Other actions of CKAN do call them: `organization_delete` and `organization_purge` patch the
datasets left without an owner, and the bulk actions patch each dataset. Vocabulary tags are not
keywords, so changing them does not affect scores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import logic, model
from ckan.common import _
from ckan.types import Context, DataDict, Schema, Validator

from ckanext.ecosphere.quality import helpers, integrations, jobs, links, overview, rescore, store
from ckanext.ecosphere.quality.core.criteria import BY_ID
from ckanext.ecosphere.shared import action_input
from ckanext.ecosphere.shared.action_input import action

MOST_DATASETS = 100
MOST_PREVIEWED = 5_000
"""Maximum resources of a dataset in a preview, which must be fast."""


@tk.validator_args
def show_schema(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Return the schema of actions about one dataset."""
    return {"id": [not_empty, unicode_safe]}


@tk.validator_args
def explain_schema(
    not_empty: Validator, unicode_safe: Validator, default: Any, boolean_validator: Validator
) -> Schema:
    """Return the schema of `ecosphere_quality_show`."""
    return {"id": [not_empty, unicode_safe], "origins": [default(False), boolean_validator]}


@tk.validator_args
def dashboard_schema(  # noqa: PLR0917 - CKAN passes validators by name
    not_empty: Validator,
    unicode_safe: Validator,
    default: Any,
    natural_number_validator: Validator,
    ignore_empty: Validator,
    one_of: Any,
) -> Schema:
    """Return the schema of `ecosphere_quality_dashboard`."""
    return {
        "id": [not_empty, unicode_safe],
        "limit": [default(10), natural_number_validator],
        "criterion": [ignore_empty, one_of(list(BY_ID))],
    }


@tk.validator_args
def preview_schema(
    ignore_missing: Validator, unicode_safe: Validator, ignore: Validator, dict_only: Validator
) -> Schema:
    """Return the schema of `ecosphere_quality_preview`."""
    return {"id": [ignore_missing, unicode_safe], "dataset": [dict_only], "__extras": [ignore]}


def package_or_not_found(name_or_id: str) -> model.Package:
    """Return the dataset with this name or id.

    Raises:
        NotFound: there is none, or packages of its type are not scored.
    """
    package = model.Package.get(name_or_id)
    if package is None or not store.is_scored(package.type):
        raise tk.ObjectNotFound(_("Dataset not found"))
    return package


@tk.side_effect_free
@action(explain_schema)
def ecosphere_quality_show(context: Context, data_dict: DataDict) -> DataDict:
    """Return the quality of a dataset as of today.

    Whoever may see the dataset may see its quality.

    Args:
        id (str): id or name of the dataset.
        origins (bool): whether to read the source record of a harvested dataset again (some
            hundredths of a second) and return for each failed criterion whose fault it is; False by
            default.

    Returns:
        dict: `score` (0–100), `level` (gold, silver, bronze, incomplete), `level_label`, `points`,
        `points_possible`, `next_level` (level, level_label, from, short_by and `unmet`: its unmet
        conditions, as in `criteria`; None at the top), `stars` (best openness of a resource, 0–5),
        `harvested`, `criteria` (for each: id, label, group, state (pass, fail, missing, na,
        unknown), points, points_won, gain (by how much the score changes once the advice is
        followed), advice, field, on_resource, resource_id to correct, source_element of an ISO
        19139 record), `mqa` (European assessment: total, maximum, not_checked, rating,
        rating_label, dimensions with points, maximum and indicators),
        `inspire` (met, applicable, requirements with number, label, state, field, source_element),
        `model_version`, `computed_at` (None if not stored yet), `package_id` and `name`. With
        `origins`, `source_record` (URL of the original) and for each failed criterion `origin`:
        fault (lost, unusable, not_enough, silent), ours (whether the portal lost it), label,
        sentence, texts of the record; None if the harvest cannot tell.

    Raises:
        NotFound: no such dataset.
        NotAuthorized: the dataset may not be seen.
    """
    package = package_or_not_found(data_dict["id"])
    quality = helpers.quality(package)
    result = {"package_id": package.id, "name": package.name, **helpers.as_dict(quality)}
    if data_dict["origins"] and quality.facts.harvested:
        statements = integrations.source_statements(context, package.id)
        if statements:
            helpers.add_origins(result, quality.facts, statements)
    return result


@tk.side_effect_free
def ecosphere_quality_overview(context: Context, data_dict: DataDict) -> DataDict:
    """Return the figures of all public datasets, by service, theme and territory, and over time.

    Everyone may call it; private datasets never count.

    Returns:
        dict: `summary` (datasets, mean, median, mean_mqa, mean_inspire, levels), `minimum_size`,
        `mean_over_services` (each compared service counts the same), `services` and
        `small_services` (name, title and the same figures), `target` (score, reached: how many
        services reach it; None without one), `first_win` (criterion that would bring most points,
        as in `wins` of a dashboard; None without one), `themes`, `small_themes`, `territories` and
        `small_territories` (id, label and the same figures; small ones have fewer than
        `minimum_size` datasets), `trend` (day, datasets, mean).

    Raises:
        ValidationError: the figures of a large catalogue are being computed: ask again in a few
            seconds.
    """
    tk.check_access("ecosphere_quality_overview", context, data_dict)
    return overview.show()


@tk.side_effect_free
@action(dashboard_schema)
def ecosphere_quality_dashboard(context: Context, data_dict: DataDict) -> DataDict:
    """Return the figures of a service, including private datasets; for its members.

    Args:
        id (str): id or name of the organisation.
        limit (int): number of lowest-scored datasets to list; 10 by default, at most 100.
        criterion (str): id of a criterion whose failing datasets to list; none by default.

    Returns:
        dict: `organization`, `summary`, `trend` as in the overview, `target` (target mean score of
        each service, None without one), `failing` (None, or `criterion`, `label`, `advice`,
        `count`, and the first 200 `datasets`, as in `worst`, with `source`, the title of the
        harvest source to correct, None for datasets described on the portal), `wins` (criterion,
        label, advice, number of datasets that fail it, points to gain; most rewarding first),
        `worst` (the datasets with the lowest scores), `harvest_sources` (with the errors of their
        last job, None without that plugin), `pending_requests` (count, overdue, due_soon; None
        without that plugin, and for members who may not answer requests).

    Raises:
        NotFound: no such organisation.
        NotAuthorized: the caller is not a member of it.
    """
    group = model.Group.get(data_dict["id"])
    if group is None or not group.is_organization:
        raise tk.ObjectNotFound(_("Organization not found"))
    dashboard = overview.dashboard(group, min(data_dict["limit"], MOST_DATASETS))
    dashboard["harvest_sources"] = integrations.harvest_sources(context, group.id)
    dashboard["pending_requests"] = integrations.pending_requests(context, group.id)
    dashboard["failing"] = None
    if data_dict.get("criterion"):
        dashboard["failing"] = _failing(context, group, data_dict["criterion"])
    return dashboard


def _failing(context: Context, group: model.Group, criterion: str) -> DataDict:
    """Return the datasets of a service that fail a criterion,
    each with the harvest source to correct.
    """
    result = overview.failing(group, criterion)
    sources = integrations.governing_sources(
        context, [dataset["id"] for dataset in result["datasets"]]
    )
    for dataset in result["datasets"]:
        dataset["source"] = sources.get(dataset["id"])
    return result


@tk.side_effect_free
@action(preview_schema)
def ecosphere_quality_preview(context: Context, data_dict: DataDict) -> DataDict:
    """Return the quality that a dataset would have, validated and scored as a save does, without
    writing anything.

    Args:
        id (str): id or name of the edited dataset; omitted for a new one.
        dataset (dict): its fields, as for `package_create` or as posted by the form. If resources
            are missing, those of the dataset are used.

    Returns:
        dict: `after`, in the format of `ecosphere_quality_show`; `before`, the same for the current
        dataset, or None for a new one; `change`, the difference of the scores.

    Raises:
        NotFound: no such dataset.
        NotAuthorized: the caller may not edit it, or may not create datasets.
    """
    package = package_or_not_found(data_dict["id"]) if data_dict.get("id") else None
    resources = data_dict["dataset"].get("resources")
    if isinstance(resources, list | dict) and len(resources) > MOST_PREVIEWED:
        message = _("Too many values: {number} at most.").format(number=MOST_PREVIEWED)
        raise tk.ValidationError({"dataset": [message]})
    before, after = helpers.preview(context, package, data_dict["dataset"])
    score_before = before["score"] if before else 0
    return {"before": before, "after": after, "change": after["score"] - score_before}


@tk.side_effect_free
@action(show_schema)
def ecosphere_quality_links(context: Context, data_dict: DataDict) -> list[DataDict]:
    """Return the links of a dataset's data and the results of their checks, broken ones first.

    Args:
        id (str): id or name of the dataset.

    Returns:
        list: for each: url, kind (file, atom, wms, wfs, wmts, wcs), state (unchecked, ok, broken),
        status, misses (consecutive failed checks; a first one does not change the state), reason (a
        sentence about the last check), answered (type of a file in its last successful answer:
        extension or media type, empty if unknown), checked_at, next_check_at.

    Raises:
        NotFound: no such dataset.
        NotAuthorized: the dataset may not be seen.
    """
    package = package_or_not_found(data_dict["id"])
    return [helpers.link_dict(link) for link in links.of_dataset(package.id)]


@action(show_schema)
def ecosphere_quality_recheck(context: Context, data_dict: DataDict) -> DataDict:
    """Queue a check of the links of a dataset.

    Args:
        id (str): id or name of the dataset.

    Returns:
        dict: `queued`, False if a check was queued less than five minutes ago.

    Raises:
        NotFound: no such dataset.
        NotAuthorized: the caller may not edit it.
    """
    return {"queued": jobs.enqueue_recheck(package_or_not_found(data_dict["id"]).id)}


def dataset_purge(next_: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Delete the quality of a purged dataset in the same transaction."""
    tk.check_access("dataset_purge", context, data_dict)
    package = model.Package.get(tk.get_or_bust(data_dict, "id"))
    if package:
        store.forget(package.id)
    try:
        return next_(context, data_dict)
    except Exception:
        model.Session.rollback()
        raise


def package_owner_org_update(
    next_: Callable[..., Any], context: Context, data_dict: DataDict
) -> Any:
    """Score and index a dataset moved to another organisation; within a save, CKAN does both.

    CKAN 2.12.0 leaves the document with the former organisation in the index, whose members still
    find the dataset.
    """
    if context.get("defer_commit"):
        return next_(context, data_dict)
    result = next_(cast(Context, {**context, "defer_commit": True}), data_dict)
    package = model.Package.get(data_dict["id"])
    if package and store.is_scored(package.type):
        store.save(package.id, store.stored_dataset(package))
        model.Session.flush()
        logic.index_update_package(context, package.id)
    model.repo.commit()
    return result


def tag_delete(next_: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Score the datasets that lose a keyword, in the same transaction.

    CKAN's action then reindexes them.
    """
    tk.check_access("tag_delete", context, data_dict)
    tag = model.Tag.get(data_dict.get("id") or "")
    if tag is None or data_dict.get("vocabulary_id"):
        return next_(context, data_dict)
    query = (
        sa.select(model.PackageTag.package_id).where(model.PackageTag.tag_id == tag.id).distinct()
    )
    ids = list(model.Session.scalars(query))
    try:
        for start in range(0, len(ids), store.CHUNK):
            loaded = store.load(ids[start : start + store.CHUNK])
            for data in loaded.values():
                data["tags"] = [keyword for keyword in data["tags"] if keyword["name"] != tag.name]
            rescore.loaded(loaded)
        return next_(context, data_dict)
    except Exception:
        model.Session.rollback()
        raise


def get_actions() -> DataDict:
    """Return the plugin's actions."""
    own = {
        name: action for name, action in globals().items() if name.startswith("ecosphere_quality_")
    }
    for function in (dataset_purge, package_owner_org_update, tag_delete):
        own[function.__name__] = tk.chained_action(function)
    return action_input.checked(own)
