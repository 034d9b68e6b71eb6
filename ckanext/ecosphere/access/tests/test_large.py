"""Previews of large files: whole up to a limit, of larger texts the beginning.

Malicious files and servers.
"""

from __future__ import annotations

import io
import sqlite3
import struct
import time
import zipfile
from collections.abc import Callable
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

from ckanext.ecosphere.access.tests.test_previews import png, preview, written_as_geoparquet

pytestmark = [pytest.mark.slow("hostile"), pytest.mark.usefixtures("nothing_counted")]

#: Unit of the size limits, and number of features of the large files.
MEGABYTE, FEATURES = 1024 * 1024, 45_000


def columns(number: int) -> dict[str, Any]:
    """Return attributes that are long and hardly compressible,
    so that a file of many features is large.
    """
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
    written(folder / "shp", "zones.shp", "ESRI Shapefile")
    found["shp.zip"] = archive(
        {f"Été/{path.name}": path.read_bytes() for path in sorted((folder / "shp").iterdir())}
    )
    found["gpkg.zip"] = archive({"lisez-moi.pdf": b"%PDF", "zones.gpkg": found["zones.gpkg"]})
    texts = columns(FEATURES)["code"]
    found["csv.zip"] = archive(
        {
            "t.csv": b"n;code\n"
            + b"".join(b"%d;%b\n" % (n, each.encode()) for n, each in enumerate(texts))
        }
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
    found["geojson.zip"] = archive(
        {"z.geojson": f'{{"type": "FeatureCollection", "features": [{features}]}}'.encode()}
    )
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
    members = "\n".join(
        f"<wfs:member>{zone}</wfs:member>" % (n, n, each, n) for n, each in enumerate(texts)
    )
    count = f'numberMatched="{FEATURES}" numberReturned="{FEATURES}"'
    begin = f'<?xml version="1.0"?><wfs:FeatureCollection {namespaces} {count}>'
    return f"{begin}{members}</wfs:FeatureCollection>".encode()


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as opened:
        for name, body in members.items():
            opened.writestr(name, body)
    return out.getvalue()


class Served:
    """A file on the hostile server."""

    def __init__(self, body: bytes):
        self.body = body

    def __call__(self, handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(self.body)))
        handler.end_headers()
        for place in range(0, len(self.body), 16_384):
            piece = self.body[place : place + 16_384]
            try:
                handler.wfile.write(piece)
            except OSError:
                return  # the portal has closed the connection


def forms_of(name: str) -> str:
    suffix = name.rpartition(".")[2]
    return {"parquet": "Parquet", "geojson": "GeoJSON"}.get(suffix, suffix.upper())


@pytest.fixture
def seen(store, hostile, monkeypatch):
    """Serve a file and return its preview, requested as the resource page does."""

    def see(name: str, answer: Any, megabytes: int = 3) -> dict[str, Any]:
        monkeypatch.setitem(tk.config, "ecosphere.access.sample_megabytes", megabytes)
        url = hostile(f"/{name}", answer)
        resources = [{"url": url, "format": forms_of(name)}]
        dataset = factories.Dataset(owner_org=store["service"], resources=resources)
        return preview(
            store, f"/fr/dataset/{dataset['name']}/resource/{dataset['resources'][0]['id']}/apercu"
        )

    return see


BINARY = [
    "zones.fgb",
    "t.xlsx",
    "zones.kmz",
    "gml.zip",
    "zones.gpkg",
    "zones.parquet",
    "shp.zip",
    "gpkg.zip",
]


@pytest.mark.parametrize("name", [*BINARY, "csv.zip", "geojson.zip"])
def test_a_large_file_below_the_limit_is_read_whole_and_its_first_features_are_shown(
    made, seen, name
):
    found = seen(name, Served(made[name]), 50)
    place = [column["name"] for column in found["columns"]].index("n")
    numbers = [row[place] for row in found["rows"][:2]]
    assert numbers == (
        ["209", "208"] if name == "zones.fgb" else ["0", "1"]
    )  # FlatGeobuf orders features spatially
    assert (len(found["rows"]), found["cut"]) == (1000, True)
    assert (found["total"] if name != "csv.zip" else found["counted"]) == FEATURES
    assert "part" not in found
    if name not in ("csv.zip", "t.xlsx"):
        assert len(found["geojson"]["features"]) == 1000


def test_of_a_large_ods_that_gdal_gives_up_is_told_that_it_is_too_complex(made, seen):
    assert "trop complexes" in seen("t.ods", Served(made["t.ods"]), 50)["message"]


@pytest.mark.parametrize("name", ["t.xlsx", "zones.gpkg", "zones.parquet", "shp.zip", "csv.zip"])
def test_a_file_above_the_limit_is_not_shown_and_its_size_is_told(made, seen, name):
    served = Served(made[name])
    assert len(served.body) > 4 * MEGABYTE
    message = seen(name, served)["message"]
    assert "trop volumineux" in message
    assert f"{round(len(served.body) / MEGABYTE)}\xa0Mo" in message


