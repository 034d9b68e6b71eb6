"""Pictures in one file (PMTiles 3): those of one zoom that show the whole. Pure, in the confined process.

https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ckanext.ecosphere.access.preview.errors import PreviewError

HEADER = 127
MOST_TILES, MOST_ENTRIES, DEEPEST_LEAF, DEEPEST_ZOOM = 16, 200_000, 3, 26
MEGABYTE = 1024 * 1024
#: Size of a directory once unpacked.
MOST_DIRECTORY = 8 * MEGABYTE
#: "Tile type" of the header → media type, and how such pictures begin.
PICTURES = {2: ("image/png", b"\x89PNG\r\n\x1a\n"), 3: ("image/jpeg", b"\xff\xd8\xff"), 4: ("image/webp", b"RIFF")}
_PLAIN, _GZIP = 1, 2
#: Degrees are written as integers, times this.
_SCALE = 1e7
_LIMIT = 85.0511

Entry = tuple[int, int, int, int]


def sample(path: Path, most_bytes: int) -> dict[str, Any]:
    """Return the pictures of one zoom.

    Args:
        path: of the file.
        most_bytes: of all pictures together, as text.

    Returns:
        ``images`` (``src``, a data address, and ``bounds``: west, south, east, north in degrees), ``extent``, ``zoom``
        and ``cut`` (whether some are left out).

    Raises:
        PreviewError: the file is damaged, or holds pictures that browsers do not show.
    """
    with path.open("rb") as file:
        head = file.read(HEADER)
        if len(head) < HEADER or head[99] not in PICTURES or head[98] not in (0, _PLAIN):
            raise PreviewError("no-preview")
        extent = [int.from_bytes(head[at : at + 4], "little", signed=True) / _SCALE for at in (102, 106, 110, 114)]
        if not (-180 <= extent[0] < extent[2] <= 180 and -90 <= extent[1] < extent[3] <= 90):  # noqa: PLR2004
            raise PreviewError("unreadable")
        zoom, wanted, cut = _zoom(extent, head[100], head[101])
        places = {tile_id(zoom, column, row): (column, row) for column, row in wanted}
        media_type, mark = PICTURES[head[99]]
        images: list[dict[str, Any]] = []
        for number, (column, row) in places.items():
            body = _tile(file, head, number)
            if body is None:
                continue
            if not body.startswith(mark):
                raise PreviewError("unreadable")
            most_bytes -= len(body) * 4 // 3
            if most_bytes < 0:
                cut = True
                break
            src = f"data:{media_type};base64,{base64.b64encode(body).decode()}"
            images.append({"src": src, "bounds": bounds(zoom, column, row)})
    if not images:
        raise PreviewError("unreadable")
    return {"images": images, "extent": extent, "zoom": zoom, "cut": cut}


def _zoom(extent: list[float], least: int, greatest: int) -> tuple[int, list[tuple[int, int]], bool]:
    """Return the finest zoom at which few tiles show the extent, those tiles, and whether some are left out."""
    if not least <= greatest <= DEEPEST_ZOOM:
        raise PreviewError("unreadable")
    ranges = {zoom: _range(extent, zoom) for zoom in range(least, greatest + 1)}
    few = [zoom for zoom, (columns, rows) in ranges.items() if len(columns) * len(rows) <= MOST_TILES]
    chosen = few[-1] if few else least
    columns, rows = ranges[chosen]
    side = math.isqrt(MOST_TILES)
    shown = [(column, row) for row in _middle(rows, side, bool(few)) for column in _middle(columns, side, bool(few))]
    return chosen, shown, not few


def _middle(numbers: range, most: int, whole: bool) -> range:
    first = 0 if whole or len(numbers) <= most else (len(numbers) - most) // 2
    return numbers if whole else numbers[first : first + most]


def _range(extent: list[float], zoom: int) -> tuple[range, range]:
    """Return the columns and rows of the tiles that meet an extent."""
    west, south, east, north = extent
    last = 2**zoom - 1

    def column(longitude: float) -> int:
        return min(max(int((longitude + 180) / 360 * 2**zoom), 0), last)

    def row(latitude: float) -> int:
        bent = math.asinh(math.tan(math.radians(max(min(latitude, _LIMIT), -_LIMIT))))
        return min(max(int((1 - bent / math.pi) / 2 * 2**zoom), 0), last)

    return range(column(west), column(east) + 1), range(row(north), row(south) + 1)


def bounds(zoom: int, column: int, row: int) -> list[float]:
    """Return west, south, east, north of a tile of web maps, in degrees."""

    def latitude(line: int) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * line / 2**zoom))))

    west, east = (each / 2**zoom * 360 - 180 for each in (column, column + 1))
    return [round(each, 7) for each in (west, latitude(row + 1), east, latitude(row))]


def tile_id(zoom: int, column: int, row: int) -> int:
    """Return the number of a tile: along a Hilbert curve, after the tiles of all coarser zooms.

    >>> [tile_id(1, column, row) for column, row in ((0, 0), (0, 1), (1, 1), (1, 0))]
    [1, 2, 3, 4]
    """
    number = (4**zoom - 1) // 3
    side = 2**zoom >> 1
    while side:
        right, low = int(column & side > 0), int(row & side > 0)
        number += side * side * ((3 * right) ^ low)
        if not low:
            if right:
                column, row = side - 1 - (column & (side - 1)), side - 1 - (row & (side - 1))
            column, row = row, column
        side >>= 1
    return number


def _tile(file: BinaryIO, head: bytes, number: int) -> bytes | None:
    """Return a tile, None where the file has none."""
    root, length, leaves, tiles = (_number(head, at) for at in (8, 16, 40, 56))
    offset = root
    for _level in range(DEEPEST_LEAF + 1):
        entry = _entry(_directory(_read(file, offset, length, MOST_DIRECTORY), head[97]), number)
        if entry is None:
            return None
        first, run, length, offset = entry
        if run:
            return _read(file, tiles + offset, length, MEGABYTE) if number < first + run else None
        offset += leaves
    raise PreviewError("unreadable")


def _entry(entries: list[Entry], number: int) -> Entry | None:
    """Return the last entry that begins at a tile or before it."""
    return next((entry for entry in reversed(entries) if entry[0] <= number), None)


def _directory(data: bytes, compression: int) -> list[Entry]:
    """Return the entries of a directory: first tile, tiles of the run (0: of a leaf), length, offset."""
    if compression == _GZIP:
        try:
            unpacker = zlib.decompressobj(wbits=31)
            data = unpacker.decompress(data, MOST_DIRECTORY)
        except zlib.error as error:
            raise PreviewError("unreadable") from error
        if unpacker.unconsumed_tail:
            raise PreviewError("too-complex")
    elif compression != _PLAIN:
        raise PreviewError("no-preview")
    numbers = _varints(data)
    try:
        count = next(numbers)
        if count > MOST_ENTRIES:
            raise PreviewError("too-complex")
        steps, runs, lengths, offsets = ([next(numbers) for _each in range(count)] for _column in range(4))
    except StopIteration as error:
        raise PreviewError("unreadable") from error
    entries: list[Entry] = []
    first = behind = 0
    for step, run, length, offset in zip(steps, runs, lengths, offsets, strict=True):
        first += step
        start = offset - 1 if offset else behind
        behind = start + length
        entries.append((first, run, length, start))
    return entries


def _varints(data: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
            if shift > 63:  # noqa: PLR2004 - bits of a number
                raise PreviewError("unreadable")
            continue
        yield value
        value = shift = 0


def _number(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 8], "little")


def _read(file: BinaryIO, offset: int, length: int, most: int) -> bytes:
    if not 0 < length <= most or not 0 <= offset < 2**62:
        raise PreviewError("unreadable")
    file.seek(offset)
    body = file.read(length)
    if len(body) < length:
        raise PreviewError("unreadable")
    return body
