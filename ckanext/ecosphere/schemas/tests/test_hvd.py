"""High-value datasets: what is declared, what is probable, what is lacking.

Pages, facet, report.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from bs4 import BeautifulSoup
from ckan.lib import search
from playwright.sync_api import Page

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas import hvd
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.conftest import PASSWORD
from ckanext.ecosphere.tests.browser import axe_violations, log_in, wait_until
from ckanext.ecosphere.vocabularies import tables

pytestmark = pytest.mark.usefixtures("shared_db")
ENVIRONMENT = "http://data.europa.eu/bna/c_dd313021"
REGULATION = "http://data.europa.eu/eli/reg_impl/2023/138/oj"
PUBLIC = f"{samples.DIM}/access-right/PUBLIC"
WATER = f"{samples.INSPIRE}/theme/hy"
WFS = {"url": "https://geo.example.org/wfs", "format": "WFS", "name": "WFS"}
FILE = {"url": "https://geo.example.org/eau.gpkg", "format": "GeoPackage", "name": "Fichier"}
CONTACT = [{"email": "sig@ain.example.org"}]
numbers = itertools.count()


@pytest.fixture
def publish(create: Any) -> Any:
    """Publish a dataset that everyone may have."""

    def publish(title: str, **fields: Any) -> dict[str, Any]:
        name = f"hvd-{next(numbers)}"
        return create(
            {
                "title": title,
                "name": name,
                "access_rights": PUBLIC,
                "license_id": "etalab-2.0",
                **fields,
            }
        )

    return publish


def page_at(app: Any, path: str) -> Any:
    return BeautifulSoup(app.get(path).body, "html.parser")


def listed(page: Any) -> dict[str, str]:
    """Return the datasets of the page's list: title → text."""
    items = page.select("#datasets > ul > li")
    return {item.a.text: " ".join(item.get_text(" ").split()) for item in items}


def rows(app: Any, path: str) -> dict[str, dict[str, str]]:
    text = app.get(path).body.lstrip("\ufeff")
    return {row["title"]: row for row in csv.DictReader(io.StringIO(text), delimiter=";")}


def test_the_page_tells_declared_from_probable_with_the_reason_and_what_is_lacking(
    app: Any, publish: Any
) -> None:
    publish(
        "Cours d’eau déclarés", hvd_category=[ENVIRONMENT], resources=[WFS, FILE], contact=CONTACT
    )
    publish("Cours d’eau probables", inspire_theme=[WATER], resources=[FILE], license_id="odc-odbl")
    publish(
        "Cours d’eau réservés",
        inspire_theme=[WATER],
        access_rights=f"{samples.DIM}/access-right/RESTRICTED",
    )
    publish("Cours d’eau en brouillon", inspire_theme=[WATER], private=True)
    declared = listed(page_at(app, "/fr/donnees-de-forte-valeur"))
    assert list(declared) == ["Cours d’eau déclarés"]
    assert "Manque" not in declared["Cours d’eau déclarés"]
    probable = listed(page_at(app, "/fr/donnees-de-forte-valeur?state=probable"))
    assert list(probable) == ["Cours d’eau probables"]
    told = probable["Cours d’eau probables"]
    assert "Thèmes INSPIRE « Hydrographie »" in told
    for lacking in ("une API", "une licence aussi ouverte que CC BY 4.0", "un contact"):
        assert lacking in told
    assert "téléchargement" not in told
    for lacks, titles in (("api", ["Cours d’eau probables"]), ("bulk", [])):
        page = page_at(app, f"/fr/donnees-de-forte-valeur?state=probable&lacks={lacks}")
        assert list(listed(page)) == titles
    for path in ("?state=autre", "?lacks=autre"):
        assert app.get(f"/fr/donnees-de-forte-valeur{path}", status=404).status_code == 404


def test_a_service_has_its_own_page_and_report(app: Any, publish: Any, act: Any) -> None:
    other = act("organization_create", name=f"dreal-hvd-{next(numbers)}", title="DREAL")
    publish("Zones d’ici", hvd_category=[ENVIRONMENT], resources=[WFS], contact=CONTACT)
    publish("Zones d’ailleurs", hvd_category=[ENVIRONMENT], owner_org=other["id"])
    path = f"/fr/organization/{other['name']}/donnees-de-forte-valeur"
    assert list(listed(page_at(app, path))) == ["Zones d’ailleurs"]
    assert list(rows(app, f"{path}.csv")) == ["Zones d’ailleurs"]
    report = rows(app, "/fr/donnees-de-forte-valeur.csv")
    assert {"Zones d’ici", "Zones d’ailleurs"} <= set(report)
    row = report["Zones d’ici"]
    assert (row["category"], row["legislation"]) == (ENVIRONMENT, REGULATION)
    assert (row["api"], row["contact"], row["lacking"]) == (WFS["url"], CONTACT[0]["email"], "bulk")
    assert row["metadata"].startswith("http") and row["licence_url"].startswith(
        "https://www.etalab"
    )
    assert app.get("/fr/organization/absent/donnees-de-forte-valeur", status=404).status_code == 404


def test_the_page_of_a_dataset_and_a_facet_tell_the_category(app: Any, publish: Any) -> None:
    made = publish("Réseau de mesures", hvd_category=[ENVIRONMENT])
    facts = page_at(app, f"/fr/dataset/{made['name']}").select_one(".eco-glance__facts")
    assert "Observation de la Terre et environnement" in facts.text
    assert facts.select_one(f"a[href='{REGULATION}']")
    facet = page_at(
        app, "/fr/dataset/?vocab_ecosphere_hvd=earth-observation-and-environment&q=mesures"
    )
    assert [link["href"].rsplit("/", 1)[1] for link in facet.select(".dataset-heading a")] == [
        made["name"]
    ]


