"""Copy the first records of a Shapefile or dBASE table to new files. No CKAN imports.

ESRI Shapefile Technical Description, July 1998; dBASE III: a header of 32 bytes, the fields, rows of fixed length.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large.pieces import PartError

SHP_HEADER, RECORD_HEADER, DBF_HEADER = 100, 8, 32
#: Maximum sizes in bytes: of all geometries, of one geometry, and of all rows.
MOST_SHP, MOST_RECORD, MOST_DBF = 32 * 1024 * 1024, 8 * 1024 * 1024, 16 * 1024 * 1024
_SHP_MARK, _DBF_END = 9994, b"\x1a"

Read = Callable[[int], bytes]
"""Read function of a stream: returns less at the end, and raises PartError if the data are not available."""


def first_rows(read: Read, target: Path, most: int, size: int) -> tuple[int, int]:
    """Write the first rows of a dBASE table; return their number, and the declared total (0 if implausible).

    Args:
        read: read function of the table.
        target: file to write.
        most: maximum number of rows.
        size: declared size of the table, in bytes.

    Raises:
        PreviewError: it is not a dBASE table.
        PartError: not even its beginning is available.
    """
    head = read(DBF_HEADER)
    if len(head) < DBF_HEADER:
        raise PreviewError("unreadable")
    total, begin, width = struct.unpack_from("<IHH", head, 4)
    if begin <= DBF_HEADER or not width:
        raise PreviewError("unreadable")
    fields = read(begin - DBF_HEADER)
    rows, number = bytearray(), 0
    most = min(most, MOST_DBF // width, total)
    try:
        while number < most and len(row := read(width)) == width:
            rows += row
            number += 1
    except PartError:
        if not number:
            raise
    target.write_bytes(head[:4] + struct.pack("<I", number) + head[8:] + fields + rows + _DBF_END)
    return number, total if begin + total * width <= size + 1 else 0


def first_shapes(read: Read, target: Path, most: int) -> bool:
    """Write the first geometries of a Shapefile with their index; return whether these are all.

    The row count of the dBASE table, which must have been written before, is reduced accordingly.

    Raises:
        PreviewError: it is not a Shapefile.
        PartError: not even its beginning is available.
    """
    head = read(SHP_HEADER)
    if len(head) < SHP_HEADER or int.from_bytes(head[:4], "big") != _SHP_MARK:
        raise PreviewError("unreadable")
    records, index, number, is_whole = bytearray(), bytearray(), 0, False
    try:
        while len(records) < MOST_SHP:
            begin = read(RECORD_HEADER)
            is_whole = len(begin) < RECORD_HEADER
            if is_whole or number == most:
                break
            words = int.from_bytes(begin[4:], "big")
            if not 2 <= words <= MOST_RECORD // 2:  # noqa: PLR2004 - the kind of geometry takes two words of 16 bits
                raise PreviewError("unreadable")
            content = read(2 * words)
            if len(content) < 2 * words:
                break
            index += struct.pack(">ii", (SHP_HEADER + len(records)) // 2, words)
            number += 1
            records += struct.pack(">ii", number, words) + content
    except PartError:
        if not number:
            raise
    target.write_bytes(_sized(head, records) + records)
    target.with_suffix(".shx").write_bytes(_sized(head, index) + index)
    table = target.with_suffix(".dbf")
    if table.exists():
        with table.open("r+b") as file:
            rows = min(number, int.from_bytes(file.read(8)[4:], "little"))
            file.seek(4)
            file.write(struct.pack("<I", rows))
    return is_whole


def _sized(head: bytes, body: bytes | bytearray) -> bytes:
    """Return a header with the length of the file in 16-bit words set (byte 24)."""
    return head[:24] + struct.pack(">i", (SHP_HEADER + len(body)) // 2) + head[28:]
