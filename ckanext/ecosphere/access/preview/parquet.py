"""Read the first rows of Apache Parquet and GeoParquet 1.1 files, in the sandboxed process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.preview.errors import PreviewError

os.environ.setdefault(
    "ARROW_DEFAULT_MEMORY_POOL", "system"
)  # Arrow's own memory pools reserve more than the process may use
LONGEST_FOOTER = 8 * 1024 * 1024
MOST_COLUMNS = 200
_BOUNDS: dict[str, Any] = {
    "thrift_string_size_limit": LONGEST_FOOTER, "thrift_container_size_limit": 100_000, "pre_buffer": False,
}  # fmt: skip
_NATIVE = frozenset({"point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"})


def _library() -> tuple[Any, Any]:
    """Return pyarrow, limited to one thread, and its module for Parquet.

    Raises:
        PreviewError: it is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise PreviewError("no-preview") from error
    pyarrow.set_cpu_count(1)
    return pyarrow, parquet


def read(path: Path, most: int, skip_geometry: bool = False) -> tuple[dict[str, Any], Any, list[str], list[Any]]:
    """Read the first rows; see `geo.read`.

    Raises:
        PreviewError: it cannot be read, or pyarrow is not installed.
    """
    pyarrow, parquet = _library()
    try:
        with parquet.ParquetFile(path, **_BOUNDS) as file:
            names = list(file.schema_arrow.names)
            geometry, crs = (None, None) if skip_geometry else _geometry(file.schema_arrow)
            wanted = [name for name in names if name != geometry][:MOST_COLUMNS]
            batches = file.iter_batches(most, columns=[*wanted, *([geometry] if geometry else [])], use_threads=False)
            batch = next(batches, None)
            total = file.metadata.num_rows
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise PreviewError("unreadable") from error
    columns = {name: batch.column(name).to_pylist() if batch is not None else [] for name in wanted}
    shapes = batch.column(geometry).to_pylist() if geometry and batch is not None else None
    return (
        {"features": total, "crs": crs},
        shapes,
        wanted,
        [[_plain(each) for each in columns[name]] for name in wanted],
    )


def copy_first(source: Any, target: Path, most: int, at_once: int) -> int:
    """Copy the first rows of a file to a new one; return the total number of rows of the original.

    Args:
        source: the open file.
        target: file to write.
        most: maximum number of rows.
        at_once: buffer size per column, in bytes.

    Raises:
        PreviewError: it cannot be read, or pyarrow is not installed.
    """
    pyarrow, parquet = _library()
    try:
        with parquet.ParquetFile(source, buffer_size=at_once, **_BOUNDS) as file:
            batch = next(file.iter_batches(most, use_threads=False), None)
            table = pyarrow.Table.from_batches([] if batch is None else [batch], schema=file.schema_arrow)
            parquet.write_table(table, target)
            return file.metadata.num_rows
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise PreviewError("unreadable") from error


def _geometry(schema: Any) -> tuple[str | None, str | None]:
    """Return the name of the primary geometry column and its CRS; None for a table without geometries.

    Raises:
        PreviewError: the CRS is unknown (`"crs": null`), or the geometries are not WKB.
    """
    told = (schema.metadata or {}).get(b"geo")
    if told is None:
        return None, None
    geo = json.loads(told)
    columns = geo.get("columns") if isinstance(geo, dict) else None
    name = geo.get("primary_column") if isinstance(columns, dict) else None
    column = columns.get(name) if isinstance(columns, dict) and isinstance(name, str) else None
    if not isinstance(column, dict) or name not in schema.names:
        return None, None
    encoding = str(column.get("encoding")).lower()
    if encoding in _NATIVE:
        raise PreviewError("no-preview")
    if encoding != "wkb":
        raise PreviewError("unreadable")
    crs = column.get("crs", "OGC:CRS84")  # absent: degrees; null: unknown
    if crs is None:
        raise PreviewError("no-crs")
    return name, crs if isinstance(crs, str) else json.dumps(crs)


def _plain(value: Any) -> Any:
    """Return a value as a table cell: lists and objects as text, None for bytes."""
    if isinstance(value, bytes):
        return None
    return str(value) if isinstance(value, list | dict | tuple) else value
