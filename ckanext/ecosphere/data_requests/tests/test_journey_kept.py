"""Browser tests of unsaved input: kept in local storage after a crash of the browser,
removed on log-out.
"""

from __future__ import annotations

import pytest
from ckan import model
from playwright.sync_api import Page, expect

from ckanext.ecosphere.data_requests.tests.conftest import REASON, act, draft, opened, row
from ckanext.ecosphere.data_requests.tests.test_journey_asking import (
    PASSWORD,
    go_on,
    mine,
    passwords,
)
from ckanext.ecosphere.tests.browser import axe_violations, log_in, tab_to, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("portal", "passwords")]

__all__ = ["passwords"]

KEPT = """Object.entries(localStorage)
    .filter(([key, text]) => key.startsWith('ecosphere:form:') && text.includes('{}')).length"""
BOX = ".ecosphere-kept"


def kept(page: Page, words: str) -> int:
    """Return the number of forms in local storage that contain these words."""
    return page.evaluate(KEPT.replace("{}", words))


def typed(page: Page, field: str, words: str) -> None:
    """Fill in a field, and wait until the input is in local storage."""
    page.fill(field, words)
    wait_until(page, f"{KEPT.replace('{}', words)} === 1")


def test_what_was_typed_is_offered_again_and_goes_when_it_is_saved(page: Page):
    log_in(page, "asker", PASSWORD)
    page.goto("/fr/demandes/nouvelle?territory=departement-42")
    expect(page.locator("#request-form")).to_be_visible()
    page.fill("#field-title", "Tourbières du Pilat")
    typed(page, "#field-description", "Les contours des tourbières")
    page.goto("about:blank")  # simulates a crash of the browser
    page.goto("/fr/demandes/nouvelle")
    box = page.locator(BOX)
    expect(box).to_be_visible()
    expect(box).to_contain_text("Vous aviez saisi ici quelque chose qui n’a pas été enregistré")
    assert axe_violations(page) == []
    tab_to(page, f"{BOX} [data-restore]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/demandes/nouvelle/reprendre")
    expect(page.locator("#field-title")).to_have_value("Tourbières du Pilat")
    expect(page.locator("#field-description")).to_have_value("Les contours des tourbières")
    expect(page.locator(BOX)).to_be_hidden()
    assert act("list", "asker", scope="mine")["count"] == 0, "nothing is saved yet"
    page.select_option("#field-theme", "eau")
    go_on(page)
    page.wait_for_url("**/modifier/usage")
    wait_until(page, f"{KEPT.replace('{}', 'Pilat')} === 0")
    saved = mine()
    assert (saved["title"], saved["territory"]) == ("Tourbières du Pilat", "departement-42")
    page.goto("/fr/demandes/nouvelle")
    expect(page.locator("#request-form")).to_be_visible()
    expect(page.locator(BOX)).to_be_hidden()


def test_a_step_that_was_left_without_saving_is_offered_or_forgotten(page: Page):
    made = draft()
    log_in(page, "asker", PASSWORD)
    step = f"/fr/demandes/{made['id']}/modifier/envoi"
    page.goto(step)
    typed(page, "#field-requester_organisation", "Bureau des Prés")
    page.get_by_role("link", name="Quoi").first.click()
    page.fill("#field-description", "Autre description")
    go_on(page)
    # Another step was saved meanwhile, which does not make the input of this step outdated.
    page.goto(step)
    page.locator(f"{BOX} [data-restore]").click()
    page.wait_for_url("**/modifier/envoi/reprendre")
    expect(page.locator("#field-requester_organisation")).to_have_value("Bureau des Prés")
    page.get_by_role("button", name="Enregistrer et finir plus tard").click()
    page.wait_for_url("**/mes-demandes")
    assert mine()["requester_organisation"] == "Bureau des Prés" and kept(page, "Bureau") == 0
    page.goto(step)
    typed(page, "#field-requester_organisation", "Bureau des Bois")
    page.goto(step)
    page.locator(f"{BOX} [data-forget]").click()
    assert kept(page, "Bois") == 0
    expect(page.locator("#field-requester_organisation")).to_have_value("Bureau des Prés")
    page.goto(step)
    expect(page.locator("#request-form")).to_be_visible()
    expect(page.locator(BOX)).to_be_hidden()


