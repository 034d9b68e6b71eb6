"""Figures as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from ckanext.ecosphere.quality import config

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> Any:
    """Return `value` for a cell; a text that a spreadsheet would run as a formula is quoted."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value


def write(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a CSV table in UTF-8 with its mark, so that spreadsheets read accents."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return "\ufeff" + out.getvalue()


def services(found: Mapping[str, Any]) -> str:
    """Return all services of `overview.overview` as CSV, those too small to compare included and marked."""
    levels = [code for code, _lowest in config.model().levels]
    measures = ("datasets", "mean", "median", "mean_mqa", "mean_inspire")
    columns = ("service", "title", *measures, *levels, "compared")
    rows = (
        [
            service["name"],
            service["title"],
            *(service[name] for name in measures),
            *(level["datasets"] for level in service["levels"]),
            "yes" if service["compared"] else "no",
        ]
        for service in (*found["services"], *found["small_services"])
    )
    return write(columns, rows)


def datasets(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the datasets of a service as CSV, one row each, one column per criterion."""
    criteria = [criterion.id for criterion in config.model().criteria]
    columns = ("dataset", "title", "private", "score", "level", "mqa", "inspire", *criteria)
    return write(
        columns,
        (
            [
                row["name"],
                row["title"],
                "yes" if row["private"] else "no",
                row["score"],
                row["level"],
                row["mqa"],
                row["inspire"],
                *(row["results"].get(criterion, "") for criterion in criteria),
            ]
            for row in rows
        ),
    )
