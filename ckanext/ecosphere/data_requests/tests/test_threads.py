"""E-mail headers and grouping: threads, digests of comments, and unsubscribing without a log-in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories
from freezegun import freeze_time

from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import Comment, Follow, Mute, Setting
from ckanext.ecosphere.data_requests.notifications import delivery, scheduled
from ckanext.ecosphere.data_requests.notifications.outbox import OUTBOX
from ckanext.ecosphere.data_requests.tests.conftest import (
    REASON,
    REFUSAL,
    act,
    opened,
    row,
    step,
    submitted,
    user_id,
)
from ckanext.ecosphere.shared import dates, mailing
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = pytest.mark.usefixtures("portal")


@pytest.fixture
def delay(generous: None, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the default of `comment_delay`: 15 minutes."""
    monkeypatch.setitem(ckan_config, "ecosphere.requests.comment_delay", 15)


def later(days: int) -> str:
    return (dates.today() + timedelta(days=days)).isoformat()


def address(mail: Any) -> str:
    """Return the path of the unsubscribe link of an e-mail."""
    return str(mail["List-Unsubscribe"]).replace("\r\n ", "").strip("<>").split("/", 3)[-1]


def test_mails_about_a_request_are_one_thread(postbox: Postbox):
    made = opened()
    other = submitted(title="Autre")
    step(made, "start", "editor", planned=later(3))
    delivery.deliver()
    mails = [mail for mail in postbox.to("asker") if made["reference"] in body(mail)]
    first, *others = mails
    assert len(mails) == 3 and first["In-Reply-To"] is None
    assert (
        {mail["In-Reply-To"] for mail in others}
        == {mail["References"] for mail in others}
        == {first["Message-ID"]}
    )
    every = [mail["Message-ID"] for mail in postbox.mails]
    assert len(set(every)) == len(every)
    assert all(each.endswith("@test.ckan.net>") for each in every), every
    # This request was accepted at once: a single e-mail announces receipt and acceptance.
    [apart] = [mail for mail in postbox.to("asker") if other["reference"] in body(mail)]
    assert apart["In-Reply-To"] is None and apart["Message-ID"] != first["Message-ID"]
    for mail in postbox.mails:
        assert (mail["Auto-Submitted"], mail["Precedence"]) == ("auto-generated", "bulk")
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_mail_that_is_sent_again_is_the_same_message(postbox: Postbox, monkeypatch: Any):
    kept: list[str] = []
    original = mailing.mailer.mail_recipient
    monkeypatch.setattr(
        mailing.mailer,
        "mail_recipient",
        lambda **mail: (kept.append(mail["headers"]["Message-ID"]), original(**mail)),
    )
    postbox.failures = 1
    act("settings_update", "moderator", digest="none")
    submitted()
    delivery.deliver()
    with freeze_time(clock.now() + timedelta(minutes=6)):
        delivery.deliver()
    assert len(kept) == 2 and len(set(kept)) == 1


@pytest.mark.usefixtures("delay")
def test_messages_within_the_delay_are_one_mail(postbox: Postbox):
    made, other = opened(), opened(title="Autre")
    act("follow", "stranger", id=made["id"])
    delivery.deliver()
    postbox.clear()
    for words in ("Première", "Deuxième", "Troisième"):
        act("comment", "friend", id=made["id"], text=words)
    act("comment", "friend", id=other["id"], text="Ailleurs")
    assert delivery.deliver() == 0
    with freeze_time(clock.now() + timedelta(minutes=16)):
        assert (
            scheduled.tick()["emails"] == 7
        )  # requester, two agents, and a follower of one of the two requests
        assert delivery.deliver() == 0
    assert len(postbox.to("asker")) == 2
    [gathered] = [mail for mail in postbox.to("asker") if made["reference"] in body(mail)]
    assert gathered["Subject"].endswith(
        f"There are 3 new comments on the request {made['reference']}"
    )
    for form in ("plain", "html"):
        assert all(words in body(gathered, form) for words in ("Première", "Deuxième", "Troisième"))
        assert "Ailleurs" not in body(gathered, form)
    assert body(gathered).count(f"/demandes/{made['reference']}") == 1


