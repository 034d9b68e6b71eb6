"""Make `user_delete` erase personal data, as when people close their own account.

CKAN 2.12.0 only marks the account as deleted and ends its roles: name, e-mail address, description, picture, tokens,
follows and the rooms' data remain.
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
    """Delete an account and erase the data about its person.

    Raises:
        NotFound: there is no such account.
        NotAuthorized: the caller is not a sysadmin.
        ValidationError: it is the site user or the only sysadmin.
    """
    tk.check_access("user_delete", context, data_dict)
    user = model.User.get(tk.get_or_bust(data_dict, "id"))
    if user is None:
        raise tk.ObjectNotFound(tk._("User not found"))
    try:
        closing.delete(user.id)
    except closing.Refused as error:
        raise tk.ValidationError({"id": error.sentences}) from error
    # A sysadmin who deleted their own account has lost the right to call the original.
    return original({**context, "ignore_auth": True}, {**data_dict, "id": user.id})


@blueprint.before_app_request
def find_account() -> Any:
    """Redirect people to the page for closing their own account; find other accounts by their former name."""
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
    """Return what a sysadmin is shown before deleting an account.

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
