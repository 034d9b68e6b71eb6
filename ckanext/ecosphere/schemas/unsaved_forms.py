"""Restore unsaved dataset and resource forms from values kept by the browser; nothing is saved."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.navl.dictization_functions import DataError, unflatten
from ckan.logic import clean_dict, parse_params, tuplize_dict
from ckan.views import dataset as dataset_views
from ckan.views import resource as resource_views
from flask import Blueprint

from ckanext.ecosphere.schemas.fields import stored
from ckanext.ecosphere.shared import web_guard

#: Parameters that identify the form: id or name of the dataset, id of the resource; "new" for one not created yet.
PARTS = ("_dataset", "_resource")
KINDS = ("dataset", "resource")
LONGEST = 200
NEW = "new"
BAD_REQUEST, ABSENT = 400, 404

forms = Blueprint("ecosphere_forms", __name__)
web_guard.protect(forms)


@forms.route("/dataset/reprendre/<kind>", methods=["POST"])
def restore(kind: str) -> Any:
    """Show a form with the submitted values, as after a validation error, to users who may use that form."""
    dataset, resource = (tk.request.values.get(name, "")[:LONGEST] for name in PARTS)
    if kind not in KINDS or not dataset or (kind == "resource") != bool(resource):
        return tk.abort(BAD_REQUEST, tk._("It cannot be told which form this was."))
    try:
        values = clean_dict(unflatten(tuplize_dict(parse_params(tk.request.form, ignore_keys=[*PARTS, "save"]))))
    except (DataError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return tk.abort(BAD_REQUEST, tk._("What was kept cannot be read."))
    values["save"] = ""  # marks the form as submitted: no defaults are filled in
    return _dataset(dataset, values) if kind == "dataset" else _resource(dataset, resource, values)


def _dataset(id_: str, values: dict[str, Any]) -> Any:
    if id_ == NEW:
        tk.g.form_action = tk.url_for("dataset.new")
        return dataset_views.CreateView().get("dataset", {**values, "state": "none"})
    package = _known(id_)
    tk.g.form_action = tk.url_for("dataset.edit", id=package.name)
    return dataset_views.EditView().get("dataset", package.id, {**values, "id": package.id, "state": package.state})


def _resource(dataset: str, id_: str, values: dict[str, Any]) -> Any:
    package = _known(dataset)
    if id_ == NEW:
        return resource_views.CreateView().get("dataset", package.name, {**values, "id": ""})
    return resource_views.EditView().get("dataset", package.name, id_, {**values, "id": id_})


def _known(name: str) -> Any:
    package = stored.package_of(name)
    who: Any = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    try:
        if package is None:
            raise tk.ObjectNotFound
        tk.check_access("package_show", who, {"id": package.id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        tk.abort(ABSENT, tk._("Dataset not found"))
    return package
