"""Public statistics, and the requests of a service, as CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ckanext.ecosphere.shared.csv_table import write

DESK_COLUMNS = (
    "reference", "title", "state", "submitted", "due", "closed", "theme", "territory", "use", "assigned_to", "support",
)  # fmt: skip


def desk(requests: Iterable[Mapping[str, Any]]) -> str:
    """Return requests of a service as a table; nobody's name but that of the agent is in it.

    Args:
        requests: as `ecosphere_request_list` returns them.
    """
    rows = (
        (
            each["reference"],
            each["title"],
            each["state_label"],
            each["submitted"],
            each["due"],
            each["closed"],
            each["theme_label"],
            each["territory_label"],
            each["use_label"],
            (each["assigned_to"] or {}).get("name", ""),
            each["support_count"],
        )
        for each in requests
    )
    return write(DESK_COLUMNS, rows)


def statistics(found: Mapping[str, Any]) -> str:
    """Return the figures as one table: what is counted, its detail, the value.

    Args:
        found: as `ecosphere_request_stats` returns it.
    """
    single = ("received", "answered", "answered_within_month", "median_days_first_answer")
    rows: list[tuple[Any, ...]] = [(name, "", "", found.get(name)) for name in single]
    rows += [("satisfaction", name, "", number) for name, number in (found["satisfaction"] or {}).items()]
    rows += [("without answer", name, "", number) for name, number in found["apart"].items()]
    rows += [("outcome", state, "", number) for state, number in found["outcomes"].items()]
    few = "fewer than the threshold"
    rows += [("ground of a refusal", each["ground"] or few, "", each["count"]) for each in found["grounds"]]
    rows += [("backlog", each["age"], "", each["count"]) for each in found["backlog"]]
    rows += [
        ("month", each["month"], kind, each.get(kind))
        for each in found["by_month"]
        for kind in ("received", "answered")
    ]
    rows += [
        (f"service {name}", each["name"], "", each[name])
        for each in found["services"]
        for name in ("received", "waiting", "overdue", "answered", "refused", "within_month", "median_days")
    ]
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
