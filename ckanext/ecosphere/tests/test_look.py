"""Browser tests of the main pages: accessibility, small screens, navigation."""

import re

import pytest
from ckan import model
from ckan.tests import factories, helpers
from playwright.sync_api import expect

from ckanext.ecosphere.tests.browser import axe_violations, log_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index"),
]

SMALL, LARGE = {"width": 360, "height": 740}, {"width": 1280, "height": 900}


@pytest.fixture
def pages():
    """Paths of the main pages, on a portal with one dataset."""
    service = factories.Organization(
        name="ddt-01053-01", title="DDT 01", description="Direction départementale", image_url=""
    )
    dataset = factories.Dataset(
        title="Zones humides " * 12,
        notes="Inventaire départemental.",
        owner_org=service["id"],
        tags=[{"name": "eau"}],
        resources=[
            {"url": "http://example.org/zones.zip", "name": "zones_humides_" * 8, "format": "SHP"}
        ],
    )
    resource = dataset["resources"][0]["id"]
    return [
        "/fr/",
        "/fr/dataset/",
        f"/fr/dataset/{dataset['name']}",
        f"/fr/dataset/{dataset['name']}/resource/{resource}",
        "/fr/organization/",
        "/fr/organization/ddt-01053-01",
        "/fr/about",
        "/fr/user/login",
        "/fr/user/register",
        "/fr/dataset/missing",
    ]


