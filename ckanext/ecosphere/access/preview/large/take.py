"""A small file that holds the beginning of a large one, whatever that is; in the confined process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.kinds import SNIFFED, sniff
from ckanext.ecosphere.access.preview.large import archive, columns, geopackage, tiles
from ckanext.ecosphere.access.preview.large.pieces import Beginning, Parent, Pieces


def opened(job: dict[str, Any]) -> Pieces:
    """Open the large file of a job: of the parent when there are pipes to it, else what is here of it.

    Args:
        job: with `large`: `size` in bytes or None, and perhaps `pipes`.
    """
    told = job["large"]
    source = Parent(told["pipes"], told["size"]) if told.get("pipes") else Beginning(Path(job["input"]), told["size"])
    return Pieces(source)


def kind_of(file: Pieces) -> str:
    """Return what a file is."""
    file.seek(0)
    return sniff(file.read(SNIFFED))


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
    if kind == "zip":
        return archive.take(file, folder, rows)
    if kind == "gpkg":
        return geopackage.take(file, folder, rows)
    if kind == "pmtiles":
        return tiles.take(file, folder)
    if kind == "parquet":
        return columns.take(file, folder, rows)
    raise PreviewError("too-large")
