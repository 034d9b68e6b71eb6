"""The public statistics as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> Any:
    """Return `value` for a cell; a text that a spreadsheet would run as a formula is quoted."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value


def write(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a CSV table that begins with the mark of UTF-8, so that spreadsheets read accents."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return "\ufeff" + out.getvalue()


def statistics(found: Mapping[str, Any]) -> str:
    """Return the figures as one table: what is counted, its detail, the value.

    Args:
        found: as `ecosphere_request_stats` returns it.
    """
    single = ("received", "answered", "answered_within_month", "median_days_first_answer")
    rows: list[tuple[Any, ...]] = [(name, "", "", found.get(name)) for name in single]
    rows += [("outcome", state, "", number) for state, number in found["outcomes"].items()]
    rows += [("backlog", each["age"], "", each["count"]) for each in found["backlog"]]
    rows += [
        ("month", each["month"], kind, each.get(kind))
        for each in found["by_month"]
        for kind in ("received", "answered")
    ]
    rows += [("unmet", each.get("theme"), each.get("departement"), each["support"]) for each in found["unmet"]]
    return write(("figure", "detail", "place", "value"), rows)
