"""Moderation of texts by new users, over HTTP, as seen by each of the users concerned."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories
from freezegun import freeze_time

from ckanext.ecosphere.core import addresses
from ckanext.ecosphere.data_requests import service, transitions
from ckanext.ecosphere.data_requests.domain import clock, text, trust
from ckanext.ecosphere.data_requests.model import Comment, Event, Notification, Request
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.notifications.outbox import OUTBOX
from ckanext.ecosphere.data_requests.tests.conftest import (
    DRAFT,
    act,
    dataset,
    opened,
    row,
    step,
    submitted,
    user_id,
)
from ckanext.ecosphere.data_requests.tests.test_hostile_texts import RUNS, queries
from ckanext.ecosphere.data_requests.tests.test_pages import visit
from ckanext.ecosphere.shared import characters, dates
from ckanext.ecosphere.tests.hostile_texts import STRANGE
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = pytest.mark.usefixtures("portal")

PHISH = "Votre compte est bloqué : [connectez-vous](http://faux.example/login) ou www.faux.example"
UNREAD = ("faux.example", "Votre compte est bloqué")
EVERYWHERE = (
    "/fr/demandes/{0}",
    "/fr/demandes/{0}/flux.atom",
    "/api/3/action/ecosphere_request_show?id={0}",
)


@pytest.fixture(autouse=True)
def held(generous: None, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the default of `release_after`: texts of new users are held for moderation."""
    monkeypatch.setitem(ckan_config, "ecosphere.requests.release_after", 3)


@pytest.fixture
def tokens() -> dict[str | None, dict[str, str]]:
    """Authorization headers of each user; empty for anonymous access."""
    made = {
        name: factories.APIToken(user=name)["token"]
        for name in ("friend", "stranger", "editor", "moderator")
    }
    return {None: {}, **{name: {"Authorization": token} for name, token in made.items()}}


def call(app: Any, headers: dict[str, str], action: str, **data: Any) -> Any:
    return app.post(f"/api/3/action/ecosphere_request_{action}", json=data, headers=headers)


def read(app: Any, headers: dict[str, str], reference: str) -> str:
    return "".join(
        app.get(address.format(reference), headers=headers).body for address in EVERYWHERE
    )


def later(days: int) -> str:
    return (dates.today() + timedelta(days=days)).isoformat()


def told() -> set[str]:
    query = sa.select(model.User.name).join(Notification, Notification.user_id == model.User.id)
    return set(model.Session.scalars(query.where(Notification.kind == "comment")))


def test_first_comment_is_held_from_everyone_but_author_and_moderators(
    app: Any, tokens: dict[str | None, dict[str, str]], postbox: Postbox
):
    made = opened()
    act("follow", "stranger", id=made["id"])
    assert call(app, tokens["friend"], "comment", id=made["id"], text=PHISH).status_code == 200
    for person in (None, "stranger", "editor"):
        page = read(app, tokens[person], made["reference"])
        assert not [words for words in UNREAD if words in page], person
    assert call(app, {}, "show", id=made["id"]).json["result"]["comment_count"] == 0
    assert "Held" in app.get(f"/en/demandes/{made['reference']}", headers=tokens["friend"]).body
    delivery.deliver()
    assert told() == set()
    everything = "".join(body(mail) + body(mail, "html") for mail in postbox.mails)
    assert not [words for words in UNREAD if words in everything]
    assert "A text of a new person waits" in " ".join(postbox.subjects("moderator"))


def test_released_comment_is_read_and_told_with_links_as_text(
    app: Any, tokens: dict[str | None, dict[str, str]], postbox: Postbox
):
    made = opened()
    call(app, tokens["friend"], "comment", id=made["id"], text=PHISH)
    page = app.get("/fr/demandes/moderation/messages", headers=tokens["moderator"]).body
    assert "Votre compte est bloqué" in page and 'href="http://faux.example' not in page
    [waiting] = call(app, tokens["moderator"], "held_list").json["result"]["results"]
    app.post(
        f"/fr/demandes/moderation/messages/{waiting['kind']}/{waiting['id']}",
        data={"decision": "release"},
        headers=tokens["moderator"],
    )
    page = read(app, {}, made["reference"])
    assert (
        "Votre compte est bloqué" in page and "connectez-vous (http://faux.example/login)" in page
    )
    assert not re.search(r'href=\\?"[^"]*faux\.example', page)
    assert call(app, {}, "show", id=made["id"]).json["result"]["comment_count"] == 1
    delivery.deliver()
    assert told() == {"asker", "editor", "admin"}
    [_receipt, _accepted, mail] = postbox.to("asker")
    for form in ("plain", "html"):
        text = body(mail, form)
        assert "faux[.]example/login" in text and "faux.example" not in text
        assert "comes from a user of the portal" in text and "not from the administration" in text
    assert "http://faux" not in body(mail) and '<a href="faux' not in body(mail, "html")


