"""Restore a deleted dataset, for those who may edit it: CKAN's pages only delete and purge."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.types import Context, DataDict
from flask import Blueprint

from ckanext.ecosphere.shared import action_input, authorization, web_guard

blueprint = Blueprint("ecosphere_restoring", __name__)
web_guard.protect(blueprint)


@tk.chained_action
def package_delete(original: Any, context: Context, data_dict: DataDict) -> Any:
    """Delete a dataset, and make a draft private, so that restoring it does not publish it.

    CKAN does not record the state that a dataset had before it was deleted.
    """
    tk.check_access("package_delete", context, data_dict)
    dataset = model.Package.get(tk.get_or_bust(data_dict, "id"))
    if dataset is not None and dataset.state == "draft":
        dataset.private = True
    return original(context, data_dict)


@blueprint.route("/dataset/<id>/restaurer", methods=["POST"])
def restore(id: str) -> Any:
    """Make a deleted dataset active again and redirect to its page."""
    user = tk.current_user.name if tk.current_user.is_authenticated else ""
    context: Any = {"user": user, "auth_user_obj": tk.current_user if user else None}
    try:
        allowed = authorization.dataset_editable(context, id)
    except tk.ObjectNotFound:
        return tk.abort(404, _("Dataset not found"))
    if not allowed.get("success"):
        # Do not reveal the dataset to those who may not edit it.
        return tk.abort(404, _("Dataset not found"))
    dataset = model.Package.get(id)
    if dataset is None or dataset.type != "dataset":
        return tk.abort(404, _("Dataset not found"))
    name = dataset.name
    if dataset.state != model.State.DELETED:
        tk.h.flash_notice(_("This dataset is not deleted: there is nothing to restore."))
        return tk.redirect_to("dataset.read", id=name)
    try:
        tk.get_action("package_patch")(
            {"user": user}, {"id": dataset.id, "state": model.State.ACTIVE}
        )
    except tk.ValidationError as error:
        model.Session.rollback()
        faults = "; ".join(f"{field}: {fault}" for field, fault in error.error_summary.items())
        tk.h.flash_error(
            _("The dataset cannot be restored yet. Edit it, save it, then restore it:")
            + " "
            + faults
        )
    except tk.NotAuthorized:
        model.Session.rollback()
        tk.h.flash_error(_("You may not restore this dataset."))
    else:
        tk.h.flash_success(_("The dataset is restored."))
    return tk.redirect_to("dataset.read", id=name)


def get_actions() -> DataDict:
    """Return the chained action."""
    return action_input.checked({"package_delete": package_delete})
