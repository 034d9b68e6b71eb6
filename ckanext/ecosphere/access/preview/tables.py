"""Read tables from delimited text and JSON: encoding, delimiter, column types, empty cells. No CKAN imports."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.shared import strict_json

DELIMITERS = (";", ",", "\t", "|")
LOOKED_AT = 60
MOST_COLUMNS, LONGEST_CELL = 200, 300
MOST_COUNTED = 200_000
MOST_LINES, MOST_LINES_CUT = 200, 10
"""Number of lines of a cell, and of an unclosed last cell, beyond which a quote is considered stray."""
_END = "\x1fend"
READ_BYTES = 32 * 1024 * 1024
MOST_JSON = 8_000_000
"""Maximum size in bytes of a JSON document read as a table."""
_INTEGER = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(
    r"[+-]?\d{1,3}(?:[\u00a0\u202f ]?\d{3}){0,5}(?:[.,]\d{1,15})?|[+-]?\d{1,18}[.,]\d{1,15}(?:[eE][+-]?\d{1,3})?"
)
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ][\d:.]{4,15}(?:Z|[+-]\d\d:?\d\d)?)?|\d{1,2}/\d{1,2}/\d{4}"
)
_BOOLEAN = frozenset({"true", "false", "vrai", "faux", "oui", "non", "t", "f"})
#: First line ("sep=;") by which spreadsheets declare the delimiter.
_SEPARATOR = re.compile(r'"?sep=([;,\t|])"?\r?\n', re.IGNORECASE)
#: Digits with a leading zero (code of a commune, telephone number) are text.
_LEADING_ZERO = re.compile(r"0\d+")
_EMPTY = frozenset({"", "null", "nan", "n/a", "na", "none"})


def decode(data: bytes) -> tuple[str, str]:
    """Return a text and its encoding: by its byte order mark, else UTF-8, else Windows-1252 (French spreadsheets)."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, "replace"), encoding.removesuffix("-sig")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        # The last character may be truncated.
        if error.start >= len(data) - 4:
            return data[: error.start].decode("utf-8"), "utf-8"
        return data.decode("cp1252", "replace"), "windows-1252"


def delimiter(text: str) -> str:
    """Return the delimiter that yields the most consistent number of columns."""
    lines = text[:100_000].splitlines()[:LOOKED_AT]

    def score(sign: str) -> tuple[float, int]:
        widths = [len(row) for row in _rows("\n".join(lines), sign) if row]
        if not widths or max(widths) < 2:  # noqa: PLR2004
            return (0, 0)
        usual = max(set(widths), key=widths.count)
        return (widths.count(usual) / len(widths) if usual > 1 else 0, usual)

    return max(DELIMITERS, key=score)


def _rows(text: str, sign: str, quoting: Any = csv.QUOTE_MINIMAL) -> Iterable[list[str]]:
    csv.field_size_limit(1_000_000)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=sign, quoting=quoting)
    except csv.Error:
        return


def _quoting(text: str, sign: str) -> Any:
    """Return the quoting mode of `csv`: QUOTE_NONE if a quote is never closed and would swallow the following rows."""
    if '"' not in text:
        return csv.QUOTE_MINIMAL
    csv.field_size_limit(1_000_000)
    row: list[str] = []
    try:
        for row in islice(
            csv.reader(io.StringIO(f"{text}\n{_END}", newline=""), delimiter=sign), MOST_COUNTED
        ):
            if any(cell.count("\n") > MOST_LINES for cell in row if len(cell) > MOST_LINES):
                return csv.QUOTE_NONE
    except csv.Error:  # a cell that is too long, since unclosed
        return csv.QUOTE_NONE
    is_open = bool(row) and row[-1] != _END and row[-1].endswith(_END)
    return csv.QUOTE_NONE if is_open and row[-1].count("\n") > MOST_LINES_CUT else csv.QUOTE_MINIMAL


