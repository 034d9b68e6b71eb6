"""Views of the list of requests, with facets, and of the page of a request with its letters.

For requesters after an answer or silence: satisfaction, referral to the CADA.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.config.middleware.flask_app import csrf
from ckan.types import DataDict
from flask import Response, request, send_file
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core.pages import act
from ckanext.ecosphere.data_requests import alerts, dictize, listing, service
from ckanext.ecosphere.data_requests.decisions import compose, law, letters
from ckanext.ecosphere.data_requests.decisions import referral as referral_of
from ckanext.ecosphere.data_requests.domain import clock, states, wording
from ckanext.ecosphere.data_requests.logic import validators
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.views import ask, forms
from ckanext.ecosphere.data_requests.views.forms import (
    flash,
    is_known,
    page,
    personal,
    rendered,
)
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import language

ROWS = 20
PAGE_DIGITS = 6
SORTS = ("relevance", "created", "support", "due")


@page
def index() -> Response:
    """Show the list of public requests."""
    return _list("ecosphere_requests/index.html", "ecosphere_requests.index", scope="public")


@personal
def mine() -> Response:
    """Show the user's own requests, including drafts."""
    more = {
        "kept": bool(ask.kept_form()),
        "contested": contested(),
        "court_months": law.months("court"),
    }
    return _list("ecosphere_requests/mine.html", "ecosphere_requests.mine", scope="mine", **more)


@page
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
    return rendered(
        "ecosphere_requests/read.html", {"request_": request_, **_conversation(request_)}
    )


def conversation_page(
    request_: DataDict, errors: forms.Errors, typed: Any, status: int
) -> Response:
    """Show the page of a request again, with a message that could not be saved."""
    variables = {"request_": request_, **_conversation(request_), "errors": errors, "typed": typed}
    return rendered("ecosphere_requests/read.html", variables, status)


def _conversation(request_: DataDict) -> DataDict:
    return {
        "errors": {},
        "typed": {},
        "labels": wording.messages("fields"),
        "trap": forms.TRAP,
        "is_known": is_known(),
    }


def _kept() -> str | None:
    """Return the search of this page in the form in which it can be saved, None when it is too long."""
    try:
        return alerts.Requests().canonical(request.args.items(multi=True))
    except tk.ValidationError:
        return None


def search_of_url() -> tuple[DataDict, MultiDict[str, str]]:
    """Return the search in the URL, and its filters; unknown states are left out of both, with a notice on the page."""
    unknown = [
        state for state in request.args.getlist("state") if state and state not in states.STATES
    ]
    if unknown:
        message = _("There is no state “{state}”: this filter is left out.")
        tk.h.flash_notice(message.format(state=validators.shown(", ".join(unknown))))
    pairs = [
        (name, value)
        for name, value in request.args.items(multi=True)
        if name != "state" or value not in unknown
    ]
    return listing.asked(MultiDict(pairs)), MultiDict(
        [(name, value) for name, value in pairs if value and name != "page"]
    )


def page_number(form: MultiDict[str, str]) -> int:
    """Return the page number in the URL, 1 when it is missing or invalid."""
    text = form.get("page", "1")
    if text.isascii() and text.isdigit() and len(text) <= PAGE_DIGITS:
        return max(int(text), 1)
    return 1


def _list(template: str, endpoint: str, scope: str, **more: Any) -> Response:
    search, chosen = search_of_url()
    usual = "relevance" if "q" in search else "created"
    without_words = MultiDict(pair for pair in chosen.items(multi=True) if pair[0] != "q")
    variables = {
        **filtered(search, chosen, endpoint, usual, scope),
        "url_without_words": address(endpoint, without_words),
        "saved": _kept(),
        **more,
    }
    return rendered(template, variables)


