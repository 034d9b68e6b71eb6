"""Citations, permanent URLs, site map, and metadata for search engines and social networks."""

from __future__ import annotations

import re
from datetime import date
from itertools import accumulate
from typing import Any

import pytest
from bs4 import BeautifulSoup
from ckan.tests import helpers
from lxml import etree

from ckanext.ecosphere.schemas import page, public_files, schemaorg
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.tests import export_readers as readers
from dev.attack.tables import table

#: https://developers.google.com/search/docs/appearance/structured-data/dataset (as of November
#: 2026), except properties without a field in the schema (funder, variableMeasured, citation of an
#: article).
REQUIRED = ("name", "description")
RECOMMENDED = (
    "alternateName",
    "creator",
    "identifier",
    "isAccessibleForFree",
    "keywords",
    "license",
    "measurementTechnique",
    "sameAs",
    "spatialCoverage",
    "temporalCoverage",
    "version",
    "url",
    "includedInDataCatalog",
    "distribution",
)
SITEMAP = {"s": public_files.NAMESPACE}
EVIL = "Zones {humides} & 50 %_#$~^\\ de l'Ain\nER  - \n}"
CITED = page.Citation(
    "zones-humides",
    ("DDT {01}", "DREAL"),
    page._line(EVIL),
    date(2023, 4, 1),
    "2",
    "Guichet",
    "https://a.example/d",
)


def test_a_citation_names_those_who_made_the_data():
    dataset = {
        "name": "zh",
        "title": "Zones humides",
        "modified": "2023-04",
        "issued": "2022-01-05",
        "creator": [{"name": "DDT 01"}, {"email": "x@example.org"}],
        "publisher": [{"name": "DREAL"}, {"name": "DDT 01"}],
        "organization": {"title": "Service"},
    }
    made = page.citation_of(dataset, "Guichet", "https://a.example/1")
    assert made.authors == ("DDT 01",)
    assert made.day == date(2022, 1, 5)  # a year and month are not a day
    assert page.plain_text(made) == "DDT 01 (2022). Zones humides. Guichet. https://a.example/1"
    for written in (page.bibtex(made), page.ris(made)):
        assert "DDT 01" in written
        assert "Service" not in written
    assert page.citation_of({"organization": {"title": "Service"}}, "G", "u").authors == (
        "Service",
    )


def test_a_citation_of_harvested_data_names_no_service_that_only_publishes_them():
    dataset = {
        "title": "Prix",
        "issued": "2022-01-05",
        "source_catalogue": "Géo",
        "organization": {"title": "Service"},
    }
    made = page.citation_of(dataset, "Guichet", "https://a.example/1")
    assert made.authors == ()
    assert page.plain_text(made) == "Prix (2022). Guichet. https://a.example/1"
    assert "author" not in page.bibtex(made)
    assert "AU" not in page.ris(made)
    published = page.citation_of(
        {**dataset, "publisher": [{"name": "Ville d'Évian"}]}, "Guichet", "u"
    )
    assert published.authors == ("Ville d'Évian",)


def test_no_text_ends_a_field_of_bibtex():
    written = page.bibtex(CITED)
    depths = list(accumulate((sign == "{") - (sign == "}") for sign in written.rstrip()))
    assert (min(depths[written.index("{") : -1]), depths[-1]) == (1, 0)
    assert written.count("\n") == len([line for line in written.splitlines() if " = " in line]) + 2
    assert r"\textbraceleft{}humides\textbraceright{} \& 50 \%\_\#\$" in written


def test_no_text_begins_a_field_of_ris():
    lines = page.ris(CITED).split("\r\n")
    assert all(re.fullmatch(r"[A-Z][A-Z0-9]  - .*", line) for line in lines[:-1])
    assert [line[:2] for line in lines[:-1]] == [
        "TY",
        "AU",
        "AU",
        "TI",
        "PY",
        "DA",
        "ET",
        "PB",
        "UR",
        "ER",
    ]


@pytest.mark.parametrize("text", table("exports")["texts"])
def test_no_text_of_outsiders_is_anything_but_text_in_a_citation(text):
    dataset = {"name": "x", "title": text, "creator": [{"name": text}], "version": text}
    cited = page.citation_of(dataset, "Guichet", "https://a.example/1")
    assert list(readers.bibtex(page.bibtex(cited))) == []
    assert list(readers.ris(page.ris(cited))) == []


def test_search_engines_are_told_what_they_ask_for():
    dataset = {
        **samples.FULL,
        "license_id": "etalab-2.0",
        "access_rights": f"{samples.DIM}/access-right/PUBLIC",
    }
    found = schemaorg.describe(dataset, "https://a.example/d", "Guichet")
    assert [name for name in REQUIRED if not found.get(name)] == []
    assert [name for name in RECOMMENDED if not found.get(name)] == []
    assert all(each["contentUrl"] for each in found["distribution"])


