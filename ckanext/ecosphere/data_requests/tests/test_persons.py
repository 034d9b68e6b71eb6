"""Access matrix of the actions: every action for every user, on public,
private and unmoderated requests.
"""

from __future__ import annotations

import inspect
import json
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import attachments, conversation, privacy
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.domain.people import reader_of
from ckanext.ecosphere.data_requests.logic import actions, auth
from ckanext.ecosphere.data_requests.model import Notification, Request
from ckanext.ecosphere.data_requests.notifications import delivery, outbox
from ckanext.ecosphere.data_requests.tests.conftest import (
    PEOPLE,
    REFUSAL,
    act,
    dataset,
    draft,
    opened,
    row,
    step,
    submitted,
    user_id,
)
from ckanext.ecosphere.tests.postbox import Postbox
from ckanext.ecosphere.work.model import Work

pytestmark = pytest.mark.usefixtures("portal")

EVERYONE = [None, *PEOPLE, "boss"]
LOGGED_IN = set(EVERYONE) - {None}
SERVICE = {"editor", "admin", "boss"}
MODERATORS = {"moderator", "boss"}
AGENTS = {"editor", "admin", "other-editor", "other-admin", "moderator"}
#: Actions on personal objects, which are not found (rather than forbidden) for others.
NOT_FOUND = {"absence_delete"}

#: Action → who may call it on a public request of the DDT; others are forbidden to, as they can
#: read the request.
PUBLIC: dict[str, Any] = {
    "create": LOGGED_IN,
    "signal": set(EVERYONE),
    "show": set(EVERYONE),
    "update": {"asker"},
    "similar": set(EVERYONE),
    "route": set(EVERYONE),
    "stats": set(EVERYONE),
    "list": set(EVERYONE),
    "dataset_list": set(EVERYONE),
    "letter_preview": {"admin", "boss"},
    "letter_show": LOGGED_IN,
    "comment": LOGGED_IN,
    "comment_hide": MODERATORS,
    "held_list": MODERATORS,
    "moderate": MODERATORS,
    "attachment_show": set(EVERYONE),
    "support": LOGGED_IN,
    "unsupport": LOGGED_IN,
    "follow": LOGGED_IN,
    "unfollow": LOGGED_IN,
    "assign": {"editor", "admin", "other-editor", "other-admin", "moderator", "boss"},
    "desk": SERVICE,
    "absence_list": AGENTS,
    "absence_create": AGENTS,
    "absence_delete": {"editor", "admin"},
    "saved_answer_list": SERVICE,
    "saved_answer_save": SERVICE,
    "saved_answer_delete": SERVICE,
    "delivery_show": set(EVERYONE),
    "referral": {"asker"},
    "batch_add": {"asker"},
    "batch_show": set(EVERYONE),
    "satisfaction": {"asker"},
    "suggestions": SERVICE,
    "settings_show": LOGGED_IN,
    "settings_update": LOGGED_IN,
    "notification_list": LOGGED_IN,
    "notification_seen": LOGGED_IN,
    "spam": MODERATORS,
    "hide": MODERATORS,
    "export": {"asker", "boss"},
    "erase": {"asker", "boss"},
}
#: Transition → who may do it on a request of the DDT.
TRANSITIONS: dict[str, Any] = {
    "submit": {"asker"},
    "accept": MODERATORS,
    "reject": MODERATORS,
    "ask_details": SERVICE,
    "answer_details": {"asker"},
    "expire": set(),
    "start": SERVICE,
    "transfer": {"admin", *MODERATORS},
    "extend": {"admin", "boss"},
    "fulfil": SERVICE,
    "fulfil_partly": SERVICE,
    "refuse": {"admin", "boss"},
    "not_held": {"admin", "boss"},
    "join": {"editor", "admin", *MODERATORS},
    "separate": {"editor", "admin", *MODERATORS},
    "mark_duplicate": MODERATORS,
    "reconsider": MODERATORS,
    "withdraw": {"asker"},
    "reopen": {"asker", *MODERATORS},
}
#: Actions on a single request; not found for users who may not read it.
ABOUT_ONE = {
    "show",
    "update",
    "letter_preview",
    "comment",
    "support",
    "unsupport",
    "follow",
    "unfollow",
    "spam",
    "hide",
    "batch_show",
}


def outcome(action: str, person: str | None, **data: Any) -> str:
    """Return the decision of the auth function: "yes", "forbidden" or "not found"."""
    context: Any = {
        "user": person or "",
        "auth_user_obj": model.User.get(person) if person else None,
    }
    try:
        tk.check_access(f"ecosphere_request_{action}", context, data)
    except tk.ObjectNotFound:
        return "not found"
    except tk.NotAuthorized:
        return "forbidden"
    return "yes"


