"""Browser tests of the data pages: service map, feature table, extract, and opening in QGIS."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests import factories
from ckan.tests.helpers import call_action
from playwright.sync_api import Page, expect
from werkzeug.datastructures import FileStorage

from ckanext.ecosphere.access import jobs
from ckanext.ecosphere.access.tests.conftest import forget_counts
from ckanext.ecosphere.access.tests.test_attributes import SCHEMA
from ckanext.ecosphere.access.tests.test_large import written
from ckanext.ecosphere.tests.browser import axe_violations, free_port, picture, tab_to, wait_until

pytestmark = pytest.mark.browser
SHAPE = '{"type":"Polygon","coordinates":[[[-2,46.9],[-1.1,46.9],[-1.1,47.5],[-2,47.5],[-2,46.9]]]}'


@pytest.fixture
def dataset(
    loaded: None, ogc: str, request: pytest.FixtureRequest, portal_storage: Path
) -> dict[str, Any]:
    request.getfixturevalue("empty_db")()
    request.getfixturevalue("reset_index")()
    forget_counts()
    service = factories.Organization(name="ddt-44", title="DDTM 44", description="", image_url="")
    resources = [
        {
            "name": "Carte des zones humides",
            "url": f"{ogc}/wms?layers=zones_humides",
            "format": "WMS",
        },
        {
            "name": "Zones humides en WFS",
            "url": f"{ogc}/wfs?service=WFS&typenames=zones_humides",
            "format": "WFS",
        },
    ]
    made = factories.Dataset(
        name="zh-44",
        title="Zones humides",
        notes="Inventaire des zones humides du département.",
        owner_org=service["id"],
        resources=resources,
        spatial=SHAPE,
    )
    jobs.read_services()
    return made


@pytest.fixture
def portal_storage(loaded: None) -> Path:
    """Storage folder of the portal in the browser, which the tests share."""
    path = tk.config.get("ckan.storage_path")
    assert path
    return Path(path)


@pytest.mark.journey
def test_somebody_sees_the_data_and_takes_a_part(
    page: Page, dataset: dict[str, Any], tmp_path: Path
):
    page.goto("/fr/dataset/zh-44")
    preview = page.locator(".eco-preview")
    expect(preview.locator(".leaflet-tile-loaded").first).to_be_visible()
    level = (
        "name => Number(getComputedStyle(document.querySelector(`.leaflet-${name}-pane`)).zIndex)"
    )
    assert page.evaluate(level, "outline") < page.evaluate(
        level, "tile"
    )  # a pane above the tiles would hide them
    expect(page.get_by_text("zones_humides").first).to_be_visible()
    assert axe_violations(page) == []
    preview.get_by_label("Afficher").select_option(label="Zones humides en WFS")
    expect(preview.locator(".eco-preview__status")).to_contain_text("en cours de préparation")
    jobs.make_samples()
    expect(preview.get_by_text("Lignes : 1–50 sur 60")).to_be_visible()
    preview.scroll_into_view_if_needed()
    picture(page, "preview-of-a-wfs")
    preview.get_by_label("Filtrer les lignes").fill("tourbière")
    expect(preview.get_by_text("Lignes : 10 sur 60")).to_be_visible()
    preview.get_by_role("button", name="surface_ha").click()
    cells = preview.locator("tbody tr td:nth-child(5)").all_inner_texts()
    assert [float(cell) for cell in cells] == sorted(float(cell) for cell in cells)
    assert len(cells) == 10
    assert axe_violations(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Ouvrir dans QGIS").first.click()
    assert download.value.suggested_filename == "zh-44.qlr"
    page.goto("/fr/dataset/?q=zones")
    with page.expect_download() as download:
        page.get_by_role("link", name="Ouvrir dans QGIS").click()
    assert download.value.suggested_filename == "recherche.qlr"
    page.goto("/fr/dataset/zh-44")
    page.get_by_role("link", name="Prendre ma zone").click()
    page.get_by_label("Rectangle").fill("-1.65,47.15,-1.45,47.3")
    page.get_by_label("Format").select_option("geojson")
    assert axe_violations(page) == []
    picture(page, "take-my-area")
    page.get_by_role("button", name="Produire le fichier").click()
    expect(page.get_by_text("en cours de production")).to_be_visible()
    jobs.make_extracts()
    with page.expect_download() as download:
        page.get_by_role("link", name="Télécharger GeoJSON").click()
    download.value.save_as(tmp_path / "x.geojson")
    assert '"FeatureCollection"' in (tmp_path / "x.geojson").read_text()


def test_the_map_is_used_with_the_keyboard_alone(page: Page, dataset: dict[str, Any]):
    page.goto("/fr/dataset/zh-44")
    expect(page.locator(".eco-preview .leaflet-tile-loaded").first).to_be_visible()
    tab_to(page, ".eco-preview__map")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    place, zooms = "document.querySelector('.leaflet-map-pane').style.transform", "carte/%d/"
    before = page.evaluate(place)
    page.keyboard.press("ArrowRight")
    wait_until(page, f"{place} !== '{before}'")
    zoom = int(
        page.locator(".leaflet-tile").first.get_attribute("src").split("carte/")[1].split("/")[0]
    )
    page.keyboard.press("+")
    expect(page.locator(f".leaflet-tile[src*='{zooms % (zoom + 1)}']").first).to_be_attached()
    for name in ("Zoomer", "Dézoomer"):
        page.keyboard.press("Tab")
        expect(
            page.locator(".eco-preview").get_by_role("button", name=name, exact=True)
        ).to_be_focused()
    page.keyboard.press("Tab")
    assert not page.evaluate("!!document.activeElement.closest('.eco-preview__map')")
    assert axe_violations(page) == []


def test_the_page_of_a_resource_shows_its_own_data(page: Page, dataset: dict[str, Any]):
    page.goto(f"/fr/dataset/zh-44/resource/{dataset['resources'][1]['id']}")
    preview = page.locator(".eco-preview")
    expect(preview.locator("#eco-preview-resource option")).to_have_text(["Zones humides en WFS"])
    expect(preview.locator(".eco-preview__status")).to_contain_text("en cours de préparation")
    jobs.make_samples()
    expect(preview.get_by_text("Lignes : 1–50 sur 60")).to_be_visible()
    assert axe_violations(page) == []


def test_a_large_file_says_how_many_of_its_features_are_shown(
    page: Page, dataset: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(tk.config, "ecosphere.access.sample_megabytes", 3)
    large = FileStorage(
        io.BytesIO(written(tmp_path, "zones.gpkg", "GPKG", 12_000).read_bytes()), "zones.gpkg"
    )
    named = {"name": "Toutes les zones", "url": "zones.gpkg", "format": "GPKG", "upload": large}
    by = {"ignore_auth": True, "user": factories.Sysadmin()["name"]}
    call_action("resource_create", by, package_id=dataset["id"], **named)
    page.goto("/fr/dataset/zh-44")
    preview = page.locator(".eco-preview")
    preview.get_by_label("Afficher").select_option(label="Toutes les zones")
    expect(preview.locator(".eco-preview__status")).to_contain_text("en cours de préparation")
    jobs.make_samples()
    told = "Seules les 1\u202f000 premières lignes sur 12\u202f000 sont affichées."
    expect(preview.locator(".eco-preview__status")).to_have_text(told)
    expect(preview.get_by_text("Lignes : 1–50 sur 12\u202f000")).to_be_visible()
    assert axe_violations(page) == []


def test_attributes_of_a_standard_are_explained_in_the_table(page: Page, dataset: dict[str, Any]):
    zones = FileStorage(io.BytesIO(b"IDURBA;TYPEZONE;REMARQUE\n44109_PLU;U;centre\n"), "zonage.csv")
    named = {"name": "Zonage du PLU", "url": "zonage.csv", "format": "CSV", "upload": zones}
    by = {"ignore_auth": True, "user": factories.Sysadmin()["name"]}
    call_action("resource_create", by, package_id=dataset["id"], **named)
    page.goto("/fr/dataset/zh-44")
    preview = page.locator(".eco-preview")
    preview.get_by_label("Afficher").select_option(label="Zonage du PLU")
    expect(preview.locator(".eco-preview__status")).to_contain_text("en cours de préparation")
    jobs.make_samples()
    expect(preview.locator("th", has_text="TYPEZONE")).to_contain_text("Type de zone : U (urbaine)")
    expect(preview.locator("td", has_text="zone urbaine")).to_have_text("U zone urbaine")
    expect(preview.locator(".eco-preview__status")).to_contain_text("standard CNIG – PLU")
    preview.scroll_into_view_if_needed()
    assert axe_violations(page) == []
    picture(page, "attributes-of-a-standard")


def test_a_server_that_is_silent_is_told_with_its_day_in_light_and_dark(
    page: Page, dataset: dict[str, Any]
):
    silent = {
        "name": "WFS muet",
        "url": f"http://127.0.0.1:{free_port()}/wfs?service=WFS&typenames=a:b",
    }
    by = {"ignore_auth": True, "user": factories.Sysadmin()["name"]}
    call_action("resource_create", by, package_id=dataset["id"], format="WFS", **silent)
    jobs.read_services()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto("/fr/dataset/zh-44")
        expect(page.locator(".eco-access__trouble")).to_contain_text(
            re.compile(r"ne répond pas depuis le \d+")
        )
        assert axe_violations(page) == []


def test_attributes_are_asked_for_when_no_preview_has_told_them_and_code_is_copied(
    page: Page, dataset: dict[str, Any]
):
    wfs = dataset["resources"][1]["id"]
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.goto(f"/fr/dataset/zh-44/resource/{wfs}/extrait")
    expect(page.get_by_text("Les noms des attributs sont demandés au service")).to_be_visible()
    jobs.make_samples()
    page.get_by_label("surface_ha").check()
    assert axe_violations(page) == []
    page.get_by_role("button", name="Copier l’adresse").click()
    expect(page.get_by_text("Copié", exact=True)).to_be_visible()
    assert "REQUEST=GetFeature" in page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("button", name="Afficher l’adresse").click()
    expect(page.locator(".eco-extract__code").first).to_contain_text("surface_ha")


def test_tiles_that_found_no_place_are_asked_for_again(page: Page, dataset: dict[str, Any]):
    seen: set[str] = set()

    def answer(route: Any) -> None:
        if route.request.url in seen:
            return route.continue_()
        seen.add(route.request.url)
        return route.fulfill(status=503, json={"message": "Trop de cartes"})

    page.route("**/carte/**", answer)
    page.goto("/fr/dataset/zh-44")
    preview = page.locator(".eco-preview")
    expect(preview.locator(".leaflet-tile-loaded").first).to_be_visible(timeout=15_000)
    expect(preview.locator(".eco-preview__status")).not_to_contain_text("Trop de cartes")


def test_the_page_of_a_small_table_has_nothing_to_choose_and_speaks_french(
    page: Page, dataset: dict[str, Any]
):
    body = (
        b'[{"station": "Nantes", "conforme": true}, {"station": "Rez\\u00e9", "conforme": false}]'
    )
    stations = FileStorage(io.BytesIO(body), "stations.json")
    by = {"ignore_auth": True, "user": factories.Sysadmin()["name"]}
    named = {"name": "Stations", "url": "stations.json", "format": "JSON", "upload": stations}
    made = call_action("resource_create", by, package_id=dataset["id"], **named)
    page.goto(f"/fr/dataset/zh-44/resource/{made['id']}")
    preview = page.locator(".eco-preview")
    expect(preview.locator(".eco-preview__status")).to_contain_text("en cours de préparation")
    jobs.make_samples()
    expect(preview.locator("tbody tr")).to_have_text(["Nantesoui", "Rezénon"])
    expect(preview.get_by_label("Afficher")).to_be_hidden()
    expect(preview.get_by_role("button", name="Lignes suivantes")).to_be_hidden()
    page.goto("/fr/dataset/zh-44")
    expect(preview.get_by_label("Afficher")).to_be_visible()
    assert axe_violations(page) == []


def test_types_of_attributes_are_told_in_words(page: Page, dataset: dict[str, Any]):
    schema = FileStorage(io.BytesIO(SCHEMA), "schema.json")
    by = {"ignore_auth": True, "user": factories.Sysadmin()["name"]}
    named = {"name": "Schéma", "url": "schema.json", "format": "JSON", "upload": schema}
    made = call_action("resource_create", by, package_id=dataset["id"], **named)
    for language, words in (
        ("fr", {"texte", "nombre", "année"}),
        ("en", {"text", "number", "year"}),
    ):
        page.goto(f"/{language}/dataset/zh-44/resource/{made['id']}")
        preview = page.locator(".eco-preview")
        if language == "fr":
            expect(preview.locator(".eco-preview__status")).to_contain_text(
                "en cours de préparation"
            )
            jobs.make_samples()
        expect(preview.locator("tbody tr").first).to_be_visible()
        assert set(preview.locator("tbody tr td:nth-child(3)").all_inner_texts()) == words
    assert (
        '"string"' in page.request.get(f"/dataset/zh-44/resource/{made['id']}/apercu").text()
    )  # as in the schema


def test_columns_bear_the_titles_of_the_schema_that_the_data_follow(
    page: Page, dataset: dict[str, Any]
):
    by = {"ignore_auth": True, "user": factories.Sysadmin()["name"]}
    for name, content in (
        ("schema.json", SCHEMA),
        ("zones.csv", b"code;nature;autre\n44ZH0001;Marais;x\n"),
    ):
        file = FileStorage(io.BytesIO(content), name)
        made = call_action(
            "resource_create", by, package_id=dataset["id"], name=name, url=name, upload=file
        )
    page.goto(f"/fr/dataset/zh-44/resource/{made['id']}")
    preview = page.locator(".eco-preview")
    expect(preview.locator(".eco-preview__status")).to_contain_text("en cours de préparation")
    jobs.make_samples()
    expect(preview.locator("th", has_text="nature")).to_contain_text("Nature du milieu")
    expect(preview.locator("th", has_text="autre").locator(".eco-preview__meaning")).to_have_count(
        0
    )


def test_communes_are_proposed_for_an_extract(page: Page, dataset: dict[str, Any]):
    page.goto(f"/fr/dataset/zh-44/resource/{dataset['resources'][1]['id']}/extrait")
    box = page.get_by_role("combobox", name="Commune")
    box.press_sequentially("epina")
    expect(page.get_by_role("option", name="Épinal (88)")).to_be_visible()
    assert axe_violations(page) == []
    box.fill("nant")
    expect(page.get_by_role("option", name="Nantes (44)")).to_be_visible()
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value("Nantes (44)")
    box.fill("saint-herbl")
    page.get_by_role("option", name="Saint-Herblain (44)").click()
    expect(box).to_have_value("Saint-Herblain (44)")
    page.get_by_role("button", name="Afficher l’adresse").click()
    expect(page.get_by_text("Seul le fichier est découpé")).to_contain_text("Saint-Herblain (44)")
