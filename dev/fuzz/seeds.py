"""Small valid files of each format that the reader knows, from which the mutated ones are made."""

from __future__ import annotations

import io
import json
import random
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import shapely
from pyarrow import parquet
from pyogrio import raw

from dev.attack.tables import filled, table

#: Format → driver of GDAL and extension.
_DRIVERS = {
    "gpkg": ("GPKG", ".gpkg"),
    "kml": ("KML", ".kml"),
    "gml": ("GML", ".gml"),
    "geojson": ("GeoJSON", ".geojson"),
    "fgb": ("FlatGeobuf", ".fgb"),
    "xlsx": ("XLSX", ".xlsx"),
    "ods": ("ODS", ".ods"),
}
#: Files that are seeds as they are, and `views.sql`, which makes one.
_DATA = Path(__file__).with_name("data")


def seeds(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Return format → name of the file and its content.

    Args:
        folder: an empty folder to write to.
    """
    shapes = [shapely.Point(1.5, 45.5), shapely.box(1, 45, 2, 46), shapely.LineString([(0, 44), (3, 47)])]
    made: dict[str, tuple[str, bytes]] = {}
    for name, (driver, suffix) in _DRIVERS.items():
        path = folder / f"zones{suffix}"
        _write(path, shapes[1:2], driver)
        made[name] = (path.name, path.read_bytes())
    _write(folder / "form.shp", shapes[1:2], "ESRI Shapefile")
    parts = {path.name: path.read_bytes() for path in folder.glob("form.*")}
    made["shapefile"] = ("zones.zip", zipped(parts))
    made["dbf"] = ("zones.dbf", parts["form.dbf"])
    made["kmz"] = ("zones.kmz", zipped({"doc.kml": made["kml"][1]}))
    made["zip"] = ("zones.zip", zipped({"a/zones.csv": b"a;b\n1;2\n", "b/zones.json": b"[]"}))
    made["parquet"] = ("zones.parquet", _parquet(shapes))
    for path in sorted(_DATA.glob("zones.*")):
        made[path.suffix.removeprefix(".")] = (path.name, path.read_bytes())
    made["openapi"] = ("api.yaml", (_DATA / "api.yaml").read_bytes())
    made["sqlite"] = ("zones.gpkg", _views(folder / "views.gpkg", made["gpkg"][1]))
    return made


def _write(path: Path, shapes: list[Any], driver: str) -> None:
    values = [numpy.array(["été"] * len(shapes)), numpy.array([2.5] * len(shapes))]
    kind, geometry, crs = "Polygon", shapely.to_wkb(numpy.array(shapes)), "EPSG:4326"
    if driver in ("XLSX", "ODS"):
        kind, geometry, crs = None, None, None
    raw.write(path, geometry, values, ["nom", "surface"], driver=driver, crs=crs, geometry_type=kind)


def _parquet(shapes: list[Any]) -> bytes:
    told = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB"}}}
    table = pyarrow.table({"nom": ["a", "b", "c"], "geometry": [shapely.to_wkb(shape) for shape in shapes]})
    out = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata({"geo": json.dumps(told)}), out)
    return out.getvalue()


def _views(path: Path, content: bytes) -> bytes:
    """Return a GeoPackage with a view, a trigger, a computed column and an index on an expression."""
    path.write_bytes(content)
    database = sqlite3.connect(path)
    database.executescript((_DATA / "views.sql").read_text())
    database.commit()
    database.close()
    return path.read_bytes()


MOST_BYTES = 300_000
_NUMBERS = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1]


def words(secret: str, address: str) -> list[bytes]:
    """Return texts that make a careless reader open a file or an address.

    Args:
        secret: path of a file that must not be read.
        address: URL that must not be requested.
    """
    texts = filled(table("files")["words"], {"secret": secret, "canary": address})
    return [text.encode() for text in texts]


def mutated(content: bytes, chance: random.Random, tokens: list[bytes]) -> bytes:
    """Return a changed file; of an archive, half of the time a member is changed instead of its bytes."""
    members = _members(content)
    if members and chance.random() < 0.6:
        name = chance.choice(sorted(members))
        members[name] = _changed(members[name], chance, tokens)
        if chance.random() < 0.1:
            members[chance.choice(tokens).decode()[:200]] = members.pop(name)
        return zipped(members)
    return _changed(content, chance, tokens)


def _changed(content: bytes, chance: random.Random, tokens: list[bytes]) -> bytes:
    data = bytearray(content)
    for _time in range(chance.choice((1, 1, 2, 4, 16))):
        chance.choice(_CHANGES)(data, chance, tokens)
    return bytes(data[:MOST_BYTES])


def _flip(data: bytearray, chance: random.Random, _tokens: list[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _number(data: bytearray, chance: random.Random, _tokens: list[bytes]) -> None:
    form = chance.choice(("<B", "<H", ">H", "<I", ">I", "<Q", ">Q"))
    size = struct.calcsize(form)
    if len(data) >= size:
        place = chance.randrange(len(data) - size + 1)
        number = chance.choice(_NUMBERS) % 256**size
        data[place : place + size] = struct.pack(form, number)


def _cut(data: bytearray, chance: random.Random, _tokens: list[bytes]) -> None:
    first, length = _span(data, chance)
    del data[first : first + length]


def _repeat(data: bytearray, chance: random.Random, _tokens: list[bytes]) -> None:
    first, length = _span(data, chance)
    times = chance.choice((1, 2, 50))
    data[first:first] = data[first : first + length] * times


def _move(data: bytearray, chance: random.Random, _tokens: list[bytes]) -> None:
    first, length = _span(data, chance)
    place = chance.randrange(len(data) + 1)
    data[place : place + length] = data[first : first + length]


def _end(data: bytearray, chance: random.Random, _tokens: list[bytes]) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _insert(data: bytearray, chance: random.Random, tokens: list[bytes]) -> None:
    place = chance.randrange(len(data) + 1)
    data[place:place] = chance.choice(tokens)


def _overwrite(data: bytearray, chance: random.Random, tokens: list[bytes]) -> None:
    word, place = chance.choice(tokens), chance.randrange(len(data) + 1)
    data[place : place + len(word)] = word


def _span(data: bytearray, chance: random.Random) -> tuple[int, int]:
    return chance.randrange(len(data) + 1), chance.choice((1, 4, 32, 512))


Change = Callable[[bytearray, random.Random, list[bytes]], None]
_CHANGES: tuple[Change, ...] = (_flip, _number, _number, _cut, _repeat, _move, _end, _insert, _insert, _overwrite)


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a ZIP file of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return out.getvalue()


def _members(content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {member: archive.read(member) for member in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError):
        return {}
