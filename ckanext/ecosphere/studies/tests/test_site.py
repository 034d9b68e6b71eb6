"""Sites: what is given becomes a valid place in France, or a clear refusal, in bounded time."""

from __future__ import annotations

import io
import json
import math
import random
import sqlite3
import time
import zipfile
from pathlib import Path
from typing import Any

import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyogrio import raw

from ckanext.ecosphere.dataset import areas
from ckanext.ecosphere.shared.confinement import geofiles
from ckanext.ecosphere.studies import config, site, wording
from ckanext.ecosphere.studies.site import Site, SiteError

NANTES = [[-1.56, 47.20], [-1.54, 47.20], [-1.54, 47.22], [-1.56, 47.22], [-1.56, 47.20]]


@pytest.fixture(autouse=True)
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "most_vertices", lambda: 20_000)


def polygon(*rings: Any) -> str:
    return json.dumps({"type": "Polygon", "coordinates": list(rings)})


def refusal(text: str | bytes, name: str = "") -> str:
    """Return the code of the refusal of GeoJSON, or of a file; it has a sentence."""
    begin = time.monotonic()
    with pytest.raises(SiteError) as raised:
        if isinstance(text, bytes):
            site.of_file(name, text)
        else:
            site.of_geojson(text)
    assert time.monotonic() - begin < 40
    error = raised.value
    assert wording.site_error(error.code, error.params)
    return error.code


# --- communes, EPCI --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "departement"),
    [
        ("44109", "departement-44"),
        ("40088", "departement-40"),
        ("01004", "departement-01"),
        ("97611", "outre-mer-myt"),
    ],
)
def test_a_commune_lies_in_its_departement(code: str, departement: str):
    place = site.of_communes([code])
    assert place.territories[0] == f"commune-{code}"
    assert departement in place.territories
    assert place.territories[-1] in ("pays-fra", "pays-fxx")
    assert place.share_in([departement]) == pytest.approx(1)


def test_a_buffer_reaches_the_neighbours_and_is_in_metres():
    place = site.of_communes(["40088"], 2_000)
    assert place.territories[0] == "commune-40088"
    assert len([value for value in place.territories if value.startswith("commune-")]) > 5
    forth, _back = areas.to_metres(place.geometry)
    edge = shapely.points(shapely.get_coordinates(forth(place.area)))
    assert max(forth(place.geometry).distance(edge)) == pytest.approx(2_000, rel=0.05)
    assert sum(share for share, _around in place.shares) == pytest.approx(1)


def test_an_intercommunality_has_its_communes():
    place = site.of_epci("244400404")
    assert place.label == "Nantes Métropole"
    assert "commune-44109" in place.territories
    assert place.share_in(["epci-244400404"]) > 0.98


@pytest.mark.parametrize(
    ("codes", "code"),
    [(["99999"], "no-commune"), (["44109"] * 2 + [f"01{n:03}" for n in range(70)], "too-many-communes"),
     (["98735"], "no-outline")],
)  # fmt: skip
def test_communes_that_are_none(codes: list[str], code: str):
    with pytest.raises(SiteError) as raised:
        site.of_communes(codes)
    assert raised.value.code == code


def test_an_unknown_intercommunality():
    with pytest.raises(SiteError) as raised:
        site.of_epci("1")
    assert raised.value.code == "no-epci"


# --- drawn -----------------------------------------------------------------------------------


def test_a_drawn_site_is_stored_and_read_again():
    place = site.of_geojson(polygon(NANTES), "Île", 100)
    again = Site.of_dict(json.loads(json.dumps(place.as_dict())))
    assert again.label == "Île"
    assert again.kind == "drawn"
    assert again.area.symmetric_difference(place.area).area < place.area.area / 1e4
    assert again.territories == place.territories
    assert again.territories[0] == "commune-44109"