def data_for(action: str, made: dict[str, Any], comment: str, package: str) -> dict[str, Any]:
    found = {
        "id": made["id"],
        "source": made["id"],
        "target": made["id"],
        "organization": "ddt-42",
        "user": "asker",
    }
    if action == "letter_preview":
        found["transition"] = "refuse"
    if action in ("comment_hide", "moderate"):
        found |= {"id": comment, "kind": "comment"}
    if action == "absence_create":
        found["user"] = ""
    if action == "absence_delete":
        found["id"] = _absence()
    if action == "delivery_show":
        found["id"] = attachments.keep_answer(row(made), {}, ["https://livraison.example"], [])[0]
    if action == "signal":
        found["dataset"] = package
    if action == "dataset_list":
        found["id"] = package
    return found


def _absence() -> str:
    """Return the id of an absence of the editor; create one if needed."""
    day = (clock.today() + timedelta(days=300)).isoformat()
    [known] = act("absence_list", "editor") or [
        act("absence_create", "editor", first=day, last=day)
    ]
    return known["id"]


def with_comment(made: dict[str, Any]) -> str:
    moderator = reader_of(model.User.get("moderator"))
    return conversation.comment(moderator, made["id"], "Bonjour", False).id


def matrix(made: dict[str, Any], names: Any) -> dict[str, dict[str | None, str]]:
    comment, package = with_comment(made), dataset()["name"]
    return {
        name: {
            person: outcome(name, person, **data_for(name, made, comment, package))
            for person in EVERYONE
        }
        for name in names
    }


def test_the_matrix_has_every_action():
    names = {name.removeprefix("ecosphere_request_") for name in actions.get_actions()}
    assert names == {*PUBLIC, "transition"} == set(auth.RULES)


def test_every_action_asks_under_its_own_name():
    for name, function in actions.get_actions().items():
        source = inspect.getsource(inspect.unwrap(function))
        assert getattr(function, "checks_access", False) or f'check_access("{name}"' in source, name


@pytest.mark.slow("personas")
def test_on_a_public_request_each_person_may_what_is_theirs():
    names = set(PUBLIC) - {"attachment_show"}
    found = matrix(opened(), names)
    kept_out = {n: "not found" if n in NOT_FOUND else "forbidden" for n in names}
    expected = {
        n: {p: "yes" if p in PUBLIC[n] else kept_out[n] if p else "forbidden" for p in EVERYONE}
        for n in names
    }
    assert found == expected


def test_a_private_request_is_not_found_by_others():
    found = matrix(opened(visibility="private"), ABOUT_ONE)
    insiders = {"asker", *SERVICE, *MODERATORS}
    for name in ABOUT_ONE:
        for person in EVERYONE:
            allowed = "yes" if person in PUBLIC[name] else "forbidden"
            hidden = (
                "forbidden"
                if person is None and name not in ("show", "batch_show")
                else "not found"
            )
            assert found[name][person] == (allowed if person in insiders else hidden), (
                name,
                person,
            )


def test_what_no_moderator_has_read_is_not_found_by_its_service_either():
    found = matrix(submitted(), ABOUT_ONE)
    for name in ABOUT_ONE - {"letter_preview"}:
        for person in EVERYONE:
            allowed = "yes" if person in PUBLIC[name] else "forbidden"
            hidden = (
                "forbidden"
                if person is None and name not in ("show", "batch_show")
                else "not found"
            )
            assert found[name][person] == (
                allowed if person in {"asker", *MODERATORS} else hidden
            ), (name, person)


@pytest.mark.few(1, "personas")
@pytest.mark.parametrize("visibility", ["public", "private"])
def test_each_transition_is_for_those_whom_the_table_names(visibility: str):
    made = opened(visibility=visibility)
    insiders = {"asker", *SERVICE, *MODERATORS}
    for name, allowed in TRANSITIONS.items():
        for person in EVERYONE:
            found = outcome("transition", person, id=made["id"], transition=name)
            if person is None:
                assert found == "forbidden"
            elif visibility == "private" and person not in insiders:
                assert found == "not found", (name, person)
            else:
                assert found == ("yes" if person in allowed else "forbidden"), (name, person)


def test_scopes_of_the_list_are_for_those_concerned():
    desk = {
        person: outcome("list", person, scope="desk", organization="ddt-42") for person in EVERYONE
    }
    assert {person for person, found in desk.items() if found == "yes"} == SERVICE
    moderation = {person: outcome("list", person, scope="moderation") for person in EVERYONE}
    assert {person for person, found in moderation.items() if found == "yes"} == MODERATORS
    assert outcome("list", None, scope="mine") == "forbidden"


