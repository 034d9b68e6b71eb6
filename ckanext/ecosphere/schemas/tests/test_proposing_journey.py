"""Browser tests: a DDT pastes the URL of its WFS and publishes a dataset.

Unsaved input survives a crash.
"""

from __future__ import annotations

from typing import Any

import pytest
from ckan.tests import helpers
from playwright.sync_api import Page, expect

from ckanext.ecosphere.access import jobs
from ckanext.ecosphere.schemas.tests.conftest import PASSWORD
from ckanext.ecosphere.tests.browser import (
    axe_violations,
    log_in,
    picture,
    save_dataset,
    wait_until,
)
from dev.ogc.server import served

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("shared_db")]
MOST_CLICKS, MOST_FIELDS = 7, 4
"""Maximum for a dataset with two resources, from the producer's dashboard to the published page."""


class Hand:
    """A user whose clicks, and fields filled in, are counted."""

    def __init__(self, page: Page):
        self.page, self.clicks, self.fields = page, 0, 0

    def click(self, what: Any) -> None:
        (self.page.locator(what) if isinstance(what, str) else what).click()
        self.clicks += 1

    def type(self, selector: str, text: str) -> None:
        """Click into a field and enter a text."""
        self.click(selector)
        self.page.keyboard.insert_text(text)
        self.fields += 1


@pytest.fixture
def sheet(service: dict[str, Any], act: Any) -> None:
    act("ecosphere_contact_sheet_update", id=service["id"], email="ddt-01@example.org")


def finish(hand: Hand, page: Page) -> None:
    """Fill in what capabilities do not contain (theme, topic category, lineage), and publish."""
    hand.type("#field-theme input[type=search]", "inventaires")
    hand.click(page.get_by_label("Inventaires nature et biodiversité"))
    hand.type("#field-topic_category input[type=search]", "environnement")
    hand.click(page.locator("#field-topic_category li:not([hidden]) label").first)
    hand.type("#field-provenance", "Relevés de terrain de 2023, numérisés au 1/5 000.")
    hand.click("[data-module=ecosphere-publish]")


@pytest.mark.journey
def test_a_ddt_pastes_the_address_of_its_wfs_and_publishes(
    page: Page, editor: Any, act: Any, sheet: None
) -> None:
    log_in(page, editor["name"], PASSWORD)
    with served() as ogc:
        page.goto("/fr/tableau-de-bord")
        hand = Hand(page)
        hand.click(page.get_by_role("link", name="Partir d’une adresse").first)
        page.wait_for_selector("#field-import-url")
        assert axe_violations(page) == []
        # The field has the focus: paste and press Enter.
        wait_until(page, "document.activeElement.id === 'field-import-url'")
        page.keyboard.insert_text(
            f"{ogc}/wfs?service=WFS&request=GetCapabilities\n{ogc}/wms?service=WMS"
        )
        hand.fields += 1
        picture(page, "start-from-an-address")
        page.keyboard.press("Enter")
        page.wait_for_selector("form[data-module=ecosphere-wait]")
        jobs.read_services()
        page.wait_for_selector("#dataset-edit")
        expect(page.locator("#field-title")).to_have_value("Zones humides")
        expect(page.locator("#field-notes")).to_have_value("Inventaire des zones humides.")
        assert axe_violations(page) == []
        picture(page, "form-filled-in")
        finish(hand, page)
        page.wait_for_url("**/dataset/zones-humides")
        picture(page, "dataset-published")
    assert hand.clicks <= MOST_CLICKS, hand.clicks
    assert hand.fields <= MOST_FIELDS, hand.fields
    stored = act("package_show", id="zones-humides")
    assert (stored["private"], stored["state"]) == (False, "active")
    assert [each["format"] for each in stored["resources"]] == ["WFS", "WMS"]
    assert stored["contact"][0]["email"] == "ddt-01@example.org"
    print(f"clicks: {hand.clicks}, fields: {hand.fields}")