def log_in_again(page: Page, name: str) -> None:
    """Fill in the log-in form to which a page has redirected."""
    page.wait_for_url("**/user/login?**")
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")


def test_what_was_typed_outlives_a_session_that_ended_before_it_was_sent(page: Page):
    made = draft()
    log_in(page, "asker", PASSWORD)
    step = f"/fr/demandes/{made['id']}/modifier/envoi"
    page.goto(step)
    typed(page, "#field-requester_organisation", "Bureau des Prés")
    page.context.clear_cookies()
    page.get_by_role("button", name="Enregistrer et finir plus tard").click()
    log_in_again(page, "asker")
    page.wait_for_url("**/modifier/envoi")
    page.locator(f"{BOX} [data-restore]").click()
    page.wait_for_url("**/modifier/envoi/reprendre")
    expect(page.locator("#field-requester_organisation")).to_have_value("Bureau des Prés")


def test_a_decision_that_was_being_written_is_kept_until_it_is_sent(page: Page):
    made, user = opened(), model.User.get("admin")
    assert user is not None
    user.password = PASSWORD
    model.Session.commit()
    log_in(page, "admin", PASSWORD)
    form = f"/fr/demandes/{made['reference']}/refuse"
    page.goto(form)
    page.select_option("#field-ground", "L124-4-I-2")
    page.locator("#emissions-no").check()
    page.fill("#field-law", REASON)
    page.fill("#field-balance", REASON)
    typed(page, "#field-facts", f"Nidification. {REASON}")
    page.get_by_role("button", name="Aperçu de la lettre").click()
    expect(page.locator("#preview-title")).to_be_visible()
    assert kept(page, "Nidification") == 1, "a preview sends nothing"
    expect(page.locator(BOX)).to_be_hidden()
    page.context.clear_cookies()
    page.get_by_role("button", name="Envoyer la lettre").click()
    log_in_again(page, "admin")
    page.wait_for_url("**/refuse")
    expect(page.locator(BOX)).to_be_visible()
    assert axe_violations(page) == []
    page.locator(f"{BOX} [data-restore]").click()
    page.wait_for_url("**/refuse/reprendre")
    expect(page.locator("#field-facts")).to_have_value(f"Nidification. {REASON}")
    expect(page.locator("#field-ground")).to_have_value("L124-4-I-2")
    page.get_by_role("button", name="Aperçu de la lettre").click()
    page.get_by_role("button", name="Envoyer la lettre").click()
    page.wait_for_url(f"**/demandes/{made['reference']}")
    wait_until(page, f"{KEPT.replace('{}', 'Nidification')} === 0")
    assert row(made).state == "refused"


def test_nothing_stays_in_the_browser_after_the_log_out_nor_of_who_never_logged_in(page: Page):
    page.goto("/fr/demandes/nouvelle")
    page.fill("#field-description", "Texte privé")
    page.wait_for_timeout(1_500)
    assert kept(page, "") == 0
    log_in(page, "asker", PASSWORD)
    page.goto("/fr/demandes/nouvelle")
    typed(page, "#field-description", "Texte privé")
    page.goto("/fr/user/_logout")
    page.wait_for_url("**/user/logged_out**")
    wait_until(page, f"{KEPT.replace('{}', '')} === 0")
    log_in(page, "friend", PASSWORD)
    page.goto("/fr/demandes/nouvelle")
    expect(page.locator("#request-form")).to_be_visible()
    expect(page.locator(BOX)).to_be_hidden()
