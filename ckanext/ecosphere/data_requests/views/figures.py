"""Public statistics as page and CSV, public page of a service, Atom feeds.

They show what everybody may read, whoever asks (`as_public`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.types import DataDict
from flask import Response, request

from ckanext.ecosphere.core.pages import act, file, rendered
from ckanext.ecosphere.data_requests import alerts
from ckanext.ecosphere.data_requests.domain import states, wording
from ckanext.ecosphere.data_requests.views.forms import as_public, is_known
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import atom, dates, language
from ckanext.ecosphere.shared.csv_table import write

ENTRIES = 50
YEAR_DIGITS = 4
#: Open and answered requests on the page of a service, as arguments of the list, which has all of
#: them.
OPEN_SHOWN = {"state": list(states.ACTIVE), "sort": "support", "rows": 10}
ANSWERED_SHOWN = {"state": list(states.GIVEN), "sort": "created", "rows": 5}


def statistics() -> Response:
    """Show the public statistics."""
    scope = _scope()
    figures = as_public("ecosphere_request_stats", **scope)
    return rendered(
        "ecosphere_requests/statistics.html",
        stats=figures,
        scope=scope,
        years=figures["years"],
        closed_as=closed_as,
    )


def service(organization: str) -> Response:
    """Show the public page of a service: contact, statistics and public requests,
    the same for all readers.
    """
    group = act("organization_show", id=organization, include_datasets=False)
    name = group["name"]
    if name != organization:
        return tk.redirect_to("ecosphere_requests.service", organization=name)
    of_service = {"organization": name, "facets": False}
    return rendered(
        "ecosphere_requests/service.html",
        group_dict=group,
        group_type="organization",
        am_following=is_known() and act("am_following_group", id=group["id"]),
        stats=as_public("ecosphere_request_stats", organization=name),
        open=as_public("ecosphere_request_list", **of_service, **OPEN_SHOWN),
        answered=as_public("ecosphere_request_list", **of_service, **ANSWERED_SHOWN),
    )


def statistics_csv() -> Response:
    """Return the statistics as CSV."""
    content = table(as_public("ecosphere_request_stats", **_scope()))
    return file(content, "text/csv", "demandes-de-donnees.csv")


def feed() -> Response:
    """Return the newest public requests of the search in the URL as an Atom feed."""
    subject = alerts.Requests()
    search = subject.canonical(request.args.items(multi=True))
    requests = as_public(
        "ecosphere_request_list",
        **alerts.read_search(search),
        sort="created",
        rows=ENTRIES,
        facets=False,
    )
    title = _("Data requests")
    itself = tk.h.url_for("ecosphere_requests.feed", _external=True)
    if search:
        title = f"{title} – {subject.title(search)}"
        itself = f"{itself}?{search}"
    entries = [_entry_of_request(request_) for request_ in requests["results"]]
    return _feed(title, subject.address(search), itself, entries)


def request_feed(id: str) -> Response:
    """Return the events of a public request as an Atom feed, the newest first."""
    request_ = as_public("ecosphere_request_show", id=id)
    at = {"id": request_["reference"]}
    page_ = tk.h.url_for("ecosphere_requests.read", **at, _external=True)
    entries = []
    for rank, event in enumerate(request_["events"], start=1):
        step = tk.h.ecosphere_request_event(event, request_["is_signal"])
        entry = atom.Entry(
            id=f"{page_}#etape-{rank}",
            title=f"{step} – {request_['title']}",
            link=page_,
            updated=moment(event["created"]),
            summary=tk.h.ecosphere_request_plain(event.get("comment_html")),
        )
        entries.append(entry)
    title = f"{request_['reference']} – {request_['title']}"
    itself = tk.h.url_for("ecosphere_requests.request_feed", **at, _external=True)
    return _feed(title, page_, itself, entries[::-1])


def moment(text: str) -> datetime:
    """Return the start of a day in the portal's time zone: feeds need a time,
    but only days are public.
    """
    return datetime.combine(date.fromisoformat(text[: len("2026-01-01")]), time(), dates.zone())


def _entry_of_request(request_: DataDict) -> atom.Entry:
    link = tk.h.url_for("ecosphere_requests.read", id=request_["reference"], _external=True)
    labels = [request_["state_label"], request_.get("theme_label"), request_.get("territory_label")]
    return atom.Entry(
        id=link,
        title=request_["title"],
        link=link,
        updated=moment(request_["modified"]),
        summary=tk.h.ecosphere_request_summary(request_["description"]),
        categories=tuple(label for label in labels if label),
    )


def _feed(title: str, page_: str, itself: str, entries: list[atom.Entry]) -> Response:
    content = atom.feed(
        title, tk.config["ckan.site_title"], page_, itself, entries, language=language.current()
    )
    return Response(content, content_type=f"{atom.MIMETYPE}; charset=utf-8")


def _scope() -> DataDict:
    """Return the year and service in the URL; invalid years are ignored."""
    scope: DataDict = {}
    year = request.args.get("year", "")
    if year.isascii() and year.isdigit() and len(year) == YEAR_DIGITS:
        scope["year"] = int(year)
    if request.args.get("organization"):
        scope["organization"] = request.args["organization"]
    return scope


#: Number whose plural the labels of the table have, which stand for any number.
SEVERAL = 2


def closed_as(name: str, number: int) -> str:
    """Return in words how a number of requests were closed without an answer (a key of `apart`)."""
    sentences = {
        "transferred": tk.ungettext(
            "transferred to another service", "transferred to another service", number
        ),
        "not_held": tk.ungettext("not held by the service", "not held by the service", number),
        "duplicate": tk.ungettext(
            "the same as another request", "the same as another request", number
        ),
        "expired": tk.ungettext(
            "closed for want of the details asked for",
            "closed for want of the details asked for",
            number,
        ),
        "rejected": tk.ungettext("not accepted", "not accepted", number),
        "withdrawn": tk.ungettext("withdrawn by its author", "withdrawn by their authors", number),
    }
    return sentences[name]


def table(figures: Row) -> str:
    """Return statistics as CSV in the reader's language, with columns for figure, detail and value.

    Args:
        figures: as returned by `ecosphere_request_stats`.
    """
    return write((_("Figure"), _("Detail"), _("Value")), _rows(figures))


def _rows(figures: Row) -> Iterator[tuple[str, str, Any]]:
    for name, label in wording.messages("figures").items():
        yield label, "", figures[name]
    for name, number in (figures["satisfaction"] or {}).items():
        yield _("Satisfaction"), wording.message("satisfaction", name), number
    for name, number in figures["apart"].items():
        yield _("Closed without an answer"), closed_as(name, SEVERAL), number
    for state, number in figures["outcomes"].items():
        yield _("Outcome"), wording.state(state), number
    for service in figures["services"]:
        for name, label in wording.messages("figures_of_services").items():
            yield label, service["title"], service[name]
        if service["satisfaction"]:
            label = _("Share of requesters who had what they needed, by service")
            yield label, service["title"], service["satisfaction"]["yes"]
