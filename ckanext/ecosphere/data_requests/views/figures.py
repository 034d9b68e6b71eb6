"""Public statistics as page, CSV and charts, page of a service, Atom feeds; mostly the same for all.

CSV is safe to open in spreadsheets. Charts are rendered on the server; each has a table with the same figures beside
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from html import escape
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Response, request
from markupsafe import Markup

from ckanext.ecosphere.data_requests import alerts
from ckanext.ecosphere.data_requests.domain import states, wording
from ckanext.ecosphere.data_requests.views.forms import act, as_public, is_known, page, rendered
from ckanext.ecosphere.shared import atom, dates, language
from ckanext.ecosphere.shared.csv_table import write
from ckanext.ecosphere.shared.messages import N_

ENTRIES = 50
YEAR_DIGITS = 4
#: Number of open and of answered requests on the page of a service; the list has all of them.
OPEN_SHOWN, ANSWERED_SHOWN = 10, 5


@page
def statistics() -> Response:
    """Show the public statistics."""
    scope = _scope()
    figures = as_public("ecosphere_request_stats", **scope)
    return rendered(
        "ecosphere_requests/statistics.html",
        {"stats": figures, "scope": scope, "years": figures["years"]},
    )


@page
def service(organization: str) -> Response:
    """Show the public page of a service: contact, statistics and public requests, the same for all readers."""
    organization_dict = act("organization_show", id=organization, include_datasets=False)
    if organization_dict["name"] != organization:
        return tk.redirect_to("ecosphere_requests.service", organization=organization_dict["name"])
    name = organization_dict["name"]
    variables = {
        "group_dict": organization_dict,
        "group_type": "organization",
        "am_following": is_known() and act("am_following_group", id=organization_dict["id"]),
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
    table = in_words if request.args.get("words") else codes
    content = table(as_public("ecosphere_request_stats", **_scope()))
    response = Response(content, mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="demandes-de-donnees.csv"'
    return response


@page
def feed() -> Response:
    """Return the newest public requests of the search in the URL as an Atom feed."""
    subject = alerts.Requests()
    search = subject.canonical(request.args.items(multi=True))
    requests = as_public(
        "ecosphere_request_list", **alerts.asked(search), sort="created", rows=ENTRIES, facets=False
    )
    title = tk._("Data requests")
    itself = tk.h.url_for("ecosphere_requests.feed", _external=True)
    if search:
        title = f"{title} – {subject.title(search)}"
        itself = f"{itself}?{search}"
    return _answer(
        title,
        subject.address(search),
        itself,
        [_request(request_) for request_ in requests["results"]],
    )


@page
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
    return _answer(
        title,
        page_,
        tk.h.url_for("ecosphere_requests.request_feed", **at, _external=True),
        entries[::-1],
    )


def moment(text: str) -> datetime:
    """Return the start of a day in the portal's time zone: feeds need a time, but only days are public."""
    return datetime.combine(date.fromisoformat(text[: len("2026-01-01")]), time(), dates.zone())


def _request(request_: dict[str, Any]) -> atom.Entry:
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


def _answer(title: str, page_: str, itself: str, entries: list[atom.Entry]) -> Response:
    content = atom.feed(
        title, tk.config["ckan.site_title"], page_, itself, entries, language=language.current()
    )
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


#: Format of a datetime that spreadsheets recognise in all languages; in Paris time.
MOMENT = "%Y-%m-%d %H:%M"
DESK_COLUMNS = (
    N_("Reference"),
    N_("Title"),
    N_("State"),
    N_("Received on"),
    N_("Answer expected by"),
    N_("Closed on"),
    N_("Theme"),
    N_("Place"),
    N_("Use"),
    N_("Assigned to"),
    N_("People who support it"),
    N_("Treated together with"),
)
#: Figures of all services, or of the requested one.
SINGLE = {
    "received": N_("Requests received"),
    "answered": N_("Requests answered"),
    "answered_within_month": N_("Share answered within one month"),
    "median_days_first_answer": N_("Days until the first answer (median)"),
}
SATISFACTION = {
    "said": N_("Requesters who said whether the answer helped"),
    "yes": N_("Share of these who had what they needed"),
}
APART = {
    "transferred": N_("transferred to another service"),
    "not_held": N_("not held by the service"),
    "duplicate": N_("the same as another request"),
    "rejected": N_("not accepted"),
    "withdrawn": N_("withdrawn"),
    "expired": N_("closed for want of the details asked for"),
}
OF_SERVICE = {
    "received": N_("Requests received, by service"),
    "waiting": N_("Requests that wait, by service"),
    "overdue": N_("Late requests, by service"),
    "answered": N_("Requests answered, by service"),
    "refused": N_("Refusals, by service"),
    "within_month": N_("Share answered within one month, by service"),
    "median_days": N_("Days until the first answer (median), by service"),
}
BY_MONTH = {
    "received": N_("Requests received, by month"),
    "answered": N_("Requests answered, by month"),
}


