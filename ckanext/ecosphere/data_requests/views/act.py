"""Views that act on a request (transitions with their letters, messages, support, downloads), and
the form of a report about a dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.types import DataDict
from flask import Response, request, send_file
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core.pages import INVALID, act, press, rendered
from ckanext.ecosphere.data_requests import attachments
from ckanext.ecosphere.data_requests.decisions import law, letters
from ckanext.ecosphere.data_requests.decisions.compose import digest
from ckanext.ecosphere.data_requests.domain import fields, states, wording
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.transitions import Conflict
from ckanext.ecosphere.data_requests.views import forms
from ckanext.ecosphere.data_requests.views.ask import similar_of
from ckanext.ecosphere.data_requests.views.forms import CONFLICT, go_on, is_known, status_of
from ckanext.ecosphere.data_requests.views.read import conversation_page
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import language, stored_files

#: Value of the button that shows the letter; the one that sends does so too, unless the letter has
#: been seen.
PREVIEW = "preview"
#: Transitions whose comment is the answer of the requester.
ANSWERS = ("answer_details", "withdraw", "reopen", "ask_review")


def transition_form(id: str, transition: str) -> AnyResponse:
    """Show the form of a transition, with likely values."""
    request_ = act("ecosphere_request_show", id=id)
    step = _possible_step(request_, transition)
    if step is None:
        return _too_late(request_, transition=transition)
    return _form(request_, step, _likely(request_, step))


def transition(id: str, transition: str) -> AnyResponse:
    """Do a transition; after a concurrent change, show the change and keep the input."""
    request_ = act("ecosphere_request_show", id=id)
    step = _possible_step(request_, transition)
    typed = request.form
    if step is None:
        return _too_late(request_, typed)
    data = _read(step, typed)
    uploads = forms.uploads("files")
    if uploads:
        data["files"] = uploads
    is_current = forms.version(typed) == request_["version"]
    closes_spam = data.get("spam") and typed.get("go") != PREVIEW  # sends no letter
    if is_current and _sends_letter(request_, transition) and not closes_spam:
        previewed = _previewed(request_, step, typed, data)
        if previewed is not None:
            return previewed
    try:
        result = act(
            "ecosphere_request_transition",
            id=request_["id"],
            transition=transition,
            version=forms.version(typed),
            **data,
        )
    except Conflict as error:
        return _stale(act("ecosphere_request_show", id=id), transition, typed, error.changes)
    except tk.ValidationError as error:
        errors = forms.with_files(wording.errors_of(error), "files", uploads)
        return _form(request_, step, typed, errors=errors, status=INVALID)
    private = data.get("reach") == attachments.REQUESTER and not data.get("datasets")
    events = result.get("events") or [{}]
    is_held = events[-1].get("moderation") == "held"
    tk.h.flash_success(_success(transition, private, request_["is_signal"], is_held))
    _tell_of_others(result["together"])
    return _after(request_, result)


def _success(transition: str, private: bool, signal: bool, held: bool) -> str:
    """Return the message after a transition.

    Args:
        transition: its name.
        private: whether its answer is private to the requester.
        signal: whether it concerns a report.
        held: whether its text is held for moderation.
    """
    if held and transition == "answer_details":
        return wording.message("done", "held")
    if private:
        return wording.message("done", "private")
    return wording.message("done", transition, signal=signal)


def _after(request_: Row, result: Row) -> Response:
    """Lead to the request, or to where its person came from when it is out of their sight."""
    if result["reference"] is None:  # a draft that was given up
        return tk.redirect_to("ecosphere_requests.mine")
    if not result.get("readable", True):  # a private request that went to another service
        return tk.redirect_to(
            "ecosphere_requests.desk", organization=request_["organization"]["name"]
        )
    return tk.redirect_to("ecosphere_requests.read", id=result["reference"])


def transition_resume(id: str, transition: str) -> AnyResponse:
    """Show the form of a transition with input kept by the browser; nothing is saved."""
    request_ = act("ecosphere_request_show", id=id)
    step = _possible_step(request_, transition)
    if step is None:
        return _too_late(request_, request.form, transition=transition)
    if request.method == "GET":  # after a change of language
        return tk.redirect_to("ecosphere_requests.transition_form", id=id, transition=transition)
    return _form(request_, step, request.form)


def _previewed(
    request_: Row, step: Row, typed: Mapping[str, str], data: DataDict
) -> Response | None:
    """Show the letter that the form would send.

    None when the person has seen this very letter and sends it.
    """
    again = forms.with_files({}, "files", data.get("files") or [])
    try:
        letter = _compose_letter(request_, step["transition"], data)
    except tk.ValidationError as error:
        errors = {**again, **wording.errors_of(error)}
        return _form(request_, step, typed, errors=errors, status=INVALID)
    if typed.get("go") != PREVIEW and typed.get("seen") == letter["seen"]:
        return None
    return _form(request_, step, typed, errors=again, letter=letter)


def _read(step: Row, typed: Mapping[str, str]) -> DataDict:
    """Read the form of a transition, including the author's name for a letter."""
    names = step["fields"]
    if step["transition"] in states.LETTERS:
        names = [*names, *letters.NAMES]
    return forms.read_transition(names, typed)


