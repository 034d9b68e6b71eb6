"""Browser tests of the history: "Back", "Forward",
reload and another tab show the list of the address.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Error, Page, expect

from ckanext.ecosphere.tests.browser import wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "french"),
]
RHONE = "http://id.insee.fr/geo/departement/69"
OTHERS = [
    f"http://id.insee.fr/geo/departement/{code}"
    for code in ("01", "35", "44", "59", "33", "31", "75", "13")
]
NUMBER = 24
"""Datasets of the catalogue: two pages of results."""


@pytest.fixture
def catalogue(make_datasets: Any) -> list[dict[str, Any]]:
    """Datasets of several départements, four of them in Auvergne-Rhône-Alpes,
    one with a subject of its own.
    """
    places = [
        {"title": f"Essai {number:02}", "territory": [OTHERS[number % 8]]}
        for number in range(NUMBER - 1)
    ]
    return make_datasets({"title": "Éoliennes", "territory": [RHONE]}, *places)


State = tuple[str, list[str], list[str]]
FIELDS = "#dataset-search-form [name=q], #dataset-search-form [name=sort]"


def state(page: Page) -> State:
    """Return the address, and what the page shows at this moment: titles, words of the box,
    order.
    """
    values = page.locator(FIELDS).evaluate_all("fields => fields.map(each => each.value)")
    return page.url, page.locator(".dataset-heading").all_inner_texts(), values


def settled(page: Page, url: Callable[[str], bool]) -> State:
    """Return the state of the page once the address is the expected
    one and its list has been loaded.
    """
    page.wait_for_url(url)
    expect(page.locator("#search-results .dataset-heading").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    return state(page)


def shows(page: Page, expected: State) -> None:
    """Wait until a page shows a state, and fail with the last one seen;
    "Back" changes the address before it loads.
    """
    seen: State | str = ""
    for _attempt in range(100):
        try:
            seen = state(page)
        except Error as error:  # the page is being loaded
            seen = str(error)
        if seen == expected:
            return
        page.wait_for_timeout(200)
    assert seen == expected


def in_address(name: str) -> Callable[[str], bool]:
    return lambda url: bool(parse_qs(urlsplit(url).query).get(name))


def _filters(page: Page) -> None:
    page.locator(".eco-facet").get_by_role(
        "link", name=re.compile("^Auvergne-Rhône-Alpes 4")
    ).click()


def _sorts(page: Page) -> None:
    page.locator("#field-order-by").select_option("title_string desc")


def _opens_page_two(page: Page) -> None:
    page.locator("nav .pagination").get_by_role("link", name="2", exact=True).click()


def _searches(page: Page) -> None:
    page.locator("#field-giant-search").fill("éoliennes")
    page.locator("#field-giant-search").press("Enter")


def _shows_all(page: Page) -> None:
    page.get_by_role("link", name=re.compile("^Tout voir.*Territoire")).click()


STEPS = {
    "filter": (_filters, "vocab_ecosphere_territory"),
    "sort": (_sorts, "sort"),
    "page two": (_opens_page_two, "page"),
    "new search": (_searches, "q"),
    "all values": (_shows_all, "_facet"),
}


@pytest.mark.parametrize("step", STEPS)
def test_back_forward_and_reload_show_the_list_of_the_address(
    page: Page, catalogue: Any, step: str
):
    act, parameter = STEPS[step]
    page.goto("/fr/dataset/")
    first = settled(page, lambda url: not in_address(parameter)(url))
    assert first[1]
    act(page)
    second = settled(page, in_address(parameter))
    assert second != first
    page.go_back(wait_until="commit")
    shows(page, first)
    page.go_forward(wait_until="commit")
    shows(page, second)
    page.reload()
    shows(page, second)


def test_back_from_a_dataset_and_back_again_shows_each_list(page: Page, catalogue: Any):
    page.goto("/fr/dataset/")
    first = settled(page, lambda url: not in_address("vocab_ecosphere_territory")(url))
    _filters(page)
    second = settled(page, in_address("vocab_ecosphere_territory"))
    page.locator(".dataset-heading a").first.click()
    page.wait_for_url(re.compile("/dataset/[^?]+$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(second[1][0])
    page.go_back(wait_until="commit")
    shows(page, second)
    page.go_back(wait_until="commit")
    shows(page, first)


def test_another_tab_of_the_address_has_the_same_list_and_a_back_of_its_own(
    page: Page, catalogue: Any
):
    page.goto("/fr/dataset/")
    _filters(page)
    second = settled(page, in_address("vocab_ecosphere_territory"))
    other = page.context.new_page()
    other.goto(page.url)
    shows(other, second)
    other.locator(".eco-chosen a").first.click()
    widened = settled(other, lambda url: not in_address("vocab_ecosphere_territory")(url))
    assert len(widened[1]) > len(second[1])
    other.go_back(wait_until="commit")
    shows(other, second)
    shows(page, second)


def test_the_page_of_a_service_comes_back_whole(page: Page, catalogue: Any):
    page.goto(f"/fr/organization/{catalogue[0]['organization']['name']}")
    first = page.locator(".dataset-heading").all_inner_texts()
    _opens_page_two(page)
    page.wait_for_url(in_address("page"))
    page.go_back(wait_until="commit")
    page.wait_for_url(lambda url: not in_address("page")(url))
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("contentinfo")).to_be_visible()
    wait_until(page, "document.querySelectorAll('.dataset-heading').length > 0")
    assert page.locator(".dataset-heading").all_inner_texts() == first


def test_a_fragment_is_never_kept_as_the_page_of_its_address(app: Any, catalogue: Any):
    # Firefox answers "Back" and restored tabs from its cache, without asking the server.
    for path in ("/fr/dataset/", f"/fr/organization/{catalogue[0]['organization']['name']}"):
        page, fragment = app.get(path), app.get(path, headers={"HX-Request": "true"})
        assert "<html" in page.body and "<html" not in fragment.body
        assert "HX-Request" in page.headers["Vary"] and "HX-Request" in fragment.headers["Vary"]
        assert "no-store" in fragment.headers["Cache-Control"]
        assert "no-store" not in page.headers.get("Cache-Control", "")
