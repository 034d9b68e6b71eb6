"""Views of bulk edits; they work without JavaScript."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint

from ckanext.ecosphere.schemas.bulk import filters, plan
from ckanext.ecosphere.schemas.bulk.actions import MOST_DATASETS
from ckanext.ecosphere.schemas.importing.text import decoded
from ckanext.ecosphere.shared import web_guard

bulk = Blueprint("ecosphere_bulk", __name__, url_prefix="/dataset/modification-groupee")
web_guard.protect(bulk)
MOST_BYTES = 5 * 1024 * 1024
GIVEN = ("q", "filters", "names", "field", "operation", "values")


@bulk.route("", methods=["GET", "POST"])
def edit() -> Any:
    """Ask for the datasets and the change, show the preview, then start the run."""
    try:
        tk.check_access("ecosphere_bulk_edit_preview", {"user": tk.current_user.name}, {})
    except tk.NotAuthorized:
        return tk.abort(403, tk._("Only the editors of a service change its datasets"))
    sent = tk.request.form if tk.request.method == "POST" else tk.request.args
    data = {name: sent.get(name, "") for name in GIVEN}
    data |= {"left_out": sent.getlist("left_out"), "without_harvested": bool(sent.get("without_harvested"))}
    upload = tk.request.files.get("file")
    preview, errors = None, {}
    if upload and upload.filename:
        content = upload.stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            message = tk._("The file is larger than {limit} MB").format(limit=MOST_BYTES // (1024 * 1024))
            errors = {"names": [message]}
        elif not content.strip():
            errors = {"names": [tk._("The file is empty")]}
        else:
            data["names"] = decoded(content)
    # Another page may submit datasets (`choose`), without a change yet.
    if tk.request.method == "POST" and not errors and sent.get("action") != "choose":
        try:
            if sent.get("action") == "start":
                run = tk.get_action("ecosphere_bulk_edit_start")({}, data)
                return tk.redirect_to("ecosphere_bulk.run", id=run["id"])
            preview = tk.get_action("ecosphere_bulk_edit_preview")({}, data)
        except tk.ValidationError as error:
            errors = error.error_dict
    labels = _labels()
    fields = [(name, labels.get(name, name)) for name in plan.FIELDS]
    known = {f["field_name"]: f for f in tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"]}
    lists = [(label, known[name]["vocabulary"]) for name, label in fields if "vocabulary" in known.get(name, {})]
    page = {
        "data": data,
        "preview": preview,
        "errors": errors,
        "fields": fields,
        "lists": lists,
        "filters": filters.described(data["filters"]),
        "limit": MOST_DATASETS,
    }
    return tk.render("ecosphere_schemas/bulk.html", page)


def _labels() -> dict[str, str]:
    schema = tk.h.scheming_get_dataset_schema("dataset")
    labels = {f["field_name"]: tk.h.scheming_language_text(f["label"]) for f in schema["dataset_fields"]}
    return {**labels, "tags": tk._("Keywords")}


@bulk.route("/suivi")
def runs() -> Any:
    """List the bulk edits."""
    try:
        listed = tk.get_action("ecosphere_bulk_edit_list")({}, {})
    except tk.NotAuthorized:
        return tk.abort(403, tk._("Only the editors of a service change its datasets"))
    users = {run["user"]: tk.h.linked_user(run["user"], 0, 0) for run in listed}
    page = {"runs": listed, "labels": _labels(), "users": users}
    return tk.render("ecosphere_schemas/bulk_runs.html", page)


@bulk.route("/<id>", methods=["GET", "POST"])
def run(id: str) -> Any:
    """Show the progress and outcome of a run; undo or resume it."""
    try:
        if tk.request.method == "POST":
            action = "resume" if tk.request.form.get("action") == "resume" else "undo"
            tk.get_action(f"ecosphere_bulk_edit_{action}")({}, {"id": id})
            return tk.redirect_to("ecosphere_bulk.run", id=id)
        shown = tk.get_action("ecosphere_bulk_edit_show")({}, {"id": id})
    except tk.ObjectNotFound:
        return tk.abort(404, tk._("Run not found"))
    except tk.NotAuthorized:
        # 404 does not reveal that the run of another user exists.
        return tk.abort(404, tk._("Run not found"))
    except tk.ValidationError as error:
        tk.h.flash_error(" ".join(error.error_summary.values()))
        return tk.redirect_to("ecosphere_bulk.run", id=id)
    return tk.render("ecosphere_schemas/bulk_run.html", {"run": shown})
