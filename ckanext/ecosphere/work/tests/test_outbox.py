"""The outbox through a real SMTP server: nothing is lost, and nothing leaves twice without need."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from freezegun import freeze_time

from ckanext.ecosphere.interfaces import CheckStatus
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.tests.postbox import Postbox
from ckanext.ecosphere.work.model import DONE, FAILED, PENDING, RUNNING, UNWANTED, Work
from ckanext.ecosphere.work.outbox import Outbox, Unwanted

OUTBOX = Outbox(
    name="ecosphere-test-mails",
    function="ckanext.ecosphere.search.alerts.job.deliver",
    title="Test: e-mails",
    queue="ecosphere:search",
    kept=timedelta(days=7),
)


@pytest.fixture(scope="module")
def tables(loaded: None, request: pytest.FixtureRequest) -> None:
    """The tables of the plugins, empty."""
    request.getfixturevalue("empty_db")()


@pytest.fixture(autouse=True)
def empty_outbox(tables: None, ckan_config: Any) -> Iterator[None]:
    """No e-mail, and no waiting job."""
    model.Session.execute(sa.delete(Work))
    model.Session.commit()
    connect_to_redis().flushdb()
    yield
    model.Session.remove()


def add(*people: str, **values: Any) -> int:
    """Add an e-mail to each of some people; return how many are new."""
    added = OUTBOX.add({"recipient": person, **values} for person in people)
    model.Session.commit()
    return len(added)


def write(mail: Work) -> dict[str, Any]:
    """Write an e-mail."""
    return {
        "recipient_name": mail.recipient,
        "recipient_email": f"{mail.recipient}@example.org",
        "subject": "Nouvelles",
        "body": "Bonjour",
    }


def rows() -> list[tuple[str, int]]:
    """Return status and attempts of each e-mail."""
    query = sa.select(Work.status, Work.attempts).order_by(Work.id)
    return list(model.Session.execute(query).tuples())


def later(**pause: float) -> Any:
    """Move the clock ahead for the duration of the block."""
    return freeze_time(datetime.now(timezone.utc) + timedelta(**pause))


def test_what_is_added_twice_leaves_once(postbox: Postbox):
    assert add("anne", "marc", key="event:1") == 2
    assert add("anne", "lea", key="event:1") == 1
    assert (OUTBOX.deliver(write), OUTBOX.deliver(write)) == (3, 0)
    assert add("anne", key="event:1") == 0
    assert add("anne", key="event:2") == 1
    assert OUTBOX.deliver(write) == 1
    assert [len(postbox.to(person)) for person in ("anne", "marc", "lea")] == [2, 1, 1]


def test_what_is_rolled_back_is_not_sent(postbox: Postbox):
    OUTBOX.add([{"recipient": "anne"}])
    model.Session.rollback()
    assert OUTBOX.deliver(write) == 0 and rows() == []


def test_an_e_mail_leaves_at_its_time_and_its_row_is_the_proof_as_long_as_it_is_kept(
    postbox: Postbox,
):
    add("anne", due=datetime.now(timezone.utc) + timedelta(minutes=10))
    assert OUTBOX.deliver(write) == 0
    with later(minutes=11):
        moment = datetime.now(timezone.utc)
        assert OUTBOX.deliver(write) == 1
    assert model.Session.scalars(sa.select(Work.ended)).one() == moment
    for days, kept in ((6, 1), (8, 0)):
        with later(days=days):
            OUTBOX.purge()
        assert len(rows()) == kept


def test_a_server_that_is_down_is_asked_again_at_growing_intervals(postbox: Postbox):
    add("anne")
    pauses = []
    postbox.failures = 3
    moment = datetime.now(timezone.utc)
    for _try in range(3):
        with freeze_time(moment):
            assert OUTBOX.deliver(write) == 0
            due = model.Session.scalars(sa.select(Work.due)).one()
            pauses.append(due - moment)
        with freeze_time(due - timedelta(seconds=1)):
            assert OUTBOX.deliver(write) == 0
        moment = due
    assert pauses == [timedelta(minutes=minutes) for minutes in (5, 10, 20)]
    with freeze_time(moment):
        assert (OUTBOX.deliver(write), OUTBOX.deliver(write)) == (1, 0)
    assert len(postbox.mails) == 1 and rows() == [(DONE, 4)]


def test_an_e_mail_that_never_gets_through_is_given_up(monkeypatch: Any, ckan_config: Any):
    monkeypatch.setitem(ckan_config, "smtp.server", "127.0.0.1:1")
    add("anne")
    for number in range(OUTBOX.most_tries + 1):
        with later(days=number + 1):
            assert OUTBOX.deliver(write) == 0
    assert rows() == [(FAILED, OUTBOX.most_tries)]
    [warning] = OUTBOX.failures("E-mails")
    assert warning.status is CheckStatus.WARNING and warning.message.startswith("1 e-mail ")


def test_one_that_cannot_be_written_keeps_no_other_from_leaving(postbox: Postbox):
    add("anne", "broken", "nobody", "marc")

    def write_some(mail: Work) -> dict[str, Any]:
        if mail.recipient == "broken":
            raise KeyError(mail.recipient)
        if mail.recipient == "nobody":
            raise Unwanted("no address")
        return write(mail)

    assert OUTBOX.deliver(write_some) == 2
    assert rows() == [(DONE, 1), (PENDING, 1), (UNWANTED, 1), (DONE, 1)]


def test_two_workers_share_the_e_mails(postbox: Postbox):
    people = [f"person-{number}" for number in range(12)]
    add(*people)

    def work(_number: int) -> int:
        try:
            return OUTBOX.deliver(slowly)
        finally:
            model.Session.remove()

    def slowly(mail: Work) -> dict[str, Any]:
        time.sleep(0.05)
        return write(mail)

    with ThreadPoolExecutor(2) as threads:
        numbers = list(threads.map(work, range(2)))
    assert sum(numbers) == len(people) and min(numbers) > 0
    assert sorted(mail["To"].addresses[0].username for mail in postbox.mails) == sorted(people)


def sender_that_hangs() -> int:
    """Start a process that claims an e-mail and does not end; return its id once it has the row."""
    reading, writing = os.pipe()
    model.Session.remove()
    child = os.fork()
    if child == 0:
        try:
            model.Session.remove()
            assert model.meta.engine is not None
            model.meta.engine.dispose(close=False)  # the connections are the parent's
            OUTBOX.deliver(lambda _mail: (os.write(writing, b"."), time.sleep(600)))  # type: ignore[arg-type]
        finally:
            os._exit(1)
    assert os.read(reading, 1) == b"."
    return child


def test_what_a_killed_process_was_sending_is_sent_by_another(postbox: Postbox):
    add("anne")
    child = sender_that_hangs()
    try:
        assert OUTBOX.resume() == 0, "its process is alive"
        assert OUTBOX.deliver(write) == 0 and rows() == [(RUNNING, 1)]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    for _time in range(100):  # until PostgreSQL has noticed
        if OUTBOX.recover():
            break
        time.sleep(0.1)
    assert OUTBOX.waits() and OUTBOX.deliver(write) == 1
    assert len(postbox.mails) == 1 and rows() == [(DONE, 2)]


def test_what_is_interrupted_each_time_is_given_up(postbox: Postbox):
    add("anne")
    for _time in range(OUTBOX.most_tries):
        with Locks() as sender:
            assert OUTBOX.claim_next(sender)
        OUTBOX.resume()
    assert rows() == [(FAILED, OUTBOX.most_tries)] and OUTBOX.deliver(write) == 0


def test_what_the_queue_lost_is_queued_again_once(postbox: Postbox):
    add("anne")
    OUTBOX.enqueue()
    connect_to_redis().flushdb()
    assert OUTBOX.recover() == [], "its job may just be starting"
    with later(seconds=30):
        assert OUTBOX.recover() == ["Test: e-mails"]
        assert OUTBOX.recover() == [] and OUTBOX.waits()


def test_without_a_mail_server_e_mails_wait(ckan_config: Any, monkeypatch: Any):
    monkeypatch.setitem(ckan_config, "smtp.server", "")
    add("anne")
    with later(days=1):
        assert OUTBOX.deliver(write) == 0 and OUTBOX.recover() == []
    assert rows() == [(PENDING, 0)]


def test_who_leaves_gets_nothing_any_more_and_who_is_erased_leaves_no_trace(postbox: Postbox):
    add("anne", "marc")
    OUTBOX.drop("anne")
    OUTBOX.forget(["marc"])
    model.Session.commit()
    assert OUTBOX.deliver(write) == 0 and rows() == [(UNWANTED, 0)]
