"""Browser tests from acceptance to answer: a moderator accepts a request, the DDT asks for details
and transfers it, the DREAL answers with a dataset. E-mails go through a real SMTP server.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ckan import model
from freezegun import freeze_time
from playwright.sync_api import Page, expect

from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.tests.conftest import (
    PEOPLE,
    REASON,
    act,
    dataset,
    group_id,
    opened,
    row,
    submitted,
    user_id,
)
from ckanext.ecosphere.tests.browser import axe_violations, log_in, picture
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("portal", "passwords")]

PASSWORD = "un-mot-de-passe-solide"
SMALL = 360


@pytest.fixture
def passwords(portal: None) -> None:
    """Set passwords for the log-in form, and French as the language of all users."""
    for name in PEOPLE:
        user = model.User.get(name)
        assert user is not None
        user.password = PASSWORD
        act("settings_update", name, language="fr")
    model.Session.commit()


def later(days: int) -> str:
    return (clock.today() + timedelta(days=days)).isoformat()


def become(page: Page, person: str) -> None:
    """Log in as another user."""
    page.context.clear_cookies()
    log_in(page, person, PASSWORD)


def delivered(postbox: Postbox) -> dict[str, list[str]]:
    """Deliver pending e-mails.

    Return the subjects received since the last clearing of the mailbox, by user.
    """
    model.Session.expire_all()
    delivery.deliver()
    people = {mail["To"].addresses[0].username for mail in postbox.mails}
    return {person: postbox.subjects(person) for person in people}


def do(page: Page, action: str) -> None:
    """Follow one of the action links on the request's page."""
    page.locator(".eco-req-actions").get_by_role("link", name=action, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(action)
    assert axe_violations(page) == []


def send(page: Page, action: str) -> None:
    page.locator("main").get_by_role("button", name=action, exact=True).click()
    page.wait_for_url(re.compile(r"/demandes/DD-\d{4}-\d{5}$"))


def test_a_request_goes_from_hand_to_hand_to_its_answer(page: Page, postbox: Postbox):
    answer = dataset(title="Zones humides du Pilat", owner_org=group_id("dreal-ara"))
    made = submitted(title="Tourbières et zones humides du Pilat")
    at = f"/fr/demandes/{made['reference']}"
    reference = made["reference"]
    assert set(delivered(postbox)) == {"asker", "moderator"}
    postbox.clear()

    become(page, "moderator")
    page.goto("/fr/demandes/moderation")
    assert axe_violations(page) == []
    page.get_by_role("link", name=f"Accepter {reference}", exact=True).click()
    expect(page.locator("#field-organization")).to_have_value(group_id("ddt-42"))
    send(page, "Accepter et confier à un service")
    act("support", "friend", id=made["id"])
    act("follow", "stranger", id=made["id"])
    assert set(delivered(postbox)) == {"asker", "editor", "admin"}
    postbox.clear()

    become(page, "editor")
    page.goto("/fr/demandes/service/ddt-42")
    assert axe_violations(page) == []
    expect(page.locator("#new")).to_contain_text("Tourbières et zones humides du Pilat")
    page.goto(at)
    do(page, "Demander des précisions")
    send_button = page.locator("main").get_by_role(
        "button", name="Demander des précisions", exact=True
    )
    send_button.click()
    expect(page.locator("#form-errors")).to_be_focused()
    expect(page.locator("#field-question-error")).to_be_visible()
    assert axe_violations(page) == []
    page.fill("#field-question", "Quelle emprise exacte ?")
    page.fill("#field-answer_by", later(10))
    page.fill("#field-note", "Vu avec l’unité eau")
    send(page, "Demander des précisions")
    mails = delivered(postbox)
    assert set(mails) == {"asker"}
    assert "Quelle emprise exacte ?" in body(postbox.to("asker")[0])
    assert "unité eau" not in body(postbox.to("asker")[0])
    postbox.clear()

    page.context.clear_cookies()
    page.goto(at)
    picture(page, "request")

    become(page, "asker")
    page.goto("/fr/demandes/mes-demandes")
    expect(page.locator(".alert-warning")).to_contain_text("Tourbières et zones humides du Pilat")
    page.goto(at)
    expect(page.locator("main")).not_to_contain_text("unité eau")
    do(page, "Apporter les précisions")
    page.fill("#field-comment", "La commune de Marlhes seulement.")
    send(page, "Apporter les précisions")
    # The author is new: the text is held for moderation, and the service can read it in the portal
    # only.
    assert set(delivered(postbox)) == {"editor", "admin"}
    # What waits for moderators is told of in one e-mail, half an hour later.
    with freeze_time(clock.now() + timedelta(minutes=31)):
        assert set(delivered(postbox)) == {"editor", "admin", "moderator"}
    assert all("Marlhes" not in body(mail) for mail in postbox.mails)
    postbox.clear()

    become(page, "moderator")
    page.goto("/fr/demandes/moderation/messages")
    expect(page.locator("main")).to_contain_text("La commune de Marlhes seulement.")
    assert axe_violations(page) == []
    page.get_by_role("button", name="Publier").first.click()
    expect(page.locator("main")).to_contain_text("Rien n’attend")

    become(page, "admin")
    page.goto(at)
    assert axe_violations(page) == []
    do(page, "Transférer à un autre service")
    # The parent service is preselected and the reason filled in: transferring takes one more click.
    expect(page.locator("#field-organization")).to_have_value(group_id("dreal-ara"))
    expect(page.locator("#field-reason")).to_have_value(re.compile("ne détient pas ces données"))
    page.fill("#field-reason", "L’inventaire est tenu par la DREAL.")
    send(page, "Transférer à un autre service")
    assert set(delivered(postbox)) == {"asker", "other-editor", "other-admin", "editor"}
    postbox.clear()

    become(page, "other-editor")
    page.goto("/fr/demandes/service/dreal-ara")
    page.locator("#new").get_by_role("link", name="Tourbières et zones humides du Pilat").click()
    do(page, "Répondre par des données")
    page.get_by_label("Zones humides du Pilat", exact=True).check()
    page.fill("#field-comment", "Bonne étude !")
    send(page, "Répondre par des données")
    expect(page.locator(".eco-req-answer")).to_contain_text("Zones humides du Pilat")
    assert axe_violations(page) == []
    mails = delivered(postbox)
    assert set(mails) == {"asker", "friend", "stranger"}
    assert all(reference in subject for subjects in mails.values() for subject in subjects)
    assert answer["name"] in body(postbox.to("asker")[0])
    assert row(made).state == "fulfilled"

    page.context.clear_cookies()
    page.goto(f"/fr/dataset/{answer['name']}")
    expect(page.locator("#demandes")).to_contain_text("Tourbières et zones humides du Pilat")
    assert axe_violations(page) == []
    page.goto(at)
    expect(page.locator("main")).not_to_contain_text("Nom")
    assert axe_violations(page) == []


def test_refusal_is_previewed_and_read_by_its_addressee_alone(page: Page):
    made = opened()
    become(page, "admin")
    page.goto(f"/fr/demandes/{made['reference']}/refuse")
    for field in ("balance", "emissions", "other_ground", "completion"):
        expect(page.locator(f"#field-{field}")).to_be_hidden()  # no ground is chosen yet
    page.select_option("#field-ground", "L311-2-dna")
    expect(page.locator("#field-completion")).to_be_visible()
    page.select_option("#field-ground", "L311-6-1-sm")
    for field in ("completion", "other_ground", "kind"):
        expect(page.locator(f"#field-{field}")).to_be_hidden()
    page.locator("#emissions-no").check()
    page.fill("#field-balance", REASON)
    page.fill("#field-law", "Non.")
    page.fill("#field-facts", f"{REASON} Contact : unité eau.")
    page.locator("button[value=preview]").click()
    expect(page.locator("#field-law-error")).to_be_visible()
    page.fill("#field-law", REASON)
    page.locator("button[value=preview]").click()
    expect(page.locator("#field-ground-error")).to_contain_text("secret médical")
    assert axe_violations(page) == []
    page.select_option("#field-ground", "L124-4-I-2")
    page.locator("button[value=preview]").click()
    expect(page.locator(".eco-letter")).to_contain_text(
        "Pour le préfet de la Loire et par délégation"
    )
    expect(page.locator(".eco-letter__to")).to_contain_text("À l’attention de")
    expect(page.locator("#field-facts")).to_be_hidden()
    assert axe_violations(page) == []
    page.get_by_text("Modifier", exact=True).click()
    page.fill("#field-facts", f"{REASON} Contact : unité eau. Complété.")
    page.get_by_role("button", name="Envoyer la lettre").click()
    expect(page.locator(".eco-letter")).to_contain_text("Complété.")
    send(page, "Envoyer la lettre")
    expect(page.locator(".eco-req-answer")).to_contain_text("Contact : unité eau.")
    become(page, "asker")
    page.goto(f"/fr/demandes/{made['reference']}")
    page.get_by_role("link", name=re.compile("Décision de refus")).first.click()
    expect(page.locator(".eco-letter")).to_contain_text("tribunal administratif de Lyon")
    assert axe_violations(page) == []
    page.context.clear_cookies()
    page.goto(f"/fr/demandes/{made['reference']}")
    expect(page.locator("main")).to_contain_text("Refusée")
    expect(page.locator("main")).not_to_contain_text("unité eau")


def test_the_pages_of_the_room_are_accessible_and_fit_small_screens(page: Page):
    answered = opened(title="Zones humides " * 8)
    opened(theme="risques", title="Aléa inondation")
    act("comment", "friend", id=answered["id"], text="Adresse : https://example.org/" + "long" * 40)
    become(page, "editor")
    found: dict[str, Any] = {}
    page.set_viewport_size({"width": SMALL, "height": 800})
    for path in (
        "",
        "?state=open&q=zones",
        "/statistiques",
        "/mes-demandes",
        "/notifications",
        "/preferences",
        "/service/ddt-42",
        "/service/ddt-42?all=1",
        f"/{answered['reference']}",
        f"/{answered['reference']}/fulfil",
    ):
        page.goto(f"/fr/demandes{path}")
        problems = axe_violations(page)
        if page.evaluate("document.documentElement.scrollWidth") > SMALL:
            problems.append("wide")
        if page.locator("h1").count() != 1:
            problems.append(f"{page.locator('h1').count()} h1")
        if problems:
            found[path] = problems
    assert found == {}


def test_a_file_goes_up_with_a_message_and_comes_down_to_its_reader(page: Page, tmp_path: Path):
    made = opened()
    become(page, "asker")
    page.goto(f"/fr/demandes/{made['reference']}")
    page.fill("#field-text", "L’emprise de l’étude.")
    page.set_input_files(
        "#field-upload", {"name": "programme.exe", "mimeType": "text/plain", "buffer": b"MZ"}
    )
    page.get_by_role("button", name="Envoyer le message").click()
    expect(page.locator("#field-upload-error")).to_contain_text("ne sont pas acceptés")
    expect(page.locator("#field-text")).to_have_value("L’emprise de l’étude.")
    assert axe_violations(page) == []
    content = b'{"type": "FeatureCollection", "features": []}'
    page.set_input_files(
        "#field-upload", {"name": "Emprise.geojson", "mimeType": "text/plain", "buffer": content}
    )
    page.get_by_role("button", name="Envoyer le message").click()
    expect(page.locator("#conversation")).to_contain_text("Emprise.geojson")
    assert axe_violations(page) == []

    become(page, "editor")
    page.goto(f"/fr/demandes/{made['reference']}")
    with page.expect_download() as waited:
        page.get_by_role("link", name="Emprise.geojson").click()
    waited.value.save_as(tmp_path / "file")
    assert waited.value.suggested_filename == "Emprise.geojson"
    assert (tmp_path / "file").read_bytes() == content


def test_a_moderator_closes_a_duplicate_and_its_supporters_move(page: Page):
    kept = opened(title="Zones humides du Pilat")
    ended = opened(title="Inventaire des zones humides du Pilat")
    act("support", "stranger", id=kept["id"])
    for person in ("stranger", "editor", "friend"):
        act("support", person, id=ended["id"])
    become(page, "moderator")
    page.goto(f"/fr/demandes/{ended['reference']}")
    do(page, "Clore comme doublon du même auteur")
    page.get_by_role("link", name=kept["reference"]).click()
    expect(page.locator("#field-target")).to_have_value(kept["reference"])
    assert axe_violations(page) == []
    send(page, "Clore comme doublon du même auteur")
    expect(page.locator(".eco-req-answer")).to_contain_text("Zones humides du Pilat")
    assert axe_violations(page) == []
    page.locator(".eco-req-answer").get_by_role("link").click()
    # A supporter of both counts once.
    expect(page.locator("aside")).to_contain_text("3 personnes soutiennent")
    expect(page.locator("aside")).to_contain_text(ended["reference"])
    assert row(kept).support_count == 3


def test_several_requests_are_given_to_a_colleague_at_once(page: Page):
    first, second = opened(title="Zones humides"), opened(title="Frayères")
    become(page, "admin")
    page.goto("/fr/demandes/service/ddt-42")
    page.get_by_role("button", name="Tout cocher").click()
    page.get_by_label("Affecter les demandes cochées à").select_option("editor")
    page.get_by_role("button", name="Affecter", exact=True).click()
    expect(page.locator(".alert-success")).to_contain_text("2 demandes affectées")
    assert {row(each).assigned_to for each in (first, second)} == {user_id("editor")}
    page.get_by_role("button", name="Tout cocher").click()
    page.get_by_role("button", name="Affecter", exact=True).click()  # "nobody" is preselected
    expect(page.locator(".alert-success")).to_contain_text(
        "2 demandes ne sont affectées à personne en particulier"
    )
    assert {row(each).assigned_to for each in (first, second)} == {None}


def test_a_person_takes_their_data_along_and_has_them_erased(page: Page, tmp_path: Path):
    made = opened()
    become(page, "asker")
    page.goto("/fr/demandes/preferences")
    with page.expect_download() as waited:
        page.get_by_role("link", name="Télécharger mes données").click()
    waited.value.save_as(tmp_path / "data.json")
    assert made["reference"] in (tmp_path / "data.json").read_text()
    page.get_by_text("Effacer mes données").first.click()
    page.get_by_label(re.compile("ne peut être rétabli")).check()
    assert axe_violations(page) == []
    page.get_by_role("button", name="Effacer mes données").click()
    expect(page.locator(".alert-success")).to_contain_text("est effacé")
    assert (row(made).state, row(made).requester_id) == ("withdrawn", None)
