"""Pages around the forms: titles, wording, sidebar, save bar; over HTTP and in a browser."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from bs4 import BeautifulSoup

from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.conftest import PASSWORD
from ckanext.ecosphere.tests.browser import axe_violations, log_in, wait_until

pytestmark = pytest.mark.usefixtures("shared_db")
FRENCH = "http://publications.europa.eu/resource/authority/language/FRA"


@pytest.fixture
def read(app: Any, editor: dict[str, Any]) -> Any:
    """Request a page as the editor, posting a form if one is given; return it parsed."""

    def read(path: str, **form: Any) -> Any:
        headers = {"Authorization": editor["token"]}
        answer = (
            app.post(path, data=form, headers=headers) if form else app.get(path, headers=headers)
        )
        return BeautifulSoup(answer.body, "html.parser")

    return read


def words(element: Any) -> str:
    return " ".join(element.get_text(" ").split())


def test_the_title_of_the_form_names_the_dataset_and_what_is_wrong(read, create):
    made = create(samples.full(name="titre", title="Mares de la Dombes"))
    path = f"/fr/dataset/edit/{made['name']}"
    assert words(read(path).title).startswith("Modifier : Mares de la Dombes")
    assert words(read(path, save="", title="", name="titre").title).startswith("À corriger")
    assert "Mares de la Dombes" in words(read(f"/fr/dataset/{made['name']}/resource/new").title)


def test_a_file_that_was_not_given_is_told_and_those_that_were_are_listed(read, create):
    made = create(
        samples.full(
            name="fichiers", resources=[{"name": "Mares (CSV)", "url": "https://x.example.org/m"}]
        )
    )
    path = f"/fr/dataset/{made['name']}/resource/new"
    page = read(path)
    [added] = page.select(".ecosphere-added")
    assert "1 fichier ou service est ajouté" in words(added) and "Mares (CSV)" in words(added)
    assert not page.select(f".secondary a[href$='{path}']")
    assert page.select_one("#form-errors") is None
    told = read(path, id="", url="", save="again")
    assert "Rien n’a été ajouté" in words(
        told.select_one("#form-errors[data-module=ecosphere-errors]")
    )


def test_what_only_its_service_sees_is_a_draft_by_one_word(read, create, act, editor):
    create({"title": "Brouillon privé", "name": "brouillon-prive", "private": True})
    assert [words(each) for each in read("/fr/dataset/brouillon-prive").select("h1 .badge")] == [
        "Brouillon"
    ]
    read(
        "/fr/dataset/new",
        title="Mares commencées",
        name="commencees",
        private="True",
        save="",
        _ckan_phase="1",
        owner_org=act("organization_show", id="ddt-01")["id"],
    )
    page = read("/fr/dashboard/datasets")
    assert (
        words(page.main).count("Mares commencées") <= 3
    )  # listed once, as well as in the names of its two buttons
    assert not [
        each for each in page.select(".dataset-heading") if "Mares commencées" in words(each)
    ]
    assert "Privé" not in words(page.main)


@pytest.mark.slow("pages")
def test_a_text_in_another_language_than_the_page_says_so(read, create):
    made = create(
        samples.full(name="langue", language=[FRENCH], title_translated="", notes_translated="")
    )
    english, french = read(f"/en/dataset/{made['name']}"), read(f"/fr/dataset/{made['name']}")
    assert words(english.select_one("h1 [lang=fr]")) == made["title"]
    assert english.select_one(".eco-glance [lang=fr]") is not None
    assert not french.select("h1 [lang], .eco-glance__text [lang]")
    heading = f".dataset-heading a[href$='/{made['name']}']"
    listed = {
        spoken: read(f"/{spoken}/dataset/?q=inondables").select_one(heading)
        for spoken in ("en", "fr")
    }
    assert listed["en"].get("lang") == "fr" and listed["fr"].get("lang") is None
    spoken = create(
        samples.full(
            name="langue-en", title_translated={"fr": "Mares", "en": "Ponds"}, title="Mares"
        )
    )
    assert words(read(f"/en/dataset/{spoken['name']}").h1) == "Ponds"
    assert not read(f"/en/dataset/{spoken['name']}").select("h1 [lang]")


def test_dates_of_a_page_have_one_form(read, create):
    create(
        samples.full(name="jours", temporal_coverage=[{"start": "2021-01-01", "end": "2023-06-02"}])
    )
    page = words(read("/en/dataset/jours").main)
    assert "1 January 2021" in page and "January 1" not in page


@pytest.mark.browser
def test_the_parts_of_the_column_do_not_lie_over_each_other(page, a_new_form):
    page.set_viewport_size({"width": 1280, "height": 900})
    a_new_form(page)
    for place in (0, 400, 700):
        page.evaluate(f"window.scrollTo(0, {place})")
        boxes = page.evaluate(
            "[...document.querySelectorAll('.secondary > *')].map((each) => each.getBoundingClientRect())"
            ".filter((box) => box.height).map((box) => [box.top, box.bottom])"
        )
        assert len(boxes) >= 2
        assert all(above[1] <= below[0] + 1 for above, below in pairwise(boxes)), (place, boxes)
    assert page.evaluate("document.querySelector('.secondary').getBoundingClientRect().top") >= 0


@pytest.mark.browser
def test_what_is_wrong_goes_before_the_field_that_the_address_names(page, editor, create):
    create({"title": "À publier", "name": "ancre", "private": True})
    log_in(page, editor["name"], PASSWORD)
    page.goto("/fr/dataset/edit/ancre#field-provenance")
    wait_until(page, "document.activeElement.id === 'field-provenance'")
    page.select_option("#field-private", "False")
    page.click("#dataset-edit button[name=save]")
    page.wait_for_selector("#form-errors")
    wait_until(page, "document.activeElement.id === 'form-errors'")
    page.wait_for_timeout(500)
    assert page.evaluate("document.activeElement.id") == "form-errors"
    top = page.evaluate("document.getElementById('form-errors').getBoundingClientRect().top")
    assert 0 <= top < 700
    page.click("#form-errors a[href='#field-notes']")
    assert page.evaluate("document.activeElement.id") == "field-notes"


@pytest.mark.browser
def test_on_a_telephone_the_bar_is_one_line_and_saves_first(page, editor, create):
    create(samples.full(name="telephone"))
    page.set_viewport_size({"width": 390, "height": 844})
    log_in(page, editor["name"], PASSWORD)
    page.goto("/fr/dataset/edit/telephone")
    bar = page.locator("#dataset-edit > .form-actions").bounding_box()
    assert bar["height"] <= 70
    saves, deletes = (
        page.locator(f"#dataset-edit > .form-actions .btn-{kind}").bounding_box()
        for kind in ("primary", "danger")
    )
    assert saves["x"] < deletes["x"] and saves["width"] > deletes["width"]
    assert axe_violations(page) == []
