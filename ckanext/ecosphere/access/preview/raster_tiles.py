"""Sample a PMTiles 3 archive of raster tiles: the tiles of one zoom. No CKAN imports; sandboxed."""

from __future__ import annotations

import base64
from typing import Any, BinaryIO

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.pmtiles import MEGABYTE, PLAIN, Tiles, bounds, few_tiles, tile_id

MOST_TILES = 16
#: Media types and magic numbers of images by "tile type" of the header.
PICTURES = {2: ("image/png", b"\x89PNG\r\n\x1a\n"), 3: ("image/jpeg", b"\xff\xd8\xff"), 4: ("image/webp", b"RIFF")}


def sample(file: BinaryIO, most_bytes: int) -> dict[str, Any]:
    """Return the images of one zoom level.

    Args:
        file: the PMTiles archive.
        most_bytes: maximum total size of the images, encoded as text.

    Returns:
        ``images`` (``src``, a data URL, and ``bounds``: west, south, east, north in degrees), ``extent``, ``zoom``
        and ``cut`` (whether some are left out).

    Raises:
        PreviewError: the file is damaged, or browsers do not support its images.
    """
    tiles = Tiles(file)
    if tiles.kind not in PICTURES or tiles.compression not in (0, PLAIN):
        raise PreviewError("no-preview")
    zoom, wanted, cut = few_tiles(tiles.extent, *tiles.zooms, MOST_TILES)
    media_type, mark = PICTURES[tiles.kind]
    images: list[dict[str, Any]] = []
    for column, row in wanted:
        body = tiles.tile(tile_id(zoom, column, row), MEGABYTE)
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
    return {"images": images, "extent": tiles.extent, "zoom": zoom, "cut": cut}
