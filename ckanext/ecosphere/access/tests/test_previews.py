"""Previews over HTTP: map images and samples made by background jobs, including malicious files."""

from __future__ import annotations

import io
import json
import random
import re
import resource
import sqlite3
import struct
import threading
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import numpy
import pytest
import shapely
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import call_action
from pyogrio import raw
from werkzeug.datastructures import FileStorage

from ckanext.ecosphere.access import jobs
from ckanext.ecosphere.access.model import Sample
from ckanext.ecosphere.access.preview import files, geo, samples, tables
from ckanext.ecosphere.access.preview.kinds import PreviewError
from ckanext.ecosphere.access.tests.conftest import address
from ckanext.ecosphere.shared.confinement import sandbox
from ckanext.ecosphere.tests.scripted_server import serve

GEOJSON = (Path(__file__).parents[4] / "dev/ogc/data/zones-humides.geojson").read_bytes()


pytestmark = pytest.mark.usefixtures("nothing_counted")


def preview(store, path: str, headers: dict[str, str] | None = None):
    """Request a preview as the page does, run the job, and fetch the result."""
    wanted = store["client"].post(path, headers=headers)
    if wanted.status_code != 200:
        return wanted.json
    jobs.make_samples()
    return json.loads(store["client"].get(path, headers=headers).data)


def sample(body: bytes, tmp_path: Path, name: str = "", seconds: int = 20):
    """Read a file as the background job does, in the sandboxed process."""
    (tmp_path / "in").write_bytes(body)
    job = {
        "task": "sample",
        "module": files.READER,
        "input": str(tmp_path / "in"),
        "output": str(tmp_path / "out"),
        "rows": 100,
        "name": name,
    }
    facts = sandbox.run(job, seconds, 700)
    return facts, json.loads((tmp_path / "out").read_text())