def test_what_was_typed_is_offered_again_and_forgotten(page: Page, editor: Any, act: Any) -> None:
    log_in(page, editor["name"], PASSWORD)
    page.goto("/fr/dataset/new")
    page.fill("#field-title", "Saisie interrompue")
    page.locator("#field-contact [data-add]").click()
    page.fill(
        "#field-contact [name$=__1__email], #field-contact li:last-child [name$=__email]",
        "b@example.org",
    )
    wait_until(page, "Object.keys(localStorage).some((key) => key.startsWith('ecosphere:form:'))")
    page.wait_for_timeout(1000)
    page.goto("about:blank")  # simulates a crash of the browser
    page.goto("/fr/dataset/new")
    box = page.locator(".ecosphere-kept")
    expect(box).to_be_visible()
    assert axe_violations(page) == []
    box.locator("[data-restore]").click()
    expect(page.locator("#field-title")).to_have_value("Saisie interrompue")
    expect(page.locator("#field-contact [data-rows] [name$=__email]").last).to_have_value(
        "b@example.org"
    )
    expect(box).to_be_hidden()
    # Saving removes the input from local storage.
    save_dataset(page, page.locator("#dataset-edit button[name=save]").click)
    wait_until(page, "!Object.keys(localStorage).some((key) => key.includes('dataset/new'))")
    page.goto("/fr/dataset/new")
    expect(page.locator(".ecosphere-kept")).to_be_hidden()
    # A bounding box is read from a local file, which is not uploaded.
    page.goto("/fr/dataset/new#field-spatial_coverage__0__bbox")
    area = b'{"type": "FeatureCollection", "features": [{"geometry": {"coordinates": [[4.7, 45.6], [6.1, 46.5]]}}]}'
    for content, expected in (
        (b"[[900000, 6500000]]", "Ce n’est pas un GeoJSON"),
        (area, "Rectangle du fichier repris"),
    ):
        with page.expect_file_chooser() as chooser:
            page.locator("#field-spatial_coverage [data-file]").first.click()
        chooser.value.set_files(
            {"name": "a.geojson", "mimeType": "application/geo+json", "buffer": content}
        )
        expect(page.locator("#field-spatial_coverage [data-status]").first).to_contain_text(
            expected
        )
    expect(page.locator("#field-spatial_coverage__0__bbox")).to_have_value("4.7, 45.6, 6.1, 46.5")
    # Logging out removes it as well.
    page.fill("#field-title", "Saisie d'une autre")
    wait_until(page, "Object.keys(localStorage).some((key) => key.startsWith('ecosphere:form:'))")
    page.wait_for_timeout(1000)
    page.goto("/fr/user/_logout")
    wait_until(page, "!Object.keys(localStorage).some((key) => key.startsWith('ecosphere:form:'))")


def test_a_form_sent_before_its_scripts_are_ready_is_saved_and_forgotten(
    page: Page, editor: Any, act: Any
) -> None:
    log_in(page, editor["name"], PASSWORD)
    page.goto("/fr/dataset/new")
    page.fill("#field-title", "Une première fois")
    wait_until(page, "Object.keys(localStorage).some((key) => key.includes('dataset/new'))")
    page.route(
        "**/api/i18n/*", lambda _route: None
    )  # CKAN's JavaScript modules wait for this response
    page.goto("/fr/dataset/new")
    page.fill("#field-title", "L’état d’un réseau lent")
    page.locator("#dataset-edit button[name=save]").click()
    page.wait_for_url("**/dataset/l-etat-d-un-reseau-lent/resource/new")
    wait_until(page, "!Object.keys(localStorage).some((key) => key.includes('dataset/new'))")
    assert act("package_show", id="l-etat-d-un-reseau-lent")["title"] == "L’état d’un réseau lent"


def test_the_form_of_a_resource_reads_the_service_at_its_address(
    page: Page, editor: Any, service: Any
) -> None:
    made = helpers.call_action(
        "package_create",
        {"ignore_auth": True, "user": editor["name"]},
        name="avec-service",
        title="Avec service",
        owner_org=service["id"],
        private=True,
    )
    log_in(page, editor["name"], PASSWORD)
    with served() as ogc:
        page.goto(f"/fr/dataset/{made['name']}/resource/new")
        page.locator("#resource-link-button").click()
        page.fill("input[name=url]", f"{ogc}/wms?service=WMS&map=formulaire")
        page.press("input[name=url]", "Tab")
        expect(page.locator(".ecosphere-service")).to_contain_text("Lecture du service")
        jobs.read_services()
        select = page.locator("#ecosphere-service-layer")
        expect(select).to_be_visible()
        select.select_option(label="Zones humides (zones_humides)")
        expect(page.locator("#field-format")).to_have_value("WMS")
        expect(page.locator("#field-name")).to_have_value("Zones humides (WMS)")
        expect(page.locator("#field-layer_name input").first).to_have_value("zones_humides")
        assert page.input_value("#field-protocol") == "OGC:WMS"
        picture(page, "service-read-in-the-form")
        assert axe_violations(page) == []