def desk_table(requests: Iterable[Mapping[str, Any]]) -> str:
    """Return requests of a service as CSV in the reader's language; of people, only the assignee is named.

    Args:
        requests: as returned by `ecosphere_request_list`.
    """
    header = [tk._(label) for label in DESK_COLUMNS]
    return write(header, (_desk_row(request_) for request_ in requests))


def _desk_row(request_: Mapping[str, Any]) -> tuple[Any, ...]:
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


def in_words(figures: Mapping[str, Any]) -> str:
    """Return statistics as CSV in the reader's language, with columns for figure, detail, place and value.

    Args:
        figures: as returned by `ecosphere_request_stats`.
    """
    _ = tk._
    return write((_("Figure"), _("Detail"), _("Place"), _("Value")), _worded(figures))


def _worded(figures: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    _ = tk._
    yield from ((_(label), "", "", figures.get(name)) for name, label in SINGLE.items())
    satisfaction = figures["satisfaction"] or {}
    yield from (
        (_("Satisfaction"), _(SATISFACTION[name]), "", satisfaction[name])
        for name in SATISFACTION
        if name in satisfaction
    )
    yield from (
        (_("Closed without an answer"), _(APART[name]), "", number)
        for name, number in figures["apart"].items()
    )
    yield from (
        (_("Outcome"), wording.state(state), "", number)
        for state, number in figures["outcomes"].items()
    )
    few = _("Grounds given fewer than {number} times").format(number=figures["threshold"])
    yield from (
        (_("Ground of the refusal"), ground["label"] or few, "", ground["count"])
        for ground in figures["grounds"]
    )
    ages = tk.h.ecosphere_request_backlog_rows(figures["backlog"])
    yield from ((_("Waiting for an answer, by age"), age, "", number) for age, number in ages)
    for row in figures["by_month"]:
        yield from ((_(label), row["month"], "", row.get(kind)) for kind, label in BY_MONTH.items())
    for row in figures["services"]:
        yield from ((_(label), row["title"], "", row[name]) for name, label in OF_SERVICE.items())
        if row["satisfaction"]:
            label = _("Share of requesters who had what they needed, by service")
            yield (label, row["title"], "", row["satisfaction"]["yes"])
    for row in figures["unmet"]:
        theme = row["theme_label"] or _("No theme")
        yield from (
            (_("What is missing most"), theme, place["label"], row["support"])
            for place in row["departements"]
        )


def codes(figures: Mapping[str, Any]) -> str:
    """Return statistics as machine-readable CSV, with codes for figure, detail and place, and the value.

    Args:
        figures: as returned by `ecosphere_request_stats`.
    """
    rows: list[tuple[Any, ...]] = [(name, "", "", figures.get(name)) for name in SINGLE]
    rows += [
        ("satisfaction", name, "", number)
        for name, number in (figures["satisfaction"] or {}).items()
    ]
    rows += [("without answer", name, "", number) for name, number in figures["apart"].items()]
    rows += [("outcome", state, "", number) for state, number in figures["outcomes"].items()]
    few = "fewer than the threshold"
    rows += [
        ("ground of a refusal", ground["ground"] or few, "", ground["count"])
        for ground in figures["grounds"]
    ]
    rows += [("backlog", group["age"], "", group["count"]) for group in figures["backlog"]]
    rows += [
        ("month", month["month"], kind, month.get(kind))
        for month in figures["by_month"]
        for kind in BY_MONTH
    ]
    rows += [
        (f"service {name}", line["name"], "", line[name])
        for line in figures["services"]
        for name in OF_SERVICE
    ]
    rows += [
        (f"service satisfaction {name}", line["name"], "", number)
        for line in figures["services"]
        for name, number in (line["satisfaction"] or {}).items()
    ]
    rows += [
        ("unmet", need["theme"], place["id"], need["support"])
        for need in figures["unmet"]
        for place in need["departements"]
    ]
    return write(("figure", "detail", "place", "value"), rows)


WIDTH, HEIGHT = 480, 200
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 12, 30
BAR_ROW, BAR_LABEL = 30, 175
RECEIVED, ANSWERED, STROKE = "#0d5c49", "#ffffff", "#0d5c49"
HATCH = (
    '<defs><pattern id="eco-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="#fff"/><rect width="2.5" height="6" '
    'fill="#0d5c49"/></pattern></defs>'
)
MONTHS_LABELLED = 6


def months_chart(points: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw the requests received (full bars) and answered (hatched bars) by month; empty without data.

    Args:
        points: items `month` ("2026-11"), `received` and `answered`, the oldest first.
    """
    if not points:
        return Markup("")
    highest = max(1, *(max(_number(p, "received"), _number(p, "answered")) for p in points))
    top = _round_up(highest)
    slot = (WIDTH - LEFT - RIGHT) / len(points)
    bar = min(slot * 0.4, 22)
    body = HATCH + _grid(top)
    every = max(1, len(points) // MONTHS_LABELLED)
    for rank, point in enumerate(points):
        middle = LEFT + slot * (rank + 0.5)
        for kind, fill, x in (
            ("received", RECEIVED, middle - bar),
            ("answered", "url(#eco-hatch)", middle),
        ):
            number = _number(point, kind)
            height = number * (HEIGHT - TOP - BOTTOM) / top
            body += (
                f'<rect x="{x:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" width="{bar:.1f}" '
                f'height="{height:.1f}" '
                f'fill="{fill}" stroke="{STROKE}"/>'
            )
        if rank % every == 0:
            label = dates.month(point["month"], short=True)
            place = f'x="{middle:.1f}" y="{HEIGHT - 10}" text-anchor="middle"'
            body += f"<text {place}>{escape(label)}</text>"
    title = tk._("Requests received and answered by month")
    return _svg(title, body, HEIGHT)


def bars_chart(title: str, rows: Sequence[tuple[str, int]]) -> Markup:
    """Draw a horizontal bar for each (label, number); empty when all are zero."""
    highest = max((number for _label, number in rows), default=0)
    if not highest:
        return Markup("")
    body = ""
    for rank, (label, number) in enumerate(rows):
        y = rank * BAR_ROW + 4
        width = number * (WIDTH - BAR_LABEL - 50) / highest
        body += (
            f'<text x="{BAR_LABEL - 8}" y="{y + 15}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{BAR_LABEL}" y="{y}" width="{max(width, 1):.1f}" height="20" '
            f'fill="{RECEIVED}"/>'
            f'<text x="{BAR_LABEL + width + 6:.1f}" y="{y + 15}">{number}</text>'
        )
    sentence = title + tk._(": ") + ", ".join(f"{label} {number}" for label, number in rows)
    return _svg(sentence, body, len(rows) * BAR_ROW + 4)


def _number(point: Mapping[str, Any], kind: str) -> int:
    value = point.get(kind)
    if isinstance(value, int):
        return value
    return 0


def _round_up(value: int) -> int:
    """Return the next number that four grid lines divide evenly, at least 4."""
    step = 4
    while step < value:
        factor = 2 if str(step)[0] in "48" else 5
        step *= factor
    return step


def _grid(top: int) -> str:
    lines = ""
    for quarter in range(5):
        y = HEIGHT - BOTTOM - quarter * (HEIGHT - TOP - BOTTOM) / 4
        lines += (
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#d5ddd8"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * quarter // 4}</text>'
        )
    return lines


def _svg(title: str, content: str, height: int) -> Markup:
    return Markup(  # noqa: S704  every text above is escaped
        f'<svg class="eco-req-chart" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}" '
        f'font-size="13" font-family="sans-serif">{content}</svg>'
    )
