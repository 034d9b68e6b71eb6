"""Browser tests of improving a dataset: advice leads to the field concerned,
and each save updates the score.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from ckan.tests import factories
from playwright.sync_api import Browser, Page, expect

from ckanext.ecosphere.quality.tests.conftest import act, saved
from ckanext.ecosphere.tests.browser import axe_violations, log_in, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("portal")]

PASSWORD = "un-mot-de-passe-solide"
EMPTIED = (
    "license_id",
    "contact",
    "provenance",
    "documentation",
    "temporal_coverage",
    "scale_denominator",
)
LONG = (
    "Inventaire des zones humides du département, établi par relevés de terrain et photo-interprétation. "
    * 3
)
PHONE = 360
LABEL = 50  # pixels above a field, for its label


@pytest.fixture
def poor(portal: None) -> dict[str, Any]:
    """A draft of level bronze, with an editor who can log in."""
    editor = factories.User(name="editrice", password=PASSWORD, image_url="")
    users = [{"name": editor["name"], "capacity": "editor"}]
    factories.Organization(name="ddt-42", title="DDT de la Loire", image_url="", users=users)
    lacks: dict[str, Any] = dict.fromkeys(EMPTIED)
    fresh = date.today().isoformat()  # else an update would be the first advice
    return act(
        "package_create",
        **saved(name="zones", notes="Zones.", private=True, modified=fresh, **lacks),
    )


#: Field → how to fill it in, once it has the focus.
FILL: dict[str, Callable[[Page], object]] = {
    "license_id": lambda page: page.select_option("#field-license_id", index=1),
    "contact": lambda page: page.fill("#field-contact__0__email", "sig@example.org"),
    "notes": lambda page: page.keyboard.insert_text(LONG),
}


def score(page: Page) -> int:
    """Return the score shown in the badge of the page."""
    return int(page.locator(".ecosphere-badge__score").first.inner_text().split("/")[0])


def level(page: Page) -> str:
    """Return the level shown in the badge of the page."""
    found = page.locator(".ecosphere-badge").first.get_attribute("class") or ""
    return found.rsplit("--", 1)[-1]


def follow_first_advice(page: Page) -> str:
    """Follow the first advice on the dataset page by keyboard.

    Return the form field to which it leads.
    """
    page.goto("/fr/dataset/zones")
    link = page.locator(
        "#ecosphere-quality-card ~ .module-content .ecosphere-quality-advice a"
    ).first
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/edit/zones"))
    wait_until(page, "document.readyState === 'complete' && location.hash")
    return page.url.rsplit("#field-", 1)[1]


def keyboard_is_in(page: Page, field: str) -> None:
    """Wait until the focus is in a field that is visible,
    with enough space above it for its label.
    """
    wait_until(
        page,
        f"""() => {{
            const here = document.activeElement;
            const {{ top, bottom }} = here.getBoundingClientRect();
            const named = (here.name || here.id).startsWith('{field}');
            return named && top >= {LABEL} && bottom <= window.innerHeight;
        }}""",
    )


def save(page: Page) -> None:
    page.locator("#dataset-edit button[name=save].btn-primary").click()
    page.wait_for_url(re.compile(r"/dataset/zones(#.*)?$"))


@pytest.mark.journey
def test_a_producer_follows_the_three_first_advices_and_sees_the_level_rise(
    page: Page, poor: dict[str, Any]
):
    log_in(page, "editrice", PASSWORD)
    page.goto("/fr/dataset/zones")
    assert axe_violations(page) == []
    scores, levels, followed = [score(page)], [level(page)], []
    for _ in range(3):
        field = follow_first_advice(page)
        keyboard_is_in(page, field)
        FILL[field](page)
        sentence = page.locator("[data-quality-sentence]")
        expect(sentence).to_contain_text(re.compile(r"\d+ à \d+"))
        expect(page.locator("[role=status][data-quality-status]")).to_contain_text(
            re.compile(r"\d+ à \d+")
        )
        promised = int(re.findall(r"\d+", sentence.inner_text())[1])
        if not followed:
            assert axe_violations(page) == []
        save(page)
        assert score(page) == promised
        scores.append(promised)
        levels.append(level(page))
        followed.append(field)
    assert followed == ["license_id", "notes", "contact"]
    assert scores == sorted(set(scores)), scores
    assert (levels[0], levels[-1]) == ("bronze", "silver")


def test_advice_on_a_resource_leads_into_the_form_of_that_resource(
    page: Page, poor: dict[str, Any]
):
    act("resource_patch", id=poor["resources"][0]["id"], description="")
    log_in(page, "editrice", PASSWORD)
    page.goto("/fr/dataset/zones/qualite")
    page.locator("a[href*='/resource/'][href$='#field-description']").click()
    keyboard_is_in(page, "description")
    page.goto("about:blank")
    page.goto("/fr/dataset/zones/resource/new#field-resource-url")
    keyboard_is_in(
        page, "resource-upload-button"
    )  # the choice between file and URL; the URL field is hidden


def test_the_preview_waits_until_the_pointer_is_released(page: Page, poor: dict[str, Any]):
    log_in(page, "editrice", PASSWORD)
    page.goto("/fr/dataset/edit/zones")
    content = page.locator("[data-quality-content]")
    before = content.inner_text()
    page.locator("#field-notes").hover()
    page.mouse.down()
    with page.expect_response("**/qualite/apercu*"):
        page.fill("#field-notes", LONG)
    page.wait_for_timeout(300)
    assert content.inner_text() == before
    page.mouse.up()
    expect(content).not_to_have_text(before, use_inner_text=True)


def test_without_script_the_advice_and_the_form_still_work(
    portal_url: str, browser: Browser, poor: dict[str, Any]
):
    context = browser.new_context(base_url=portal_url, locale="fr-FR", java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(15_000)
    log_in(page, "editrice", PASSWORD)
    page.goto("/fr/dataset/zones/qualite")
    before = score(page)
    page.locator("a[href$='#field-provenance']").click()
    expect(page.locator("[data-quality-sentence]")).to_contain_text(f"{before} sur 100")
    expect(
        page.locator("#field-provenance")
    ).to_be_visible()  # the browser opens the element of the URL fragment
    page.fill("#field-provenance", "Relevés de terrain numérisés sur la BD ORTHO de l'IGN.")
    save(page)
    assert score(page) > before
    context.close()


def test_the_pages_are_accessible_and_fit_a_phone(page: Page, poor: dict[str, Any]):
    log_in(page, "editrice", PASSWORD)
    sorted_page = "/fr/qualite?table=small_services&sort=-mean"
    paths = (
        "/fr/dataset/",
        "/fr/dataset/zones/qualite",
        "/fr/qualite",
        sorted_page,
        "/fr/organization/ddt-42/tableau-de-bord",
    )
    for path in paths:
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(path)
        assert axe_violations(page) == [], path
        page.set_viewport_size({"width": PHONE, "height": 800})
        assert axe_violations(page) == [], (path, PHONE)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE, path
