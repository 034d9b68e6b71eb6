"""The cost of desks, calendars and lists is independent of the number of requests,
notifications and datasets.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.data_requests import listing
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import Notification, Request
from ckanext.ecosphere.data_requests.notifications import scheduled
from ckanext.ecosphere.data_requests.tests.conftest import act, opened, row, step, user_id
from ckanext.ecosphere.data_requests.tests.test_pages import visit
from ckanext.ecosphere.tests import plans

pytestmark = pytest.mark.usefixtures("portal")

REQUESTS = """
INSERT INTO ecosphere_requests (id, reference, state, title, organization_id, created, modified, submitted, opened, due,
    listed, search)
SELECT 'many-' || n, 'DD-2020-9' || lpad(n::text, 5, '0'), 'open', 'Demande ' || n, :service, now(), now(), now(),
    now(), CAST(:first AS date) + n, true, ''
FROM generate_series(1, :number) n
"""
TOLD = """
INSERT INTO ecosphere_requests_notification (request_id, key, kind, audience, user_id, channel, status, created)
SELECT id, 'many:' || id, 'accept', 'service', :person, 'page', :status,
    now() - row_number() OVER () * interval '1 hour'
FROM ecosphere_requests WHERE id LIKE 'many-%'
"""


def many(number: int, first_day: int = 1, service: str = "ddt-42") -> None:
    """Insert open requests of a service, due on consecutive days,
    the first one `first_day` days from today.
    """
    group = model.Group.get(service)
    first = clock.today() + timedelta(days=first_day - 1)
    values = {"number": number, "first": first, "service": group.id if group else ""}
    model.Session.execute(sa.text(REQUESTS), values)
    plans.tidy("ecosphere_requests")


def tell(person: str, status: str = "seen") -> None:
    """Insert a notification of a user about each of these requests."""
    model.Session.execute(sa.text(TOLD), {"person": user_id(person), "status": status})
    plans.tidy("ecosphere_requests_notification")


# --- notifications ---


def test_the_latest_notifications_of_a_person_come_first(app: CKANTestApp):
    many(30)
    tell("editor")
    opened()
    found = act("notification_list", "editor", rows=5)
    assert (found["count"], found["unseen"]) == (31, 1)
    assert [each["kind"] for each in found["results"]] == ["accept"] * 5
    assert found["results"][0]["request"]["title"] == "Zones humides de la Loire"
    assert "page=2" in visit(app, "editor", "/demandes/notifications?page=1").body
    assert act("notification_list", "editor", start=40)["results"] == []


def test_what_a_person_may_no_longer_read_does_not_count_among_the_notifications():
    many(3)
    tell("editor", "sent")
    assert [act("notification_list", "editor")[name] for name in ("count", "unseen")] == [3, 3]
    model.Session.execute(
        sa.text(
            "UPDATE ecosphere_requests SET listed = false, organization_id = 'x' WHERE id = 'many-1'"
        )
    )
    model.Session.commit()
    assert [act("notification_list", "editor")[name] for name in ("count", "unseen")] == [2, 2]
    model.Session.execute(
        sa.update(Notification).values(audience="former_service", kind="transfer")
    )
    model.Session.commit()
    assert [act("notification_list", "editor")[name] for name in ("count", "unseen")] == [3, 3]


# --- calendars ---


def entries(app: CKANTestApp, person: str, path: str) -> list[dict[str, str]]:
    """Return the events of an iCalendar feed, as dictionaries."""
    text = visit(app, person, path).body.replace("\r\n ", "")
    parts = text.split("BEGIN:VEVENT")[1:]
    return [dict(line.split(":", 1) for line in part.splitlines() if ":" in line) for part in parts]


def test_a_calendar_holds_what_is_due_last(app: CKANTestApp, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listing, "MOST_DUE", 6)
    many(2_000, first_day=-1_995)  # the last one is due in four days
    with plans.asked() as statements:
        shown = entries(app, "editor", "/demandes/service/ddt-42/echeances.ics")
    today = clock.today()
    days = [today + timedelta(days=n) for n in (4, 3, 2, 1, 0, -1)]
    assert [each["DTSTART;VALUE=DATE"] for each in shown] == [f"{day:%Y%m%d}" for day in days]
    assert [each["SUMMARY"].split(":")[0] for each in shown] == ["Answer due"] * 5 + ["Late"]
    assert plans.rows_read(statements, "ecosphere_requests") < 100


def test_a_calendar_that_holds_all_says_nothing_else(app: CKANTestApp):
    many(3, first_day=-1)
    assert len(entries(app, "editor", "/demandes/service/ddt-42/echeances.ics")) == 3
    assert entries(app, "other-editor", "/demandes/service/dreal-ara/echeances.ics") == []
    assert entries(app, "editor", "/demandes/mes-demandes.ics") == []


# --- the public list ---


def test_facets_follow_each_change():
    many(50)
    made = opened()
    found = act("list", None)
    assert found["count"] == 51 and {
        each["name"]: each["count"] for each in found["facets"]["theme"]
    } == {"eau": 1}
    step(made, "start", "editor", planned=(clock.today() + timedelta(days=3)).isoformat())
    states = {each["name"]: each["count"] for each in act("list", None)["facets"]["state"]}
    assert states == {"open": 50, "in_progress": 1}
    act("hide", "boss", id=made["id"])
    assert act("list", None)["count"] == 50
    assert act("list", None, theme="eau")["count"] == 0


# --- datasets ---


@pytest.fixture
def datasets_of_an_editor() -> Iterator[None]:
    """Two thousand datasets created by `editor`."""
    common: dict[str, Any] = {
        "state": "active",
        "type": "dataset",
        "private": False,
        "extras": {},
        "plugin_data": {},
    }
    maker = {"creator_user_id": user_id("editor")}
    rows = [
        {**common, **maker, "id": str(uuid.uuid4()), "name": f"many-{number}"}
        for number in range(2_000)
    ]
    model.Session.execute(sa.insert(model.package_table), rows)
    plans.tidy("package")
    yield
    model.Session.execute(sa.text("DELETE FROM package WHERE name LIKE 'many-%'"))
    plans.tidy("package")


@pytest.mark.usefixtures("datasets_of_an_editor")
def test_a_desk_does_not_count_the_datasets_of_its_people(app: CKANTestApp):
    for path in ("service/ddt-42", "service/ddt-42?all=1", "service/ddt-42/reponses", "absences"):
        with plans.asked() as statements:
            page = visit(app, "admin", f"/demandes/{path}")
        assert page.status_code == 200
        assert plans.rows_read(statements, "package") < 100, path


def test_what_is_late_for_long_costs_the_clock_little():
    made, yesterday = opened(), clock.today() - timedelta(days=1)
    first = row(made)
    columns = [
        each.name
        for each in Request.__table__.columns
        if each.name not in ("id", "reference", "due")
    ]
    values = {name: getattr(first, name) for name in columns}
    late = [
        {**values, "id": f"late-{n}", "reference": f"DD-2000-{n:05}", "due": yesterday}
        for n in range(60)
    ]
    model.Session.execute(sa.insert(Request), late)
    model.Session.commit()
    assert scheduled.remind_services() >= 60
    asked: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    sa.event.listen(model.meta.engine, "before_cursor_execute", count)
    try:
        assert scheduled.remind_services() == 0
    finally:
        sa.event.remove(model.meta.engine, "before_cursor_execute", count)
    assert len(asked) < 10