def test_what_a_button_says_on_focus_is_within_a_landmark(page, pages):
    log_in(
        page, factories.Sysadmin(password="of-the-test-1", image_url="")["name"], "of-the-test-1"
    )
    page.goto(pages[2].replace("/dataset/", "/dataset/edit/"))
    button = page.locator("[data-bs-toggle=tooltip]").first
    button.focus()
    expect(page.locator("main [role=tooltip]")).to_be_visible()
    assert axe_violations(page, impacts=("moderate", "serious", "critical")) == []


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_pages_are_accessible_and_fit(page, pages, size):
    page.set_viewport_size(size)
    found = {}
    for address in pages:
        page.goto(address)
        problems = axe_violations(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["width"]:
            problems.append(f"the page is {width} px wide")
        if page.locator("main").count() != 1 or page.locator("h1").count() != 1:
            problems.append(f"{page.locator('main').count()} main, {page.locator('h1').count()} h1")
        if problems:
            found[address] = problems
    assert found == {}


def test_desks_of_an_administrator_fit_a_small_screen(page, pages):
    source = {"name": "source", "title": "Catalogue", "url": "https://a.example.org/csw"}
    source |= {"source_type": "ecosphere_csw", "owner_org": "ddt-01053-01"}
    admin = factories.Sysadmin(password="of-the-test-1", image_url="")["name"]
    context = {"model": model, "session": model.Session, "user": admin}
    made = helpers.call_action("harvest_source_create", context, **source)
    helpers.call_action("harvest_job_create", context, source_id=made["id"], run=False)
    log_in(page, admin, "of-the-test-1")
    page.set_viewport_size(SMALL)
    found = {}
    for address in (
        "tableau-de-bord",
        "harvest/source/job",
        "ecosphere/harvest/sources",
        "ecosphere/admin/journal",
        "ecosphere/admin/personnes",
    ):
        page.goto(f"/fr/{address}")
        found[address] = page.evaluate("document.documentElement.scrollWidth")
        if address == "harvest/source/job":  # each row is shown as a card with labelled values
            assert (
                page.locator("td[data-label]").first.evaluate(
                    "each => getComputedStyle(each).display"
                )
                == "block"
            )
            assert page.locator(".table-responsive").evaluate(
                "each => each.scrollWidth <= each.clientWidth"
            )
    assert found == dict.fromkeys(found, SMALL["width"])


def test_lines_of_tables_are_quiet_in_the_dark(page, pages):
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(SMALL)
    page.goto(pages[2])
    lines = "rows => rows.map(row => getComputedStyle(row).borderBottomColor)"
    assert set(page.locator("main .table tr").evaluate_all(lines)) == {
        "rgb(54, 67, 61)"
    }  # --eco-line


def test_the_first_stop_of_the_keyboard_leads_to_the_content(page, pages):
    page.goto("/fr/dataset/")
    page.keyboard.press("Tab")
    expect(page.locator(".eco-skip a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


#: The focused element, unless it has an outline of 2 px or more.
UNSEEN = """() => {
    const focused = document.activeElement, style = getComputedStyle(focused);
    const isSeen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return focused === document.body || isSeen ? "" : focused.outerHTML.slice(0, 100);
}"""


def test_every_stop_of_the_keyboard_is_seen(page, pages):
    page.set_viewport_size(LARGE)
    unseen = {}
    for address in pages[1:6]:
        page.goto(address)
        for _stop in range(60):
            page.keyboard.press("Tab")
            if found := page.evaluate(UNSEEN):
                unseen.setdefault(address, []).append(found)
    assert unseen == {}


def test_names_of_fields_have_the_width_of_a_small_screen(page, pages):
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(pages[2])
    label = page.locator(".ecosphere-info th").first
    row = label.locator("xpath=..")
    assert label.evaluate("each => each.offsetWidth") > 0.9 * row.evaluate(
        "each => each.offsetWidth"
    )


def test_on_paper_there_is_nothing_to_press(page, pages):
    page.emulate_media(media="print")
    for address in pages[1:3]:
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        for what in ("button", "combobox", "searchbox", "textbox"):
            expect(page.get_by_role(what)).to_have_count(0)


def test_services_are_found_by_departement(page, pages):
    factories.Organization(name="dreal-x", title="DREAL Bretagne", image_url="")
    page.goto("/fr/")
    page.locator("#field-home-service").fill("DDT 01")
    page.locator("#field-home-service").press("Enter")
    expect(page.locator(".eco-services li")).to_have_count(1)
    page.get_by_role("link", name="DDT 01").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("DDT 01")


def test_the_language_is_changed_on_the_same_page(page, pages):
    page.goto("/fr/dataset/?q=zones")
    page.get_by_role("link", name="English").click()
    page.wait_for_url(re.compile(r"/en/dataset/\?q=zones"))
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_messages_are_announced(page, pages):
    page.goto("/fr/user/login")
    page.fill("input[name=login]", "nobody")
    page.fill("input[name=password]", "wrong-password")
    page.press("input[name=password]", "Enter")
    expect(page.locator('.flash-messages [role="alert"]')).to_be_visible()


def test_a_harvest_source_is_created_and_deleted_through_its_form(page, pages):
    admin = factories.Sysadmin(password="correct-horse-1", image_url="")
    log_in(page, admin["name"], "correct-horse-1")
    page.goto("/fr/harvest/new")
    assert axe_violations(page) == []
    page.fill("#field-url", "https://example.org/csw")
    page.fill("#field-title", "Géo-IDE")
    page.get_by_label("Catalogue (CSW, ISO 19139)").check()
    page.locator("#field-organizations").select_option(label="DDT 01")
    page.locator("#save").click()
    page.wait_for_url("**/harvest/geo-ide")
    source = model.Session.query(model.Package).filter_by(name="geo-ide").one()
    assert source.state == "active"
    page.goto("/fr/harvest/edit/geo-ide")
    assert axe_violations(page) == []
    page.get_by_role("button", name="Supprimer la source").click()
    dialogue = page.get_by_role("dialog", name="Confirmation")
    dialogue.get_by_role("button", name="Fermer").click()
    expect(dialogue).to_have_count(0)
    page.get_by_role("button", name="Supprimer la source").click()
    expect(dialogue.get_by_role("button", name="Annuler")).to_be_visible()
    expect(dialogue).to_have_css("opacity", "1")  # while it appears, its colours are paler
    assert axe_violations(page) == []
    dialogue.get_by_role("button", name="Confirmer").click()
    page.wait_for_url("**/harvest/admin/geo-ide")
    model.Session.expire_all()
    assert source.state == "deleted"
