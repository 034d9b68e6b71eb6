"""Views of letters, and for requesters after an answer or silence: satisfaction, referral to the CADA."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.config.middleware.flask_app import csrf
from flask import Response, request, send_file
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.data_requests import dictize, service
from ckanext.ecosphere.data_requests.decisions import authors, compose, law
from ckanext.ecosphere.data_requests.decisions import referral as referral_of
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.notifications import replies
from ckanext.ecosphere.data_requests.views.viewing import act, known, messages, page, rendered
from ckanext.ecosphere.shared import language


@page
@known
def letter(id: str, letter: str) -> Response:
    """Show a letter as it was sent."""
    return rendered("ecosphere_requests/letter.html", {"letter": _letter(id, letter)})


@page
@known
def letter_pdf(id: str, letter: str) -> AnyResponse:
    """Serve the PDF of a letter, generated from the stored HTML."""
    shown_letter = _letter(id, letter)
    try:
        content = compose.pdf(
            shown_letter["subject"], shown_letter["html"], shown_letter["addressee"]
        )
    except compose.PdfUnavailable:
        tk.h.flash_error(tk._("This portal cannot make PDF files: print the page instead."))
        return tk.redirect_to("ecosphere_requests.letter", id=id, letter=letter)
    name = compose.pdf_name(shown_letter["request"]["reference"], shown_letter["kind"])
    response = send_file(
        BytesIO(content), mimetype="application/pdf", as_attachment=True, download_name=name
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.cache_control.no_store = True
    return response


def _letter(id: str, letter: str) -> dict[str, Any]:
    """Return a letter of this request; raise NotFound for a letter of another one."""
    shown_letter = act("ecosphere_request_letter_show", id=letter)
    if id not in (shown_letter["request"]["id"], shown_letter["request"]["reference"]):
        raise tk.ObjectNotFound
    return shown_letter


#: States in which a request has been refused, by a decision or by silence, or may have been.
REFUSED = (*states.CONTESTED, states.REJECTED, *referral_of.UNDECIDED, *states.ACTIVE)
MOST_CONTESTED = 100


def contested() -> list[dict[str, Any]]:
    """Return the user's requests whose refusal can still be referred to the commission, the most urgent first.

    Each has `may_refer` (last day) and `court`, where the requester turns afterwards.
    """
    requests = act(
        "ecosphere_request_list",
        scope="mine",
        state=list(REFUSED),
        rows=MOST_CONTESTED,
        facets=False,
    )
    refused = [
        request_
        for request_ in requests["results"]
        if (request_["may_refer"] or "") >= clock.today().isoformat()
    ]
    return [
        {**request_, "court": _court(request_)}
        for request_ in sorted(refused, key=lambda request_: request_["may_refer"])
    ]


def _court(shown_request: Mapping[str, Any]) -> str:
    request_ = model.Session.get_one(Request, shown_request["id"])
    decided = "reject" if request_.state == states.REJECTED else ""
    court = authors.sender(authors.service_of(request_, decided)).court
    return court or law.remedies()["court_unknown"][language.current()[:2]]


@page
@known
def satisfied(id: str) -> AnyResponse:
    """Store whether the answer met the requester's need."""
    try:
        result = act(
            "ecosphere_request_satisfaction", id=id, satisfied=request.form.get("satisfied", "")
        )
    except tk.ValidationError as error:
        for texts in messages(error).values():
            tk.h.flash_error(" ".join(texts))
    else:
        tk.h.flash_success(_thanks(result["satisfied"]))
    return tk.redirect_to("ecosphere_requests.read", id=id)


def _thanks(opinion: str) -> str:
    if opinion == replies.YES:
        return tk._("Thank you: the service reads that its answer helped.")
    return tk._(
        "Thank you: the service reads that you still lack something. Below is what you can do."
    )


@page
def satisfied_by_mail(token: str) -> Response:
    """Ask for confirmation on GET, since programs follow links in e-mails; on POST, store the opinion.

    The token authorises the request without log-in, and allows nothing else.
    """
    request_ = replies.request_of_token(token)
    if request_ is None or not dictize.satisfaction_is_asked(request_):
        tk.abort(
            404, tk._("This address is no longer good. Log in and open the page of your request.")
        )
    opinion = request.form.get("satisfied") or request.args.get("r", "")
    opinion = opinion if opinion in (replies.YES, replies.NO) else ""
    is_stored = request.method == "POST" and bool(opinion)
    reference = request_.reference
    if is_stored:
        service.say_satisfied(request_.id, opinion)
    variables = {"token": token, "reference": reference, "said": opinion, "done": is_stored}
    return rendered("ecosphere_requests/satisfaction.html", variables)


csrf.exempt(satisfied_by_mail)


@page
@known
def referral(id: str) -> Response:
    """Show the referral to the commission, with instructions."""
    shown_referral = act("ecosphere_request_referral", id=id)
    return rendered("ecosphere_requests/referral.html", {"referral": shown_referral})


@page
@known
def referral_file(id: str, ending: str) -> AnyResponse:
    """Serve the referral as PDF or text."""
    if ending not in ("pdf", "txt"):
        raise tk.ObjectNotFound
    shown_referral: dict[str, Any] = act("ecosphere_request_referral", id=id)
    content, kind = shown_referral["plain"].encode(), "text/plain"
    if ending == "pdf":
        try:
            content, kind = (
                compose.pdf(shown_referral["subject"], shown_referral["html"]),
                "application/pdf",
            )
        except compose.PdfUnavailable:
            tk.h.flash_error(tk._("This portal cannot make PDF files: print the page instead."))
            return tk.redirect_to("ecosphere_requests.referral", id=id)
    name = f"saisine-cada-{shown_referral['request']['reference']}.{ending}"
    response = send_file(BytesIO(content), mimetype=kind, as_attachment=True, download_name=name)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.cache_control.no_store = True
    return response
