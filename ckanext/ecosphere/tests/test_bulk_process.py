"""CKAN's bulk table, with which an organisation's administrator makes
many datasets private or public.
"""

from __future__ import annotations

import pytest
from ckan.tests import factories
from playwright.sync_api import Page

from ckanext.ecosphere.tests.browser import axe_violations, log_in, run_axe, wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index"),
]
PASSWORD = "correct horse battery"


def test_the_box_in_the_head_ticks_all_and_the_buttons_work(page: Page):
    administrator = factories.User(password=PASSWORD, image_url="")
    service = factories.Organization(
        name="ddt-01", users=[{"name": administrator["name"], "capacity": "admin"}], image_url=""
    )
    for title in ("Zones humides", "Zones sèches"):
        dataset = factories.Dataset(title=title, owner_org=service["id"])
        factories.Resource(package_id=dataset["id"])
    log_in(page, administrator["name"], PASSWORD)
    page.goto("/fr/organization/bulk_process/ddt-01")
    assert axe_violations(page) == []
    assert (
        run_axe(page, runOnly=["region"]) == []
    )  # the account bar must be in a landmark; only moderate for axe
    page.get_by_label("Zones humides").first.check()
    page.locator("thead input[type=checkbox]").check()
    wait_until(page, "document.querySelectorAll('tbody input:checked').length === 2")
    page.locator("button[value=private]").click()
    page.wait_for_load_state()
    assert page.locator(".badge", has_text="Brouillon").count() == 2
    page.goto(f"/fr/dataset/resources/{dataset['name']}")
    wait_until(page, "document.querySelector('a.handle')?.getAttribute('aria-label')")
    assert axe_violations(page) == []
