"""Copy the first features of a large FlatGeobuf file to a new one. No CKAN imports.

FlatGeobuf 3: 8 magic bytes, the header (size-prefixed FlatBuffer), the index (packed R-tree, nodes of 40 bytes), the
features (size-prefixed FlatBuffers). https://github.com/flatgeobuf/flatgeobuf, header.fbs
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Protocol

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large.pieces import PartError

MARK, NODE = 8, 40
#: Maximum sizes in bytes: of the header, of one feature, and of all features.
MOST_HEADER, MOST_FEATURE, MOST_FEATURES = 1024 * 1024, 8 * 1024 * 1024, 32 * 1024 * 1024
#: Field numbers in the table of the header, and the default node size of the index.
_COUNT, _NODE_SIZE, _USUAL = 8, 9, 16
#: Minimum size of a feature with its prefix, in bytes.
SHORTEST = 12


class Forward(Protocol):
    """A sequential reader; both methods raise PartError if the data are not available."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, fewer at the end."""
        ...

    def skip(self, size: int) -> None:
        """Skip some bytes."""
        ...


def take(file: Forward, size: int | None, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    """Copy the first features; the index is filled with zeros.

    Args:
        file: the FlatGeobuf file, at its beginning.
        size: its size in bytes; None if unknown.
        folder: folder to write to.
        rows: number of features to copy.

    Returns:
        the new file, and `part` and `known_total` if there are more features.

    Raises:
        PreviewError: it cannot be read.
        PartError: not even one feature is available.
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
    """Return the first features with their size prefixes, their number, and whether these are all."""
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
    """Read a size-prefixed block; None at the end of the file."""
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
    """Return the position of a field of the root table of a FlatBuffer, 0 if it is absent.

    Raises:
        struct.error: the position is outside the buffer.
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
    """Return the size of the index of a number of features, in bytes."""
    if not count or not node_size:
        return 0
    nodes = level = count
    while level > 1:
        level = -(-level // node_size)
        nodes += level
    return nodes * NODE
