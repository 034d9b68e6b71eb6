"""Views of the people of services and of moderators: desk, absences, saved answers, moderation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.types import DataDict
from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core.pages import act, context, part_of_list, press, private_file, rendered
from ckanext.ecosphere.data_requests import listing
from ckanext.ecosphere.data_requests.decisions import letters
from ckanext.ecosphere.data_requests.domain import people as persons
from ckanext.ecosphere.data_requests.domain import wording
from ckanext.ecosphere.data_requests.listing import KINDS
from ckanext.ecosphere.data_requests.views import forms, read
from ckanext.ecosphere.data_requests.views.forms import go_on, status_of
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.shared.csv_table import write

#: Maximum number of requests in the CSV of a service, and number read at a time.
MOST_IN_TABLE = 5_000
AT_ONCE = 100
#: Format of a datetime that spreadsheets recognise in all languages; in Paris time.
MOMENT = "%Y-%m-%d %H:%M"


def desk(organization: str) -> AnyResponse:
    """Show the desk of a service; with filters, its requests as a paged list."""
    service = service_of_desk(organization)
    search, filters = read.search_of_url()
    if search or request.args.get("all"):
        return _filtered(service, search, filters)
    return rendered(
        "ecosphere_requests/desk.html",
        service=service,
        desk=act("ecosphere_request_desk", organization=service["id"]),
        parts=KINDS,
        people=people(service),
        suggestions=act("ecosphere_request_suggestions", organization=service["id"]),
    )


def _filtered(service: DataDict, search: DataDict, filters: read.Filters) -> Response:
    url = tk.h.url_for("ecosphere_requests.desk", organization=service["name"])
    fixed = {"scope": "desk", "organization": service["id"]}
    return rendered(
        "ecosphere_requests/desk_list.html",
        **read.filtered(search, filters, url, "due", **fixed),
        service=service,
        people=people(service),
        desk=act("ecosphere_request_desk", organization=service["id"]),
    )


def desk_csv(organization: str) -> Response:
    """Return the requests of a service as CSV, with the filters of the URL.

    The latest `MOST_IN_TABLE`.
    """
    service = service_of_desk(organization)
    search = {
        **listing.read_search(request.args),
        "organization": service["id"],
        "scope": "desk",
        "sort": "created",
        "facets": False,
    }
    requests: list[DataDict] = []
    for start in range(0, MOST_IN_TABLE, AT_ONCE):
        results = act("ecosphere_request_list", **search, start=start, rows=AT_ONCE)["results"]
        requests += results
        if len(results) < AT_ONCE:
            break
    return private_file(_table(requests), "text/csv", f"demandes-{service['name']}.csv")


def _table(requests: Iterable[Row]) -> str:
    """Return requests of a service as CSV in the reader's language; of people, only the assignee is
    named.

    Args:
        requests: as returned by `ecosphere_request_list`.
    """
    header = wording.messages("columns").values()
    return write(header, (_desk_row(request_) for request_ in requests))


def _desk_row(request_: Row) -> tuple[Any, ...]:
    return (
        request_["reference"],
        request_["title"],
        request_["state_label"],
        _spreadsheet_moment(request_["submitted"]),
        _spreadsheet_moment(request_["due"]),
        _spreadsheet_moment(request_["closed"]),
        request_["theme_label"],
        request_["territory_label"],
        request_["use_label"],
        (request_["assigned_to"] or {}).get("name", ""),
        request_["support_count"],
        ", ".join(other["reference"] for other in request_["joined"]),
    )


def _spreadsheet_moment(value: str | None) -> str:
    """Return a date, or a datetime in the portal's time zone, in a format for spreadsheets."""
    moment = dates.read(value)
    if isinstance(moment, datetime):
        return moment.strftime(MOMENT)
    if moment:
        return moment.isoformat()
    return ""


def assign(organization: str) -> AnyResponse:
    """Assign several requests to one person, or to no one."""
    service = service_of_desk(organization)
    ids = request.form.getlist("ids")
    back = tk.redirect_to("ecosphere_requests.desk", organization=service["name"])
    if not ids:
        tk.h.flash_error(_("Tick at least one request."))
        return back
    user = request.form.get("user") or None
    result = press("ecosphere_request_assign", ids=ids, user=user)
    if result is None:
        return back
    assigned = len(result["assigned"])
    refused = len(result["refused"])
    if assigned:
        sentence = tk.ungettext(
            "{number} request is nobody’s in particular.",
            "{number} requests are nobody’s in particular.",
            assigned,
        )
        if user:
            sentence = tk.ungettext(
                "{number} request assigned.", "{number} requests assigned.", assigned
            )
        tk.h.flash_success(sentence.format(number=assigned))
    if result["substitutes"]:
        names = ", ".join(result["substitutes"])
        tk.h.flash_notice(_("This colleague is away: {names} stands in.").format(names=names))
    if refused:
        sentence = tk.ungettext(
            "{number} request could not be assigned: it is closed or no longer with your service, "
            "or this person is not.",
            "{number} requests could not be assigned: they are closed or no longer with your "
            "service, or this person is not.",
            refused,
        )
        tk.h.flash_error(sentence.format(number=refused))
    return back


def moderation() -> AnyResponse:
    """Show moderators the requests that await moderation."""
    return rendered(
        "ecosphere_requests/moderation.html",
        found=part_of_list("ecosphere_request_list", scope="moderation", sort="created"),
        waiting=act("ecosphere_request_held_list", rows=0)["count"],
        unready=_unready(),
        desk_lacks=letters.desk_lacks(),
        unconfirmed=_unconfirmed(),
    )