def read_text(path: Path, most_rows: int) -> dict[str, Any]:
    """Read a delimited text.

    Returns:
        as `described`, with `encoding` and `delimiter`.

    Raises:
        PreviewError: it is not a table.
    """
    with path.open("rb") as file:
        data = file.read(READ_BYTES + 1)
    text, encoding = decode(data[:READ_BYTES])
    told = _SEPARATOR.match(text)
    text = text[told.end() :] if told else text
    sign = told[1] if told else delimiter(text)
    rows = iter(_rows(text, sign, _quoting(text, sign)))
    header = next((row for row in rows if any(cell.strip() for cell in row)), None)
    if header is None or len(header) < 2:  # noqa: PLR2004
        raise PreviewError("no-table")
    found = described(header, islice(rows, MOST_COUNTED), most_rows)
    found["cut"] = found["cut"] or len(data) > READ_BYTES
    return {**found, "encoding": encoding, "delimiter": sign}


def read_json(path: Path, most_rows: int) -> dict[str, Any] | None:
    """Read a JSON list of flat objects, one per row.

    Returns:
        as `described`; None for other documents.
    """
    if path.stat().st_size > MOST_JSON:
        return None
    try:
        found = strict_json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or not found or not all(map(_is_flat, found)):
        return None
    names = list(dict.fromkeys(name for each in found for name in each))
    if not names:
        return None
    return described(
        names, ([each.get(name) for name in names[:MOST_COLUMNS]] for each in found), most_rows
    )


def _is_flat(each: Any) -> bool:
    return isinstance(each, dict) and not any(
        isinstance(value, dict | list) for value in each.values()
    )


def described(
    header: Sequence[Any], rows: Iterable[Sequence[Any]], most_rows: int
) -> dict[str, Any]:
    """Describe a table: columns with types and numbers of empty cells, and its first rows.

    Args:
        header: names of the columns.
        rows: rows to examine.
        most_rows: number of rows to keep.

    Returns:
        `columns` (name, type, empty), `rows` (texts), `counted` (number of rows examined), `cut` (whether there are
        more rows than kept).
    """
    width = min(len(header), MOST_COLUMNS)
    names = [
        str(name).strip()[:LONGEST_CELL] or str(place + 1)
        for place, name in enumerate(header[:width])
    ]
    kept: list[list[str]] = []
    kinds: list[set[str]] = [set() for _name in names]
    empty, counted = [0] * width, 0
    for row in rows:
        if not any(str(cell).strip() for cell in row if cell is not None):
            continue
        counted += 1
        cells = [_written(cell) for cell in row[:width]]
        cells += [""] * (width - len(cells))
        for place, cell in enumerate(cells):
            if cell.strip().lower() in _EMPTY:
                empty[place] += 1
            elif len(kinds[place]) < 2 or "text" not in kinds[place]:  # noqa: PLR2004
                kinds[place].add(kind_of(cell.strip()))
        if len(kept) < most_rows:
            kept.append(cells)
    columns = [
        {"name": name, "type": _common(kinds[place]), "empty": empty[place]}
        for place, name in enumerate(names)
    ]
    return {
        "columns": columns,
        "rows": kept,
        "counted": counted,
        "cut": counted > len(kept) or counted >= MOST_COUNTED,
    }


def _written(cell: Any) -> str:
    if cell is None:
        return ""
    return str(cell).lower() if isinstance(cell, bool) else str(cell)[:LONGEST_CELL]


def kind_of(cell: str) -> str:
    """Return the type of a cell: integer, number, date, boolean or text."""
    if _LEADING_ZERO.fullmatch(cell):
        return "text"
    if _INTEGER.fullmatch(cell):
        return "integer"
    if len(cell) < 40 and _NUMBER.fullmatch(cell):  # noqa: PLR2004
        return "number"
    if _DATE.fullmatch(cell):
        return "date"
    return "boolean" if cell.lower() in _BOOLEAN else "text"


def _common(kinds: set[str]) -> str:
    if not kinds:
        return "empty"
    if kinds <= {"integer", "number"}:
        return "number" if "number" in kinds else "integer"
    return next(iter(kinds)) if len(kinds) == 1 else "text"