# --- over HTTP -----------------------------------------------------------------------------------


@pytest.fixture
def portal(shared_db: None, with_request_context: None) -> None:
    """A database for the module."""


def xml(app: Any, address: str) -> Any:
    answer = app.get(address)
    assert answer.headers["Content-Type"].startswith("application/xml")
    return etree.fromstring(answer.body.encode())


def places(app: Any, part: int = 1) -> list[str]:
    """Return the names of the datasets in a part of the site map."""
    found = xml(app, f"/sitemap-{part}.xml").findall(".//s:loc", SITEMAP)
    return [each.text.rsplit("/", 1)[1] for each in found if "/dataset/" in each.text]


def everything(app: Any) -> tuple[int, list[str]]:
    """Return the number of parts of the site map, and the names of all its datasets."""
    parts = len(xml(app, "/sitemap.xml").findall(".//s:loc", SITEMAP))
    return parts, [name for part in range(1, parts + 1) for name in places(app, part)]


@pytest.mark.usefixtures("portal")
def test_the_site_map_has_public_datasets_in_parts_and_forgets_what_leaves(
    app: Any, create: Any, act: Any, monkeypatch
):
    monkeypatch.setattr(public_files, "PART_SIZE", 2)
    for number in range(3):
        create({"name": f"plan-{number}", "title": f"Plan {number}"})
    create({"name": "plan-secret", "title": "Plan secret", "private": True})
    parts, listed = everything(app)
    assert {"plan-0", "plan-1", "plan-2"} <= set(listed)
    assert "plan-secret" not in listed
    assert len(listed) == len(set(listed))
    assert app.get(f"/sitemap-{parts + 1}.xml", expect_errors=True).status_code == 404
    assert app.get("/sitemap-0.xml", expect_errors=True).status_code == 404
    act("package_patch", id="plan-1", private=True)
    assert "plan-1" not in everything(app)[1]
    gone = act("package_show", id="plan-2")
    act("bulk_update_delete", datasets=[gone["id"]], org_id=gone["owner_org"])
    assert "plan-2" not in everything(app)[1]
    helpers.call_action("dataset_purge", id="plan-0")
    assert "plan-0" not in everything(app)[1]


@pytest.mark.usefixtures("portal")
def test_robots_find_the_site_map(app: Any):
    assert re.search(
        r"^Sitemap: https?://\S+/sitemap\.xml$", app.get("/robots.txt").body, re.MULTILINE
    )


@pytest.mark.usefixtures("portal")
def test_the_page_says_where_it_is_and_how_it_is_cited(app: Any, create: Any):
    made = create(
        {
            "name": "cite",
            "title": "Jeu à citer",
            "notes": 'Un "texte" <b>fin</b>.',
            "modified": "2024-05-06",
        }
    )
    page = BeautifulSoup(app.get("/fr/dataset/cite").body, "html.parser")
    assert page.select_one("link[rel=canonical]")["href"].endswith("/dataset/cite")
    og = {each["property"]: each["content"] for each in page.select("meta[property^=og]")}
    assert {"og:title", "og:description", "og:type", "og:url", "og:site_name", "og:locale"} <= set(
        og
    )
    section = page.select_one(".eco-cite")
    assert section.select_one("#permalink")["value"].endswith(f"/dataset/{made['id']}")
    assert "(2024)" in section.select_one(".eco-cite__text").get_text()
    for link in section.select(".eco-cite__files a"):
        assert app.get(link["href"]).headers["Content-Disposition"].startswith("attachment")
    assert app.get("/dataset/cite/citation.xyz", expect_errors=True).status_code == 404
    assert app.get(f"/dataset/{made['id']}/citation.txt").body.endswith(made["id"])


@pytest.mark.usefixtures("portal")
def test_the_accessibility_statement_says_what_the_administrator_knows(
    app: Any, ckan_config: Any, monkeypatch
):
    plain = app.get("/accessibilite").body
    assert "RGAA" in plain
    assert "Défenseur des droits" in plain
    assert 'href="/accessibilite"' in app.get("/").body
    for name, value in (
        ("conformity", "partial"),
        ("rate", 87),
        ("auditor", "Cabinet <Exemple>"),
        ("date", "2026-11-02"),
    ):
        monkeypatch.setitem(ckan_config, f"ecosphere.accessibility.{name}", value)
    monkeypatch.setitem(ckan_config, "ecosphere.portal.contact", "mailto:acces@example.gouv.fr")
    told = app.get("/accessibilite").body
    assert "Cabinet &lt;Exemple&gt;" in told
    assert "87" in told
    assert 'href="mailto:acces@example.gouv.fr"' in told
