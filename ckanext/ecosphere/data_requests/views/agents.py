"""Views of agents: absences, and saved answers of a service."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.data_requests.domain import people as persons
from ckanext.ecosphere.data_requests.views import desk, forms
from ckanext.ecosphere.data_requests.views.viewing import INVALID, act, known, messages, page, rendered


@page
@known
def absences() -> AnyResponse:
    """Show the absences in the user's services and the form for a new one; on POST, create it."""
    found = act("ecosphere_request_absence_list")
    if request.method == "GET":
        return _absences(found, {}, {})
    named = ("first", "last", "substitute", "user")
    try:
        made = act("ecosphere_request_absence_create", **{name: request.form.get(name, "") for name in named})
    except tk.ValidationError as error:
        return _absences(found, request.form, messages(error), INVALID)
    first, last = (tk.h.ecosphere_request_date(made[name]) for name in ("first", "last"))
    tk.h.flash_success(tk._("The absence from {first} to {last} is announced.").format(first=first, last=last))
    return tk.redirect_to("ecosphere_requests.absences")


def _absences(found: Any, typed: Any, errors: forms.Errors, status: int = 200) -> Response:
    services = [desk.service_of_desk(each["name"]) for each in tk.h.ecosphere_request_desks()]
    own = tk.current_user.name
    colleagues = {each["name"]: each["title"] for service in services for each in desk.people(service)}
    led = [each for each in services if tk.current_user.id in persons.editors_of(each["id"], ("admin",))]
    variables = {
        "absences": found,
        "colleagues": sorted(
            ({"name": name, "title": title} for name, title in colleagues.items() if name != own),
            key=lambda each: each["title"].casefold(),
        ),
        "led": {each["name"] for service in led for each in desk.people(service)} - {own},
        "own": own,
        "typed": typed,
        "errors": errors,
    }
    return rendered("ecosphere_requests/absences.html", variables, status)


@page
@known
def absence_delete(absence: str) -> AnyResponse:
    """Delete an absence."""
    act("ecosphere_request_absence_delete", id=absence)
    tk.h.flash_success(tk._("The absence is taken back."))
    return tk.redirect_to("ecosphere_requests.absences")


@page
@known
def saved_answers(organization: str) -> AnyResponse:
    """Show the saved answers of a service and their form; on POST, create or change one."""
    service = desk.service_of_desk(organization)
    if request.method == "POST":
        named = ("id", "title", "ground", "law", "facts")
        data = {name: request.form[name] for name in named if request.form.get(name)}
        try:
            act("ecosphere_request_saved_answer_save", organization=service["id"], **data)
        except tk.ValidationError as error:
            return _saved_answers(service, request.form, messages(error), INVALID)
        tk.h.flash_success(tk._("The answer is kept."))
        return tk.redirect_to("ecosphere_requests.saved_answers", organization=service["name"])
    return _saved_answers(service, None, {})


def _saved_answers(service: dict[str, Any], typed: Any, errors: forms.Errors, status: int = 200) -> Response:
    found = act("ecosphere_request_saved_answer_list", organization=service["id"])
    wanted = request.args.get("id", "")
    chosen = next((each for each in found if each["id"] == wanted), {})
    variables = {
        "service": service,
        "answers": found,
        "typed": typed if typed is not None else chosen,
        "errors": errors,
        "labels": {**forms.labels(), "title": tk._("Name of the answer")},
    }
    return rendered("ecosphere_requests/saved_answers.html", variables, status)


@page
@known
def saved_answer_delete(organization: str, answer: str) -> AnyResponse:
    """Delete a saved answer."""
    act("ecosphere_request_saved_answer_delete", organization=organization, id=answer)
    tk.h.flash_success(tk._("The answer is deleted."))
    return tk.redirect_to("ecosphere_requests.saved_answers", organization=organization)
