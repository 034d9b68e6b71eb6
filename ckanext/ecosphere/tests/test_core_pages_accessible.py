"""Pages of CKAN itself that a producer and an administrator use: axe finds nothing there, not even what is minor."""

from __future__ import annotations

from typing import Any

import pytest
from ckan.tests import factories
from playwright.sync_api import Page

from ckanext.ecosphere.tests.browser import axe_violations, log_in, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")]
PASSWORD = "correct horse battery"
ALL = ("minor", "moderate", "serious", "critical")


def test_axe_finds_nothing_on_pages_of_ckan(page: Page):
    producer = factories.User(password=PASSWORD, fullname="Camille Dupré", image_url="")
    administrator = factories.Sysadmin(password=PASSWORD, fullname="Dominique Martin", image_url="")
    service = factories.Organization(
        name="ddt-01", title="DDT 01", users=[{"name": producer["name"], "capacity": "admin"}], image_url=""
    )
    file = {"url": "https://www.example.org/zones.csv", "format": "CSV", "name": "Zones"}
    dataset = factories.Dataset(
        title="Zones humides",
        notes="Inventaire.",
        owner_org=service["id"],
        resources=[file, {**file, "name": "Autres"}],
    )
    factories.Dataset(title="Zones sèches", owner_org=service["id"])
    shared = [
        "/fr/organization/bulk_process/ddt-01",
        f"/fr/dataset/{dataset['name']}/resource/{dataset['resources'][0]['id']}",
        f"/fr/dataset/resources/{dataset['name']}",
        "/fr/organization/ddt-01/contact",
        "/fr/organization/about/ddt-01",
        "/fr/dashboard/datasets",
    ]
    found: dict[tuple[str, str], Any] = {}
    for person, more in ((producer, []), (administrator, ["/fr/ckan-admin/", "/fr/ckan-admin/config"])):
        page.context.clear_cookies()
        log_in(page, person["name"], PASSWORD)
        for address in [*shared, *more]:
            answer = page.goto(address)
            assert answer is not None and answer.status == 200, address
            page.wait_for_selector("h1", state="attached")
            if violations := axe_violations(page, impacts=ALL):
                found[person["fullname"], address] = violations
    assert found == {}
    # The box in the head of the table ticks all the others, and the buttons work.
    page.goto(shared[0])
    page.get_by_label("Zones humides").first.check()
    page.locator("thead input[type=checkbox]").check()
    wait_until(page, "document.querySelectorAll('tbody input:checked').length === 2")
    page.locator("button[value=private]").click()
    page.wait_for_load_state()
    assert page.locator(".badge", has_text="Privé").count() == 2
