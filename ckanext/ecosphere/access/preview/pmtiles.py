"""Read PMTiles 3 archives of map tiles: header, directories, tiles. No CKAN imports; sandboxed.

https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from ckanext.ecosphere.access.preview.errors import PreviewError

HEADER = 127
MOST_ENTRIES, DEEPEST_LEAF, DEEPEST_ZOOM = 200_000, 3, 26
MEGABYTE = 1024 * 1024
#: Maximum size of a decompressed directory.
MOST_DIRECTORY = 8 * MEGABYTE
PLAIN, GZIP = 1, 2
#: Factor of degrees stored as integers.
_SCALE = 1e7
_LIMIT = 85.0511

Entry = tuple[int, int, int, int]
"""First tile id, run length (0 for a leaf directory), length, offset."""
Place = tuple[int, int]
"""Column and row of a tile."""


@dataclass
class Tiles:
    """A PMTiles archive.

    Attributes:
        file: the open file.
        head: its header.
        extent: west, south, east, north in degrees.
    """

    file: BinaryIO
    head: bytes = b""
    extent: list[float] = field(default_factory=list)
    _directories: dict[tuple[int, int], list[Entry]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the header.

        Raises:
            PreviewError: it is damaged.
        """
        self.file.seek(0)
        self.head = self.file.read(HEADER)
        if len(self.head) < HEADER:
            raise PreviewError("unreadable")
        numbers = (self.head[at : at + 4] for at in (102, 106, 110, 114))
        self.extent = [int.from_bytes(each, "little", signed=True) / _SCALE for each in numbers]
        west, south, east, north = self.extent
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):  # noqa: PLR2004
            raise PreviewError("unreadable")
        if not self.zooms[0] <= self.zooms[1] <= DEEPEST_ZOOM:
            raise PreviewError("unreadable")

    @property
    def zooms(self) -> tuple[int, int]:
        """Minimum and maximum zoom."""
        return self.head[100], self.head[101]

    @property
    def compression(self) -> int:
        """Compression of the tiles: 0 unknown, PLAIN, GZIP, other."""
        return self.head[98]

    @property
    def kind(self) -> int:
        """Tile type: 1 vector, 2 PNG, 3 JPEG, 4 WebP, other."""
        return self.head[99]

    def tile(self, number: int, most: int) -> bytes | None:
        """Return a tile by its id, None if the archive does not have it.

        Raises:
            PreviewError: the file is damaged, or the tile larger than `most` bytes.
        """
        offset, length = self._number(8), self._number(16)
        for _level in range(DEEPEST_LEAF + 1):
            entry = _entry(self._directory(offset, length), number)
            if entry is None:
                return None
            first, run, length, offset = entry
            if run:
                return read(self.file, self._number(56) + offset, length, most) if number < first + run else None
            offset += self._number(40)
        raise PreviewError("unreadable")

    def first(self, most: int) -> list[int]:
        """Return the ids of the first tiles of the archive, which are those of its coarsest zoom.

        Raises:
            PreviewError: the file is damaged.
        """
        offset, length = self._number(8), self._number(16)
        for _level in range(DEEPEST_LEAF + 1):
            entries = self._directory(offset, length)
            if not entries or entries[0][1]:
                return [first for first, run, _length, _offset in entries if run][:most]
            length, offset = entries[0][2], entries[0][3] + self._number(40)
        raise PreviewError("unreadable")

    def metadata(self) -> bytes:
        """Return the metadata (JSON).

        Raises:
            PreviewError: the file is damaged.
        """
        length = self._number(32)
        return self._unpacked(read(self.file, self._number(24), length, MEGABYTE)) if length else b"{}"

    def _number(self, at: int) -> int:
        return int.from_bytes(self.head[at : at + 8], "little")

    def _directory(self, offset: int, length: int) -> list[Entry]:
        place = (offset, length)
        if place not in self._directories:
            self._directories[place] = _entries(self._unpacked(read(self.file, offset, length, MOST_DIRECTORY)))
        return self._directories[place]

    def _unpacked(self, data: bytes) -> bytes:
        if self.head[97] == PLAIN:
            return data
        if self.head[97] != GZIP:
            raise PreviewError("no-preview")
        return unzipped(data, MOST_DIRECTORY)


def unzipped(data: bytes, most: int) -> bytes:
    """Decompress gzip data.

    Raises:
        PreviewError: it is damaged, or the result larger than `most` bytes.
    """
    try:
        unpacker = zlib.decompressobj(wbits=31)
        data = unpacker.decompress(data, most)
    except zlib.error as error:
        raise PreviewError("unreadable") from error
    if unpacker.unconsumed_tail:
        raise PreviewError("too-complex")
    return data


def few_tiles(extent: list[float], least: int, greatest: int, most: int) -> tuple[int, list[Place], bool]:
    """Return the finest zoom at which at most `most` tiles cover an extent, these tiles, and whether some are left out.

    If even the minimum zoom needs more, the tiles in the middle are returned.

    Args:
        extent: west, south, east, north in degrees.
        least: minimum zoom.
        greatest: maximum zoom.
        most: maximum number of tiles.
    """
    ranges = {zoom: _range(extent, zoom) for zoom in range(least, greatest + 1)}
    few = [zoom for zoom, (columns, rows) in ranges.items() if len(columns) * len(rows) <= most]
    chosen = few[-1] if few else least
    columns, rows = ranges[chosen]
    side = math.isqrt(most)
    shown = [(column, row) for row in _middle(rows, side, bool(few)) for column in _middle(columns, side, bool(few))]
    return chosen, shown, not few


def _middle(numbers: range, most: int, whole: bool) -> range:
    first = 0 if whole or len(numbers) <= most else (len(numbers) - most) // 2
    return numbers if whole else numbers[first : first + most]


def _range(extent: list[float], zoom: int) -> tuple[range, range]:
    """Return the columns and rows of the tiles that intersect an extent."""
    west, south, east, north = extent
    last = 2**zoom - 1

    def column(longitude: float) -> int:
        return min(max(int((longitude + 180) / 360 * 2**zoom), 0), last)

    def row(latitude: float) -> int:
        bent = math.asinh(math.tan(math.radians(max(min(latitude, _LIMIT), -_LIMIT))))
        return min(max(int((1 - bent / math.pi) / 2 * 2**zoom), 0), last)

    return range(column(west), column(east) + 1), range(row(north), row(south) + 1)


def bounds(zoom: int, column: int, row: int) -> list[float]:
    """Return west, south, east, north of a web map tile, in degrees."""

    def latitude(line: int) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * line / 2**zoom))))

    west, east = (each / 2**zoom * 360 - 180 for each in (column, column + 1))
    return [round(each, 7) for each in (west, latitude(row + 1), east, latitude(row))]


def tile_id(zoom: int, column: int, row: int) -> int:
    """Return the id of a tile: its position on a Hilbert curve, after all tiles of coarser zooms.

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


def _entry(entries: list[Entry], number: int) -> Entry | None:
    """Return the last entry whose first tile id is at most `number`."""
    return next((entry for entry in reversed(entries) if entry[0] <= number), None)


def _entries(data: bytes) -> list[Entry]:
    """Parse the entries of a directory."""
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


def read(file: BinaryIO, offset: int, length: int, most: int) -> bytes:
    """Return a part of a file.

    Raises:
        PreviewError: the file is too short, or the part larger than `most` bytes.
    """
    if not 0 < length <= most or not 0 <= offset < 2**62:
        raise PreviewError("unreadable")
    file.seek(offset)
    body = file.read(length)
    if len(body) < length:
        raise PreviewError("unreadable")
    return body
