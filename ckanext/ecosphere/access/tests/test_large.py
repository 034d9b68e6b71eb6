"""Samples of files above the size limit, read in parts or from the beginning, including malicious files and servers."""

from __future__ import annotations

import gzip
import io
import re
import sqlite3
import struct
import time
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import numpy
import pytest
import shapely
from ckan.tests import factories
from ckan.tests.helpers import call_action
from pyogrio import raw
from werkzeug.datastructures import FileStorage

from ckanext.ecosphere.access.tests.test_previews import FRANCE, pictures, png, preview, varint, written_as_geoparquet

pytestmark = [pytest.mark.slow("hostile"), pytest.mark.usefixtures("nothing_counted")]

#: Unit of the size limits, and number of features of the large files.
MEGABYTE, FEATURES = 1024 * 1024, 45_000


def columns(number: int) -> dict[str, Any]:
    """Return attributes that are long and hardly compressible, so that a file of many features is large."""
    random = numpy.random.default_rng(7)
    texts = [random.bytes(90).hex() for _each in range(number)]
    return {"n": numpy.arange(number), "code": numpy.array(texts, dtype=object)}


def shapes(number: int) -> Any:
    """Return squares in France, in Lambert 93."""
    places = numpy.arange(number)
    x, y = 200_000 + places % 210 * 3_800, 6_200_000 + places // 210 * 3_800
    return shapely.to_wkb(shapely.box(x, y, x + 3_000, y + 3_000))


