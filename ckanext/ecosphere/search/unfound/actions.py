"""Action that lists searches without results, and its access rule."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz, model
from ckan.types import AuthResult, Context

from ckanext.ecosphere.search.unfound import counting
from ckanext.ecosphere.shared import authorization
from ckanext.ecosphere.shared.config import declared

#: Option, declared by the room of data requests: the organisation that moderates them.
MODERATORS = "ecosphere.requests.moderators"


@tk.side_effect_free
def ecosphere_search_unfound_list(context: Context, data_dict: dict[str, Any]) -> dict[str, Any]:
    """List the most frequent searches without results of the last twelve months.

    Args:
        context: action context.
        data_dict: ignored.

    Returns:
        `threshold`: minimum count to be listed (`ecosphere.search.unfound_threshold`); `results`: `words`, `count` and
        last `month` of each, at most 100.

    Raises:
        NotAuthorized: the user is neither a sysadmin nor a moderator of data requests.
    """
    tk.check_access("ecosphere_search_unfound_list", context, data_dict)
    threshold = max(1, tk.config[counting.THRESHOLD])
    return {"threshold": threshold, "results": counting.most(threshold)}


def may_list(context: Context, data_dict: dict[str, Any] | None = None) -> AuthResult:
    """Allow editors and administrators of the organisation that moderates data requests."""
    user = authorization.person(context)
    name = declared(MODERATORS, "")
    group = model.Group.get(name) if name else None
    if user is not None and group is not None and group.state == model.State.ACTIVE:
        capacity = authz.users_role_for_group_or_org(group.id, user.name)
        if capacity in ("editor", "admin"):
            return {"success": True}
    return {"success": False, "msg": tk._("Only the ministry sees which searches found nothing.")}


may_list.__name__ = "ecosphere_search_unfound_list"

ACTIONS = {"ecosphere_search_unfound_list": ecosphere_search_unfound_list}
AUTH = {"ecosphere_search_unfound_list": may_list}