@pytest.mark.parametrize("requester", ["asker", "editor"])
def test_note_is_refused_when_the_request_goes_to_another_service_meanwhile(
    app: Any,
    tokens: dict[str | None, dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    requester: str,
):
    made = opened(requester)

    def transfer(_reader: Any) -> None:
        other = model.Group.get("dreal-ara")
        assert other is not None
        row(made).organization_id = other.id
        model.Session.commit()

    # Between the check of permissions and the lock.
    monkeypatch.setattr(trust, "count_text", transfer)
    note = {"id": made["id"], "text": "Entre nous.", "internal": True}
    assert call(app, tokens["editor"], "comment", **note).status_code == 403
    assert model.Session.scalars(sa.select(Comment)).all() == []


@pytest.mark.parametrize("person", [None, "stranger", "friend", "editor"])
def test_only_moderators_read_the_queue_and_decide(
    app: Any, tokens: dict[str | None, dict[str, str]], person: Any
):
    made = opened()
    act("comment", "friend", id=made["id"], text=PHISH)
    comment = model.Session.scalars(sa.select(Comment)).one()
    decision = {"kind": "comment", "id": comment.id, "decision": "release"}
    assert call(app, tokens[person], "held_list").status_code == 403
    assert call(app, tokens[person], "moderate", **decision).status_code == 403
    page = app.get(
        "/fr/demandes/moderation/messages", headers=tokens[person], follow_redirects=False
    )
    assert page.status_code in (302, 403) and "faux.example" not in page.body
    assert model.Session.scalars(sa.select(Comment.moderation)).one() == "held"


@pytest.mark.slow("load")
def test_number_of_queries_does_not_grow_with_the_queue(
    app: Any,
    tokens: dict[str | None, dict[str, str]],
    ckan_config: Any,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.release_after", 100)

    def show() -> None:
        app.get("/fr/demandes/moderation/messages", headers=tokens["moderator"])

    def one_more(number: int) -> None:
        made = opened(title=f"Zones humides {number}")
        act("comment", "friend", id=made["id"], text="Bonjour")
        act("update", "asker", id=made["id"], version=row(made).version, scale="1/5 000")
        step(made, "ask_details", "editor", question="Où ?", answer_by=later(3))
        step(made, "answer_details", "asker", comment="Ici")

    one_more(0)
    show()
    few = queries(show)
    for number in range(1, 5):
        one_more(number)
    assert act("held_list", "moderator")["count"] == 15
    assert queries(show) == few


def test_rejected_text_is_told_to_its_author_with_the_reason(postbox: Postbox):
    made = opened()
    act("comment", "friend", id=made["id"], text=PHISH)
    [waiting] = act("held_list", "moderator")["results"]
    with pytest.raises(Exception, match="Give the reason"):
        act("moderate", "moderator", id=waiting["id"], kind="comment", decision="reject")
    act(
        "moderate",
        "moderator",
        id=waiting["id"],
        kind="comment",
        decision="reject",
        reason="Hameçonnage",
    )
    [own] = act("show", "friend", id=made["id"])["comments"]
    assert (own["moderation"], own["hidden_reason"]) == ("rejected", "Hameçonnage")
    assert (
        act("show", None, id=made["id"])["comments"]
        == act("show", "editor", id=made["id"])["comments"]
        == []
    )
    delivery.deliver()
    assert postbox.subjects("friend") == [
        f"What you wrote about the request {made['reference']} was not published"
    ]
    with pytest.raises(Exception, match="decided on this already"):
        act("moderate", "moderator", id=waiting["id"], kind="comment", decision="release")


def test_spam_takes_all_that_waits_of_its_author_and_their_trust(postbox: Postbox):
    made = opened()
    for words in ("un", "deux", "trois"):
        act("comment", "friend", id=made["id"], text=words)
    first, second, _third = act("held_list", "moderator")["results"]
    act("moderate", "moderator", id=first["id"], kind="comment", decision="release")
    act("moderate", "moderator", id=second["id"], kind="comment", decision="spam")
    assert act("held_list", "moderator")["count"] == 0
    assert [each["html"] for each in act("show", None, id=made["id"])["comments"]] == [
        "<p>un</p>\n"
    ]
    delivery.deliver()
    assert postbox.to("friend") == []
    assert not trust.is_trusted(user_id("friend"))


@pytest.mark.slow("load")
def test_flood_of_new_people_is_one_mail_an_hour_for_moderators(
    app: Any,
    tokens: dict[str | None, dict[str, str]],
    postbox: Postbox,
    ckan_config: Any,
    monkeypatch: Any,
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.moderation_digest", 60)
    act("settings_update", "moderator", language="fr")
    public = opened(title="Frayères")
    postbox.clear()
    for person in ("friend", "stranger"):
        for number in range(4):
            call(app, tokens[person], "comment", id=public["id"], text=f"{number} {PHISH}")
            delivery.deliver()  # as a worker would after each comment
        for visibility in ("public", "private"):
            made = call(
                app,
                tokens[person],
                "create",
                **{**DRAFT, "visibility": visibility, "title": f"{visibility} {person}"},
            )
            sent = {
                "transition": "submit",
                "version": made.json["result"]["version"],
                "similar_seen": True,
            }
            call(app, tokens[person], "transition", id=made.json["result"]["id"], **sent)
            delivery.deliver()
    assert postbox.to("moderator") == [] and not OUTBOX.is_needed()
    rejected = call(app, tokens["moderator"], "held_list").json["result"]["results"][-1]
    call(
        app,
        tokens["moderator"],
        "moderate",
        kind=rejected["kind"],
        id=rejected["id"],
        decision="release",
    )
    with freeze_time(clock.now() + timedelta(minutes=59)):
        delivery.deliver()
        assert postbox.to("moderator") == []
    with freeze_time(clock.now() + timedelta(minutes=61)):
        assert OUTBOX.is_needed()
        delivery.deliver()
        delivery.deliver()
        assert not OUTBOX.is_needed()
    [mail] = postbox.to("moderator")
    # Eight comments and four requests, less the one already moderated.
    assert str(mail["Subject"]).endswith("11 contributions attendent un modérateur")
    assert mail["List-Unsubscribe"]
    for form in ("plain", "html"):
        text = body(mail, form)
        assert (
            f"7 textes de nouvelles personnes attendent un modérateur\u00a0: {public['reference']}"
            in text
        )
        assert (
            text.count(f"/fr/demandes/{public['reference']}") == 1
            and text.count("/fr/demandes/moderation") == 2
        )
        assert "public friend" in text and "public stranger" in text
        assert not [
            words for words in (*UNREAD, "private friend", "private stranger") if words in text
        ]


def test_name_from_right_to_left_turns_nothing_around_it(
    app: Any, tokens: dict[str | None, dict[str, str]]
):
    made, name = opened(title="מים 2024"), "שרה (12)"
    model.Session.execute(
        sa.update(model.User).where(model.User.name == "friend").values(fullname=name)
    )
    model.Session.commit()
    try:
        act("comment", "friend", id=made["id"], text="Merci")
        page = app.get("/fr/demandes/moderation/messages", headers=tokens["moderator"]).body
        assert f"<bdi>{name}</bdi>" in page and f"<bdi>{made['title']}</bdi>" in page
        shown = app.get(f"/fr/demandes/{made['reference']}", headers=tokens["moderator"]).body
        assert f"(<bdi>{name}</bdi>)" in shown
    finally:
        model.Session.execute(
            sa.update(model.User).where(model.User.name == "friend").values(fullname="Friend Nom")
        )
        model.Session.commit()


def test_trust_comes_from_services_released_texts_and_answered_requests():
    assert trust.is_trusted(user_id("editor")) and trust.is_trusted(user_id("boss"))
    assert not trust.is_trusted(user_id("member")) and not trust.is_trusted(None)
    made = opened("friend")
    assert not trust.is_trusted(user_id("friend"))
    for words in ("un", "deux"):
        act("comment", "friend", id=made["id"], text=words)
        [waiting] = act("held_list", "moderator")["results"]
        act("moderate", "moderator", id=waiting["id"], kind="comment", decision="release")
    assert trust.is_trusted(user_id("friend"))
    act("comment", "friend", id=made["id"], text="[site](https://ign.fr)")
    assert 'href="https://ign.fr"' in act("show", None, id=made["id"])["comments"][-1]["html"]
    answered = opened("asker", title="Autre")
    assert not trust.is_trusted(user_id("asker"))
    step(answered, "fulfil", "editor", datasets=[dataset()["name"]])
    assert trust.is_trusted(user_id("asker"))


def test_attachment_of_a_held_comment_is_not_found(
    app: Any,
    tokens: dict[str | None, dict[str, str]],
    ckan_config: Any,
    monkeypatch: Any,
    tmp_path: Any,
):
    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path))
    made = opened()
    answer = app.post(
        f"/fr/demandes/{made['reference']}/message",
        data={"text": "Voir", "upload": (io.BytesIO(b"%PDF-1.4 piege"), "facture.pdf")},
        headers=tokens["friend"],
        follow_redirects=False,
    )
    assert answer.status_code == 302
    file = act("show", "friend", id=made["id"])["comments"][0]["attachments"][0]["id"]
    address = f"/fr/demandes/{made['reference']}/fichier/{file}"
    for person in (None, "stranger", "editor"):
        assert app.get(address, headers=tokens[person]).status_code == 404
    read_file = app.get(address, headers=tokens["moderator"])
    assert read_file.status_code == 200
    assert not {"ETag", "Last-Modified"} & set(read_file.headers)


def test_request_of_a_new_person_has_no_links_and_its_mails_neither(app: Any, postbox: Postbox):
    made = opened(
        title="Urgent www.faux.example",
        description="Voir [ici](http://faux.example/x) et http://faux.example",
    )
    page = read(app, {}, made["reference"])
    assert "ici (http://faux.example/x)" in page and not re.search(r'href=\\?"http://faux', page)
    delivery.deliver()
    assert postbox.mails
    for mail in postbox.mails:
        assert "faux.example" not in body(mail) + body(mail, "html")


@pytest.mark.few(1, "variants")
@pytest.mark.parametrize("is_confirmed", [False, True])
def test_nobody_writes_to_others_by_an_account_with_their_address(
    postbox: Postbox, is_confirmed: bool
):
    """Registration accepts any e-mail address: until it is confirmed,
    it may belong to somebody else.
    """
    stranger = model.User.get("stranger")
    assert stranger is not None
    before, stranger.fullname = stranger.fullname, "Urgent appelez le guichet"
    model.Session.commit()
    try:
        if is_confirmed:
            addresses.mark_confirmed(stranger)
        made = submitted(
            "stranger", title="Votre compte est suspendu", description="Appelez ce soir."
        )
        delivery.deliver()
        [mail] = postbox.to("stranger")
        words = body(mail) + body(mail, "html") + str(mail["To"])
        found = [
            each
            for each in ("compte est suspendu", "Appelez ce soir", "Urgent appelez")
            if each in words
        ]
        assert found == (["compte est suspendu", "Urgent appelez"] if is_confirmed else [])
        assert [part.get_content_type() for part in mail.iter_attachments()] == [
            "application/pdf"
        ] * is_confirmed
        # The link to the letter is sent in either case.
        assert f"demandes/{made['reference']}/lettre/" in body(mail)
    finally:
        stranger = model.User.get("stranger")
        assert stranger is not None
        stranger.fullname, stranger.plugin_extras = before, None
        model.Session.commit()


def test_edit_of_a_new_person_changes_nothing_before_its_release(app: Any, postbox: Postbox):
    made = opened()
    delivery.deliver()
    postbox.clear()
    changed = "Inventaire des zones humides, au moins au 1/10 000. http://faux.example"
    act("update", "asker", id=made["id"], version=row(made).version, description=changed)
    assert row(made).description == made["description"]
    assert "faux.example" not in read(app, {}, made["reference"])
    assert [each["moderation"] for each in act("show", "asker", id=made["id"])["events"]][
        -1
    ] == "held"
    delivery.deliver()
    assert postbox.to("editor") == []
    [waiting] = act("held_list", "moderator")["results"]
    act("moderate", "moderator", id=waiting["id"], kind="edit", decision="release")
    assert row(made).description == changed
    delivery.deliver()
    assert postbox.subjects("editor") == [
        f"The requester has edited the request {made['reference']}"
    ]
    event = act("show", "editor", id=made["id"])["events"][-1]
    [change] = event["changes"]
    assert change["from"] == made["description"] and change["to"] == changed
    assert ["-", "1/25 "] in [[kind, words] for kind, words in change["diff"]] or any(
        kind == "-" and "25" in words for kind, words in change["diff"]
    )
    public = act("show", None, id=made["id"])["events"][-1]
    assert (public["edited"], public["changes"]) == (["description"], [])


def test_edit_of_a_trusted_person_is_a_version_told_to_the_service(
    ckan_config: Any, monkeypatch: Any, postbox: Postbox
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.release_after", 1)
    made = opened()
    delivery.deliver()
    postbox.clear()
    done = act(
        "update",
        "asker",
        id=made["id"],
        version=row(made).version,
        scale="1/5 000",
        need_by="2031-02-01",
    )
    assert (done["scale"], done["events"][-1]["transition"]) == ("1/5 000", "edit")
    assert {each["field"]: each["to"] for each in done["events"][-1]["changes"]} == {
        "scale": "1/5 000",
        "need_by": "2031-02-01",
    }
    delivery.deliver()
    assert len(postbox.to("editor")) == 1


def test_held_edit_of_a_started_request_cannot_be_released():
    made = opened()
    act("update", "asker", id=made["id"], version=row(made).version, scale="1/5 000")
    step(made, "start", "editor", planned=later(3))
    [waiting] = act("held_list", "moderator")["results"]
    with pytest.raises(Exception, match="can no longer be edited"):
        act("moderate", "moderator", id=waiting["id"], kind="edit", decision="release")
    assert act("held_list", "moderator")["count"] == 1 and row(made).scale == ""


def test_words_of_a_step_of_a_new_requester_are_for_the_service_only(app: Any, postbox: Postbox):
    made = opened()
    step(made, "ask_details", "editor", question="Quelle échelle ?", answer_by=later(3))
    step(made, "answer_details", "asker", comment="Au 1/10 000, voir http://faux.example")
    assert "faux.example" in json.dumps(act("show", "editor", id=made["id"]))
    assert "faux.example" not in read(app, {}, made["reference"])
    delivery.deliver()
    assert "faux" not in "".join(body(mail) for mail in postbox.mails)
    [waiting] = act("held_list", "moderator")["results"]
    assert waiting["kind"] == "step"
    act("moderate", "moderator", id=waiting["id"], kind="step", decision="release")
    assert "1/10 000" in read(app, {}, made["reference"])
    assert (
        model.Session.scalars(
            sa.select(Event.moderation).where(Event.transition == "answer_details")
        ).one()
        == "released"
    )


def test_conflict_tells_outsiders_no_held_words():
    made = opened()
    step(made, "ask_details", "editor", question="Quelle échelle ?", answer_by=later(3))
    step(made, "answer_details", "asker", comment="Secret retenu")
    with pytest.raises(Exception) as raised:
        act("transition", "stranger", id=made["id"], transition="withdraw", version=1)
    assert "Secret retenu" not in str(getattr(raised.value, "error_dict", raised.value))


@pytest.mark.few(1, "variants")
@pytest.mark.parametrize(
    "lang, service, user",
    [("fr", "DDT 42 (agent)", "Usager"), ("en", "DDT 42 (officer)", "User of the portal")],
)
def test_role_of_the_author_stands_beside_each_comment(
    app: Any, lang: str, service: str, user: str, ckan_config: Any
):
    ckan_config["ecosphere.requests.release_after"] = 0
    made = opened()
    for person in ("editor", "friend", "asker"):
        act("comment", person, id=made["id"], text="Bonjour")
    act(
        "transition",
        "admin",
        id=made["id"],
        transition="transfer",
        version=row(made).version,
        organization="dreal-ara",
        reason="x",
    )
    page = app.get(f"/{lang}/demandes/{made['reference']}").body
    names = re.findall(r'eco-req-message__who">\s*<strong>([^<]+)', page)
    assert names[:2] == [service, user] and len(names) == 3


def test_no_public_page_shows_an_e_mail_address(app: Any):
    user = model.User.get("asker")
    assert user is not None
    user.fullname = "asker@secret.example"
    model.Session.commit()
    try:
        made = opened(show_name=True)
        assert "secret.example" not in read(app, {}, made["reference"])
        assert act("show", None, id=made["id"])["requester"]["name"] == "asker"
    finally:
        user = model.User.get("asker")
        assert user is not None
        user.fullname = "Asker Nom"
        model.Session.commit()


def test_public_dates_are_days_and_order_within_a_day_tells_nothing(app: Any):
    made = [opened(title=f"Demande {number}") for number in range(6)]
    for each in made:
        act("comment", "editor", id=each["id"], text="Bonjour")
    pages = "".join(read(app, {}, each["reference"]) for each in made)
    pages += (
        app.get("/api/3/action/ecosphere_request_list?rows=50").body + app.get("/fr/demandes").body
    )
    pages += app.get("/api/3/action/ecosphere_request_similar?title=Demande").body
    feed = app.get("/fr/demandes/flux.atom").body
    assert re.findall(r"\d{4}-\d\d-\d\dT[^<\"]*", pages.replace("T00:00:00", "")) == []
    assert {each[11:19] for each in re.findall(r"<updated>([^<]+)", feed)} == {"00:00:00"}
    listed = [each["id"] for each in act("list", None)["results"]]
    assert listed == sorted(listed)
    exact = act("show", "asker", id=made[0]["id"])
    assert "T" in exact["created"] and "T" in exact["events"][0]["created"]
    assert all(each["id"] is None for each in act("show", None, id=made[0]["id"])["events"])


def test_references_reveal_no_order():
    numbers = [transitions.next_reference(2026) for _number in range(20)]
    assert numbers != sorted(numbers) and all(
        re.fullmatch(r"DD-2026-\d{5}", number) for number in numbers
    )


@pytest.mark.parametrize(
    "written",
    [
        "<http://faux.example>",
        "[a](http://faux.example)",
        "[a][1]\n\n[1]: http://faux.example",
        "http://faux.example/x?y=1",
        "www.faux.example",
        "faux.example",
        "x@faux.example",
        r"\[a\](http://faux.example)",
        "ftp://faux.example",
        "[http://ecologie.gouv.fr](http://faux.example)",
    ],
)
def test_no_program_finds_a_link_in_what_a_new_person_wrote(written: str):
    assert "<a" not in text.to_html(written, plain=True)
    mailed = text.defanged(written)
    assert "faux.example" not in mailed and "@faux" not in mailed and "faux[.]example" in mailed
    assert "<a" not in text.mail_html(mailed) and "://" not in mailed


def test_no_text_of_a_new_person_runs_where_its_links_are_text(
    app: Any, tokens: dict[str | None, dict[str, str]]
):
    hostile = "\n\n".join(each for each in STRANGE if characters.is_clean(each))
    made = opened(description=hostile)
    assert call(app, tokens["friend"], "comment", id=made["id"], text=hostile).status_code == 200
    queue = app.get("/fr/demandes/moderation/messages", headers=tokens["moderator"]).body
    [waiting] = call(app, tokens["moderator"], "held_list").json["result"]["results"]
    call(app, tokens["moderator"], "moderate", id=waiting["id"], kind="comment", decision="release")
    shown = app.get(f"/fr/demandes/{made['reference']}").body
    for body_ in (queue, shown):
        assert "a (http://evil.example)" in body_
        assert not RUNS.search(body_)


def test_difference_of_texts():
    assert service.difference("un deux trois", "un quatre trois") == [
        ("=", "un "),
        ("-", "deux "),
        ("+", "quatre "),
        ("=", "trois"),
    ]
    long = " ".join(f"mot{number}" for number in range(20_000))
    assert service.difference(long, long + " fin")[-1][0] == "+"


def test_what_is_not_opened_is_edited_at_once():
    made = submitted()
    done = act("update", "asker", id=made["id"], version=made["version"], scale="1/5 000")
    assert (
        done["scale"] == "1/5 000"
        and model.Session.get_one(Request, made["id"]).version == made["version"] + 1
    )


def test_files_sent_with_a_request_that_no_moderator_read_are_held(app: Any):
    opened()  # the next one opens at once, but texts and files of its author are not published yet
    form = {"title": "Frayères du Lignon", "description": "Les contours.", "theme": "eau"}
    file = (io.BytesIO(b"%PDF-1.4 plan"), "plan.pdf")
    where = {"territory": "departement-42", "go": "send", "similar_seen": "1"}
    assert visit(app, "asker", "/demandes/nouvelle", files=file, **form, **where).status_code == 302
    made = act("list", "asker", scope="mine")["results"][0]
    assert (made["title"], made["state"]) == ("Frayères du Lignon", "open")
    [message] = act("show", "asker", id=made["id"])["comments"]
    path = f"/demandes/{made['reference']}/fichier/{message['attachments'][0]['id']}"
    assert [visit(app, person, path).status_code for person in ("asker", "editor", None)] == [
        200,
        200,
        404,
    ]
    [waiting] = act("held_list", "moderator")["results"]
    act("moderate", "moderator", id=waiting["id"], kind="comment", decision="release")
    assert visit(app, None, path).data == b"%PDF-1.4 plan"