def png(shade: int) -> bytes:
    """Return a PNG of one pixel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + chunk(b"IDAT", zlib.compress(bytes([0, shade])))
        + chunk(b"IEND", b"")
    )


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), body)
    return out.getvalue()


def made_by_gdal(driver: str, suffix: str, tmp_path: Path) -> dict[str, bytes]:
    """Convert the wetlands to another format, in Lambert 93."""
    import shapely
    from pyogrio import raw
    from pyproj import Transformer

    from ckanext.ecosphere.shared.confinement.coordinates import mover

    source = tmp_path / "source.geojson"
    source.write_bytes(GEOJSON)
    meta, _ids, geometry, values = raw.read(source)
    move = mover(Transformer.from_crs("OGC:CRS84", "EPSG:2154", always_xy=True))
    moved = shapely.to_wkb(shapely.transform(shapely.from_wkb(geometry), move))
    crs = "EPSG:4326" if driver == "KML" else "EPSG:2154"
    folder = tmp_path / "made"
    folder.mkdir()
    fields = list(meta["fields"])
    shapes = {"KML": geometry, "XLSX": None}.get(driver, moved)
    kind = None if shapes is None else "Polygon"
    if driver == "Parquet":
        written_as_geoparquet(
            folder / f"zones{suffix}", shapes, dict(zip(fields, values, strict=True))
        )
        return {path.name: path.read_bytes() for path in folder.iterdir()}
    raw.write(
        folder / f"zones{suffix}",
        shapes,
        values,
        fields,
        driver=driver,
        crs=crs,
        geometry_type=kind,
    )
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_tile_of_a_service_is_an_image_of_ours(store):
    path = address(store, "Carte", "carte/9/253/178?couche=zones_humides")
    answer = store["client"].get(path)
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert answer.data.startswith(b"\x89PNG")
    assert "public" in answer.headers["Cache-Control"]
    assert len(set(answer.data)) > 20  # something is drawn
    assert (
        store["client"].get(address(store, "Carte", "carte/9/253/178?couche=../secret")).status_code
        == 404
    )
    assert store["client"].get(address(store, "Carte", "carte/3/900/1")).status_code == 404
    assert store["client"].get(path.replace("zones-humides/", "ailleurs/", 1)).status_code == 404


def test_a_tile_of_a_private_dataset_is_for_its_readers(store):
    resources = [{"url": store["ogc"] + "/wms?layers=zones_humides", "format": "WMS"}]
    private = factories.Dataset(owner_org=store["service"], private=True, resources=resources)
    path = f"/dataset/{private['name']}/resource/{private['resources'][0]['id']}/carte/9/253/178"
    assert store["client"].get(path).status_code == 404
    assert store["client"].get(path, headers=store["reader"]).status_code == 404
    answer = store["client"].get(path, headers=store["editor"])
    assert answer.status_code == 200
    assert "private" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("name", ["Données", "API", "Fichier"])
def test_features_become_a_map_and_a_table(store, name):
    found = preview(store, address(store, name, "apercu"))
    assert found["kind"] == "map", found
    assert found["counted"] == (20 if name == "API" else 60)
    assert -1.95 < found["extent"][0] < -1.5
    assert {column["name"]: column["type"] for column in found["columns"]}["surface_ha"] == "number"
    assert len(found["geojson"]["features"]) == found["counted"]


def test_of_a_page_of_a_service_is_told_of_how_many_features_it_is(store):
    found = preview(store, address(store, "API", "apercu"))
    assert (found["page"], found["cut"], found["known_total"]) == (True, True, 60)
    assert "page" not in preview(store, address(store, "Fichier", "apercu"))


def test_a_service_that_only_names_the_next_page_has_more_features(loaded, tmp_path):
    document = {
        **json.loads(GEOJSON),
        "links": [{"rel": "next", "href": "https://x.example.org/2"}],
    }
    _facts, found = sample(json.dumps(document).encode(), tmp_path)
    assert found["page"] and found["part"] and "known_total" not in found


def test_a_preview_is_made_once_and_anew_when_the_resource_changes(store):
    path = address(store, "Fichier", "apercu")
    preview(store, path)
    assert store["client"].post(path).json == {"state": "made"}
    context: Any = {"ignore_auth": True, "user": "anne"}
    tk.get_action("resource_patch")(
        context, {"id": store["resources"]["Fichier"], "url": store["ogc"] + "/files/x.geojson"}
    )
    assert store["client"].get(path).json == {"state": "none"}
    found = preview(store, path)
    assert (found["state"], "erreur" in found["message"]) == ("broken", True)


def test_a_preview_asks_the_server_in_the_background_only(store, hostile, heard):
    url = hostile("/data.csv", "code;nom\n01001;L’Abergement\n".encode("cp1252"), "text/csv")
    made = factories.Dataset(owner_org=store["service"], resources=[{"url": url, "format": "CSV"}])
    path = f"/fr/dataset/{made['name']}/resource/{made['resources'][0]['id']}/apercu"
    assert store["client"].get(f"/fr/dataset/{made['name']}").status_code == 200
    assert store["client"].get(path).json == {"state": "none"}
    assert store["client"].post(path).json == {"state": "wanted"}
    assert heard == []
    jobs.make_samples()
    found = store["client"].get(path).json
    assert (found["encoding"], found["delimiter"], found["rows"]) == (
        "windows-1252",
        ";",
        [["01001", "L’Abergement"]],
    )


def test_previews_are_braked(store, monkeypatch):
    monkeypatch.setitem(tk.config, "ecosphere.access.image_limits", "1 per minute")
    path = address(store, "Carte", "carte/9/253/178")
    assert store["client"].get(path).status_code == 200
    answer = store["client"].get(path)
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"<html>non</html>", "text/html", 424),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            "image/svg+xml",
            424,
        ),
        (b"<script>alert(1)</script>", "image/png", 424),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 5_000_000, "image/png", 424),
    ],
    ids=["html", "svg", "script", "huge"],
)
def test_what_is_no_image_is_not_handed_on(store, hostile, body, kind, status):
    wms = (Path(__file__).parents[4] / "dev/ogc/data/wms.xml").read_bytes()

    def answer(handler):
        capabilities = "GetCapabilities" in handler.path
        content = wms if capabilities else body
        handler.send_response(200)
        handler.send_header("Content-Type", "text/xml" if capabilities else kind)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    url = hostile(f"/bad{random.random()}/wms", answer)
    resources = [{"url": url + "?layers=zones_humides", "format": "WMS"}]
    made = factories.Dataset(owner_org=store["service"], resources=resources)
    jobs.read_services()
    found = store["client"].get(
        f"/dataset/{made['name']}/resource/{made['resources'][0]['id']}/carte/9/253/178"
    )
    assert (found.status_code, found.mimetype) == (status, "application/json")
    assert found.json["message"]


@pytest.mark.slow("load")
@pytest.mark.parametrize("name", ["grand.csv", "grand.geojson"])
def test_of_a_large_file_the_beginning_is_shown(store, hostile, monkeypatch, name):
    monkeypatch.setitem(tk.config, "ecosphere.access.sample_megabytes", 1)
    point = '{"type": "Feature", "properties": {"n": "%s"}, "geometry": {"type": "Point", "coordinates": [2, 47]}}'
    lines = [f"{number};Quimper, où il pleut" for number in range(60_000)]
    features = ",\n".join(point % number for number in range(12_000))
    body = (
        "n;lieu\n" + "\n".join(lines)
        if name == "grand.csv"
        else f'{{"type": "FeatureCollection", "features": [{features}]}}'
    )
    url = hostile(f"/{name}", body.encode(), "text/plain")
    dataset = factories.Dataset(
        owner_org=store["service"], resources=[{"url": url, "format": name.partition(".")[2]}]
    )
    path = f"/fr/dataset/{dataset['name']}/resource/{dataset['resources'][0]['id']}/apercu"
    found = preview(store, path)
    assert found["part"] and found["cut"], found
    assert [row[0] for row in found["rows"][:2]] == ["0", "1"]
    assert len(found["rows"]) == 1000


def test_a_large_file_that_cannot_be_shown_in_part_is_told_to_be_too_large(
    store, hostile, monkeypatch
):
    monkeypatch.setitem(tk.config, "ecosphere.access.sample_megabytes", 1)
    body = zipped(xl__workbook_dot_xml=random.Random(7).randbytes(2_000_000))
    url = hostile("/grand.xlsx", body, "application/zip")
    dataset = factories.Dataset(
        owner_org=store["service"], resources=[{"url": url, "format": "XLSX"}]
    )
    path = f"/fr/dataset/{dataset['name']}/resource/{dataset['resources'][0]['id']}/apercu"
    assert "trop volumineux" in preview(store, path)["message"]


def test_documents_are_shown_when_they_are_documents(store, hostile):
    pdf = hostile("/notice.pdf", b"%PDF-1.4\n%%EOF", "text/html")
    lie = hostile("/lie.pdf", b"<script>alert(1)</script>", "application/pdf")
    resources = [{"url": pdf, "format": "PDF"}, {"url": lie, "format": "PDF"}]
    made: Any = factories.Dataset(owner_org=store["service"], resources=resources)
    first, second = (
        f"/dataset/{made['name']}/resource/{each['id']}/voir" for each in made["resources"]
    )
    answer = store["client"].get(first)
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert store["client"].get(second).status_code == 424


def written_as_geoparquet(path: Path, shapes: Any, values: dict[str, Any], **column: Any) -> None:
    """Write a GeoParquet file in Lambert 93."""
    import pyarrow
    from pyarrow import parquet
    from pyproj import CRS

    column = {
        "encoding": "WKB",
        "geometry_types": [],
        "crs": CRS.from_epsg(2154).to_json_dict(),
        **column,
    }
    told = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    table = pyarrow.table(
        {
            **{name: [geo.plain(value) for value in each] for name, each in values.items()},
            "geometry": list(shapes),
        }
    )
    parquet.write_table(table.replace_schema_metadata({"geo": json.dumps(told)}), path)


@pytest.mark.few(2, "formats")
@pytest.mark.parametrize(
    ("driver", "suffix"),
    [
        ("GPKG", ".gpkg"),
        ("ESRI Shapefile", ".shp"),
        ("KML", ".kml"),
        ("FlatGeobuf", ".fgb"),
        ("Parquet", ".parquet"),
    ],
)
def test_geographic_files_are_shown_in_degrees(loaded, tmp_path, driver, suffix):
    parts = made_by_gdal(driver, suffix, tmp_path)
    body = next(iter(parts.values()))
    if suffix == ".shp":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, content in parts.items():
                archive.writestr(f"Dossier été/{name}", content)
        body = out.getvalue()
    facts, found = sample(body, tmp_path)
    assert facts["kind"] == "map"
    assert facts["extent"] == pytest.approx([-1.9098, 46.9819, -1.1679, 47.4525], abs=0.001)
    assert len(found["geojson"]["features"]) == 60


@pytest.mark.slow("formats")
def test_a_parquet_file_is_a_table_or_a_map_only_of_what_says_where_it_lies(loaded, tmp_path):
    import pyarrow
    from pyarrow import parquet

    rows = {
        "code": ["01001", "02002", None],
        "n": [1, 2, 3],
        "tags": [["a"], [], None],
        "raw": [b"x", None, b"y"],
    }
    parquet.write_table(pyarrow.table(rows), tmp_path / "t.parquet")
    facts, found = sample((tmp_path / "t.parquet").read_bytes(), tmp_path)
    assert (facts["kind"], facts["total"], facts["counted"]) == ("table", 3, 3)
    assert [(each["name"], each["type"], each["empty"]) for each in found["columns"]] == [
        ("code", "text", 1), ("n", "integer", 0), ("tags", "text", 1), ("raw", "empty", 3),
    ]  # fmt: skip
    for column, code in (
        ({"crs": None}, "no-crs"),
        ({"encoding": "x"}, "unreadable"),
        ({"crs": {"a": 1}}, "no-crs"),
    ):
        written_as_geoparquet(
            tmp_path / "g.parquet", [b"\x01\x01\x00\x00\x00" + bytes(16)], {"a": [1]}, **column
        )
        with pytest.raises(PreviewError) as raised:
            sample((tmp_path / "g.parquet").read_bytes(), tmp_path)
        assert raised.value.code == code


@pytest.mark.slow("hostile")
@pytest.mark.parametrize("mark", [b"PAR1", b"fgb\x03"])
def test_a_file_of_columns_or_features_that_is_none_ends_with_a_sentence(loaded, tmp_path, mark):
    for body in (mark, mark + bytes(200), mark + b"\xff" * 5000 + b"\xff\xff\xff\x7f" + mark):
        with pytest.raises(PreviewError):
            sample(body, tmp_path)


@pytest.mark.slow("formats")
def test_a_workbook_and_a_dbf_become_tables(loaded, tmp_path):
    (tmp_path / "x").mkdir()
    body = made_by_gdal("XLSX", ".xlsx", tmp_path / "x")
    facts, found = sample(next(iter(body.values())), tmp_path, "table.xlsx")
    assert (facts["kind"], facts["counted"]) == ("table", 60)
    assert "nature" in [column["name"] for column in found["columns"]]
    dbf = made_by_gdal("ESRI Shapefile", ".shp", tmp_path)["zones.dbf"]
    facts, found = sample(dbf, tmp_path, "zones.dbf")
    assert (facts["kind"], facts["counted"], found["rows"][0][1]) == ("table", 60, "44ZH0001")


@pytest.mark.slow("formats")
@pytest.mark.parametrize("written", ["CP1252", "UTF-8"])
@pytest.mark.parametrize("driver", [0, 3, 87])
def test_attributes_of_a_shapefile_that_does_not_tell_its_encoding_are_read(
    loaded, tmp_path, written, driver
):
    (tmp_path / "x").mkdir()
    names = numpy.array(["Forêt d’Évry", "œuvre"], dtype=object)
    points = shapely.to_wkb(shapely.points([[350_000, 6_690_000], [351_000, 6_691_000]]))
    target = str(tmp_path / "x" / "a.shp")
    raw.write(
        target, points, [names], ["nom"], geometry_type="Point", crs="EPSG:2154", encoding=written
    )
    (tmp_path / "x" / "a.cpg").unlink()
    table = bytearray((tmp_path / "x" / "a.dbf").read_bytes())
    table[29] = driver
    (tmp_path / "x" / "a.dbf").write_bytes(table)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for file in (tmp_path / "x").iterdir():
            archive.write(file, f"Données/{file.name}")
    for body, name in (((tmp_path / "a.zip").read_bytes(), "a.zip"), (bytes(table), "a.dbf")):
        _facts, found = sample(body, tmp_path, name)
        assert [row[0] for row in found["rows"]] == list(names), name


@pytest.mark.few(1, "values")
@pytest.mark.parametrize("rows", [30, 5_000, 250_000])
def test_a_quote_that_is_never_closed_swallows_no_row(tmp_path, rows):
    path = tmp_path / "t.csv"
    path.write_text('id;nom;x\n1;a;2\n1;"Le Bois;3\n' + "2;abc;4\n" * rows)
    found = tables.read_text(path, 10)
    assert found["counted"] == min(rows + 2, tables.MOST_COUNTED)
    assert found["rows"][1:3] == [["1", '"Le Bois', "3"], ["2", "abc", "4"]]
    # Cells of several lines are complete, even where the file ends within one.
    path.write_text('id;nom\n1;"un\ndeux; trois"\n2;"quatre\ncinq')
    assert tables.read_text(path, 10)["rows"] == [["1", "un\ndeux; trois"], ["2", "quatre\ncinq"]]


@pytest.mark.parametrize(
    ("line", "sign"), [("sep=;\r\n", ";"), ('"sep=,"\n', ","), ("SEP=\t\n", "\t")]
)
def test_the_line_that_names_the_separator_is_no_row(tmp_path, line, sign):
    path = tmp_path / "t.csv"
    path.write_text(f"{line}a{sign}b\n1{sign}2\n")
    found = tables.read_text(path, 10)
    assert ([each["name"] for each in found["columns"]], found["rows"], found["delimiter"]) == (
        ["a", "b"], [["1", "2"]], sign,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "encoding", "sign", "types"),
    [
        ("a;b;c\n1 234,5;01001;12/03/2026\n2;02001;\n", "utf-8", ";", ["number", "text", "date"]),
        ('a,b\n1,"x;y"\n2,z\n', "utf-8", ",", ["integer", "text"]),
        ("a\tb\noui\té\nnon\tè\n", "cp1252", "\t", ["boolean", "text"]),
        ("\ufeffa|b\n1|2\n", "utf-8", "|", ["integer", "integer"]),
        ("a;b\nœuvre;€\n", "utf-16", ";", ["text", "text"]),
    ],
)
def test_french_csv_is_understood(tmp_path, text, encoding, sign, types):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    found = tables.read_text(path, 10)
    assert found["delimiter"] == sign
    assert [column["type"] for column in found["columns"]] == types


@pytest.mark.parametrize("text", ["a;b\n1;Orléans", "a;b\n1;Liberté\r\n"])
def test_the_only_accent_of_a_windows_table_may_be_among_its_last_characters(text):
    assert tables.decode(text.encode("cp1252")) == (text, "windows-1252")


def test_a_character_that_is_cut_off_at_the_end_is_left_out():
    assert tables.decode("a;b\n1;Orlé".encode()[:-1]) == ("a;b\n1;Orl", "utf-8")


def bomb() -> bytes:
    return zipped(zones_dot_csv=b"0" * 200_000_000)


def nested(levels: int) -> bytes:
    opened = b'{"type":"GeometryCollection","geometries":[' * levels
    return (
        b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":'
        + opened
    )


SOURCE = b"<OGRVRTLayer name='x'><SrcDataSource>/vsicurl/%s</SrcDataSource></OGRVRTLayer>"
XSI = b"xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'"
SCHEMA = b"<FeatureCollection " + XSI + b" xsi:schemaLocation='x %s'/>"
VRT = b"<OGRVRTDataSource>" + SOURCE + b"</OGRVRTDataSource>"


@pytest.mark.few(3, "hostile")
@pytest.mark.parametrize(
    ("body", "name", "code"),
    [
        (bomb, "", "bomb"),
        (lambda: zipped(lisezmoi_dot_doc=b"x"), "", "nothing-inside"),
        (lambda: b"PK\x03\x04" + b"\x00" * 500, "", "broken-archive"),
        (lambda: nested(20_000), "", "unreadable"),
        (lambda: b"SQLite format 3\x00" + b"\xff" * 4000, "x.gpkg", "unreadable"),
        (lambda: b"\x03" + b"\xff" * 100, "x.dbf", "unreadable"),
        (lambda: b"<!DOCTYPE html><html></html>", "x.csv", "html"),
        (lambda: b"\x7fELF\x00\x00", "x.csv", "no-preview"),
        (
            lambda: zipped(
                zones_dot_shp=b"\x00\x00\x27\x0a" + b"\xff" * 200, zones_dot_dbf=b"\x03"
            ),
            "",
            "unreadable",
        ),
    ],
    ids=[
        "zip bomb",
        "nothing inside",
        "broken zip",
        "deep json",
        "broken gpkg",
        "broken dbf",
        "html",
        "elf",
        "broken shp",
    ],
)
def test_files_made_to_do_harm_end_with_a_sentence(loaded, tmp_path, body, name, code):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    content = body()
    begin = time.monotonic()
    with pytest.raises(PreviewError) as error:
        sample(content, tmp_path, name)
    assert error.value.code == code
    assert time.monotonic() - begin < 15
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 450_000
    )  # in kB, including the test's own copy of the bomb


def test_an_archive_whose_paths_climb_writes_nothing_elsewhere(loaded, tmp_path):
    parts = made_by_gdal("ESRI Shapefile", ".shp", tmp_path)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(f"../../../{name}", content)
        archive.writestr("/etc/evil.prj", b"x")
    work = tmp_path / "a" / "b" / "c"
    work.mkdir(parents=True)
    facts, _found = sample(out.getvalue(), work)
    assert facts["kind"] == "map"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "made", "source.geojson"]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


@pytest.mark.few(1, "hostile")
@pytest.mark.parametrize("name", ["x.vrt", "x.geojson", "x.kml", "x.csv"])
def test_a_file_that_points_elsewhere_has_nothing_fetched(loaded, tmp_path, hostile, heard, name):
    url = hostile("/secret.geojson", GEOJSON).encode()
    kml = (
        b"<kml xmlns='http://www.opengis.net/kml/2.2'><NetworkLink><Link><href>%s</href></Link></NetworkLink></kml>"
        % url
    )
    for body in (
        VRT % url,
        SCHEMA % url,
        b"<!DOCTYPE x SYSTEM '%s'><FeatureCollection/>" % url,
        kml,
        b"/vsicurl/" + url,
        url,
        b'{"type":"FeatureCollection","features":"/vsicurl/%s"}' % url,
    ):
        try:
            _facts, found = sample(body, tmp_path, name)
            assert "geojson" not in found or not found["geojson"]["features"]
        except PreviewError:
            pass
    assert heard == []


@pytest.mark.parametrize(
    "asked",
    [
        "file FROM pragma_database_list",
        "ogr_datasource_load_layers('/etc/passwd')",
        "a FROM elsewhere",
    ],
    ids=["path", "function", "table"],
)
def test_a_geopackage_whose_tables_are_questions_tells_nothing_of_the_portal(
    loaded, tmp_path, asked
):
    [made] = made_by_gdal("GPKG", ".gpkg", tmp_path).values()
    (tmp_path / "asking.gpkg").write_bytes(made)
    with sqlite3.connect(tmp_path / "asking.gpkg") as database:
        database.execute("CREATE TABLE elsewhere (a)")
        database.execute(f"CREATE VIEW secret AS SELECT 1 AS fid, {asked}")
        database.execute(
            "UPDATE gpkg_contents SET table_name = 'secret', data_type = 'attributes', identifier = ''"
        )
        database.execute("DELETE FROM gpkg_geometry_columns")
        database.execute("PRAGMA writable_schema = ON")
        table = "CREATE VIRTUAL TABLE elsewhere USING VirtualOGR('CSV:/etc/passwd')"
        database.execute(
            "UPDATE sqlite_master SET rootpage = 0, sql = ? WHERE name = 'elsewhere'", (table,)
        )
    database.close()
    with pytest.raises(PreviewError) as raised:
        sample((tmp_path / "asking.gpkg").read_bytes(), tmp_path)
    assert raised.value.code in ("active-file", "unreadable")


def test_a_reader_that_never_ends_is_ended(loaded, tmp_path):
    body = b'{"type":"FeatureCollection","features":[' + b",".join(
        b'{"type":"Feature","properties":{"n":%d},"geometry":null}' % n for n in range(400_000)
    )
    (tmp_path / "in").write_bytes(body + b"]}")
    job = {
        "task": "sample",
        "module": files.READER,
        "input": str(tmp_path / "in"),
        "output": str(tmp_path / "out"),
        "rows": 10,
        "name": "",
    }
    with pytest.raises(PreviewError) as error:
        sandbox.run(job, 20, 200)
    assert error.value.code in ("too-complex", "unreadable")


def test_slow_servers_do_not_take_the_threads_of_the_portal(store, hostile, made_app):
    wms = (Path(__file__).parents[4] / "dev/ogc/data/wms.xml").read_bytes()
    waiting_for, go_on = threading.Semaphore(0), threading.Event()

    def answer(handler):
        capabilities = "GetCapabilities" in handler.path
        content = wms if capabilities else png(3)
        handler.send_response(200)
        handler.send_header("Content-Type", "text/xml" if capabilities else "image/png")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if not capabilities:
            waiting_for.release()
            go_on.wait(timeout=9)
        handler.wfile.write(content)

    url = hostile(f"/lent{random.random()}/wms", answer)
    pdf = hostile(f"/lent{random.random()}.pdf", b"%PDF-1.4\n%%EOF", "application/pdf")
    resources = [
        {"url": url + "?layers=zones_humides", "format": "WMS"},
        {"url": pdf, "format": "PDF"},
    ]
    made: Any = factories.Dataset(owner_org=store["service"], resources=resources)
    jobs.read_services()
    first, second = (f"/dataset/{made['name']}/resource/{each['id']}" for each in made["resources"])

    def tile(column: int):
        try:
            answer = made_app._wsgi_app.test_client().get(f"{first}/carte/9/{column}/178")
            return answer.status_code, answer.headers.get("Retry-After")
        finally:
            model.Session.remove()

    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(tile, column) for column in (250, 251)]
        assert all(waiting_for.acquire(timeout=8) for _each in slow)
        begin = time.monotonic()
        assert tile(252) == (503, "1")
        assert store["client"].get(f"{second}/voir").status_code == 503
        assert time.monotonic() - begin < 2  # waiting for a slot would occupy a thread, too
        go_on.set()
        assert [each.result() for each in slow] == [(200, None)] * 2
    assert tile(252) == (200, None)


def test_hosts_that_are_not_allowed_are_not_asked_after_a_redirect_either(
    store, hostile, monkeypatch
):
    monkeypatch.setitem(tk.config, "ecosphere.access.allowed_hosts", ["127.0.0.1"])
    monkeypatch.setitem(tk.config, "ecosphere.access.allowed_networks", ["127.0.0.0/8"])
    with serve(lambda exchange: exchange.answer("a;b\n1;2\n"), host="127.0.0.2") as other:
        url = hostile("/away.csv", b"", status=302, Location=f"{other.url}/b.csv")
        resources = [{"name": "Ailleurs", "url": url, "format": "CSV"}]
        dataset: Any = factories.Dataset(owner_org=store["service"], resources=resources)
        shown = preview(
            store, f"/dataset/{dataset['name']}/resource/{dataset['resources'][0]['id']}/apercu"
        )
        assert shown["state"] == "broken"
        assert other.seen == []


def test_what_is_kept_is_bounded(store, monkeypatch):
    folder = files.folder(files.IMAGES)
    assert folder is not None
    for number in range(5):
        (folder / f"{number}.png").write_bytes(b"x" * 600_000)
    monkeypatch.setitem(tk.config, "ecosphere.access.cache_megabytes", 1)
    files.prune()
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 1024 * 1024


def test_a_preview_that_kills_its_worker_is_given_up(store):
    resource_ = model.Resource.get(store["resources"]["API"])
    assert resource_ is not None
    row = samples.want(resource_)
    row.tries = samples.MOST_TRIES
    model.Session.commit()
    jobs.make_samples()
    assert model.Session.get_one(Sample, resource_.id, populate_existing=True).error == "given-up"


def test_a_preview_is_made_again_when_the_data_are_read_otherwise(store, monkeypatch):
    resource_ = model.Resource.get(store["resources"]["API"])
    samples.want(resource_)
    assert samples.of(resource_) is not None
    monkeypatch.setattr(samples, "READING", samples.READING + 1)
    assert samples.of(resource_) is None


UPLOADED = [
    (b"%PDF-1.4\n%%EOF", "notice.pdf", 302, ""),
    (b"<!DOCTYPE html><html></html>", "notice.pdf", 424, "n’est pas ce que son nom annonce"),
    (b"Bonjour", "plan.png", 424, "n’est pas ce que son nom annonce"),
]


@pytest.mark.parametrize(("body", "name", "status", "told"), UPLOADED, ids=["pdf", "html", "text"])
def test_an_uploaded_document_is_what_its_name_says_or_that_is_told(
    store, body, name, status, told
):
    dataset = factories.Dataset(owner_org=store["service"])
    by = {"ignore_auth": True, "user": factories.Sysadmin()["name"]}
    sent = {"name": "Notice", "url": name, "upload": FileStorage(io.BytesIO(body), name)}
    made = call_action("resource_create", by, package_id=dataset["id"], **sent)
    answer = store["client"].get(
        f"/fr/dataset/{dataset['name']}/resource/{made['id']}/voir", follow_redirects=False
    )
    assert answer.status_code == status
    assert told in (answer.json or {}).get("message", "")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<!DOCTYPE html><html></html>", "page web au lieu des données"),
        (b"", "Le fichier est vide"),
    ],
    ids=["page", "nothing"],
)
@pytest.mark.parametrize("name", ["notice.pdf", "table.csv"])
def test_a_server_that_gives_no_data_is_told_as_it_is(store, hostile, name, body, told):
    url = hostile(f"/{random.random()}/{name}", body, "text/plain")
    dataset = factories.Dataset(owner_org=store["service"], resources=[{"url": url}])
    page = f"/fr/dataset/{dataset['name']}/resource/{dataset['resources'][0]['id']}"
    is_document = name == "notice.pdf"
    found = (
        store["client"].get(f"{page}/voir").json
        if is_document
        else preview(store, f"{page}/apercu")
    )
    assert told in found["message"]


def test_a_format_that_no_browser_shows_is_told_on_its_page(store):
    resources = [
        {"url": "https://data.example/ortho.tif", "format": "TIFF"},
        {"url": "https://data.example/page"},
    ]
    made = factories.Dataset(owner_org=store["service"], resources=resources)
    ortho, page = (
        f"/fr/dataset/{made['name']}/resource/{each['id']}" for each in made["resources"]
    )
    sentence = "pas d’aperçu pour les fichiers de ce type"
    assert sentence in store["client"].get(ortho).get_data(as_text=True)
    assert sentence not in store["client"].get(page).get_data(as_text=True)


def test_data_stand_before_documents_in_a_preview(store):
    urls = ("notice.pdf", "photo.webp", "zones.csv")
    resources = [{"url": f"http://127.0.0.1:1/{each}", "name": each} for each in urls]
    made = factories.Dataset(owner_org=store["service"], resources=resources)
    panel = store["client"].get(f"/fr/dataset/{made['name']}").get_data(as_text=True)
    shown = re.findall(
        r'<option value="\d+">([\w.]+)</option>', panel.partition("eco-preview-resource")[2]
    )
    assert shown[:3] == ["zones.csv", "notice.pdf", "photo.webp"]


@pytest.mark.parametrize(("number", "told"), [(20, False), (21, True)])
def test_a_page_tells_that_it_does_not_show_all_resources(store, number, told):
    resources = [
        {"url": f"http://127.0.0.1:1/{each}.csv", "name": f"t{each}"} for each in range(number)
    ]
    made = factories.Dataset(owner_org=store["service"], resources=resources)
    panel = store["client"].get(f"/fr/dataset/{made['name']}").get_data(as_text=True)
    assert panel.count("<option value=") == 20
    assert (
        "Les 20 premières ressources sont à voir ici, chacune des autres sur sa propre page."
        in panel
    ) is told


def test_a_list_of_flat_objects_in_json_is_a_table(loaded, tmp_path):
    listed = [
        {"code": "44109", "nom": "Nantes", "littoral": False},
        {"code": "44143", "nom": "Rezé", "ha": 13.8},
    ]
    _facts, shown = sample(json.dumps(listed).encode(), tmp_path, "x.json")
    assert [(each["name"], each["type"], each["empty"]) for each in shown["columns"]] == [
        ("code", "integer", 0),
        ("nom", "text", 0),
        ("littoral", "boolean", 1),
        ("ha", "number", 1),
    ]
    assert shown["rows"] == [["44109", "Nantes", "false", ""], ["44143", "Rezé", "", "13.8"]]


@pytest.mark.few(2, "values")
@pytest.mark.parametrize(
    "document",
    [
        "[]",
        "[1, 2]",
        '[{"a": 1}, {"b": [1]}]',
        '[{"a": {}}]',
        "[{}]",
        '[{"a": 1}',
        "{",
        '{"a":[[[',
        "[" * 5000,
    ],
)
def test_other_json_is_a_text(loaded, tmp_path, document):
    _facts, shown = sample(document.encode(), tmp_path, "x.json")
    assert "".join(shown["text"].split()) == "".join(document.split())


def test_json_is_shown_with_its_letters(loaded, tmp_path):
    written = r'{"nom": "Rez\u00e9", "chemin": "C:\\u00e9", "signe": "\u0022\ud83d", "n": 1.5}'
    _facts, shown = sample(written.encode(), tmp_path, "x.json")
    assert json.loads(shown["text"]) == {
        "nom": "Rezé",
        "chemin": r"C:\u00e9",
        "signe": '"\ufffd',
        "n": 1.5,
    }
    assert '"Rezé"' in shown["text"]


@pytest.mark.slow("formats")
@pytest.mark.parametrize(
    ("document", "lines"),
    [
        ('<?xml version="1.0"?><a><b>é</b><c/></a>', ["<a>", "  <b>é</b>", "  <c/>", "</a>"]),
        ("<a>\n <b/></a>", ["<a>", " <b/></a>"]),
        ("<a><b>1<i>2</i>3</b></a>", ["<a>", "  <b>1<i>2</i>3</b>", "</a>"]),
        ("<a><b", ["<a><b"]),
    ],
    ids=["one line", "lines of its own", "mixed", "cut"],
)
def test_xml_without_lines_is_shown_on_lines(loaded, tmp_path, document, lines):
    _facts, shown = sample(document.encode(), tmp_path, "x.xml")
    assert shown["text"].splitlines() == lines
