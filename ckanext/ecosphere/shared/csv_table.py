"""CSV that people open in a spreadsheet: it reads columns and accents, and runs no cell as a formula (OWASP).

French spreadsheets split columns at semicolons, since commas are in their numbers, and read UTF-8 by the mark at its
beginning. Tables of the portal are so, but the catalogue in the national layout, which programs compare with its
schema; numbers have a point and days are in ISO 8601, as other programs read them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from ckanext.ecosphere.shared import formulas

SEPARATOR = ";"
MARK = "\ufeff"
"""What a file begins with: the byte order mark."""


def cell(value: Any) -> Any:
    """Return `value` for a cell.

    Nothing for None, a moment in ISO 8601 and the portal's time zone (one without a time zone is UTC, as CKAN stores
    them), a text that may run as a formula marked.
    """
    if isinstance(value, str):
        return formulas.marked(value)
    if isinstance(value, datetime):
        # The confined process that makes extracts has no moments, and does without CKAN, which this module needs.
        from ckanext.ecosphere.shared import dates

        moment = dates.read(value)
        return moment.isoformat(timespec="minutes") if isinstance(moment, datetime) else ""
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value


def write(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a whole table, with its mark."""
    return "".join(lines(columns, rows))


def lines(columns: Iterable[str], rows: Iterable[Iterable[Any]], separator: str = SEPARATOR) -> Iterator[str]:
    """Yield a table line by line, beginning with its mark and the heads of its columns."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator)
    writer.writerow(columns)
    yield MARK + _taken(buffer)
    for row in rows:
        writer.writerow([cell(value) for value in row])
        yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
