"""A producer improves a dataset in a real browser: advice leads to its field, and each save shows at once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ckan.tests import factories
from playwright.sync_api import Page, expect

from ckanext.ecosphere.tests.browser import axe_violations, log_in

from .conftest import act, saved

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("portal")]

PASSWORD = "un-mot-de-passe-solide"
EMPTIED = ("license_id", "contact", "provenance", "theme", "documentation", "temporal_coverage", "scale_denominator")


@pytest.fixture
def poor(portal: None) -> dict[str, Any]:
    """A dataset of level bronze, and its editor."""
    editor = factories.User(name="editrice", password=PASSWORD, image_url="")
    users = [{"name": editor["name"], "capacity": "editor"}]
    factories.Organization(name="ddt-42", title="DDT de la Loire", image_url="", users=users)
    return act("package_create", **saved(name="zones", frequency=None, **dict.fromkeys(EMPTIED)))


def score(page: Page) -> int:
    """The score that the badge of the page shows."""
    text = page.locator("#ecosphere-quality-card ~ .module-content .ecosphere-badge__score").first.inner_text()
    found = re.match(r"\d+", text)
    assert found, text
    return int(found.group())


def follow(page: Page, label: str) -> None:
    """Open the form at the field of an advice, from the card of the dataset."""
    page.goto("/fr/dataset/zones")
    link = page.locator("#ecosphere-quality-card ~ .module-content a[href*='#field-']", has_text=label)
    link.click()
    page.wait_for_load_state()


def save(page: Page) -> None:
    page.locator("#dataset-edit button[name=save].btn-primary").click()
    page.wait_for_url(re.compile(r"/dataset/zones(#.*)?$"))


def test_a_producer_follows_the_advice_and_sees_the_level_rise(page: Page, poor: dict[str, Any]):
    log_in(page, "editrice", PASSWORD)
    page.goto("/fr/dataset/zones")
    assert axe_violations(page) == []
    levels, scores = [page.locator(".ecosphere-badge").first.get_attribute("class")], [score(page)]

    follow(page, "Licence")
    expect(page.locator("#field-license_id")).to_be_visible()
    page.select_option("#field-license_id", index=1)
    sentence = page.locator("[data-quality-sentence]")
    expect(sentence).to_contain_text(re.compile(r"\d+ (à|to) \d+"))
    expect(page.locator("[data-quality-status]")).not_to_be_empty()
    promised = int(re.findall(r"\d+", sentence.inner_text())[1])
    assert axe_violations(page) == []
    save(page)
    scores.append(score(page))
    levels.append(page.locator(".ecosphere-badge").first.get_attribute("class"))
    assert scores[-1] == promised

    follow(page, "Contact")
    email = page.locator("#field-contact__0__email")
    expect(email).to_be_visible()
    email.fill("sig@example.org")
    save(page)
    scores.append(score(page))

    page.goto("/fr/dataset/zones/qualite")
    assert axe_violations(page) == []
    page.locator("a[href$='#field-provenance']").click()
    expect(page.locator("#field-provenance")).to_be_visible()
    page.fill("#field-provenance", "Relevés de terrain numérisés sur la BD ORTHO de l'IGN.")
    save(page)
    scores.append(score(page))

    assert scores == sorted(set(scores)), scores
    assert "bronze" in str(levels[0]) and "silver" in str(levels[1])


def test_the_pages_of_figures_are_accessible(page: Page, poor: dict[str, Any]):
    log_in(page, "editrice", PASSWORD)
    for path in ("/fr/dataset/", "/fr/qualite", "/fr/organization/ddt-42/tableau-de-bord"):
        page.goto(path)
        assert axe_violations(page) == [], path