def filtered(
    search: DataDict,
    chosen: MultiDict[str, str],
    endpoint: str,
    usual: str,
    scope: str,
    **values: Any,
) -> DataDict:
    """Return the variables of a list of requests, with the order and the page in the URL.

    Args:
        search, chosen: as returned by `asked`.
        endpoint, values: of the page, whose values are no filters.
        usual: order, unless the URL has one.
        scope: of the list.
    """
    sort = request.args.get("sort", "")
    if sort not in SORTS:
        sort = usual
    number = page_number(request.args)
    paging = {"sort": sort, "start": (number - 1) * ROWS, "rows": ROWS}
    requests = act("ecosphere_request_list", **search, scope=scope, **paging)
    counts = {name: items for name, items in requests["facets"].items() if name not in values}
    chosen = MultiDict(pair for pair in chosen.items(multi=True) if pair[0] not in values)
    return {
        "found": requests,
        "search": search,
        "sort": sort,
        "facets": facets(counts, chosen, endpoint, **values),
        "chosen": chips(counts, chosen, endpoint, **values),
        "pages": pages(requests["count"], number, chosen, endpoint, **values),
    }


def address(endpoint: str, chosen: MultiDict[str, str], **values: Any) -> str:
    """Return the URL of a list with these filters."""
    return _with(tk.h.url_for(endpoint, **values), chosen)


def _with(url: str, chosen: MultiDict[str, str]) -> str:
    query = urlencode(list(chosen.items(multi=True)))
    if query:
        return f"{url}?{query}"
    return url


def facets(
    counts: DataDict, chosen: MultiDict[str, str], endpoint: str, **values: Any
) -> list[DataDict]:
    """Return the facets for the page: each value with its count and the URL that adds or removes it."""
    titles, url = wording.messages("facets"), tk.h.url_for(endpoint, **values)
    groups = []
    for name in listing.FACETS:
        items = []
        for item in counts.get(name, []):
            active = item["name"] in chosen.getlist(name)
            other = _toggled(chosen, name, item["name"], active)
            items.append({**item, "active": active, "url": _with(url, other)})
        if items:
            groups.append({"name": name, "title": titles[name], "items": items})
    return groups


def chips(
    counts: DataDict, chosen: MultiDict[str, str], endpoint: str, **values: Any
) -> list[dict[str, str]]:
    """Return the active filters, each with the URL of the list without it."""
    titles = wording.messages("facets")
    active = []
    for name, value in chosen.items(multi=True):
        if name in listing.FACETS:
            known_titles = {item["name"]: item["title"] for item in counts.get(name, [])}
            label = known_titles.get(value) or tk.h.ecosphere_request_facet_label(name, value)
            url = address(endpoint, _toggled(chosen, name, value, active=True), **values)
            active.append({"title": titles[name], "label": label, "url": url})
    return active


def listed(action: str, endpoint: str, **arguments: Any) -> tuple[Any, DataDict]:
    """Return the current page of a list without facets, and links to the adjacent pages."""
    number = page_number(request.args)
    results = act(action, **arguments, start=(number - 1) * ROWS, rows=ROWS)
    return results, pages(results["count"], number, MultiDict(), endpoint)


