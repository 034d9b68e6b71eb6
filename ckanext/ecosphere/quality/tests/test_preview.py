"""Preview of the score while a form is filled in: same score as after the save, no writes,
editors only.
"""

from __future__ import annotations

import re
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from lxml import html
from werkzeug.datastructures import MultiDict

from ckanext.ecosphere.quality.core import criteria
from ckanext.ecosphere.quality.model import QualityRow
from ckanext.ecosphere.quality.tests.cases import EU
from ckanext.ecosphere.quality.tests.conftest import act, count, saved, stored

pytestmark = pytest.mark.usefixtures("portal")

PATH = "/fr/qualite/apercu"
LEVEL_LABELS_FR = {
    "gold": "Or",
    "silver": "Argent",
    "bronze": "Bronze",
    "incomplete": "À compléter",
}


@pytest.fixture
def zones(people: dict[str, Any]) -> dict[str, Any]:
    return act("package_create", **saved(name="zones", frequency=None))


def headers(person: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": person["token"]}


def preview_as(person: str | None, **data: Any) -> dict[str, Any]:
    user = model.User.get(person) if person else None
    context: Any = {"user": person or "", "auth_user_obj": user, "ignore_auth": False}
    return tk.get_action("ecosphere_quality_preview")(context, data)


def test_the_preview_is_what_the_save_then_gives(zones: dict[str, Any]):
    changed = {**zones, "license_id": "notspecified", "notes": "Court", "tags": []}
    found = preview_as("editor", id="zones", dataset=changed)
    assert found["before"]["score"] == stored(zones["id"]).score
    act("package_update", **changed)
    row = stored(zones["id"])
    assert (found["after"]["score"], found["after"]["level"]) == (row.score, row.level)
    assert {c["id"]: c["state"] for c in found["after"]["criteria"]} == row.results
    assert found["change"] == row.score - found["before"]["score"]


def test_the_preview_writes_nothing_and_keeps_results_of_checks(zones: dict[str, Any]):
    row = stored(zones["id"])
    row.checks = {"links": {zones["resources"][0]["url"]: False}}
    model.Session.commit()
    before = (row.score, row.computed_at)
    found = preview_as("editor", id="zones", dataset={"title": "Autre"})
    assert {c["id"]: c["state"] for c in found["after"]["criteria"]}["links_work"] == "fail"
    assert not model.Session.dirty and not model.Session.new
    assert (stored(zones["id"]).score, stored(zones["id"]).computed_at) == before


def test_a_new_dataset_has_no_before(people: dict[str, Any]):
    found = preview_as("editor", dataset={"title": "Zones", "notes": "x" * 300})
    assert found["before"] is None and found["change"] == found["after"]["score"] > 0
    assert count(QualityRow) == 0


def test_only_editors_may_ask(zones: dict[str, Any]):
    for person in ("editor", "admin", "sysadmin"):
        assert preview_as(person, id="zones", dataset={})
    for person in (None, "stranger", "other-editor", "member"):
        with pytest.raises(tk.NotAuthorized):
            preview_as(person, id="zones", dataset={})
    for person in (None, "stranger", "member"):
        with pytest.raises(tk.NotAuthorized):
            preview_as(person, dataset={})


@pytest.mark.parametrize("dataset", ["texte", None, [1]])
def test_something_else_than_a_dataset_is_refused(people: dict[str, Any], dataset: Any):
    with pytest.raises(tk.ValidationError):
        preview_as("editor", dataset=dataset)


def test_the_form_gets_a_fragment_for_what_it_posts(
    app: Any, zones: dict[str, Any], people: dict[str, Any]
):
    posted = {
        "title": "Zones",
        "notes": "x" * 250,
        "tag_string": "a,b,c",
        "frequency": "ANNUAL",
        "contact__0__email": "sig@example.org",
    }
    path = f"{PATH}?id={zones['id']}"
    page = app.post(path, data=posted, headers=headers(people["editor"])).body
    assert "data-quality-sentence" in page and "#field-license_id" in page
    assert "#field-frequency" not in page and "#field-contact" not in page and "<html" not in page
    for person in (people["other-editor"], people["stranger"]):
        app.post(path, data=posted, headers=headers(person), status=404)
    app.post(path, data=posted, status=404)
    app.post(f"{PATH}?id=nothing", data=posted, headers=headers(people["editor"]), status=404)


def test_the_form_shows_the_panel_without_script(
    app: Any, zones: dict[str, Any], people: dict[str, Any]
):
    page = app.get("/fr/dataset/edit/zones", headers=headers(people["editor"])).body
    assert f'data-module-url="/fr/qualite/apercu?id={zones["id"]}"' in page
    assert 'href="#field-frequency"' in page and 'id="field-frequency"' in page
    page = app.get("/fr/dataset/new", headers=headers(people["editor"])).body
    assert 'data-module-url="/fr/qualite/apercu"' in page
    resource = app.get("/fr/dataset/zones/resource/new", headers=headers(people["editor"])).body
    assert "ecosphere-quality-preview" not in resource


def test_every_advice_leads_to_a_field_that_is_in_the_form(app: Any, people: dict[str, Any]):
    act("package_create", name="poor", title="A", notes="B", owner_org="ddt-42")
    page = app.get("/fr/dataset/poor/qualite", headers=headers(people["editor"])).body
    form = app.get("/fr/dataset/edit/poor?tout=1", headers=headers(people["editor"])).body
    resource = app.get("/fr/dataset/poor/resource/new", headers=headers(people["editor"])).body
    anchors = {
        link.split('"')[0] for link in page.split('href="')[1:] if "#field-" in link.split('"')[0]
    }
    assert len(anchors) > 8
    for link in anchors:
        target = resource if "/resource/" in link else form
        assert f'id="{link.split("#")[1]}"' in target, link


FORM_CHANGES: list[dict[str, str]] = [
    {},
    {"license_id": "cc-by"},
    {"frequency": f"{EU}/frequency/ANNUAL"},
    {"modified": "12/03/2016", "issued": "12/03/2016"},
    {"contact-0-email": "", "contact-0-url": ""},
    {"scale_denominator": "1/5000"},
    {"provenance": "<p>Sans objet</p>"},
    {"tag_string": "eau, eau, loire"},
]


@pytest.mark.few(2, "values")
@pytest.mark.parametrize("changes", FORM_CHANGES, ids=str)
def test_the_score_that_the_form_announces_is_the_one_that_its_save_gives(
    app: Any, zones: dict[str, Any], people: dict[str, Any], changes: dict[str, str]
):
    page: Any = html.fromstring(
        app.get("/fr/dataset/edit/zones", headers=headers(people["editor"])).body
    )
    form = page.get_element_by_id("dataset-edit")
    for inert in form.findall(".//template"):  # e.g. the template of one more contact
        inert.drop_tree()
    kept = [(name, value) for name, value in form.form_values() if name not in changes]
    values = MultiDict([*kept, *changes.items()])
    fragment = app.post(
        f"{PATH}?id={zones['id']}", data=values, headers=headers(people["editor"])
    ).body
    sent = MultiDict([*values.items(multi=True), ("save", "")])
    answer = app.post(
        "/fr/dataset/edit/zones",
        data=sent,
        headers=headers(people["editor"]),
        follow_redirects=False,
    )
    assert answer.status_code == 302
    row = stored(zones["id"])
    assert f"{row.score} sur 100" in fragment and LEVEL_LABELS_FR[row.level] in fragment


def test_the_form_asks_for_the_length_that_the_criteria_ask_for(app: Any, people: dict[str, Any]):
    form = app.get("/en/dataset/new", headers=headers(people["editor"])).body
    asked = re.search(r"what they do not cover\. (.*?)</", form)
    assert asked, "the help of the description is not in the form"
    assert re.findall(r"\d+", asked[1]) == [
        str(criteria.SHORT_DESCRIPTION),
        str(criteria.LONG_DESCRIPTION),
    ]
    assert "sentences" not in asked[1]
