"""Traceability of a harvested dataset to its record, after a real harvest,
and its use by the quality assessment.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.tests import factories

from ckanext.ecosphere.harvest.tests.portal import Portal

RECORD = """<?xml version="1.0" encoding="UTF-8"?>
<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco">
  <gmd:fileIdentifier><gco:CharacterString>fr-zones-1</gco:CharacterString></gmd:fileIdentifier>
  <gmd:identificationInfo><gmd:MD_DataIdentification>
    <gmd:citation><gmd:CI_Citation>
      <gmd:title><gco:CharacterString>Zones humides de l'Ain</gco:CharacterString></gmd:title>
      <gmd:date><gmd:CI_Date><gmd:date><gco:Date>vers 1950</gco:Date></gmd:date></gmd:CI_Date></gmd:date>
    </gmd:CI_Citation></gmd:citation>
    <gmd:abstract><gco:CharacterString>Les zones humides.</gco:CharacterString></gmd:abstract>
    <gmd:purpose><gco:CharacterString>{purpose}</gco:CharacterString></gmd:purpose>
  </gmd:MD_DataIdentification></gmd:identificationInfo>
</gmd:MD_Metadata>"""
PURPOSE = "Aider les services instructeurs à situer les zones humides lors des demandes, avant toute visite de terrain."


@pytest.fixture
def harvested(
    with_plugins: None,
    clean_db: None,
    clean_index: None,
    csw_catalogue: Callable[..., str],
    tmp_path: Path,
) -> dict[str, Any]:
    portal = Portal()
    editor = factories.User(name="editor")
    for name, title in portal.ORGANISATIONS.items():
        users = [{"name": editor["name"], "capacity": "editor"}]
        factories.Organization(name=name, title=title, users=users)
    source = portal.source(csw_catalogue([RECORD.format(purpose=PURPOSE)]))
    assert portal.harvest(source) == {"added": 1}
    return portal.datasets()["Zones humides de l'Ain"]


def ask(action: str, person: str | None, **data: Any) -> Any:
    user = model.User.get(person) if person else None
    context: Any = {"user": person or "", "auth_user_obj": user, "ignore_auth": False}
    return tk.get_action(action)(context, data)


def test_the_record_tells_what_is_missing_and_whose_fault_it_is(harvested: dict[str, Any]):
    found = ask("ecosphere_harvest_statements_show", None, id=harvested["name"])
    assert found["source"]["title"] == "Source"
    assert found["fields"]["notes"] == {
        "said": ["Les zones humides."],
        "lost": [PURPOSE],
        "problems": [],
    }
    assert "vers 1950" in found["fields"]["modified"]["problems"][0]
    assert found["fields"]["frequency"] == {"said": [], "lost": [], "problems": []}

    quality = ask("ecosphere_quality_show", None, id=harvested["name"], origins=True)
    origins = {each["id"]: each["origin"] for each in quality["criteria"]}
    assert origins["description"]["ours"] and PURPOSE in origins["description"]["sentence"]
    assert (origins["dates"]["fault"], origins["frequency"]["fault"]) == ("unusable", "silent")
    assert origins["producer"] is None  # criterion fulfilled
    assert "origin" not in ask("ecosphere_quality_show", None, id=harvested["name"])["criteria"][0]

    model.Package.get(harvested["id"]).private = True  # pyright: ignore[reportOptionalMemberAccess]
    model.Session.commit()
    factories.User(name="stranger")
    assert ask("ecosphere_harvest_statements_show", "editor", id=harvested["name"])["fields"]
    for person in (None, "stranger"):
        with pytest.raises(tk.ObjectNotFound):
            ask("ecosphere_harvest_statements_show", person, id=harvested["name"])

    made_here = factories.Dataset(owner_org=harvested["owner_org"])
    for name in (made_here["name"], "nothing"):
        with pytest.raises(tk.ObjectNotFound):
            ask("ecosphere_harvest_statements_show", "editor", id=name)


BOX = """<gmd:extent><gmd:EX_Extent><gmd:geographicElement><gmd:EX_GeographicBoundingBox>
<gmd:westBoundLongitude><gco:Decimal>4.728</gco:Decimal></gmd:westBoundLongitude>
<gmd:eastBoundLongitude><gco:Decimal>6.170</gco:Decimal></gmd:eastBoundLongitude>
<gmd:southBoundLatitude><gco:Decimal>45.611</gco:Decimal></gmd:southBoundLatitude>
<gmd:northBoundLatitude><gco:Decimal>46.519</gco:Decimal></gmd:northBoundLatitude>
</gmd:EX_GeographicBoundingBox></gmd:geographicElement></gmd:EX_Extent></gmd:extent>"""
KEYWORD = """<gmd:descriptiveKeywords><gmd:MD_Keywords>
<gmd:keyword><gco:CharacterString>Ain</gco:CharacterString></gmd:keyword>
<gmd:type><gmd:MD_KeywordTypeCode codeListValue="place"/></gmd:type>
</gmd:MD_Keywords></gmd:descriptiveKeywords>"""
AIN = "http://id.insee.fr/geo/departement/01"


def record(identifier: str, title: str, more: str) -> str:
    """Return a record with a title and further identification elements."""
    text = (
        RECORD.format(purpose=PURPOSE)
        .replace("Zones humides de l'Ain", title)
        .replace("fr-zones-1", identifier)
    )
    return text.replace("</gmd:MD_DataIdentification>", f"{more}</gmd:MD_DataIdentification>")


@pytest.mark.slow("variants")
def test_the_page_says_what_territories_were_deduced_from(
    with_plugins: None,
    clean_db: None,
    clean_index: None,
    csw_catalogue: Callable[..., str],
    app: Any,
):
    portal = Portal()
    for name, title in portal.ORGANISATIONS.items():
        factories.Organization(name=name, title=title)
    records = [
        record("by-box", "Zones humides", BOX),
        record("by-title", "Mares de l'Ain", BOX),
        record("by-keyword", "Tourbières", KEYWORD + BOX),
        record("by-service", "Étangs", ""),
    ]
    portal.harvest(portal.source(csw_catalogue(records), owner_org="ddt-01053-01"))
    found = portal.datasets()
    assert [found[title]["territory"] for title in sorted(found)] == [[AIN]] * 4

    def said(title: str, language: str = "fr") -> list[str]:
        page = BeautifulSoup(
            app.get(f"/{language}/dataset/{found[title]['name']}").body, "html.parser"
        )
        return [each.text for each in page.select(".ecosphere-info .ecosphere-deduced")]

    assert said("Zones humides") == ["d’après l’emprise"]
    assert said("Zones humides", "en") == ["from the extent"]
    assert said("Mares de l'Ain") == ["d’après le titre"]
    assert said("Étangs") == ["d’après le territoire du service"]
    assert said("Tourbières") == []  # stated by the record

    # A territory entered by a person is not marked as deduced, whatever the harvest had found.
    changed = ["http://id.insee.fr/geo/departement/69"]
    portal.call("package_patch", id=found["Zones humides"]["id"], territory=[AIN, *changed])
    assert said("Zones humides") == []
