"""The first features of a large FlatGeobuf file, as a file of their own. Pure.

FlatGeobuf 3: a mark of 8 bytes, the header (a FlatBuffer behind its size), the index (a packed R-tree, nodes of 40
bytes), the features (FlatBuffers behind their sizes). https://github.com/flatgeobuf/flatgeobuf, header.fbs
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Protocol

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large.pieces import PartError

MARK, NODE = 8, 40
#: Bytes of the header, of one feature, and of all.
MOST_HEADER, MOST_FEATURE, MOST_FEATURES = 1024 * 1024, 8 * 1024 * 1024, 32 * 1024 * 1024
#: Places of fields in the table of the header, and the size of a node of the index that is not told.
_COUNT, _NODE_SIZE, _USUAL = 8, 9, 16
#: Shortest feature, with its size.
SHORTEST = 12


class Forward(Protocol):
    """A file that is read on. Both raise PartError where it goes no further."""

    def read(self, size: int, /) -> bytes:
        """Read on: less at the end."""
        ...

    def skip(self, size: int) -> None:
        """Leave some bytes out."""
        ...


def take(file: Forward, size: int | None, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    """Copy the first features; the index becomes one that is empty.

    Args:
        file: the FlatGeobuf file, at its beginning.
        size: in bytes; None when nobody knows.
        folder: where to write.
        rows: how many are wanted.

    Returns:
        the file, and `part` and `known_total` when there are more.

    Raises:
        PreviewError: it cannot be read.
        PartError: not even one feature is to be had.
    """
    mark = file.read(MARK)
    header = bytearray(_sized(file, MOST_HEADER) or b"")
    try:
        count_place, node_place = _field(header, _COUNT), _field(header, _NODE_SIZE)
        count = struct.unpack_from("<Q", header, count_place)[0] if count_place else 0
        node_size = struct.unpack_from("<H", header, node_place)[0] if node_place else _USUAL
    except struct.error as error:
        raise PreviewError("unreadable") from error
    if node_size == 1:
        raise PreviewError("unreadable")
    file.skip(_index(count, node_size))
    body, number, is_whole = _features(file, rows)
    if count:
        struct.pack_into("<Q", header, count_place, number)
    if count and not number:
        raise PreviewError("unreadable")
    target = folder / "sample.fgb"
    index = bytes(_index(number if count else 0, node_size))
    target.write_bytes(mark + struct.pack("<I", len(header)) + header + index + body)
    if is_whole:
        return target, {}
    is_likely = number < count and (size is None or count <= size // SHORTEST)
    return target, {"part": True, "known_total": count} if is_likely else {"part": True}


def _features(file: Forward, most: int) -> tuple[bytearray, int, bool]:
    """Return the first features with their sizes, how many, and whether these are all."""
    body, number = bytearray(), 0
    try:
        while len(body) < MOST_FEATURES:
            found = _sized(file, MOST_FEATURE)
            if found is None or number == most:
                return body, number, found is None
            body += struct.pack("<I", len(found)) + found
            number += 1
    except PartError:
        if not number:
            raise
    return body, number, False


def _sized(file: Forward, most: int) -> bytes | None:
    """Read what stands behind its size; None at the end."""
    told = file.read(4)
    if not told:
        return None
    size = int.from_bytes(told, "little")
    if not 4 <= size <= most:  # noqa: PLR2004 - the root of a FlatBuffer is an offset of 4 bytes
        raise PreviewError("unreadable")
    found = file.read(size)
    if len(found) < size:
        raise PreviewError("unreadable")
    return found


def _field(buffer: bytes | bytearray, number: int) -> int:
    """Return where a field of the root of a FlatBuffer stands, 0 when it is left out.

    Raises:
        struct.error: it would stand elsewhere.
    """
    root = struct.unpack_from("<I", buffer)[0]
    table = root - struct.unpack_from("<i", buffer, root)[0]
    if table < 0:
        raise struct.error
    place = 4 + 2 * number
    if place + 2 > struct.unpack_from("<H", buffer, table)[0]:
        return 0
    offset = struct.unpack_from("<H", buffer, table + place)[0]
    return root + offset if offset else 0


def _index(count: int, node_size: int) -> int:
    """Return the bytes of the index of some features."""
    if not count or not node_size:
        return 0
    nodes = level = count
    while level > 1:
        level = -(-level // node_size)
        nodes += level
    return nodes * NODE