def test_a_declared_dataset_and_a_member_of_a_series_are_not_probable() -> None:
    fields = {"inspire_theme": [WATER], "access_rights": PUBLIC}
    assert [reason.category for reason in hvd.reasons(fields)] == [
        "earth-observation-and-environment"
    ]
    for more in ({"hvd_category": [ENVIRONMENT]}, {"in_series": ["lot"]}, {"dcat_type": "service"}):
        assert hvd.reasons(fields | more) == []


def test_a_theme_alone_makes_nothing_probable() -> None:
    fields = {"access_rights": PUBLIC, "theme": ["prevention-des-inondations"]}
    reasons = hvd.reasons({**fields, "title": "Aléa de débordement de la Lys"})
    assert [(reason.category, reason.field) for reason in reasons] == [
        ("earth-observation-and-environment", "theme")
    ]
    assert hvd.reasons({**fields, "title": "Communes en état de catastrophe naturelle"}) == []


def test_pictures_and_acts_are_no_data_of_their_theme() -> None:
    fields = {"access_rights": PUBLIC, "inspire_theme": [f"{samples.INSPIRE}/theme/lu"]}
    assert hvd.reasons({**fields, "title": "Plans locaux d’urbanisme de l’Ain"})
    assert (
        hvd.reasons({**fields, "title": "Plans locaux d’urbanisme de l’Ain : état d’avancement"})
        == []
    )
    assert all(row["words"] == voc.normalise(row["words"]) for row in hvd._rows("beside"))


def judged_by_hand() -> list[tuple[dict[str, Any], bool]]:
    """Return the records judged after the rules were written,
    and whether the annex names their data.
    """
    found = []
    for row in tables.rows(Path(__file__).with_name("high-value-judged.csv")):
        rights = "RESTRICTED" if row["restricted"] == "yes" else "PUBLIC"
        dataset = {"title": row["title"], "access_rights": f"{samples.DIM}/access-right/{rights}"}
        dataset |= {name: row[name].split() for name in ("inspire_theme", "theme")}
        if row["aside"] == "yes":
            found.append((dataset, row["within"] == "yes"))
    return found


def shares(judged: list[tuple[dict[str, Any], bool]]) -> tuple[float, float]:
    """Return precision and recall of what is probable."""
    probable = [within for dataset, within in judged if hvd.reasons(dataset)]
    return sum(probable) / len(probable), sum(probable) / sum(within for _dataset, within in judged)


def test_words_of_the_title_make_probable_more_precise_and_lose_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged = judged_by_hand()
    precision, recall = shares(judged)
    print(f"with words: precision {precision:.2f}, recall {recall:.2f}")
    without = {
        field: {concept: replace(row, words=re.compile("")) for concept, row in rows.items()}
        for field, rows in hvd._deductions().items()
    }
    monkeypatch.setattr(hvd, "_deductions", lambda: without)
    monkeypatch.setattr(hvd, "_beside", lambda: re.compile("(?!)"))
    precision_before, recall_before = shares(judged)
    print(f"without: precision {precision_before:.2f}, recall {recall_before:.2f}")
    assert precision > precision_before and recall == recall_before


def test_the_tables_name_only_what_the_lists_have() -> None:
    categories = {concept.id for concept in voc.get(hvd.CATEGORIES)}
    assert {row["category"] for row in hvd._rows("requirements")} == categories
    for row in hvd._rows("deductions"):
        assert row["category"] in categories, row
        assert row["value"] == "*" or row["value"] in voc.get(row["vocabulary"]), row
        assert all(word == voc.normalise(word) for word in row["words"].split(";")), row
        assert (row["field"] == "theme") == bool(row["words"]), row
    assert all(row["licence"] in voc.get("licences") for row in hvd._rows("licences"))


@pytest.mark.slow("load")
def test_the_page_asks_the_index_as_often_whatever_there_is(
    app: Any, publish: Any, monkeypatch: Any
) -> None:
    asked = []
    query = search.query_for("package").__class__
    run = query.run
    monkeypatch.setattr(
        query, "run", lambda self, *values, **more: asked.append(1) or run(self, *values, **more)
    )
    page_at(app, "/fr/donnees-de-forte-valeur")
    few = len(asked)
    for number in range(25):
        publish(f"Mesure {number}", hvd_category=[ENVIRONMENT])
    asked.clear()
    page = page_at(app, "/fr/donnees-de-forte-valeur")
    assert len(asked) == few
    assert len(listed(page)) == 20
    assert page.select_one("a[rel=next]")


@pytest.mark.browser
def test_the_pages_are_accessible(page: Page, editor: Any, publish: Any) -> None:
    publish("Lacs", inspire_theme=[WATER])
    log_in(page, editor["name"], PASSWORD)
    schemes: tuple[Literal["dark", "light"], ...] = ("dark", "light")
    places = ("", "organization/ddt-01/")
    for scheme, start, state in itertools.product(schemes, places, ("declared", "probable")):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"/fr/{start}donnees-de-forte-valeur?state={state}")
        assert axe_violations(page, impacts=("minor", "moderate", "serious", "critical")) == []
    page.get_by_role("link", name="La déclarer : Lacs").click()
    wait_until(page, "document.activeElement.closest('fieldset')?.id === 'field-hvd_category'")