def comment(id: str) -> AnyResponse:
    """Add a comment, or an internal note of the service."""
    typed = request.form
    forms.refuse_machines(typed)
    internal = bool(typed.get("internal"))
    data: DataDict = {"text": forms.text(typed, "text"), "internal": internal}
    uploads = forms.uploads("upload")
    if uploads:
        data["upload"] = uploads[0]
    request_ = act("ecosphere_request_show", id=id)
    try:
        after = act("ecosphere_request_comment", id=request_["id"], **data)
    except tk.ValidationError as error:
        errors = forms.with_files(wording.errors_of(error), "upload", uploads)
        return conversation_page(request_, errors, typed)
    if internal:
        tk.h.flash_success(_("Your note is saved."))
    elif _is_held(after["comments"][-1]):
        tk.h.flash_notice(
            _("Your message waits for a moderator: it is published once it has been read.")
        )
    else:
        tk.h.flash_success(_("Your message is published."))
    return tk.redirect_to("ecosphere_requests.read", id=id, _anchor="conversation")


def _is_held(message: Row) -> bool:
    return message["mine"] and message["moderation"] == "held"


def hide_comment(id: str, comment: str) -> AnyResponse:
    """Hide a comment, with the reason given in its place."""
    reason = request.form.get("reason", "")
    press("ecosphere_request_comment_hide", _("It is done."), id=comment, reason=reason)
    return _back_to(id)


def attachment(id: str, file: str) -> AnyResponse:
    """Serve a file of the conversation as a download, never inline."""
    return _download(id, act("ecosphere_request_attachment_show", id=file))


def delivery(id: str, delivery: str) -> AnyResponse:
    """Serve a file that answers the request."""
    file = act("ecosphere_request_delivery_show", id=delivery)
    if file["kind"] != "file":
        raise tk.ObjectNotFound
    return _download(id, file)


def _download(id: str, file: Row) -> AnyResponse:
    """Serve a stored file, if it is one of this request."""
    request_ = act("ecosphere_request_show", id=id)
    if file["request_id"] != request_["id"]:
        raise tk.ObjectNotFound
    content = stored_files.opened(Path(file["path"]))
    if content is None:
        raise tk.ObjectNotFound
    # Given a path, send_file would reveal the file's modification time in Last-Modified.
    response = send_file(
        content,
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=file["name"],
        etag=False,
        conditional=False,
    )
    response.content_length = file["size"]
    response.headers["Content-Security-Policy"] = "sandbox"
    response.cache_control.no_store = True
    return response


def hide(id: str) -> AnyResponse:
    """Hide a request from the public, or show it again."""
    hidden = request.form.get("hidden") == "1"
    if hidden:
        message = _("This is hidden from the public.")
    else:
        message = _("This is public again.")
    press("ecosphere_request_hide", message, id=id, hidden=hidden)
    return _back_to(id)


def support(id: str) -> AnyResponse:
    """Support a request; if it replaces a draft, withdraw the draft."""
    request_ = act("ecosphere_request_support", id=id)
    draft = request.form.get("draft")
    if draft:
        _give_up(draft)
    tk.h.flash_success(_("You support this request: you will be told how it goes on."))
    return _back_to(request_["reference"])


def unsupport(id: str) -> AnyResponse:
    """Stop supporting a request."""
    press("ecosphere_request_unsupport", _("You no longer support this request."), id=id)
    return _back_to(id)


def follow(id: str) -> AnyResponse:
    """Follow a request."""
    press("ecosphere_request_follow", _("You follow this request."), id=id)
    return _back_to(id)


def unfollow(id: str) -> AnyResponse:
    """Stop following a request."""
    press("ecosphere_request_unfollow", _("You no longer follow this request."), id=id)
    return _back_to(id)


def _back_to(id: str) -> AnyResponse:
    return tk.redirect_to("ecosphere_requests.read", id=id)


def _give_up(draft: str) -> None:
    """Withdraw a draft whose author supports another request instead."""
    try:
        version = act("ecosphere_request_show", id=draft)["version"]
        act("ecosphere_request_transition", id=draft, transition="withdraw", version=version)
    except (tk.ObjectNotFound, tk.NotAuthorized, tk.ValidationError):
        return


def _possible_step(request_: Row, name: str) -> DataDict | None:
    """Return a transition with its fields, None when the user may not do it now."""
    for step in request_["may"]:
        if step["transition"] == name:
            return {**step, "fields": _in_reading_order(step["fields"])}
    return None


