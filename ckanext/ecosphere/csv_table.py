"""CSV that people open in a spreadsheet: accents are read, and no cell runs as a formula (OWASP, CSV injection)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> Any:
    """Return `value` for a cell: nothing for None, moments in ISO 8601, a text that begins like a formula quoted."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
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
