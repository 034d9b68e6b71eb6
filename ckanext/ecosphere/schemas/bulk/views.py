"""Views of bulk edits; they work without JavaScript."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint

from ckanext.ecosphere.schemas.bulk import plan
from ckanext.ecosphere.schemas.bulk.actions import MOST_DATASETS, describe_filters
from ckanext.ecosphere.schemas.importing.documents import decoded
from ckanext.ecosphere.shared import web_guard

bulk = Blueprint("ecosphere_bulk", __name__, url_prefix="/dataset/modification-groupee")
web_guard.protect(bulk)
MOST_BYTES = 5 * 1024 * 1024
TEXTS = ("q", "filters", "names", "field", "operation", "values")


@bulk.route("", methods=["GET", "POST"])
def edit() -> Any:
    """Ask for the datasets and the change, show the preview, then start the run."""
    try:
        tk.check_access("ecosphere_bulk_edit_preview", {"user": tk.current_user.name}, {})
    except tk.NotAuthorized:
        return tk.abort(403, tk._("Only the editors of a service change its datasets"))
    is_post = tk.request.method == "POST"
    sent = tk.request.form if is_post else tk.request.args
    data: dict[str, Any] = {name: sent.get(name, "") for name in TEXTS}
    data |= {
        "left_out": sent.getlist("left_out"),
        "without_harvested": bool(sent.get("without_harvested")),
    }
    upload = tk.request.files.get("file")
    preview, errors = None, {}
    try:
        if upload and upload.filename:
            data["names"] = _names_in(upload)
        # Another page may submit datasets (`choose`), without a change yet.
        if is_post and sent.get("action") == "start":
            run = tk.get_action("ecosphere_bulk_edit_start")({}, data)
            return tk.redirect_to("ecosphere_bulk.run", id=run["id"])
        if is_post and sent.get("action") != "choose":
            preview = tk.get_action("ecosphere_bulk_edit_preview")({}, data)
    except tk.ValidationError as error:
        errors = error.error_dict
    labels = _labels()
    fields = [(name, labels.get(name, name)) for name in plan.FIELDS]
    schema = tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"]
    vocabularies = {field["field_name"]: field.get("vocabulary") for field in schema}
    lists = [(label, vocabularies[name]) for name, label in fields if vocabularies.get(name)]
    page = {
        "data": data,
        "preview": preview,
        "errors": errors,
        "fields": fields,
        "lists": lists,
        "filters": describe_filters(data["filters"]),
        "limit": MOST_DATASETS,
    }
    return tk.render("ecosphere_schemas/bulk.html", page)


def _names_in(upload: Any) -> str:
    """Return the text of an uploaded file.

    Raises:
        ValidationError: it is empty or too large.
    """
    content = upload.stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        message = tk._("The file is larger than {limit} MB").format(
            limit=MOST_BYTES // (1024 * 1024)
        )
        raise tk.ValidationError({"names": [message]})
    if not content.strip():
        raise tk.ValidationError({"names": [tk._("The file is empty")]})
    return decoded(content)


def _labels() -> dict[str, str]:
    schema = tk.h.scheming_get_dataset_schema("dataset")
    labels = {
        f["field_name"]: tk.h.scheming_language_text(f["label"]) for f in schema["dataset_fields"]
    }
    return {**labels, "tags": tk._("Keywords")}


@bulk.route("/suivi")
def runs() -> Any:
    """List the bulk edits."""
    try:
        rows = tk.get_action("ecosphere_bulk_edit_list")({}, {})
    except tk.NotAuthorized:
        return tk.abort(403, tk._("Only the editors of a service change its datasets"))
    users = {row["user"]: tk.h.linked_user(row["user"], 0, 0) for row in rows}
    page = {"runs": rows, "labels": _labels(), "users": users}
    return tk.render("ecosphere_schemas/bulk_runs.html", page)


@bulk.route("/<id>", methods=["GET", "POST"])
def run(id: str) -> Any:
    """Show the progress and outcome of a run; undo or resume it."""
    try:
        if tk.request.method == "POST":
            action = "resume" if tk.request.form.get("action") == "resume" else "undo"
            tk.get_action(f"ecosphere_bulk_edit_{action}")({}, {"id": id})
            return tk.redirect_to("ecosphere_bulk.run", id=id)
        progress = tk.get_action("ecosphere_bulk_edit_show")({}, {"id": id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        # 404 does not reveal that the run of another user exists.
        return tk.abort(404, tk._("Run not found"))
    except tk.ValidationError as error:
        tk.h.flash_error(" ".join(error.error_summary.values()))
        return tk.redirect_to("ecosphere_bulk.run", id=id)
    return tk.render("ecosphere_schemas/bulk_run.html", {"run": progress})
