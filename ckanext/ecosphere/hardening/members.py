"""Defects 5 and 48: members of groups and services.

CKAN 2.12.0 returns the ids of all datasets, including private ones and drafts, to everyone (`member_list`), and those
of users to readers who may not list users. It moves a dataset without reindexing it. Not yet accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import logic, model
from ckan.types import Context, DataDict

from ckanext.ecosphere.hardening import private_datasets
from ckanext.ecosphere.shared import action_input


@tk.side_effect_free
@tk.chained_action
def member_list(original: Callable[..., Any], context: Context, data_dict: DataDict) -> list[Any]:
    """List the members of a group or service without what the reader may not see.

    Datasets that the reader may not see are left out, and users for readers who may not list users.

    Raises:
        ValidationError: the object type is not a text; CKAN would fail with an internal error.
    """
    if not isinstance(data_dict.get("object_type") or "", str):
        raise tk.ValidationError({"object_type": [tk._("Give one text here.")]})
    members = original(context, data_dict)
    if not (context.get("ignore_auth") or _may_list_people(context)):
        members = [member for member in members if member[1] != "user"]
    # CKAN translates the object type, so datasets are recognised by their ids.
    packages = _ids(model.Package.id.in_([id_ for id_, *_more in members]))
    if not packages or private_datasets.sees_all(context):
        return members
    hidden = packages - _ids(model.Package.id.in_(packages), private_datasets.readable(context))
    return [member for member in members if member[0] not in hidden]


@tk.chained_action
def package_owner_org_update(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> Any:
    """Move a dataset to a service and reindex it, since the index decides who finds private datasets.

    Not reindexed with `defer_commit` in the context: the enclosing save does it.
    """
    result = original(context, data_dict)
    package = None if context.get("defer_commit") else model.Package.get(data_dict["id"])
    if package is not None:
        logic.index_update_package(context, package.id)
    return result


def _may_list_people(context: Context) -> bool:
    try:
        return tk.check_access("user_list", Context(**context), {})
    except tk.NotAuthorized:
        return False


def _ids(*conditions: sa.ColumnElement[bool]) -> set[str]:
    return set(model.Session.scalars(sa.select(model.Package.id).where(*conditions)))


def get_actions() -> dict[str, Any]:
    """Return the chained actions."""
    functions = (member_list, package_owner_org_update)
    return action_input.checked({function.__name__: function for function in functions})