def test_a_facade_lies_in_its_sea():
    sea = site.of_geojson(
        polygon([[-3.2, 46.5], [-2.4, 46.5], [-2.4, 47.1], [-3.2, 47.1], [-3.2, 46.5]])
    )
    assert sea.territories[0] == "zone-maritime-fx-atl"
    assert sea.share_in(["zone-maritime-fx-atl"]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("west", "south", "departement"),
    [(2.2, 49.5, "60"), (2.3, 48.85, "75"), (3.0, 50.3, "62"), (5.22, 46.2, "01")],
)
def test_a_small_site_among_many_small_communes_lies_on_land(
    west: float, south: float, departement: str
):
    for width in (0.001, 0.01):
        place = Site("", "drawn", (), shapely.box(west, south, west + width, south + width))
        assert place.share_in([f"departement-{departement}"]) == pytest.approx(1)
        assert place.territories[0].startswith("commune-")


def test_a_point_and_a_line_have_an_area():
    point = site.of_geojson('{"type":"Point","coordinates":[-1.55,47.21]}')
    assert point.area.area > 0
    line = site.of_geojson(
        '{"type":"LineString","coordinates":[[-1.55,47.21],[-1.5,47.3]]}', buffer=50
    )
    assert line.area.contains(line.geometry)


def test_features_and_nested_collections_are_joined():
    inner = {"type": "GeometryCollection", "geometries": [json.loads(polygon(NANTES))]}
    nested = {
        "type": "GeometryCollection",
        "geometries": [inner, {"type": "Point", "coordinates": [-1.5, 47.3]}],
    }
    feature = {"type": "Feature", "properties": {}, "geometry": nested}
    place = site.of_geojson(
        json.dumps({"type": "FeatureCollection", "features": [feature, feature]})
    )
    assert place.geometry.geom_type == "Polygon"


def test_a_figure_of_eight_is_repaired():
    eight = [[-1.56, 47.20], [-1.54, 47.22], [-1.54, 47.20], [-1.56, 47.22], [-1.56, 47.20]]
    place = site.of_geojson(polygon(eight))
    assert place.geometry.is_valid
    assert place.geometry.area > 0


def test_the_crs_that_qgis_writes_is_read():
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2154"}}
    metres = [[355000, 6689000], [356000, 6689000], [356000, 6690000], [355000, 6689000]]
    text = json.dumps({"type": "Polygon", "coordinates": [metres], "crs": crs})
    assert "departement-44" in site.of_geojson(text).territories


def tangled(number: int) -> str:
    chance = random.Random(7)
    ring = [[-1.5 + chance.random(), 47 + chance.random()] for _place in range(number)]
    return polygon([*ring, ring[0]])


def along_a_line(number: int) -> str:
    chance = random.Random(7)
    parts = [
        [
            [
                [-1.5, 47],
                [-1.5 + chance.random(), 47],
                [-1.5 + chance.random() / 2, 47 + 1e-9 * part],
                [-1.5, 47],
            ]
        ]
        for part in range(1, number)
    ]
    return json.dumps({"type": "MultiPolygon", "coordinates": parts})


