"""Browser tests of asking for data: from an empty search, by keyboard, without JavaScript,
with or without account.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ckan import model
from playwright.sync_api import Browser, Page, ViewportSize, expect

from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.tests.conftest import (
    REFUSAL,
    act,
    dataset,
    draft,
    opened,
    step,
)
from ckanext.ecosphere.data_requests.tests.test_guards import PDF
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.tests.browser import axe_violations, log_in, picture, tab_to

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("portal", "passwords")]

PASSWORD = "un-mot-de-passe-solide"
NEXT = "button[name=go][value=next]"
SMALL = ViewportSize(width=360, height=740)
PHONE = ViewportSize(width=390, height=844)
THREE_PAGES = 3
"""Pages from the dataset, or the list of requests, to a sent request."""
MOST_PAGES = 6
"""Maximum number of pages from an empty search to a submitted request, including registration."""


@pytest.fixture
def passwords(portal: None) -> None:
    """Set passwords for the log-in form."""
    for name in ("asker", "friend", "admin"):
        user = model.User.get(name)
        assert user is not None
        user.password = PASSWORD
    model.Session.commit()


def mine(person: str = "asker") -> dict[str, Any]:
    """Return the latest request of a user."""
    model.Session.expire_all()
    return act("list", person, scope="mine")["results"][0]


def go_on(page: Page) -> None:
    page.get_by_role("button", name="Enregistrer et continuer").click()


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"]


@pytest.mark.journey
def test_an_empty_search_leads_through_the_log_in_to_a_request_that_is_sent(page: Page):
    dataset(title="Zones humides du Forez")
    seen: dict[str, list[str]] = {}
    page.goto("/fr/dataset/?q=tourbieres+introuvables&vocab_ecosphere_territory=departement-42")
    page.get_by_role("link", name="Demander ces données aux services").click()
    expect(page.get_by_label(re.compile("Votre demande en une phrase"))).to_have_value(
        "tourbieres introuvables"
    )
    page.fill("#field-title", "Tourbières et zones humides du Pilat")
    expect(page.locator("[data-status]")).to_contain_text("ressemblent")
    expect(page.locator(".eco-req-similar")).to_contain_text("Zones humides du Forez")
    page.fill("#field-description", "Les contours et la méthode de l’inventaire.")
    page.select_option("#field-theme", "eau")
    seen["what"] = axe_violations(page)
    go_on(page)

    page.wait_for_url("**/user/login**")
    page.fill("input[name=login]", "asker")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/demandes/nouvelle")
    expect(page.locator("#field-description")).to_have_value(
        "Les contours et la méthode de l’inventaire."
    )
    expect(page.locator("[data-status]")).to_contain_text("ressemblent")
    go_on(page)

    page.wait_for_url("**/modifier/usage")
    page.get_by_label("Dossier loi sur l'eau").check()
    page.fill("#field-procedure_reference", "IOTA 42-2026-7")
    seen["use"] = axe_violations(page)
    go_on(page)
    page.wait_for_url("**/modifier/territoire")
    expect(page.locator("#field-territory")).to_have_value("departement-42")
    page.get_by_label("Une ou plusieurs communes").check()
    page.locator("#field-communes").press_sequentially("marlhes")
    expect(page.get_by_role("option", name="Marlhes – Loire (42139)")).to_be_visible()
    seen["where"] = axe_violations(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    go_on(page)
    page.wait_for_url("**/modifier/delais")
    page.fill("#field-formats", "GeoPackage, CSV")
    seen["when"] = axe_violations(page)
    go_on(page)
    page.wait_for_url("**/modifier/envoi")
    expect(page.locator("aside")).to_contain_text("DDT 42")
    page.get_by_role("button", name="Envoyer ma demande").click()
    expect(page.locator("#field-similar_seen-error")).to_be_visible()
    expect(page.locator("#already-here")).to_contain_text("Zones humides du Forez")
    seen["send"] = axe_violations(page)
    page.get_by_label(re.compile("J’ai regardé ce qui existe déjà")).check()
    page.get_by_role("button", name="Envoyer ma demande").click()

    page.wait_for_url(re.compile(r"/demandes/DD-\d{4}-\d{5}$"))
    seen["request"] = axe_violations(page)
    assert {name: problems for name, problems in seen.items() if problems} == {}
    made = mine()
    assert made["state"] == "submitted" and made["organization"]["name"] == "ddt-42"
    assert made["communes"] == [{"code": "42139", "name": "Marlhes"}]
    assert made["formats"] == ["GeoPackage", "CSV"]


def test_an_empty_search_becomes_a_request_of_a_new_account_within_six_pages(page: Page):
    opened: list[str] = []
    page.on("load", lambda tab: opened.append(tab.url))
    page.goto("/fr/dataset/?q=tourbieres+introuvables&vocab_ecosphere_territory=departement-42")
    page.get_by_role("link", name="Demander ces données aux services").click()
    page.fill("#field-description", "Les contours et la méthode de l’inventaire.")
    page.select_option("#field-theme", "eau")
    assert axe_violations(page) == []
    go_on(page)
    page.wait_for_url("**/user/login**")
    page.get_by_role("link", name="Créer un compte").first.click()
    page.wait_for_url("**/user/register**")
    page.fill("#field-username", "nouvelle")
    page.fill("#field-email", "nouvelle@example.org")
    page.fill("#field-password", PASSWORD)
    page.fill("#field-confirm-password", PASSWORD)
    assert axe_violations(page) == []
    page.get_by_role("button", name="Créer un compte").click()
    page.wait_for_url("**/demandes/nouvelle")
    expect(page.locator("#field-description")).to_have_value(
        "Les contours et la méthode de l’inventaire."
    )
    expect(page.locator("#field-territory")).to_have_value("departement-42")
    assert axe_violations(page) == []
    picture(page, "request-on-one-page")
    page.get_by_role("button", name="Envoyer ma demande").click()
    page.wait_for_url(re.compile(r"/demandes/DD-\d{4}-\d{5}$"))
    page.wait_for_load_state("load")
    made = mine("nouvelle")
    assert (made["state"], made["territory"], made["organization"]["name"]) == (
        "submitted",
        "departement-42",
        "ddt-42",
    )
    print("pages:", len(opened), *opened, sep="\n")
    assert len(opened) <= MOST_PAGES, opened


def test_a_request_sent_from_the_first_page_says_what_is_missing_and_what_is_like_it(page: Page):
    dataset(title="Zones humides du Forez")
    log_in(page, "asker", PASSWORD)
    page.goto("/fr/demandes/nouvelle?q=zones+humides")
    page.get_by_role("button", name="Envoyer ma demande").click()
    expect(page.locator("#form-errors")).to_contain_text("Décrivez les données")
    expect(page.locator("#form-errors")).to_contain_text("Indiquez où")
    page.goto("/fr/demandes/nouvelle?q=zones+humides&territory=departement-42")
    page.fill("#field-description", "Les contours.")
    page.select_option("#field-theme", "eau")
    page.get_by_role("button", name="Envoyer ma demande").click()
    expect(page.locator("#field-similar_seen-error")).to_be_visible()
    expect(page.locator("#already-here")).to_contain_text("Zones humides du Forez")
    assert mine()["state"] == "draft"
    # Similar requests are displayed while the title is typed, which does not mean that the user has
    # read them.
    page.goto("/fr/demandes/nouvelle?territory=departement-42")
    page.fill("#field-title", "Zones humides du Pilat")
    expect(page.locator("[data-status]")).to_contain_text("ressemblent")
    page.fill("#field-description", "Les contours.")
    page.select_option("#field-theme", "eau")
    page.get_by_role("button", name="Envoyer ma demande").click()
    expect(page.locator("#field-similar_seen-error")).to_be_visible()
    page.goto("/fr/demandes/nouvelle?q=zones+humides&territory=departement-42")
    page.fill("#field-description", "Les contours.")
    page.select_option("#field-theme", "eau")
    page.get_by_label(re.compile("J’ai regardé ce qui existe déjà")).check()
    page.get_by_role("button", name="Envoyer ma demande").click()
    page.wait_for_url(re.compile(r"/demandes/DD-\d{4}-\d{5}$"))
    assert mine()["state"] == "submitted"


def test_a_rectangle_is_drawn_on_the_map_of_an_overseas_departement(page: Page):
    made = act("create", "asker", title="Mangroves de la Martinique")
    log_in(page, "asker", PASSWORD)
    page.set_viewport_size(SMALL)
    page.goto(f"/fr/demandes/{made['id']}/modifier/territoire")
    page.get_by_label("Un rectangle sur la carte").check()
    page.get_by_label("Carte", exact=True).select_option("martinique")
    place = page.locator("svg[data-frame=martinique]")
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box and fits(page)
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.25, steps=3)
    page.mouse.up()
    assert axe_violations(page) == []
    go_on(page)
    page.wait_for_url("**/modifier/delais")
    west, south, east, north = mine()["bbox"]
    assert -61.35 < west < east < -60.7 and 14.3 < south < north < 14.95


def test_a_request_is_made_with_the_keyboard_alone(page: Page):
    log_in(page, "asker", PASSWORD)
    page.goto("/fr/demandes/nouvelle")
    page.focus("#field-title")
    page.keyboard.type("Frayères du Lignon")
    page.keyboard.press("Tab")
    page.keyboard.type("Emplacements connus.")
    page.keyboard.press("Tab")
    page.keyboard.type("Eau")
    tab_to(page, NEXT)
    page.keyboard.press("Enter")
    page.wait_for_url("**/modifier/usage")
    page.focus("#use-impact-study")
    page.keyboard.press("ArrowUp")  # a radio group is a single tab stop, and arrow keys wrap around
    for _ in range(10):
        if page.evaluate("document.activeElement.value") == "research":
            break
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/modifier/territoire")
    page.focus("#where-territory")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    for value in ("3,9", "4,1", "45,5", "45,8"):
        page.keyboard.press("Tab")
        page.keyboard.type(value)
    page.keyboard.press("Enter")
    page.wait_for_url("**/modifier/delais")
    assert mine()["bbox"] == [3.9, 45.5, 4.1, 45.8]
    page.focus("#field-need_by")
    page.keyboard.press("Enter")
    page.wait_for_url("**/modifier/envoi")
    page.focus("#field-requester_siret")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    expect(page.locator("#form-errors")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#field-requester_siret")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/demandes/DD-"))
    assert mine()["state"] == "submitted"


@pytest.fixture
def plain(browser: Browser, portal_url: str) -> Iterator[Page]:
    """A browser page with JavaScript disabled."""
    context = browser.new_context(base_url=portal_url, locale="fr-FR", java_script_enabled=False)
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    yield tab
    context.close()


def test_a_request_is_made_without_a_script_and_what_resembles_it_is_shown_all_the_same(
    plain: Page,
):
    dataset(title="Zones humides du Forez")
    other = opened("friend", title="Zones humides du Pilat")
    log_in(plain, "asker", PASSWORD)
    plain.goto("/fr/demandes/nouvelle?q=zones+humides")
    plain.fill("#field-description", "Les contours.")
    plain.select_option("#field-theme", "eau")
    go_on(plain)
    expect(plain.get_by_role("heading", level=1)).to_contain_text("déjà là")
    expect(plain.locator("main")).to_contain_text("Zones humides du Forez")
    expect(plain.get_by_role("button", name=re.compile("Soutenir cette demande"))).to_be_visible()
    plain.get_by_role("link", name="Rien de cela").click()
    plain.get_by_label("Recherche et expertise").check()
    go_on(plain)
    plain.get_by_label("Une ou plusieurs communes").check()
    plain.fill("#field-communes", "Marlhes, 42186")
    go_on(plain)
    go_on(plain)
    plain.get_by_label("Seulement vous").check()
    plain.get_by_role("button", name="Envoyer ma demande").click()
    expect(plain.locator("#already-here")).to_contain_text("Zones humides du Pilat")
    expect(plain.locator("#form-errors")).to_contain_text("Regardez ce qui existe déjà")
    plain.get_by_label(re.compile("J’ai regardé ce qui existe déjà")).check()
    plain.get_by_role("button", name="Envoyer ma demande").click()
    expect(plain.locator("main")).to_contain_text("Privée")
    made = mine()
    assert [each["code"] for each in made["communes"]] == ["42139", "42186"]
    assert (made["state"], made["visibility"]) == ("submitted", "private")
    assert act("show", "friend", id=other["id"])["support_count"] == 0


def test_one_click_supports_a_request_instead_of_asking_again(page: Page):
    other = opened("friend", title="Zones humides du Pilat")
    log_in(page, "asker", PASSWORD)
    page.goto("/fr/demandes/nouvelle?q=zones+humides")
    page.get_by_role("button", name=re.compile("Soutenir cette demande")).click()
    page.wait_for_url(f"**/demandes/{other['reference']}")
    expect(page.get_by_role("status")).to_contain_text(["Vous soutenez cette demande"])
    expect(page.locator("aside")).to_contain_text("1 personne soutient")
    model.Session.expire_all()
    shown = act("show", "asker", id=other["id"])
    assert shown["supported"]
    assert shown["support_count"] == 1


@pytest.mark.parametrize("start", ["/fr/dataset/{name}", "/fr/demandes"])
def test_a_private_request_with_a_file_is_sent_within_three_pages(
    page: Page, start: str, tmp_path: Path
):
    wanted = dataset(title="Zones humides du Velay")
    dataset(title="Zones humides du Forez")
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(PDF)
    log_in(page, "asker", PASSWORD)
    visited: list[str] = []
    page.on("load", lambda tab: visited.append(tab.url))
    page.goto(start.format(**wanted))
    page.get_by_role("link", name=re.compile("Demander (l’accès|des données)")).first.click()
    page.wait_for_url("**/demandes/nouvelle**")
    if page.locator("#field-title").input_value() == "":
        page.fill("#field-title", "Zones humides du Pilat")
    page.fill("#field-description", "Les contours.")
    page.select_option("#field-theme", "eau")
    page.select_option("#field-territory", "departement-42")
    page.get_by_label("Seulement vous").check()
    page.set_input_files("#field-files", plan)
    # What is like it is shown, and confirmed, on the same page.
    expect(page.locator("#already-here")).to_contain_text("Zones humides du Forez")
    page.get_by_label(re.compile("J’ai regardé ce qui existe déjà")).check()
    assert axe_violations(page) == []
    page.get_by_role("button", name="Envoyer ma demande").click()
    page.wait_for_url(re.compile(r"/demandes/DD-\d{4}-\d{5}$"))
    page.wait_for_load_state("load")
    assert len(visited) == THREE_PAGES, visited
    shown = act("show", "asker", id=mine()["id"])
    assert (shown["state"], shown["visibility"]) == ("submitted", "private")
    assert [file["name"] for file in shown["comments"][0]["attachments"]] == ["plan.pdf"]
    assert axe_violations(page) == []


def test_files_of_a_draft_are_refused_replaced_and_removed_before_it_is_sent(
    page: Page, tmp_path: Path
):
    made = draft(title="Frayères du Lignon")
    log_in(page, "asker", PASSWORD)
    step = f"/fr/demandes/{made['id']}/modifier/envoi"

    def save(name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        page.goto(step)
        page.set_input_files("#field-files", tmp_path / name)
        page.get_by_role("button", name="Enregistrer et finir plus tard").click()

    def files() -> list[str]:
        messages = act("show", "asker", id=made["id"])["comments"]
        return [file["name"] for message in messages for file in message["attachments"]]

    save("programme.exe", b"MZ")
    expect(page.locator("#field-files-error")).to_be_visible()
    assert axe_violations(page) == [] and files() == []
    save("plan.pdf", PDF)
    page.wait_for_url("**/mes-demandes")
    save("carte.pdf", PDF)
    page.wait_for_url("**/mes-demandes")
    model.Session.expire_all()
    assert files() == ["carte.pdf"]
    page.goto(step)
    expect(page.get_by_role("link", name="carte.pdf")).to_be_visible()
    page.get_by_label("Envoyer la demande sans ces fichiers").check()
    page.get_by_role("button", name="Envoyer ma demande").click()
    page.wait_for_url(re.compile(r"/demandes/DD-\d{4}-\d{5}$"))
    assert files() == [] and mine()["state"] == "submitted"


def test_the_decision_comes_before_the_actions_on_a_phone_and_first_among_the_requests_of_its_author(
    page: Page,
):
    refused, later = opened(title="Zones humides du Pilat"), opened(title="Mares du Forez")
    step(refused, "refuse", "admin", **REFUSAL)
    log_in(page, "asker", PASSWORD)
    page.set_viewport_size(PHONE)
    page.goto("/fr/demandes/mes-demandes")
    first = page.locator("main .eco-req-answer").first
    expect(first).to_contain_text("Zones humides du Pilat")
    expect(first).to_contain_text("CADA")
    expect(first).to_contain_text("Tribunal administratif de Lyon")
    expect(first).to_contain_text(
        dates.in_language(law.last_day("refer", clock.day_of(clock.now())), "fr")
    )
    top = first.bounding_box()
    assert top and top["y"] < page.get_by_role("link", name=later["title"]).bounding_box()["y"]  # pyright: ignore
    assert axe_violations(page) == []
    for person in ("asker", "admin"):
        page.context.clear_cookies()
        log_in(page, person, PASSWORD)
        page.goto(f"/fr/demandes/{refused['reference']}")
        places = [
            page.locator(each).bounding_box()
            for each in ("#decision-title", "#do-title", "#description-title")
        ]
        heights = [place["y"] for place in places if place]
        assert len(heights) == len(places) and heights == sorted(heights), person
        assert axe_violations(page) == []
