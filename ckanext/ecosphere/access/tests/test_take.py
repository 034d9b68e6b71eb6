"""Opening in QGIS, extracts of services, and usage counts, over HTTP with a real OGC server."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import ckan.plugins.toolkit as tk
import pyogrio
import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from ckan import model
from ckan.lib import jobs as background
from ckan.tests import factories
from click.testing import CliRunner
from lxml import etree

from ckanext.ecosphere.access import cli, jobs
from ckanext.ecosphere.access.config import QUEUE
from ckanext.ecosphere.access.model import Extract, Sample, Use
from ckanext.ecosphere.access.preview import files
from ckanext.ecosphere.access.preview.kinds import PreviewError
from ckanext.ecosphere.access.take import areas, extracts, making
from ckanext.ecosphere.access.take import form as extract_form
from ckanext.ecosphere.access.tests.conftest import address, call
from ckanext.ecosphere.quality import links
from ckanext.ecosphere.quality.model import Link
from ckanext.ecosphere.setup import recovery
from ckanext.ecosphere.shared import dates, qgis
from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.tests import export_readers as readers
from dev.ogc.server import DATA

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
NANTES = "-1.65,47.15,-1.45,47.3"


pytestmark = pytest.mark.usefixtures("nothing_counted")


def qlr(answer) -> etree._Element:
    assert answer.status_code == 200
    assert answer.data.startswith(b"<!DOCTYPE qgis-layer-definition>")
    return etree.fromstring(answer.data.split(b"\n", 1)[1])


def nightly() -> str:
    """Run the nightly command as cron does; return its output."""
    done = CliRunner().invoke(cli.access, ["read"])
    assert done.exit_code == 0, done.output
    return done.output


def made(store, name: str = "Données", **asked):
    """Make an extract over HTTP; return its row and its file."""
    status, row = call(
        store, "ecosphere_access_extract_create", resource_id=store["resources"][name], **asked
    )
    assert status == 200, row
    assert row["state"] == "wanted"
    jobs.make_extracts()
    _status, row = call(store, "ecosphere_access_extract_show", id=row["id"])
    file = store["client"].get(f"/extraits/{row['id']}/fichier")
    return row, file


def rows_of(file) -> list[dict[str, str]]:
    """Return the rows of an extract as CSV."""
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        table = archive.read("extrait.csv").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(table), delimiter=";"))


@pytest.mark.few(2, "formats")
@pytest.mark.parametrize(
    ("name", "provider", "kind", "parts"),
    [
        (
            "Carte",
            "wms",
            "raster",
            ("layers=zones_humides", "crs=EPSG:2154", "url=http://127.0.0.1:"),
        ),
        (
            "Données",
            "WFS",
            "vector",
            ("typename='eco:zones_humides'", "srsname='EPSG:2154'", "version='auto'"),
        ),
        ("API", "OAPIF", "vector", ("typename='zones_humides'", "/ogc'")),
        ("Fichier", "ogr", "vector", ("/vsicurl/http://127.0.0.1:", "zones-humides.geojson")),
    ],
)
def test_a_resource_opens_in_qgis(store, name, provider, kind, parts):
    answer = store["client"].get(address(store, name, "qgis.qlr"))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="zones-humides.qlr"'
    root = qlr(answer)
    (branch,), (layer,) = root.findall(".//layer-tree-layer"), root.findall("maplayers/maplayer")
    assert (branch.get("id"), branch.get("providerKey"), layer.get("type")) == (
        layer.findtext("id"),
        provider,
        kind,
    )
    assert layer.findtext("provider") == provider
    assert branch.get("source") == layer.findtext("datasource")
    assert all(part in layer.findtext("datasource") for part in parts)
    assert [child.tag for child in root] == ["layer-tree-group", "maplayers"]


@pytest.mark.slow("formats")
def test_a_search_opens_in_qgis(store):
    root = qlr(store["client"].get("/recherche.qlr?q=zones+humides"))
    assert len(root.findall(".//layer-tree-layer")) == 5
    assert store["client"].get("/recherche.qlr?q=introuvablexyz").status_code == 404
    assert store["client"].get("/recherche.qlr?q=zones&organization=inconnue").status_code == 404
    assert store["client"].get("/recherche.qlr?organization=ddt-44").status_code == 200
    assert store["client"].get('/recherche.qlr?tags=x"+OR+*:*').status_code == 404


@pytest.mark.slow("formats")
def test_a_group_a_service_and_a_whole_dataset_open_in_qgis(store):
    factories.Group(
        name="bouquet", user={"name": "anne"}, packages=[{"id": store["dataset"]["id"]}]
    )
    for page in (
        "/group/bouquet",
        "/organization/ddt-44",
        "/dataset/zones-humides",
        "/dataset/?q=zones&page=1",
    ):
        seen = BeautifulSoup(store["client"].get(page, follow_redirects=True).data, "html.parser")
        (address_,) = {
            a["href"] for a in seen.select("a[href*='.qlr']") if "/resource/" not in a["href"]
        }
        assert "page=" not in address_
        assert len(qlr(store["client"].get(address_)).findall("maplayers/maplayer")) == 5, page


@pytest.mark.slow("formats")
def test_a_series_opens_in_qgis_with_the_layers_of_its_datasets_that_the_reader_may_see(store):
    kind = "http://inspire.ec.europa.eu/metadata-codelist/ResourceType/series"
    factories.Dataset(name="serie-qgis", title="Série", dcat_type=kind, owner_org=store["service"])
    for name, private in (("membre-qgis", False), ("secret-qgis", True)):
        resources = [
            {"url": f"https://geo.example.org/{name}.gpkg", "format": "GPKG", "name": name}
        ]
        kept = {"resources": resources, "private": private, "in_series": ["serie-qgis"]}
        factories.Dataset(name=name, title=name, owner_org=store["service"], **kept)
    page = store["client"].get("/dataset/serie-qgis").data.decode()
    assert 'href="/dataset/serie-qgis/qgis.qlr"' in page
    path = "/dataset/serie-qgis/qgis.qlr"
    assert [each.text for each in qlr(store["client"].get(path)).findall(".//layername")] == [
        "membre-qgis"
    ]
    found = [
        each.text
        for each in qlr(store["client"].get(path, headers=store["editor"])).findall(".//layername")
    ]
    assert sorted(found) == ["membre-qgis", "secret-qgis"]


def test_hostile_names_stay_text_in_a_layer_definition():
    service = {
        "kind": "wfs",
        "url": "https://example.org/wfs?map=/a&b='",
        "formats": [],
        "version": "2.0.0",
    }
    layer = {
        "name": "a' url='http://evil.example",
        "title": "</layername><x>&\x00\x0b",
        "crs": [],
        "details": {},
    }
    source = qgis.source_of_layer(service, layer)
    assert source is not None
    root = etree.fromstring(qgis.write("T]]><x/>", [("", [source])]).split(b"\n", 1)[1])
    assert root.findtext("maplayers/maplayer/layername") == "</layername><x>&"
    assert r"typename='a\' url=\'http://evil.example'" in (
        root.findtext("maplayers/maplayer/datasource") or ""
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/x.gpkg|layername=y|option:LIST_ALL_TABLES=YES",
        "https://a.example/x.gpkg?a=b authcfg='abcdefg'",
        "https://a.example/x.geojson#|subset=SELECT 1",
        "https://a.example/{/etc/passwd}.zip",
        "https://a.example/<OGRVRTDataSource>.gpkg",
        "https://a.example/x.gpkg\n|layerid=1",
    ],
)
def test_no_address_of_a_file_adds_to_its_data_source(url):
    source = qgis.source_of_file(url, "GPKG", "T")
    assert source is not None
    written = qgis.write("T", [("", [source])]).decode()
    assert list(readers.layers(written)) == []


@pytest.mark.parametrize(
    "url", ["https://a|subset=x/x.gpkg", "https://me:secret@a.example/x.gpkg", "file:///x.gpkg"]
)
def test_an_address_without_a_plain_host_is_no_layer(url):
    assert qgis.source_of_file(url, "", "T") is None


def test_a_reference_system_that_is_no_code_is_left_out():
    service = {"kind": "wms", "url": "https://a.example/wms", "formats": []}
    layer = {"name": "x", "title": "", "crs": ["PROJCS[file:///x]", "EPSG:27572"], "details": {}}
    source = qgis.source_of_layer(service, layer)
    assert source is not None
    assert source.crs == "EPSG:27572"
    assert qgis.source_of_layer({**service, "url": "file:///x"}, layer) is None


def test_a_private_dataset_opens_for_its_readers_only(store):
    resources = [{"url": store["ogc"] + "/wms?layers=zones_humides", "format": "WMS"}]
    private = factories.Dataset(owner_org=store["service"], private=True, resources=resources)
    resource = private["resources"][0]["id"]
    for rest in ("qgis.qlr", "extrait", "prendre", "apercu", "voir"):
        path = f"/dataset/{private['name']}/resource/{resource}/{rest}"
        assert store["client"].get(path).status_code == 404, rest
    path = f"/dataset/{private['name']}/resource/{resource}/qgis.qlr"
    assert store["client"].get(path, headers=store["editor"]).status_code == 200
    assert store["client"].get(f"/dataset/{private['name']}/qgis.qlr").status_code == 404


@pytest.mark.few(1, "formats")
@pytest.mark.parametrize("name", ["Données", "GML", "API"])
def test_a_part_is_taken_as_geopackage_in_lambert(store, name, tmp_path):
    row, file = made(
        store, name, format="gpkg", crs="EPSG:2154", box=NANTES, attributes=["code", "nature"]
    )
    assert row["state"] == "made", row
    (tmp_path / "x.gpkg").write_bytes(file.data)
    info = pyogrio.read_info(tmp_path / "x.gpkg")
    assert 5 < info["features"] < 40
    assert info["features"] == row["facts"]["features"]
    assert (info["crs"], sorted(info["fields"])) == ("EPSG:2154", ["code", "nature"])
    assert 340_000 < info["total_bounds"][0] < 370_000
    assert file.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.slow("formats")
def test_all_formats_hold_the_same_features(store, tmp_path):
    numbers = {}
    for form in ("geojson", "csv", "shp"):
        row, file = made(store, format=form, territory="departement-44")
        assert row["state"] == "made", row
        numbers[form] = row["facts"]["features"]
        content = file.data
        if form == "geojson":
            assert len(json.loads(content)["features"]) == 60
        elif form == "csv":
            rows = rows_of(file)
            assert (len(rows), rows[0]["code"], rows[0]["wkt"][:7]) == (60, "44ZH0001", "POLYGON")
        else:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                assert {name.rpartition(".")[2] for name in archive.namelist()} >= {
                    "shp",
                    "shx",
                    "dbf",
                    "prj",
                }
                archive.extractall(tmp_path)
            assert pyogrio.read_info(tmp_path / "extrait.shp")["features"] == 60
    assert set(numbers.values()) == {60}


@pytest.mark.parametrize(
    ("field", "name", "code", "option"),
    [
        ("commune", "Nantes", "44109", "communes_url"),
        ("epci", "nantes metropole", "244400404", "epci_url"),
    ],
)
def test_a_part_is_cut_to_an_outline_where_outlines_are_configured(  # noqa: PLR0917 - fixtures
    store, hostile, monkeypatch, field, name, code, option
):
    outline = {
        "type": "Polygon",
        "coordinates": [[[-1.6, 47.2], [-1.5, 47.2], [-1.5, 47.25], [-1.6, 47.25], [-1.6, 47.2]]],
    }
    content = json.dumps({"type": "Feature", "geometry": outline}).encode()
    url = hostile(f"/outlines/{code}", content, "application/json")
    asked = {"resource_id": store["resources"]["Données"], field: name}
    monkeypatch.setitem(tk.config, f"ecosphere.access.{option}", "")
    status, error = call(store, "ecosphere_access_extract_create", **asked)
    assert (status, field in error) == (409, True)
    monkeypatch.setitem(tk.config, f"ecosphere.access.{option}", url.replace(code, "{code}"))
    row, file = made(store, format="geojson", **{field: name})
    assert row["state"] == "made", row
    import shapely
    from shapely.geometry import shape

    shapes = [shape(each["geometry"]) for each in json.loads(file.data)["features"]]
    assert shapes
    bounds = shapely.total_bounds(shapes)
    assert bounds[0] >= -1.6 - 1e-9
    assert bounds[3] <= 47.25 + 1e-9
    # What tells the size of whole objects is named in the file and on the page.
    assert row["facts"]["measures"] == ["surface_ha"]
    assert "surface_ha" in json.loads(file.data)["description"].splitlines()[-1]
    page = BeautifulSoup(store["client"].get(f"/fr/extraits/{row['id']}").data, "html.parser")
    assert "surface_ha" in page.select_one(".alert-warning").get_text()


def test_the_file_is_in_the_legal_system_and_names_source_licence_and_dates(store, tmp_path):
    changes = {"license_id": "etalab-2.0", "modified": "2024-05-06"}
    assert call(store, "package_patch", store["editor"], id="zones-humides", **changes)[0] == 200
    row, file = made(store, territory="departement-44")
    assert row["asked"]["crs"] == "EPSG:2154"
    assert row["facts"]["measures"] == []  # nothing was cut
    (tmp_path / "x.gpkg").write_bytes(file.data)
    info = pyogrio.read_info(tmp_path / "x.gpkg")
    assert info["crs"] == "EPSG:2154"
    told = {"gpkg": info["layer_metadata"]["DESCRIPTION"]}
    for form in ("csv", "shp"):
        _row, file = made(store, format=form, territory="departement-44")
        with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
            told[form] = archive.read("LISEZ-MOI.txt").decode()
    for form, crs in (("geojson", ""), ("geojson", "EPSG:2154")):
        _row, file = made(store, format=form, crs=crs, territory="departement-44")
        told[form + crs] = json.loads(file.data)["description"]
    assert len(told) == 5
    today, maker = dates.day(dates.today()), store["dataset"]["organization"]["title"]
    for text in told.values():
        for words in (
            "Zones humides",
            maker,
            "/dataset/zones-humides",
            "Etalab",
            "6 May 2024",
            "Loire-Atlantique",
            today,
        ):
            assert words in text, (words, text)


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        ({"box": [-1.6, 47.1, -1.4, 47.3]}, "EPSG:2154"),
        ({"box": [8.5, 41.3, 9.6, 43.1]}, "EPSG:2154"),
        ({"commune": "44109"}, "EPSG:2154"),
        ({"commune": "97105"}, "EPSG:5490"),
        ({"commune": "97209"}, "EPSG:5490"),
        ({"commune": "97302"}, "EPSG:2972"),
        ({"commune": "97411"}, "EPSG:2975"),
        ({"epci": "249740119"}, "EPSG:2975"),
        ({"commune": "97611"}, "EPSG:4471"),
        ({"box": [-56.5, 46.7, -56.1, 47.2]}, "EPSG:4467"),
        ({"box": [-170, -80, -160, -70]}, "EPSG:4326"),
        ({}, "EPSG:2975"),
    ],
)
def test_the_legal_system_is_that_of_the_area_else_of_the_layer(area, expected):
    assert areas.legal_system(area, {"extent": [55.2, -21.4, 55.8, -20.9]}) == expected


def test_no_legal_system_is_asked_of_a_service_that_does_not_declare_it(store, monkeypatch):
    path = address(store, "Données", "extrait")

    def url() -> str:
        page = BeautifulSoup(
            store["client"].get(f"{path}?territory=departement-44").data, "html.parser"
        )
        return page.select_one(".eco-extract__code").get_text()

    assert "SRSNAME=EPSG%3A2154" in url() or "SRSNAME=EPSG:2154" in url()
    of_layers = extract_form.layers

    def without(found):
        service, known = of_layers(found)
        return service, [{**each, "crs": ["EPSG:4326"]} for each in known]

    monkeypatch.setattr(extract_form, "layers", without)
    assert "2154" not in url()


def test_nothing_in_the_area_and_too_much_are_told(store, monkeypatch):
    row, file = made(store, box="3,45,3.1,45.1")
    assert (row["state"], file.status_code) == ("broken", 404)
    assert "nothing" in row["message"]
    monkeypatch.setitem(tk.config, "ecosphere.access.extract_features", 7)
    row, _file = made(store, "API", format="geojson")
    assert (row["facts"]["features"], row["facts"]["cut"]) == (7, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("box", "1,2,3"),
        ("box", "9,9,1,1"),
        ("box", "nan,0,1,1"),
        ("format", "exe"),
        ("crs", "EPSG:99999999"),
        ("crs", "+proj=pipeline"),
        ("layer", "../../etc/passwd"),
        ("territory", "inconnu"),
        ("attributes", ["a" * 500]),
        ("attributes", [{"a": 1}]),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_field(store, field, value):
    data = {"resource_id": store["resources"]["Données"], field: value}
    status, error = call(store, "ecosphere_access_extract_create", **data)
    assert status == 409
    assert field in error


def test_extracts_are_braked_and_deleted_after_a_day(store, monkeypatch):
    monkeypatch.setitem(tk.config, "ecosphere.access.extract_limits", "1 per hour")
    row, file = made(store, format="geojson", box=NANTES)
    assert file.status_code == 200
    status, _error = call(
        store, "ecosphere_access_extract_create", resource_id=store["resources"]["Données"]
    )
    assert status == 409
    stored = model.Session.get_one(Extract, row["id"])
    path = extracts.file_of(stored)
    assert path is not None and path.is_file()
    stored.created = now() - timedelta(hours=25)
    model.Session.commit()
    for page in ("", "/fichier"):
        assert store["client"].get(f"/extraits/{row['id']}{page}").status_code == 404
    assert "extracts deleted: 1" in nightly()
    assert not path.exists()
    assert model.Session.get(Extract, row["id"], populate_existing=True) is None


def test_a_person_who_comes_from_many_addresses_is_braked(store, monkeypatch):
    monkeypatch.setitem(tk.config, "ecosphere.access.extract_limits", "1 per hour")
    asked = {"resource_id": store["resources"]["Données"], "box": NANTES}

    def status(headers: dict[str, str], came_from: str) -> int:
        come = {"REMOTE_ADDR": came_from}
        place = "/api/3/action/ecosphere_access_extract_create"
        return (
            store["client"].post(place, json=asked, headers=headers, environ_base=come).status_code
        )

    assert [status(store["reader"], each) for each in ("192.0.2.1", "198.51.100.1")] == [200, 409]
    assert [status({}, each) for each in ("192.0.2.2", "198.51.100.2")] == [200, 200]


@pytest.mark.slow("load")
def test_extracts_that_are_kept_are_bounded(store, monkeypatch):
    monkeypatch.setitem(tk.config, "ecosphere.access.extract_megabytes", 1)
    folder = files.folder(files.EXTRACTS)
    assert folder is not None
    for number in range(5):
        (folder / f"{number}.gpkg").write_bytes(b"x" * 600_000)
    _row, file = made(store, format="geojson", box=NANTES)
    assert file.status_code == 200
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 1024 * 1024


@pytest.mark.slow("days")
def test_the_watch_deletes_extracts_of_more_than_a_day_ago(store, monkeypatch):
    row, _file = made(store, format="geojson", box=NANTES)
    stored = model.Session.get_one(Extract, row["id"])
    path = extracts.file_of(stored)
    stored.created = now() - timedelta(hours=25)
    model.Session.commit()
    recovery.Recovery().look()
    assert path is not None
    assert not path.exists()


def test_counts_of_more_than_two_years_ago_are_deleted_every_night(store):
    of = {
        "package_id": model.Package.get("zones-humides").id,
        "resource_id": store["resources"]["Fichier"],
    }
    for days in (799, 801):
        model.Session.add(Use(**of, day=dates.today() - timedelta(days=days), count=1))
    model.Session.commit()
    assert "counts deleted: 1" in nightly()
    kept = model.Session.query(Use).filter(Use.day < dates.today() - timedelta(days=30)).one()
    assert kept.day == dates.today() - timedelta(days=799)
    model.Session.delete(kept)
    model.Session.commit()


def test_the_form_shows_the_address_and_makes_the_file(store):
    path = address(store, "Données", "extrait")
    page = store["client"].get(path)
    assert page.status_code == 200
    shown = (
        store["client"]
        .post(path, data={"box": NANTES, "crs": "EPSG:2154", "show": "1"})
        .get_data(as_text=True)
    )
    for text in (
        "REQUEST=GetFeature",
        "st_read(",
        "geopandas.read_file(",
        "QgsVectorLayer(",
        "curl --fail",
    ):
        assert text in shown
    assert (
        store["client"].post(path, data={"box": "n'importe quoi", "show": "1"}).status_code == 400
    )
    answer = store["client"].post(path, data={"box": NANTES, "format": "geojson", "make": "1"})
    assert answer.status_code == 302
    where = urlsplit(answer.headers["Location"]).path
    assert store["client"].get(where).status_code == 200
    assert store["client"].get(f"{where}/etat").json == {"state": "wanted"}
    jobs.make_extracts()
    assert store["client"].get(f"{where}/etat").json == {"state": "made"}
    assert "/fichier" in store["client"].get(where).get_data(as_text=True)
    assert store["client"].get(address(store, "Fichier", "extrait")).status_code == 404


@pytest.mark.slow("load")
def test_extracts_of_one_person_keep_neither_the_worker_nor_those_of_others(store, monkeypatch):
    def want(name: str, headers: dict[str, str] | None = None) -> str:
        asked = {"resource_id": store["resources"][name], "box": NANTES, "format": "geojson"}
        status, row = call(store, "ecosphere_access_extract_create", headers, **asked)
        assert status == 200, row
        return row["id"]

    model.Session.execute(sa.delete(Extract))
    model.Session.commit()
    many = [want("Données") for _each in range(3)]
    one = want("API", store["reader"])
    background.get_queue(QUEUE).empty()
    monkeypatch.setattr(jobs, "TURN_SECONDS", 0)
    made_so_far = []
    for _turn in range(2):  # other jobs, such as e-mails, run in between
        assert jobs.make_extracts() == 1
        assert jobs.EXTRACT.waits()
        background.get_queue(QUEUE).empty()
        shown = {
            each: call(store, "ecosphere_access_extract_show", id=each)[1]["state"]
            for each in (*many, one)
        }
        made_so_far.append([each for each, state in shown.items() if state == "made"])
    assert made_so_far[1] == [many[0], one]  # in either order: who was served last waits
    monkeypatch.setattr(jobs, "TURN_SECONDS", 60)
    assert jobs.make_extracts() == 2
    assert not jobs.EXTRACT.waits()


@pytest.mark.few(1, "formats")
@pytest.mark.parametrize("chosen", [["id", "nom"], []])
@pytest.mark.parametrize("name", ["Données", "API"])
def test_the_identifier_of_a_feature_is_an_attribute_as_in_its_preview(store, name, chosen):
    row, file = made(store, name, box=NANTES, format="csv", attributes=chosen)
    assert row["state"] == "made"
    rows = rows_of(file)
    assert rows and all(each["id"] for each in rows)


@pytest.mark.few(1, "values")
@pytest.mark.parametrize("box", ["47.23, -1.61", "-1.61 47.23", "47,23 ; -1,61", "351390 6691250"])
def test_an_area_can_be_a_point_in_degrees_or_lambert(store, box):
    row, _file = made(store, format="geojson", box=box)
    assert row["state"] == "made", row
    assert 1 <= row["facts"]["features"] < 5


def test_a_point_may_be_far_in_the_east():
    west, south, east, north = areas.area_of({"box": "166.45, -22.27"})["box"]
    assert west < 166.45 < east
    assert south < -22.27 < north


@pytest.mark.parametrize(
    ("box", "told"),
    [
        ("-1.4,47.1,-1.6,47.3", "L’ouest du rectangle doit être à l’ouest de son est\u00a0: -1.4"),
        ("-1.6,47.3,-1.4,47.1", "Le sud du rectangle doit être au sud de son nord\u00a0: 47.3"),
        ("-181,47,1,48", "n’est nulle part sur Terre"),
        ("Nante", "Donnez un rectangle (ouest,sud,est,nord) ou un point"),
    ],
)
def test_what_is_wrong_with_a_rectangle_is_told_first_and_in_the_title(store, box, told):
    answer = store["client"].post(
        address(store, "Données", "extrait"), data={"box": box, "show": "1"}
    )
    page = BeautifulSoup(answer.data, "html.parser")
    assert answer.status_code == 400
    assert page.title.get_text().strip().startswith("À corriger")
    summary = page.select_one("#form-errors[role=alert][tabindex='-1'][autofocus]")
    assert summary is not None and told in summary.get_text()
    assert page.select_one(summary.a["href"])["name"] == "box"
    assert told in page.select_one("#field-box-error").get_text()


def test_an_outline_that_cannot_be_had_leads_to_other_areas(store, monkeypatch):
    def none(*_args):
        raise PreviewError("no-outline")

    monkeypatch.setattr(areas, "outline", none)
    monkeypatch.setitem(tk.config, "ecosphere.access.communes_url", "http://127.0.0.1:1/{code}")
    row, _file = made(store, commune="44109")
    page = store["client"].get(f"/fr/extraits/{row['id']}").get_data(as_text=True)
    assert row["state"] == "broken"
    assert "intercommunalité" in page and "rectangle" in page


def test_the_address_of_an_outline_asks_for_a_rectangle_around_it_and_says_so(store, monkeypatch):
    for option in ("communes_url", "epci_url"):
        monkeypatch.setitem(tk.config, f"ecosphere.access.{option}", "http://127.0.0.1:9/{code}")
    path = address(store, "Données", "extrait").removeprefix("/fr")
    for asked in ({"commune": "44109"}, {"commune": "Nantes"}, {"epci": "244400404"}):
        body = store["client"].post(path, data={**asked, "show": "1"}).data
        page = BeautifulSoup(body, "html.parser").select_one(".eco-extract__address")
        assert (
            page
            and "BBOX=" in page.text
            and "larger than the area" in page.text
            and "this part" not in page.text
        )
    (west, south, east, north), _name = areas.around({"commune": "44109"}) or ((0, 0, 0, 0), "")
    assert west < -1.65 and east > -1.45 and south < 47.15 and north > 47.3
    body = store["client"].post(path, data={"commune": "29155", "show": "1"}).data
    page = BeautifulSoup(body, "html.parser").select_one(".eco-extract__address")
    assert page and "BBOX=" not in page.text and "not limited to “Ouessant (29)”" in page.text


def test_a_commune_is_proposed_and_taken_as_proposed_and_a_namesake_is_not_guessed(
    store, monkeypatch
):
    monkeypatch.setitem(tk.config, "ecosphere.access.communes_url", "http://127.0.0.1:9/{code}")
    [group] = store["client"].get("/extraits/communes?q=saint-den").json["groups"]
    labels = [each["label"] for each in group["items"]]
    assert group["title"] == "Communes" and {"Saint-Denis (93)", "Saint-Denis (974)"} <= set(labels)
    for nothing in ("", "?q=", "?q=x", "?q=" + "z" * 5_000):
        assert store["client"].get(f"/extraits/communes{nothing}").json == {"groups": []}
    for label in labels:
        assert areas.area_of({"commune": label})["label"] == label
    path = address(store, "Données", "extrait").removeprefix("/fr")
    answer = store["client"].post(path, data={"commune": "Saint-Denis", "show": "1"})
    told = BeautifulSoup(answer.data, "html.parser").select_one("#field-commune-error")
    assert answer.status_code == 400 and told and "Saint-Denis (93), 93066" in told.text


def test_attributes_of_a_standard_are_explained_where_they_are_chosen(store, hostile):
    properties = {"IDURBA": "44109_PLU", "TYPEZONE": "U", "REMARQUE": "centre"}
    point = {"type": "Point", "coordinates": [-1.55, 47.2]}
    found = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": point, "properties": properties}],
    }

    def answer(handler):
        here = f"http://{handler.headers['Host']}/plu"
        described = (DATA / "wfs.xml").read_text().replace("{url}", here)
        content = (described if "GetCapabilities" in handler.path else json.dumps(found)).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    url = hostile("/plu/wfs", answer)
    resources = [{"url": url + "?service=WFS&typenames=eco:zones_humides", "format": "WFS"}]
    dataset = factories.Dataset(owner_org=store["service"], resources=resources)
    jobs.read_services()
    path = f"/fr/dataset/{dataset['name']}/resource/{dataset['resources'][0]['id']}"
    assert store["client"].post(f"{path}/apercu").status_code == 200
    jobs.make_samples()
    page = BeautifulSoup(store["client"].get(f"{path}/extrait").data, "html.parser")
    told = [" ".join(each.get_text(" ").split()) for each in page.select("label[for^=attribute-]")]
    assert told[0] == "IDURBA Identifiant du document d’urbanisme"
    assert told[1].startswith("TYPEZONE Type de zone")
    assert told[2] == "REMARQUE"


def test_an_extract_of_a_dataset_that_became_private_is_gone_for_others(store):
    resources = [
        {"url": store["ogc"] + "/wfs?service=WFS&typenames=zones_humides", "format": "WFS"}
    ]
    dataset = factories.Dataset(owner_org=store["service"], resources=resources)
    status, row = call(
        store, "ecosphere_access_extract_create", resource_id=dataset["resources"][0]["id"]
    )
    assert status == 200
    tk.get_action("package_patch")(
        {"ignore_auth": True, "user": "anne"}, {"id": dataset["id"], "private": True}
    )
    assert call(store, "ecosphere_access_extract_show", id=row["id"])[0] == 404
    assert store["client"].get(f"/extraits/{row['id']}").status_code == 404
    assert call(store, "ecosphere_access_extract_show", store["editor"], id=row["id"])[0] == 200


@pytest.mark.few(1, "hostile")
@pytest.mark.parametrize(
    "body",
    [
        b"<html></html>",
        b"{}",
        b'{"features": [{"type": "Feature", "geometry": {"type": "Polygon"}}]}',
    ],
)
def test_a_service_that_answers_nonsense_ends_with_a_sentence(store, hostile, body):
    def answer(handler):
        content = (DATA / "wfs.xml").read_bytes() if "GetCapabilities" in handler.path else body
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    url = hostile(f"/{len(body)}/wfs", answer)
    resources = [{"url": url + "?service=WFS&typenames=zones_humides", "format": "WFS"}]
    dataset = factories.Dataset(owner_org=store["service"], resources=resources)
    jobs.read_services()
    _status, row = call(
        store, "ecosphere_access_extract_create", resource_id=dataset["resources"][0]["id"]
    )
    jobs.make_extracts()
    _status, row = call(store, "ecosphere_access_extract_show", id=row["id"])
    assert (row["state"], bool(row["message"])) == ("broken", True)


def test_a_box_is_written_so_that_no_server_turns_its_axes():
    service = {
        "kind": "wfs",
        "url": "https://example.org/wfs",
        "version": "2.0.0",
        "formats": ["application/json"],
        "limits": {},
    }
    lambert = {"name": "a", "crs": ["EPSG:2154"], "formats": []}
    degrees = {"name": "a", "crs": ["EPSG:4326"], "formats": []}
    part = areas.Part((-1.6, 47.2, -1.5, 47.3))
    asked = parse_qs(urlsplit(areas.address(service, lambert, part)).query)["BBOX"][0]
    assert asked.endswith("EPSG:2154") and asked.startswith("35")
    asked = parse_qs(urlsplit(areas.address(service, degrees, part)).query)["BBOX"][0]
    assert asked == "47.2,-1.6,47.3,-1.5,urn:ogc:def:crs:EPSG::4326"
    old = {**service, "version": "1.0.0"}
    assert (
        parse_qs(urlsplit(areas.address(old, degrees, part)).query)["BBOX"][0]
        == "-1.6,47.2,-1.5,47.3"
    )
    with pytest.raises(PreviewError):
        areas.address({**service, "formats": ["shape-zip"]}, degrees, part)


def test_the_address_of_a_wfs_has_the_chosen_attributes_and_the_geometry(store, monkeypatch):
    path = address(store, "Données", "extrait")
    chosen = {"attributes": ["code", "nature"], "box": NANTES, "show": "1"}

    def shown() -> BeautifulSoup:
        return BeautifulSoup(store["client"].post(path, data=chosen).data, "html.parser")

    store["client"].post(address(store, "Données", "apercu"))
    jobs.make_samples()
    url = shown().select_one(".eco-extract__code").get_text()
    assert parse_qs(urlsplit(url).query)["PROPERTYNAME"] == ["code,nature,geom"]
    with urlopen(url) as answer:
        features = json.load(answer)["features"]
    assert features[0]["properties"].keys() == {"code", "nature"} and features[0]["geometry"]
    assert "tous les attributs" not in shown().get_text()
    # The preview only describes the first layer.
    of_one = extract_form.layers

    def of_two(found: Any) -> Any:
        service, layers = of_one(found)
        other = {**layers[0], "name": "ms:autre"}
        return {**service, "layers": [*service["layers"], other]}, [*layers, other]

    with monkeypatch.context() as two:
        two.setattr(extract_form, "layers", of_two)
        assert "PROPERTYNAME=" in shown().select_one(".eco-extract__code").get_text()
        chosen["layer"] = "ms:autre"
        assert "PROPERTYNAME" not in shown().select_one(".eco-extract__code").get_text()
        del chosen["layer"]
    row = model.Session.get(Sample, store["resources"]["Données"])
    row.facts = {**row.facts, "geometry_name": ""}
    model.Session.commit()
    assert "PROPERTYNAME" not in shown().select_one(".eco-extract__code").get_text()
    assert "Il renvoie tous les attributs" in shown().get_text()
    chosen["attributes"] = ["e"]  # a letter that occurs in the URL anyway
    assert "Il renvoie tous les attributs" in shown().get_text()


def test_no_address_ends_a_text_of_the_code():
    for each in areas.snippets("https://example.org/wfs?a=\"$(id)`'\\\n;b"):
        line = next(line for line in each["text"].splitlines() if "example.org" in line)
        inside = line.split('"')[1]
        assert not set(inside) & set("\"`$'\\ ()")


def test_the_code_of_an_address_runs_as_it_stands(store, tmp_path):
    """In a shell, and in Python with GDAL as in GeoPandas.

    QGIS and R also open such URLs with GDAL.
    """
    status, found = call(
        store, "ecosphere_access_service_show", resource_id=store["resources"]["Données"]
    )
    assert status == 200
    box = tuple(float(side) for side in NANTES.split(","))
    texts = {
        each["id"]: each["text"]
        for each in areas.snippets(areas.address(found, found["layers"][0], areas.Part(box)))
    }
    subprocess.run(
        ["/bin/sh", "-ec", texts["curl"]], cwd=tmp_path, check=True, capture_output=True, timeout=30
    )
    taken = json.loads((tmp_path / "extrait.geojson").read_text())["features"]
    assert 5 < len(taken) < 40
    (tmp_path / "geopandas.py").write_text(
        "import pyogrio\n\n\nclass Frame(dict):\n    def head(self):\n        return len(self['ids'])\n\n\n"
        "def read_file(url):\n    return Frame(ids=pyogrio.raw.read(url, return_fids=True)[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", texts["python"]],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert int(done.stdout) == len(taken)


def test_uses_are_counted_without_a_trace(store):
    path = address(store, "Fichier", "prendre")
    url = store["ogc"] + "/files/zones-humides.geojson"
    for headers in (
        BROWSER,
        {**BROWSER, "DNT": "1"},
        {**BROWSER, "Sec-GPC": "1"},
        {"User-Agent": "Googlebot/2.1"},
    ):
        answer = store["client"].get(path, headers=headers)
        assert (answer.status_code, answer.headers["Location"]) == (302, url)
    store["client"].head(path, headers=BROWSER)
    assert sum(row.count for row in model.Session.query(Use)) == 1
    assert {column.name for column in Use.__table__.columns} == {
        "package_id",
        "resource_id",
        "day",
        "count",
    }
    assert call(store, "ecosphere_access_use_show", id="zones-humides")[0] == 403
    assert call(store, "ecosphere_access_use_show", store["reader"], id="zones-humides")[0] == 403
    status, found = call(store, "ecosphere_access_use_show", store["editor"], id="zones-humides")
    assert (status, found["total"], found["last_30_days"]) == (200, 1, 1)
    assert found["resources"] == [{"resource_id": store["resources"]["Fichier"], "count": 1}]


def test_one_person_makes_no_dataset_popular(store):
    before = sum(row.count for row in model.Session.query(Use))
    for _each in range(15):
        store["client"].get(address(store, "API", "prendre"), headers=BROWSER)
    model.Session.expire_all()
    assert sum(row.count for row in model.Session.query(Use)) - before == 10


def test_the_redirect_leads_to_the_address_of_the_resource_only(store):
    path = address(store, "Fichier", "prendre")
    answer = store["client"].get(
        path + "?url=https://evil.example&next=//evil.example", headers=BROWSER
    )
    assert answer.headers["Location"].startswith(store["ogc"])
    odd = factories.Dataset(
        owner_org=store["service"], resources=[{"url": "ftp://example.org/x", "format": "ZIP"}]
    )
    path = f"/dataset/{odd['name']}/resource/{odd['resources'][0]['id']}/prendre"
    assert store["client"].get(path, headers=BROWSER).status_code == 404


def test_an_intercommunality_is_asked_for_as_long_as_several_are_meant(store, monkeypatch):
    monkeypatch.setitem(tk.config, "ecosphere.access.epci_url", "http://127.0.0.1/{code}")
    for name, expected in (
        ("vallée", "Several"),
        ("nulle part du tout", "No intercommunality"),
        ("999999999", "No"),
    ):
        asked = {"resource_id": store["resources"]["Données"], "epci": name}
        status, error = call(store, "ecosphere_access_extract_create", **asked)
        assert status == 409, name
        assert error["epci"][0].startswith(expected), error


def names(store, path: str, headers: dict[str, str] | None = None) -> list[str | None]:
    """Return the names of the layers of a definition, as QGIS lists them."""
    return [
        each.get("name")
        for each in qlr(store["client"].get(path, headers=headers)).findall(".//layer-tree-layer")
    ]


def test_layers_are_named_after_dataset_and_resource_and_not_after_tables(store):
    assert names(store, "/dataset/zones-humides/qgis.qlr") == [
        "Zones humides – Carte",
        "Zones humides – Données",
        "Zones humides – GML",
        "Zones humides – API",
        "Zones humides – Fichier",
    ]
    url = f"{store['ogc']}/wms?layers=zones_humides"
    for name, expected in (
        ("", "Mares"),
        ("l_zone_humide_s_044 (WMS)", "Mares"),
        ("eco:mares", "Mares"),
        ("Mares de l'Erdre", "Mares de l'Erdre"),
    ):
        resources = [{"name": name, "url": url, "format": "WMS"}]
        made_ = factories.Dataset(title="Mares", owner_org=store["service"], resources=resources)
        assert names(store, f"/dataset/{made_['name']}/qgis.qlr") == [expected]


def test_layers_that_the_reader_cannot_reach_are_left_out(store):
    inside = {"name": "Dedans", "url": "https://carto.e2.rie.gouv.fr/zones.gpkg", "format": "GPKG"}
    dead = {"name": "Mort", "url": f"{store['ogc']}/files/absent.geojson", "format": "GeoJSON"}
    alive = {
        "name": "Vivant",
        "url": f"{store['ogc']}/files/zones-humides.geojson",
        "format": "GeoJSON",
    }
    silent = {
        "name": "Muet",
        "url": f"{store['ogc']}/muet/wms?layers=zones_humides",
        "format": "WMS",
    }
    open_ = factories.Dataset(
        title="Mares", owner_org=store["service"], resources=[inside, dead, alive, silent]
    )
    links.note([open_["id"]])
    link = model.Session.get_one(Link, links.key_of(dead["url"]))
    link.state, link.checked_at = "broken", link.next_check_at
    model.Session.commit()
    jobs.read_services()
    rights = "http://publications.europa.eu/resource/authority/access-right/RESTRICTED"
    restricted = factories.Dataset(
        owner_org=store["service"], resources=[alive], access_rights=rights
    )
    assert names(store, f"/dataset/{open_['name']}/qgis.qlr") == ["Mares – Vivant"]
    path = f"/dataset/{restricted['name']}/qgis.qlr"
    assert store["client"].get(path).status_code == 404
    assert len(names(store, path, store["editor"])) == 1
    page = BeautifulSoup(store["client"].get(f"/dataset/{restricted['name']}").data, "html.parser")
    assert not page.select("a[href*='.qlr']")


def test_a_feature_may_lack_an_attribute_that_another_one_has(tmp_path):
    """Servers leave attributes without a value out."""
    point = {"type": "Point", "coordinates": [2.0, 46.0]}
    features = [
        {"type": "Feature", "geometry": point, "properties": {"code": "A", "nature": "pré"}},
        {"type": "Feature", "geometry": point, "properties": {"code": "B"}},
    ]
    page = tmp_path / "page0.geojson"
    page.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    job = {
        "pages": [str(page)],
        "output": str(tmp_path / "out"),
        "format": "geojson",
        "driver": "GeoJSON",
        "crs": "EPSG:4326",
        "attributes": ["nature"],
        "most": 10,
        "notice": "",
        "warning": "",
    }
    assert making.make(job)["features"] == 2
    with pytest.raises(PreviewError):
        making.make({**job, "attributes": ["surface"]})
