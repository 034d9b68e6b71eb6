"""The first rows of a large Parquet or GeoParquet file, as a file of their own; its end tells where they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.preview import parquet
from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large.pieces import BLOCK, PartError, Pieces


def take(file: Pieces, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    """Copy the first rows.

    Args:
        file: the Parquet file.
        folder: where to write.
        rows: how many are wanted.

    Returns:
        the file, and `part` and `known_total` when there are more.

    Raises:
        PreviewError: it cannot be read, or pyarrow is not installed.
        PartError: it is not to be had.
    """
    target = folder / "sample.parquet"
    try:
        total = parquet.copy_first(file, target, rows, BLOCK)
    except PreviewError as error:
        if file.stopped:
            raise PartError from error
        raise
    return target, {"part": True, "known_total": total} if total > rows else {}
