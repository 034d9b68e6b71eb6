"""Copy a few tiles of a large PMTiles 3 archive of vector tiles to a new one. No CKAN imports."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path
from typing import Any, BinaryIO, cast

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large.pieces import PartError, Pieces
from ckanext.ecosphere.access.preview.pmtiles import GZIP, HEADER, MEGABYTE, PLAIN, Tiles, few_tiles, tile_id, unzipped

#: Few enough for a sample to include features of each tile.
MOST_TILES, MOST_TILE, MOST_UNPACKED = 4, 2 * MEGABYTE, 16 * MEGABYTE
MOST_COUNT = 10**12


def take(file: Pieces, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Copy the tiles of the finest zoom at which a few cover the extent, else the first tiles, to a new archive.

    Args:
        file: the PMTiles archive.
        folder: folder to write to.

    Returns:
        the new file, and `part`, `tiles` (number of tiles), `zoom`, and `known_total` if the archive declares it.

    Raises:
        PreviewError: the file is damaged, or its compression is not supported.
        PartError: not even one tile is available.
    """
    source = Tiles(cast("BinaryIO", file))
    if source.compression not in (PLAIN, GZIP):
        raise PreviewError("no-preview")
    metadata = source.metadata()
    zoom, wanted, _cut = few_tiles(source.extent, *source.zooms, MOST_TILES)
    found = _tiles(source, sorted(tile_id(zoom, column, row) for column, row in wanted))
    if not found:
        found = _tiles(source, source.first(MOST_TILES))
        zoom = _zoom_of(next(iter(found), 0))
        found = {number: body for number, body in found.items() if _zoom_of(number) == zoom}
    if not found:
        raise PreviewError("unreadable")
    target = folder / "sample.pmtiles"
    target.write_bytes(_written(source, found, zoom, metadata))
    told = {"part": True, "tiles": len(found), "zoom": zoom}
    return target, {**told, "known_total": total} if (total := _total(metadata)) else told


def _tiles(source: Tiles, numbers: list[int]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for number in numbers:
        try:
            body = source.tile(number, MOST_TILE)
        except PartError:
            if not found:
                raise
            break
        if body is not None:
            # Decompressed here with a size limit, and stored uncompressed.
            found[number] = unzipped(body, MOST_UNPACKED) if source.compression == GZIP else body
    return found


def _zoom_of(number: int) -> int:
    zoom = 0
    while (4 ** (zoom + 1) - 1) // 3 <= number:
        zoom += 1
    return zoom


def _written(source: Tiles, tiles: dict[int, bytes], zoom: int, metadata: bytes) -> bytes:
    """Return a PMTiles archive of these tiles; directory and metadata are compressed, the tiles are not."""
    numbers, sizes = list(tiles), [len(body) for body in tiles.values()]
    steps = [one - other for one, other in zip(numbers, [0, *numbers], strict=False)]
    offsets = [1, *[0] * (len(sizes) - 1)]  # 0: directly after the previous tile
    columns = (steps, [1] * len(sizes), sizes, offsets)
    root = gzip.compress(_varint(len(sizes)) + b"".join(_varint(each) for column in columns for each in column))
    told, body = gzip.compress(metadata), b"".join(tiles.values())
    places = (HEADER, len(root), HEADER + len(root), len(told), 0, 0, HEADER + len(root) + len(told), len(body))
    counts = (len(sizes), len(sizes), len(sizes))
    kinds = bytes([1, GZIP, PLAIN, source.kind, zoom, zoom])
    center = bytes([zoom]) + source.head[119:HEADER]
    head = b"PMTiles\x03" + struct.pack("<11Q", *places, *counts) + kinds + source.head[102:118] + center
    return head + root + told + body


def _varint(number: int) -> bytes:
    """Return a number as a varint: seven bits per byte, lowest first."""
    out = bytearray()
    while number > 127:  # noqa: PLR2004
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _total(metadata: bytes) -> int:
    """Return the number of source features recorded by tippecanoe (mapbox-geostats), 0 if missing."""
    try:
        layers = json.loads(metadata)["tilestats"]["layers"]
        total = sum(int(layer["count"]) for layer in layers[:100])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return 0
    return total if 0 < total < MOST_COUNT else 0
