"""The desk of a service: assignments and their notifications, absences and substitutes,
escalation of late requests.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import dashboard, privacy, transitions
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import Absence, Notification, SavedAnswer, Trace
from ckanext.ecosphere.data_requests.notifications import delivery, scheduled
from ckanext.ecosphere.data_requests.tests.conftest import (
    REASON,
    act,
    group_id,
    opened,
    row,
    step,
    user_id,
)
from ckanext.ecosphere.data_requests.tests.test_pages import visit
from ckanext.ecosphere.data_requests.tests.test_scheduled import at, days
from ckanext.ecosphere.interfaces import Person, Service
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = pytest.mark.usefixtures("portal")


def told(person: str, *kinds: str) -> list[str]:
    """Return the kinds of a user's notifications in the portal, restricted to `kinds`."""
    query = sa.select(Notification.kind).where(
        Notification.user_id == user_id(person), Notification.channel == "page"
    )
    return [
        kind for kind in model.Session.scalars(query.order_by(Notification.id)) if kind in kinds
    ]


def away(
    person: str, substitute: str = "", by: str = "", first: int = 0, last: int = 10
) -> dict[str, Any]:
    today = clock.today()
    span = {"first": str(today + timedelta(days=first)), "last": str(today + timedelta(days=last))}
    return act(
        "absence_create",
        by or person,
        substitute=substitute,
        **span,
        **({"user": person} if by else {}),
    )


def test_whoever_is_given_a_request_is_told_by_mail_and_finds_it_under_theirs(postbox: Postbox):
    act("settings_update", "editor", language="fr")
    made = opened()
    delivery.deliver()
    postbox.clear()
    assert act("assign", "admin", ids=[made["reference"]], user="editor")["assigned"] == [
        made["reference"]
    ]
    act(
        "assign", "admin", ids=[made["reference"]], user="editor"
    )  # already assigned: no second notification
    delivery.deliver()
    [mail] = postbox.mails
    assert mail["To"].addresses[0].username == "editor"
    assert f"Une demande vous a été affectée\u00a0: {made['reference']}" in str(mail["Subject"])
    assert f"/demandes/{made['reference']}" in body(mail)
    found = act("list", "editor", scope="desk", organization="ddt-42", assigned="mine")
    assert [each["reference"] for each in found["results"]] == [made["reference"]]
    assert act("list", "admin", scope="desk", organization="ddt-42", assigned="mine")["count"] == 0
    assert (
        act("list", "editor", scope="desk", organization="ddt-42", assigned="nobody")["count"] == 0
    )
    service = Service(group_id("ddt-42"), "ddt-42", "DDT 42")
    with language.speaking("fr"):
        [card, *_others] = dashboard.cards(Person(user_id("editor"), "editor", False, [service]))
    assert card.title == "Demandes qui me sont affectées" and [
        each.label for each in card.lines
    ] == [made["title"]]


def test_what_an_agent_had_who_left_the_service_is_nobodys(app: CKANTestApp, postbox: Postbox):
    made = opened()
    act("assign", "admin", ids=[made["reference"]], user="editor")
    member: Any = {"id": group_id("ddt-42"), "username": "editor"}
    tk.get_action("organization_member_delete")({"user": "boss", "ignore_auth": True}, member)
    try:
        desk = act("desk", "admin", organization="ddt-42")
        assert (desk["nobody"], desk["mine"]) == (1, 0) and [
            each["count"] for each in desk["people"]
        ] == [0]
        found = act("list", "admin", scope="desk", organization="ddt-42", assigned="nobody")
        assert [each["reference"] for each in found["results"]] == [made["reference"]]
        assert found["results"][0]["assigned_to"] is None
        assert act("show", "admin", id=made["id"])["assigned_to"] is None
        # The history keeps the former assignee's name; the request itself shows no assignee any
        # more.
        assert (
            visit(app, "admin", f"/demandes/{made['reference']}").body.count(
                "Assigned to Editor Nom"
            )
            == 1
        )
    finally:
        tk.get_action("organization_member_create")(
            {"user": "boss", "ignore_auth": True}, {**member, "role": "editor"}
        )
    assert act("desk", "admin", organization="ddt-42")["nobody"] == 0


