"""Pages of the harvest.

- Sources: their overview, held withdrawals, and what of a catalogue is shown on the portal.
- Jobs: progress, records, and changes.
- Corrections for the producers of records, as files.
- Previews of sources that are not saved yet.
- Records as received; fields of a dataset that follow its source again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from operator import itemgetter
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.pagination import Page
from ckan.types import DataDict
from flask import Blueprint, Response, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core.pages import file, press
from ckanext.ecosphere.harvest import helpers, objects, overview, preview
from ckanext.ecosphere.harvest.corrections import AT_ONCE, FILES, count, of_source
from ckanext.ecosphere.harvest.finish import reports
from ckanext.ecosphere.harvest.logic.action import ROWS_AT_ONCE
from ckanext.ecosphere.harvest.messages import form_summary
from ckanext.ecosphere.shared import csv_table, web_guard
from ckanext.ecosphere.shared.authorization import of_page
from ckanext.ecosphere.shared.mailing import labelled

ecosphere_harvest = Blueprint("ecosphere_harvest", __name__)
web_guard.protect(ecosphere_harvest)


@contextmanager
def answer_refusals() -> Iterator[None]:
    """Answer 403 or 404 to what is not permitted or not found in a block."""
    try:
        yield
    except tk.NotAuthorized:
        tk.abort(403, tk._("This page is for those who manage harvest sources."))
    except tk.ObjectNotFound:
        tk.abort(404, tk._("Harvest source not found"))


def call_action(action: str, **data: Any) -> Any:
    """Call an action; answer 403 or 404 if it is not permitted or not found."""
    with answer_refusals():
        return tk.get_action(action)(of_page(), data)


def _source(id: str) -> DataDict:
    return tk.get_action("harvest_source_show")(of_page(), {"id": id})


def _job(id: str) -> DataDict:
    return tk.get_action("harvest_job_show")(of_page(), {"id": id})


# --- sources ---


@ecosphere_harvest.before_app_request
def one_page_of_sources() -> AnyResponse | None:
    """Redirect those who manage sources from ckanext-harvest's list to the overview."""
    if request.endpoint == "harvest.search" and tk.h.check_access("ecosphere_harvest_overview"):
        return tk.redirect_to("ecosphere_harvest.sources", q=request.args.get("q") or None)
    return None


@ecosphere_harvest.route("/ecosphere/harvest/sources")
def sources() -> str | Response:
    """Show the sources that the user manages, filtered and sorted, as a page or as CSV."""
    all_sources = call_action("ecosphere_harvest_overview")
    query = {name: request.args.get(name, "") for name in ("q", "state", "sort")}
    rows = overview.chosen(all_sources, query["q"], query["state"], query["sort"] or "state")
    if request.args.get("format") == "csv":
        return _as_csv("harvest-sources.csv", overview.COLUMNS, rows)
    numbers = Counter(row["state"] for row in all_sources)
    variables = {
        "rows": rows,
        "total": len(all_sources),
        "asked": query,
        "numbers": {state: numbers[state] for state in overview.STATES},
        "letter": call_action("ecosphere_harvest_letter_show"),
        "may_put_first": tk.h.check_access("ecosphere_harvest_source_run_first"),
    }
    return tk.render("ecosphere_harvest/sources.html", variables)


@ecosphere_harvest.route("/ecosphere/harvest/source/<id>/first", methods=["POST"])
def run_first(id: str) -> AnyResponse:
    """Run a source before all waiting harvests."""
    success = tk._("This source is harvested as soon as a worker is free, before what waits.")
    with answer_refusals():
        press("ecosphere_harvest_source_run_first", success, id=id)
    return tk.redirect_to("ecosphere_harvest.sources")


@ecosphere_harvest.route("/ecosphere/harvest/letter", methods=["POST"])
def letter() -> AnyResponse:
    """Subscribe the user to the letter about the sources, or unsubscribe them."""
    subscribes = request.form.get("wanted") == "yes"
    call_action("ecosphere_harvest_letter_update", wanted=subscribes)
    if subscribes:
        tk.h.flash_success(tk._("You will receive the letter."))
    else:
        tk.h.flash_success(tk._("You will not receive the letter any more."))
    return tk.redirect_to("ecosphere_harvest.sources")


