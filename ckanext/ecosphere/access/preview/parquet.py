"""Read the first rows of Parquet and GeoParquet 1.1 files with pyarrow (optional).

The GDAL that pyogrio brings has no driver for them. No CKAN imports; confined.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.preview.errors import PreviewError

# Arrow's own memory pools reserve more than the process may use.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
LONGEST_FOOTER = 8 * 1024 * 1024
MOST_COLUMNS = 200
_BOUNDS: dict[str, Any] = {
    "thrift_string_size_limit": LONGEST_FOOTER,
    "thrift_container_size_limit": 100_000,
    "pre_buffer": False,
}
_NATIVE = frozenset(
    {"point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"}
)


def read(path: Path, most: int) -> tuple[dict[str, Any], Any, list[str], list[Any]]:
    """Read the first rows; see `geo.read`.

    Raises:
        PreviewError: it cannot be read, or pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise PreviewError("no-preview") from error
    pyarrow.set_cpu_count(1)
    try:
        with parquet.ParquetFile(path, **_BOUNDS) as file:
            geometry, crs = _geometry(file.schema_arrow)
            names = [name for name in file.schema_arrow.names if name != geometry][:MOST_COLUMNS]
            columns = list(names)
            if geometry:
                columns.append(geometry)
            batch = next(file.iter_batches(most, columns=columns, use_threads=False), None)
            total = file.metadata.num_rows
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise PreviewError("unreadable") from error
    info = {"features": total, "crs": crs}
    values: list[Any] = []
    for name in names:
        cells = batch.column(name).to_pylist() if batch else []
        values.append([_plain(cell) for cell in cells])
    shapes = None
    if geometry and batch:
        shapes = batch.column(geometry).to_pylist()
    return info, shapes, names, values


def _geometry(schema: Any) -> tuple[str | None, str | None]:
    """Return the name of the primary geometry column and its CRS; None for a table without one.

    Raises:
        PreviewError: the CRS is unknown (`"crs": null`), or the geometries are not WKB.
    """
    metadata = (schema.metadata or {}).get(b"geo")
    if metadata is None:
        return None, None
    try:
        geo = json.loads(metadata)
        name = geo["primary_column"]
        column = geo["columns"][name]
        encoding = str(column.get("encoding")).lower()
    except (KeyError, TypeError, AttributeError):
        return None, None
    if name not in schema.names:
        return None, None
    if encoding in _NATIVE:
        raise PreviewError("no-preview")
    if encoding != "wkb":
        raise PreviewError("unreadable")
    crs = column.get("crs", "OGC:CRS84")  # absent: degrees; null: unknown
    if crs is None:
        raise PreviewError("no-crs")
    if not isinstance(crs, str):
        crs = json.dumps(crs)
    return name, crs


def _plain(value: Any) -> Any:
    """Return a value as a table cell: lists and objects as text, None for bytes."""
    if isinstance(value, bytes):
        return None
    if isinstance(value, list | dict | tuple):
        return str(value)
    return value
