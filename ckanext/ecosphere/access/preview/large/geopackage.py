"""Copy the first rows of a GeoPackage: GDAL never opens a database that somebody else has made.

A view, a trigger, a computed column or a virtual table is code. GDAL's SQLite has modules that read any file
(`VirtualText`); the one that reads here has none. Only plain tables and stored columns are copied, to a new file.
Pages of large files are read on demand, through a virtual file system.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large.pieces import Beginning, PartError, Pieces, exactly

VFS, NAME = "ecosphere-pieces", "sample.gpkg"
HEADER, MOST_COLUMNS, MOST_VALUE = 100, 200, 8 * 1024 * 1024
#: Maximum total size of the copied rows, in bytes.
MOST_BYTES = 32 * 1024 * 1024
#: Minimum size of a row in SQLite, in bytes.
SHORTEST_ROW = 4
#: Virtual tables that GeoPackages have: spatial indexes (GeoPackage 1.3, annex F.3), and full-text indexes.
_INDEXES = re.compile(
    r"""CREATE VIRTUAL TABLE ("[^"]{1,300}"|'[^']{1,300}'|[A-Za-z_]\w{0,300})\s+USING\s+(rtree|fts[345])\s{0,9}\(""",
    re.I,
)
_TYPE = re.compile(r"[A-Za-z_ ]{1,40}(\(\d{1,9}(,\d{1,9})?\))?")
_HERE = apsw.SQLITE_IOCAP_IMMUTABLE

# Tables of GeoPackage 1.3, annex C, reduced to what readers need.
_TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
    organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
    description TEXT, last_change DATETIME, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
