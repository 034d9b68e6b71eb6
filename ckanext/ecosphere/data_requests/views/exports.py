"""The public statistics as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckanext.ecosphere.shared.csv_table import write


def statistics(found: Mapping[str, Any]) -> str:
    """Return the figures as one table: what is counted, its detail, the value.

    Args:
        found: as `ecosphere_request_stats` returns it.
    """
    single = ("received", "answered", "answered_within_month", "median_days_first_answer")
    rows: list[tuple[Any, ...]] = [(name, "", "", found.get(name)) for name in single]
    rows += [("without answer", name, "", number) for name, number in found["apart"].items()]
    rows += [("outcome", state, "", number) for state, number in found["outcomes"].items()]
    rows += [("backlog", each["age"], "", each["count"]) for each in found["backlog"]]
    rows += [
        ("month", each["month"], kind, each.get(kind))
        for each in found["by_month"]
        for kind in ("received", "answered")
    ]
    rows += [
        ("unmet", each["theme"], place["id"], each["support"])
        for each in found["unmet"]
        for place in each["departements"]
    ]
    return write(("figure", "detail", "place", "value"), rows)