HOSTILE = {
    "not JSON": ("{", "not-geojson"),
    "a list": ("[]", "not-geojson"),
    "no geometry": ('{"type":"FeatureCollection","features":[]}', "empty"),
    "null geometry": ('{"type":"Feature","geometry":null}', "empty"),
    "empty polygon": ('{"type":"Polygon","coordinates":[]}', "empty"),
    "a ring of two": (polygon([[1, 2], [3, 4]]), "bad-geometry"),
    "a flat polygon": (polygon([[-1.5, 47], [-1.4, 47], [-1.3, 47], [-1.5, 47]]), "empty"),
    "text for numbers": ('{"type":"Polygon","coordinates":["a","b"]}', "bad-geometry"),
    "NaN": ('{"type":"Point","coordinates":[NaN,47]}', "bad-geometry"),
    "Infinity": ('{"type":"Point","coordinates":[1e999,47]}', "bad-geometry"),
    "100 000 vertices": (polygon([[-1.5 + n / 1e6, 47 + n % 2 / 1e3] for n in range(100_000)]), "too-many-vertices"),
    "too many parts": (
        json.dumps({"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": None}] * 3000}),
        "too-many-parts",
    ),
    "nested deeply": ('{"type":"GeometryCollection","geometries":[' * 3000 + "]}" * 3000, "not-geojson"),
    "metres without CRS": (polygon([[355000, 6689000], [356000, 6689000], [356000, 6690000], [355000, 6689000]]),
                           "outside-world"),
    "an unknown CRS": ('{"type":"Point","coordinates":[1,47],"crs":{"type":"name","properties":{"name":"local"}}}',
                       "no-crs"),
    "a CRS that names a file": (
        '{"type":"Point","coordinates":[1,47],'
        '"crs":{"type":"name","properties":{"name":"+proj=latlong +nadgrids=/etc/passwd"}}}',
        "no-crs",
    ),
    "the 180th meridian": (
        json.dumps({"type": "MultiPoint", "coordinates": [[179.9, -13], [-179.9, -13]]}), "antimeridian"),
    "beyond 180": ('{"type":"Point","coordinates":[181,-13]}', "antimeridian"),
    "swapped axes": ('{"type":"Point","coordinates":[47.2,-1.55]}', "swapped-axes"),
    "abroad": ('{"type":"Point","coordinates":[13.4,52.5]}', "outside-france"),
    "the whole world": (polygon([[-80, -80], [80, -80], [80, 80], [-80, 80], [-80, -80]]), "too-wide"),
    "tangled": (tangled(15_000), "self-crossing"),
    "along a line": (along_a_line(1_900), "self-crossing"),
}  # fmt: skip


@pytest.mark.few(8, "hostile")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_geojson_is_refused_with_its_reason(name: str):
    text, code = HOSTILE[name]
    # How deep a text may be read differs between versions of Python; some bound refuses it in each.
    others = ("empty", "too-many-parts") if name == "nested deeply" else ()
    assert refusal(text) in (code, *others)


COORDINATE = st.floats(-400, 400) | st.sampled_from([math.nan, math.inf, 1e300])
PLACE = st.lists(COORDINATE, min_size=0, max_size=4)
RING = st.lists(PLACE, max_size=8)
GEOMETRY = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["Point"]), "coordinates": PLACE}),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["LineString", "MultiPoint"]), "coordinates": RING}
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["Polygon", "MultiLineString"]), "coordinates": st.lists(RING)}
    ),
    st.fixed_dictionaries(
        {"type": st.text(max_size=9), "coordinates": st.recursive(COORDINATE, st.lists)}
    ),
)


@pytest.mark.slow("random")
@settings(max_examples=150, deadline=5_000)
@given(GEOMETRY)
def test_any_geometry_is_valid_or_refused(geometry: dict[str, Any]):
    try:
        place = site.of_geojson(json.dumps(geometry))
    except SiteError as error:
        assert wording.site_error(error.code, error.params)
    else:
        assert place.area.is_valid
        assert place.territories


@settings(max_examples=60, deadline=5_000)
@given(st.lists(st.tuples(st.floats(-1.6, -1.4), st.floats(47.1, 47.3)), min_size=3, max_size=30))
def test_any_ring_near_nantes_becomes_valid_areas(ring: list[tuple[float, float]]):
    try:
        place = site.of_geojson(polygon([*ring, ring[0]]), buffer=20)
    except SiteError as error:
        assert error.code in ("empty", "self-crossing")
    else:
        assert place.geometry.is_valid
        assert place.share_of(place.area) == pytest.approx(1)


# --- files -----------------------------------------------------------------------------------


def written(folder: Path, driver: str, suffix: str, crs: str | None, shapes: list[Any]) -> Path:
    path = folder / f"site{suffix}"
    wkb = shapely.to_wkb(shapes)
    raw.write(
        path,
        geometry=wkb,
        field_data=[],
        fields=[],
        geometry_type=shapes[0].geom_type,
        crs=crs,
        driver=driver,
    )
    return path


def zipped(folder: Path, names: dict[str, str] | None = None) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, (names or {}).get(path.suffix, path.name))
    return content.getvalue()


METRES = shapely.box(355_000, 6_689_000, 356_000, 6_690_000)
DEGREES = shapely.box(-1.56, 47.2, -1.54, 47.22)


