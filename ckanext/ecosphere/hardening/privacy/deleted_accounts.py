"""Defect 12: deleting an account, as a sysadmin does, erases the same personal data as closing one's own.

CKAN 2.12.0 only marks the account as deleted and ends its memberships: name, e-mail address, description, picture, API
tokens, followed objects and what the rooms store about the person remain. Not yet accepted.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict
from flask import Blueprint, request

from ckanext.ecosphere.core import accounts

blueprint = Blueprint("ecosphere_deleted_accounts", __name__)


@tk.chained_action
def user_delete(original: Any, context: Context, data_dict: DataDict) -> Any:
    """Delete an account and erase its personal data.

    Raises:
        NotFound: there is no such account.
        NotAuthorized: the user is not a sysadmin.
        ValidationError: it is the account of the site itself, or of its only sysadmin.
    """
    tk.check_access("user_delete", context, data_dict)
    user = model.User.get(tk.get_or_bust(data_dict, "id"))
    if user is None:
        raise tk.ObjectNotFound(tk._("User not found"))
    try:
        accounts.delete_account(user.id)
    except accounts.Refused as error:
        raise tk.ValidationError({"id": error.sentences}) from error
    # Sysadmins who delete their own account have just lost that role.
    return original({**context, "ignore_auth": True}, {**data_dict, "id": user.id})


@blueprint.before_app_request
def find_account() -> Any:
    """Redirect users to the page that closes their own account, if there is one, and address other accounts by id.

    CKAN's view reads the account again by its name, which closing it changes.
    """
    if request.endpoint != "user.delete" or not tk.current_user.is_authenticated:
        return None
    user = model.User.get((request.view_args or {}).get("id"))
    if user is None:
        return None
    if user.id == tk.current_user.id and p.plugin_loaded("ecosphere"):
        return tk.redirect_to("ecosphere_closing.close")
    request.view_args = {"id": user.id}
    return None


def ecosphere_account_deletion(user_id: str) -> dict[str, list[str]]:
    """Return the messages that a sysadmin reads before deleting an account.

    Returns:
        `refused` (why it cannot be deleted), `warnings`, `lost` and `kept`.
    """
    user = model.User.get(user_id)
    notice = accounts.notice()
    return {
        "refused": accounts.obstacles_to_deletion(user) if user else [],
        "warnings": accounts.warnings_of_deletion(user) if user else [],
        "lost": notice.lost,
        "kept": notice.kept,
    }


def get_actions() -> dict[str, Any]:
    """Return the chained action."""
    return {"user_delete": user_delete}
