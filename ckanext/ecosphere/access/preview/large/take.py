"""Sample a large file of any supported kind to a small one of the same kind, in the sandboxed process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.kinds import SNIFFED, sniff
from ckanext.ecosphere.access.preview.large import archive, columns, flatgeobuf, geopackage, shapefile, texts, tiles
from ckanext.ecosphere.access.preview.large.pieces import Beginning, Parent, Pieces

#: Maximum number of bytes read of a text.
MOST_TEXT = 64 * 1024 * 1024


def opened(job: dict[str, Any]) -> Pieces:
    """Open the large file of a job: through the parent process if there are pipes to it, else the local file.

    Args:
        job: the job, whose `large` has `size` (in bytes, or None) and optionally `pipes`.
    """
    told = job["large"]
    source = Parent(told["pipes"], told["size"]) if told.get("pipes") else Beginning(Path(job["input"]), told["size"])
    return Pieces(source)


def kind_of(file: Pieces, name: str) -> str:
    """Return the kind of a file (`kinds.sniff`)."""
    file.seek(0)
    return sniff(file.read(SNIFFED), name)


class _Forward:
    """Sequential reader of a file from its beginning."""

    def __init__(self, file: Pieces):
        file.seek(0)
        self._file, self.read = file, file.read

    def skip(self, size: int) -> None:
        self._file.seek(size, os.SEEK_CUR)


def take(kind: str, file: Pieces, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    """Write a sample of a file to a small one of the same kind; return the file and facts about it.

    Args:
        kind: kind of the file (`kinds.sniff`).
        file: the large file.
        folder: folder to write to.
        rows: number of rows or features to keep.

    Raises:
        PreviewError: it is not possible.
    """
    if kind in _BY_KIND:
        return _BY_KIND[kind](file, folder, rows)
    if kind in ("text", "json", "kml", "gml", "xml"):
        return texts.take(kind, _Forward(file).read, folder, rows, MOST_TEXT)
    raise PreviewError(kind if kind in ("html", "exception") else "too-large")


def _tiles(file: Pieces, folder: Path, _rows: int) -> tuple[Path, dict[str, Any]]:
    return tiles.take(file, folder)


def _features(file: Pieces, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    return flatgeobuf.take(_Forward(file), file.size, folder, rows)


def _table(file: Pieces, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    target = folder / "data.dbf"
    number, total = shapefile.first_rows(_Forward(file).read, target, rows, file.size or 0)
    return target, {"part": True, "known_total": total} if total > number else {"part": True}


_BY_KIND = {
    "zip": archive.take,
    "gpkg": geopackage.take,
    "fgb": _features,
    "pmtiles": _tiles,
    "parquet": columns.take,
    "dbf": _table,
}