@ecosphere_harvest.route("/ecosphere/harvest/source/<id>/withdrawals", methods=["GET", "POST"])
def withdrawals(id: str) -> str | AnyResponse:
    """Show the held withdrawals of a source, and process the decision."""
    answer = call_action("ecosphere_harvest_withdrawals_show", id=id)
    if request.method == "POST":
        messages = {
            "withdraw": tk._("The datasets will be withdrawn in the next minutes."),
            "keep": tk._("The datasets stay published."),
        }
        decision = request.form.get("decision", "")
        try:
            call_action("ecosphere_harvest_withdrawals_decide", id=id, decision=decision)
        except tk.ValidationError:
            tk.h.flash_error(tk._("Choose whether the datasets are withdrawn or stay."))
        else:
            tk.h.flash_success(messages[decision])
            return tk.redirect_to("ecosphere_harvest.sources")
    variables = {"source": _source(id), **answer}
    return tk.render("ecosphere_harvest/withdrawals.html", variables)


# --- jobs, and the records of a catalogue ---


@ecosphere_harvest.route("/ecosphere/harvest/job/<id>/progress")
def progress(id: str) -> Response:
    """Return the progress of a job as JSON, for the script of its page.

    Its stage is "waiting" if no worker has taken it yet.
    """
    with answer_refusals():
        try:
            state = tk.get_action("ecosphere_harvest_job_show")(of_page(), {"id": id})
        except tk.ObjectNotFound:
            return jsonify({"stage": "waiting"})
    return jsonify({"stage": state["stage"], **helpers.progress(state)})


@ecosphere_harvest.route("/ecosphere/harvest/job/<id>/records")
def records(id: str) -> str | Response:
    """Show the records that a harvest refused or set aside, page by page, or as CSV."""
    query, page = _page_query(id, "outcome", reports.RECORD_OUTCOMES)
    answer = call_action("ecosphere_harvest_records_list", **query)
    job = _job(id)
    if request.args.get("format") == "csv":
        rows = reports.records_listed(id, query["outcome"])
        return _as_csv("harvest-records.csv", reports.RECORD_COLUMNS, rows)
    return _render_outcomes("records", job, query, page, answer)


@ecosphere_harvest.route("/ecosphere/harvest/job/<id>/changes", methods=["GET", "POST"])
def changes(id: str) -> str | AnyResponse:
    """Show the datasets that a harvest changed, page by page, or as CSV; undo the harvest.

    As JSON, only the state of the undo, for the script of the page.
    """
    if request.method == "POST":
        with answer_refusals():
            press("ecosphere_harvest_job_undo", id=id)
        return tk.redirect_to("ecosphere_harvest.changes", id=id)
    query, page = _page_query(id, "outcome", reports.CHANGE_OUTCOMES)
    answer = call_action("ecosphere_harvest_changes_list", **query)
    if request.args.get("format") == "json":
        return jsonify(helpers.of_undo(answer["undo"]))
    if request.args.get("format") == "csv":
        rows = reports.changes_listed(id, query["outcome"])
        return _as_csv("harvest-changes.csv", reports.CHANGE_COLUMNS, rows)
    return _render_outcomes("changes", _job(id), query, page, answer)


def _render_outcomes(name: str, job: DataDict, query: DataDict, page: int, answer: DataDict) -> str:
    """Return the page of those records or changes of a job that have the outcome asked for."""
    variables = {
        **answer,
        "job": job,
        "source": _source(job["source_id"]),
        "page": _pager(f"ecosphere_harvest.{name}", query, page, answer),
        "outcome": query["outcome"],
    }
    return tk.render(f"ecosphere_harvest/{name}.html", variables)


@ecosphere_harvest.route("/ecosphere/harvest/source/<id>/reconciliation")
def reconciled(id: str) -> str | Response:
    """Show what the catalogue of a source has, what is shown of it, and why the rest is not.

    As CSV, the records that are not shown.
    """
    query, page = _page_query(id, "reason", reports.UNSHOWN)
    answer = call_action("ecosphere_harvest_reconciliation_show", **query)
    source = _source(id)
    summary = answer["summary"]
    reason = query["reason"]
    if request.args.get("format") == "csv":
        job = reports.last_job(source["id"]) if summary else None
        rows = reports.unshown_rows(job) if job else ()
        return _as_csv("harvest-reconciliation.csv", reports.UNSHOWN_COLUMNS, rows)
    numbers = {}
    if summary:
        for line in (*summary["lines"], *summary["more"]):
            numbers[line["reason"]] = line["number"]
    rows_of_reason = {"results": answer["results"], "count": numbers.get(reason, 0)}
    pager = _pager("ecosphere_harvest.reconciled", query, page, rows_of_reason)
    variables = {"source": source, "reason": reason, "page": pager, **answer}
    return tk.render("ecosphere_harvest/reconciliation.html", variables)