def test_notes_are_for_those_who_work_on_the_request():
    made = opened()
    able = {p for p in EVERYONE if outcome("comment", p, id=made["id"], internal=True) == "yes"}
    assert able == {*SERVICE, *MODERATORS}


def test_an_unknown_request_is_not_found_like_a_private_one():
    hidden = opened(visibility="private")
    for action in ("show", "follow", "support"):
        assert outcome(action, "stranger", id=hidden["id"]) == outcome(
            action, "stranger", id="DD-1999-00001"
        )


SECRETS = (
    "INTERNE",
    "PRIVEE",
    "CONFIDENTIEL",
    "secret.example",
    "Asker Nom",
    "BUREAU-SECRET",
    "73282932000074",
)


def furnished() -> None:
    """Requests of each kind, with confidential contents in every field."""
    personal = {"requester_organisation": "BUREAU-SECRET", "requester_siret": "73282932000074"}
    public = opened(**personal)
    act("comment", "editor", id=public["id"], text="Note INTERNE", internal=True)
    act("comment", "asker", id=public["id"], text="Merci")
    act("follow", "friend", id=public["id"])
    act("comment", "stranger", id=public["id"], text="CONFIDENTIEL")
    comment = act("show", "boss", id=public["id"])["comments"][-1]
    act("comment_hide", "moderator", id=comment["id"], reason="Hors sujet")
    refused = opened(title="Frayères", **personal)
    step(refused, "refuse", "admin", **REFUSAL, note="INTERNE")
    private = opened(title="Demande PRIVEE", description="PRIVEE", visibility="private", **personal)
    step(private, "fulfil", "editor", datasets=[dataset(name="answer")["name"]])
    opened(title="Autre PRIVEE", visibility="private", known_datasets=["answer"])
    hidden = opened(title="Demande CONFIDENTIEL")
    act("hide", "moderator", id=hidden["id"])
    act("create", "asker", title="Brouillon PRIVEE")
    step(
        opened("other-editor", title="Pub CONFIDENTIEL"),
        "reject",
        "moderator",
        reason="INTERNE",
        spam=True,
    )


@pytest.mark.slow("personas")
def test_nobody_finds_what_is_not_for_them(app: Any):
    furnished()
    calls = [
        ("list", {}),
        ("list", {"q": "privee"}),
        ("list", {"q": "confidentiel"}),
        ("stats", {}),
        ("stats", {"organization": "ddt-42"}),
    ]
    calls += [("list", {"sort": each}) for each in ("support", "due", "relevance")]
    calls += [
        ("similar", {"title": "demande privee confidentiel zones humides"}),
        ("dataset_list", {"id": "answer"}),
    ]
    for person in (None, "stranger", "friend", "member"):
        found = [act(name, person, **data) for name, data in calls]
        listed = act("list", person, rows=100)
        assert listed["count"] == sum(each["count"] for each in listed["facets"]["state"]) == 2
        found += [act("show", person, id=each["id"]) for each in listed["results"]]
        found.append(act("notification_list", person) if person else {})
        text = json.dumps(found)
        assert [secret for secret in SECRETS if secret in text] == [], person
    for name, data in calls:
        answer = app.get(f"/api/3/action/ecosphere_request_{name}", query_string=data)
        assert answer.status_code == 200
        assert [secret for secret in SECRETS if secret in answer.body] == []


def test_a_name_is_public_when_its_person_chose_so():
    made = opened(show_name=True, requester_organisation="BE Eau")
    shown = act("show", None, id=made["id"])
    assert shown["requester"] == {"name": "Asker Nom", "organisation": "BE Eau"}
    assert "secret.example" not in json.dumps(shown)


def test_service_and_moderators_know_who_asks_and_followers_do_not():
    made = opened()
    known = {p for p in EVERYONE if act("show", p, id=made["id"])["requester"]}
    assert known == {"asker", *SERVICE, *MODERATORS}


def test_the_former_service_of_a_private_request_no_longer_finds_it():
    made = step(
        opened(visibility="private"), "transfer", "admin", organization="dreal-ara", reason="Région"
    )
    assert outcome("show", "editor", id=made["id"]) == "not found"
    assert outcome("show", "other-editor", id=made["id"]) == "yes"


def test_what_may_be_read_is_the_same_for_one_request_and_for_many():
    drafted, sent, public = draft("friend"), submitted(), opened("friend", title="Frayères")
    private = opened("friend", title="Tourbières", visibility="private")
    hidden = opened("friend", title="Roselières", service="dreal-ara")
    act("hide", "moderator", id=hidden["id"])
    for person in EVERYONE:
        reader = reader_of(model.User.get(person) if person else None)
        found = set(model.Session.scalars(sa.select(Request.id).where(reader.condition())))
        every = [row(each) for each in (drafted, sent, public, private, hidden)]
        assert found == {each.id for each in every if reader.may_read(each)}, person


