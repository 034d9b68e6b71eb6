"""Read tables from delimited text and JSON. No CKAN imports; confined.

GDAL would guess neither encoding nor separator of French spreadsheets, nor survive a stray quote.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.preview.kinds import PreviewError
from ckanext.ecosphere.dataset.view import Values
from ckanext.ecosphere.shared import parsing

DELIMITERS = (";", ",", "\t", "|")
#: Lines and characters by which the delimiter is determined.
LOOKED_AT, MOST_LOOKED_AT = 60, 100_000
MOST_COLUMNS, LONGEST_CELL, LONGEST_FIELD = 200, 300, 1_000_000
MOST_COUNTED = 200_000
MOST_LINES, MOST_LINES_CUT = 200, 10
"""Number of lines of a cell, and of an unclosed last cell, beyond which a quote is considered
stray."""
_END = "\x1fend"
READ_BYTES = 32 * 1024 * 1024
MOST_JSON = 8_000_000
"""Maximum size in bytes of a JSON document read as a table."""
_INTEGER = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(
    r"[+-]?\d{1,3}(?:[\u00a0\u202f ]?\d{3}){0,5}(?:[.,]\d{1,15})?"
    r"|[+-]?\d{1,18}[.,]\d{1,15}(?:[eE][+-]?\d{1,3})?"
)
_LONGEST_NUMBER = 40
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ][\d:.]{4,15}(?:Z|[+-]\d\d:?\d\d)?)?|\d{1,2}/\d{1,2}/\d{4}"
)
_BOOLEAN = frozenset({"true", "false", "vrai", "faux", "oui", "non", "t", "f"})
#: First line ("sep=;") by which spreadsheets declare the delimiter.
_SEPARATOR = re.compile(r'"?sep=([;,\t|])"?\r?\n', re.IGNORECASE)
#: Digits with a leading zero (code of a commune, telephone number) are text.
_LEADING_ZERO = re.compile(r"0\d+")
_EMPTY = frozenset({"", "null", "nan", "n/a", "na", "none"})
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def decode(data: bytes) -> tuple[str, str]:
    """Return a text and its encoding.

    By its byte order mark, else UTF-8, else Windows-1252 (French spreadsheets).
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace"), encoding.removesuffix("-sig")
    try:
        # The last character may be truncated: an incremental decoder leaves it out.
        return codecs.getincrementaldecoder("utf-8")().decode(data), "utf-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), "windows-1252"


def delimiter(text: str) -> str:
    """Return the delimiter that yields the most consistent number of columns."""
    lines = "\n".join(text[:MOST_LOOKED_AT].splitlines()[:LOOKED_AT])

    def score(sign: str) -> tuple[float, int]:
        widths = [len(row) for row in _rows(lines, sign) if row]
        if not widths:
            return (0, 0)
        width, number = Counter(widths).most_common(1)[0]
        if width == 1:
            return (0, 1)
        return (number / len(widths), width)

    return max(DELIMITERS, key=score)


def _rows(text: str, sign: str, quoting: Any = csv.QUOTE_MINIMAL) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_FIELD)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=sign, quoting=quoting)
    except csv.Error:
        return


def _quoting(text: str, sign: str) -> Any:
    """Return the quoting mode of `csv`.

    QUOTE_NONE if a quote is never closed and would swallow the following rows.
    """
    if '"' not in text:
        return csv.QUOTE_MINIMAL
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(io.StringIO(f"{text}\n{_END}", newline=""), delimiter=sign)
    row: list[str] = []
    try:
        for row in islice(reader, MOST_COUNTED):
            for cell in row:
                if len(cell) > MOST_LINES and cell.count("\n") > MOST_LINES:
                    return csv.QUOTE_NONE
    except csv.Error:  # a cell that is too long, since unclosed
        return csv.QUOTE_NONE
    last = "".join(row[-1:])
    is_open = last != _END and last.endswith(_END)
    if is_open and last.count("\n") > MOST_LINES_CUT:
        return csv.QUOTE_NONE
    return csv.QUOTE_MINIMAL