def test_who_takes_a_request_for_themselves_is_not_told():
    act("assign", "editor", ids=[opened()["id"]], user="editor")
    assert told("editor", "assigned") == []


def test_the_substitute_gets_what_is_given_to_somebody_who_is_away_and_their_reminders(
    app: CKANTestApp,
):
    with at("2026-03-02"):
        earlier, later = opened(), opened(title="Haies")
        act("assign", "admin", ids=[earlier["id"]], user="editor")
        act("absence_create", "editor", first="2026-03-10", last="2026-04-05", substitute="admin")
        assert told("editor", "assigned") == ["assigned"]
    with at("2026-03-12"):
        done = act("assign", "admin", ids=[later["id"]], user="editor")
        assert done["substitutes"] == ["Admin Nom"]
        assert row(later).assigned_to == user_id("admin")
        # The request already assigned to the editor is also listed among the substitute's.
        assert (
            act("list", "admin", scope="desk", organization="ddt-42", assigned="mine")["count"] == 2
        )
        shown = act("show", "admin", id=earlier["id"])["assigned_to"]
        assert (shown["user"], shown["away_until"], shown["substitute"]) == (
            "editor",
            "2026-04-05",
            "Admin Nom",
        )
    with at("2026-03-27"):
        scheduled.tick()
        assert "due_week" in told("admin", "due_week") and not told("editor", "due_week")


def test_a_substitute_who_is_away_too_or_has_left_is_passed_over():
    made = opened()
    away("editor", "admin")
    away("admin")
    act("assign", "admin", ids=[made["id"]], user="editor")
    assert row(made).assigned_to == user_id("editor"), (
        "nobody stands in: the request is the editor’s"
    )


@pytest.mark.slow("variants")
def test_while_nobody_stands_in_the_whole_service_is_reminded():
    with at("2026-03-02"):
        mine, nobodys = opened(), opened(title="Sans suppléant")
        act("assign", "admin", ids=[mine["id"], nobodys["id"]], user="editor")
        away("editor", last=40)
    with at("2026-03-27"):
        scheduled.tick()
        assert told("admin", "due_week") == told("editor", "due_week") == ["due_week", "due_week"]


def test_an_absence_is_checked_field_by_field():
    first, last, late = (
        (clock.today() + timedelta(days=days)).isoformat() for days in (30, 31, 3000)
    )
    for given, field in (
        ({"first": last, "last": first}, "last"),
        ({"first": "2020-01-01", "last": "2020-01-02"}, "last"),
        ({"first": first, "last": late}, "last"),
        ({"first": late, "last": late}, "first"),
        ({"first": "demain", "last": first}, "first"),
        ({"first": first, "last": last, "substitute": "editor"}, "substitute"),
        ({"first": first, "last": last, "substitute": "other-editor"}, "substitute"),
        ({"first": first, "last": last, "substitute": "nobody-at-all"}, "substitute"),
    ):
        with pytest.raises(tk.ValidationError) as error:
            act("absence_create", "editor", **given)
        assert list(error.value.error_dict) == [field], given


def test_an_absence_that_is_sent_twice_is_announced_once():
    away("editor", substitute="admin")
    with pytest.raises(tk.ValidationError, match="announced already"):
        away("editor")
    assert [each["user"] for each in act("absence_list", "editor")] == ["editor"]


def test_administrators_announce_the_absence_of_a_colleague_and_nobody_else_does():
    away("editor", "admin", by="admin")
    [mine] = act("absence_list", "editor")
    assert (mine["user"], mine["substitute"]) == ("editor", "admin")
    assert act("absence_list", "other-editor") == []
    for person in ("editor", "other-admin", "asker"):
        with pytest.raises(tk.NotAuthorized):
            away("admin", by=person)
    for person in ("other-admin", "asker"):
        with pytest.raises(tk.ObjectNotFound):
            act("absence_delete", person, id=mine["id"])
    act("absence_delete", "admin", id=mine["id"])
    assert act("absence_list", "editor") == []


