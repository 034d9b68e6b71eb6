"""Copy the first rows of a GeoPackage: GDAL never opens a database that somebody else has made.

A view, a trigger, a computed column or a virtual table is code. GDAL's SQLite has modules that
read any file (`VirtualText`); the one that reads here has none. Only plain tables and stored
columns are copied, to a new file. This is a wall, and the reason why GDAL does not read these
files itself. No CKAN imports; confined.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import apsw

from ckanext.ecosphere.shared.confinement.confine import FileError

NAME = "sample.gpkg"
MOST_COLUMNS, MOST_VALUE = 200, 8 * 1024 * 1024
#: Maximum total size of the copied rows, in bytes.
MOST_BYTES = 32 * 1024 * 1024
#: Virtual tables that GeoPackages have: spatial indexes (GeoPackage 1.3, annex F.3), and full-text
#: indexes.
_INDEXES = re.compile(
    r"""CREATE VIRTUAL TABLE ("[^"]{1,300}"|'[^']{1,300}'|[A-Za-z_]\w{0,300})\s+"""
    r"""USING\s+(rtree|fts[345])\s{0,9}\(""",
    re.IGNORECASE,
)
_TYPE = re.compile(r"[A-Za-z_ ]{1,40}(\(\d{1,9}(,\d{1,9})?\))?")

# Tables of GeoPackage 1.3, annex C, reduced to what readers need.
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY,
    organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL,
    definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL,
    identifier TEXT UNIQUE, description TEXT, last_change DATETIME, min_x DOUBLE, min_y DOUBLE,
    max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
CREATE TABLE gpkg_geometry_columns (table_name TEXT PRIMARY KEY, column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL,
    m TINYINT NOT NULL);
PRAGMA application_id = 1196444487;
PRAGMA user_version = 10300;
"""


def copied(path: Path, folder: Path, rows: int) -> tuple[Path, int]:
    """Copy the first rows of the first table with geometries, else of the first table.

    Args:
        path: the GeoPackage.
        folder: folder to write the new GeoPackage to.
        rows: number of rows to copy.

    Returns:
        the new file, and the number of rows of the original table.

    Raises:
        FileError: it is not a GeoPackage, is damaged, or has tables that are read from elsewhere.
    """
    target = folder / NAME
    try:
        source = _opened(path)
        _refuse_modules(source)
        table, kind = _table(source)
        total = source.execute(f"SELECT count(*) FROM {_quoted(table)}").get  # noqa: S608
        with sqlite3.connect(target, isolation_level=None) as copy:
            copy.executescript(_TABLES)
            names = _create_table(source, copy, table)
            _describe(source, copy, table, kind)
            _copy_rows(source, copy, table, names, rows)
        copy.close()
    except (apsw.Error, sqlite3.Error, UnicodeError, ValueError, OverflowError) as error:
        raise FileError("unreadable") from error
    return target, total


def _opened(path: Path) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    # Immutable: without locks, journals and other files beside it.
    source = apsw.Connection(f"{path.absolute().as_uri()}?immutable=1", flags=flags)
    for setting, value in (
        (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),
        (apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0),
        (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
        (apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
        (apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0),
    ):
        source.config(setting, value)
    source.limit(apsw.SQLITE_LIMIT_LENGTH, MOST_VALUE)
    source.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)
    return source


def _refuse_modules(source: apsw.Connection) -> None:
    """Refuse virtual tables that are no index.

    Raises:
        FileError: there is one.
    """
    query = """SELECT sql FROM sqlite_schema
        JOIN pragma_table_list AS listed ON listed.name = sqlite_schema.name
        WHERE listed.schema = 'main' AND listed.type = 'virtual'"""
    for (statement,) in source.execute(query):
        if not _INDEXES.match(str(statement)):
            raise FileError("active-file")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(source: apsw.Connection) -> tuple[str, str]:
    """Return name and kind (features, attributes) of the table to copy, which is no view."""
    query = """SELECT table_name, data_type FROM gpkg_contents
        WHERE data_type IN ('features', 'attributes') ORDER BY data_type DESC, rowid LIMIT 100"""
    listed = "SELECT type FROM pragma_table_list WHERE schema = 'main' AND name = ?"
    for name, kind in source.execute(query):
        if source.execute(listed, (name,)).get == "table":
            return str(name), str(kind)
    raise FileError("unreadable")


def _create_table(source: apsw.Connection, copy: sqlite3.Connection, table: str) -> list[str]:
    """Create the table in the new file; return its columns."""
    names: list[str] = []
    columns: list[str] = []
    rows = source.execute(f"PRAGMA table_xinfo({_quoted(table)})")
    for _place, name, declared, _required, _default, key, hidden in rows:
        if hidden or len(names) == MOST_COLUMNS:
            continue
        kind = "TEXT"
        if key == 1 and str(declared).upper() == "INTEGER":
            kind = "INTEGER PRIMARY KEY"
        elif _TYPE.fullmatch(str(declared)):
            kind = str(declared)
        names.append(str(name))
        columns.append(f"{_quoted(str(name))} {kind}")
    copy.execute(f"CREATE TABLE {_quoted(table)} ({', '.join(columns)})")
    return names


def _describe(source: apsw.Connection, copy: sqlite3.Connection, table: str, kind: str) -> None:
    """Copy the metadata of the table: contents, geometry column, reference system."""
    contents = "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)"
    columns = "column_name, geometry_type_name, srs_id, z, m"
    tables = "gpkg_geometry_columns WHERE table_name = ? LIMIT 1"
    query = f"SELECT {columns} FROM {tables}"  # noqa: S608
    geometry: Any = None
    if kind == "features":
        geometry = source.execute(query, (table,)).fetchone()
    if geometry is None:
        copy.execute(f"{contents} VALUES (?, ?, ?, NULL)", (table, kind, table))
        return
    system = geometry[2]
    copy.execute(f"{contents} VALUES (?, ?, ?, ?)", (table, kind, table, system))
    copy.execute("INSERT INTO gpkg_geometry_columns VALUES (?, ?, ?, ?, ?, ?)", (table, *geometry))
    columns = "srs_name, srs_id, organization, organization_coordsys_id, definition, description"
    query = f"SELECT {columns} FROM gpkg_spatial_ref_sys WHERE srs_id = ? LIMIT 1"  # noqa: S608
    systems = list(source.execute(query, (system,)))
    copy.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", systems)


def _copy_rows(
    source: apsw.Connection, copy: sqlite3.Connection, table: str, names: list[str], most: int
) -> None:
    """Copy the first rows, until they are too many or too large."""
    columns = ", ".join(map(_quoted, names))
    query = f"SELECT {columns} FROM {_quoted(table)} LIMIT {most}"  # noqa: S608
    marks = ", ".join("?" * len(names))
    insert = f"INSERT INTO {_quoted(table)} ({columns}) VALUES ({marks})"  # noqa: S608
    size = 0
    copy.execute("BEGIN")
    for row in source.execute(query):
        size += sum(len(value) for value in row if isinstance(value, bytes | str))
        if size > MOST_BYTES:
            break
        copy.execute(insert, row)
    copy.execute("COMMIT")
