"""Places in the form: suggestion of communes; bounding box and territories fill in each other."""

from __future__ import annotations

import json
import re
import time

import pytest
from playwright.sync_api import expect

from ckanext.ecosphere.schemas import places
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.conftest import PASSWORD
from ckanext.ecosphere.tests.browser import axe_violations, log_in, save_dataset, wait_until
from ckanext.ecosphere.vocabularies import communes

BOURG = "http://id.insee.fr/geo/commune/01053"


def test_a_commune_is_suggested_by_name_without_accents_or_by_code():
    assert communes.suggest("saint etienne", 3)[0].label == "Saint-Étienne (42)"
    assert communes.suggest("01053", 3)[0].uri == BOURG
    assert communes.suggest("a", 3) == []


def test_a_commune_given_by_its_code_is_stored_and_leaves_with_its_name_and_the_box_of_its_departement(
    create, app
):
    made = create({"title": "Zones de Bourg", "name": "zones-bourg", "territory": ["01053"]})
    assert made["territory"] == [BOURG]
    box = places.box_of([BOURG])
    assert box
    assert (box[0] < 5.2 < box[2], box[1] < 46.2 < box[3]) == (True, True)
    record = app.get("/dataset/zones-bourg/iso19139.xml").data.decode()
    assert "Bourg-en-Bresse (01)" in record
    assert "EX_GeographicBoundingBox" in record
    assert "Bourg-en-Bresse" in app.get("/dataset/zones-bourg.ttl").body
    assert "Bourg-en-Bresse (01)" in app.get("/catalogue.csv").data.decode()


@pytest.mark.parametrize(
    ("uri", "level"),
    [
        (samples.AIN, ("departement", "01")),
        ("http://id.insee.fr/geo/region/84", ("region", "84")),
        ("http://id.insee.fr/geo/region/04", ("outre-mer", "974")),
        (BOURG, ("commune", "01053")),
        ("http://publications.europa.eu/resource/authority/country/FRA", ("pays", "")),
        ("https://example.org/lieu", ("", "")),
    ],
)
def test_a_place_has_a_level_and_the_code_of_insee(uri, level):
    assert places.level(uri) == level


@pytest.mark.slow("pages")
def test_the_page_shows_the_level_of_each_territory(create, app):
    create(
        {
            "title": "Niveaux",
            "name": "niveaux",
            "territory": [samples.AIN, BOURG, "http://id.insee.fr/geo/region/84"],
        }
    )
    page = app.get("/dataset/niveaux").body
    assert all(level in page for level in ("département 01", "commune 01053", "région 84"))


def test_the_largest_of_a_name_comes_first_and_words_inside_are_found():
    assert communes.suggest("saint-denis", 2)[0].departement in ("93", "974")
    assert "Bourg-en-Bresse" in {commune.name for commune in communes.suggest("bresse", 50)}


def test_territories_come_before_communes_and_never_more_than_twenty():
    found = places.suggest("ain", "fr")
    assert found[0]["label"] == "Ain"
    assert len(places.suggest("saint", "fr")) == places.MOST


def test_a_suggestion_takes_less_than_a_keystroke():
    communes.suggest("warm up", 1)
    start = time.process_time()
    for text in ("sa", "saint-m", "zzz", "bourg"):
        places.suggest(text, "fr")
    assert time.process_time() - start < 0.4


def test_the_box_of_a_territory_is_held_by_it_and_a_commune_counts_with_its_intercommunality():
    box = places.box_of([samples.AIN])
    assert box is not None
    assert places.territories_of(box, "fr")[0]["uri"] == samples.AIN
    west, south, east, north = places.box_of([BOURG]) or pytest.fail("no box")
    assert box[0] < west < 5.22 < east < box[2] and box[1] < south < 46.2 < north <= box[3]
    assert (east - west) * (north - south) < (box[2] - box[0]) * (box[3] - box[1]) / 3
    assert places.territories_of((west, south, east, north), "fr")[0]["uri"] == samples.AIN
    island = "http://id.insee.fr/geo/commune/85113"  # L'Île-d'Yeu: belongs to no intercommunality
    assert places.box_of([island]) == places.box_of(["http://id.insee.fr/geo/departement/85"])
    west, south, east, north = places.box_of(
        ["http://id.insee.fr/geo/commune/97411"]
    ) or pytest.fail("no box")
    assert (
        55.2 < west < 55.45 < east < 55.9 and -21.4 < south < -20.9 < north < -20.8
    )  # Saint-Denis, La Réunion
    assert places.box_of([]) is None