@pytest.mark.slow("days")
def test_a_request_without_an_answer_is_told_further_up_once_a_level(postbox: Postbox):
    with at("2026-03-02"):
        made = opened()
        act("assign", "admin", ids=[made["id"]], user="editor")
    seen: dict[str, list[str]] = {}
    for day in days("2026-03-29", "2026-04-12"):
        before = told("admin", "escalated_soon"), told("moderator", "escalated_late")
        with at(day):
            for _twice in range(2):
                scheduled.tick()
        after = told("admin", "escalated_soon"), told("moderator", "escalated_late")
        if new := [
            kind for old, now in zip(before, after, strict=True) for kind in now[len(old) :]
        ]:
            seen[day] = new
    assert seen == {
        "2026-03-31": ["escalated_soon"],
        "2026-04-09": ["escalated_late"],
    }  # due on 2 April
    assert {"admin", "moderator"} <= {mail["To"].addresses[0].username for mail in postbox.mails}
    lines = [
        each["fields"]["told"]
        for each in act("show", "editor", id=made["id"])["events"]
        if each.get("internal")
    ]
    assert lines == ["", "administrators", "moderators"]
    for reader in (None, "asker", "stranger"):
        assert not [
            each for each in act("show", reader, id=made["id"])["events"] if each.get("internal")
        ]


def test_the_mailbox_for_late_requests_is_told_where_the_contact_sheet_names_one(postbox: Postbox):
    group = model.Group.get("ddt-42")
    assert group is not None
    group.extras[f"{sheets.PREFIX}chief"] = "prefecture@loire.example"  # pyright: ignore
    model.Session.commit()
    try:
        with at("2026-03-02"):
            opened()
        postbox.clear()
        with at("2026-04-09"):
            scheduled.tick()
        [mail] = postbox.to("prefecture")
        assert "late" in str(mail["Subject"]) and "List-Unsubscribe" not in mail
        assert not told("moderator", "escalated_late")
    finally:
        group = model.Group.get("ddt-42")
        assert group is not None
        group.extras.pop(f"{sheets.PREFIX}chief")  # pyright: ignore
        model.Session.commit()


def test_escalation_can_be_switched_off(ckan_config: Any, monkeypatch: pytest.MonkeyPatch):
    for level in ("administrators", "chief"):
        monkeypatch.setitem(ckan_config, f"ecosphere.requests.escalation_{level}", "none")
    with at("2026-03-02"):
        opened()
    with at("2026-05-09"):
        scheduled.tick()
    assert not model.Session.scalar(sa.select(sa.func.count()).select_from(Trace))


def test_a_service_keeps_answers_and_begins_a_refusal_with_one(app: CKANTestApp):
    kept = act(
        "saved_answer_save",
        "editor",
        organization="ddt-42",
        title="Espèces",
        ground="L124-4-I-2",
        facts=REASON,
    )
    made = opened()
    form = visit(app, "admin", f"/demandes/{made['reference']}/refuse")
    assert "Espèces" in form.body
    filled = visit(app, "admin", f"/demandes/{made['reference']}/refuse?answer={kept['id']}")
    assert REASON in filled.body
    for person in ("other-editor", "asker"):
        with pytest.raises(tk.NotAuthorized):
            act("saved_answer_list", person, organization="ddt-42")
    with pytest.raises(tk.ObjectNotFound):  # a saved answer of another service
        act("saved_answer_delete", "other-editor", organization="dreal-ara", id=kept["id"])
    with pytest.raises(tk.ValidationError):
        act("saved_answer_save", "editor", organization="ddt-42", title="Rien", ground="L124-4-I-2")
    act("saved_answer_delete", "admin", organization="ddt-42", id=kept["id"])
    assert act("saved_answer_list", "editor", organization="ddt-42") == []


