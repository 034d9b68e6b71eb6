"""The form of a dataset: what it asks for first, how light it is, what it understands,
what it says at the end.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan import model
from playwright.sync_api import Page, expect

from ckanext.ecosphere.schemas import helpers
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.conftest import PASSWORD
from ckanext.ecosphere.schemas.tests.test_form import form_of
from ckanext.ecosphere.tests.browser import axe_violations, log_in

pytestmark = pytest.mark.usefixtures("shared_db")
MOST_BYTES, MOST_CLOSED = 200_000, 300
"""Limits of the page: its size, and the elements of parts that are closed at first."""


def elements(body: str) -> tuple[int, int]:
    """Return the number of elements of a page, and of those in its closed parts.

    The contents of templates are none.
    """
    page = BeautifulSoup(body, "html.parser")
    for template in page.find_all("template"):
        template.clear()
    parts = page.select("details:not([open]):not(details details)")
    return len(page.find_all(True)), sum(len(part.find_all(True)) for part in parts)


WETLANDS = "Protection de l'eau"


@pytest.fixture
def page_of(app: Any, editor: dict[str, Any]) -> Any:
    """Request a page as the editor, posting a form if one is given."""

    def page_of(path: str, form: Any = None) -> str:
        headers = {"Authorization": editor["token"]}
        return (
            app.post(path, data=form, headers=headers) if form else app.get(path, headers=headers)
        ).body

    return page_of


def parsed(body: str) -> Any:
    return BeautifulSoup(body, "html.parser")


def as_posted(body: str, **changes: str) -> dict[str, list[str]]:
    """Return what a browser without scripts posts."""
    sent: dict[str, list[str]] = {}
    for name, value in form_of(body):
        sent.setdefault(name, []).append(value)
    return sent | {name: [value] for name, value in changes.items()}


def test_the_form_is_light(page_of: Any) -> None:
    body = page_of("/fr/dataset/new")
    _nodes, closed = elements(body)
    assert len(body.encode()) <= MOST_BYTES
    assert closed <= MOST_CLOSED


def test_the_open_part_holds_what_the_score_asks_for_first(page_of: Any) -> None:
    essentials = parsed(page_of("/fr/dataset/new")).select_one("details#section-essentials[open]")
    for name in (
        "title",
        "notes",
        "theme",
        "territory",
        "temporal_coverage",
        "frequency",
        "modified",
        "contact",
    ):
        assert essentials.select_one(f"#field-{name}"), name


@pytest.mark.slow("variants")
def test_without_scripts_a_button_brings_all_fields_and_keeps_what_was_typed(
    page_of: Any, create: Any
) -> None:
    body = page_of("/fr/dataset/new")
    button = parsed(body).select_one("noscript button[formaction]")
    assert not parsed(body).select("#field-theme input[type=checkbox]")
    theme = f"{samples.THEMES}/eau"
    whole = parsed(
        page_of(button["formaction"], as_posted(body, title="Mares de la Dombes", theme=theme))
    )
    assert whole.select_one("#field-title")["value"] == "Mares de la Dombes"
    boxes = whole.select("#field-theme input[type=checkbox]")
    assert len(boxes) > 50
    assert [box["value"] for box in boxes if box.has_attr("checked")] == [theme]
    assert whole.select_one("#field-publisher__0__type")
    assert not whole.select("noscript button[formaction]")
    create(samples.full(name="sans-script"))
    edited = page_of("/fr/dataset/edit/sans-script")
    button = parsed(edited).select_one("noscript button[formaction]")
    kept = set(form_of(page_of(button["formaction"], as_posted(edited))))
    lost = {name for name, _value in set(form_of(edited)) - kept}
    assert lost <= {
        "_csrf_token",
        "spatial_coverage__0__bbox",
    }  # the box is written in degrees for people


@pytest.mark.few(3, "values")
@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("10/2025", "2025-10"),
        ("3/2024", "2024-03"),
        ("2019", "2019"),
        ("12/03/2024", "2024-03-12"),
        ("mars 2024", "2024-03"),
        ("1er août 2021", "2021-08-01"),
        ("2024-03-31", "2024-03-31"),
    ],
)
def test_dates_are_understood_as_people_type_them(create: Any, typed: str, stored: str) -> None:
    name = f"date-{stored}-{len(typed)}"
    made = create(
        {"title": "Dates", "name": name, "modified": typed, "temporal_coverage": [{"start": typed}]}
    )
    assert (made["modified"], made["temporal_coverage"]) == (stored, [{"start": stored}])


@pytest.mark.few(1, "values")
@pytest.mark.parametrize("typed", ["13/2024", "31/02/2024", "mars", "brumaire 2024", "hier"])
def test_other_dates_are_refused_at_the_field_with_what_to_write(
    page_of: Any, create: Any, typed: str
) -> None:
    name = f"refus-{abs(hash(typed))}"
    create({"title": "Dates", "name": name, "private": True})
    body = page_of(f"/fr/dataset/edit/{name}")
    sent = as_posted(body, modified=typed, temporal_coverage__0__start=typed, save="")
    refused = parsed(page_of(f"/fr/dataset/edit/{name}", sent))
    for field in ("modified", "temporal_coverage__0__start"):
        assert typed in refused.select_one(f"#field-{field}-error").text
        assert "03/2024" in refused.select_one(f"#field-{field}-error").text
        assert refused.select_one(f"#field-{field}")["value"] == typed


def test_usual_values_hold_the_contact_and_no_coordinate_system(
    page_of: Any, create: Any, editor: Any, act: Any
) -> None:
    service = act("organization_create", name="habituel", title="Habituel")
    act("organization_member_create", id=service["id"], username=editor["name"], role="editor")
    spellings = ({"name": "DDT de l'Ain"}, {"name": "DDT 01", "telephone": "+33 4 74 45 62 37"}, {})
    for number, spelling in enumerate(spellings):
        contact = [
            {"email": "Sig@ain.example.org" if number else "sig@ain.example.org", **spelling}
        ]
        create(samples.full(name=f"habituel-{number}", contact=contact, owner_org=service["id"]))
    form = dict(form_of(page_of("/fr/dataset/nouveau/habituel")))
    assert form["contact__0__email"].lower() == "sig@ain.example.org"
    assert "reference_system" not in form


def test_publishing_says_where_it_is_seen_and_what_to_do_next(page_of: Any, create: Any) -> None:
    create(samples.full(name="a-publier", private=True))
    body = page_of("/fr/dataset/edit/a-publier")
    told = parsed(page_of("/fr/dataset/edit/a-publier", as_posted(body, private="False", save="")))
    links = [link["href"] for link in told.select(".flash-messages .alert-success a")]
    for end in ("/a-publier/qualite", "/a-publier#cite-title", "/a-publier/resource/new"):
        assert any(link.endswith(end) for link in links), (end, links)
    body = page_of("/fr/dataset/edit/a-publier")
    again = parsed(page_of("/fr/dataset/edit/a-publier", as_posted(body, save="")))
    assert not again.select(".flash-messages .alert-success a")


def test_a_list_is_sent_by_an_address_that_changes_with_it(page_of: Any, app: Any) -> None:
    field = parsed(page_of("/fr/dataset/new")).select_one("#field-theme [data-module-list]")
    answer = app.get(field["data-module-list"])
    assert "max-age" in answer.headers["Cache-Control"]
    entries = {label: terms for _value, label, _depth, terms in answer.json}
    assert "zone humide" in entries[WETLANDS].split("|")
    assert app.get("/fr/ecosphere/listes/absente/uri/1", status=404).status_code == 404


@pytest.mark.browser
def test_usual_words_find_a_theme(page: Page, a_new_form: Any) -> None:
    a_new_form(page)
    for words in ("zones humides", "zone humide", "milieux aquatiques"):
        page.fill("#field-theme input[type=search]", words)
        expect(page.locator("#field-theme").get_by_label(WETLANDS, exact=True)).to_be_visible()
    page.locator("#field-theme").get_by_label(WETLANDS, exact=True).check()
    page.fill("#field-theme input[type=search]", "zones zzz")
    expect(page.locator("#field-theme").get_by_role("status")).to_have_text(
        "Rien dans cette liste ne correspond"
    )
    assert axe_violations(page) == []
    page.fill("#field-theme input[type=search]", "")
    page.locator("#field-theme .ecosphere-picker-bar button").click()
    expect(page.locator("#field-theme li:visible label").first).to_be_visible()
    assert page.locator("#field-theme input:checked").count() == 1


@pytest.mark.browser
def test_a_closed_part_comes_when_it_is_opened_and_keeps_its_values(
    page: Page, editor: Any, create: Any, act: Any
) -> None:
    created = create(samples.full(name="parties", private=True))
    log_in(page, editor["name"], PASSWORD)
    page.goto("/fr/dataset/edit/parties")
    assert page.locator("#field-publisher__0__type").count() == 0
    page.locator("#section-people > summary").press("Enter")
    expect(page.locator("#field-publisher__0__name")).to_have_value(created["publisher"][0]["name"])
    page.locator("#field-creator [data-add]").press("Enter")
    page.keyboard.type("Mairie")
    page.locator("#field-creator [data-remove]").last.press("Enter")
    page.locator("#section-content > summary").press("Enter")
    page.fill("#field-reference_system input[type=search]", "rgf93")
    page.locator("#field-reference_system").get_by_label("Lambert-93").first.wait_for()
    assert axe_violations(page) == []
    page.locator("#dataset-edit button[name=save]").click()
    page.wait_for_url("**/dataset/parties")
    after = act("package_show", id="parties")
    assert {**after, "metadata_modified": ""} == {**created, "metadata_modified": ""}


@pytest.mark.browser
def test_one_click_publishes_a_draft(page: Page, editor: Any, create: Any, act: Any) -> None:
    create(samples.full(name="un-clic", private=True))
    log_in(page, editor["name"], PASSWORD)
    page.goto("/fr/dataset/edit/un-clic")
    page.locator("[data-module=ecosphere-publish]").click()
    page.wait_for_url("**/dataset/un-clic")
    expect(page.locator(".flash-messages .alert-success")).to_contain_text("Citer et partager")
    assert axe_violations(page) == []
    model.Session.remove()
    assert act("package_show", id="un-clic")["private"] is False


def test_a_row_that_has_only_rows_is_kept_with_an_empty_subfield():
    """A record may name the mailbox of a role's holder and nothing else.

    CKAN refuses such a row as unknown.
    """
    fields = tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"]
    field = next(each for each in fields if each["field_name"] == "qualified_attribution")
    value = [{"agent": [{"email": "sig@ddt.example"}]}]
    pairs = helpers.ecosphere_late_inputs([field], {"qualified_attribution": value})
    assert pairs == [
        ("qualified_attribution__0__role", ""),
        ("qualified_attribution__0__agent__0__email", "sig@ddt.example"),
    ]
