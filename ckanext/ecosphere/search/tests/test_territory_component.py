"""Browser test: a page of another site shows the data of a territory with the ready component."""

# ruff: noqa: F811
from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from ckanext.ecosphere.data_requests.tests.conftest import dataset, people, portal  # noqa: F401
from ckanext.ecosphere.search.tests.test_territories import catalogue, generous  # noqa: F401
from ckanext.ecosphere.tests.browser import axe_violations, free_port, picture

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("portal")]
PAGE = """<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>Dossier de PLU</title>
<script src="{portal}/ecosphere/donnees-du-territoire.js" defer></script></head>
<body><main><h1>Plan local d’urbanisme</h1><donnees-du-territoire code="{code}"></donnees-du-territoire></main></body>
</html>"""


@pytest.fixture
def address(made_app: Any, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the portal, whose catalogue is that of the test."""
    server = make_server("127.0.0.1", free_port(), made_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.port}"
    monkeypatch.setitem(ckan_config, "ckan.site_url", url)
    yield url
    server.shutdown()
    thread.join()


@pytest.fixture
def other_site(address: str) -> Iterator[str]:
    """The address of another site, whose page `/<code>` has the component of a territory."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = PAGE.format(portal=address, code=self.path.strip("/")).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="fr-FR")
    yield context.new_page()
    context.close()


def test_another_site_shows_the_data_of_a_territory(
    tab: Page, other_site: str, address: str, catalogue: None
):
    tab.goto(f"{other_site}/42")
    part = tab.locator("donnees-du-territoire")
    expect(part.get_by_role("heading", name="Données sur Loire", level=2)).to_be_visible()
    expect(part.get_by_role("status")).to_contain_text("4 jeux de données publics")
    assert part.get_by_role("heading", level=3).count() == 2
    expect(part.get_by_role("link", name="Urbanisme 0")).to_have_attribute(
        "href", f"{address}/fr/dataset/de-la-loire-0"
    )
    assert "Privé" not in part.inner_text()
    assert tab.context.cookies() == []
    assert axe_violations(tab) == []
    picture(tab, "territory-component")


def test_an_unknown_territory_is_told_in_words(tab: Page, other_site: str, catalogue: None):
    tab.goto(f"{other_site}/99999")
    expect(tab.get_by_role("status")).to_contain_text("territoire")
    assert tab.locator("donnees-du-territoire h2").count() == 0


def test_texts_of_the_answer_stay_texts(tab: Page, other_site: str, address: str, catalogue: None):
    hostile = {
        "title": "<img src=x onerror=alert(1)>",
        "url": "javascript:alert(1)",
        "producer": "<b>x</b>",
    }
    group = {"theme": {"id": "a", "label": "<i>a</i>"}, "datasets": [hostile]}
    body = {"territory": {"label": "<u>Loire</u>"}, "count": 1, "groups": [group], "links": []}
    headers = {"Access-Control-Allow-Origin": "*"}
    tab.route("**/jeux-de-donnees?*", lambda route: route.fulfill(json=body, headers=headers))
    tab.goto(f"{other_site}/42")
    expect(tab.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
    assert tab.locator("donnees-du-territoire :is(img, b, i, u, a)").count() == 0
