"""An account that an administrator of the site deletes is closed as its person would close it; CKAN keeps it whole.

CKAN 2.12.0 marks it as deleted and ends its roles: name, address, description, picture, tokens, what it follows and
what the rooms keep of it stay.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict
from flask import Blueprint, request

from ckanext.ecosphere.core.privacy import closing

blueprint = Blueprint("ecosphere_deleting", __name__)


@tk.chained_action
def user_delete(original: Any, context: Context, data_dict: DataDict) -> Any:
    """Delete an account, and erase what is kept of its person.

    Raises:
        NotFound: there is no such account.
        NotAuthorized: the person who asks is no administrator of the site.
        ValidationError: it is that of the portal, or of its only administrator.
    """
    tk.check_access("user_delete", context, data_dict)
    user = model.User.get(tk.get_or_bust(data_dict, "id"))
    if user is None:
        raise tk.ObjectNotFound(tk._("User not found"))
    try:
        closing.delete(user.id)
    except closing.Refused as error:
        raise tk.ValidationError({"id": error.sentences}) from error
    # Whoever deletes their own account is no administrator any more.
    return original({**context, "ignore_auth": True}, {**data_dict, "id": user.id})


@blueprint.before_app_request
def find_account() -> Any:
    """Lead people to the page where they close their own account; CKAN's looks for others by the name they had."""
    if request.endpoint != "user.delete" or not tk.current_user.is_authenticated:
        return None
    user = model.User.get((request.view_args or {}).get("id"))
    if user is None:
        return None
    if user.id == tk.current_user.id:
        return tk.redirect_to("ecosphere_closing.close")
    request.view_args = {"id": user.id}
    return None


def ecosphere_account_deletion(user_id: str) -> dict[str, list[str]]:
    """Return what an administrator is told before they delete an account, in sentences.

    Returns:
        `refused` (why it cannot be deleted), `warnings`, `lost` and `kept`.
    """
    user = model.User.get(user_id)
    told = closing.notice()
    return {
        "refused": closing.obstacles_to_deletion(user) if user else [],
        "warnings": closing.warnings_of_deletion(user) if user else [],
        "lost": told.lost,
        "kept": told.kept,
    }


def get_actions() -> dict[str, Any]:
    """Return the chained action."""
    return {"user_delete": user_delete}