@pytest.mark.parametrize(
    ("driver", "suffix", "crs", "shape"),
    [
        ("GPKG", ".gpkg", "EPSG:2154", METRES),
        ("GeoJSON", ".geojson", "EPSG:4326", DEGREES),
        ("KML", ".kml", "EPSG:4326", DEGREES),
    ],
)
def test_files_are_read(tmp_path: Path, driver: str, suffix: str, crs: str, shape: Any):
    path = written(tmp_path, driver, suffix, crs, [shape])
    place = site.of_file(path.name, path.read_bytes(), 10)
    assert place.kind == "file"
    assert place.label == "site"
    assert "departement-44" in place.territories


def test_a_zipped_shapefile_is_read_wherever_it_lies_in_the_archive(tmp_path: Path):
    written(tmp_path, "ESRI Shapefile", ".shp", "EPSG:2154", [METRES])
    climbing = {
        f".{end}": f"../../../etc/site.{end}" for end in ("shp", "shx", "dbf", "prj", "cpg")
    }
    for names in (None, climbing):
        assert "departement-44" in site.of_file("a.zip", zipped(tmp_path, names)).territories


def test_a_shapefile_without_crs_is_refused(tmp_path: Path):
    written(tmp_path, "ESRI Shapefile", ".shp", "EPSG:2154", [METRES])
    (tmp_path / "site.prj").unlink()
    assert refusal(zipped(tmp_path), "a.zip") == "no-crs"


def test_a_wrong_crs_is_seen(tmp_path: Path):
    path = written(tmp_path, "GPKG", ".gpkg", "EPSG:2975", [METRES])
    assert refusal(path.read_bytes(), path.name) in ("outside-france", "wrong-crs")


def test_a_bomb_is_not_unpacked():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.geojson", b" " * 80_000_000)
    assert refusal(content.getvalue(), "a.zip") == "bomb"


def test_a_geopackage_that_reads_other_files_is_refused(tmp_path: Path):
    path = written(tmp_path, "GPKG", ".gpkg", "EPSG:2154", [METRES])
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute(
            "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('table', 'passwd', 'passwd', 0,"
            " 'CREATE VIRTUAL TABLE passwd USING VirtualText(''/etc/passwd'', UTF8, 0, POINT, DOUBLEQUOTE, '','')')"
        )
    assert refusal(path.read_bytes(), path.name) in ("active-file", "unreadable")


ODD_FILES = {
    "nothing": (b"", "empty"),
    "spaces": (b"   ", "empty"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "unknown-format"),
    "an empty archive": (b"PK\x05\x06" + bytes(18), "unknown-format"),
    "a broken archive": (b"PK\x03\x04" + bytes(50), "broken-archive"),
    "a broken database": (b"SQLite format 3\x00" + bytes(500), "unreadable"),
    "entities": (
        b'<!DOCTYPE a [<!ENTITY b "c">]><kml xmlns="http://www.opengis.net/kml/2.2"/>',
        "unreadable",
    ),
    "KML without places": (
        b'<kml xmlns="http://www.opengis.net/kml/2.2"><Document/></kml>',
        "empty",
    ),
    "no JSON": (b"{", "not-geojson"),
    "words": (b"bonjour", "unknown-format"),
}


@pytest.mark.few(8, "values")
@pytest.mark.parametrize("name", ODD_FILES)
def test_odd_files_are_refused_with_their_reason(name: str):
    content, code = ODD_FILES[name]
    assert refusal(content, "site") in (code, "unreadable")


def test_a_large_file_is_not_read():
    assert refusal(b"{" + b" " * site.MOST_BYTES, "a.geojson") == "too-large"


def test_a_file_of_many_vertices_is_refused(tmp_path: Path):
    ring = shapely.Point(600_000, 6_700_000).buffer(5_000, quad_segs=30_000)
    path = written(tmp_path, "GPKG", ".gpkg", "EPSG:2154", [ring])
    assert refusal(path.read_bytes(), path.name) == "too-many-vertices"


def test_gdal_is_not_loaded_by_the_portal():
    assert geofiles.__name__ == geofiles.MODULE
    assert pyogrio.__name__ not in vars(geofiles)
