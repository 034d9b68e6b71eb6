"""Browser tests of moderation in French: the queue of held texts, the diff of an edit,
unsubscribing from e-mails.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from playwright.sync_api import Page, expect

from ckanext.ecosphere.data_requests.model import Mute
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.tests.conftest import REFUSAL, act, opened, row, user_id
from ckanext.ecosphere.data_requests.tests.test_journey_answering import become, passwords  # noqa: F401 - a fixture
from ckanext.ecosphere.tests.browser import axe_violations
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("portal", "passwords")]

HOSTILE = '[connectez-vous](http://faux.example/login "x><img src=x onerror=alert(1)>")'


@pytest.fixture(autouse=True)
def held(generous: None, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the default of `release_after`: texts of new users are held for moderation."""
    monkeypatch.setitem(ckan_config, "ecosphere.requests.release_after", 3)


def test_moderator_reads_what_is_held_and_publishes_it(page: Page):
    made = opened()
    act("comment", "friend", id=made["id"], text=f"Votre compte est bloqué : {HOSTILE}")
    changed = made["description"] + " Au 1/5 000 si possible."
    act(
        "update",
        "asker",
        id=made["id"],
        version=row(made).version,
        description=changed,
        scale="1/5 000",
    )

    become(page, "moderator")
    page.goto("/fr/demandes/moderation")
    page.locator('a[href$="/demandes/moderation/messages"]').first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Messages à modérer")
    message, edit = page.locator(".eco-req-messages > li").all()
    expect(message).to_contain_text("connectez-vous (http://faux.example/login)")
    assert page.locator("main img[src=x], main a[href*='faux.example']").count() == 0
    expect(edit.locator("ins").first).to_contain_text("Au 1/5 000 si possible.")
    assert axe_violations(page) == []

    edit.get_by_role("button", name=re.compile("^Publier")).click()
    expect(page.locator(".eco-req-messages > li")).to_have_count(1)
    assert row(made).scale == "1/5 000"
    page.get_by_role("button", name=re.compile("^Publier")).click()
    expect(page.locator(".eco-req-messages > li")).to_have_count(0)

    become(page, "editor")
    page.goto(f"/fr/demandes/{made['reference']}")
    page.get_by_text("Voir ce qui a changé").click()
    expect(page.locator(".eco-req-timeline ins").first).to_contain_text("Au 1/5 000 si possible.")
    expect(page.locator("main")).to_contain_text("connectez-vous (http://faux.example/login)")
    assert page.locator("main img[src=x], main a[href*='faux.example']").count() == 0
    assert axe_violations(page) == []


def test_person_stops_the_mails_about_a_request_without_log_in(page: Page, postbox: Postbox):
    made = opened()
    act("follow", "stranger", id=made["id"])
    act("comment", "editor", id=made["id"], text="Bonjour")
    delivery.deliver()
    [mail] = postbox.to("stranger")
    assert made["reference"] in body(mail)
    way_out = str(mail["List-Unsubscribe"]).replace("\r\n ", "").strip("<>")
    page.goto("/fr/" + re.sub(r"^https?://[^/]+/(?:fr/)?", "", way_out))
    expect(page.get_by_role("heading", level=1)).to_have_text("Ne plus recevoir de courriels")
    assert axe_violations(page) == []
    page.locator("main form button").click()
    expect(page.locator("main").get_by_role("status")).to_contain_text(made["reference"])
    assert axe_violations(page) == []
    assert model.Session.scalars(sa.select(Mute.user_id)).all() == [user_id("stranger")]


def test_requests_for_the_same_thing_are_joined_answered_and_taken_out(page: Page):
    first, second, third = (
        opened(person, title=f"Tourbières du Pilat ({person})")
        for person in ("asker", "friend", "stranger")
    )
    become(page, "moderator")
    for made in (second, third):
        page.goto(f"/fr/demandes/{made['reference']}")
        page.get_by_role("link", name="Traiter ensemble avec une autre demande").click()
        expect(page.locator("main")).to_contain_text("les privées n’apparaissent pas")
        page.fill("#field-target", first["reference"])
        assert axe_violations(page) == []
        page.locator("main").get_by_role(
            "button", name="Traiter ensemble avec une autre demande"
        ).click()
        page.wait_for_url(re.compile(r"/demandes/DD-\d{4}-\d{5}$"))
    become(page, "admin")
    page.goto("/fr/demandes/service/ddt-42")
    expect(page.locator("main")).to_contain_text("traitée ensemble avec 2 autres")
    assert axe_violations(page) == []
    page.goto(f"/fr/demandes/{third['reference']}")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert axe_violations(page) == []
    page.get_by_role("button", name="Sortir cette demande du groupe").click()
    expect(page.get_by_role("status")).to_contain_text(["de nouveau traitée à part"])
    page.goto(f"/fr/demandes/{first['reference']}/refuse")
    group = page.get_by_role("region", name="Traitées ensemble")
    expect(group).to_contain_text(second["reference"])
    expect(group).not_to_contain_text(third["reference"])
    assert axe_violations(page) == []
    page.select_option("#field-ground", REFUSAL["ground"])
    page.locator("#emissions-no").check()
    for name in ("law", "facts", "balance"):
        page.fill(f"#field-{name}", REFUSAL[name])
    page.locator("button[value=preview]").click()
    page.get_by_role("button", name="Envoyer la lettre").click()
    page.wait_for_url(re.compile(r"/demandes/DD-\d{4}-\d{5}$"))
    expect(page.get_by_role("status").last).to_contain_text(
        f"C’est fait aussi pour {second['reference']}"
    )
    assert axe_violations(page) == []
    assert [row(each).state for each in (first, second, third)] == ["refused", "refused", "open"]
