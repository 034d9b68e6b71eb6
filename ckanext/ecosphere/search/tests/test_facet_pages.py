"""Browser tests of facets, filter chips and results, with and without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from ckanext.ecosphere.tests.browser import axe_violations

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "french"),
]
DEPARTEMENT = "http://id.insee.fr/geo/departement/"


def resources(*formats):
    return [{"url": f"https://data.example/{each}", "format": each} for each in formats]


@pytest.fixture
def catalogue(make_datasets):
    return make_datasets(
        {
            "title": "Zones humides <b>de l'Ain</b>",
            "territory": [DEPARTEMENT + "01"],
            "resources": resources("SHP"),
        },
        {
            "title": "Zone humide du Rhône",
            "territory": [DEPARTEMENT + "69"],
            "resources": resources("WMS"),
        },
        {
            "title": "Éoliennes",
            "territory": [DEPARTEMENT + "69"],
            "resources": resources("CSV"),
            "notes": "Mâts",
        },
        {
            "title": "Zonages régionaux",
            "territory": ["http://id.insee.fr/geo/region/84"],
            "resources": [],
        },
        *(
            {"title": f"Essai {code}", "territory": [DEPARTEMENT + code]}
            for code in ("35", "44", "59", "33", "31")
        ),
    )


def titles(page):
    return page.locator(".dataset-heading")


@pytest.mark.journey
def test_a_person_narrows_a_search_down_and_widens_it(page, catalogue):
    page.goto("/fr/dataset/?q=zone+humide")
    expect(titles(page)).to_have_count(2)
    # The search box comes first in the tab order, although the facets are on its left.
    box, facets = page.locator("#dataset-search-form input[name=q]"), page.locator(".secondary")
    assert box.evaluate(
        "(box, facets) => box.compareDocumentPosition(facets) & 4", facets.element_handle()
    )
    assert facets.bounding_box()["x"] < box.bounding_box()["x"]
    marked = page.locator(".dataset-heading mark")
    assert sorted(marked.all_inner_texts()) == ["Zone", "Zones", "humide", "humides"]
    assert page.locator(".dataset-heading b").count() == 0
    expect(page.locator(".dataset-item", has_text="Rhône").locator(".eco-way")).to_have_text(
        re.compile("Service web.*WMS", re.S)
    )

    # Several values of a facet are combined, each with its count; the chips remove them.
    page.goto("/fr/dataset/")
    access = page.locator("section.eco-facet", has_text="Accès aux données")
    access.get_by_role("link", name=re.compile("^Téléchargement direct 2")).click()
    expect(titles(page)).to_have_count(2)
    access.get_by_role("link", name=re.compile("^Service web 1")).click()
    expect(titles(page)).to_have_count(3)
    expect(page.locator(".eco-chosen li")).to_have_count(2)
    assert axe_violations(page) == []
    page.locator(".eco-chosen").get_by_role("link", name=re.compile("Service web")).press("Enter")
    expect(titles(page)).to_have_count(2)

    # All values of a facet can be searched, regardless of accents.
    page.goto("/fr/dataset/")
    page.get_by_role("link", name=re.compile("^Tout voir .*Territoire")).click()
    box = page.get_by_role("searchbox", name="Chercher dans : Territoire")
    box.fill("rhone")
    facet = page.locator("section.eco-facet", has=box)
    expect(facet.get_by_role("link", name=re.compile("^Rhône 2"))).to_be_visible()
    expect(facet.get_by_role("link", name=re.compile("^Bretagne"))).to_be_hidden()
    assert axe_violations(page) == []
    facet.get_by_role("link", name=re.compile("^Rhône 2")).click()
    expect(titles(page)).to_have_count(2)

    # Datasets that cover a place are added to those that lie in it.
    page.get_by_role("link", name="Ce qui couvre : Rhône").click()
    expect(page.locator(".eco-chosen")).to_contain_text("Couvre : Rhône")
    expect(titles(page)).to_have_count(3)
    expect(titles(page).filter(has_text="Zonages régionaux")).to_be_visible()
    # A new search keeps the place.
    page.locator("#field-giant-search").fill("éoliennes")
    page.locator("#field-giant-search").press("Enter")
    expect(titles(page)).to_have_count(1)
    expect(page.locator(".eco-chosen")).to_contain_text("Couvre : Rhône")


def test_an_area_is_drawn_named_or_pasted_and_the_results_are_seen_on_a_map(page, make_datasets):
    box = '{"type":"Polygon","coordinates":[[[4.7,45.6],[6.2,45.6],[6.2,46.5],[4.7,46.5],[4.7,45.6]]]}'
    make_datasets(
        {
            "title": "Zones humides de l'Ain",
            "territory": [DEPARTEMENT + "01"],
            "spatial_coverage": [{"bbox": box}],
        },
        {"title": "Zones humides sans étendue"},
    )
    page.goto("/fr/dataset/?q=zones")
    expect(titles(page)).to_have_count(2)
    page.get_by_role("link", name="Voir sur une carte").click()
    extent = page.get_by_role("group", name="Étendue des résultats").get_by_role("link")
    expect(extent).to_have_count(1)
    expect(page.locator(".eco-extents figcaption")).to_contain_text(
        "1 résultat de cette page est ailleurs"
    )
    page.locator(".eco-rank").evaluate_all(
        "all => all.forEach(each => each.append('0'))"
    )  # axe does not test the contrast of a single character
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour in between
        assert axe_violations(page) == []

    # An invalid area is reported at its field; the search words are kept.
    page.get_by_role("link", name="Choisir une zone").click()
    field = page.get_by_label("Nom, coordonnées ou géométrie")
    field.fill("Atlantide")
    search = page.get_by_role("button", name="Chercher dans cette zone")
    search.click()
    expect(page.locator("#field-area-error")).to_contain_text("Atlantide")
    assert axe_violations(page) == []

    # Drawn with the mouse around the Ain.
    field.fill("")
    outline = page.locator("svg[data-frame=metropole]")
    outline.scroll_into_view_if_needed()
    edge = outline.bounding_box()
    x, y = edge["x"] + edge["width"] * 0.6, edge["y"] + edge["height"] * 0.4
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + edge["width"] * 0.2, y + edge["height"] * 0.2, steps=4)
    page.mouse.up()
    search.click()
    expect(titles(page)).to_have_text([re.compile("Zones humides de l'Ain")])
    expect(page.locator(".eco-chosen")).to_contain_text("Zone")
    expect(page.locator(".eco-extents__area")).to_have_count(1)

    # No results elsewhere; an area can also be given by name and by keyboard.
    page.get_by_role("link", name="Choisir une zone").click()
    field.fill("Bretagne")
    search.press("Enter")
    expect(page.locator(".eco-chosen")).to_contain_text("Bretagne")
    expect(titles(page)).to_have_count(0)
    page.locator(".eco-chosen").get_by_role("link", name=re.compile("Bretagne")).press("Enter")
    expect(titles(page)).to_have_count(2)

    # An intercommunality, from the list of its département beside the map or by its name.
    page.get_by_role("link", name="Choisir une zone").click()
    page.get_by_label("Département", exact=True).select_option(label="Ain (01)")
    place = page.get_by_label("Intercommunalité (EPCI)", exact=True)
    expect(place).to_be_enabled()
    place.select_option(label="CA du Bassin de Bourg-en-Bresse")
    expect(page.locator(".eco-map__epci--chosen")).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="approximatif")).to_be_visible()
    assert axe_violations(page) == []
    search.press("Enter")
    expect(titles(page).first).to_have_text(re.compile("Zones humides de l'Ain"))
    page.get_by_role("link", name="Choisir une zone").click()
    field.fill("Rennes Métropole")
    search.press("Enter")
    expect(page.locator(".eco-chosen")).to_contain_text("Rennes Métropole")
    expect(titles(page)).to_have_count(0)


def test_without_a_script_the_form_of_a_facet_asks_the_server(browser, portal_url, catalogue):
    context = browser.new_context(java_script_enabled=False, base_url=portal_url)
    page = context.new_page()
    page.goto("/fr/dataset/?_facet=vocab_ecosphere_territory")
    page.get_by_role("searchbox", name="Chercher dans : Territoire").fill("LOIRE atl")
    page.locator(".eco-facet__find button").click()
    links = page.locator("section.eco-facet", has_text="Territoire").locator(".eco-facet__label")
    expect(links).to_have_text(["Pays de la Loire", "Loire-Atlantique"])
    page.get_by_role("link", name=re.compile("^Loire-Atlantique 1")).click()
    expect(titles(page)).to_have_text(["Essai 44"])
    context.close()
