"""Background map and zoom of the maps of results, extents and previews,
in a browser with a real tile server.
"""

from __future__ import annotations

import io
import math
import socket
import threading
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from ckanext.ecosphere.tests.browser import axe_violations, picture
from ckanext.ecosphere.tests.english import english_texts
from ckanext.ecosphere.tests.scripted_server import Exchange, ScriptedServer, serve

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "french"),
]
BOX = '{"type":"Polygon","coordinates":[[[4.7,45.6],[6.2,45.6],[6.2,46.5],[4.7,46.5],[4.7,45.6]]]}'
OTHER = '{"type":"Polygon","coordinates":[[[-1.7,47.1],[-1.4,47.1],[-1.4,47.3],[-1.7,47.3],[-1.7,47.1]]]}'


def tile(exchange: Exchange) -> None:
    """Answer a tile of the colour of its row and column."""
    _empty, _zoom, column, row = exchange.path.partition(".")[0].split("/")
    image = io.BytesIO()
    Image.new("RGB", (256, 256), (200 + int(column) % 2 * 40, 220, 200 + int(row) % 2 * 40)).save(
        image, "PNG"
    )
    exchange.answer(image.getvalue(), Content_Type="image/png")


@pytest.fixture
def tiles() -> Iterator[ScriptedServer]:
    with serve(tile) as server:
        yield server


@pytest.fixture
def portal(app: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URL of the portal in this process, whose options a test can change."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setitem(tk.config, "ckan.site_url", f"http://127.0.0.1:{port}")
    server = make_server("127.0.0.1", port, app.flask_app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()


@pytest.fixture
def tab(browser: Browser, portal: str) -> Iterator[Page]:
    context = browser.new_context(
        base_url=portal, locale="fr-FR", viewport={"width": 1280, "height": 900}
    )
    yield context.new_page()
    context.close()


@pytest.fixture
def datasets(make_datasets: Any) -> list[dict[str, Any]]:
    return make_datasets(
        {"title": "Zones humides de l'Ain", "spatial": BOX, "spatial_coverage": [{"bbox": BOX}]},
        {
            "title": "Zones humides de Nantes",
            "spatial": OTHER,
            "spatial_coverage": [{"bbox": OTHER}],
        },
    )


def use(monkeypatch: Any, tiles: ScriptedServer) -> None:
    monkeypatch.setitem(tk.config, "ecosphere.map.tiles", tiles.url + "/{z}/{x}/{y}.png")
    monkeypatch.setitem(tk.config, "ecosphere.map.credit", "© IGN")


def asked(tiles: ScriptedServer) -> set[tuple[int, int, int]]:
    return {
        tuple(map(int, path.partition(".")[0].split("/")[1:]))
        for _method, path, _body in tiles.seen
    }


def width(tab: Page) -> float:
    return float(tab.locator("figure svg").first.get_attribute("viewBox").split()[2])


def test_the_results_are_seen_on_a_real_map_that_can_be_zoomed(tab, tiles, datasets, monkeypatch):
    use(monkeypatch, tiles)
    answer = tab.goto("/fr/dataset/?q=zones&_map=1")
    assert tiles.url in answer.headers["content-security-policy"]
    expect(tab.locator(".eco-extents [data-credit]")).to_have_text("© IGN")
    expect(tab.locator(".eco-extents [data-credit]")).to_be_visible()
    whole, first = width(tab), asked(tiles)
    assert 4 <= len(first) <= 40
    # The extent lies where it does on the tile, in web mercator: 64 tiles around the Earth at zoom
    # 6.
    column = (4.7 + 180) / 360 * 64
    row = (1 - math.asinh(math.tan(math.radians(46.5))) / math.pi) / 2 * 64
    assert (6, int(column), int(row)) in first
    place = tab.locator(
        f".eco-extents image[href$='/6/{int(column)}/{int(row)}.png']"
    ).bounding_box()
    extent = tab.locator(".eco-extents a:has-text('Ain') rect").bounding_box()
    assert extent["x"] == pytest.approx(place["x"] + (column % 1) * place["width"], abs=2.5)
    assert extent["y"] == pytest.approx(place["y"] + (row % 1) * place["height"], abs=2.5)
    for _step in range(2):
        tab.locator(".eco-extents [data-zoom=in]").click()
    expect(tab.locator(".eco-extents image[href*='/7/']").first).to_be_attached()
    assert width(tab) < whole
    for label in tab.locator(".eco-extents text").all():
        assert label.evaluate("each => parseFloat(getComputedStyle(each).fontSize)") < 13
    tab.locator(".eco-extents [data-zoom=extent]").click()
    picture(tab, "results-on-a-map")
    tab.locator(".eco-rank").evaluate_all("all => all.forEach(each => each.append('0'))")
    for scheme in ("dark", "light"):
        tab.emulate_media(
            color_scheme=scheme, reduced_motion="reduce"
        )  # no colours between the two
        assert axe_violations(tab) == []
    assert english_texts(tab.content()) == []
    tab.set_viewport_size({"width": 360, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    # A result is opened by a click, also on a map that was zoomed.
    tab.locator(".eco-extents a rect").first.click()
    expect(tab.locator("h1")).to_contain_text("Zones humides")


def test_the_map_of_a_dataset_has_the_same_background(tab, tiles, datasets, monkeypatch):
    use(monkeypatch, tiles)
    tab.goto(f"/fr/dataset/{datasets[0]['name']}")
    expect(tab.locator(".eco-where [data-credit]")).to_be_visible()
    tab.locator(".eco-where [data-zoom=extent]").click()
    expect(tab.locator(".eco-where image:not([href*='/6/'])").first).to_be_attached()
    assert axe_violations(tab) == []


def test_the_drawing_stays_where_no_tile_comes_or_none_is_wanted(tab, tiles, datasets, monkeypatch):
    tiles.script = lambda exchange: exchange.answer(status=404)
    use(monkeypatch, tiles)
    for template in (tiles.url + "/{z}/{x}/{y}.png", ""):
        monkeypatch.setitem(tk.config, "ecosphere.map.tiles", template)
        tiles.seen.clear()
        answer = tab.goto("/fr/dataset/?q=zones&_map=1")
        tab.locator(".eco-extents [data-zoom=in]").click()
        tab.wait_for_load_state("networkidle")
        assert (tiles.url in answer.headers["content-security-policy"]) is bool(template)
        assert bool(tiles.seen) is bool(template)
        expect(tab.locator(".eco-extents [data-tiles] image")).to_have_count(0)
        expect(
            tab.locator(".eco-extents image[href$='/ecosphere/departements.svg']")
        ).to_be_visible()
        expect(tab.locator(".eco-extents [data-credit]")).to_be_hidden()
