"""Browser tests of the search pages in French."""

import re

import pytest
from playwright.sync_api import expect

from ckanext.ecosphere.search.relevance import spelling
from ckanext.ecosphere.tests.browser import axe_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "french"),
]

AIN, RHONE = "http://id.insee.fr/geo/departement/01", "http://id.insee.fr/geo/departement/69"
THEMES = "http://registre.data.developpement-durable.gouv.fr/ecospheres/themes-ecospheres/"


@pytest.fixture
def catalogue(make_datasets):
    """Three datasets in two départements."""
    return make_datasets(
        {
            "title": "Zones humides de l'Ain",
            "territory": [AIN],
            "theme": [THEMES + "interventions-sur-les-cours-d-eau"],
        },
        {"title": "Zones humides du Rhône", "territory": [RHONE], "theme": [THEMES + "eau"]},
        {"title": "Éoliennes", "territory": [RHONE], "theme": [THEMES + "climat"]},
    )


def test_a_region_finds_what_its_departements_have_and_can_be_narrowed(page, catalogue):
    page.goto("/fr/dataset/?q=zone+humide")
    page.get_by_role("link", name=re.compile("^Auvergne-Rhône-Alpes 2")).click()
    expect(page.locator(".dataset-heading")).to_have_count(2)
    expect(page.locator(".eco-chosen")).to_contain_text("Auvergne-Rhône-Alpes")
    page.get_by_role("link", name=re.compile("^Ain 1")).click()
    expect(page.locator(".dataset-heading")).to_have_text(["Zones humides de l'Ain"])
    assert axe_violations(page) == []


def test_labels_of_facets_are_whole_for_the_eye_and_for_readers_of_screens(page, catalogue):
    page.goto("/fr/dataset/")
    page.get_by_role("link", name=re.compile("^Tout voir .*Thématique")).click()
    page.locator("li > details > summary", has_text="Eau").click()
    link = page.get_by_role("link", name=re.compile("^Interventions sur les cours d'eau 1"))
    expect(link).to_be_visible()


def test_the_search_box_proposes_and_is_driven_by_the_keyboard(page, catalogue):
    page.goto("/fr/dataset/")
    box = page.get_by_role("combobox", name=re.compile("Rechercher|Chercher"))
    box.press_sequentially("zones hum")
    expect(page.locator('.eco-suggest [role="option"]')).to_have_count(2)
    expect(box).to_have_attribute("aria-expanded", "true")
    assert axe_violations(page) == []
    box.press("ArrowDown")
    chosen = page.locator('[role="option"][aria-selected="true"]')
    expect(chosen).to_have_count(1)
    assert box.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    box.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    box.press_sequentially("i")
    expect(page.get_by_role("listbox")).to_be_visible()
    box.press("ArrowDown")
    box.press("Enter")
    page.wait_for_url("**/dataset/*")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Zones humides")


def test_places_and_themes_are_proposed_with_their_number_of_datasets(page, catalogue):
    translations = []
    # CKAN starts its scripts once the translations are loaded.
    page.route("**/api/i18n/**", lambda route: translations.append(route))  # noqa: PLW0108 - Playwright marks it
    page.goto("/fr/")
    page.locator("#field-home-search").press_sequentially("rhon")
    (held,) = translations
    held.continue_()
    option = page.get_by_role("option", name=re.compile("^Rhône 2"))
    option.click()
    page.wait_for_url("**vocab_ecosphere_territory=departement-69")
    expect(page.locator(".dataset-heading")).to_have_count(2)


def test_a_misspelt_query_is_answered_with_another_spelling(page, catalogue):
    spelling.count_words()
    # The portal of the browser is another process, which reads the words again after a minute.
    for _second in range(int(spelling.READ_AGAIN_SECONDS) + 10):
        page.goto("/fr/dataset/?q=zoens+humdes")
        if page.locator(".dataset-heading").count():
            break
        page.wait_for_timeout(1_000)
    expect(page.locator(".dataset-heading")).to_have_count(2)
    expect(page.locator(".eco-understood")).to_contain_text("Résultats pour « zones humides »")
    assert page.locator(".dataset-heading").first.locator("mark").all_inner_texts() == [
        "Zones",
        "humides",
    ]
    page.get_by_role("link", name="Chercher les mots tels quels").click()
    expect(page.locator(".dataset-heading")).to_have_count(0)


def test_a_filter_in_the_way_can_be_removed_from_the_empty_page(page, catalogue):
    page.goto("/fr/dataset/?q=éoliennes&vocab_ecosphere_territory=departement-01")
    assert axe_violations(page) == []
    ways = page.locator(".eco-no-result li")
    expect(
        ways.filter(has_text="Chercher dans tout le territoire « Auvergne-Rhône-Alpes » – 1")
    ).to_have_count(1)
    ways.get_by_role("link", name="Chercher à côté, dans « Rhône »").click()
    expect(page.locator(".dataset-heading")).to_have_text(["Éoliennes"])
    page.go_back()
    page.locator(".eco-no-result a", has_text="Ain").click()
    expect(page.locator(".dataset-heading")).to_have_text(["Éoliennes"])


def test_results_are_sorted_as_asked(page, catalogue):
    page.goto("/fr/dataset/")
    page.locator("#field-order-by").select_option("title_string asc")
    expect(page.locator(".dataset-heading").first).to_have_text("Éoliennes")


def test_the_filters_of_a_small_screen_open_and_close(page, catalogue):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/fr/dataset/")
    facet = page.locator("#search-facets")
    expect(facet).to_be_hidden()
    page.locator("button.show-filters").click()
    expect(facet).to_be_visible()
    page.locator("button.hide-filters").click()
    expect(facet).to_be_hidden()


def test_the_filters_of_a_small_screen_are_a_dialog_for_the_keyboard(page, catalogue):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/fr/dataset/")
    opener, facet = page.locator("button.show-filters"), page.locator("#search-facets")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Filtrer les résultats")).to_be_visible()
    expect(opener).to_have_attribute("aria-expanded", "true")
    assert axe_violations(page) == []
    inside = "() => document.getElementById('search-facets').contains(document.activeElement)"
    for key in ("Shift+Tab", "Tab", *["Tab"] * 40):
        assert page.evaluate(inside), key
        page.keyboard.press(key)
    page.keyboard.press("Escape")
    expect(facet).to_be_hidden()
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "false")
    page.goto("/fr/dataset/?q=introuvablissime")
    expect(page.locator("button.show-filters")).to_have_count(0)
