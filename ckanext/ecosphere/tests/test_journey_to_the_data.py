"""Browser test from the search to the data: map, extract of a commune, QGIS, and report of a dead
link.

A consultancy in Nantes finds wetlands, views them, downloads those of a commune, opens them in QGIS
and reports a link that is dead; the organisation sees the report on its desk and in its mailbox.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pyogrio
import pytest
import shapely
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import call_action
from lxml import etree
from PIL import Image
from playwright.sync_api import Page, expect
from pyproj import Transformer
from shapely.geometry import shape

from ckanext.ecosphere.access import jobs
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.tests.browser import axe_violations, log_in, picture
from ckanext.ecosphere.tests.postbox import Postbox, body
from dev.ogc.server import outlines, served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "clean_queues"),
]

PASSWORD = "un mot de passe de test"
MODERATION = "administration-centrale-ou-ministere_172120"
LOIRE_ATLANTIQUE = "http://id.insee.fr/geo/departement/44"
EXTENT = (
    '{"type":"Polygon","coordinates":[[[-2,46.9],[-1.1,46.9],[-1.1,47.5],[-2,47.5],[-2,46.9]]]}'
)
#: A rectangle around Nantes in Lambert 93.
LAMBERT = "345000,6680000,365000,6700000"
ATTRIBUTES = ["id", "code", "nature", "commune", "surface_ha", "inventaire"]
#: Metres by which a long straight border in degrees may leave the straight one in Lambert-93.
BORDER = 0.5


@pytest.fixture
def ogc() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture
def dataset(ogc: str, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A dataset of a DDT with services, a removed report and other datasets beside it.

    Its services are read.
    """
    monkeypatch.setitem(ckan_config, "ecosphere.access.communes_url", f"{ogc}/contours/{{code}}")
    monkeypatch.setitem(ckan_config, "ecosphere.requests.moderation_digest", 0)
    for name, fullname in (("agent", "Anne Lefèvre"), ("moderatrice", "Marie Moreau")):
        factories.User(
            name=name,
            fullname=fullname,
            email=f"{name}@example.org",
            password=PASSWORD,
            image_url="",
            about="",
        )
    plain = {"image_url": "", "description": ""}
    factories.Organization(name=MODERATION, title="CGDD", users=[_editor("moderatrice")], **plain)
    service = factories.Organization(
        name="ddt-44", title="DDTM 44", users=[_editor("agent")], **plain
    )
    by = {"ignore_auth": True, "user": factories.Sysadmin(image_url="")["name"]}
    call_action(
        "ecosphere_contact_sheet_update", by.copy(), id=service["id"], email="ddtm-44@example.org"
    )
    owned = {"owner_org": service["id"], "territory": [LOIRE_ATLANTIQUE]}
    factories.Dataset(title="Parcs éoliens de Loire-Atlantique", **owned)
    made = factories.Dataset(
        name="zones-humides-44",
        title="Zones humides de Loire-Atlantique",
        notes="Inventaire des zones humides du département, relevé commune par commune.",
        spatial=EXTENT,
        license_id="etalab-2.0",
        resources=[
            {"name": "Carte", "url": f"{ogc}/wms?layers=zones_humides", "format": "WMS"},
            {
                "name": "Données",
                "url": f"{ogc}/wfs?service=WFS&typenames=eco:zones_humides",
                "format": "WFS",
            },
            {"name": "Rapport de l’inventaire", "url": f"{ogc}/rapport.pdf", "format": "PDF"},
        ],
        **owned,
    )
    jobs.read_services()
    return made


def _editor(name: str) -> dict[str, str]:
    return {"name": name, "capacity": "editor"}


def test_a_person_finds_data_sees_them_takes_a_commune_opens_qgis_and_reports_a_dead_link(
    page: Page, dataset: dict[str, Any], ogc: str, postbox: Postbox, tmp_path: Path
):
    _finds_and_sees(page, dataset)
    _takes_the_commune(page, tmp_path / "nantes.gpkg")
    _opens_the_map_in_qgis(page, dataset, ogc, tmp_path / "carte.qlr")
    _reports_the_dead_link(page, dataset)
    _the_service_answers(page, _the_service_reads_it(page, postbox))
    _everybody_reads_the_answer(page, dataset)