@pytest.mark.usefixtures("shared_db")
class TestTheForm:
    def test_sends_no_commune_unless_chosen_and_names_it_then(self, app, create, editor):
        create(samples.full(name="commune", territory=[BOURG]))
        headers = {"Authorization": editor["token"]}
        body = app.get("/fr/dataset/edit/commune", headers=headers).body
        assert body.count("geo/commune/") == 1
        assert "Bourg-en-Bresse (01)" in body
        assert "Bourg-en-Bresse (01)" in app.get("/fr/dataset/commune").body

    def test_the_addresses_answer_everyone_and_survive_nonsense(self, app):
        assert json.loads(app.get("/fr/ecosphere/territoires?q=bourg-en-b").body)[0]["uri"] == BOURG
        for query in ("q=", "q=%25", "bbox=1,2", "bbox=" + "9" * 500):
            assert json.loads(app.get(f"/fr/ecosphere/territoires?{query}").body) == []
        assert app.get("/fr/ecosphere/territoires?q=%00%25").status_code == 400
        assert json.loads(app.get("/fr/ecosphere/territoires/emprise?uri=x").body) is None

    @pytest.mark.browser
    def test_a_commune_is_picked_and_the_box_follows_by_keyboard(self, page, editor, act):
        log_in(page, editor["name"], PASSWORD)
        page.goto("/fr/dataset/new")
        page.fill("#field-title", "Par commune")
        page.fill("#field-territory input[type=search]", "bourg-en-bresse")
        page.get_by_label("Bourg-en-Bresse (01)").check()
        page.locator("#section-coverage summary").first.press("Enter")
        page.locator("#field-spatial_coverage [data-fill]").first.press("Enter")
        wait_until(page, "document.querySelector('#field-spatial_coverage__0__bbox').value !== ''")
        page.locator("#field-spatial_coverage [data-find]").first.press("Enter")
        wait_until(
            page, "document.querySelectorAll('#field-territory .ecosphere-chosen li').length === 2"
        )
        assert axe_violations(page) == []
        save_dataset(page, lambda: page.locator("button[name=save]").last.press("Enter"))
        assert set(act("package_show", id="par-commune")["territory"]) == {BOURG, samples.AIN}

    @pytest.mark.browser
    def test_an_intercommunality_is_named_and_its_area_is_shown_by_keyboard(self, page, editor):
        log_in(page, editor["name"], PASSWORD)
        page.goto("/fr/dataset/new")
        page.locator("#section-coverage summary").first.press("Enter")
        place = page.locator("#field-spatial_coverage [data-epci]").first
        place.focus()
        page.keyboard.type("bassin de bourg")
        wait_until(
            page,
            "document.querySelectorAll('#field-spatial_coverage .eco-suggest [role=option]').length > 0",
        )
        page.keyboard.press("Enter")
        status = page.locator("#field-spatial_coverage [data-status]").first
        expect(status).to_contain_text(
            "CA du Bassin de Bourg-en-Bresse : le rectangle autour de son contour"
        )
        expect(page.locator("#field-territory .ecosphere-chosen li")).to_have_text(
            re.compile("Ain")
        )
        west, south, east, north = map(
            float, page.input_value("#field-spatial_coverage__0__bbox").split(", ")
        )
        # The intercommunality's own bounding box, not that of the Ain (4.73 to 6.17).
        assert 4.9 < west < 5.1 and 5.3 < east < 5.6 and 45.9 < south < north < 46.6
        expect(page.locator("#field-spatial_coverage .eco-map__epci--chosen title")).to_have_text(
            "CA du Bassin de Bourg-en-Bresse"
        )
        frame = page.locator("#field-spatial_coverage svg:not([hidden])").first
        seen = [float(each) for each in frame.get_attribute("viewBox").split()]
        whole = float(frame.get_attribute("viewBox").split()[2]) * float(
            frame.evaluate("svg => svg.times")
        )
        page.get_by_role("button", name="Toute la carte").click()
        assert float(frame.get_attribute("viewBox").split()[2]) == whole
        assert seen[2] < whole / 4 and page.url.endswith("/fr/dataset/new")
        assert axe_violations(page) == []
        # A bounding box typed by the user is kept.
        page.fill("#field-spatial_coverage__0__bbox", "5, 46, 5.5, 46.5")
        place.fill("metropole de lyon")
        place.press("Enter")
        expect(status).to_contain_text("Métropole de Lyon")
        assert page.input_value("#field-spatial_coverage__0__bbox") == "5, 46, 5.5, 46.5"
        place.fill("nulle part")
        place.press("Enter")
        expect(status).not_to_contain_text("Lyon")

    @pytest.mark.browser
    def test_intercommunalities_of_a_departement_are_chosen_on_the_map_by_keyboard_and_mouse(
        self, page, editor
    ):
        asked = []
        page.on(
            "request",
            lambda request: (
                asked.append(request.url) if "intercommunalites/" in request.url else None
            ),
        )
        log_in(page, editor["name"], PASSWORD)
        page.goto("/fr/dataset/new")
        page.locator("#section-coverage summary").first.press("Enter")
        field = page.locator("#field-spatial_coverage")
        box = page.locator("#field-spatial_coverage__0__bbox")
        field.locator("[data-map]").first.press("Enter")
        outlines = field.locator("[data-epcis] path")
        assert outlines.count() == 0 and asked == []  # none while the whole map is visible
        field.get_by_label("Département", exact=True).select_option(label="Loire-Atlantique (44)")
        wait_until(page, "document.querySelectorAll('[data-epcis] path').length > 10")
        assert [url.rsplit("/", 1)[1] for url in asked] == ["44"]
        choice = field.get_by_label("Intercommunalité (EPCI)", exact=True)
        choice.focus()
        page.keyboard.type("Nantes M")
        expect(field.locator("[data-epci-status]")).to_have_text(
            "Nantes Métropole : le rectangle autour de son contour, qui est approximatif."
        )
        west, south, east, north = map(float, box.input_value().split(", "))
        assert (west, south, east, north) == pytest.approx((-1.78, 47.10, -1.37, 47.34), abs=0.06)
        expect(page.locator("#field-territory .ecosphere-chosen li")).to_have_text(
            re.compile("Loire-Atlantique")
        )
        assert axe_violations(page) == []
        # A mouse click chooses the intercommunality under the pointer; drawing a rectangle chooses
        # none.
        frame = field.locator("svg:not([hidden])")
        frame.scroll_into_view_if_needed()
        neighbour = outlines.filter(has_text="CC d'Erdre et Gesvres")
        edge = neighbour.bounding_box()
        page.mouse.click(edge["x"] + edge["width"] / 2, edge["y"] + edge["height"] / 2)
        expect(choice).to_have_value(neighbour.get_attribute("data-code"))
        assert float(box.input_value().split(", ")[1]) > south
        edge = frame.bounding_box()
        page.mouse.move(edge["x"] + 20, edge["y"] + 20)
        page.mouse.down()
        page.mouse.move(edge["x"] + 80, edge["y"] + 80, steps=3)
        page.mouse.up()
        expect(choice).to_have_value("")
        # Without a chosen département, those in view show their intercommunalities, if the map is
        # zoomed in enough.
        page.keyboard.press("Escape")
        frame.focus()
        page.keyboard.press("0")
        field.get_by_label("Département", exact=True).select_option(label="Aucun")
        expect(outlines).to_have_count(0)
        for _step in range(3):
            frame.press("+")
        wait_until(page, "document.querySelectorAll('[data-epcis] path').length > 10")
        field.get_by_label("Département", exact=True).select_option(label="La Réunion (974)")
        expect(outlines).to_have_count(5)

    @pytest.mark.browser
    def test_the_map_is_zoomed_and_what_is_drawn_on_a_part_of_it_is_where_it_is(self, page, editor):
        log_in(page, editor["name"], PASSWORD)
        page.goto("/fr/dataset/new")
        page.locator("#section-coverage summary").first.click()
        page.locator("#field-spatial_coverage [data-map]").first.click()
        frame = page.locator("#field-spatial_coverage svg:not([hidden])").first
        frame.scroll_into_view_if_needed()

        def seen() -> list[float]:
            return [float(each) for each in frame.get_attribute("viewBox").split()]

        _left, _top, width, height = seen()
        page.get_by_role("button", name="Zoomer", exact=True).click()
        assert seen() == [width / 4, height / 4, width / 2, height / 2]
        edge = frame.bounding_box()
        page.mouse.move(edge["x"] + 2, edge["y"] + 2)
        page.mouse.down()
        page.mouse.move(edge["x"] + edge["width"] - 2, edge["y"] + edge["height"] - 2, steps=3)
        page.mouse.up()
        west, south, east, north = map(
            float, page.input_value("#field-spatial_coverage__0__bbox").split(", ")
        )
        # Half of the frame (-5.6 to 10, 41.2 to 51.3), around its centre.
        assert [round(each, 1) for each in (west, east, south, north)] == pytest.approx(
            [-1.7, 6.1, 43.7, 48.8], abs=0.2
        )
        frame.focus()
        for key, moved in (("ArrowRight", 1), ("ArrowLeft", -1), ("ArrowDown", 0)):
            before = seen()
            page.keyboard.press(key)
            assert (seen()[0] - before[0]) * moved > 0 or (moved == 0 and seen()[1] > before[1])
        page.keyboard.press("+")
        assert seen()[2] == width / 4
        page.keyboard.press("0")
        assert seen() == [0, 0, width, height]
        assert page.get_by_role("button", name="Dézoomer").is_disabled()
        assert axe_violations(page) == []

    @pytest.mark.browser
    def test_a_rectangle_is_drawn_on_a_map_and_finds_its_territory(self, page, editor):
        log_in(page, editor["name"], PASSWORD)
        page.goto("/fr/dataset/new")
        page.locator("#section-coverage summary").first.click()
        page.locator("#field-spatial_coverage [data-map]").first.click()
        frame = page.locator("#field-spatial_coverage svg:not([hidden])").first
        frame.scroll_into_view_if_needed()
        edge = frame.bounding_box()
        page.mouse.move(edge["x"] + edge["width"] * 0.6, edge["y"] + edge["height"] * 0.4)
        page.mouse.down()
        page.mouse.move(edge["x"] + edge["width"] * 0.8, edge["y"] + edge["height"] * 0.6, steps=3)
        page.mouse.up()
        west, south, east, north = map(
            float, page.input_value("#field-spatial_coverage__0__bbox").split(", ")
        )
        assert -5 < west < east < 10
        assert 41 < south < north < 52
        assert axe_violations(page) == []
        page.locator("#field-spatial_coverage [data-find]").first.click()
        page.wait_for_selector("#field-territory .ecosphere-chosen li")
        page.fill("#field-spatial_coverage__0__bbox", "55.2, -21.4, 55.9, -20.8")
        page.locator("#field-spatial_coverage [data-frames]").select_option(label="La Réunion")
        assert (
            page.locator("#field-spatial_coverage svg:not([hidden]) rect").get_attribute("width")
            != "0"
        )