def test_the_pages_of_absences_and_saved_answers_work_in_a_browserless_session(app: CKANTestApp):
    today = clock.today().isoformat()
    visit(app, "admin", "/demandes/absences", first=today, last=today, user="editor")
    assert "Editor Nom" in visit(app, "admin", "/demandes/absences").body
    bad = visit(app, "admin", "/demandes/absences", first=today, last="1999-01-01")
    assert bad.status_code == 400 and "The last day comes before the first." in bad.body
    far = visit(app, "admin", "/demandes/absences", first="9999-12-30", last="9999-12-31")
    assert far.status_code == 400 and "Two years ahead at most." in far.body
    visit(app, "admin", "/demandes/service/ddt-42/reponses", title="<b>Titre</b>", facts=REASON)
    kept = visit(app, "admin", "/demandes/service/ddt-42/reponses").body
    assert "&lt;b&gt;Titre" in kept and "<b>Titre" not in kept
    desk = visit(app, "admin", "/demandes/service/ddt-42").body
    assert "Editor Nom is away until" in desk and "Assigned to nobody" in desk


def test_what_names_a_person_on_the_desk_is_handed_out_and_erased():
    made = opened()
    act("assign", "admin", ids=[made["id"]], user="editor")
    away("editor", "admin")
    away("admin", "editor")
    act(
        "saved_answer_save",
        "editor",
        organization="ddt-42",
        title="Espèces",
        facts=REASON,
        ground="L124-4-I-2",
    )
    user = model.User.get("editor")
    assert user is not None
    found = privacy.export(user)
    assert (
        len(found["absences"]) == 2 and len(found["desk"]) == 1 and len(found["saved_answers"]) == 1
    )
    privacy.erase(user)
    assert [each.substitute_id for each in model.Session.scalars(sa.select(Absence))] == [None]
    assert model.Session.scalars(sa.select(Trace.user_id)).all() == [None]
    assert model.Session.scalars(sa.select(SavedAnswer.author_id)).all() == [None]
    assert group_id("ddt-42")


def test_what_went_to_another_service_meanwhile_is_given_to_nobody_here(
    monkeypatch: pytest.MonkeyPatch,
):
    made = opened()
    lock = transitions.lock

    def later(*ids: str) -> Any:
        monkeypatch.setattr(transitions, "lock", lock)
        step(
            made,
            "transfer",
            "admin",
            organization="dreal-ara",
            reason="La DREAL tient ces données.",
        )
        return lock(*ids)

    monkeypatch.setattr(transitions, "lock", later)
    done = act("assign", "editor", ids=[made["id"]], user="editor")
    assert (done["assigned"], done["refused"]) == ([], [made["id"]])
    assert row(made).assigned_to is None and row(made).organization_id == group_id("dreal-ara")


def test_a_service_is_not_deleted_while_requests_wait_for_it(app: CKANTestApp):
    factories.Organization(
        name="ddt-99", title="DDT 99", users=[{"name": "editor", "capacity": "admin"}]
    )
    made = opened(service="ddt-99", territory="departement-43")
    try:
        for action in ("organization_delete", "organization_purge"):
            with pytest.raises(
                tk.ValidationError, match="1 data request is on the desk of this service"
            ):
                tk.get_action(action)({"user": "boss"}, {"id": "ddt-99"})
        page = visit(app, "boss", "/organization/delete/ddt-99", delete="Confirm")
        assert page.status_code == 403 and "transfer it first" in page.body
        step(made, "transfer", "moderator", organization="ddt-42", reason="Le service ferme.")
        tk.get_action("organization_delete")({"user": "boss"}, {"id": "ddt-99"})
        assert act("show", "editor", id=made["id"])["organization"]["name"] == "ddt-42"
    finally:
        model.Session.rollback()
        step(made, "withdraw", "asker")
        tk.get_action("organization_purge")({"user": "boss"}, {"id": "ddt-99"})