def _page_query(id: str, name: str, values: Container[str]) -> tuple[DataDict, int]:
    """Return the parameters of an action that lists the rows of a page, and the page's number.

    Args:
        id: id of the source or job.
        name: parameter of the URL by which rows are chosen.
        values: its valid values; others are ignored.
    """
    value = request.args.get(name, "")
    page = tk.h.get_page_number(request.args)
    query = {"id": id, name: "", "offset": (page - 1) * ROWS_AT_ONCE}
    if value in values:
        query[name] = value
    return query, page


def _pager(endpoint: str, query: DataDict, page: int, answer: DataDict) -> Page:
    """Return the pager of a list.

    Args:
        endpoint: endpoint of its page.
        query: parameters, see `_page_query`.
        page: number of the page.
        answer: answer of the action, with `count` and `results`.
    """
    parameters = {name: value or None for name, value in query.items() if name != "offset"}
    return Page(
        collection=answer["results"],
        presliced_list=True,
        page=page,
        items_per_page=ROWS_AT_ONCE,
        item_count=answer["count"],
        url=lambda page, **_kwargs: tk.h.url_for(endpoint, page=page, **parameters),
    )


def _as_csv(name: str, columns: Sequence[str], rows: Iterable[DataDict]) -> Response:
    """Return rows as a CSV file with these columns."""
    text = csv_table.write(columns, map(itemgetter(*columns), rows))
    return file(text, "text/csv; charset=utf-8", name)


# --- corrections ---


@ecosphere_harvest.route("/ecosphere/harvest/source/<id>/corrections")
def corrections(id: str) -> str | Response:
    """Return a file of corrections for the records of a source, or show the links to all files.

    There are files for CSV, XSLT and batch edits of GeoNetwork, each with `AT_ONCE` records.
    """
    with answer_refusals():
        tk.check_access("ecosphere_harvest_corrections_list", of_page(), {"id": id})
    source = _source(id)
    kind = request.args.get("format", "")
    if kind not in FILES:
        number = count(source["id"])
        parts = range(1, ceil(number / AT_ONCE) + 1)
        variables = {"source": source, "count": number, "parts": parts, "at_once": AT_ONCE}
        return tk.render("ecosphere_harvest/corrections.html", variables)
    part = tk.h.get_page_number(request.args, "part")
    write, mimetype = FILES[kind]
    text = write(of_source(source["id"], (part - 1) * AT_ONCE))
    return _attachment(text, f"corrections-{part}.{kind}", mimetype)