CREATE TABLE gpkg_geometry_columns (table_name TEXT PRIMARY KEY, column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL);
PRAGMA application_id = 1196444487;
PRAGMA user_version = 10300;
"""


def take(file: Pieces, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    """Copy the first rows of the first table with geometries, else of the first table, to a new GeoPackage.

    Args:
        file: the GeoPackage.
        folder: folder to write to.
        rows: number of rows to copy.

    Returns:
        the new file, and `part` and `known_total` if there are more rows.

    Raises:
        PreviewError: it is not a GeoPackage, or is damaged.
        PartError: not even one row is available.
    """
    size = file.size if file.size is not None else _size_told(file)
    try:
        source = _opened(file, size)
        with sqlite3.connect(folder / NAME, isolation_level=None) as target:
            target.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _TABLES)
            table, kind = _table(source)
            names = _columns(source, target, table)
            _describe(source, target, table, kind)
            number, is_whole = _copy(_rows(source, table, names, rows + 1), target, (table, names), rows, file)
            total = _total(source, table, size)
        target.close()
    except (apsw.Error, sqlite3.Error, UnicodeError, ValueError, OverflowError) as error:
        if file.stopped:
            raise PartError from error
        raise PreviewError("unreadable") from error
    if is_whole:
        return folder / NAME, {}
    return folder / NAME, {"part": True, "known_total": total} if total > number else {"part": True}


def copied(path: Path, folder: Path, rows: int) -> tuple[Path, int]:
    """Copy the first rows of a local GeoPackage; return the new file and the number of rows of the original.

    Raises:
        PreviewError: it is not a GeoPackage, is damaged, or has tables that are read from elsewhere.
    """
    size = path.stat().st_size
    pieces = Pieces(Beginning(path, size))
    try:
        source = _opened(pieces, size)
        _refuse_modules(source)
        table, _kind = _table(source)
        total = source.execute(f"SELECT count(*) FROM {_quoted(table)}").get  # noqa: S608
    except (apsw.Error, UnicodeError, ValueError) as error:
        raise PreviewError("unreadable") from error
    target, _facts = take(pieces, folder, rows)
    return target, total


def _refuse_modules(source: apsw.Connection) -> None:
    """Refuse virtual tables that are no index.

    Raises:
        PreviewError: there is one.
    """
    asked = """SELECT sql FROM sqlite_schema JOIN pragma_table_list AS known ON known.name = sqlite_schema.name
        WHERE known.schema = 'main' AND known.type = 'virtual'"""
    for (statement,) in source.execute(asked):
        if not _INDEXES.match(str(statement)):
            raise PreviewError("active-file")


class _File:
    """Read-only file of the virtual file system; the method names are those of SQLite."""

    def __init__(self, file: Pieces, size: int):
        self._file, self._size = file, size

    def xRead(self, amount: int, offset: int) -> bytes:
        self._file.seek(offset)
        try:
            return self._file.read(amount)
        except PartError:
            if self._file.has_end:
                raise
            return bytes(amount)  # looks like a damaged page, on which SQLite only fails if it needs it

    def xFileSize(self) -> int:
        return self._size

    def xDeviceCharacteristics(self) -> int:
        return _HERE

    def xSectorSize(self) -> int:
        return 4096

    def xLock(self, level: int) -> None: ...

    def xUnlock(self, level: int) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, operation: int, pointer: int) -> bool:
        return False

    def xClose(self) -> None: ...


class _Files(apsw.VFS):
    """Virtual file system with a single file."""

    def __init__(self, file: Pieces, size: int):
        super().__init__(VFS, base="", maxpathname=64)
        self._file, self._size = file, size

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return _File(self._file, self._size)

    def xFullPathname(self, name: str) -> str:
        return name

    def xAccess(self, pathname: str, flags: int) -> bool:
        return False


def _size_told(file: Pieces) -> int:
    """Return the size of the file according to its header: page size (1 stands for 65 536) × number of pages."""
    head = exactly(file, 0, HEADER)
    page = int.from_bytes(head[16:18], "big")
    return (65_536 if page == 1 else page) * int.from_bytes(head[28:32], "big")


def _opened(file: Pieces, size: int) -> apsw.Connection:
    files = _Files(file, size)
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    source = apsw.Connection("file:/x?immutable=1", flags=flags, vfs=VFS)
    files.unregister()
    for setting, value in (
        # The beginning of a file often lacks part of the schema: the triggers, which GDAL creates last.
        (apsw.SQLITE_DBCONFIG_DEFENSIVE, int(file.has_end)),
        (apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA, int(not file.has_end)),
        (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
        (apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
        (apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0),
    ):
        source.config(setting, value)
    source.limit(apsw.SQLITE_LIMIT_LENGTH, MOST_VALUE)
    source.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)
    return source


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(source: apsw.Connection) -> tuple[str, str]:
    asked = """SELECT table_name, data_type FROM gpkg_contents WHERE data_type IN ('features', 'attributes')
        ORDER BY data_type DESC, rowid LIMIT 100"""
    for name, kind in source.execute(asked):
        known = source.execute("SELECT type FROM pragma_table_list WHERE schema = 'main' AND name = ?", (name,))
        if next(iter(known), None) == ("table",):
            return str(name), str(kind)
    raise PreviewError("unreadable")


def _columns(source: apsw.Connection, target: sqlite3.Connection, table: str) -> list[str]:
    """Create the table in the new file; return its columns."""
    names, made = [], []
    for _place, name, kind, _required, _default, key, hidden in source.execute(f"PRAGMA table_xinfo({_quoted(table)})"):
        if hidden or len(names) == MOST_COLUMNS:
            continue
        names.append(str(name))
        is_key = key == 1 and str(kind).upper() == "INTEGER"
        shown = str(kind) if _TYPE.fullmatch(str(kind)) else "TEXT"
        made.append(f"{_quoted(str(name))} {'INTEGER PRIMARY KEY' if is_key else shown}")
    target.execute(f"CREATE TABLE {_quoted(table)} ({', '.join(made)})")
    return names


def _describe(source: apsw.Connection, target: sqlite3.Connection, table: str, kind: str) -> None:
    """Copy the GeoPackage metadata of the table: contents, geometry column, reference system."""
    contents = "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES (?, ?, ?, ?)"
    columns = "column_name, geometry_type_name, srs_id, z, m"
    asked = f"SELECT {columns} FROM gpkg_geometry_columns WHERE table_name = ? LIMIT 1"  # noqa: S608
    geometry = next(iter(source.execute(asked, (table,))), None) if kind == "features" else None
    target.execute(contents, (table, kind, table, geometry[2] if geometry else None))
    if geometry is None:
        return
    target.execute("INSERT INTO gpkg_geometry_columns VALUES (?, ?, ?, ?, ?, ?)", (table, *geometry))
    columns = "srs_name, srs_id, organization, organization_coordsys_id, definition, description"
    known = f"SELECT {columns} FROM gpkg_spatial_ref_sys WHERE srs_id = ? LIMIT 1"  # noqa: S608
    target.executemany(
        "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", list(source.execute(known, (geometry[2],)))
    )


def _rows(source: apsw.Connection, table: str, names: list[str], most: int) -> Iterator[tuple[Any, ...]]:
    yield from source.execute(f"SELECT {', '.join(map(_quoted, names))} FROM {_quoted(table)} LIMIT {most}")  # noqa: S608


def _copy(
    source: Iterator[tuple[Any, ...]],
    target: sqlite3.Connection,
    into: tuple[str, list[str]],
    most: int,
    file: Pieces,
) -> tuple[int, bool]:
    """Copy the available rows to a table; return their number, and whether these are all rows."""
    table, names = into
    columns = ", ".join(map(_quoted, names))
    filled = f"INSERT INTO {_quoted(table)} ({columns}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
    number = size = 0
    target.execute("BEGIN")
    try:
        for row in source:
            size += sum(len(value) for value in row if isinstance(value, bytes | str))
            if number == most or size > MOST_BYTES:
                return number, False
            target.execute(filled, row)
            number += 1
    except (PartError, apsw.Error):
        if not (number and file.stopped):
            raise
        return number, False
    finally:
        target.execute("COMMIT")
    return number, True


def _total(source: apsw.Connection, table: str, size: int) -> int:
    """Return the number of rows declared by GDAL in `gpkg_ogr_contents`; 0 if missing or implausible."""
    try:
        asked = "SELECT feature_count FROM gpkg_ogr_contents WHERE table_name = ? LIMIT 1"
        told = next(iter(source.execute(asked, (table,))), (0,))[0]
    except (PartError, apsw.Error):
        return 0
    return told if isinstance(told, int) and 0 < told <= size // SHORTEST_ROW else 0
