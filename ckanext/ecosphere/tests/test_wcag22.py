"""WCAG 2.2, level AA: what axe does not see.

The size of targets is looked at by the crawl (`access/test_crawl.py`).
"""

from __future__ import annotations

from typing import Any

import pytest
from ckan.tests import factories, helpers
from playwright.sync_api import Page, expect

from ckanext.ecosphere.tests.browser import log_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index"),
]

PASSWORD = "of-the-test-1"
AIN = '{"type": "Polygon", "coordinates": [[[5.0, 45.6], [6.2, 45.6], [6.2, 46.5], [5.0, 46.5], [5.0, 45.6]]]}'
STOPS = 70
#: The focused element, if other elements cover its corners and its middle (2.4.11).
COVERED = """() => {
    const focused = document.activeElement, box = focused.getBoundingClientRect();
    if (focused === document.body || !box.width || focused.closest(".eco-skip")) { return ""; }
    const points = [[0.5, 0.5], [0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]];
    const isSeen = ([across, down]) => {
        const top = document.elementFromPoint(box.x + box.width * across, box.y + box.height * down);
        return top && (focused.contains(top) || top.contains(focused));
    };
    return points.some(isSeen) ? "" : focused.outerHTML.slice(0, 120);
}"""


@pytest.fixture
def dataset() -> dict[str, Any]:
    service = factories.Organization(name="ddt-01053-01", title="DDT 01", image_url="")
    resources = [
        {"url": f"http://example.org/{name}.zip", "name": name, "format": "SHP"}
        for name in ("un", "deux")
    ]
    return factories.Dataset(
        title="Zones humides", owner_org=service["id"], resources=resources, spatial=AIN
    )


@pytest.fixture
def administrator(page: Page) -> None:
    log_in(page, factories.Sysadmin(password=PASSWORD, image_url="")["name"], PASSWORD)


@pytest.mark.parametrize("height", [900, 500])
def test_nothing_covers_the_focus(
    page: Page, dataset: dict[str, Any], administrator: None, height: int
):
    page.set_viewport_size({"width": 1280, "height": height})
    page.emulate_media(reduced_motion="reduce")  # the page scrolls at once
    covered = {}
    for address in (
        f"/fr/dataset/edit/{dataset['name']}",
        "/fr/dataset/",
        f"/fr/dataset/{dataset['name']}",
        "/fr/aide",
    ):
        page.goto(address)
        for _stop in range(STOPS):
            page.keyboard.press("Tab")
            if hidden := page.evaluate(COVERED):
                covered.setdefault(address, []).append(hidden)
    assert covered == {}


def test_a_resource_is_moved_without_dragging(
    page: Page, dataset: dict[str, Any], administrator: None
):
    page.goto(f"/fr/dataset/resources/{dataset['name']}")
    page.get_by_role("link", name="Monter d’une place").nth(1).click()
    page.locator(".form-actions .save").click()
    expect(page.locator(".form-actions .save")).to_be_hidden()
    shown = helpers.call_action("package_show", id=dataset["id"])
    assert [resource["name"] for resource in shown["resources"]] == ["deux", "un"]


def test_a_click_moves_a_map_as_dragging_does(page: Page, dataset: dict[str, Any]):
    page.goto(f"/fr/dataset/{dataset['name']}")
    bar = page.locator("[data-bar]").first
    bar.get_by_role("button", name="Zoomer", exact=True).click()
    drawing = page.locator("[data-module=ecosphere-extent-map] svg").first
    before = drawing.get_attribute("viewBox")
    drawing.click(position={"x": 15, "y": 15})
    assert drawing.get_attribute("viewBox") != before


def test_password_managers_fill_the_forms_of_an_account(page: Page):
    page.goto("/fr/user/login")
    expect(page.locator("[autocomplete=username]")).to_have_count(1)
    expect(page.locator("[autocomplete=current-password]")).to_have_count(1)
    page.goto("/fr/user/register")
    for purpose, number in (("username", 1), ("email", 1), ("name", 1), ("new-password", 2)):
        expect(page.locator(f"[autocomplete={purpose}]")).to_have_count(number)


def test_help_is_at_the_same_place_of_each_page(page: Page, dataset: dict[str, Any]):
    first = "nav.account li:first-child"
    for address, guide in (
        ("/fr/", "aide"),
        ("/fr/dataset/", "chercher"),
        (f"/fr/dataset/{dataset['name']}", "fiche"),
    ):
        page.goto(address)
        expect(page.locator(first)).to_have_text("Aide")
        assert page.locator(f"{first} a").get_attribute("href").endswith(guide)
