"""Views of the list of requests, with facets, and of the page of a request with its letters.

For requesters after an answer or silence: satisfaction, referral to the CADA.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.config.middleware.flask_app import csrf
from ckan.types import DataDict
from flask import Response, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core.pages import act, part_of_list, press, private_file, rendered
from ckanext.ecosphere.data_requests import alerts, dictize, listing, service
from ckanext.ecosphere.data_requests.decisions import compose, law, letters
from ckanext.ecosphere.data_requests.decisions import referral as referral_of
from ckanext.ecosphere.data_requests.domain import clock, states, wording
from ckanext.ecosphere.data_requests.logic import validators
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.views import forms
from ckanext.ecosphere.data_requests.views.forms import is_known, status_of
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import language

SORTS = ("relevance", "created", "support", "due")
#: Filters in the URL of a list: name and value.
Filters = list[tuple[str, str]]


def index() -> Response:
    """Show the list of public requests."""
    return _list("ecosphere_requests/index.html", "ecosphere_requests.index", "public")


def mine() -> Response:
    """Show the user's own requests, including drafts."""
    more = {
        "kept": bool(forms.kept()),
        "contested": contested(),
        "court_months": law.months("court"),
    }
    return _list("ecosphere_requests/mine.html", "ecosphere_requests.mine", "mine", **more)


def _list(template: str, endpoint: str, scope: str, **more: Any) -> Response:
    search, chosen = search_of_url()
    usual = "relevance" if "q" in search else "created"
    variables = filtered(search, chosen, tk.h.url_for(endpoint), usual, scope=scope)
    return rendered(template, **variables, saved=_saved_form(), **more)


def search_of_url() -> tuple[DataDict, Filters]:
    """Return the search in the URL, and its filters.

    Unknown states are left out of both, with a notice on the page.
    """
    pairs, unknown = [], []
    for name, value in request.args.items(multi=True):
        if name == "state" and value and value not in states.STATES:
            unknown.append(value)
        else:
            pairs.append((name, value))
    if unknown:
        message = _("There is no state “{state}”: this filter is left out.")
        tk.h.flash_notice(message.format(state=validators.shown(", ".join(unknown))))
    chosen = [(name, value) for name, value in pairs if value and name != "page"]
    return listing.read_search(MultiDict(pairs)), chosen


def filtered(search: DataDict, chosen: Filters, url: str, usual: str, **fixed: str) -> DataDict:
    """Return the variables of a list of requests, with the order and the page in the URL.

    Args:
        search, chosen: as returned by `search_of_url`.
        url: of the list, without filters.
        usual: order, unless the URL has one.
        fixed: parameters of the search that the page sets: they are no filters.
    """
    sort = request.args.get("sort", "")
    if sort not in SORTS:
        sort = usual
    requests = part_of_list("ecosphere_request_list", **{**search, **fixed}, sort=sort)
    counts = {name: items for name, items in requests["facets"].items() if name not in fixed}
    chosen = [pair for pair in chosen if pair[0] not in fixed]
    return {
        "found": requests,
        "search": search,
        "sort": sort,
        "facets": _facets(counts, chosen, url),
        "chosen": _chips(counts, chosen, url),
        "url": _with(url, chosen),
    }


def _facets(counts: DataDict, chosen: Filters, url: str) -> list[DataDict]:
    """Return the facets for the page: each value with its count and
    the URL that adds or removes it.
    """
    titles = wording.messages("facets")
    groups = []
    for name in listing.FACETS:
        items = []
        for item in counts.get(name, []):
            filter_ = (name, item["name"])
            other = _with(url, _toggled(chosen, filter_))
            items.append({**item, "active": filter_ in chosen, "url": other})
        if items:
            groups.append({"name": name, "title": titles[name], "items": items})
    return groups


def _chips(counts: DataDict, chosen: Filters, url: str) -> list[dict[str, str]]:
    """Return the active filters, each with the URL of the list without it."""
    titles = wording.messages("facets")
    active = []
    for name, value in chosen:
        if name in listing.FACETS:
            labels = {item["name"]: item["title"] for item in counts.get(name, [])}
            label = labels.get(value) or tk.h.ecosphere_request_facet_label(name, value)
            other = _with(url, _toggled(chosen, (name, value)))
            active.append({"title": titles[name], "label": label, "url": other})
    return active


def _toggled(chosen: Filters, filter_: tuple[str, str]) -> Filters:
    """Add a filter, or remove it; a facet has one active value at a time, except for states."""
    name = filter_[0]
    if name == "state":
        others = [pair for pair in chosen if pair != filter_]
    else:
        others = [pair for pair in chosen if pair[0] != name]
    if filter_ in chosen:
        return others
    return [*others, filter_]


def _with(url: str, chosen: Filters) -> str:
    return alerts.with_search(url, urlencode(chosen))


def _saved_form() -> str | None:
    """Return the search of this page in the form in which it can be saved,
    None when it is too long.
    """
    try:
        return alerts.Requests().canonical(request.args.items(multi=True))
    except tk.ValidationError:
        return None


def read(id: str) -> AnyResponse:
    """Show a request: state, possible transitions, history and conversation."""
    request_ = act("ecosphere_request_show", id=id)
    if request_["reference"] is None:
        if request_["state"] != "draft":  # a withdrawn draft
            raise tk.ObjectNotFound
        return tk.redirect_to(
            "ecosphere_requests.edit", id=request_["id"], step=forms.steps()[0].id
        )
    if is_known():  # opening the page marks its notifications as seen
        act("ecosphere_request_notification_seen", request=request_["id"])
    return conversation_page(request_, {}, {})


