"""CSV exports, safe to open in spreadsheets: public statistics, and the requests of a service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.data_requests.domain import wording
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.shared.csv_table import write
from ckanext.ecosphere.shared.messages import N_

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
BY_MONTH = {"received": N_("Requests received, by month"), "answered": N_("Requests answered, by month")}


def desk(requests: Iterable[Mapping[str, Any]]) -> str:
    """Return requests of a service as CSV in the reader's language; of people, only the assignee is named.

    Args:
        requests: as returned by `ecosphere_request_list`.
    """
    rows = (
        (
            each["reference"],
            each["title"],
            each["state_label"],
            _moment(each["submitted"]),
            _moment(each["due"]),
            _moment(each["closed"]),
            each["theme_label"],
            each["territory_label"],
            each["use_label"],
            (each["assigned_to"] or {}).get("name", ""),
            each["support_count"],
            ", ".join(other["reference"] for other in each["joined"]),
        )
        for each in requests
    )
    return write([tk._(each) for each in DESK_COLUMNS], rows)


def _moment(value: str | None) -> str:
    """Return a date, or a datetime in the portal's time zone, in a format for spreadsheets."""
    known = dates.read(value)
    if isinstance(known, datetime):
        return known.strftime(MOMENT)
    return known.isoformat() if known else ""


def in_words(found: Mapping[str, Any]) -> str:
    """Return statistics as CSV in the reader's language, with columns for figure, detail, place and value.

    Args:
        found: as returned by `ecosphere_request_stats`.
    """
    _ = tk._
    return write((_("Figure"), _("Detail"), _("Place"), _("Value")), _worded(found))


def _worded(found: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    _ = tk._
    yield from ((_(label), "", "", found.get(name)) for name, label in SINGLE.items())
    said = found["satisfaction"] or {}
    yield from ((_("Satisfaction"), _(SATISFACTION[name]), "", said[name]) for name in SATISFACTION if name in said)
    yield from ((_("Closed without an answer"), _(APART[name]), "", number) for name, number in found["apart"].items())
    yield from ((_("Outcome"), wording.state(state), "", number) for state, number in found["outcomes"].items())
    few = _("Grounds given fewer than {number} times").format(number=found["threshold"])
    yield from ((_("Ground of the refusal"), each["label"] or few, "", each["count"]) for each in found["grounds"])
    ages = tk.h.ecosphere_request_backlog_rows(found["backlog"])
    yield from ((_("Waiting for an answer, by age"), age, "", number) for age, number in ages)
    for each in found["by_month"]:
        yield from ((_(label), each["month"], "", each.get(kind)) for kind, label in BY_MONTH.items())
    for each in found["services"]:
        yield from ((_(label), each["title"], "", each[name]) for name, label in OF_SERVICE.items())
        if each["satisfaction"]:
            label = _("Share of requesters who had what they needed, by service")
            yield (label, each["title"], "", each["satisfaction"]["yes"])
    for each in found["unmet"]:
        theme = each["theme_label"] or _("No theme")
        yield from (
            (_("What is missing most"), theme, place["label"], each["support"]) for place in each["departements"]
        )


def statistics(found: Mapping[str, Any]) -> str:
    """Return statistics as machine-readable CSV, with codes for figure, detail and place, and the value.

    Args:
        found: as returned by `ecosphere_request_stats`.
    """
    rows: list[tuple[Any, ...]] = [(name, "", "", found.get(name)) for name in SINGLE]
    rows += [("satisfaction", name, "", number) for name, number in (found["satisfaction"] or {}).items()]
    rows += [("without answer", name, "", number) for name, number in found["apart"].items()]
    rows += [("outcome", state, "", number) for state, number in found["outcomes"].items()]
    few = "fewer than the threshold"
    rows += [("ground of a refusal", each["ground"] or few, "", each["count"]) for each in found["grounds"]]
    rows += [("backlog", each["age"], "", each["count"]) for each in found["backlog"]]
    rows += [("month", each["month"], kind, each.get(kind)) for each in found["by_month"] for kind in BY_MONTH]
    rows += [(f"service {name}", each["name"], "", each[name]) for each in found["services"] for name in OF_SERVICE]
    rows += [
        (f"service satisfaction {name}", each["name"], "", number)
        for each in found["services"]
        for name, number in (each["satisfaction"] or {}).items()
    ]
    rows += [
        ("unmet", each["theme"], place["id"], each["support"])
        for each in found["unmet"]
        for place in each["departements"]
    ]
    return write(("figure", "detail", "place", "value"), rows)