def _unready() -> list[DataDict]:
    """Return the services in whose name no receipt can be sent,
    with what is missing on their contact sheets.
    """
    labels = wording.messages("contact")
    rows = []
    for service in letters.unready():
        row = {
            **persons.service_dict(service.group),
            "silent": service.silent,
            "lacking": [labels[name] for name in service.lacking],
        }
        rows.append(row)
    return rows


def _unconfirmed() -> list[DataDict]:
    """Return the services for which the directory stands in, with its fields and their years."""
    labels = wording.messages("contact")
    rows = []
    for group, entries in letters.unconfirmed():
        fields = [f"{labels[name]} ({entry.year})" for name, entry in entries.items()]
        rows.append({**persons.service_dict(group), "fields": fields})
    return rows


def held() -> AnyResponse:
    """Show moderators the held messages and edits of untrusted users."""
    return rendered(
        "ecosphere_requests/held.html",
        found=part_of_list("ecosphere_request_held_list"),
        labels=wording.messages("fields"),
    )


def moderate(kind: str, text: str) -> AnyResponse:
    """Release a text, reject it, or reject it as spam."""
    tk.check_access("ecosphere_request_moderate", context(), {"kind": kind, "id": text})
    decision = request.form.get("decision", "")
    reason = request.form.get("reason", "")
    sentences = {
        "release": _("The text is published."),
        "reject": _("The text is not published; its author is told."),
        "spam": _("The text is spam: nothing else of its author that waits is published."),
    }
    data = {"kind": kind, "id": text, "decision": decision, "reason": reason}
    press("ecosphere_request_moderate", sentences.get(decision, ""), **data)
    return tk.redirect_to("ecosphere_requests.held")


def spam(id: str) -> AnyResponse:
    """Close a request as spam, without a notification to its author."""
    act("ecosphere_request_spam", id=id)
    return go_on(_("The request is closed as spam."), "moderation")


def people(service: DataDict) -> list[dict[str, str]]:
    """Return the users to whom requests of a service can be assigned: its editors and
    administrators.

    `organization_show` is not used, since it counts all datasets created by each member.
    """
    accounts = persons.by_ids(model.User, persons.editors_of(service["id"])).values()
    agents = [{"name": user.name, "title": user.fullname or user.display_name} for user in accounts]
    return sorted(agents, key=lambda agent: agent["title"].casefold())


def service_of_desk(name: str) -> DataDict:
    """Return the organisation, after checking that the user may see its desk."""
    tk.check_access("ecosphere_request_desk", context(), {"organization": name})
    trusted: Any = {**context(), "ignore_auth": True}
    left_out = ("include_users", "include_datasets", "include_dataset_count")
    parameters = {"id": name, **dict.fromkeys(left_out, False)}
    return tk.get_action("organization_show")(trusted, parameters)


def absences() -> AnyResponse:
    """Show the absences in the user's services and the form for a new one; on POST, create it."""
    announced = act("ecosphere_request_absence_list")
    if request.method == "GET":
        return _absences(announced, {}, {})
    fields = ("first", "last", "substitute", "user")
    data = {name: request.form.get(name, "") for name in fields}
    try:
        absence = act("ecosphere_request_absence_create", **data)
    except tk.ValidationError as error:
        return _absences(announced, request.form, wording.errors_of(error))
    first = dates.day(absence["first"])
    last = dates.day(absence["last"])
    words = _("The absence from {first} to {last} is announced.")
    return go_on(words.format(first=first, last=last), "absences")


def _absences(announced: Any, typed: Row, errors: forms.Errors) -> Response:
    """Show the absences with a form, in which the administrators of a service also enter those of
    colleagues.

    Args:
        announced: as returned by `ecosphere_request_absence_list`.
    """
    user = tk.current_user
    colleagues: dict[str, dict[str, str]] = {}
    administered: set[str] = set()
    for link in tk.h.ecosphere_request_desks():
        service = service_of_desk(link["name"])
        agents = {agent["name"]: agent for agent in people(service)}
        colleagues |= agents
        if user.id in persons.editors_of(service["id"], ("admin",)):
            administered.update(agents)
    colleagues.pop(user.name, None)
    return rendered(
        "ecosphere_requests/absences.html",
        status_of(errors),
        absences=announced,
        colleagues=sorted(colleagues.values(), key=lambda agent: agent["title"].casefold()),
        administered=administered - {user.name},
        own=user.name,
        typed=typed,
        errors=errors,
    )


def absence_delete(absence: str) -> AnyResponse:
    """Delete an absence."""
    act("ecosphere_request_absence_delete", id=absence)
    return go_on(_("The absence is taken back."), "absences")


def saved_answers(organization: str) -> AnyResponse:
    """Show the saved answers of a service and their form; on POST, create or change one."""
    service = service_of_desk(organization)
    typed, errors = {}, {}
    if request.method == "POST":
        typed = request.form
        names = ("id", "title", "ground", "law", "facts")
        data = {name: typed[name] for name in names if typed.get(name)}
        try:
            act("ecosphere_request_saved_answer_save", organization=service["id"], **data)
        except tk.ValidationError as error:
            errors = wording.errors_of(error)
        else:
            return go_on(_("The answer is kept."), "saved_answers", organization=service["name"])
    answers = act("ecosphere_request_saved_answer_list", organization=service["id"])
    for answer in answers:
        if not typed and answer["id"] == request.args.get("id"):
            typed = answer
    return rendered(
        "ecosphere_requests/saved_answers.html",
        status_of(errors),
        service=service,
        answers=answers,
        typed=typed,
        errors=errors,
        labels={**wording.messages("fields"), "title": _("Name of the answer")},
    )


def saved_answer_delete(organization: str, answer: str) -> AnyResponse:
    """Delete a saved answer."""
    act("ecosphere_request_saved_answer_delete", organization=organization, id=answer)
    return go_on(_("The answer is deleted."), "saved_answers", organization=organization)
