"""E-mail notifications through a real SMTP server: recipients, contents, language,
and each sent once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.jobs import get_queue
from ckan.lib.redis import connect_to_redis
from ckan.tests.helpers import call_action
from freezegun import freeze_time

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import Notification, rows_changed
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.notifications.outbox import OUTBOX
from ckanext.ecosphere.data_requests.tests.conftest import (
    EXTENSION,
    REASON,
    REFUSAL,
    act,
    dataset,
    opened,
    row,
    step,
    submitted,
    user_id,
)
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.tests.postbox import Postbox, body
from ckanext.ecosphere.work.model import Work

pytestmark = pytest.mark.usefixtures("portal")


def later(days: int) -> str:
    return (clock.today() + timedelta(days=days)).isoformat()


def statuses() -> dict[str, int]:
    query = sa.select(Work.status, sa.func.count()).join(
        Notification, Notification.mail_id == Work.id
    )
    return dict(model.Session.execute(query.group_by(Work.status)).tuples().all())


def test_a_request_is_received_accepted_and_answered_by_mail(postbox: Postbox):
    made = submitted()
    delivery.deliver()
    assert postbox.subjects("asker") == [f"Your request {made['reference']} was received"]
    assert postbox.subjects("moderator") == [f"A new request has arrived: {made['reference']}"]
    assert len(postbox.mails) == 2
    postbox.clear()
    made = step(made, "accept", "moderator", organization="ddt-42")
    act("support", "friend", id=made["id"])
    act("follow", "stranger", id=made["id"])
    delivery.deliver()
    assert {mail["To"].split("<")[-1].split("@")[0] for mail in postbox.mails} == {
        "asker",
        "editor",
        "admin",
    }
    postbox.clear()
    step(made, "fulfil", "editor", datasets=[dataset()["name"]])
    delivery.deliver()
    assert {mail["To"].split("<")[-1].split("@")[0] for mail in postbox.mails} == {
        "asker",
        "friend",
        "stranger",
    }
    [mail] = postbox.to("asker")
    for form in (body(mail), body(mail, "html")):
        assert (
            "Zones humides du Forez" in form
            and "/dataset/" in form
            and f"/demandes/{made['reference']}" in form
        )


def test_what_a_trusted_person_asks_is_received_and_handed_over_in_one_email(postbox: Postbox):
    made = submitted("editor", organization="ddt-42", title="Tourbières du Forez")
    assert made["state"] == "open"
    delivery.deliver()
    [mail], [told] = postbox.to("editor"), postbox.subjects("editor")
    service = made["organization"]["title"]
    assert told == f"Your request {made['reference']} was received and handed over to {service}"
    assert body(mail).count("\nTourbières du Forez\n") == 1


def test_each_person_reads_their_own_language(postbox: Postbox):
    act("settings_update", "asker", language="fr")
    made = opened()
    delivery.deliver()
    received, accepted = postbox.subjects("asker")
    assert received == f"Votre demande {made['reference']} a bien été reçue"
    assert "DDT 42" in accepted and "confiée" in accepted
    text = body(postbox.to("asker")[0])
    assert "Bonjour" in text and "Voir la demande\u00a0: http" in text and "/fr/demandes/" in text
    assert postbox.subjects("editor") == [
        f"A request was handed over to your service: {made['reference']}"
    ]


def test_nobody_is_told_of_what_they_did_themselves(postbox: Postbox):
    made = opened()
    delivery.deliver()
    postbox.clear()
    step(made, "withdraw", "asker")
    act("comment", "editor", id=made["id"], text="Dommage")
    delivery.deliver()
    assert postbox.subjects("editor") == [f"The request {made['reference']} was withdrawn"]
    assert postbox.subjects("asker") == [
        f"There is a new comment on your request {made['reference']}"
    ]


@pytest.mark.slow("variants")
def test_a_service_that_handed_a_private_request_over_is_told_without_a_link_to_it(
    postbox: Postbox,
):
    made = opened(visibility="private")
    delivery.deliver()
    postbox.clear()
    step(made, "transfer", "admin", organization="dreal-ara", reason="Région")
    delivery.deliver()
    for person, found in (("editor", False), ("other-editor", True)):
        [mail] = postbox.to(person)
        assert [
            f"/demandes/{made['reference']}" in body(mail, form) for form in ("plain", "html")
        ] == [found, found]
    assert "Région" in body(postbox.to("asker")[-1])  # beside the receipt of the other service


@pytest.mark.slow("variants")
def test_the_author_of_a_duplicate_is_told_which_request_goes_on(postbox: Postbox):
    source, other = submitted(), submitted(title="Mares du Forez")
    step(source, "mark_duplicate", "moderator", target=other["reference"])
    delivery.deliver()
    mail = postbox.to("asker")[-1]
    assert "closed as a duplicate: your other one goes on" in body(mail) and other[
        "reference"
    ] in body(mail)


@pytest.mark.slow("variants")
def test_a_service_is_told_that_moderators_took_a_request_from_its_desk(postbox: Postbox):
    closed, merged, waiting = opened(), opened(title="Mares du Forez"), submitted("stranger")
    target = opened(title="Étangs du Forez")
    delivery.deliver()
    postbox.clear()
    step(closed, "reject", "moderator", reason=REASON)
    step(merged, "mark_duplicate", "moderator", target=target["reference"])
    step(waiting, "reject", "moderator", reason=REASON)  # no service was in charge of it
    delivery.deliver()
    assert sorted(postbox.subjects("editor")) == sorted(
        [
            f"Moderators have closed a request that your service had: {closed['reference']}",
            f"Moderators have closed a duplicate that your service had: {merged['reference']}",
        ]
    )
    [told] = [mail for mail in postbox.to("editor") if closed["reference"] in mail["Subject"]]
    assert REASON in body(told) and not list(told.iter_attachments())
    assert len(postbox.to("asker")) == 2 and len(postbox.to("stranger")) == 1


def test_a_refusal_goes_to_the_requester_and_its_outcome_alone_to_others(postbox: Postbox):
    made = opened()
    act("follow", "stranger", id=made["id"])
    delivery.deliver()
    postbox.clear()
    step(made, "refuse", "admin", **REFUSAL)
    delivery.deliver()
    assert "Les stations recensées" in body(postbox.to("asker")[0])
    assert postbox.subjects("stranger") == [
        f"The request {made['reference']} was closed without data"
    ]
    for form in ("plain", "html"):
        assert "stations" not in body(postbox.to("stranger")[0], form)


def test_no_mail_names_the_requester_to_others(postbox: Postbox):
    made = opened()
    act("follow", "stranger", id=made["id"])
    step(made, "start", "editor", planned=later(3))
    delivery.deliver()
    for person in ("editor", "admin", "moderator", "stranger"):
        for mail in postbox.to(person):
            assert "asker" not in str(mail).lower() and "Asker Nom" not in body(mail)


def test_a_note_goes_to_the_service_only(postbox: Postbox):
    made = opened()
    delivery.deliver()
    postbox.clear()
    act("comment", "moderator", id=made["id"], text="Attention", internal=True)
    delivery.deliver()
    assert {mail["To"].split("<")[-1].split("@")[0] for mail in postbox.mails} == {
        "editor",
        "admin",
    }


def test_a_server_out_of_order_is_asked_again_later_and_the_mail_leaves_once(postbox: Postbox):
    postbox.failures = 2
    submitted()
    assert delivery.deliver() == 0
    assert statuses() == {"pending": 2}
    assert delivery.deliver() == 0  # no retry before the pause is over
    with freeze_time(clock.now() + timedelta(minutes=6)):
        assert delivery.deliver() == 2
        assert delivery.deliver() == 0
    assert len(postbox.mails) == 2 and statuses() == {"done": 2}


@pytest.mark.slow("days")
def test_a_mail_that_never_gets_through_is_given_up(ckan_config: Any, monkeypatch: Any):
    monkeypatch.setitem(ckan_config, "smtp.server", "127.0.0.1:1")
    submitted()
    moment = clock.now()
    for _try in range(OUTBOX.most_tries):
        moment += timedelta(days=2)
        with freeze_time(moment):
            delivery.deliver()
    assert statuses() == {"failed": 2}


@pytest.mark.slow("variants")
def test_mail_about_a_step_of_a_later_version_waits_for_a_worker_that_knows_it(postbox: Postbox):
    made = opened()
    delivery.deliver()
    postbox.clear()
    step(made, "extend", "admin", **EXTENSION)
    pending = sa.select(Work.id).where(Work.status == "pending")
    later = (
        sa.update(Notification)
        .where(Notification.mail_id.in_(pending))
        .values(kind="of_a_later_version")
    )
    number = rows_changed(later)
    model.Session.commit()
    assert delivery.deliver() == 0 and number
    waiting = sa.select(Work.attempts).join(Notification, Notification.mail_id == Work.id)
    waiting = waiting.where(Notification.kind == "of_a_later_version", Work.status == "pending")
    assert list(model.Session.scalars(waiting)) == [1] * number
    # Simulates a worker of the later version, to which the kind is known.
    model.Session.query(Notification).filter_by(kind="of_a_later_version").update(
        {"kind": "extend"}
    )
    model.Session.commit()
    with freeze_time(clock.now() + timedelta(minutes=6)):
        assert delivery.deliver() == number
    assert len(postbox.mails) == number


def test_interrupted_mail_is_sent_again(postbox: Postbox):
    submitted()
    with Locks() as sender:
        while OUTBOX.claim_next(sender, delivery.prepare):
            pass
        # The sending process is alive: no other process takes over its rows.
        assert OUTBOX.resume() == 0 and delivery.deliver() == 0
    assert statuses() == {"running": 2}
    assert OUTBOX.resume() == 2
    assert delivery.deliver() == 2
    assert len(postbox.mails) == 2 and statuses() == {"done": 2}


def test_mail_interrupted_each_time_is_given_up(postbox: Postbox):
    submitted()
    for _time in range(OUTBOX.most_tries):
        with Locks() as sender:
            while OUTBOX.claim_next(sender, delivery.prepare):
                pass
        OUTBOX.resume()
    assert statuses() == {"failed": 2} and postbox.mails == []


def test_due_mail_that_the_queue_forgot_is_queued_again(postbox: Postbox):
    submitted()
    connect_to_redis().flushdb()
    assert not OUTBOX.is_needed()
    with freeze_time(clock.now() + timedelta(minutes=1)):
        assert OUTBOX.recover() == ["Data requests: e-mails"]
        assert OUTBOX.waits()
        assert OUTBOX.recover() == []


def test_many_changes_queue_one_delivery():
    connect_to_redis().flushdb()
    for _time in range(5):
        OUTBOX.enqueue()
    assert get_queue(config.QUEUE).count == 1


def test_a_thing_is_never_told_twice(postbox: Postbox):
    from ckanext.ecosphere.data_requests.model import Event
    from ckanext.ecosphere.data_requests.notifications import outbox

    made = opened()
    delivery.deliver()
    number = len(postbox.mails)
    event = model.Session.query(Event).filter_by(request_id=made["id"], transition="accept").one()
    outbox.of_event(row(made), event)
    model.Session.commit()
    assert delivery.deliver() == 0 and len(postbox.mails) == number


@pytest.mark.slow("variants")
def test_an_address_that_is_a_persons_and_a_mailbox_is_written_to_once(postbox: Postbox):
    group = model.Group.get("ddt-42")
    assert group is not None
    group.extras[f"{sheets.PREFIX}email"] = "Editor@secret.example"  # pyright: ignore
    group.extras[f"{sheets.PREFIX}chief"] = "editor@secret.example"  # pyright: ignore
    model.Session.commit()
    try:
        made = opened()
        with freeze_time(clock.today() + timedelta(days=60)):
            step(made, "ask_review", "asker", reason="Le service ne m’a pas répondu.")
            delivery.deliver()
        told = [mail["To"].addresses[0].addr_spec.casefold() for mail in postbox.mails]
        assert told.count("editor@secret.example") == 2, "the new request, and the review"
        postbox.clear()
        act("settings_update", "editor", digest="daily")
        act("comment", "asker", id=made["id"], text="Avez-vous avancé ?")
        delivery.deliver()
        assert len(postbox.to("Editor")) == 1, "the mailbox waits for no digest of a person"
    finally:
        for name in ("email", "chief"):
            group.extras.pop(f"{sheets.PREFIX}{name}")  # pyright: ignore
        model.Session.commit()


@pytest.mark.ckan_config("smtp.server", None)
def test_without_a_mail_server_all_is_shown_in_the_page_and_nothing_waits():
    made = opened()
    assert statuses() == {}
    assert delivery.deliver() == 0
    told = act("notification_list", "asker")
    assert (told["count"], told["unseen"]) == (2, 2)
    assert told["results"][0]["request"]["reference"] == made["reference"]
    act("notification_seen", "asker")
    assert act("notification_list", "asker")["unseen"] == 0
    assert act("notification_list", "stranger")["count"] == 0


@pytest.mark.slow("days")
def test_a_daily_digest_gathers_a_day(postbox: Postbox):
    act("settings_update", "editor", digest="daily")
    for title in ("Zones humides", "Frayères", "Crues"):
        opened("other-editor", title=title)
    delivery.deliver()
    assert postbox.to("editor") == []
    assert delivery.digests() == 0
    with freeze_time(clock.now() + timedelta(days=1)):
        assert delivery.digests() == 1
        assert delivery.digests() == 0
        assert delivery.deliver() == 1
    [mail] = postbox.to("editor")
    assert mail["Subject"].endswith("3 messages about data requests")
    for title in ("Zones humides", "Frayères", "Crues"):
        assert title in body(mail) and title in body(mail, "html")


def test_whoever_wants_no_mail_gets_none(postbox: Postbox):
    act("settings_update", "asker", digest="none")
    opened()
    delivery.deliver()
    assert postbox.to("asker") == []
    assert act("notification_list", "asker")["count"] == 2


def test_who_has_left_the_service_gets_none_of_its_notes(postbox: Postbox):
    """They can still read the request, which is public, but not the notes of the service."""
    made = opened()
    act("settings_update", "editor", digest="daily")
    act("settings_update", "admin", digest="daily")
    delivery.deliver()
    postbox.clear()
    act(
        "comment",
        "moderator",
        id=made["id"],
        text="Le préfet s’y oppose, ne rien dire.",
        internal=True,
    )
    act("comment", "asker", id=made["id"], text="Où en êtes-vous ?")
    call_action("organization_member_delete", {"user": "boss"}, id="ddt-42", username="editor")
    try:
        with freeze_time(clock.now() + timedelta(days=1)):
            delivery.digests()
            delivery.deliver()
    finally:
        call_action(
            "organization_member_create",
            {"user": "boss"},
            id="ddt-42",
            username="editor",
            role="editor",
        )
    assert ["préfet" in body(mail) for mail in postbox.to("admin")] == [True]
    assert postbox.to("editor") == []


def test_what_waits_for_a_digest_follows_a_change_of_mind(postbox: Postbox):
    act("settings_update", "editor", digest="weekly")
    opened()
    act("settings_update", "editor", digest="immediate")
    delivery.digests()
    delivery.deliver()
    assert len(postbox.to("editor")) == 1


@pytest.mark.slow("hostile")
def test_a_title_cannot_write_headers(postbox: Postbox):
    opened(title="Eau\r\nBcc: victim@example.org")
    model.Session.execute(
        sa.text(
            "UPDATE \"user\" SET fullname = E'Nom\\r\\nBcc: victim@example.org' WHERE name = 'admin'"
        )
    )
    model.Session.commit()
    delivery.deliver()
    assert postbox.mails and all(mail["Bcc"] is None for mail in postbox.mails)
    assert all("victim" not in str(mail["To"]).split("<")[-1] for mail in postbox.mails)
    model.Session.execute(
        sa.text("UPDATE \"user\" SET fullname = 'Admin Nom' WHERE name = 'admin'")
    )
    model.Session.commit()


@pytest.mark.slow("hostile")
def test_markup_in_a_request_is_text_in_the_mail(postbox: Postbox):
    made = opened(title="<script>alert(1)</script> & eau")
    act(
        "comment",
        "editor",
        id=made["id"],
        text="[x](javascript:alert(1)) <img src=x onerror=alert(1)>",
    )
    delivery.deliver()
    for mail in postbox.to("asker"):
        html = body(mail, "html")
        assert "<script" not in html and 'href="javascript:' not in html and "<img" not in html


def test_people_who_are_gone_are_not_written_to(postbox: Postbox):
    submitted()
    user = model.User.get(user_id("moderator"))
    assert user is not None
    user.state = "deleted"
    model.Session.commit()
    delivery.deliver()
    assert postbox.to("moderator") == []
    user = model.User.get("moderator")
    assert user is not None
    user.state = "active"
    model.Session.commit()