def conversation_page(request_: Row, errors: forms.Errors, typed: Row) -> Response:
    """Show the page of a request, with a message that could not be saved if there are errors."""
    return rendered(
        "ecosphere_requests/read.html",
        status_of(errors),
        request_=request_,
        errors=errors,
        typed=typed,
        labels=wording.messages("fields"),
        trap=forms.TRAP,
        is_known=is_known(),
    )


# Letters, and what follows an answer or silence.


def letter(id: str, letter: str) -> Response:
    """Show a letter as it was sent."""
    return rendered("ecosphere_requests/letter.html", letter=_letter(id, letter))


def letter_pdf(id: str, letter: str) -> AnyResponse:
    """Serve the PDF of a letter, generated from the stored HTML."""
    shown_letter = _letter(id, letter)
    name = compose.pdf_name(shown_letter["request"]["reference"], shown_letter["kind"])
    try:
        content = compose.pdf(
            shown_letter["subject"], shown_letter["html"], shown_letter["addressee"]
        )
    except compose.PdfUnavailable:
        return _without_pdf("letter", id=id, letter=letter)
    return private_file(content, "application/pdf", name)


def _without_pdf(endpoint: str, **at: str) -> AnyResponse:
    """Lead to the page to be printed, where no PDF can be made."""
    tk.h.flash_error(_("This portal cannot make PDF files: print the page instead."))
    return tk.redirect_to(f"ecosphere_requests.{endpoint}", **at)


def _letter(id: str, letter: str) -> DataDict:
    """Return a letter of this request; raise NotFound for a letter of another one."""
    shown_letter = act("ecosphere_request_letter_show", id=letter)
    if id not in (shown_letter["request"]["id"], shown_letter["request"]["reference"]):
        raise tk.ObjectNotFound
    return shown_letter


#: States in which a request has been refused, by a decision or by silence, or may have been.
REFUSED = (*states.CONTESTED, states.REJECTED, *referral_of.UNDECIDED, *states.ACTIVE)
MOST_CONTESTED = 100


def contested() -> list[DataDict]:
    """Return the user's requests whose refusal can still be referred to the commission, the most
    urgent first.

    Each has `may_refer` (last day) and `court`, where the requester turns afterwards.
    """
    paging = {"rows": MOST_CONTESTED, "facets": False}
    requests = act("ecosphere_request_list", scope="mine", state=list(REFUSED), **paging)["results"]
    today = clock.today().isoformat()
    refused = [request_ for request_ in requests if (request_["may_refer"] or "") >= today]
    refused.sort(key=lambda request_: request_["may_refer"])
    return [{**request_, "court": _court(request_)} for request_ in refused]


def _court(shown_request: Row) -> str:
    request_ = model.Session.get_one(Request, shown_request["id"])
    decided = "reject" if request_.state == states.REJECTED else ""
    court = letters.sender_of(letters.service_of(request_, decided)).court
    return court or law.remedies()["court_unknown"][language.of_tables()]


def satisfied(id: str) -> AnyResponse:
    """Store whether the answer met the requester's need."""
    opinion = request.form.get("satisfied", "")
    press("ecosphere_request_satisfaction", _thanks(opinion), id=id, satisfied=opinion)
    return tk.redirect_to("ecosphere_requests.read", id=id)


def _thanks(opinion: str) -> str:
    if opinion == delivery.YES:
        return _("Thank you: the service reads that its answer helped.")
    return _(
        "Thank you: the service reads that you still lack something. Below is what you can do."
    )


def satisfied_by_mail(token: str) -> Response:
    """Ask for confirmation on GET, since programs follow links in e-mails; on POST, store the
    opinion.

    The token authorises the request without log-in, and allows nothing else.
    """
    request_ = delivery.request_of_token(token)
    if request_ is None or not dictize.satisfaction_is_asked(request_):
        tk.abort(
            404, _("This address is no longer good. Log in and open the page of your request.")
        )
    opinion = request.form.get("satisfied") or request.args.get("r", "")
    if opinion not in (delivery.YES, delivery.NO):
        opinion = ""
    is_stored = request.method == "POST" and bool(opinion)
    reference = request_.reference
    if is_stored:
        service.say_satisfied(request_.id, opinion)
    return rendered(
        "ecosphere_requests/satisfaction.html",
        token=token,
        reference=reference,
        said=opinion,
        done=is_stored,
    )


csrf.exempt(satisfied_by_mail)


def referral(id: str) -> Response:
    """Show the referral to the commission, with instructions."""
    shown_referral = act("ecosphere_request_referral", id=id)
    return rendered("ecosphere_requests/referral.html", referral=shown_referral)


def referral_file(id: str, ending: str) -> AnyResponse:
    """Serve the referral as PDF or text."""
    if ending not in ("pdf", "txt"):
        raise tk.ObjectNotFound
    shown_referral: DataDict = act("ecosphere_request_referral", id=id)
    name = f"saisine-cada-{shown_referral['request']['reference']}.{ending}"
    if ending == "txt":
        return private_file(shown_referral["plain"].encode(), "text/plain", name)
    try:
        content = compose.pdf(shown_referral["subject"], shown_referral["html"])
    except compose.PdfUnavailable:
        return _without_pdf("referral", id=id)
    return private_file(content, "application/pdf", name)
