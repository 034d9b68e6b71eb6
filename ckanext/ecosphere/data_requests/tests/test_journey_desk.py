"""Browser tests of the desk: an absence, an assignment,
an answer for the requester alone until a given day.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ckan import model
from playwright.sync_api import Page, expect

from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.tests.conftest import REASON, REFUSAL, act, opened, row, step
from ckanext.ecosphere.data_requests.tests.test_journey_answering import PASSWORD, become, passwords
from ckanext.ecosphere.tests.browser import axe_violations, log_in_by_hand, picture, tab_to

__all__ = ["passwords"]
pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("portal", "passwords")]
LINK = "https://livraison.example/zones-humides.zip"


def test_what_waits_for_a_service_is_there_after_the_log_in_without_a_click(page: Page):
    late = opened(title="Haies bocagères du Forez")
    opened(title="Mares et étangs du Forez")
    model.Session.get_one(Request, late["id"]).due = clock.today() - timedelta(days=3)
    model.Session.commit()
    log_in_by_hand(page, "editor", PASSWORD)
    card = page.locator(".eco-card").filter(has_text="Demandes à traiter")
    expect(card.locator(".eco-lines a")).to_have_text(
        ["Haies bocagères du Forez", "Mares et étangs du Forez"]
    )
    expect(card).to_contain_text("en retard")
    assert axe_violations(page) == []
    picture(page, "dashboard-of-a-service")


def test_an_absence_is_announced_a_request_given_away_and_answered_for_its_requester_alone(
    page: Page,
):
    made = opened()
    late = opened(title="Haies bocagères du Forez")
    model.Session.get_one(Request, late["id"]).due = clock.today() - timedelta(days=3)
    model.Session.commit()
    act(
        "saved_answer_save",
        "admin",
        organization="ddt-42",
        title="Espèces sensibles",
        ground="L124-4-I-2",
        facts=REASON,
    )
    become(page, "admin")
    page.goto("/fr/demandes/absences")
    tab_to(page, "#field-user")
    page.keyboard.type("Editor")
    page.fill("#field-first", clock.today().isoformat())
    page.fill("#field-last", (clock.today() + timedelta(days=9)).isoformat())
    page.select_option("#field-substitute", "admin")
    page.get_by_role("button", name="Annoncer l’absence").press("Enter")
    expect(page.locator("main")).to_contain_text("Editor Nom")
    assert axe_violations(page) == []
    page.goto("/fr/demandes/service/ddt-42")
    expect(page.locator(".eco-req-away")).to_contain_text("suppléance : Admin Nom")
    page.locator(f"input[name=ids][value='{late['id']}']").check()
    page.select_option("#field-user", "editor")
    page.get_by_role("button", name="Affecter").click()
    expect(page.locator("body")).to_contain_text("Admin Nom assure la suppléance")
    assert axe_violations(page) == []
    picture(page, "desk-of-a-service")
    page.get_by_role("link", name="Les miennes").click()
    expect(page.locator(".eco-req-table--desk tbody tr")).to_have_count(1)
    page.goto(f"/fr/demandes/{late['reference']}/refuse")
    page.get_by_role("link", name="Espèces sensibles").click()
    expect(page.locator("#field-facts")).to_have_value(REASON)
    assert axe_violations(page) == []
    page.goto("/fr/demandes/service/ddt-42/reponses")
    assert axe_violations(page) == []
    page.goto(f"/fr/demandes/{made['reference']}/fulfil")
    page.fill("#field-links", LINK)
    page.get_by_label("Le demandeur seul").check()
    page.fill("#field-public_from", (clock.today() + timedelta(days=40)).isoformat())
    assert axe_violations(page) == []
    page.locator("button[name=go][value=send]").press("Enter")
    expect(page.locator("#delivered-title")).to_be_visible()
    expect(page.locator(".flash-messages")).to_contain_text(
        "La réponse est envoyée au demandeur, seul à en lire"
    )
    assert row(made).state == "fulfilled"
    _as_the_requester(page, made, late)


def _as_the_requester(page: Page, made: dict[str, Any], late: dict[str, Any]) -> None:
    become(page, "friend")
    page.goto(f"/fr/demandes/{made['reference']}")
    expect(page.locator("main")).not_to_contain_text(LINK)
    become(page, "asker")
    page.goto(f"/fr/demandes/{made['reference']}")
    expect(page.locator("main")).to_contain_text("Réservé au demandeur, puis public")
    page.get_by_role("button", name="Non, il manque quelque chose").click()
    expect(
        page.get_by_role("link", name="Rouvrir la demande, en disant ce qui manque")
    ).to_be_visible()
    assert axe_violations(page) == []
    step(late, "refuse", "admin", **REFUSAL)
    page.goto(f"/fr/demandes/{late['reference']}")
    page.get_by_role("link", name="Préparer la saisine de la CADA").click()
    expect(page.get_by_role("link", name="Télécharger la saisine (PDF)")).to_be_visible()
    assert axe_violations(page) == []
    page.goto("/fr/demandes/preferences")
    page.get_by_role("button", name="Créer une adresse privée").click()
    expect(page.locator(".eco-req-addresses")).to_contain_text("/demandes/calendrier/")
    assert axe_violations(page) == []
