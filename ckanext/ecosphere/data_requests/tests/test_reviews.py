"""Internal reviews: requested by the requester, sent to the head of the service, answered.

Independent of the CADA.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _run_migrations
from ckan.tests import factories
from ckan.tests.helpers import call_action
from freezegun import freeze_time

from ckanext.ecosphere.data_requests import privacy
from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import Event, Letter, Request
from ckanext.ecosphere.data_requests.notifications import delivery, scheduled
from ckanext.ecosphere.data_requests.tests.conftest import REASON, REFUSAL, act, opened, row, step
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = pytest.mark.usefixtures("portal")

WHY = "Les stations sont déjà publiées par un autre service : rien ne les expose davantage."


def refused(**changes: Any) -> dict[str, Any]:
    return step(opened(**changes), "refuse", "admin", **REFUSAL)


def shown(request: dict[str, Any], person: str | None) -> dict[str, Any]:
    return act("show", person, id=request["id"])


def possible(request: dict[str, Any], person: str) -> set[str]:
    return {each["transition"] for each in shown(request, person)["may"]}


def today() -> date:
    return clock.day_of(clock.now())


def test_the_head_of_the_service_is_told_and_the_day_of_the_answer_is_shown(postbox: Postbox):
    call_action(
        "ecosphere_contact_sheet_update",
        {"user": "boss"},
        id="ddt-42",
        chief="direction@ddt.example",
    )
    made = refused()
    delivery.deliver()
    postbox.clear()
    step(made, "ask_review", "asker", reason=WHY)
    delivery.deliver()
    told = {mail["To"].addresses[0].addr_spec: mail for mail in postbox.mails}
    assert {"direction@ddt.example", "admin@secret.example", "editor@secret.example"} <= set(told)
    assert WHY in body(told["direction@ddt.example"]).replace("\n", " ")
    found = shown(made, "asker")
    assert (
        found["review_due"] == clock.last_day(today(), 2).isoformat()
        and found["state"] == "refused"
    )
    assert possible(made, "admin") >= {"take_up_again", "keep_decision"}
    call_action("ecosphere_contact_sheet_update", {"user": "boss"}, id="ddt-42", chief="")


def test_the_service_upholds_its_decision_in_a_letter_that_is_kept_and_the_cada_stays_open():
    made = refused()
    until = shown(made, "asker")["may_refer"]
    step(made, "ask_review", "asker", reason=WHY)
    assert shown(made, "asker")["may_refer"] == until
    step(made, "keep_decision", "admin", reason=REASON)
    found = shown(made, "asker")
    assert (
        found["state"] == "refused" and found["review_due"] is None and found["may_refer"] == until
    )
    letter = model.Session.scalars(sa.select(Letter).where(Letter.kind == "keep_decision")).one()
    assert (
        REASON in letter.plain and "ne remplace pas" in letter.plain and "L. 342-1" in letter.plain
    )
    assert "ask_review" not in possible(made, "asker")
    assert not {"take_up_again", "keep_decision"} & possible(made, "admin")
    with pytest.raises(tk.ValidationError):
        step(made, "keep_decision", "admin", reason=REASON)


def test_the_service_takes_the_request_up_again_and_answers_by_the_day_of_the_review():
    made = refused()
    step(made, "ask_review", "asker", reason=WHY)
    due = shown(made, "asker")["review_due"]
    step(made, "take_up_again", "admin", planned=(today() + timedelta(days=5)).isoformat())
    found = shown(made, "asker")
    assert (found["state"], found["due"], found["review_due"]) == ("in_progress", due, None)
    assert found["outcome"] == {} and found["clock"]["state"] == "running"


def test_a_second_refusal_after_a_review_is_a_decision_that_can_be_reviewed():
    made = refused()
    step(made, "ask_review", "asker", reason=WHY)
    assert "ask_review" not in possible(made, "asker")
    step(made, "take_up_again", "admin", planned=(today() + timedelta(days=5)).isoformat())
    step(made, "refuse", "admin", **REFUSAL)
    found = shown(made, "asker")
    assert found["review_until"] == law.last_day("ask_review", today()).isoformat()
    step(made, "ask_review", "asker", reason=WHY)
    assert shown(made, "asker")["review_due"] == clock.last_day(today(), 2).isoformat()
    step(made, "keep_decision", "admin", reason=REASON)
    assert "ask_review" not in possible(made, "asker")
    with pytest.raises(tk.ValidationError) as error:
        step(made, "ask_review", "asker", reason=WHY)
    assert "once already" in str(error.value.error_dict)


def test_a_refusal_after_the_review_of_a_silence_can_be_reviewed():
    made = opened()
    row(made).due = today() - timedelta(days=1)
    model.Session.commit()
    step(made, "ask_review", "asker", reason=WHY)
    step(made, "refuse", "admin", **REFUSAL)
    assert "ask_review" in possible(made, "asker")


@pytest.mark.few(1, "days")
@pytest.mark.parametrize("late", [0, 3, 40])
def test_taken_up_on_the_last_day_or_later_the_service_has_a_new_period_and_nobody_is_told_of_silence(
    late: int,
):
    made = refused()
    step(made, "ask_review", "asker", reason=WHY)
    due = row(made).review_due
    assert due is not None
    with freeze_time(f"{due + timedelta(days=late)} 08:00:00"):
        step(made, "take_up_again", "admin", planned=(today() + timedelta(days=5)).isoformat())
        found = shown(made, "asker")
        assert found["due"] == clock.last_day(today(), 1).isoformat()
        assert (found["clock"]["state"], found["may_refer"]) == ("running", None)
        assert scheduled.tell_of_silence() == 0


def test_a_silence_can_be_reviewed_and_any_answer_ends_the_review():
    made = opened()
    assert "ask_review" not in possible(made, "asker")
    row(made).due = today() - timedelta(days=1)
    model.Session.commit()
    step(made, "ask_review", "asker", reason=WHY)
    assert shown(made, "asker")["review_due"] and shown(made, "asker")["state"] == "open"
    step(made, "refuse", "admin", **REFUSAL)
    assert shown(made, "asker")["review_due"] is None


def test_after_two_months_nothing_is_reviewed_any_more():
    made = refused()
    with freeze_time(clock.now() + timedelta(days=68)):
        assert "ask_review" not in possible(made, "asker")
        with pytest.raises(tk.ValidationError):
            step(made, "ask_review", "asker", reason=WHY)


def test_others_read_that_a_review_was_asked_not_why():
    made = refused()
    step(made, "ask_review", "asker", reason=WHY)
    step(made, "keep_decision", "admin", reason=REASON)
    for person, reads in (("stranger", False), (None, False), ("asker", True), ("editor", True)):
        events = {each["transition"]: each["fields"] for each in shown(made, person)["events"]}
        assert {"ask_review", "keep_decision"} <= set(events)
        assert ("reason" in events["ask_review"], "reason" in events["keep_decision"]) == (
            reads,
            reads,
        )


def test_reviews_are_first_on_the_desk_and_on_the_dashboard(app: Any):
    made = refused()
    step(made, "ask_review", "asker", reason=WHY)
    desk = act("desk", "editor", organization="ddt-42")
    assert [each["id"] for each in desk["review"]] == [made["id"]] and desk["counts"]["review"] == 1
    headers = {"Authorization": factories.APIToken(user="admin")["token"]}
    page = app.get("/demandes/service/ddt-42", headers=headers).body
    assert page.index('id="review"') < page.index("</main>" if "</main>" in page else "<footer")
    assert "Internal reviews asked for" in app.get("/tableau-de-bord", headers=headers).body
    calendar = app.get("/demandes/service/ddt-42/echeances.ics", headers=headers).body
    due = clock.last_day(today(), 2)
    assert calendar.count("BEGIN:VEVENT") == 1 and f"DTSTART;VALUE=DATE:{due:%Y%m%d}" in calendar


def test_the_head_is_reminded_once_before_the_day_and_once_after_it():
    made = refused()
    step(made, "ask_review", "asker", reason=WHY)
    assert scheduled.remind_of_reviews() == 0
    due = row(made).review_due
    assert due is not None
    for days, told in ((-7, True), (-6, False), (1, True), (2, False)):
        with freeze_time(f"{due + timedelta(days=days)} 08:00:00"):
            assert bool(scheduled.remind_of_reviews()) == told, days


def test_the_requester_reads_beside_the_form_that_the_review_does_not_replace_the_cada(app: Any):
    made = refused()
    headers = {"Authorization": factories.APIToken(user="asker")["token"]}
    page = app.get(f"/demandes/{made['reference']}", headers=headers).body
    assert (
        f"/demandes/{made['reference']}/ask_review" in page and "does not replace the CADA" in page
    )
    form = app.get(f"/demandes/{made['reference']}/ask_review", headers=headers).body
    assert "does not replace the CADA" in form
    sent = {"version": row(made).version, "reason": WHY, "go": "send"}
    app.post(
        f"/demandes/{made['reference']}/ask_review",
        headers=headers,
        data=sent,
        follow_redirects=False,
    )
    page = app.get(f"/demandes/{made['reference']}", headers=headers).body
    assert (
        "An internal review is asked for" in page
        and "saisine-cada" in page
        and "/ask_review" not in page
    )


def test_with_its_requester_a_request_forgets_the_review():
    made = refused()
    step(made, "ask_review", "asker", reason=WHY)
    step(made, "keep_decision", "admin", reason=REASON)
    other = refused()
    step(other, "ask_review", "asker", reason=WHY)
    again = refused()
    step(again, "ask_review", "asker", reason=WHY)
    step(again, "take_up_again", "admin", planned=(today() + timedelta(days=5)).isoformat())
    step(again, "not_held", "admin", reason=REASON)
    for each in (made, other, again):
        privacy.anonymise(row(each))
    model.Session.commit()
    kept = sa.select(Event.fields).where(
        Event.request_id == again["id"], Event.transition == "take_up_again"
    )
    assert REASON not in str(model.Session.scalars(kept).all())
    events = {each["transition"]: each["fields"] for each in shown(made, "admin")["events"]}
    assert (events["ask_review"], events["keep_decision"]) == ({}, {})
    assert act("desk", "editor", organization="ddt-42")["counts"]["review"] == 0


def test_the_migration_is_undone_and_done_again():
    made = refused()
    step(made, "ask_review", "asker", reason=WHY)
    model.Session.remove()
    _run_migrations("ecosphere_requests", "f60b2d8c41a7", forward=False)
    _run_migrations("ecosphere_requests", "head")
    assert (
        model.Session.scalar(sa.select(Request.review_due).where(Request.id == made["id"])) is None
    )
    assert [each["transition"] for each in shown(made, "asker")["events"]][-1] == "ask_review"
