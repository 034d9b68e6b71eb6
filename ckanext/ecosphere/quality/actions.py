"""Actions of the room, and the actions of CKAN that change a dataset without calling the hooks of a save."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan import logic, model
from ckan.types import Context, DataDict

from ckanext.ecosphere.quality import saving, schema, show, store


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
@tk.validate_action_data(schema.quality_show)
def ecosphere_quality_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the quality of a dataset as of today.

    Whoever may see the dataset may see its quality.

    Args:
        id (str): id or name of the dataset.

    Returns:
        dict: `score` (0–100), `level` (gold, silver, bronze, incomplete), `level_label`, `points`, `points_possible`,
        `next_level` (level, level_label, from), `stars` (best openness of a resource, 0–5), `harvested`, `criteria`
        (for each: id, label, group, state (pass, fail, na, unknown), points, points_won, gain of score if it passed,
        advice, field, on_resource, resource_id to mend, source_element of an ISO 19139 record), `mqa` (European
        assessment: total, maximum, not_checked, rating, rating_label, dimensions with points, maximum and indicators),
        `inspire` (met, applicable, requirements with number, label, state, field, source_element), `model_version`,
        `computed_at` (None when not stored yet), `package_id` and `name`.

    Raises:
        NotFound: no such dataset.
        NotAuthorized: the dataset may not be seen.
    """
    tk.check_access("ecosphere_quality_show", context, data_dict)
    package = package_or_not_found(data_dict["id"])
    return {"package_id": package.id, "name": package.name, **show.as_dict(show.quality(package))}


def dataset_purge(next_: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Purge the quality of a dataset with it, in the same transaction."""
    tk.check_access("dataset_purge", context, data_dict)
    package = model.Package.get(tk.get_or_bust(data_dict, "id"))
    if package:
        store.forget(package.id)
    try:
        return next_(context, data_dict)
    except Exception:
        model.Session.rollback()
        raise


def package_owner_org_update(next_: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Score a dataset that changes its organisation by this action alone; within a save the hook does it."""
    if context.get("defer_commit"):
        return next_(context, data_dict)
    result = next_(cast(Context, {**context, "defer_commit": True}), data_dict)
    package = model.Package.get(data_dict["id"])
    if package and store.is_scored(package.type):
        before = store.row_of(package.id)
        score = before.score if before else None
        row = store.save(package.id, saving.stored_dataset(package))
        if row.score != score:
            model.Session.flush()
            logic.index_update_package(context, package.id)
    model.repo.commit()
    return result


OWN = {"ecosphere_quality_show": ecosphere_quality_show}
CHAINED = {
    "dataset_purge": tk.chained_action(dataset_purge),
    "package_owner_org_update": tk.chained_action(package_owner_org_update),
}


def get_actions() -> dict[str, Any]:
    """Return all actions that the plugin registers."""
    return {**OWN, **CHAINED}