def test_notifications_of_what_is_out_of_sight_do_not_count():
    made = opened(visibility="private")
    assert act("notification_list", "editor")["unseen"] == on_every_page("editor") == 1
    step(made, "transfer", "admin", organization="dreal-ara", reason="Région")
    told = act("notification_list", "editor")
    assert [each["kind"] for each in told["results"]] == ["transfer"]
    assert told["results"][0]["request"]["readable"] is False
    assert (told["count"], told["unseen"], on_every_page("editor")) == (1, 1, 1)
    act("notification_seen", "editor")
    assert on_every_page("editor") == on_every_page("stranger") == 0


def on_every_page(person: str) -> int:
    """Return the number of unseen notifications, as shown in the header of every page."""
    return outbox.unseen(reader_of(model.User.get(person)))


def test_a_private_dataset_is_not_named_to_those_who_may_not_read_it(app: Any):
    secret, seen = (
        dataset(name="jeu-prive", title="Jeu privé", private=True),
        dataset(name="jeu-public"),
    )
    made = opened("member", known_datasets=["jeu-prive", "jeu-public", "un fichier reçu"])
    step(made, "fulfil", "editor", datasets=[secret["id"], seen["id"]])
    for person in (None, "stranger", "friend", "other-editor"):
        shown = act("show", person, id=made["id"])
        assert not [
            trace
            for trace in ("jeu-prive", "Jeu privé", secret["id"])
            if trace in json.dumps(shown)
        ], person
        assert shown["known_datasets"] == ["jeu-public", "un fichier reçu"]
        assert shown["events"][-1]["fields"]["datasets"] == [seen["id"]]
        assert "jeu-prive" not in json.dumps(act("list", person))
    page = app.get(f"/fr/demandes/{made['reference']}").body
    assert "/dataset/jeu-public" in page and "un fichier reçu" in page
    assert "jeu-prive" not in page and "Jeu privé" not in page
    for person in ("member", "editor"):
        shown = act("show", person, id=made["id"])
        assert [each["title"] for each in shown["not_enough"]] == [
            "Jeu privé",
            "Zones humides du Forez",
            "",
        ]
        assert shown["events"][-1]["fields"]["datasets"] == [secret["id"], seen["id"]]


def mails_to(person: str) -> int:
    """Return the number of e-mails to a user that are stored."""
    query = sa.select(sa.func.count()).where(Work.recipient == user_id(person))
    return model.Session.scalar(query) or 0


def test_what_is_kept_of_a_person_is_handed_out_and_erased(postbox: Postbox):
    made = opened(requester_siret="73282932000074")
    act("create", "asker", title="Brouillon")
    act("comment", "asker", id=made["id"], text="Merci")
    other = opened("friend", title="Autre")
    act("support", "asker", id=other["id"])
    kept = act("export", "asker")
    assert {len(kept[key]) for key in ("comments", "supports")} == {1} and len(
        kept["requests"]
    ) == 2
    assert kept["person"]["email"] == "asker@secret.example"
    assert len(kept["emails"]) == mails_to("asker") > 0
    done = act("erase", "asker")
    assert mails_to("asker") == 0 and mails_to("editor") > 0
    assert (done["drafts"], done["requests"], done["comments"], done["supports"]) == (1, 1, 1, 1)
    again = act("export", "asker")
    assert not any(again[key] for key in ("requests", "comments", "events", "supports", "follows"))
    left = row(made)
    assert (left.state, left.requester_id, left.requester_siret) == ("withdrawn", None, "")


def test_of_a_request_that_is_anonymised_no_e_mail_is_left(postbox: Postbox):
    made, other = opened(), opened(title="Haies")
    delivery.deliver()
    privacy.anonymise(row(made))
    model.Session.commit()
    query = sa.select(Notification.request_id).select_from(Work)
    told = query.outerjoin(Notification, Notification.mail_id == Work.id)
    assert set(model.Session.scalars(told)) == {other["id"]}


def test_who_has_erased_their_data_waits_for_no_review_and_for_no_moderator(
    ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    made = opened()
    step(made, "refuse", "admin", **REFUSAL)
    monkeypatch.setitem(ckan_config, "ecosphere.requests.release_after", 5)
    why = "Nous habitons au bord du ruisseau."
    step(made, "ask_review", "asker", reason=why)
    assert row(made).review_due and act("held_list", "moderator")["count"] == 1
    act("erase", "asker")
    assert row(made).review_due is None and act("held_list", "moderator")["count"] == 0
    assert why not in str(act("show", "moderator", id=made["id"]))