def pages(
    count: int, number: int, chosen: MultiDict[str, str], endpoint: str, **values: Any
) -> DataDict:
    """Return the current and last page number of a list, and the URLs of the adjacent pages."""
    last = max((count - 1) // ROWS + 1, 1)

    def url(page_: int) -> str:
        return address(
            endpoint, MultiDict([*chosen.items(multi=True), ("page", str(page_))]), **values
        )

    previous = url(min(number - 1, last)) if number > 1 else None
    next_ = url(number + 1) if number < last else None
    return {"number": number, "last": last, "previous": previous, "next": next_}


def _toggled(
    chosen: MultiDict[str, str], name: str, value: str, active: bool
) -> MultiDict[str, str]:
    # A facet has one active value at a time, except for states.
    several = name == "state"
    others = [
        (key, other)
        for key, other in chosen.items(multi=True)
        if key != name or (several and other != value)
    ]
    if not active:
        others.append((name, value))
    return MultiDict(others)


# Letters, and what follows an answer or silence.


@personal
def letter(id: str, letter: str) -> Response:
    """Show a letter as it was sent."""
    return rendered("ecosphere_requests/letter.html", {"letter": _letter(id, letter)})


@personal
def letter_pdf(id: str, letter: str) -> AnyResponse:
    """Serve the PDF of a letter, generated from the stored HTML."""
    shown_letter = _letter(id, letter)
    try:
        content = compose.pdf(
            shown_letter["subject"], shown_letter["html"], shown_letter["addressee"]
        )
    except compose.PdfUnavailable:
        tk.h.flash_error(_("This portal cannot make PDF files: print the page instead."))
        return tk.redirect_to("ecosphere_requests.letter", id=id, letter=letter)
    name = compose.pdf_name(shown_letter["request"]["reference"], shown_letter["kind"])
    return _download(content, "application/pdf", name)


def _download(content: bytes, media_type: str, name: str) -> Response:
    """Serve something for one person as a file."""
    response = send_file(
        BytesIO(content), mimetype=media_type, as_attachment=True, download_name=name
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.cache_control.no_store = True
    return response


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


def _court(shown_request: Row) -> str:
    request_ = model.Session.get_one(Request, shown_request["id"])
    decided = "reject" if request_.state == states.REJECTED else ""
    court = letters.sender_of(letters.service_of(request_, decided)).court
    return court or law.remedies()["court_unknown"][language.current()[:2]]


@personal
def satisfied(id: str) -> AnyResponse:
    """Store whether the answer met the requester's need."""
    try:
        result = act(
            "ecosphere_request_satisfaction", id=id, satisfied=request.form.get("satisfied", "")
        )
    except tk.ValidationError as error:
        flash(error)
    else:
        tk.h.flash_success(_thanks(result["satisfied"]))
    return tk.redirect_to("ecosphere_requests.read", id=id)


def _thanks(opinion: str) -> str:
    if opinion == delivery.YES:
        return _("Thank you: the service reads that its answer helped.")
    return _(
        "Thank you: the service reads that you still lack something. Below is what you can do."
    )


@page
def satisfied_by_mail(token: str) -> Response:
    """Ask for confirmation on GET, since programs follow links in e-mails; on POST, store the opinion.

    The token authorises the request without log-in, and allows nothing else.
    """
    request_ = delivery.request_of_token(token)
    if request_ is None or not dictize.satisfaction_is_asked(request_):
        tk.abort(
            404, _("This address is no longer good. Log in and open the page of your request.")
        )
    opinion = request.form.get("satisfied") or request.args.get("r", "")
    opinion = opinion if opinion in (delivery.YES, delivery.NO) else ""
    is_stored = request.method == "POST" and bool(opinion)
    reference = request_.reference
    if is_stored:
        service.say_satisfied(request_.id, opinion)
    variables = {"token": token, "reference": reference, "said": opinion, "done": is_stored}
    return rendered("ecosphere_requests/satisfaction.html", variables)


csrf.exempt(satisfied_by_mail)


@personal
def referral(id: str) -> Response:
    """Show the referral to the commission, with instructions."""
    shown_referral = act("ecosphere_request_referral", id=id)
    return rendered("ecosphere_requests/referral.html", {"referral": shown_referral})


@personal
def referral_file(id: str, ending: str) -> AnyResponse:
    """Serve the referral as PDF or text."""
    if ending not in ("pdf", "txt"):
        raise tk.ObjectNotFound
    shown_referral: DataDict = act("ecosphere_request_referral", id=id)
    content, kind = shown_referral["plain"].encode(), "text/plain"
    if ending == "pdf":
        try:
            content, kind = (
                compose.pdf(shown_referral["subject"], shown_referral["html"]),
                "application/pdf",
            )
        except compose.PdfUnavailable:
            tk.h.flash_error(_("This portal cannot make PDF files: print the page instead."))
            return tk.redirect_to("ecosphere_requests.referral", id=id)
    name = f"saisine-cada-{shown_referral['request']['reference']}.{ending}"
    return _download(content, kind, name)