@pytest.mark.parametrize("name", ["zones.gpkg", "shp.zip", "t.xlsx", "zones.fgb", "zones.kml"])
def test_a_large_file_that_somebody_uploaded_is_read_where_it_is(made, store, monkeypatch, name):
    monkeypatch.setitem(tk.config, "ecosphere.access.sample_megabytes", 2)
    monkeypatch.setitem(tk.config, "ckan.max_resource_size", 50)
    dataset = factories.Dataset(owner_org=store["service"])
    upload = FileStorage(io.BytesIO(made[name]), name)
    by = {"ignore_auth": True, "user": factories.Sysadmin()["name"]}
    told = {"package_id": dataset["id"], "url": name, "format": forms_of(name), "upload": upload}
    resource = call_action("resource_create", by, **told)
    found = preview(store, f"/fr/dataset/{dataset['name']}/resource/{resource['id']}/apercu")
    assert (len(found["rows"]), found["total"]) == (1000, FEATURES)


def test_of_a_large_flatgeobuf_gdal_reads_the_beginning(made, seen):
    found = seen("zones.fgb", Served(made["zones.fgb"]))
    assert (len(found["rows"]), found["part"], found["known_total"]) == (1000, True, FEATURES)


def test_of_a_large_text_in_an_archive_the_beginning_is_unpacked(seen):
    rows = b"".join(b"%d;%b\n" % (n, b"x" * 90) for n in range(500_000))
    body = archive({"t.csv": b"n;code\n" + rows})
    found = seen("t.zip", Served(body))
    assert (found["part"], found["file_size"], found["rows"][999][0]) == (True, len(body), "999")


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
    "first", [PK[:60], b"SQLite format 3\x00" + bytes(100), b"PAR1" + bytes(50)]
)
@pytest.mark.parametrize(
    "length", [[], [("Content-Length", str(10**15))]], ids=["no length", "a length that lies"]
)
def test_a_server_that_streams_for_ever_is_left_alone(seen, first, length):
    begin = time.monotonic()
    assert "trop volumineux" in seen("x.zip", endless(first, *length))["message"]
    assert time.monotonic() - begin < 15


def test_a_server_that_drips_is_left_alone_when_the_time_is_over(seen, monkeypatch):
    monkeypatch.setitem(tk.config, "ecosphere.access.seconds", 3)

    def slow(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"SQLite format 3\x00" + bytes(100))
        time.sleep(8)

    begin = time.monotonic()
    assert seen("x.gpkg", slow)["message"]
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
    found = seen("x.zip", Served(directory(**lies)), 50)
    assert found.get("message") or found["columns"][0]["name"] == "n", found
    assert time.monotonic() - begin < 15