def _finds_and_sees(page: Page, dataset: dict[str, Any]) -> None:
    page.goto("/fr/")
    page.locator("#field-home-search").fill("zones humides nantes")
    page.locator("#field-home-search").press("Enter")
    page.wait_for_url("**/dataset/?*")
    expect(page.locator(".dataset-heading").first).to_contain_text(dataset["title"])
    picture(page, "journey-found")
    page.get_by_role("link", name=dataset["title"], exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(dataset["title"])
    preview = page.locator(".eco-preview")
    preview.scroll_into_view_if_needed()
    expect(preview.locator(".leaflet-tile-loaded").first).to_be_visible()
    expect(preview.locator("img.leaflet-tile:not(.leaflet-tile-loaded)")).to_have_count(0)
    picture(page, "journey-seen")


def _takes_the_commune(page: Page, file: Path) -> None:
    page.get_by_role("link", name="Prendre ma zone").first.click()
    page.get_by_label("Commune").fill("Nantes")
    page.get_by_label("Format").select_option("gpkg")
    page.get_by_role("button", name="Produire le fichier").click()
    expect(page.get_by_text("en cours de production")).to_be_visible()
    jobs.make_extracts()
    taken = page.get_by_role("link", name="Télécharger GeoPackage")
    expect(taken).to_be_visible()
    assert axe_violations(page) == []
    expect(page.get_by_text("Lambert-93")).to_be_visible()
    picture(page, "journey-taken")
    with page.expect_download() as download:
        taken.click()
    download.value.save_as(file)
    meta, _ids, shapes, columns = pyogrio.raw.read(file)
    assert meta["crs"] == "EPSG:2154"
    assert list(meta["fields"]) == ATTRIBUTES
    to_lambert = Transformer.from_crs(4326, 2154, always_xy=True).transform
    commune = shapely.transform(
        shape(outlines()["44109"]["geometry"]), to_lambert, interleaved=False
    )
    assert 0 < len(shapes) < 60
    assert all(commune.buffer(BORDER).contains(shapely.from_wkb(each)) for each in shapes)
    natures = columns[ATTRIBUTES.index("nature")]
    assert all(natures), natures


def _opens_the_map_in_qgis(page: Page, dataset: dict[str, Any], ogc: str, file: Path) -> None:
    """Check the layer definition without QGIS.

    A layer in the tree, the same layer with its provider, and a URL at which the server renders it.
    """
    page.goto(f"/fr/dataset/{dataset['name']}")
    with page.expect_download() as download:
        page.locator(".resource-item", has_text="Carte").get_by_role(
            "link", name="QGIS"
        ).first.click()
    download.value.save_as(file)
    root = etree.fromstring(file.read_bytes().split(b"\n", 1)[1])
    [branch], [layer] = root.findall(".//layer-tree-layer"), root.findall("maplayers/maplayer")
    source = layer.findtext("datasource") or ""
    assert root.tag == "qlr" and file.read_bytes().startswith(b"<!DOCTYPE qgis-layer-definition>")
    assert (branch.get("id"), branch.get("source")) == (layer.findtext("id"), source)
    assert (branch.get("providerKey"), layer.findtext("provider"), layer.get("type")) == (
        "wms",
        "wms",
        "raster",
    )
    assert layer.findtext("srs/spatialrefsys/authid") == "EPSG:2154"
    asked = dict(parse_qsl(source, keep_blank_values=True))
    assert asked["url"] == f"{ogc}/wms"
    drawn = {
        "service": "WMS",
        "version": "1.3.0",
        "request": "GetMap",
        "bbox": LAMBERT,
        "width": 200,
        "height": 200,
    }
    image = page.request.get(
        asked["url"],
        params={**drawn, **{name: asked[name] for name in ("layers", "styles", "crs", "format")}},
    )
    with Image.open(io.BytesIO(image.body())) as map_:
        assert (
            map_.size == (200, 200) and map_.getextrema()[3][1] > 0
        )  # something of the layer is drawn


def _reports_the_dead_link(page: Page, dataset: dict[str, Any]) -> None:
    dead = dataset["resources"][2]["url"]
    assert page.request.get(dead).status == 404
    page.get_by_role("link", name="Signaler un problème").click()
    page.get_by_label("Lien qui ne fonctionne pas").check()
    page.get_by_label(re.compile("Qu’est-ce qui ne va pas")).fill(
        f"Le rapport de l’inventaire répond 404 : {dead}"
    )
    assert axe_violations(page) == []
    picture(page, "journey-reported")
    page.get_by_role("button", name="Envoyer").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(dataset["title"])
    expect(page.get_by_text("Un modérateur le lit d’abord")).to_be_visible()


def _the_service_reads_it(page: Page, postbox: Postbox) -> str:
    log_in(page, "moderatrice", PASSWORD)
    page.goto("/fr/demandes/moderation")
    page.get_by_role("link", name=re.compile("^Accepter DD-")).click()
    page.locator("main").get_by_role("button", name="Confier à un service").click()
    page.wait_for_url(re.compile(r"/demandes/DD-\d{4}-\d{5}$"))
    address = page.url
    model.Session.expire_all()
    delivery.deliver()
    for person in ("agent", "ddtm-44"):
        [mail] = postbox.to(person)
        assert "received a report about one of its datasets" in body(mail)
        assert "Zones humides de Loire-Atlantique" in body(mail)
    page.context.clear_cookies()
    log_in(page, "agent", PASSWORD)
    page.goto("/fr/demandes/service/ddt-44")
    expect(page.locator("#new")).to_contain_text("Lien qui ne fonctionne pas")
    page.locator("#new").scroll_into_view_if_needed()
    picture(page, "journey-on-the-desk")
    page.goto("/fr/dataset/zones-humides-44/qualite")
    expect(page.get_by_role("link", name="1 problème signalé, ouvert")).to_be_visible()
    return address


def _the_service_answers(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("main").get_by_role("link", name="Dire que c’est corrigé").click()
    page.get_by_label("Message").fill("Le rapport est de nouveau en ligne.")
    assert axe_violations(page) == []
    page.locator("main").get_by_role("button", name="Dire que c’est corrigé").click()
    expect(page.locator("main")).to_contain_text("Le rapport est de nouveau en ligne.")
    page.context.clear_cookies()


def _everybody_reads_the_answer(page: Page, dataset: dict[str, Any]) -> None:
    page.goto(f"/fr/dataset/{dataset['name']}")
    reported = page.locator("#demandes")
    expect(reported).to_contain_text("Corrigé")
    expect(reported).to_contain_text("Réponse du service : Le rapport est de nouveau en ligne.")
    assert axe_violations(page) == []
    reported.scroll_into_view_if_needed()
    picture(page, "journey-answered")
    page.goto(f"/fr/dataset/{dataset['name']}/qualite")
    expect(page.locator("main")).not_to_contain_text("problème signalé")
