"""Pages and badge image of the quality of a dataset."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from ckanext.ecosphere.quality.core.inspire import INDICATORS, REQUIREMENTS
from ckanext.ecosphere.quality.core.score import load_model
from ckanext.ecosphere.quality.tests.conftest import act

pytestmark = pytest.mark.usefixtures("portal")


@pytest.fixture
def zones(people: dict[str, Any]) -> dict[str, Any]:
    return act(
        "package_create",
        name="zones",
        title="Zones <b>humides</b>",
        owner_org="ddt-42",
        private=False,
    )


def headers(person: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": person["token"]}


def test_the_dataset_page_says_the_score_once_and_leads_to_the_criteria(
    app: Any, zones: Any, people: dict[str, Any]
):
    for person, offers_advice in ((None, False), (people["editor"], True)):
        page = app.get("/fr/dataset/zones", headers=headers(person) if person else {}).body
        assert page.count("ecosphere-badge__score") == 1
        assert "ecosphere-badge--incomplete" in page
        assert 'href="/fr/dataset/zones/qualite"' in page
        assert "ecosphere-state--fail" not in page
        assert ("ecosphere-quality-advice" in page) == offers_advice


def test_the_quality_page_shows_every_criterion(app: Any, zones: Any):
    page = app.get("/fr/dataset/zones/qualite").body
    assert page.count('<th scope="row"') == len(load_model().criteria) + len(INDICATORS) + len(
        REQUIREMENTS
    )
    assert "Zones &lt;b&gt;humides&lt;/b&gt;" in page
    assert "<b>humides</b>" not in page


def test_only_those_who_may_edit_are_led_to_the_form(app: Any, zones: Any, people: dict[str, Any]):
    path = "/fr/dataset/zones/qualite"
    link = "/dataset/edit/zones#field-notes"
    assert link not in app.get(path).body
    assert link not in app.get(path, headers=headers(people["other-editor"])).body
    page = app.get(path, headers=headers(people["editor"])).body
    assert link in page
    assert "/dataset/zones/resource/new#field-resource-url" in page


def test_a_harvested_dataset_names_the_element_of_the_source_instead(
    app: Any, people: dict[str, Any]
):
    act(
        "package_create",
        name="harvested",
        owner_org="ddt-42",
        source_record="https://x.org/1",
    )
    page = app.get("/fr/dataset/harvested/qualite", headers=headers(people["editor"])).body
    assert "gmd:identificationInfo/*/gmd:abstract" in page
    assert "#field-notes" not in page


def test_results_of_a_search_carry_the_badge_and_can_be_sorted(app: Any, zones: Any):
    page = app.get("/fr/dataset/").body
    assert page.count("ecosphere-badge--incomplete") == 1
    assert 'value="ecosphere_quality_score desc, metadata_modified desc"' in page
    assert "?ecosphere_quality_level=incomplete" in page
    assert app.get("/fr/dataset/?ecosphere_quality_level=gold").body.count("ecosphere-badge--") == 0
    assert (
        app.get(
            "/fr/dataset/?sort=ecosphere_quality_score+desc%2C+metadata_modified+desc"
        ).status_code
        == 200
    )


def test_other_lists_are_not_offered_to_sort_by_quality(app: Any, zones: Any):
    assert "ecosphere_quality_score" not in app.get("/fr/organization/").body
    assert "ecosphere_quality_score" in app.get("/fr/organization/ddt-42").body


def test_the_image_has_a_title_and_is_valid(app: Any, zones: Any):
    response = app.get("/fr/dataset/zones/qualite.svg")
    assert response.headers["Content-Type"].startswith("image/svg+xml")
    root = ElementTree.fromstring(response.body)
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert (
        title is not None and "/100" not in (title.text or "") and "sur 100" in (title.text or "")
    )


def test_the_image_is_sent_again_only_when_it_changes(app: Any, zones: Any):
    first = app.get("/fr/dataset/zones/qualite.svg")
    same = app.get(
        "/fr/dataset/zones/qualite.svg",
        headers={"If-None-Match": first.headers["ETag"]},
        status=304,
    )
    assert same.body == ""
    act("package_patch", id="zones", license_id="etalab-2.0")
    changed = app.get(
        "/fr/dataset/zones/qualite.svg", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert changed.status_code == 200 and changed.headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize("path", ["/dataset/zones/qualite", "/dataset/zones/qualite.svg"])
def test_a_private_dataset_gives_nothing_to_those_who_may_not_see_it(
    app: Any, zones: Any, people: dict[str, Any], path: str
):
    act("package_patch", id="zones", private=True)
    app.get(path, status=404)
    app.get(path, headers=headers(people["stranger"]), status=404)
    app.get(path, headers=headers(people["other-editor"]), status=404)
    seen = app.get(path, headers=headers(people["member"]))
    assert seen.status_code == 200
    if path.endswith("svg"):
        assert (
            "no-store" in seen.headers["Cache-Control"]
            and "public" not in seen.headers["Cache-Control"]
        )


@pytest.mark.parametrize("path", ["/dataset/nothing/qualite", "/dataset/nothing/qualite.svg"])
def test_an_unknown_dataset_is_not_found(app: Any, path: str, zones: Any):
    app.get(path, status=404)