@pytest.mark.parametrize(
    "name", ["b.csv", "b.shp", "b.gpkg", "b.dbf", "b.geojson", "b.kml", "b.fgb"]
)
def test_of_a_bomb_no_more_than_the_beginning_is_unpacked(seen, name):
    first = {
        "b.csv": b"n;m\n1;2\n",
        "b.shp": struct.pack(">i", 9994) + bytes(96),
        "b.gpkg": b"SQLite format 3\x00\x10\x00",
        "b.dbf": struct.pack("<4sIHH", b"\x03\x01\x01\x01", 2**32 - 1, 65, 65_535)
        + bytes(53)
        + b"\r",
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
    begin = time.monotonic()
    found = seen("x.zip", Served(out.getvalue()))
    assert found["message"], found
    assert time.monotonic() - begin < 20


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
def test_a_header_of_sqlite_that_lies_ends_with_a_sentence_or_a_sample(
    made, seen, place, form, value
):
    body = bytearray(made["zones.gpkg"])
    struct.pack_into(form, body, place, value)
    begin = time.monotonic()
    found = seen("x.gpkg", Served(bytes(body)), 50)
    assert found.get("message") or [row[1] for row in found["rows"][:2]] == list(
        columns(2)["code"]
    ), found
    assert time.monotonic() - begin < 20


def test_pages_of_sqlite_that_lead_in_circles_end_with_a_sentence(made, seen, tmp_path):
    path = tmp_path / "x.gpkg"
    path.write_bytes(made["zones.gpkg"])
    with sqlite3.connect(path) as opened:
        root, page = (
            opened.execute(asked).fetchone()[0]
            for asked in (
                "SELECT rootpage FROM sqlite_master WHERE name = 'zones'",
                "PRAGMA page_size",
            )
        )
    body = bytearray(path.read_bytes())
    begin = (root - 1) * page
    assert body[begin] == 5  # an interior page of a table B-tree
    cells = struct.unpack_from(">H", body, begin + 3)[0]
    for number in range(cells):
        struct.pack_into(
            ">I", body, begin + struct.unpack_from(">H", body, begin + 12 + 2 * number)[0], root
        )
    struct.pack_into(">I", body, begin + 8, root)
    assert "endommagé" in seen("x.gpkg", Served(bytes(body)), 50)["message"]


VIEW = "CREATE VIEW zones2 AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"


def test_a_view_that_never_ends_is_not_asked(made, seen, tmp_path):
    path = tmp_path / "x.gpkg"
    path.write_bytes(made["zones.gpkg"])
    with sqlite3.connect(path) as opened:
        for name in opened.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            opened.execute(f'DROP TRIGGER "{name[0]}"')
        opened.execute(VIEW)
        opened.execute("UPDATE gpkg_contents SET table_name = 'zones2'")
    begin = time.monotonic()
    assert "endommagé" in seen("x.gpkg", Served(path.read_bytes()), 50)["message"]
    assert time.monotonic() - begin < 15


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
    found = seen("z.geojson", Served(body))
    place = [column["name"] for column in found["columns"]].index("n")
    assert (len(found["geojson"]["features"]), found["part"], found["file_size"]) == (
        1000,
        True,
        len(body),
    ), found
    assert [row[place] for row in found["rows"]] == [str(number) for number in range(1000)]


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("zones.kml", "UTF-8"), ("zones.kml", "ISO-8859-1"), ("zones.gml", "UTF-8")],
)
def test_of_a_large_kml_or_gml_the_first_features_are_shown(made, seen, name, encoding):
    body = made[name] if encoding == "UTF-8" else kml(columns(12_000)["code"], encoding)
    assert len(body) > 3 * MEGABYTE
    found = seen(name, Served(body))
    place = [column["name"] for column in found["columns"]].index("n")
    assert [row[place] for row in found["rows"]] == [str(number) for number in range(1000)]
    assert (len(found["geojson"]["features"]), found["file_size"]) == (1000, len(body))
    assert not {"tessellate", "drawOrder", "timestamp"} & {
        column["name"] for column in found["columns"]
    }
    assert found.get("known_total") == (FEATURES if name == "zones.gml" else None)


@pytest.mark.parametrize(
    ("name", "body", "shown"),
    [
        (
            "d.json",
            b'{"mesures": [' + b'{"lieu": "Brest", "valeurs": [1, 2]}, ' * 90_000 + b"{}]}",
            '"lieu": "Brest"',
        ),
        (
            "d.xml",
            b"<?xml version='1.0'?><mesures>" + b"<lieu>Brest</lieu>" * 190_000 + b"</mesures>",
            "<lieu>Brest",
        ),
    ],
)
def test_what_another_large_document_begins_with_is_shown(seen, name, body, shown):
    assert len(body) > 3 * MEGABYTE
    found = seen(name, Served(body))
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
    "without end of depth": (f"<kml>{'<a>' * 2 * MEGABYTE}", "volumineux"),
    "not well-formed": (f"<kml><Placemark></kml>{FILLED}", "volumineux"),
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
    found = seen("x.kml", Served(text.encode()))
    assert sentence in found.get("message", ""), found
    assert time.monotonic() - begin < 20


BOOK = {
    "xl/workbook.xml": '<workbook xmlns:r="urn:r"><sheets><sheet name="Été" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Rels><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Rels>',
}
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def book(sheet: str, texts: str = "", **others: str) -> bytes:
    """Return a workbook with a picture."""
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


BOOKS = {
    "a row without end": (sheet("<row>" + "<c><v>1</v></c>" * 2 * MEGABYTE), "volumineuse"),
    "a sheet that is a bomb": (f"<worksheet><sheetData>{' ' * 300 * MEGABYTE}", "volumineuse"),
    "entities": (
        f'<!DOCTYPE w [<!ENTITY l0 "ha">{LAUGHS}]>' + sheet("<row><c><v>&l9;</v></c></row>"),
        "endommagé",
    ),
    "texts that are missing": (sheet(shared(999_999_999) * 3), "endommagé"),
    "no XML": ("PK", "endommagé"),
}


@pytest.mark.parametrize("harm", BOOKS)
def test_a_large_workbook_made_to_do_harm_ends_with_a_sentence(seen, harm):
    body, sentence = BOOKS[harm]
    texts = f'<sst xmlns="{MAIN}">{"<si><t>a</t></si>" * 5}</sst>'
    begin = time.monotonic()
    found = seen("x.xlsx", Served(book(body, texts)), 50)
    assert sentence in found.get("message", ""), found
    assert time.monotonic() - begin < 20


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
    struct.pack_into(
        form, body, {"table": root, "count": count, "feature": feature}.get(place, place), value
    )
    begin = time.monotonic()
    found = seen("x.fgb", Served(bytes(body)), 50)
    assert found.get("message") or found["rows"], found
    assert time.monotonic() - begin < 20
