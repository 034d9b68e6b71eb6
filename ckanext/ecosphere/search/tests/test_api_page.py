"""The page about the interfaces for programs: every example works on this portal."""

from __future__ import annotations

from typing import Any
from urllib.request import urlopen

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan.tests import factories
from lxml import etree

from ckanext.ecosphere.tests.browser import axe_violations
from ckanext.ecosphere.tests.english import english_texts

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "french")
NANTES = "http://id.insee.fr/geo/commune/44109"
RECORD = (
    '<csw:Record xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    "<dc:identifier>a</dc:identifier><dc:title>Zones humides</dc:title><dc:type>dataset</dc:type></csw:Record>"
)


@pytest.fixture
def dataset() -> dict[str, Any]:
    owner = factories.Organization(image_url="")["id"]
    box = '{"type": "Polygon", "coordinates": [[[-1.6,47.2],[-1.5,47.2],[-1.5,47.3],[-1.6,47.3],[-1.6,47.2]]]}'
    title = "Qualité de l'eau à Nantes"
    factories.Dataset(
        title="Autre", owner_org=owner, territory=["http://id.insee.fr/geo/departement/01"]
    )
    return factories.Dataset(
        name="eau-nantes", title=title, owner_org=owner, territory=[NANTES], spatial=box
    )


def links(app: Any, path: str = "/fr/api") -> list[str]:
    page = BeautifulSoup(app.get(path).body, "html.parser")
    found = [link["href"] for link in page.select("article li a")]
    assert [code.get_text() for code in page.select("article li code")] == found
    return found


def test_every_example_on_the_page_can_be_followed(app, dataset):
    site = tk.config["ckan.site_url"]
    found = links(app)
    assert len(found) == len(set(found)) > 15
    for url in found:
        assert url.startswith(site)
        answer = app.get(url.removeprefix(site))
        assert answer.status_code == 200, url
        if "/api/3/action/" in url:
            assert answer.json["success"] is True
    named = [url for url in found if "eau-nantes" in url]
    assert len(named) == 3


def test_the_examples_of_places_find_what_lies_there(app, dataset):
    site = tk.config["ckan.site_url"]
    for url in links(app):
        if "package_search?ext_" in url and "departement" not in url:
            results = app.get(url.removeprefix(site)).json["result"]["results"]
            assert [each["name"] for each in results] == ["eau-nantes"], url


def test_an_empty_catalogue_has_the_page_and_the_footer_leads_to_it(app):
    for url in links(app):
        assert app.get(url.removeprefix(tk.config["ckan.site_url"])).status_code == 200, url
    home = BeautifulSoup(app.get("/fr/").body, "html.parser")
    assert home.select_one(".site-footer a[href='/fr/api']") is not None
    assert app.get("/api/").status_code == app.get("/api").status_code == 200
    assert app.get("/api/3").json == {"version": 3}


def test_the_catalogue_service_is_told_when_there_is_one(app, dataset, csw_catalogue, monkeypatch):
    assert "CSW" not in app.get("/fr/api").body
    monkeypatch.setitem(tk.config, "ecosphere.portal.csw_url", csw_catalogue([RECORD]))
    answers = [
        etree.parse(urlopen(url)).getroot().tag for url in links(app) if "service=CSW" in url
    ]
    assert [tag.rpartition("}")[2] for tag in answers] == ["Capabilities", "GetRecordsResponse"]


@pytest.mark.browser
def test_the_page_is_accessible_and_in_french_wide_and_narrow(page, dataset):
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto("/fr/api")
        assert axe_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert english_texts(page.content()) == []
