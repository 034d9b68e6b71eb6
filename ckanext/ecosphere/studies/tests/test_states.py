"""States of datasets on sites against a table that was judged by hand (`states.yaml`): records,
answers of services.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely
import yaml
from shapely.geometry import box, mapping

from ckanext.ecosphere.studies import config, presence, states, wording
from ckanext.ecosphere.studies import site as sites
from ckanext.ecosphere.studies.extents import Ground, finding_of
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding
from ckanext.ecosphere.studies.tests.test_presence import (
    BESIDE,
    HERE,
    NEAR,
    REGIONAL,
    REPORT,
    SITE,
    TRIANGLE,
    Script,
    api,
    collection,
    hits,
    query_of,
    says,
    service,
    truncated,
    wfs,
)
from ckanext.ecosphere.tests.scripted_server import Exchange, serve
from dev.ogc.server import served

pytestmark = pytest.mark.usefixtures("loaded")

TABLE = yaml.safe_load(Path(__file__).with_name("states.yaml").read_text(encoding="utf-8"))
LETTERS = {
    states.COVERS: "C",
    states.COVERS_PART: "P",
    states.NOTHING_HERE: "N",
    states.NOT_MAPPED: "M",
    states.RESTRICTED: "R",
    states.NO_ANSWER: "A",
}
KNOWN = {
    "whole": Finding(states.COVERS, "territory", extent="territory", share=1.0),
    "part": Finding(states.COVERS_PART, "territory-part", extent="territory", share=0.4),
    "box": Finding(states.COVERS, "box", extent="box", share=1.0),
    "beside": Finding(states.NOT_MAPPED, "territory-elsewhere", extent="territory"),
    "restricted": Finding(states.RESTRICTED, "restricted", extent="territory", share=1.0),
}
Dataset = dict[str, Any]


def site_of(given: list[Any]) -> Site:
    if isinstance(given[0], float):
        return Site("", "drawn", (), box(*given))
    return sites.of_communes([str(code) for code in given])


def record(row: dict[str, Any]) -> Dataset:
    """Return a dataset with the extent of a row."""
    dataset: Dataset = {"title": row["title"], "territory": row.get("territory", [])}
    if "boxes" in row:
        dataset["spatial"] = json.dumps(
            mapping(shapely.MultiPolygon([box(*sides) for sides in row["boxes"]]))
        )
    if "point" in row:
        dataset["spatial"] = json.dumps({"type": "Point", "coordinates": row["point"]})
    if "access" in row:
        right = f"http://publications.europa.eu/resource/authority/access-right/{row['access']}"
        dataset["access_rights"] = right
    return dataset


@pytest.mark.slow("variants")
@pytest.mark.parametrize("row", TABLE["records"], ids=lambda row: row["title"][:40])
def test_what_a_record_says_of_sites(row: dict[str, Any]):
    said = {
        name: finding_of(record(row), Ground(site_of(TABLE["sites"][name])))
        for name in row["states"]
    }
    assert {name: LETTERS[finding.state] for name, finding in said.items()} == row["states"]


# --- services --------------------------------------------------------------------------------


def described(dataset: Dataset, *extents: Any) -> Dataset:
    """Return a dataset with a description of its layers, one for each extent."""
    names = ("eco:zones", "eco:points", "eco:lignes")
    layers = [
        {"name": name, "extent": extent} for name, extent in zip(names, extents, strict=False)
    ]
    dataset["resources"][0]["ecosphere_service"] = {"layers": layers}
    return dataset


def by_layer(**scripts: Script) -> Script:
    def script(exchange: Exchange) -> None:
        scripts[query_of(exchange)["typenames"].removeprefix("eco:")](exchange)

    return script


def only_hits(*objects: Any) -> Script:
    def script(exchange: Exchange) -> None:
        if query_of(exchange).get("resulttype") == "hits":
            service(*objects)(exchange)
        else:
            exchange.answer(REPORT)

    return script


def moved(objects: list[Any], move: Callable[[Any], Any]) -> Script:
    """Return a service that finds objects in degrees and gives them in other coordinates."""

    def script(exchange: Exchange) -> None:
        if query_of(exchange).get("resulttype") == "hits":
            service(*objects)(exchange)
        else:
            exchange.answer(collection([shapely.transform(geometry, move) for geometry in objects]))

    return script


def leads(to: str) -> Script:
    def script(exchange: Exchange) -> None:
        if exchange.path.startswith("/else"):
            exchange.answer(hits(0 if "Atlantic" in exchange.path else 3))
        elif exchange.path.startswith("/page"):
            exchange.answer("<!doctype html>", Content_Type="text/html")
        else:
            exchange.answer("", 302, Location=to)

    return script


def uncounted(*objects: Any) -> Script:
    def script(exchange: Exchange) -> None:
        query = query_of(exchange)
        west, south, east, north = map(float, query.get("bbox", "-180,-90,180,90").split(",")[:4])
        area = box(west, south, east, north)
        exchange.answer(
            collection([each for each in objects if each.intersects(area)][: int(query["limit"])])
        )

    return script


MANY = [box(-1.51, 47.24, -1.505 + number / 1e4, 47.245) for number in range(30)]
TWO = ((-2, 47, -1, 48), (-2, 47, -1, 48))
PAGE = "<!DOCTYPE html><html></html>"
XHTML = '<?xml version="1.0"?><!DOCTYPE html PUBLIC "x" "y"><html xmlns="http://www.w3.org/1999/xhtml"/>'
NEXT = collection([], links=[{"rel": "next", "href": "x"}])
#: Name of the table → what the server does, the dataset, and the site.
SERVICES: dict[str, tuple[Script, Callable[[str], Dataset], Site]] = {
    "objects on the site": (service(HERE, NEAR), wfs, SITE),
    "objects on the site, by an API": (service(HERE, NEAR), api, SITE),
    "objects near": (service(NEAR, REGIONAL), wfs, SITE),
    "objects near, by an API": (service(NEAR, REGIONAL), api, SITE),
    "objects far off": (service(REGIONAL), wfs, SITE),
    "objects near, the layer ends before the site": (
        service(NEAR),
        lambda url: described(wfs(url), (-1.45, 47, -1.4, 48)),
        SITE,
    ),
    "objects near, the layer has an empty box": (
        service(NEAR),
        lambda url: described(wfs(url), (0, 0, 0, 0)),
        SITE,
    ),
    "objects beside the outline": (service(BESIDE, NEAR), wfs, TRIANGLE),
    "objects beside the outline, in metres": (
        moved([BESIDE], lambda places: places * 100_000),
        wfs,
        TRIANGLE,
    ),
    "objects beside the outline, no GeoJSON": (only_hits(BESIDE), wfs, TRIANGLE),
    "objects beside the outline, latitude first": (
        moved([BESIDE], lambda places: places[:, ::-1]),
        wfs,
        TRIANGLE,
    ),
    "objects beside the outline, one page of them": (service(*MANY, page=20), wfs, TRIANGLE),
    "objects in the second layer": (
        by_layer(zones=service(NEAR), points=service(HERE)),
        lambda url: described(wfs(url), *TWO),
        SITE,
    ),
    "two layers with objects near": (
        by_layer(zones=service(NEAR), points=service(NEAR)),
        lambda url: described(wfs(url), *TWO),
        SITE,
    ),
    "objects near, the second layer broken": (
        by_layer(zones=service(NEAR), points=says("", 500)),
        lambda url: described(wfs(url), *TWO),
        SITE,
    ),
    "no object at all": (service(), wfs, SITE),
    "no object, and the place is ignored": (says(hits(0)), wfs, SITE),
    "objects on the site, latitude and longitude exchanged": (
        service(HERE, swapped=True),
        wfs,
        SITE,
    ),
    "objects everywhere, the place is ignored": (says(hits(7)), wfs, SITE),
    "exception with status 200": (says(REPORT), wfs, SITE),
    "exception with status 400": (says(REPORT, 400), wfs, SITE),
    "number unknown": (says(hits("unknown")), wfs, SITE),
    "number left out": (says(hits(0, "timeStamp")), wfs, SITE),
    "page": (says(PAGE, Content_Type="text/html"), wfs, SITE),
    "page as XML": (says(XHTML, Content_Type="application/xml"), wfs, SITE),
    "led to a page": (leads("/page"), wfs, SITE),
    "led to another layer": (leads("/else?typenames=eco:autres"), wfs, SITE),
    "compressed bomb": (says(gzip.compress(b" " * 40_000_000), Content_Encoding="gzip"), wfs, SITE),
    "nothing with status 204": (says("", 204), wfs, SITE),
    "closed": (says("", 403), wfs, SITE),
    "truncated": (truncated, wfs, SITE),
    "more returned than counted": (says(hits(0).replace("/>", ' numberReturned="4"/>')), wfs, SITE),
    "an API without a number, next page": (says(NEXT), api, SITE),
    "an API without a number, objects near": (uncounted(NEAR), api, SITE),
}
DEMONSTRATION = {"few": "/rare/wfs", "many": "/wfs", "broken": "/casse/wfs"}


def judged(name: str, dataset: Dataset, site: Site) -> dict[str, str]:
    """Return the letters of the states of a dataset,
    by what is known of it before its service is asked.
    """
    letters = {}
    for known, finding in KNOWN.items():
        counted = presence.count(dataset, site, replace(finding))
        assert counted.code in wording.SENTENCES
        letters[known] = LETTERS[counted.state]
    return letters


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "seconds", lambda: 5)


@pytest.mark.few(12, "variants")
@pytest.mark.parametrize("name", TABLE["services"])
def test_what_is_concluded_from_the_answers_of_a_service(name: str):
    if name.startswith("demonstration"):
        place = Site("Nantes", "drawn", (), box(-1.60, 47.15, -1.45, 47.30))
        with served() as url:
            path = DEMONSTRATION[name.removeprefix("demonstration, ")]
            address = f"{url}{path}?service=WFS&typenames=eco:zones_humides"
            dataset = {"resources": [{"url": address, "format": "WFS", "protocol": "OGC:WFS"}]}
            assert judged(name, dataset, place) == TABLE["services"][name]
        return
    script, make, place = SERVICES[name]
    with serve(script) as server:
        assert judged(name, make(server.url), place) == TABLE["services"][name]
