"""Browser test: a person makes a study, reads its states and decides, in French, by keyboard and on a phone."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from werkzeug.serving import make_server

from ckanext.ecosphere.studies import states
from ckanext.ecosphere.studies.tests.conftest import FRAME, PASSWORD, Catalogue, dataset
from ckanext.ecosphere.tests.browser import axe_violations, free_port, log_in, picture, tab_to

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("portal")]
PHONE = ViewportSize(width=360, height=740)


@pytest.fixture
def tab(made_app: Any, catalogue: Catalogue, browser: Browser, ckan_config: Any) -> Iterator[Page]:
    """A browser page on the test's own application, whose catalogue is that of the test."""
    server = make_server("127.0.0.1", free_port(), made_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    context = browser.new_context(base_url=f"http://127.0.0.1:{server.port}", locale="fr-FR")
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    yield opened
    context.close()
    server.shutdown()
    thread.join()


@pytest.mark.journey
def test_a_study_is_made_and_read(tab: Page, catalogue: Catalogue):
    page = tab
    catalogue.offer("wetlands", dataset(title="Zones humides de la Loire"))
    catalogue.offer("noise", dataset(title="Bruit des routes"), states.NOTHING_HERE)
    problems: dict[str, list[str]] = {}
    page.goto("/fr/etudes")
    problems["about"] = axe_violations(page)
    log_in(page, "owner", PASSWORD)
    page.goto("/fr/etudes")
    page.get_by_role("link", name="Commencer une étude").first.click()
    problems["new"] = axe_violations(page)
    page.fill("#field-title", "Parc des Rives")
    page.select_option("#field-frame", FRAME.id)
    page.locator("#where-communes").focus()
    page.keyboard.press("Tab")
    page.keyboard.type("Nantes")
    expect(page.get_by_role("option", name="Nantes (44)")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.fill("#field-buffer", "500")
    tab_to(page, "button.btn-primary[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/etudes/[0-9a-f-]{36}"))
    expect(page.locator("h1")).to_contain_text("Parc des Rives")
    expect(page.locator(".eco-study-need--covers")).to_contain_text("Zones humides de la Loire")
    expect(page.locator(".eco-study-need--nothing-here")).to_contain_text("Cartographié, rien ici")
    expect(page.locator(".eco-study-need--nobody")).to_contain_text("Personne ne le publie")
    expect(page.locator("[data-share]")).to_contain_text("2 besoins sur 3")
    problems["study"] = axe_violations(page)
    picture(page, "study")

    page.get_by_role("button", name=re.compile("^Garder Zones humides")).press("Enter")
    expect(page.locator(".eco-study-need--covers")).to_contain_text("Gardé")
    page.locator(".eco-study-need--nobody").get_by_role("link", name=re.compile("sans objet")).click()
    problems["need"] = axe_violations(page)
    page.fill("#field-why", "Aucun gîte possible sur ce site.")
    page.get_by_role("button", name="Sans objet", exact=True).click()
    expect(page.locator(".eco-study-need--not-relevant")).to_contain_text("Aucun gîte possible")
    expect(page.locator("[data-share]")).to_contain_text("2 besoins sur 2")

    page.set_viewport_size(PHONE)
    for name in ("Partager, copier, archiver", "Copier vers le site suivant"):
        page.get_by_role("link", name=name).click()
        problems[name] = axe_violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
    page.go_back()
    page.go_back()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    problems["phone"] = axe_violations(page)
    picture(page, "study-phone")
    assert {name: lines for name, lines in problems.items() if lines} == {}
