"""Scheduled jobs with frozen time: reminders, expiry and anonymisation,
each on its day and once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from freezegun import freeze_time

from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import Comment, Notification, Request
from ckanext.ecosphere.data_requests.notifications import outbox, scheduled
from ckanext.ecosphere.data_requests.tests.conftest import (
    EXTENSION,
    REASON,
    REFUSAL,
    act,
    dataset,
    opened,
    row,
    step,
)

pytestmark = pytest.mark.usefixtures("portal")


def at(day: str, hour: int = 9) -> Any:
    """Freeze the time at a day and hour in Paris."""
    moment = datetime.fromisoformat(day).replace(hour=hour, tzinfo=clock.PARIS)
    return freeze_time(moment.astimezone(timezone.utc))


def days(first: str, last: str) -> Iterator[str]:
    day, end = date.fromisoformat(first), date.fromisoformat(last)
    while day <= end:
        yield day.isoformat()
        day += timedelta(days=1)


def kinds(person: str = "editor") -> list[str]:
    """Return the kinds of a user's notifications in the portal, in order,
    except those of transitions.
    """
    query = (
        sa.select(Notification.kind)
        .join(model.User, model.User.id == Notification.user_id)
        .where(model.User.name == person, Notification.channel == "page")
        .order_by(Notification.id)
    )
    steps = {"submit", "accept", "ask_details", "expire", "extend"}
    return [kind for kind in model.Session.scalars(query) if kind not in steps]


def live_through(first: str, last: str) -> dict[str, list[str]]:
    """Run the scheduled job twice a day; return the notifications of the service by day."""
    told: dict[str, list[str]] = {}
    for day in days(first, last):
        before = len(kinds())
        for hour in (1, 13):
            with at(day, hour):
                scheduled.tick()
        if new := kinds()[before:]:
            told[day] = new
    return told


@pytest.mark.few(2, "values")
@pytest.mark.parametrize(
    ("received", "hour", "due"),
    [
        ("2024-01-31", 9, "2024-02-29"),
        ("2026-01-30", 23, "2026-02-28"),
        ("2026-03-28", 23, "2026-04-28"),  # the night before the change to summer time
        ("2026-10-25", 2, "2026-11-25"),  # the hour that occurs twice
        ("2026-12-31", 23, "2027-01-31"),
    ],
)
def test_the_due_date_is_that_of_the_day_in_paris(received: str, hour: int, due: str):
    with at(received, hour):
        assert opened()["due"] == due


@pytest.mark.slow("days")
def test_a_service_is_reminded_a_week_and_a_day_before_and_each_week_after():
    with at("2026-02-28"):
        opened()
    assert live_through("2026-03-18", "2026-04-12") == {
        "2026-03-21": ["due_week"],
        "2026-03-27": ["due_day"],
        "2026-03-29": ["overdue"],  # day of the change to summer time
        "2026-04-05": ["overdue"],
        "2026-04-12": ["overdue"],
    }


@pytest.mark.slow("days")
def test_a_reminder_that_was_missed_comes_late_and_alone():
    with at("2026-02-28"):
        opened()
    assert live_through("2026-03-25", "2026-03-26") == {"2026-03-25": ["due_week"]}


@pytest.mark.slow("days")
def test_an_extension_moves_the_reminders():
    with at("2026-03-10"):
        made = opened()
        step(made, "extend", "admin", **EXTENSION)
    assert live_through("2026-04-08", "2026-04-11") == {}
    assert live_through("2026-05-02", "2026-05-04") == {"2026-05-03": ["due_week"]}


def test_what_is_closed_reminds_nobody():
    with at("2026-03-10"):
        step(opened(), "fulfil", "editor", datasets=[dataset()["id"]])
    before = len(kinds())
    with at("2026-04-20"):
        scheduled.tick()
    assert len(kinds()) == before


@pytest.mark.slow("days")
def test_a_requester_is_reminded_twice_then_the_request_expires():
    with at("2026-03-02"):
        made = step(opened(), "ask_details", "editor", question="Où ?", answer_by="2026-03-20")
        act("follow", "stranger", id=made["id"])
    states: dict[str, str] = {}
    for day in days("2026-03-03", "2026-03-22"):
        with at(day):
            scheduled.tick()
        states[day] = row(made).state
    assert kinds("asker") == ["details_first", "details_last"]
    assert states["2026-03-20"] == "needs_info" and states["2026-03-21"] == "expired"
    rows = model.Session.query(Notification).filter(Notification.kind.like("details%")).all()
    reminded = {each.kind: each.created.date().isoformat() for each in rows}
    assert reminded == {"details_first": "2026-03-13", "details_last": "2026-03-19"}
    assert "expire" in {row.kind for row in model.Session.query(Notification)}


@pytest.mark.slow("days")
def test_without_reminders_nothing_expires_however_late_the_schedule_runs():
    with at("2026-03-02"):
        made = step(opened(), "ask_details", "editor", question="Où ?", answer_by="2026-03-05")
    found = []
    for day in days("2026-04-01", "2026-04-03"):
        with at(day):
            scheduled.tick()
        found.append(row(made).state)
    assert found == ["needs_info", "needs_info", "expired"]


def test_an_answer_stops_the_reminders():
    with at("2026-03-02"):
        made = step(opened(), "ask_details", "editor", question="Où ?", answer_by="2026-03-20")
        step(made, "answer_details", "asker", comment="Ici")
    with at("2026-03-25"):
        scheduled.tick()
    assert kinds("asker") == [] and row(made).state == "open"


@pytest.mark.slow("days")
def test_the_people_of_a_request_are_forgotten_two_years_after_its_closing():
    with at("2024-02-29"):
        made = opened(show_name=True, requester_organisation="BE Eau")
        act("support", "friend", id=made["id"])
        act("comment", "asker", id=made["id"], text="Merci")
        act("comment", "editor", id=made["id"], text="Note", internal=True)
        step(made, "not_held", "admin", reason=REASON)
    with at("2026-02-28", 23):
        scheduled.tick()
        assert row(made).requester_id
    with at("2026-03-01", 1):
        scheduled.tick()
        scheduled.tick()
    kept = row(made)
    assert (kept.requester_id, kept.requester_organisation, kept.show_name) == (None, "", False)
    assert (kept.state, kept.theme, kept.support_count, kept.title) == (
        "not_held",
        "eau",
        1,
        "Zones humides de la Loire",
    )
    comments = model.Session.query(Comment).all()
    assert [each.author_id for each in comments] == [None, None]
    assert {each.text for each in comments} == {"Merci", ""}
    assert model.Session.query(Notification).count() == 0
    shown = act("show", None, id=made["id"])
    assert [each["transition"] for each in shown["events"]] == ["submit", "accept", "not_held"]
    assert act("stats", None)["apart"]["not_held"] == 1


def test_the_letter_of_a_refusal_is_forgotten_with_its_reader():
    with at("2024-01-10"):
        made = step(opened(), "refuse", "admin", **REFUSAL)
    with at("2026-02-10"):
        scheduled.tick()
    shown = act("show", "boss", id=made["id"])
    assert shown["outcome"]["ground"] == REFUSAL["ground"] and REASON not in str(shown)


def test_a_private_request_keeps_no_text_when_it_is_forgotten():
    with at("2024-01-10"):
        made = step(opened(visibility="private"), "refuse", "admin", **REFUSAL)
    with at("2026-02-10"):
        scheduled.tick()
    kept = row(made)
    assert (kept.title, kept.description, kept.outcome) == ("", "", {"ground": REFUSAL["ground"]})
    events = act("show", "boss", id=made["id"])["events"]
    assert all("facts" not in each["fields"] for each in events)


def test_a_step_that_fails_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch):
    def broken() -> int:
        raise RuntimeError("boom")

    with at("2026-02-28"):
        opened()
    monkeypatch.setitem(scheduled.STEPS, "expired", broken)
    with at("2026-03-27"):
        done = scheduled.tick()
    assert done["expired"] == -1 and done["services_reminded"] == 1


def test_one_request_that_fails_does_not_stop_the_others():
    with at("2024-01-10"):
        bad, *others = [step(opened(), "not_held", "admin", reason=REASON) for _each in range(3)]
    model.Session.execute(sa.update(Request).where(Request.id == bad["id"]).values(outcome=[1]))
    model.Session.commit()
    with at("2026-02-10"):
        done = scheduled.tick()
        again = scheduled.tick()
    assert done["anonymised"] == again["anonymised"] == -1
    assert row(bad).requester_id and all(row(each).requester_id is None for each in others)


@pytest.mark.few(1, "variants")
@pytest.mark.parametrize(
    "day, name, count", [("2026-03-27", "services_reminded", 1), ("2026-04-20", "escalated", 3)]
)
def test_one_that_cannot_be_told_of_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, day: str, name: str, count: int
):
    with at("2026-02-28"):
        bad, good = sorted((opened(), opened()), key=lambda each: each["id"])
    tell = outbox.of_reminder

    def broken(request: Request, *more: Any) -> bool:
        if request.id == bad["id"]:
            raise RuntimeError("boom")
        return tell(request, *more)

    monkeypatch.setattr(outbox, "of_reminder", broken)
    with at(day):
        done = scheduled.tick()
    told = set(
        model.Session.scalars(
            sa.select(Notification.request_id).where(Notification.kind.like("%due%"))
        )
    )
    told |= set(
        model.Session.scalars(
            sa.select(Notification.request_id).where(Notification.kind.like("escalated%"))
        )
    )
    assert done[name] == -1 and told == {good["id"]}