def test_mail_of_several_messages_that_is_being_sent_is_not_taken_for_an_interrupted_one(
    postbox: Postbox, monkeypatch: Any
):
    made = opened()
    act("follow", "stranger", id=made["id"])
    delivery.deliver()
    for words in ("un", "deux", "trois"):
        act("comment", "asker", id=made["id"], text=words)
    postbox.clear()
    send, again = mailing.hand_over, []
    monkeypatch.setattr(
        mailing, "hand_over", lambda **mail: (again.append(OUTBOX.resume()), send(**mail))
    )
    delivery.deliver()
    assert set(again) == {0}
    assert delivery.deliver() == 0 and len(postbox.to("stranger")) == 1


@pytest.mark.usefixtures("delay")
def test_message_hidden_within_the_delay_is_not_sent(postbox: Postbox):
    made = opened()
    delivery.deliver()
    postbox.clear()
    act("comment", "friend", id=made["id"], text="Insulte")
    act("comment", "friend", id=made["id"], text="Remarque")
    comment = model.Session.scalars(sa.select(Comment.id).where(Comment.text == "Insulte")).one()
    act("comment_hide", "moderator", id=comment, reason="Insulte")
    with freeze_time(clock.now() + timedelta(minutes=16)):
        delivery.deliver()
    [mail] = postbox.to("asker")
    assert "Remarque" in body(mail) and "Insulte" not in body(mail)
    assert mail["Subject"].endswith(f"There is a new comment on your request {made['reference']}")


@pytest.mark.slow("variants")
def test_one_click_stops_the_mails_about_a_request_and_nothing_else(app: Any, postbox: Postbox):
    made, other = opened(), opened(title="Autre")
    for each in (made, other):
        act("follow", "stranger", id=each["id"])
        act("comment", "editor", id=each["id"], text="Bonjour")
    delivery.deliver()
    [mail] = [each for each in postbox.to("stranger") if made["reference"] in body(each)]
    path = f"/{address(mail)}"
    postbox.clear()
    page = app.get(path)
    assert page.status_code == 200 and made["reference"] in page.body
    assert (
        model.Session.scalar(sa.select(sa.func.count()).select_from(Mute)) == 0
    )  # a GET request does not unsubscribe
    done = app.post(path, data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200 and made["reference"] in done.body
    assert "Set-Cookie" not in done.headers or "remember_token" not in done.headers["Set-Cookie"]
    for each in (made, other):
        act("comment", "editor", id=each["id"], text="Encore")
    delivery.deliver()
    [left] = postbox.to("stranger")
    assert other["reference"] in body(left)
    assert act("notification_list", "stranger")["count"] == 4
    assert model.Session.get(Follow, (made["id"], user_id("stranger"))) is not None
    assert model.Session.get(Setting, user_id("stranger")) is None
    act("follow", "stranger", id=made["id"])
    act("comment", "editor", id=made["id"], text="De nouveau")
    delivery.deliver()
    assert len(postbox.to("stranger")) == 2


@pytest.mark.slow("variants")
def test_one_click_of_a_digest_stops_all_mails(app: Any, postbox: Postbox):
    act("settings_update", "editor", digest="daily")
    opened()
    opened(title="Autre")
    with freeze_time(clock.now() + timedelta(days=1)):
        delivery.digests()
        delivery.deliver()
    [mail] = postbox.to("editor")
    assert app.post(f"/{address(mail)}", data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert act("settings_show", "editor")["digest"] == "none"


def test_forged_ways_out_are_not_found(app: Any, postbox: Postbox):
    made = opened()
    good = delivery.unsubscribe_token(user_id("asker"), made["id"])
    changed = good[:-10] + ("a" if good[-10] != "a" else "b") + good[-9:]
    for forged in (changed, good.rsplit(".", 1)[0], "x", "a" * 5000, "é"):
        assert app.post(f"/demandes/desabonnement/{forged}").status_code == 404
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Mute)) == 0