def _in_reading_order(names: list[str]) -> list[str]:
    """Move the fields of a refusal to the end, in their order."""
    rest = [name for name in names if name not in states.REFUSAL_FORM]
    return [*rest, *(name for name in states.REFUSAL_FORM if name in names)]


def _likely(request_: Row, step: Row) -> DataDict:
    """Return initial values: the proposed service, the matching target, a reason,
    or a saved answer.
    """
    names = step["fields"]
    if "organization" in names and step["transition"] == "accept" and request_.get("organization"):
        return {"organization": request_["organization"]["id"]}
    if "target" in names:
        return {"target": request.args.get("target", "")}
    if step["transition"] == "transfer":
        likely = _services(request_)["likely"]
        reason = _(
            "Our service does not hold these data; this service is more likely to hold them."
        )
        organization = likely[0]["id"] if likely else ""
        return {"organization": organization, "reason": reason}
    if "ground" in names and request.args.get("answer"):
        for answer in _saved(request_):
            if answer["id"] == request.args["answer"]:
                return {name: answer[name] for name in ("ground", "law", "facts")}
    return {}


def _saved(request_: Row) -> list[DataDict]:
    """Return the saved answers of the service of a request, none to users who do not work there."""
    organization = (request_["organization"] or {}).get("id")
    try:
        return act("ecosphere_request_saved_answer_list", organization=organization)
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return []


def _form(
    request_: Row,
    step: Row,
    values: Row,
    *,
    errors: forms.Errors | None = None,
    changes: list[DataDict] | None = None,
    letter: Row | None = None,
    status: int = 200,
) -> Response:
    transition = step["transition"]
    names = step["fields"]
    sends_letter = _sends_letter(request_, transition)
    answers = "requester" in request_["roles"] and transition in ANSWERS
    rule = _("In sentences, {number} different words at least.").format(number=fields.FEWEST_WORDS)
    labels = wording.messages("fields")
    if answers:
        labels["comment"] = _("Your answer")
    if request_["is_signal"]:
        labels["target"] = wording.message("fields", "target", signal=True)
    variables: DataDict = {
        "request_": request_,
        "wanted": step,
        "names": names,
        "values": values,
        "errors": forms.in_order(
            errors or {}, [*names, "service", *letters.NAMES, "comment", "note"]
        ),
        "changes": changes,
        "labels": labels,
        "letter": letter,
        "rules": {name: rule for name in names if fields.takes_reasons(transition, name)},
        "together": _treated_together(request_, transition),
        "sends_letter": sends_letter,
        "answers": answers,
        "internal": transition in states.INTERNAL,
    }
    if sends_letter:
        variables |= _letter_variables(request_, transition, values)
    if "organization" in names:
        variables.update(_services(request_))
    if "target" in names:
        variables["alike"] = similar_of(request_)["requests"]
    if "ground" in names:
        variables["saved"] = _saved(request_)
    if "similar_seen" in names:
        variables["similar"] = similar_of(request_)
    if "datasets" in names:
        variables["proposed"] = _proposed(request_)
        variables["ticked"] = values.getlist("dataset") if isinstance(values, MultiDict) else []
    return rendered("ecosphere_requests/transition.html", status, **variables)


def _services(request_: Row) -> DataDict:
    """Return the services likely to hold the data, and why the first is proposed."""
    names = ("theme", "territory", "communes", "bbox")
    place = {name: request_[name] for name in names if request_[name]}
    route = act("ecosphere_request_route", **place)
    silent = set(tk.h.ecosphere_request_unreachable())
    if request_["opened"] and request_["organization"]:
        silent.add(request_["organization"]["id"])
    likely = [route["organization"], *route["alternatives"]]
    reachable = [service for service in likely if service and service["id"] not in silent]
    # The reason is that of the first one, if it is still proposed.
    why = route["reason"] if reachable[:1] == likely[:1] else ""
    return {"likely": reachable, "why": why}


def _proposed(request_: Row) -> list[DataDict]:
    """Return datasets that may answer: suggestions first, then similar ones."""
    datasets = [*request_["suggestions"], *similar_of(request_)["datasets"]]
    return list({dataset["id"]: dataset for dataset in datasets}.values())


def _stale(
    request_: Row, transition: str, typed: Mapping[str, str], changes: list[DataDict]
) -> Response:
    """Show a concurrent change with the input kept; a second click sends it again."""
    step = _possible_step(request_, transition)
    if step is None:
        return _too_late(request_, typed, changes)
    return _form(request_, step, typed, changes=changes, status=CONFLICT)


