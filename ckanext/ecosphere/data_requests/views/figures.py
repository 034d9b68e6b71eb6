"""Public statistics, public page of a service, and Atom feeds; mostly the same for all readers."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Response, request

from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.search import saved
from ckanext.ecosphere.data_requests.views import exports
from ckanext.ecosphere.data_requests.views.viewing import act, as_public, is_known, page, rendered
from ckanext.ecosphere.shared import atom, dates, language

ENTRIES = 50
YEAR_DIGITS = 4
#: Number of open and of answered requests on the page of a service; the list has all of them.
OPEN_SHOWN, ANSWERED_SHOWN = 10, 5


@page
def statistics() -> Response:
    """Show the public statistics."""
    scope = _scope()
    found = as_public("ecosphere_request_stats", **scope)
    return rendered("ecosphere_requests/statistics.html", {"stats": found, "scope": scope, "years": found["years"]})


@page
def service(organization: str) -> Response:
    """Show the public page of a service: contact, statistics and public requests, the same for all readers."""
    found = act("organization_show", id=organization, include_datasets=False)
    if found["name"] != organization:
        return tk.redirect_to("ecosphere_requests.service", organization=found["name"])
    name = found["name"]
    variables = {
        "group_dict": found,
        "group_type": "organization",
        "am_following": is_known() and act("am_following_group", id=found["id"]),
        "stats": as_public("ecosphere_request_stats", organization=name),
        "open": as_public(
            "ecosphere_request_list",
            organization=name,
            state=list(states.ACTIVE),
            sort="support",
            rows=OPEN_SHOWN,
            facets=False,
        ),
        "answered": as_public(
            "ecosphere_request_list",
            organization=name,
            state=list(states.GIVEN),
            sort="created",
            rows=ANSWERED_SHOWN,
            facets=False,
        ),
    }
    return rendered("ecosphere_requests/service.html", variables)


@page
def statistics_csv() -> Response:
    """Return the statistics as CSV: with codes or, with ``?words=1``, with the labels of the page."""
    table = exports.in_words if request.args.get("words") else exports.statistics
    content = table(as_public("ecosphere_request_stats", **_scope()))
    response = Response(content, mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="demandes-de-donnees.csv"'
    return response


@page
def feed() -> Response:
    """Return the newest public requests of the search in the URL as an Atom feed."""
    kept = saved.Requests()
    search = kept.canonical(request.args.items(multi=True))
    found = as_public("ecosphere_request_list", **saved.asked(search), sort="created", rows=ENTRIES, facets=False)
    title = " – ".join([tk._("Data requests"), *([kept.title(search)] if search else [])])
    itself = tk.h.url_for("ecosphere_requests.feed", _external=True) + (f"?{search}" if search else "")
    return _answer(title, kept.address(search), itself, [_request(each) for each in found["results"]])


@page
def request_feed(id: str) -> Response:
    """Return the events of a public request as an Atom feed, the newest first."""
    found = as_public("ecosphere_request_show", id=id)
    at = {"id": found["reference"]}
    page_ = tk.h.url_for("ecosphere_requests.read", **at, _external=True)
    entries = [
        atom.Entry(
            id=f"{page_}#etape-{rank}",
            title=f"{tk.h.ecosphere_request_event(event, found['is_signal'])} – {found['title']}",
            link=page_,
            updated=moment(event["created"]),
            summary=tk.h.ecosphere_request_plain(event.get("comment_html")),
        )
        for rank, event in enumerate(found["events"], start=1)
    ]
    title = f"{found['reference']} – {found['title']}"
    return _answer(title, page_, tk.h.url_for("ecosphere_requests.request_feed", **at, _external=True), entries[::-1])


def moment(text: str) -> datetime:
    """Return the start of a day in the portal's time zone: feeds need a time, but only days are public."""
    return datetime.combine(date.fromisoformat(text[: len("2026-01-01")]), time(), dates.zone())


def _request(found: dict[str, Any]) -> atom.Entry:
    link = tk.h.url_for("ecosphere_requests.read", id=found["reference"], _external=True)
    labels = [found["state_label"], found.get("theme_label"), found.get("territory_label")]
    return atom.Entry(
        id=link,
        title=found["title"],
        link=link,
        updated=moment(found["modified"]),
        summary=tk.h.ecosphere_request_summary(found["description"]),
        categories=tuple(label for label in labels if label),
    )


def _answer(title: str, page_: str, itself: str, entries: list[atom.Entry]) -> Response:
    content = atom.feed(title, tk.config["ckan.site_title"], page_, itself, entries, language=language.current())
    return Response(content, content_type=f"{atom.MIMETYPE}; charset=utf-8")


def _scope() -> dict[str, Any]:
    """Return the year and service in the URL; invalid years are ignored."""
    scope: dict[str, Any] = {}
    year = request.args.get("year", "")
    if year.isascii() and year.isdigit() and len(year) == YEAR_DIGITS:
        scope["year"] = int(year)
    if request.args.get("organization"):
        scope["organization"] = request.args["organization"]
    return scope