def written(folder: Path, name: str, driver: str, number: int = FEATURES) -> Path:
    """Write a file with GDAL."""
    folder.mkdir(exist_ok=True)
    values, path = columns(number), folder / name
    if driver == "Parquet":
        written_as_geoparquet(path, shapes(number), values)
        return path
    told = {"driver": driver, "crs": "EPSG:2154", "geometry_type": "Polygon"}
    raw.write(path, shapes(number), list(values.values()), list(values), **told)
    return path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Large files of each format."""
    folder = tmp_path_factory.mktemp("large")
    found = {"zones.gpkg": written(folder, "zones.gpkg", "GPKG").read_bytes()}
    found["zones.parquet"] = written(folder, "zones.parquet", "Parquet").read_bytes()
    found["zones.pmtiles"] = written(folder, "zones.pmtiles", "PMTiles", 4_000).read_bytes()
    written(folder / "shp", "zones.shp", "ESRI Shapefile")
    found["shp.zip"] = archive({f"Été/{path.name}": path.read_bytes() for path in sorted((folder / "shp").iterdir())})
    found["gpkg.zip"] = archive({"lisez-moi.pdf": b"%PDF", "zones.gpkg": found["zones.gpkg"]})
    found["gpkg-stored.zip"] = archive({"zones.gpkg": found["zones.gpkg"]}, zipfile.ZIP_STORED)
    texts = columns(FEATURES)["code"]
    found["csv.zip"] = archive(
        {"t.csv": b"n;code\n" + b"".join(b"%d;%b\n" % (n, each.encode()) for n, each in enumerate(texts))}
    )
    place = '{"type": "Point", "coordinates": [2, 47]}'
    point = f'{{"type": "Feature", "properties": {{"n": %d, "code": "%s"}}, "geometry": {place}}}'
    features = ",".join(point % (n, each) for n, each in enumerate(texts))
    found["zones.fgb"] = written(folder, "zones.fgb", "FlatGeobuf").read_bytes()
    for name, driver in (("t.xlsx", "XLSX"), ("t.ods", "ODS")):
        values = columns(FEATURES)
        told = {"driver": driver, "geometry_type": None, "crs": None}
        raw.write(folder / name, None, list(values.values()), list(values), **told)
        found[name] = (folder / name).read_bytes()
    found["zones.kml"] = kml(texts)
    found["zones.kmz"] = archive({"doc.kml": found["zones.kml"], "icones/rond.png": png(1)})
    found["zones.gml"] = gml(texts)
    found["gml.zip"] = archive({"zones.gml": found["zones.gml"]})
    found["geojson.zip"] = archive({"z.geojson": f'{{"type": "FeatureCollection", "features": [{features}]}}'.encode()})
    return found


def kml(texts: Any, encoding: str = "UTF-8") -> bytes:
    """Return KML with placemarks in folders and values of a schema."""
    schema = '<Schema id="s"><SimpleField name="n" type="int"/><SimpleField name="code" type="string"/></Schema>'
    placemark = (
        '<Placemark><ExtendedData><SchemaData schemaUrl="#s"><SimpleData name="n">%d</SimpleData><SimpleData '
        'name="code">%s</SimpleData></SchemaData></ExtendedData><Point><coordinates>2,47</coordinates></Point></Placemark>'
    )
    placemarks = "\n".join(placemark % (n, each) for n, each in enumerate(texts))
    head = f'<?xml version="1.0" encoding="{encoding}"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    text = f"{head}{schema}<Folder><name>Été</name>{placemarks}</Folder></Document></kml>"
    return text.encode(encoding)


def gml(texts: Any) -> bytes:
    """Return a GetFeature response of WFS 2."""
    namespaces = 'xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:d="urn:d"'
    place = '<gml:Point gml:id="p%d" srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>47 2</gml:pos></gml:Point>'
    zone = f'<d:zone gml:id="z%d"><d:n>%d</d:n><d:code>%s</d:code><d:lieu>{place}</d:lieu></d:zone>'
    members = "\n".join(f"<wfs:member>{zone}</wfs:member>" % (n, n, each, n) for n, each in enumerate(texts))
    count = f'numberMatched="{FEATURES}" numberReturned="{FEATURES}"'
    return (
        f'<?xml version="1.0"?><wfs:FeatureCollection {namespaces} {count}>{members}</wfs:FeatureCollection>'.encode()
    )


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as opened:
        for name, body in members.items():
            opened.writestr(name, body)
    return out.getvalue()


class Served:
    """A file on the hostile server, with support for range requests unless switched off.

    Attributes:
        sent: number of bytes of the requested ranges. (For an answer that the client cuts, connection buffers hold
            more.)
        asked: values of the Range header, None for the whole file.
    """

    def __init__(self, body: bytes, in_parts: bool = True, told: Callable[[int, int, int], str] | None = None):
        self.body, self.in_parts, self.told = body, in_parts, told
        self.sent, self.asked = 0, []
        self.etag: Callable[[], str] = lambda: '"1"'

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        self.asked.append(asked)
        begin, end = 0, len(self.body) - 1
        if asked and self.in_parts:
            match = re.fullmatch(r"bytes=(\d+)-(\d+)", asked)
            assert match
            begin, end = int(match[1]), min(int(match[2]), end)
            handler.send_response(206)
            self.sent += end - begin + 1
            content_range = f"bytes {begin}-{end}/{len(self.body)}"
            handler.send_header("Content-Range", self.told(begin, end, len(self.body)) if self.told else content_range)
        else:
            handler.send_response(200)
        handler.send_header("ETag", self.etag())
        handler.send_header("Content-Length", str(end - begin + 1))
        handler.end_headers()
        for place in range(begin, end + 1, 16_384):
            piece = self.body[place : min(place + 16_384, end + 1)]
            try:
                handler.wfile.write(piece)
            except OSError:
                return  # the portal has closed the connection


def forms_of(name: str) -> str:
    suffix = name.rpartition(".")[2]
    return {"pmtiles": "PMTiles", "parquet": "Parquet", "geojson": "GeoJSON"}.get(suffix, suffix.upper())


@pytest.fixture
def seen(store, hostile, monkeypatch):
    """Serve a file and return its preview, requested as the resource page does."""

    def see(name: str, answer: Any) -> dict[str, Any]:
        monkeypatch.setitem(tk.config, "ecosphere.access.sample_megabytes", 2 if name == "zones.pmtiles" else 3)
        url = hostile(f"/{name}", answer)
        resources = [{"url": url, "format": forms_of(name)}]
        dataset = factories.Dataset(owner_org=store["service"], resources=resources)
        return preview(store, f"/fr/dataset/{dataset['name']}/resource/{dataset['resources'][0]['id']}/apercu")

    return see


ALL = [
    "zones.fgb",
    "t.xlsx",
    "t.ods",
    "zones.kmz",
    "gml.zip",
    "zones.gpkg",
    "zones.parquet",
    "shp.zip",
    "gpkg.zip",
    "gpkg-stored.zip",
    "csv.zip",
    "geojson.zip",
]


@pytest.mark.parametrize("name", ALL)
def test_of_a_large_file_only_the_parts_are_asked_for_that_a_sample_needs(made, seen, name):
    served = Served(made[name])
    assert len(served.body) > 4 * MEGABYTE
    found = seen(name, served)
    assert found.get("part"), found
    place = [column["name"] for column in found["columns"]].index("n")
    numbers = [row[place] for row in found["rows"][:2]]
    assert numbers == (["209", "208"] if name == "zones.fgb" else ["0", "1"])  # FlatGeobuf orders features spatially
    rows = len(found["rows"])
    if name in ("t.xlsx", "t.ods", "csv.zip", "geojson.zip", "gpkg.zip", "zones.kmz"):
        assert (rows == 1000 and not found.get("known_total")) or found["known_total"] == FEATURES
    else:
        assert (rows, found["known_total"]) == (1000, FEATURES)
    if name not in ("csv.zip", "t.xlsx", "t.ods"):
        assert len(found["geojson"]["features"]) == 1000
    assert served.sent < 3.6 * MEGABYTE
    assert len(served.asked) <= 25, served.asked


def test_tiles_of_a_large_file_are_a_map_of_a_few_of_them(made, seen):
    served = Served(made["zones.pmtiles"])
    found = seen("zones.pmtiles", served)
    assert (found["kind"], found["part"], found["tiles"] in range(1, 5)) == ("map", True, True), found
    assert found["rows"] and found["geojson"]["features"]
    west, south, east, north = found["extent"]
    assert -6 < west < east < 11 and 41 < south < north < 52
    assert served.sent < 3.6 * MEGABYTE


def test_pictures_of_a_large_file_are_read_in_parts(seen):
    body = png(1)
    tiles = body + bytes(5 * MEGABYTE)
    served = Served(pictures([(0, 1, len(body), 0)], tiles, FRANCE, zooms=(0, 0)))
    found = seen("ortho.pmtiles", served)
    assert len(found["images"]) == 1
    assert served.sent < 200_000


@pytest.mark.parametrize("name", ["zones.gpkg", "shp.zip", "zones.pmtiles", "t.xlsx", "zones.fgb", "zones.kml"])
def test_a_large_file_that_somebody_uploaded_is_sampled_too(made, store, monkeypatch, name):
    monkeypatch.setitem(tk.config, "ecosphere.access.sample_megabytes", 2)
    monkeypatch.setitem(tk.config, "ckan.max_resource_size", 50)
    dataset = factories.Dataset(owner_org=store["service"])
    upload = FileStorage(io.BytesIO(made[name]), name)
    by = {"ignore_auth": True, "user": factories.Sysadmin()["name"]}
    told = {"package_id": dataset["id"], "url": name, "format": forms_of(name), "upload": upload}
    resource = call_action("resource_create", by, **told)
    found = preview(store, f"/fr/dataset/{dataset['name']}/resource/{resource['id']}/apercu")
    assert found["rows"] and (found.get("part") or found["counted"] == FEATURES or found["total"] == FEATURES), found


@pytest.mark.parametrize(
    "name", ["zones.gpkg", "zones.parquet", "shp.zip", "csv.zip", "zones.pmtiles", "zones.fgb", "t.xlsx", "t.ods"]
)
def test_a_large_file_whose_server_gives_no_parts_is_brought_up_to_a_bound(made, seen, monkeypatch, name):
    served = Served(made[name], in_parts=False)
    found = seen(name, served)
    assert found["rows"] and (found.get("part") or found["counted"] == FEATURES or found["total"] == FEATURES), found


@pytest.mark.parametrize(
    "name", ["zones.gpkg", "gpkg.zip", "csv.zip", "geojson.zip", "zones.parquet", "zones.fgb", "zones.kmz"]
)
def test_a_beginning_is_shown_where_it_suffices_and_else_a_sentence(made, seen, monkeypatch, name):
    monkeypatch.setitem(tk.config, "ecosphere.access.beginning_megabytes", 3)
    served = Served(made[name], in_parts=False)
    found = seen(name, served)
    if name == "zones.parquet":
        assert "trop volumineux" in found["message"], found
    else:
        assert found["part"] and found["rows"], found


def endless(first: bytes, *headers: tuple[str, str], status: int = 200) -> Callable[[Any], None]:
    """Return an answer that streams for up to a minute."""

    def answer(handler: Any) -> None:
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.end_headers()
        begin = time.monotonic()
        try:
            handler.wfile.write(first)
            while time.monotonic() - begin < 60:
                handler.wfile.write(bytes(65_536))
        except OSError:
            pass

    return answer


PK = archive({"a.csv": b"n;m\n1;2\n"})


@pytest.mark.parametrize(
    "first", [PK[:60], b"SQLite format 3\x00" + bytes(100), b"PMTiles\x03" + bytes(91) + b"\x01" + bytes(50)]
)
@pytest.mark.parametrize("length", [[], [("Content-Length", str(10**15))]], ids=["no length", "a length that lies"])
def test_a_server_that_streams_for_ever_is_left_alone(seen, monkeypatch, first, length):
    monkeypatch.setitem(tk.config, "ecosphere.access.beginning_megabytes", 3)
    begin = time.monotonic()
    found = seen("x.zip", endless(first, *length))
    assert found.get("message") or found["rows"] == [["1", "2"]], found
    assert time.monotonic() - begin < 15


def test_a_server_that_drips_is_left_alone_when_the_time_is_over(made, seen, monkeypatch):
    monkeypatch.setitem(tk.config, "ecosphere.access.seconds", 3)
    served = Served(made["zones.gpkg"])

    def slow(handler: Any) -> None:
        if len(served.asked) > 2:
            time.sleep(2)
        served(handler)

    begin = time.monotonic()
    found = seen("x.gpkg", slow)
    assert "trop de temps" in found.get("message", "") or found.get("rows"), found
    assert time.monotonic() - begin < 15


LIES = {
    "begins elsewhere": lambda begin, end, size: f"bytes {begin + 1}-{end + 1}/{size}",
    "another size": lambda begin, end, size: f"bytes {begin}-{end}/{size + begin}",
    "no size": lambda begin, end, size: f"bytes {begin}-{end}/*",
    "a size that cannot be": lambda begin, end, size: f"bytes {begin}-{end}/{10**17}",
    "no range": lambda begin, end, size: "",
    "backwards": lambda begin, end, size: f"bytes {end}-{begin}/{size}",
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_server_that_lies_about_its_parts_is_not_believed(made, seen, lie):
    """A wrong first range leads to a download from the beginning; a wrong later range is reported."""
    at_once = seen("zones.gpkg", Served(made["zones.gpkg"], told=lie))
    if at_once.get("rows"):
        assert [row[1] for row in at_once["rows"][:5]] == list(columns(5)["code"])
    else:
        assert "ne donne pas les parties" in at_once["message"]
    later = Served(made["shp.zip"])
    later.told = lambda begin, end, size: lie(begin, end, size) if begin else f"bytes {begin}-{end}/{size}"
    assert "ne donne pas les parties" in seen("shp.zip", later)["message"]


def test_a_file_that_changes_meanwhile_is_not_read_as_one(made, seen):
    served = Served(made["zones.gpkg"])
    served.etag = lambda: f'"{len(served.asked)}"'
    assert "ne donne pas les parties" in seen("x.gpkg", served)["message"]


def test_a_part_that_never_ends_is_cut(made, seen):
    served = Served(made["zones.gpkg"])

    def answer(handler: Any) -> None:
        if handler.headers.get("Range"):
            size = len(served.body)
            endless(served.body[:100], ("Content-Range", f"bytes 0-65535/{size}"), status=206)(handler)
        else:
            served(handler)

    begin = time.monotonic()
    assert seen("x.gpkg", answer)["rows"]  # read from the beginning of the file
    assert time.monotonic() - begin < 15


def directory(**lies: int) -> bytes:
    """Return a ZIP archive of one large member, with wrong values in its central directory."""
    body = bytearray(archive({"a.csv": b"n;m\n" + bytes(range(256)) * 16_000}, zipfile.ZIP_STORED))
    end = body.rfind(b"PK\x05\x06")
    central = struct.unpack_from("<I", body, end + 16)[0]
    for name, value in lies.items():
        place, form = {
            "entries": (end + 8, "<H"), "size": (end + 12, "<I"), "offset": (end + 16, "<I"),
            "header": (central + 42, "<I"),
            "packed": (central + 20, "<I"), "unpacked": (central + 24, "<I"), "method": (central + 10, "<H"),
        }[name]  # fmt: skip
        struct.pack_into(form, body, place, value)
    return bytes(body)


@pytest.mark.parametrize(
    "lies",
    [
        {"size": 2**32 - 2},
        {"size": 3 * MEGABYTE // 2, "offset": 10},
        {"offset": 2**32 - 2},
        {"offset": 0, "entries": 65_534},
        {"header": 2**32 - 2},
        {"header": 500},
        {"packed": 2**32 - 2, "unpacked": 2**32 - 2},
        {"method": 93},
        {"method": 8},
    ],
    ids=str,
)
def test_a_directory_that_lies_ends_with_a_sentence_or_a_sample(seen, lies):
    begin = time.monotonic()
    found = seen("x.zip", Served(directory(**lies)))
    assert found.get("message") or found["columns"][0]["name"] == "n", found
    assert time.monotonic() - begin < 15


@pytest.mark.parametrize("name", ["b.csv", "b.shp", "b.gpkg", "b.dbf", "b.geojson", "b.kml", "b.fgb"])
def test_of_a_bomb_only_the_beginning_is_unpacked(seen, name):
    first = {
        "b.csv": b"n;m\n1;2\n",
        "b.shp": struct.pack(">i", 9994) + bytes(96),
        "b.gpkg": b"SQLite format 3\x00\x10\x00",
        "b.dbf": struct.pack("<4sIHH", b"\x03\x01\x01\x01", 2**32 - 1, 65, 65_535) + bytes(53) + b"\r",
        "b.kml": b"<kml><Placemark a='",
        "b.fgb": b"fgb\x03fgb\x00\xff\xff\xff\x00",
        "b.geojson": b'{"type":"FeatureCollection","features":[',
    }[name]
    out = io.BytesIO()
    bomb = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
    with bomb, bomb.open(name, "w", force_zip64=True) as member:
        member.write(first)
        for _each in range(400):
            member.write(bytes(MEGABYTE))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_STORED) as opened:
        opened.writestr("rest.bin", bytes(4 * MEGABYTE))  # larger than the limit for a whole download
    served = Served(out.getvalue())
    begin = time.monotonic()
    found = seen("x.zip", served)
    assert found.get("message") or found.get("kind"), found
    assert time.monotonic() - begin < 20
    assert served.sent < 3.6 * MEGABYTE


@pytest.mark.parametrize(
    ("place", "form", "value"),
    [
        (16, ">H", 512),
        (16, ">H", 3),
        (16, ">H", 1),
        (28, ">I", 2**31),
        (28, ">I", 2),
        (20, ">B", 255),
        (56, ">I", 3),
        (18, ">H", 0x0202),
    ],
)
def test_a_header_of_sqlite_that_lies_ends_with_a_sentence_or_a_sample(made, seen, place, form, value):
    body = bytearray(made["zones.gpkg"])
    struct.pack_into(form, body, place, value)
    begin = time.monotonic()
    found = seen("x.gpkg", Served(bytes(body)))
    assert found.get("message") or [row[1] for row in found["rows"][:2]] == list(columns(2)["code"]), found
    assert time.monotonic() - begin < 20


def test_pages_of_sqlite_that_lead_in_circles_end_with_a_sentence(made, seen, tmp_path):
    path = tmp_path / "x.gpkg"
    path.write_bytes(made["zones.gpkg"])
    with sqlite3.connect(path) as opened:
        root, page = (
            opened.execute(asked).fetchone()[0]
            for asked in ("SELECT rootpage FROM sqlite_master WHERE name = 'zones'", "PRAGMA page_size")
        )
    body = bytearray(path.read_bytes())
    begin = (root - 1) * page
    assert body[begin] == 5  # an interior page of a table B-tree
    cells = struct.unpack_from(">H", body, begin + 3)[0]
    for number in range(cells):
        struct.pack_into(">I", body, begin + struct.unpack_from(">H", body, begin + 12 + 2 * number)[0], root)
    struct.pack_into(">I", body, begin + 8, root)
    served = Served(bytes(body))
    assert "endommagé" in seen("x.gpkg", served)["message"]
    assert served.sent < 3.6 * MEGABYTE


VIEW = "CREATE VIEW zones2 AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"


def test_a_view_that_never_ends_is_not_asked(made, seen, tmp_path):
    path = tmp_path / "x.gpkg"
    path.write_bytes(made["zones.gpkg"])
    with sqlite3.connect(path) as opened:
        for name in opened.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            opened.execute(f'DROP TRIGGER "{name[0]}"')
        opened.execute(VIEW)
        opened.execute("UPDATE gpkg_contents SET table_name = 'zones2'")
    begin = time.monotonic()
    assert "endommagé" in seen("x.gpkg", Served(path.read_bytes()))["message"]
    assert time.monotonic() - begin < 15


@pytest.mark.parametrize(
    "entry",
    [(0, 0, 30, 0), (0, 0, 2**40, 0), (0, 0, 30, 2**60), (0, 1, 2**40, 0), (2**62, 2**62, 1, 0)],
    ids=["a leaf of itself", "a huge leaf", "a leaf behind the end", "a huge tile", "no tile"],
)
def test_directories_of_tiles_without_end_end_with_a_sentence(seen, entry):
    leaf = gzip.compress(b"".join(map(varint, (1, 0, 0, 30, 1))))
    body = pictures([entry], bytes(5 * MEGABYTE), FRANCE, leaves=leaf, kind=1, zooms=(0, 0))
    served = Served(body)
    begin = time.monotonic()
    assert seen("x.pmtiles", served)["message"]
    assert time.monotonic() - begin < 15
    assert len(served.asked) < 20
    assert served.sent < 3.6 * MEGABYTE


def test_a_directory_of_tiles_that_is_a_bomb_ends_with_a_sentence(seen):
    body = bytearray(pictures([(0, 1, 10, 0)], bytes(5 * MEGABYTE), FRANCE, kind=1, zooms=(0, 0)))
    bomb = gzip.compress(bytes(300 * MEGABYTE))
    struct.pack_into("<QQ", body, 8, len(body), len(bomb))
    assert seen("x.pmtiles", Served(bytes(body) + bomb))["message"]


PLACE = '"type": "Feature", "geometry": {"type": "Point", "coordinates": [2, 47]}'
#: Features of GeoJSON in the layouts of other producers, and the text before and after them.
ORDERS = {
    "id first": (
        '{"type": "FeatureCollection", "features": [',
        '{"id": "z.%d", ' + PLACE + ', "properties": {"n": %d}}',
        "]}",
    ),
    "type last": (
        '{"features": [',
        '{"properties": {"n": %d, "t": "}]{%d"}, ' + PLACE + "}",
        '], "type": "FeatureCollection"}',
    ),
}


@pytest.mark.parametrize("order", ORDERS)
def test_of_a_large_geojson_the_first_features_are_shown_whatever_their_order(seen, order):
    head, feature, end = ORDERS[order]
    body = (head + ",\n".join(feature % (n, n) for n in range(45_000)) + end).encode()
    assert len(body) > 3 * MEGABYTE
    found = seen("z.geojson", Served(body, in_parts=False))
    place = [column["name"] for column in found["columns"]].index("n")
    assert (len(found["geojson"]["features"]), found["part"], found["file_size"]) == (1000, True, len(body)), found
    assert [row[place] for row in found["rows"]] == [str(number) for number in range(1000)]


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("zones.kml", "UTF-8"), ("zones.kml", "ISO-8859-1"), ("zones.gml", "UTF-8")],
)
def test_of_a_large_kml_or_gml_the_first_features_are_shown(made, seen, name, encoding):
    body = made[name] if encoding == "UTF-8" else kml(columns(12_000)["code"], encoding)
    assert len(body) > 3 * MEGABYTE
    found = seen(name, Served(body, in_parts=False))
    place = [column["name"] for column in found["columns"]].index("n")
    assert [row[place] for row in found["rows"]] == [str(number) for number in range(1000)]
    assert (len(found["geojson"]["features"]), found["file_size"]) == (1000, len(body))
    assert not {"tessellate", "drawOrder", "timestamp"} & {column["name"] for column in found["columns"]}
    assert found.get("known_total") == (FEATURES if name == "zones.gml" else None)


@pytest.mark.parametrize(
    ("name", "body", "shown"),
    [
        ("d.json", b'{"mesures": [' + b'{"lieu": "Brest", "valeurs": [1, 2]}, ' * 90_000 + b"{}]}", '"lieu": "Brest"'),
        ("d.xml", b"<?xml version='1.0'?><mesures>" + b"<lieu>Brest</lieu>" * 190_000 + b"</mesures>", "<lieu>Brest"),
    ],
)
def test_what_another_large_document_begins_with_is_shown(seen, name, body, shown):
    assert len(body) > 3 * MEGABYTE
    found = seen(name, Served(body, in_parts=False))
    assert (found["kind"], found["part"], found["cut"]) == ("text", True, True), found
    assert shown in found["text"]


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
FILLED = " " * 4 * MEGABYTE
DECLARED = "<!DOCTYPE kml [%s]><kml><Placemark>&l9;</Placemark>" + FILLED + "</kml>"
TEXTS_TO_HARM = {
    "billion laughs": (DECLARED % ('<!ENTITY l0 "ha">' + LAUGHS), "entit"),
    "an entity of a file": (DECLARED % '<!ENTITY l9 SYSTEM "file:///etc/passwd">', "entit"),
    "a tag without end": (f'<kml><Placemark a="{FILLED}', "volumineux"),
    "a text without end": (f"<kml><Placemark>{FILLED}", "volumineux"),
    "no feature": (f"<kml>{'<a/>' * MEGABYTE}</kml>", "volumineux"),
    "without end of depth": (f"<kml>{'<a>' * 2 * MEGABYTE}", "complexes"),
    "not well-formed": (f"<kml><Placemark></kml>{FILLED}", "endommagé"),
    "a name without end": (f"<kml><{'a' * 4 * MEGABYTE}", "volumineux"),
    "a string without end": ('{"type": "FeatureCollection", "features": ["' + r"\"" * 2 * MEGABYTE, "volumineux"),
    "lists without end": ('{"type": "FeatureCollection", "features": ' + "[" * 4 * MEGABYTE, "volumineux"),
    "one feature without end": (
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"a": "' + "a" * 4 * MEGABYTE,
        "volumineux",
    ),
    "a line without end": ("a;b;" * MEGABYTE, "volumineux"),
    "a topology": ('{"type": "Topology", "arcs": [' + "[1, 2], " * MEGABYTE, "volumineux"),
}  # fmt: skip


@pytest.mark.parametrize("harm", TEXTS_TO_HARM)
def test_a_large_text_made_to_do_harm_ends_with_a_sentence(seen, harm):
    text, sentence = TEXTS_TO_HARM[harm]
    begin = time.monotonic()
    found = seen("x.kml", Served(text.encode(), in_parts=False))
    assert sentence in found.get("message", ""), found
    assert time.monotonic() - begin < 20


BOOK = {
    "xl/workbook.xml": '<workbook xmlns:r="urn:r"><sheets><sheet name="Été" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Rels><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Rels>',
}
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def book(sheet: str, texts: str = "", **others: str) -> bytes:
    """Return a workbook above the limit for a whole download."""
    members = {**BOOK, "xl/worksheets/sheet1.xml": sheet, "xl/sharedStrings.xml": texts, **others}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, body in members.items():
            made.writestr(name, body)
        made.writestr("xl/media/image1.png", bytes(4 * MEGABYTE), zipfile.ZIP_STORED)
    return out.getvalue()


def sheet(rows: str) -> str:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def shared(*cells: int) -> str:
    return "<row>" + "".join(f'<c t="s"><v>{cell}</v></c>' for cell in cells) + "</row>"


def test_a_workbook_is_read_as_far_as_its_texts_are_to_be_had(seen):
    texts = "".join(f"<si><t>t{number}</t></si>" for number in range(10))
    rows = "".join(shared(number, number) for number in [*range(10), 999])
    found = seen("x.xlsx", Served(book(sheet(rows), f'<sst xmlns="{MAIN}">{texts}</sst>')))
    told = [[column["name"] for column in found["columns"]], *found["rows"]]
    assert (found["part"], ["t9", "t9"] in told, len(told)) == (True, True, 11 if ["t0", "t0"] in told else 10), found


BOOKS = {
    "a row without end": (sheet("<row>" + "<c><v>1</v></c>" * 2 * MEGABYTE), "volumineux"),
    "a sheet that is a bomb": (f"<worksheet><sheetData>{' ' * 300 * MEGABYTE}", "volumineux"),
    "entities": (f'<!DOCTYPE w [<!ENTITY l0 "ha">{LAUGHS}]>' + sheet("<row><c><v>&l9;</v></c></row>"), "entit"),
    "texts that are missing": (sheet(shared(999_999_999) * 3), "volumineux"),
    "no XML": ("PK", "endommagé"),
}


@pytest.mark.parametrize("harm", BOOKS)
def test_a_large_workbook_made_to_do_harm_ends_with_a_sentence(seen, harm):
    body, sentence = BOOKS[harm]
    served = Served(book(body, f'<sst xmlns="{MAIN}">{"<si><t>a</t></si>" * 5}</sst>'))
    begin = time.monotonic()
    found = seen("x.xlsx", served)
    assert sentence in found.get("message", ""), found
    assert time.monotonic() - begin < 20
    assert served.sent < 3.6 * MEGABYTE


def test_texts_of_a_workbook_that_are_a_bomb_are_read_up_to_a_bound(seen):
    bomb = f'<sst xmlns="{MAIN}"><si><t>{"a" * 300 * MEGABYTE}'
    found = seen("x.xlsx", Served(book(sheet(shared(0, 1) + "<row><c><v>1</v></c></row>"), bomb)))
    assert "volumineux" in found.get("message", ""), found


@pytest.mark.parametrize(
    ("place", "form", "value"),
    [
        (8, "<I", 2**32 - 1), (8, "<I", 3), (12, "<I", 2**32 - 1), (12, "<I", 0), ("table", "<i", 2**31 - 1),
        ("count", "<Q", 2**63), ("count", "<Q", 10**9), ("count", "<Q", 1), ("feature", "<I", 2**32 - 1),
        ("feature", "<I", 0),
    ],
)  # fmt: skip
def test_a_flatgeobuf_that_lies_ends_with_a_sentence_or_a_sample(made, seen, place, form, value):
    body = bytearray(made["zones.fgb"])
    root = 12 + struct.unpack_from("<I", body, 12)[0]
    table = root - struct.unpack_from("<i", body, root)[0]
    count = root + struct.unpack_from("<H", body, table + 20)[0]
    assert struct.unpack_from("<Q", body, count)[0] == FEATURES
    nodes = level = FEATURES
    while level > 1:
        level = -(-level // 16)
        nodes += level
    feature = 12 + struct.unpack_from("<I", body, 8)[0] + 40 * nodes
    struct.pack_into(form, body, {"table": root, "count": count, "feature": feature}.get(place, place), value)
    served = Served(bytes(body))
    begin = time.monotonic()
    found = seen("x.fgb", served)
    assert found.get("message") or found["rows"], found
    assert time.monotonic() - begin < 20
    assert served.sent < 3.6 * MEGABYTE