def test_the_way_out_of_a_request_that_is_gone_stops_nothing_else(app: Any):
    gone = delivery.unsubscribe_token(user_id("asker"), "00000000-0000-4000-8000-000000000000")
    assert app.post(f"/demandes/desabonnement/{gone}").status_code == 404
    assert model.Session.get(Setting, user_id("asker")) is None


def test_the_way_out_of_a_closed_account_writes_nothing_about_it(app: Any):
    made, person = opened(), factories.User(image_url="")["id"]
    ways_out = [delivery.unsubscribe_token(person, each) for each in ("", made["id"])]
    model.Session.execute(
        sa.text("UPDATE \"user\" SET state = 'deleted' WHERE id = :id"), {"id": person}
    )
    model.Session.commit()
    assert {app.post(f"/demandes/desabonnement/{each}").status_code for each in ways_out} == {404}
    assert model.Session.get(Setting, person) is None
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Mute)) == 0
    model.Session.execute(sa.delete(model.User).where(model.User.id == person))
    model.Session.commit()


def test_name_of_a_person_cannot_carry_a_link_into_their_mail(postbox: Postbox):
    model.Session.execute(
        sa.text("UPDATE \"user\" SET fullname = 'Bloqué www.faux.example' WHERE name = 'asker'")
    )
    model.Session.commit()
    try:
        opened()
        delivery.deliver()
        for mail in postbox.to("asker"):
            assert "www.faux.example" not in body(mail) + body(mail, "html") + str(mail["To"])
    finally:
        model.Session.execute(
            sa.text("UPDATE \"user\" SET fullname = 'Asker Nom' WHERE name = 'asker'")
        )
        model.Session.commit()


def test_agent_who_erases_their_data_leaves_the_answers_of_the_service(
    app: Any, ckan_config: Any, monkeypatch: Any, tmp_path: Any
):
    from io import BytesIO

    from werkzeug.datastructures import FileStorage

    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path))
    made = opened()
    upload = FileStorage(BytesIO(b"%PDF-1.4 reponse"), filename="reponse.pdf")
    act("comment", "editor", id=made["id"], text="Voici la réponse", upload=upload)
    act("comment", "editor", id=made["id"], text="Note du service", internal=True)
    own = FileStorage(BytesIO(b"%PDF-1.4 piece"), filename="piece.pdf")
    act("comment", "asker", id=made["id"], text="Merci", upload=own)
    step(made, "start", "editor", planned=later(3), note="Vu avec le BE")
    act("erase", "editor")
    act("erase", "asker")
    answer, note, _thanks = act("show", "admin", id=made["id"])["comments"]
    assert (answer["author"], answer["author_name"]) == ("DDT 42 (officer)", "")
    assert "Voici la réponse" in answer["html"] and "Note du service" in note["html"]
    file = f"/demandes/{made['reference']}/fichier/{answer['attachments'][0]['id']}"
    got = app.get(file)
    assert got.status_code == 200 and b"reponse" in got.data
    assert not _thanks["attachments"]
    events = act("show", "admin", id=made["id"])["events"]
    assert [each["note"] for each in events if each["transition"] == "start"] == ["Vu avec le BE"]
    assert act("export", "editor")["comments"] == []


def test_refusal_stays_readable_in_the_history_after_reopening(app: Any):
    made = opened()
    step(made, "refuse", "admin", **REFUSAL)
    step(made, "reopen", "asker", reason="Le motif ne tient pas")
    assert row(made).outcome == {}
    from ckan.tests import factories

    headers = {"Authorization": factories.APIToken(user="asker")["token"]}
    page = app.get(f"/fr/demandes/{made['reference']}", headers=headers).body
    [refusal] = [
        each
        for each in act("show", "asker", id=made["id"])["events"]
        if each["transition"] == "refuse"
    ]
    assert REASON in page and refusal["fields"]["ground_label"]
    [letter] = [
        each for each in act("show", "asker", id=made["id"])["letters"] if each["kind"] == "refuse"
    ]
    assert f"/lettre/{letter['id']}" in page
    assert REASON not in app.get(f"/fr/demandes/{made['reference']}").body