def read_text(path: Path, most_rows: int) -> Values:
    """Read a delimited text.

    Returns:
        as `described`, with `encoding` and `delimiter`.

    Raises:
        PreviewError: it is not a table.
    """
    with path.open("rb") as file:
        data = file.read(READ_BYTES + 1)
    text, encoding = decode(data[:READ_BYTES])
    declared = _SEPARATOR.match(text)
    if declared:
        text = text[declared.end() :]
        sign = declared[1]
    else:
        sign = delimiter(text)
    rows = iter(_rows(text, sign, _quoting(text, sign)))
    header = next((row for row in rows if any(map(str.strip, row))), [])
    if len(header) < 2:  # noqa: PLR2004
        raise PreviewError("no-table")
    table = described(header, islice(rows, MOST_COUNTED), most_rows)
    is_cut = table["cut"] or len(data) > READ_BYTES
    return {**table, "cut": is_cut, "encoding": encoding, "delimiter": sign}


def read_json(path: Path, most_rows: int) -> Values | None:
    """Read a JSON list of flat objects, one per row.

    Returns:
        as `described`; None for other documents.
    """
    if path.stat().st_size > MOST_JSON:
        return None
    try:
        document = parsing.load_json(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, list) or not all(map(_is_flat, document)):
        return None
    columns: dict[str, None] = {}
    for item in document:
        columns.update(dict.fromkeys(item))
    if not columns:
        return None
    names = list(columns)[:MOST_COLUMNS]
    rows = (list(map(item.get, names)) for item in document)
    return described(names, rows, most_rows)


def _is_flat(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    return not any(isinstance(value, dict | list) for value in item.values())


def described(header: Sequence[Any], rows: Iterable[Sequence[Any]], most_rows: int) -> Values:
    """Describe a table: columns with types and numbers of empty cells, and its first rows.

    Args:
        header: names of the columns.
        rows: rows to examine.
        most_rows: number of rows to keep.

    Returns:
        `columns` (name, type, empty), `rows` (texts), `counted` (number of rows examined), `cut`
        (whether there are more rows than kept).
    """
    names = []
    for place, name in enumerate(header[:MOST_COLUMNS]):
        names.append(str(name).strip()[:LONGEST_CELL] or str(place + 1))
    first_rows: list[list[str]] = []
    types: list[set[str]] = [set() for _name in names]
    empty, counted = [0] * len(names), 0
    for row in rows:
        cells = [_written(cell) for cell in row[: len(names)]]
        if not any(cell.strip() for cell in cells):
            continue
        counted += 1
        cells += [""] * (len(names) - len(cells))
        for place, cell in enumerate(cells):
            if cell.strip().lower() in _EMPTY:
                empty[place] += 1
            elif "text" not in types[place]:
                types[place].add(kind_of(cell.strip()))
        if len(first_rows) < most_rows:
            first_rows.append(cells)
    columns = []
    for place, name in enumerate(names):
        columns.append({"name": name, "type": _common(types[place]), "empty": empty[place]})
    is_cut = counted > len(first_rows) or counted >= MOST_COUNTED
    return {"columns": columns, "rows": first_rows, "counted": counted, "cut": is_cut}


def _written(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(cell)[:LONGEST_CELL]


def kind_of(cell: str) -> str:
    """Return the type of a cell: integer, number, date, boolean or text."""
    if _LEADING_ZERO.fullmatch(cell):
        return "text"
    if _INTEGER.fullmatch(cell):
        return "integer"
    if len(cell) < _LONGEST_NUMBER and _NUMBER.fullmatch(cell):
        return "number"
    if _DATE.fullmatch(cell):
        return "date"
    if cell.lower() in _BOOLEAN:
        return "boolean"
    return "text"


def _common(types: set[str]) -> str:
    """Return the type of a column whose cells have these types."""
    if types == {"integer", "number"}:
        return "number"
    if len(types) > 1:
        return "text"
    return next(iter(types), "empty")
