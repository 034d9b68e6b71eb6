"""Copy the first rows of a large Parquet or GeoParquet file to a new one, located by the footer."""

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
        folder: folder to write to.
        rows: number of rows to copy.

    Returns:
        the new file, and `part` and `known_total` if there are more rows.

    Raises:
        PreviewError: it cannot be read, or pyarrow is not installed.
        PartError: the needed parts are not available.
    """
    target = folder / "sample.parquet"
    try:
        total = parquet.copy_first(file, target, rows, BLOCK)
    except PreviewError as error:
        if file.stopped:
            raise PartError from error
        raise
    return target, {"part": True, "known_total": total} if total > rows else {}
