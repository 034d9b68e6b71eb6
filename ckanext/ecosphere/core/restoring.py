"""Restore a deleted dataset, for those who may edit it: CKAN's pages only delete and purge."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from flask import Blueprint

from ckanext.ecosphere.shared import authorization, web_guard

blueprint = Blueprint("ecosphere_restoring", __name__)
web_guard.protect(blueprint)


@blueprint.route("/dataset/<id>/restaurer", methods=["POST"])
def restore(id: str) -> Any:
    """Make a deleted dataset active again and redirect to its page."""
    user = tk.current_user.name if tk.current_user.is_authenticated else ""
    context: Any = {"user": user, "auth_user_obj": tk.current_user if user else None}
    try:
        allowed = authorization.dataset_editable(context, id)
    except tk.ObjectNotFound:
        return tk.abort(404, tk._("Dataset not found"))
    if not allowed.get("success"):
        # Do not reveal the dataset to those who may not edit it.
        return tk.abort(404, tk._("Dataset not found"))
    dataset = model.Package.get(id)
    if dataset is None or dataset.type != "dataset":
        return tk.abort(404, tk._("Dataset not found"))
    name = dataset.name
    if dataset.state != model.State.DELETED:
        tk.h.flash_notice(tk._("This dataset is not deleted: there is nothing to restore."))
        return tk.redirect_to("dataset.read", id=name)
    try:
        tk.get_action("package_patch")({"user": user}, {"id": dataset.id, "state": model.State.ACTIVE})
    except tk.ValidationError as error:
        model.Session.rollback()
        faults = "; ".join(f"{field}: {said}" for field, said in error.error_summary.items())
        tk.h.flash_error(tk._("The dataset cannot be restored yet. Edit it, save it, then restore it:") + " " + faults)
    except tk.NotAuthorized:
        model.Session.rollback()
        tk.h.flash_error(tk._("You may not restore this dataset."))
    else:
        tk.h.flash_success(tk._("The dataset is restored."))
    return tk.redirect_to("dataset.read", id=name)