def _too_late(
    request_: Row, typed: Any = None, changes: list[DataDict] | None = None, transition: str = ""
) -> Response:
    """Show that a transition is no longer possible or for others, and give the input back."""
    labels = wording.messages("fields")
    row = states.TRANSITIONS.get(transition)
    is_still_possible = row is not None and request_["state"] in row.sources
    typed_texts = [
        (labels[name], text) for name, text in (typed or {}).items() if name in labels and text
    ]
    return rendered(
        "ecosphere_requests/too_late.html",
        CONFLICT,
        request_=request_,
        kept=typed_texts,
        changes=changes or [],
        for_others=is_still_possible and not typed,
    )


def _sends_letter(request_: Row, transition: str) -> bool:
    """Return whether a transition of a request sends a letter of decision."""
    return transition in states.LETTERS and not request_["is_signal"]


def _compose_letter(request_: Row, transition: str, data: Row) -> DataDict:
    """Return the letter that a transition would send; `seen` stands for its text.

    Raises:
        ValidationError: what is missing or wrong, by field.
    """
    letter = act(
        "ecosphere_request_letter_preview", id=request_["id"], transition=transition, **data
    )
    for upload in data.get("files") or []:
        upload.stream.seek(0)  # was read to be checked; is read again when the form is sent
    return {**letter, "seen": digest(letter["html"], letter["plain"])}


def _letter_variables(request_: Row, transition: str, values: Row) -> DataDict:
    """Return what the form of a letter shows: fields of its `author` to ask for, the `unnamed`
    service, and the `ways` to pass a request on.
    """
    request = model.Session.get_one(Request, request_["id"])
    faults = letters.faults_of(request, transition, tk.current_user.id, {})
    author = unnamed = None
    if any(values.get(name) or name in faults for name in letters.NAMES):
        stored = letters.author_of(tk.current_user.id)
        author = {name: values.get(name, getattr(stored, name)) for name in letters.NAMES}
    if "service" in faults:
        group = letters.service_of(request, transition)
        service_name = group.name if group else ""
        unnamed = {"text": " ".join(faults["service"]), "name": service_name}
    spoken = language.of_tables()
    ways = [(way, words[spoken]) for way, words in law.texts()["ways"].items()]
    return {"author": author, "unnamed": unnamed, "ways": ways}


def _treated_together(request_: Row, transition: str) -> list[DataDict]:
    """Return the requests to which a step of the work also goes."""
    if transition not in states.SHARED:
        return []
    return [other for other in request_["joined"] if other["state"] in states.ACTIVE]


def _tell_of_others(together: Row) -> None:
    """Say for which of the requests treated together the transition was done,
    and why not for the others.
    """
    if together["done"]:
        tk.h.flash_success(
            _("It was also done for {references}.").format(references=", ".join(together["done"]))
        )
    for other in together["left_out"]:
        tk.h.flash_error(_("It was not done for {reference}: {reason}").format(**other))


# Reports about datasets.

SIGNAL_FIELDS = ("kind", "description")


def signal(dataset: str) -> Response:
    """Show the form; the URL may preselect the kind (``?kind=link``)."""
    return _signal_form(_readable_dataset(dataset), {"kind": request.args.get("kind", "")})


def signal_create(dataset: str) -> AnyResponse:
    """Send the report, and show its reference."""
    package = _readable_dataset(dataset)
    forms.refuse_machines(request.form)
    values = {name: forms.text(request.form, name) for name in SIGNAL_FIELDS}
    try:
        report = act("ecosphere_request_signal", dataset=package["id"], **values)
    except tk.ValidationError as error:
        missing = {
            name: [wording.message("missing", name, signal=True)]
            for name, value in values.items()
            if not value
        }
        errors = forms.in_order({**wording.errors_of(error), **missing}, SIGNAL_FIELDS)
        return _signal_form(package, values, errors)
    if report["readable"]:
        words = _("Thank you. The service has it: {reference}.")
        reference = report["reference"]
        return go_on(words.format(reference=reference), "read", id=reference)
    words = _("Thank you. A moderator reads it first, then the service: {reference}.")
    tk.h.flash_success(words.format(reference=report["reference"]))
    return tk.redirect_to("dataset.read", id=package["name"])


def _readable_dataset(dataset: str) -> DataDict:
    try:
        return act("package_show", id=dataset)
    except tk.NotAuthorized:
        raise tk.ObjectNotFound from None  # does not reveal names of private datasets


def _signal_form(dataset: Row, values: Row, errors: forms.Errors | None = None) -> Response:
    return rendered(
        "ecosphere_requests/signal.html",
        status_of(errors),
        pkg=dataset,
        values=values,
        errors=errors or {},
        kinds=[(kind, wording.message("kinds", kind)) for kind in states.SIGNALS],
        labels=wording.messages("fields_of_signals"),
        trap=forms.TRAP,
        is_known=is_known(),
    )
