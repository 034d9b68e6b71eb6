"""CSV that people open in a spreadsheet: accents are read, and no cell runs as a formula (OWASP, CSV injection)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from ckanext.ecosphere.shared import dates, formulas


def cell(value: Any) -> Any:
    """Return `value` for a cell.

    Nothing for None, a moment in ISO 8601 and the portal's time zone (one without a time zone is UTC, as CKAN stores
    them), a text that may run as a formula marked.
    """
    if isinstance(value, str):
        return formulas.marked(value)
    if isinstance(value, datetime):
        moment = dates.read(value)
        return moment.isoformat(timespec="minutes") if isinstance(moment, datetime) else ""
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value


def write(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a table in UTF-8 that begins with its mark, without which spreadsheets misread accents."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return "\ufeff" + out.getvalue()