def _attachment(text: str, name: str, mimetype: str) -> Response:
    """Return a text from outside as a file that browsers never display as a page."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    mimetype = f"{mimetype}; charset=utf-8"
    return Response(text.encode("utf-8", "replace"), mimetype=mimetype, headers=headers)


# --- previews, called trials ---

FORM = ("url", "title", "name", "notes", "source_type", "frequency", "config", "owner_org")
"""Fields of a new source, kept during its preview so that it can be saved afterwards."""


@ecosphere_harvest.route("/ecosphere/harvest/trial", methods=["POST"])
def start_trial() -> AnyResponse:
    """Start the preview of a source in the background, or show what is missing in the form."""
    with answer_refusals():
        tk.check_access("ecosphere_harvest_trial_start", of_page(), {})
    source = {name: request.form.get(name, "").strip() for name in ("url", "source_type", "config")}
    try:
        started = call_action("ecosphere_harvest_trial_start", **source)
    except tk.ValidationError as error:
        reason = " ".join(form_summary(error.error_dict).values())
        failed = {"url": source["url"], "state": preview.FAILED, "reason": reason}
        page = tk.render("ecosphere_harvest/trial.html", {"trial": failed, "id": None, "form": {}})
        return Response(page, 400)
    form = {name: request.form.get(name, "") for name in FORM}
    if request.form.get("then") == "save":
        preview.keep_form(started["id"], form)
    return tk.redirect_to("ecosphere_harvest.trial", id=started["id"])


@ecosphere_harvest.route("/ecosphere/harvest/trial/<id>")
def trial(id: str) -> str | Response:
    """Show the result of a preview; as JSON, its stage, for the script of the page."""
    result = call_action("ecosphere_harvest_trial_show", id=id)
    if request.args.get("format") == "json":
        stage = "done"
        if result["state"] == preview.WAITING:
            stage = "gather"
        return jsonify({"stage": stage})
    variables = {"trial": result, "id": id, "form": preview.form_of(id)}
    return tk.render("ecosphere_harvest/trial.html", variables)


@ecosphere_harvest.route("/ecosphere/harvest/trial/<id>/save", methods=["POST"])
def save_trial(id: str) -> AnyResponse:
    """Save the source of a preview, harvest it at once, and show the harvest.

    If it cannot be saved, show its form with what is wrong.
    """
    call_action("ecosphere_harvest_trial_show", id=id)
    form = preview.form_of(id)
    if not form:
        return tk.abort(404, tk._("This trial is over and no longer kept: start it again."))
    try:
        source = call_action("harvest_source_create", **form)
    except tk.ValidationError as error:
        for field, text in form_summary(error.error_dict).items():
            tk.h.flash_error(labelled(field, text))
        return tk.redirect_to("harvest.new", **form)
    job = tk.get_action("harvest_job_create")(of_page(), {"source_id": source["id"], "run": True})
    tk.h.flash_success(tk._("The source is saved, and its first harvest has been started."))
    return tk.redirect_to("harvester.job_show", source=source["name"], id=job["id"])


# --- single records ---


@ecosphere_harvest.route("/ecosphere/harvest/record/<id>")
def record(id: str) -> str:
    """Show what became of one record of a harvest, and why."""
    details = call_action("ecosphere_harvest_record_show", id=id)
    return tk.render("ecosphere_harvest/record.html", {"record": details})


@ecosphere_harvest.route("/ecosphere/harvest/record/<id>/raw")
def raw_record(id: str) -> Response:
    """Return a record as received, as an attachment."""
    call_action("ecosphere_harvest_record_show", id=id)
    return _raw_record(id)


def _raw_record(id: str) -> Response:
    raw = objects.raw(id)
    if raw is None:
        return tk.abort(404, tk._("This record was not kept."))
    return _attachment(*raw)


@ecosphere_harvest.route("/harvest/object/<id>")
def stock_object(id: str) -> Response:
    """Return a record as an attachment, at ckanext-harvest's URL for it.

    The original view parses the whole record to detect its type, which takes half a minute for
    10 MB, and returns it as a document that browsers display.
    """
    with answer_refusals():
        tk.check_access("harvest_object_show", of_page(), {"id": id})
    return _raw_record(id)


@ecosphere_harvest.route("/dataset/harvest_object/<id>")
def stock_object_of_dataset(id: str) -> Response:
    """Return the record of a dataset as an attachment, at ckanext-harvest's URL for it."""
    try:
        tk.get_action("package_show")(of_page(), {"id": id})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return tk.abort(404, tk._("Dataset not found"))
    package = model.Package.get(id)
    object_id = objects.current(package.id) if package else None
    if object_id is None:
        return tk.abort(404, tk._("This record was not kept."))
    return stock_object(object_id)


@ecosphere_harvest.route("/ecosphere/harvest/dataset/<id>/follow", methods=["POST"])
def follow(id: str) -> AnyResponse:
    """Have a field of a harvested dataset follow its source again."""
    # The field of a dataset is sent as "/title", that of a resource as "<id>/name".
    resource, _slash, field = request.form.get("field", "").partition("/")
    try:
        # Checked here first: the action validates its parameters before it checks access.
        tk.check_access("ecosphere_harvest_edit_follow", of_page(), {"id": id})
        tk.get_action("ecosphere_harvest_edit_follow")(
            of_page(), {"id": id, "field": field, "resource": resource}
        )
    except tk.NotAuthorized:
        return tk.abort(403, tk._("This is for those who may edit the dataset."))
    except tk.ObjectNotFound:
        return tk.abort(404, tk._("Dataset not found"))
    except tk.ValidationError as error:
        tk.h.flash_error(" ".join(error.error_summary.values()))
    else:
        tk.h.flash_success(tk._("This field follows the source again."))
    return tk.redirect_to("dataset.read", id=id)
