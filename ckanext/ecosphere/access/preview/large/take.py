"""A small file that holds the beginning of a large one, whatever that is; in the confined process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.kinds import SNIFFED, sniff
from ckanext.ecosphere.access.preview.large import archive, columns, flatgeobuf, geopackage, shapefile, texts, tiles
from ckanext.ecosphere.access.preview.large.pieces import Beginning, Parent, Pieces

#: Bytes that are looked at of a text, whatever is here of it.
MOST_TEXT = 64 * 1024 * 1024


def opened(job: dict[str, Any]) -> Pieces:
    """Open the large file of a job: of the parent when there are pipes to it, else what is here of it.

    Args:
        job: with `large`: `size` in bytes or None, and perhaps `pipes`.
    """
    told = job["large"]
    source = Parent(told["pipes"], told["size"]) if told.get("pipes") else Beginning(Path(job["input"]), told["size"])
    return Pieces(source)


def kind_of(file: Pieces, name: str) -> str:
    """Return what a file is; its name helps where bytes do not tell."""
    file.seek(0)
    return sniff(file.read(SNIFFED), name)


class _Forward:
    """A file that is read from its beginning on."""

    def __init__(self, file: Pieces):
        file.seek(0)
        self._file, self.read = file, file.read

    def skip(self, size: int) -> None:
        self._file.seek(size, os.SEEK_CUR)


def take(kind: str, file: Pieces, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    """Write the beginning of a file as a small one of the same kind; return that, and what is told of it.

    Args:
        kind: as `kinds.sniff` says.
        file: the large file.
        folder: where to write.
        rows: how many rows or features are wanted.

    Raises:
        PreviewError: it cannot be done.
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
