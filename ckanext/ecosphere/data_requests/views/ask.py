"""Views of the form for a new request: its steps, its draft, similar data and requests, and log-in
in between.

Also the page of a question put to several services, and what the form says before a person writes
yet another request in a day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.lib.search import SearchError, SearchQueryError
from ckan.types import DataDict
from flask import Response, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.core.pages import act, context, rendered
from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import fields, people, places, states, trust, wording
from ckanext.ecosphere.data_requests.service import AFTER_SENDING, PLACED
from ckanext.ecosphere.data_requests.views import forms
from ckanext.ecosphere.data_requests.views.forms import go_on, is_known, status_of
from ckanext.ecosphere.dataset import outlines
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.setup import organisations
from ckanext.ecosphere.shared import dates

TOO_MANY = 429
#: Parameter of the URL, as set by search pages → field.
PREFILLED = {"q": "title", "title": "title", "theme": "theme", "territory": "territory"}
#: Fields of the first step of a new request only, as far as they are not in a later step.
CARRIED = ("territory", "visibility", "kind", "dataset", "organization")


def new() -> AnyResponse:
    """Show the first step, filled with the terms of a search or with the
    form stored before the log-in.
    """
    stored = forms.kept()
    values: Row = {
        field: request.args[name] for name, field in PREFILLED.items() if request.args.get(name)
    }
    if stored:
        values = stored
    elif request.args.get("dataset"):
        values = _about(request.args["dataset"])
    elif request.args.get("organization"):
        values = {**_of_service(request.args["organization"]), **values}
    return _form(forms.steps()[0], values, resumed=bool(stored))


def _about(name: str) -> DataDict:
    """Return initial values of a request for access to a dataset.

    Empty when the user may not read it.
    """
    try:
        dataset = act("package_show", id=name)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return {}
    title = dataset["title"] or dataset["name"]
    values = {
        "kind": states.ACCESS,
        "dataset": dataset["name"],
        "title": _("Access to: {title}").format(title=title),
    }
    for field, vocabulary in PLACED.items():
        for key in dataset.get(field) or ():
            concept = voc.get(vocabulary).get(str(key))
            if concept:
                values[field] = concept.id
                break
    return values


def _of_service(name: str) -> DataDict:
    """Return initial values of a request to a service; empty when there is no such service."""
    group = people.active_service(name)
    if group is None:
        return {}
    values = {"organization": group.name}
    extras: Any = group.extras  # pyright: ignore[reportAttributeAccessIssue]
    place = voc.get("territories").get(str(extras.get(organisations.TERRITORY) or ""))
    if place:
        values["territory"] = place.id
    return values


def create() -> AnyResponse:
    """Save the first step as a draft; for an anonymous user, store it until the log-in."""
    first = forms.steps()[0]
    forms.refuse_machines(request.form)
    typed = request.form
    go = typed.get("go", "next")
    data, errors = forms.read_step(first, typed)
    carried = {name: typed.get(name) or None for name in CARRIED}
    carried["visibility"] = carried["visibility"] or "public"
    uploads = forms.uploads("files")
    if go != "later":
        names = [*first.fields]
        if go == "send":
            names += CARRIED
        errors |= _lacking(names, {**carried, **data})
    if errors:
        return _form(first, typed, errors=forms.with_files(errors, "files", uploads))
    if not is_known():
        return _to_log_in(first, typed)
    values = {**carried, **data, "files": uploads or None}
    filled = {name: value for name, value in values.items() if value is not None}
    try:
        draft = act("ecosphere_request_create", **filled)
    except tk.ValidationError as error:
        return _form(
            first, typed, errors=forms.with_files(wording.errors_of(error), "files", uploads)
        )
    forms.forget_typed()
    if go == "send":
        return _sent_at_once(draft)
    return _after(draft, first, go)


def _to_log_in(first: forms.Step, typed: Row) -> AnyResponse:
    """Store what an anonymous user typed in the first step, and lead to the log-in."""
    try:
        names = (*first.fields, *CARRIED)
        forms.keep_typed({name: typed[name] for name in names if typed.get(name)})
    except tk.ValidationError as error:
        response = _form(first, typed, errors=wording.errors_of(error))
        response.status_code = TOO_MANY
        return response
    tk.h.flash_notice(
        _("Log in or create an account: what you typed is kept and you go on from there.")
    )
    return tk.redirect_to("user.login", came_from=tk.url_for("ecosphere_requests.new"))


def _lacking(names: Iterable[str], values: Row) -> forms.Errors:
    """Return the errors of required fields of a step."""
    errors = fields.lacking(values, dates.today())
    return {name: errors[name] for name in names if name in errors}


def _sent_at_once(draft: DataDict) -> AnyResponse:
    """Send the draft after the first step; if that fails, show the errors on the last step."""
    try:
        return _send(draft)
    except tk.ValidationError as error:
        return _form(forms.steps()[-1], draft, draft=draft, errors=wording.errors_of(error))


def _send(draft: Row) -> AnyResponse:
    """Send a draft and show it.

    Raises:
        ValidationError: something is missing, or similar data and requests have not been seen.
    """
    sent = act(
        "ecosphere_request_transition",
        id=draft["id"],
        transition="submit",
        version=draft["version"],
        similar_seen=bool(request.form.get("similar_seen")),
    )
    tk.h.flash_success(
        _("Your request is sent. Its reference is {reference}.").format(reference=sent["reference"])
    )
    if sent["state"] == states.SUBMITTED and _has_sent_many():
        tk.h.flash_notice(
            _(
                "It waits for a moderator, as you have sent many today. Its period counts from "
                "today all the same."
            )
        )
    return tk.redirect_to("ecosphere_requests.read", id=sent["reference"])


def edit(id: str, step: str) -> AnyResponse:
    """Show a step of a request that its author may still change."""
    draft, current = _step_of_own(id, step)
    return _form(current, draft, draft=draft)


def resume_new() -> AnyResponse:
    """Show the first step with input kept by the browser; nothing is saved."""
    if request.method == "GET":  # after a change of language
        return tk.redirect_to("ecosphere_requests.new")
    return _form(forms.steps()[0], request.form)


def resume(id: str, step: str) -> AnyResponse:
    """Show a step of a request with input kept by the browser; nothing is saved."""
    draft, current = _step_of_own(id, step)
    if request.method == "GET":
        return tk.redirect_to("ecosphere_requests.edit", id=draft["id"], step=step)
    return _form(current, request.form, draft=draft)


def save(id: str, step: str) -> AnyResponse:
    """Save a step, then continue as the button says."""
    draft, current = _step_of_own(id, step)
    forms.refuse_machines(request.form)
    data, errors = forms.read_step(current, request.form)
    if draft["state"] != "draft":
        data = {name: value for name, value in data.items() if name in AFTER_SENDING}
    uploads = forms.uploads("files")
    if uploads or request.form.get("without_files"):
        data["files"] = uploads
    go = request.form.get("go", "next")
    try:
        # Valid input is saved even when other fields are invalid.
        if data:
            draft = act(
                "ecosphere_request_update",
                id=draft["id"],
                version=forms.version(request.form),
                **data,
            )
        if go == "send" and not errors:
            return _send(draft)
    except tk.ValidationError as error:
        errors = {**wording.errors_of(error), **errors}
        draft = act("ecosphere_request_show", id=draft["id"])
    # For the place, `read_step` has already checked that something is given.
    if go == "next" and draft["state"] == "draft" and current.id != "territoire":
        errors = {**_lacking(current.fields, draft), **errors}
    if errors and go != "previous":
        names = [file["name"] for file in enclosed(draft)]
        lost = [upload for upload in uploads if upload.filename not in names]
        return _form(
            current, request.form, draft=draft, errors=forms.with_files(errors, "files", lost)
        )
    return _after(draft, current, go)


def lookalikes(id: str) -> AnyResponse:
    """Show the datasets and requests similar to a draft."""
    draft = _own(id)
    similar = similar_of(draft)
    return rendered("ecosphere_requests/lookalikes.html", request_=draft, similar=similar)


def lookalikes_fragment() -> str:
    """Return, as a fragment for the form's script, the datasets and
    requests similar to the input so far.
    """
    names = ("title", "theme", "territory", "dataset", "organization")
    values: DataDict = {name: request.args.get(name, "") for name in names}
    draft = request.args.get("draft")
    if draft and not values["territory"]:
        values |= _place_of_draft(draft)
    similar = similar_of(values)
    variables = {"similar": similar, "draft": draft}
    return tk.render("ecosphere_requests/snippets/similar.html", variables)


def _place_of_draft(id: str) -> DataDict:
    """Return place and service of a draft of the user; empty when there is no such draft."""
    try:
        draft = _own(id)
    except tk.ObjectNotFound:
        return {}
    return {name: draft[name] for name in ("communes", "bbox", "organization") if draft.get(name)}


def commune_suggestions() -> Response:
    """Return communes that match the input, as JSON."""
    matches = places.find_communes(
        request.args.get("q", "")[:80], near=request.args.get("territory", "")
    )
    items = [
        {"value": commune.code, "label": places.commune_label(commune.code)} for commune in matches
    ]
    return jsonify({"items": items})


def dataset_suggestions() -> Response:
    """Return datasets that match the input and that the user may read, as JSON: `value` (name) and
    `label` (title).

    They are searched for as the portal does or, without results, by beginnings of the words of
    titles.
    """
    # Operators of the query language are not meant as such in a title.
    words = " ".join(re.findall(r"[^\W_]+", request.args.get("q", "")[:LONGEST_QUERY]))
    if not words:
        return jsonify({"items": []})
    query = {"q": words, "rows": MOST_SUGGESTIONS, "fq": "dataset_type:dataset"}
    try:
        datasets = act("package_search", **query, include_private=True)["results"]
    except (SearchError, SearchQueryError, tk.ValidationError):
        datasets = []
    datasets = datasets or act("package_autocomplete", q=words, limit=MOST_SUGGESTIONS)
    items = [{"value": dataset["name"], "label": _dataset_label(dataset)} for dataset in datasets]
    return jsonify({"items": items})


def _dataset_label(dataset: Row) -> str:
    """Return the title of a dataset and its service, since many share their title."""
    title = dataset["title"] or dataset["name"]
    if dataset.get("organization"):
        return f"{title}, {dataset['organization']['title']}"
    return title


def _form(
    current: forms.Step,
    values: Row,
    *,
    draft: DataDict | None = None,
    errors: forms.Errors | None = None,
    resumed: bool = False,
) -> Response:
    before, after = forms.neighbours(current)
    sent = draft is not None and draft["state"] != "draft"
    signal = draft is not None and draft["is_signal"]
    steps = forms.steps()
    if signal:
        steps = steps[:1]
    if sent:
        steps = tuple(step for step in steps if AFTER_SENDING.intersection(step.fields))
    labels = wording.messages("fields")
    if signal:
        labels["description"] = wording.message("fields", "description", signal=True)
    step_of = {name: step for step in forms.steps() for name in step.fields}
    variables: DataDict = {
        "step": current,
        "steps": steps,
        "sent": sent,
        "signal": signal,
        "before": before,
        "after": after,
        "values": _values_of_inputs(values),
        "draft": draft,
        "errors": forms.in_order(errors or {}, step_of),
        "resumed": resumed,
        "labels": labels,
        "step_of": step_of,
        "trap": forms.TRAP,
    }
    if draft:
        variables["enclosed"] = enclosed(draft)
    elif values.get("organization"):
        variables["service"] = model.Group.get(str(values["organization"]))
    if current.id == "territoire":
        variables |= {"frames": outlines.frames(), "near": _place_near(draft)}
    if draft and after is None:
        variables |= _before_sending(draft)
    elif not draft and is_known():
        variables["limit"] = _limit_of_next(_addressee(values))
        variables["similar"] = similar_of(values) if values.get("title") else None
    return rendered("ecosphere_requests/form.html", status_of(errors), **variables)


def _place_near(draft: DataDict | None) -> str:
    """Return the territory of a draft, or the one around its communes,
    whose communes are proposed first.
    """
    if not draft:
        return ""
    return draft["territory"] or places.territory_of(draft["communes"] or [], None)


def _before_sending(draft: DataDict) -> DataDict:
    """Return what the last step shows: similar data and requests, the service that would get it,
    and its limit.
    """
    route = _route(draft)
    service_id = route["organization"]["id"] if route else None
    return {"similar": similar_of(draft), "route": route, "limit": _limit_of_next(service_id)}


def _addressee(values: Row) -> str | None:
    """Return the service of a new request as far as it is known: the chosen one,
    or that of the dataset.
    """
    package = model.Package.get(values.get("dataset"))
    if package:
        return package.owner_org
    return values.get("organization")


def _commune_label(commune: Any) -> str:
    """Return the label of a commune, as stored (code, name) or as typed (code, then its name)."""
    if isinstance(commune, dict):
        return places.commune_label(commune["code"])
    return places.commune_label(str(commune)[:5])


def _values_of_inputs(values: Row) -> DataDict:
    """Return the values of inputs, from those of a request or of a form shown again."""
    inputs = {name: value for name, value in dict(values).items() if value is not None}
    if isinstance(inputs.get("communes"), list):
        labels = [_commune_label(commune) for commune in inputs["communes"]]
        inputs["communes"] = ", ".join(labels)
    if isinstance(inputs.get("formats"), list):
        inputs["formats"] = ", ".join(inputs["formats"])
    if isinstance(inputs.get("known_datasets"), list):
        inputs["known_datasets"] = "\n".join(inputs["known_datasets"])
    if inputs.get("bbox"):
        inputs.update(zip(forms.SIDES, inputs["bbox"], strict=False))
    if not inputs.get("where"):
        ways = (way for way in ("communes", "bbox") if inputs.get(way))
        inputs["where"] = next(ways, "territory")
    return inputs


def _own(id: str) -> DataDict:
    """Return a request that the user may change; raise NotFound otherwise."""
    request_ = act("ecosphere_request_show", id=id)
    if not tk.h.check_access("ecosphere_request_update", {"id": request_["id"]}):
        raise tk.ObjectNotFound
    return request_


def _step_of_own(id: str, step: str) -> tuple[DataDict, forms.Step]:
    """Return a request that the user may change, and one of its steps.

    A signal has the first one only.
    """
    request_, current = _own(id), forms.step(step)
    if current is None or (request_["is_signal"] and current != forms.steps()[0]):
        tk.abort(404, _("The form has no such step."))
    return request_, current


def similar_of(values: Row) -> DataDict:
    """Return the datasets and requests similar to a request.

    The request itself is left out, and the dataset to which it requests access.
    """
    arguments: DataDict = {name: values.get(name) or "" for name in ("title", "theme", "territory")}
    for name in ("communes", "bbox"):
        if isinstance(values.get(name), list):
            arguments[name] = values[name]
    service = values.get("organization")
    if isinstance(service, dict):
        service = service["id"]
    try:
        similar = act("ecosphere_request_similar", **arguments, organization=service)
    except tk.ValidationError:  # an unknown theme or place in the URL
        return {"datasets": [], "requests": []}
    others = [other for other in similar["requests"] if other["id"] != values.get("id")]
    own_name = values.get("dataset")
    about = values.get("about")
    if isinstance(about, dict):  # of a stored request
        own_name = about["name"]
    datasets = [dataset for dataset in similar["datasets"] if dataset["name"] != own_name]
    return {"datasets": datasets, "requests": others}


def _route(draft: Row) -> DataDict | None:
    """Return the service that would get the request and why, None without a place or service."""
    if draft["organization"]:
        return {"organization": draft["organization"], "reason": draft["routing_reason"]}
    place = {name: draft[name] for name in ("territory", "communes", "bbox") if draft[name]}
    if not place:
        return None
    route = act("ecosphere_request_route", **place, theme=draft["theme"])
    if route["organization"]:
        return route
    return None


def _after(draft: Row, current: forms.Step, go: str) -> AnyResponse:
    """Continue after saving a step: to similar data and requests, another step, or the request."""
    if draft["state"] != "draft":
        edits = [event for event in draft["events"] if event["transition"] == "edit"]
        if any(edit["moderation"] == "held" for edit in edits):
            tk.h.flash_notice(
                _("Your changes wait for a moderator: they are made once they have been read.")
            )
        else:
            tk.h.flash_success(_("Your changes are saved."))
        return tk.redirect_to("ecosphere_requests.read", id=draft["reference"])
    before, after = forms.neighbours(current)
    if go == "later":
        return go_on(
            _("Your draft is saved: you find it here and can go on whenever you like."), "mine"
        )
    if go == "previous" and before:
        return tk.redirect_to("ecosphere_requests.edit", id=draft["id"], step=before.id)
    has_seen = request.form.get("similar_shown") or request.form.get("similar_seen")
    if before is None and not has_seen and any(similar_of(draft).values()):
        return tk.redirect_to("ecosphere_requests.lookalikes", id=draft["id"])
    return tk.redirect_to("ecosphere_requests.edit", id=draft["id"], step=(after or current).id)


def enclosed(draft: Row) -> list[DataDict]:
    """Return the files that are sent with a draft."""
    return [file for message in draft["comments"] for file in message["attachments"]]


def _limit_of_next(organization: str | None) -> DataDict | None:
    """Return what applies to the next request of the current user, None when nothing special does.

    Args:
        organization: name or id of the service that will get it; the moderators' stands in for an
            unknown one.

    Returns:
        `sent` in the last 24 hours; `stopped`: whether the portal takes no more; `service` and its
        contact `sheet`.
    """
    reader = people.reader_of_context(context())
    sent = trust.sent_lately(reader)
    stopped = trust.is_stopped(reader)
    if sent < trust.without_moderator(reader) and not stopped:
        return None
    group = model.Group.get(organization) or model.Group.get(config.moderators())
    limit = {"sent": sent, "stopped": stopped, "service": "", "sheet": None}
    if group:
        limit |= {"service": group.display_name, "sheet": sheets.of(group)}
    return limit


def _has_sent_many() -> bool:
    """Return whether the current user has just sent a request that waits for a
    moderator because of the number.
    """
    reader = people.reader_of_context(context())
    return trust.sent_lately(reader) > trust.without_moderator(reader)


def batch(id: str) -> Response:
    """Show the services that were asked, and their answers."""
    return _batch(id)


def batch_add(id: str) -> AnyResponse:
    """Put the question to the selected services."""
    chosen = request.form.getlist("organizations")
    try:
        act("ecosphere_request_batch_add", id=id, organizations=chosen)
    except tk.ValidationError as error:
        return _batch(id, chosen, wording.errors_of(error))
    message = tk.ungettext(
        "Your question is sent to {number} more service.",
        "Your question is sent to {number} more services.",
        len(chosen),
    )
    return go_on(message.format(number=len(chosen)), "batch", id=id)


def _batch(
    id: str, chosen: list[str] | None = None, errors: forms.Errors | None = None
) -> Response:
    batch = act("ecosphere_request_batch_show", id=id)
    limit = _limit_of_next(None) if batch["may_grow"] else None
    return rendered(
        "ecosphere_requests/batch.html",
        status_of(errors),
        batch=batch,
        request_=act("ecosphere_request_show", id=id),
        chosen=chosen or [],
        limit=limit,
        errors=errors or {},
    )


# Suggestions of datasets.

MOST_SUGGESTIONS, LONGEST_QUERY = 8, 200
#: Maximum number of datasets of a form that are shown by title.
MOST_CHOSEN = 20


def dataset_titles(typed: Any) -> dict[str, str]:
    """Return the titles of the datasets in a field that the user may read: name → title."""
    reader = people.reader_of_context(context())
    titles = {}
    for name in forms.dataset_names(str(typed or ""))[:MOST_CHOSEN]:
        package = model.Package.get(name)
        if package is not None and people.may_read_dataset(package, reader):
            titles[name] = package.title or package.name
    return titles
