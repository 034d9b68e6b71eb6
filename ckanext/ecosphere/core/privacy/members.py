"""The members that CKAN lists of a service are those that the reader may see; a dataset that moves is found by its new
members, not by the former ones.

CKAN 2.12.0 gives the identifiers of all datasets, private ones and drafts included, to everybody, and those of people
to who may not see people. It moves a dataset without indexing it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import logic, model
from ckan.types import Context, DataDict

from ckanext.ecosphere.core.privacy import public_tags
from ckanext.ecosphere.shared import action_input


@tk.side_effect_free
@tk.chained_action
def member_list(original: Callable[..., Any], context: Context, data_dict: DataDict) -> list[Any]:
    """List the members of a group or service, without datasets that the reader may not see and, for readers who may not
    list people, without people.

    Raises:
        ValidationError: the kind of member is no text, of which CKAN fails with an internal error.
    """
    if not isinstance(data_dict.get("object_type") or "", str):
        raise tk.ValidationError({"object_type": [tk._("Give one text here.")]})
    members = original(context, data_dict)
    if not (context.get("ignore_auth") or _may_list_people(context)):
        members = [member for member in members if member[1] != "user"]
    # CKAN translates the kind of a dataset, so the identifiers are asked.
    packages = _ids(model.Package.id.in_([id_ for id_, *_more in members]))
    if not packages or public_tags.sees_all(context):
        return members
    hidden = packages - _ids(model.Package.id.in_(packages), public_tags.readable(context))
    return [member for member in members if member[0] not in hidden]


@tk.chained_action
def package_owner_org_update(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Move a dataset to a service, as before, and tell the index, which says who finds a private dataset.

    Within a save, which says so by `defer_commit`, the save does.
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
    return action_input.checked({each.__name__: each for each in (member_list, package_owner_org_update)})
