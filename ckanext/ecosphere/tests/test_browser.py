"""Basic browser tests: the portal opens, log-in works, axe reports findings."""

import pytest
from ckan.tests import factories
from playwright.sync_api import Page

from ckanext.ecosphere.tests.browser import axe_violations, log_in_by_hand

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index"),
]


def test_the_portal_answers_in_french(page: Page):
    page.goto("/fr/dataset/")

    assert page.locator("html").get_attribute("lang") == "fr"


def test_a_person_logs_in_through_the_form(page: Page):
    user = factories.User(password="correct horse battery", image_url="")

    log_in_by_hand(page, user["name"], "correct horse battery")

    assert page.get_by_text(user["display_name"]).count() > 0


def test_axe_sees_what_is_wrong(page: Page):
    page.goto("/fr/about")
    page.set_content(
        "<html lang='fr'><title>x</title><main><h1>x</h1><img src='data:,'><input></main></html>"
    )

    rules = {line.split(" ")[0] for line in axe_violations(page)}

    assert {"image-alt", "label"} <= rules
