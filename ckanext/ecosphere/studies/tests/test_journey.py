"""Browser tests: a person makes a study, reads its states and decides, in French,
by keyboard and on a phone.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from ckan.lib import search
from ckan.tests import helpers
from playwright.sync_api import Browser, Page, ViewportSize, expect
from werkzeug.serving import make_server

from ckanext.ecosphere.studies import candidates, counting, frames, states, store
from ckanext.ecosphere.studies.frames import Group, Need
from ckanext.ecosphere.studies.tests.conftest import FRAME, PASSWORD, Catalogue, act, dataset
from ckanext.ecosphere.tests.browser import axe_violations, free_port, log_in, tab_to
from dev.ogc.server import make_server as make_ogc_server
from dev.stack import demo

LOOK, WANT = candidates.look, store.want
#: Id of a need → its words, and the state in which the services of the demonstration leave it.
STATES = {
    "hit": ("zones humides", states.COVERS),
    "miss": ("flore protégée", states.NOTHING_HERE),
    "elsewhere": ("carrières", states.NOT_MAPPED),
    "restricted": ("chauves-souris", states.RESTRICTED),
    "slow": ("zones inondables", states.NO_ANSWER),
    "broken": ("sites classés", states.NO_ANSWER),
    "nobody": ("relevés de bruit de nuit", states.NOBODY),
}
pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("portal")]
FOCUS_STYLE = """
(({outlineStyle, boxShadow}) => [outlineStyle, boxShadow])(getComputedStyle(document.activeElement))
"""
PHONE = ViewportSize(width=360, height=740)


@pytest.fixture
def tab(
    made_app: Any,
    catalogue: Catalogue,
    browser: Browser,
    ckan_config: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Page]:
    """A browser page on the test's own application, whose catalogue is that of the test."""
    server = make_server("127.0.0.1", free_port(), made_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.port}"
    monkeypatch.setitem(ckan_config, "ckan.site_url", url)
    context = browser.new_context(base_url=url, locale="fr-FR")
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
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
    expect(page.locator("#field-communes")).to_have_attribute("role", "combobox")
    page.locator("#field-communes").press_sequentially("Nantes")
    expect(page.get_by_role("option", name="Nantes (44)")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.fill("#field-buffer", "500")
    tab_to(page, ".eco-study-form button.btn-primary")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/etudes/[0-9a-f-]{36}"))
    expect(page.locator("h1")).to_contain_text("Parc des Rives")
    expect(page.locator(".eco-study-need--covers")).to_contain_text("Zones humides de la Loire")
    expect(page.locator(".eco-study-need--nothing-here")).to_contain_text("Cartographié, rien ici")
    expect(page.locator(".eco-study-need--nobody")).to_contain_text("Personne ne le publie")
    expect(page.locator("[data-share]")).to_contain_text("2 sur 3")
    problems["study"] = axe_violations(page)

    page.get_by_role("button", name=re.compile("^Garder Zones humides")).press("Enter")
    expect(page.locator(".eco-study-need--covers")).to_contain_text("Gardé")
    page.locator(".eco-study-need--nobody").get_by_role(
        "link", name=re.compile("sans objet")
    ).click()
    problems["need"] = axe_violations(page)
    page.fill("#field-why", "Aucun gîte possible sur ce site.")
    page.get_by_role("button", name="Sans objet", exact=True).click()
    expect(page.locator(".eco-study-need--not-relevant")).to_contain_text("Aucun gîte possible")
    expect(page.locator("[data-share]")).to_contain_text("2 sur 2")

    page.set_viewport_size(PHONE)
    for name in ("Partager, copier, archiver", "Copier vers le site suivant"):
        page.get_by_role("link", name=name).click()
        problems[name] = axe_violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
    page.go_back()
    page.go_back()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    problems["phone"] = axe_violations(page)
    assert {name: lines for name, lines in problems.items() if lines} == {}


@pytest.fixture
def demonstration(
    catalogue: Catalogue, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The datasets of the demonstration with its own server, a frame with a need for each,
    and the real search.
    """
    server = make_ogc_server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    needs = tuple(
        Need(id_, {"fr": words.capitalize()}, {"fr": "Il le faut."}, "r1", (words,))
        for id_, (words, _) in STATES.items()
    )
    frame = replace(FRAME, groups=(Group("all", {"fr": "Tout"}, needs),))
    monkeypatch.setattr(frames, "frames", lambda: (frame,))
    monkeypatch.setattr(frames, "frame", {frame.id: frame}.get)
    monkeypatch.setattr(candidates, "look", LOOK)
    monkeypatch.setattr(store, "want", WANT)
    monkeypatch.setattr(type(store.COUNT), "enqueue", lambda *_arguments: True)
    monkeypatch.setitem(ckan_config, "ecosphere.studies.seconds", 5)
    datasets = demo.with_services(f"http://127.0.0.1:{server.server_address[1]}")
    elsewhere = {
        "name": "bugey",
        "title": "Carrières du Bugey",
        "territory": ["http://id.insee.fr/geo/departement/01"],
    }
    datasets.append({**datasets[-1], **elsewhere, "spatial": ""})
    for fields in datasets:
        helpers.call_action(
            "package_create", {"user": "boss", "ignore_auth": True}, **fields, owner_org="ddt-44"
        )
    search.commit()
    yield
    server.shutdown()
    thread.join()


def test_each_need_has_its_state_with_the_server_of_the_demonstration(
    tab: Page, demonstration: None
):
    made = act("create", title="Prairie de Mauves", frame=FRAME.id, communes=["44109"])
    log_in(tab, "owner", PASSWORD)
    tab.goto(f"/fr/etudes/{made['id']}")
    expect(tab.locator(".eco-study-progress")).to_contain_text("encore à compter")
    counting.count_objects()
    for words, state in STATES.values():  # the page is not loaded again
        heading = tab.get_by_role("heading", name=words.capitalize(), exact=True)
        need = tab.locator("[data-need]").filter(has=heading)
        expect(need.locator("header [data-state]")).to_have_class(re.compile(f"--{state}$"))
    miss = tab.get_by_role("article", name="Flore protégée")
    expect(miss).to_contain_text("aucun objet ici")


def test_a_study_is_made_on_a_phone(tab: Page, catalogue: Catalogue):
    """Without a pointer: each error is announced, linked to its field, and corrected."""
    page = tab
    page.set_viewport_size(PHONE)
    catalogue.offer("wetlands", dataset(title="Zones humides de la Loire"), states.NO_ANSWER)
    log_in(page, "owner", PASSWORD)
    page.goto("/fr/etudes/nouvelle")
    page.fill("#field-title", "Parc des Rives")
    tab_to(page, ".eco-study-form button.btn-primary")
    page.keyboard.press("Enter")
    errors = page.get_by_role("alert").filter(has_text="corriger")
    expect(errors).to_be_focused()
    expect(page).to_have_title(re.compile("^À corriger"))
    expect(page.locator("#field-communes")).to_have_attribute("aria-invalid", "true")
    assert page.locator("#field-communes").get_attribute("aria-describedby")
    assert axe_violations(page) == []
    tab_to(page, ".error-explanation a")
    page.keyboard.press("Enter")
    expect(page.locator("#field-communes")).to_be_focused()
    style = page.evaluate(
        "(({outlineStyle, boxShadow}) => [outlineStyle, boxShadow])(getComputedStyle(document.activeElement))"
    )
    assert style != ["none", "none"]
    page.keyboard.type("Nantes")
    expect(page.get_by_role("option", name="Nantes (44)")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.select_option("#field-frame", FRAME.id)
    tab_to(page, ".eco-study-form button.btn-primary")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/etudes/[0-9a-f-]{36}"))
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    tab_to(page, ".eco-study-need--no-answer a[href$='#decider']")
    page.keyboard.press("Enter")
    page.fill("#field-why_aside", "Trop ancien.")
    page.keyboard.press("Enter")
    expect(page.locator(".eco-study-need").filter(has_text="Zones humides").first).to_contain_text(
        "Personne"
    )
    page.get_by_role("link", name="Annexe et fichiers").click()
    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
