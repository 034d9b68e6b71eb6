"""The dashboard after log-in: pending work of the user's own organisations only."""

from __future__ import annotations

import re
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.tests import factories, helpers
from playwright.sync_api import Page

from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.quality import figures
from ckanext.ecosphere.setup import health
from ckanext.ecosphere.tests.browser import axe_violations, log_in_by_hand

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index"),
]

PASSWORD = "un mot de passe de test"


@pytest.fixture
def people() -> dict[str, dict[str, Any]]:
    """An editor of an organisation with pending work, one of another organisation,
    and a user without any.
    """
    return {
        name: factories.User(name=name, password=PASSWORD, image_url="")
        for name in ("editor", "neighbour", "asker")
    }


@pytest.fixture
def services(people: dict[str, dict[str, Any]]) -> None:
    """Two organisations; the first has a private, badly described dataset,
    and an unfinished one.
    """
    for name, person in (("ddt-01053-01", "editor"), ("ddtm-29232-01", "neighbour")):
        member = {"name": people[person]["id"], "capacity": "editor"}
        factories.Organization(name=name, title=name.upper(), image_url="", users=[member])
    factories.Dataset(
        name="frayeres", title="Frayères à truites", owner_org="ddt-01053-01", private=True
    )
    begun = {
        "name": "haies",
        "title": "Haies bocagères",
        "owner_org": "ddt-01053-01",
        "state": "draft",
        "private": True,
    }
    helpers.call_action("package_create", {"user": "editor", "ignore_auth": False}, **begun)


def texts(page: Page, selector: str) -> list[str]:
    return [each.strip() for each in page.locator(selector).all_inner_texts()]


def test_whoever_logs_in_finds_what_waits_and_what_can_be_begun(page, people, services):
    asked = tk.get_action("ecosphere_request_create")(
        {"user": "editor"}, {"title": "Inventaire des mares"}
    )
    log_in_by_hand(page, "editor", PASSWORD)
    assert page.url.endswith("/fr/tableau-de-bord")
    assert texts(page, ".eco-card h2") == [
        "Descriptions inachevées 1",
        "Mes demandes 1",
        "Jeux de données à améliorer en premier 1",
    ]
    assert texts(page, ".eco-lines a") == [
        "Haies bocagères",
        "Inventaire des mares",
        "Frayères à truites",
    ]
    assert "Décrire un jeu de données" in texts(page, ".eco-begin a")
    assert axe_violations(page) == []
    page.get_by_role("link", name="Inventaire des mares").click()
    page.wait_for_url(re.compile(asked["id"]))


def test_nothing_of_another_service_is_there(page, people, services):
    log_in_by_hand(page, "neighbour", PASSWORD)
    assert "Rien ne vous attend." in page.locator("main").inner_text()
    assert page.locator(".eco-lines a").count() == 0


def test_a_room_in_trouble_is_told_and_hides_nothing_else(app, people, services, monkeypatch):
    def broken(scope, number):
        raise RuntimeError("away")

    monkeypatch.setattr(figures, "worst", broken)
    shown = app.get(
        "/fr/tableau-de-bord", headers={"Authorization": factories.APIToken(user="editor")["token"]}
    ).body
    assert "Descriptions inachevées" in shown
    assert "Jeux de données à améliorer" not in shown
    assert "ne peut pas être affichée" in shown


def test_nobody_is_led_to_the_log_in_and_back(page, people):
    page.goto("/fr/tableau-de-bord")
    assert "/user/login" in page.url
    page.fill("#field-login", "asker")
    page.fill("#field-password", PASSWORD)
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/tableau-de-bord")
    # Only members of an organisation describe data; everybody may begin a study and request data.
    assert texts(page, ".eco-begin a") == ["Commencer une étude", "Demander des données"]


def test_an_administrator_sees_how_the_portal_is_and_who_works_for_whom(
    page, people, services, monkeypatch
):
    factories.Sysadmin(name="chief", password=PASSWORD, image_url="")
    broken = Check(
        "PostgreSQL", CheckStatus.ERROR, "Tables manquantes", "Lancez : ckan ecosphere init"
    )
    monkeypatch.setattr(
        health, "run", lambda: [Check("Redis", CheckStatus.OK, "Version 7"), broken]
    )
    health.run_in_worker("fr")
    log_in_by_hand(page, "chief", PASSWORD)
    assert texts(page, ".eco-card--urgent h2") == ["Le portail lui-même 1"]
    page.get_by_role("link", name="PostgreSQL").click()
    page.wait_for_url("**/fr/ecosphere/admin/")
    assert texts(page, ".eco-health th")[:2] == ["PostgreSQL", "Redis"]
    assert "aucun processus" in page.locator("main").inner_text()
    assert axe_violations(page) == []
    page.get_by_role("link", name="Services et personnes").click()
    page.get_by_role("link", name="Personnes des services").click()
    page.wait_for_url("**/personnes")
    page.fill("#field-people", "DDTM")
    page.locator("main").get_by_role("button", name="Rechercher", exact=True).click()
    page.wait_for_url("**/personnes?q=DDTM")
    rows = [row.split("\t") for row in texts(page, "main tbody tr")]
    assert {row[0].strip() for row in rows} == {"DDTM-29232-01"}
    assert "Éditeur" in [row[2].strip() for row in rows]
    assert axe_violations(page) == []
