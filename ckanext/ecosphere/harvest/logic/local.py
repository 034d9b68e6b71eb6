"""Actions for what is changed on the portal in a harvested dataset."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz, model
from ckan.types import Context, DataDict

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.deduplication import explain
from ckanext.ecosphere.harvest.logic import schema
from ckanext.ecosphere.harvest.logic.auth import editable_organisations
from ckanext.ecosphere.harvest.write import local_changes, local_edits
from ckanext.ecosphere.shared import authorization


@tk.side_effect_free
@tk.validate_action_data(schema.source_schema)
def ecosphere_harvest_local_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show which parts of a dataset can be changed permanently on the portal. For those who may edit the dataset.

    Args:
        context: the context.
        data_dict: `id` or name of the dataset.

    Returns:
        `catalogue` whose record the portal publishes, as in `ecosphere_harvest_catalogues_show` (None when no source
        that is still harvested has the dataset: then all of it can be changed); `fields`, names of the fields that a
        harvest leaves unchanged: those of `ecosphere.harvest.local_fields`, and local edits; `resources`, ids of those
        added on the portal; `edits`, as `ecosphere_harvest_edits_list`.
    """
    tk.check_access("ecosphere_harvest_local_show", context, data_dict)
    package = known_dataset(data_dict["id"])
    if not local_changes.is_locked(package.id):
        return {"catalogue": None, "fields": [], "resources": [], "edits": []}
    edits = local_edits.listed(package, with_rows=True)
    edited = {edit["field"] for edit in edits if edit["resource"] is None}
    return {
        "catalogue": explain.catalogues(package.id)["published_from"],
        "fields": sorted(config.local_fields() | edited),
        "resources": local_changes.added(package.id),
        "edits": edits,
    }


@tk.side_effect_free
@tk.validate_action_data(schema.source_schema)
def ecosphere_harvest_edits_list(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """List the local edits of a harvested dataset: fields changed on the portal, which harvests leave as they are.

    Available to everyone who may see the dataset.

    Args:
        context: the context.
        data_dict: `id` or name of the dataset.

    Returns:
        for each local edit: `resource` (id, None for a field of the dataset), `field`, `since` (date of the last
        change), and `source`, what the source says (None for nothing). Only those who may edit the dataset get values
        of the source that are rows, since these name people; for others, `withheld` is true. Empty when no source that
        is still harvested has the dataset.
    """
    tk.check_access("ecosphere_harvest_edits_list", context, data_dict)
    package = known_dataset(data_dict["id"])
    if not local_edits.edits_of(package) or not local_changes.is_locked(package.id):
        return []
    may_edit = context.get("ignore_auth") or authz.is_authorized_boolean(
        "ecosphere_harvest_edit_follow", authorization.same_person(context), {"id": package.id}
    )
    return local_edits.listed(package, with_rows=bool(may_edit))


@tk.validate_action_data(schema.edit_schema)
def ecosphere_harvest_edit_follow(context: Context, data_dict: DataDict) -> list[dict[str, Any]]:
    """Give up a local edit: the field takes the value of the source, and follows it at later harvests.

    For those who may edit the dataset.

    Args:
        context: the context.
        data_dict: `id` or name of the dataset, `field`, and `resource`, the id of the resource that has the field.

    Returns:
        the local edits that remain, as `ecosphere_harvest_edits_list`.

    Raises:
        ValidationError: what the source says is not valid.
    """
    tk.check_access("ecosphere_harvest_edit_follow", context, data_dict)
    package = known_dataset(data_dict["id"])
    local_edits.follow(package, data_dict.get("resource") or "", data_dict["field"], context.get("user") or "")
    return local_edits.listed(package, with_rows=True)


@tk.side_effect_free
@tk.validate_action_data(schema.datasets_schema)
def ecosphere_harvest_governed_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List which of some datasets are harvested, so that a field changed on the portal becomes a local edit.

    Args:
        context: the context.
        data_dict: `ids` of the datasets (at most 1000); only those that the user may edit count.

    Returns:
        `datasets`: title of the harvest source by id of the dataset, for those that are harvested; `fields`: names of
        the fields that are the portal's in any case (`ecosphere.harvest.local_fields`).
    """
    tk.check_access("ecosphere_harvest_governed_list", context, data_dict)
    user = context.get("user") or ""
    everything = context.get("ignore_auth") or authz.is_sysadmin(user)
    owners = None if everything else editable_organisations(user)
    return {
        "datasets": local_changes.locked_datasets(data_dict["ids"], owners),
        "fields": sorted(config.local_fields()),
    }


def known_dataset(id_or_name: str) -> Any:
    """Return a dataset; also checks for sysadmins, who skip auth functions, that it exists.

    Raises:
        ObjectNotFound: there is none.
    """
    package = model.Package.get(id_or_name)
    if package is None:
        raise tk.ObjectNotFound(tk._("Dataset not found"))
    return package


def get_actions() -> dict[str, Any]:
    """Return the actions of this module."""
    return {name: each for name, each in globals().items() if name.startswith("ecosphere_harvest_")}
