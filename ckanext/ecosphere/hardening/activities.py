"""Defect 26: activities of datasets that their reader may not read.

ckanext-activity applies the permissions that held at the time of a change: activities of a dataset
that was public then, and has been made private or deleted since, stay in activity lists with all
their contents. Here the current permissions decide. Activities also contain what `accounts` hides:
creators of datasets and ids of people.

Not yet accepted by CKAN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict

from ckanext.ecosphere.hardening import accounts, private_datasets
from ckanext.ecosphere.shared import action_input, authorization

LISTS = (
    "user_activity_list",
    "package_activity_list",
    "group_activity_list",
    "organization_activity_list",
    "recently_changed_packages_activity_list",
    "dashboard_activity_list",
)
PARTS = ("activity_data_show", "activity_diff")
MOST_ROUNDS = 5
"""Maximum number of calls of CKAN's action to fill a list up to the requested length."""


def _activity_list(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> list[dict[str, Any]]:
    """List activities, without those of datasets that the reader may not read."""
    parameters = dict(data_dict)
    limit = str(parameters.get("limit"))
    activities = []
    for _round in range(MOST_ROUNDS):
        page = original(context.copy(), parameters.copy())
        activities += _readable_activities(page, context)
        is_last = not limit.isdecimal() or len(page) < int(limit)
        if is_last or len(activities) >= int(limit):
            break
        parameters["offset"] = int(parameters.get("offset") or 0) + len(page)
    return hide_in_activities(context, activities)


def _activity_action(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Show an activity, its data or a comparison, without the ids of accounts."""
    return hide_in_activities(context, original(context, data_dict))


def activity_show(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> dict[str, Any]:
    """Show an activity; `include_data` is off by default, since CKAN fails when it is missing."""
    return _activity_action(original, context, {"include_data": False, **data_dict})


def _readable_activities(activities: list[dict[str, Any]], context: Any) -> list[dict[str, Any]]:
    """Return those activities that are of no dataset, or of one that the reader may read."""
    dataset_ids = {activity["object_id"] for activity in activities if _is_of_dataset(activity)}
    if not dataset_ids or private_datasets.sees_all(context):
        return activities
    query = sa.select(model.Package.id).where(
        model.Package.id.in_(dataset_ids), private_datasets.readable(context)
    )
    readable = set(model.Session.scalars(query))
    # Collaborators and plugins may allow more: they are asked about the others one by one.
    person: Any = {"user": context.get("user"), "auth_user_obj": context.get("auth_user_obj")}
    readable |= {
        id_
        for id_ in dataset_ids - readable
        if authz.is_authorized_boolean("package_show", person.copy(), {"id": id_})
    }
    return [
        activity
        for activity in activities
        if not _is_of_dataset(activity) or activity["object_id"] in readable
    ]


def _is_of_dataset(activity: dict[str, Any]) -> bool:
    if "package" in (activity.get("data") or {}):
        return True
    return str(activity.get("activity_type")).endswith("package")


def hide_in_activities(context: Context, activities: Any) -> Any:
    """Remove creators of datasets and, for anonymous callers of the API, the ids of people.

    Args:
        context: the reader's.
        activities: an activity, its data or several of them; changed in place.
    """
    if not private_datasets.sees_all(context):
        reader = authorization.person(context)
        # CKAN's pages need a person's id to show the name.
        _hide_inside(activities, reader, with_people=bool(reader) or "api_version" not in context)
    return activities


def _hide_inside(value: Any, reader: Any, with_people: bool) -> None:
    """Remove what a reader may not see from an activity, or from a part of one."""
    if isinstance(value, list):
        for part in value:
            _hide_inside(part, reader, with_people)
    elif isinstance(value, dict):
        accounts.hide_creator_from(reader, value)
        if not with_people:
            value.pop("user_id", None)
        if "diff" in value:
            value["diff"] = "\n".join(
                line for line in value["diff"].split("\n") if accounts.CREATOR not in line
            )
        for part in (value.get("data"), value.get("package"), value.get("activities")):
            _hide_inside(part, reader, with_people)


def get_actions() -> dict[str, Any]:
    """Return the chained actions; none without ckanext-activity."""
    if not p.plugin_loaded("activity"):
        return {}
    functions = {name: action_input.named(_activity_list, name) for name in LISTS}
    functions |= {
        name: auth_audit_exempt(action_input.named(_activity_action, name)) for name in PARTS
    }
    functions |= {"activity_show": auth_audit_exempt(activity_show)}
    reading = {
        name: tk.side_effect_free(tk.chained_action(function))
        for name, function in functions.items()
    }
    return action_input.checked(reading)
