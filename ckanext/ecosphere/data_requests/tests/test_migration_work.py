"""Migration to the common table of work: what waits is sent later, proofs of sending are kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _run_migrations
from freezegun import freeze_time

from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import Notification
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.notifications.outbox import OUTBOX
from ckanext.ecosphere.data_requests.tests.conftest import act, opened, submitted
from ckanext.ecosphere.tests.postbox import Postbox, body
from ckanext.ecosphere.work.model import Work

BEFORE = "b7d3e90a4c51"
pytestmark = pytest.mark.usefixtures("portal")

OLD = """
SELECT id, status, attempts, sent, error FROM ecosphere_requests_notification WHERE channel = 'email' ORDER BY id
"""


@pytest.fixture(autouse=True)
def current() -> Iterator[None]:
    """Leave the tables as they are now, also if a test fails."""
    yield
    model.Session.remove()
    _run_migrations("ecosphere_requests", "head")


def undo() -> list[dict[str, Any]]:
    """Undo the migration; return the e-mails as version 1.1 knows them."""
    model.Session.commit()
    model.Session.remove()
    _run_migrations("ecosphere_requests", BEFORE, forward=False)
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Work)) == 0
    return [dict(row) for row in model.Session.execute(sa.text(OLD)).mappings()]


def redo() -> None:
    """Run the migration."""
    model.Session.commit()
    model.Session.remove()
    _run_migrations("ecosphere_requests", "head")


def sent() -> dict[int, Any]:
    """Return when the e-mail of each notification was sent."""
    query = sa.select(Notification.id, Work.ended).join(Work, Work.id == Notification.mail_id)
    return dict(model.Session.execute(query).tuples().all())


def test_what_was_sent_stays_proved_in_both_directions(postbox: Postbox):
    submitted()
    assert delivery.deliver() == 2
    proofs = sent()
    former = undo()
    assert {row["id"]: row["sent"] for row in former} == proofs
    assert {(row["status"], row["attempts"]) for row in former} == {("sent", 1)}
    redo()
    assert len(proofs) == 2 and sent() == proofs
    assert delivery.deliver() == 0


def test_what_waited_is_sent_after_the_update_and_once(postbox: Postbox):
    submitted()
    postbox.failures = 1
    assert delivery.deliver() == 1
    statuses = {row["status"]: row for row in undo()}
    assert set(statuses) == {"sent", "pending"}
    assert (
        statuses["pending"]["attempts"] == 1 and "try again later" in statuses["pending"]["error"]
    )
    redo()
    assert delivery.deliver() == 0, "the pause after the failure goes on"
    with freeze_time(clock.now() + timedelta(minutes=6)):
        assert delivery.deliver() == 1
    assert len(postbox.mails) == 2


def test_what_was_being_sent_is_taken_up_again(postbox: Postbox):
    submitted()
    undo()
    update = "UPDATE ecosphere_requests_notification SET status = 'sending', attempts = 1 WHERE channel = 'email'"
    model.Session.execute(sa.text(update))
    redo()
    assert delivery.deliver() == 0
    assert OUTBOX.resume() == 2
    assert delivery.deliver() == 2


def test_a_digest_waits_for_its_day_and_what_was_refused_is_not_sent(postbox: Postbox):
    act("settings_update", "editor", digest="daily")
    made = opened()
    former = undo()
    assert [row["status"] for row in former].count("digest") == 1
    requester = model.User.get("asker")
    assert requester is not None
    refuse = "UPDATE ecosphere_requests_notification SET status = 'unwanted' WHERE channel = 'email' AND user_id = :id"
    model.Session.execute(sa.text(refuse), {"id": requester.id})
    redo()
    delivery.deliver()
    assert postbox.to("asker") == [] and postbox.to("editor") == []
    with freeze_time(clock.now() + timedelta(days=1)):
        assert delivery.digests() == 1
        assert delivery.deliver() == 1
    assert made["reference"] in body(postbox.to("editor")[0])
