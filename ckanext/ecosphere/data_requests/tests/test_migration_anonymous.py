"""Migration that removes rows written by anonymous users before anonymous writing was refused."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _run_migrations

from ckanext.ecosphere.data_requests.model import Follow, Notification, Request, Setting, Support
from ckanext.ecosphere.data_requests.tests.conftest import act, draft, opened, row

BEFORE = "4d17b8e6a2c5"
pytestmark = pytest.mark.usefixtures("portal")


def migrated() -> None:
    """Undo the migration and run it again."""
    model.Session.commit()
    model.Session.remove()
    _run_migrations("ecosphere_requests", BEFORE, forward=False)
    _run_migrations("ecosphere_requests", "head")


@pytest.mark.few(1, "values")
@pytest.mark.parametrize("nobody", ["", "00000000-dead-4000-8000-000000000000"])
def test_rows_of_nobody_are_removed_and_supports_counted_anew(nobody):
    made, kept_draft = opened(), draft("friend")
    act("support", "friend", id=made["id"])
    act("follow", "friend", id=made["id"])
    act("settings_update", "friend", digest="daily")
    moment = datetime.now(timezone.utc)
    lost_draft = Request(
        id="lost", requester_id=nobody, created=moment, modified=moment, state="draft", title="?"
    )
    lost_draft.search = sa.func.to_tsvector("french", "?")
    for table in (Support, Follow):
        model.Session.add(table(request_id=made["id"], user_id=nobody))
    model.Session.add_all([lost_draft, Setting(user_id=nobody, digest="none", language="")])
    model.Session.execute(
        sa.update(Request).where(Request.id == made["id"]).values(support_count=2)
    )
    notified = Notification(
        request_id=made["id"],
        key="k",
        kind="accept",
        audience="followers",
        user_id=nobody,
        channel="page",
        created=moment,
    )
    model.Session.add(notified)
    migrated()
    friend = model.User.get("friend")
    assert friend is not None
    for table in (Support, Follow, Setting):
        assert set(model.Session.scalars(sa.select(table.user_id))) == {friend.id}
    assert nobody not in set(model.Session.scalars(sa.select(Notification.user_id)))
    assert row(made).support_count == 1
    assert model.Session.get(Request, "lost") is None
    assert row(kept_draft).title


def test_requests_without_people_that_were_anonymised_stay():
    made = opened()
    model.Session.execute(
        sa.update(Request)
        .where(Request.id == made["id"])
        .values(requester_id=None, state="fulfilled")
    )
    migrated()
    assert row(made).state == "fulfilled"
