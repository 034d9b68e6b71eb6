"""The first records of a Shapefile or dBASE table, as files of their own. Pure.

ESRI Shapefile Technical Description, July 1998; dBASE III: a header of 32 bytes, the fields, rows of one length.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large.pieces import PartError

SHP_HEADER, RECORD_HEADER, DBF_HEADER = 100, 8, 32
#: Bytes of all geometries, of one, and of all rows.
MOST_SHP, MOST_RECORD, MOST_DBF = 32 * 1024 * 1024, 8 * 1024 * 1024, 16 * 1024 * 1024
_SHP_MARK, _DBF_END = 9994, b"\x1a"

Read = Callable[[int], bytes]
"""Reads on in a member of an archive; gives less at its end, and raises PartError where it goes no further."""


def first_rows(read: Read, target: Path, most: int, size: int) -> tuple[int, int]:
    """Write the first rows of a dBASE table; return how many, and how many it says that it has (0: what cannot be).

    Args:
        read: the table.
        target: where to write.
        most: rows.
        size: of the table in bytes, as the archive says.

    Raises:
        PreviewError: it is no such table.
        PartError: not even its beginning is to be had.
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

    The table beside it, which was written before, is told to have as many rows.

    Raises:
        PreviewError: it is none.
        PartError: not even its beginning is to be had.
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
    """A header with the length of the file in words of 16 bits (byte 24)."""
    return head[:24] + struct.pack(">i", (SHP_HEADER + len(body)) // 2) + head[28:]
