"""Concurrent writes by many users, each in a thread with its own database connection."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import service, transitions
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.domain.people import Reader, reader_of
from ckanext.ecosphere.data_requests.model import Event, Support
from ckanext.ecosphere.data_requests.tests.conftest import REASON, opened, row
from ckanext.ecosphere.data_requests.transitions import Conflict

pytestmark = pytest.mark.usefixtures("portal")

THREADS = 12


def together(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run calls concurrently; return the result of each, or the exception that it raised."""
    start = threading.Barrier(min(len(calls), THREADS))

    def run(index: int) -> Any:
        try:
            if index < start.parties:
                start.wait(timeout=30)
            return calls[index]()
        except Exception as error:
            return error
        finally:
            model.Session.remove()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(len(calls))))


@pytest.mark.slow("load")
def test_a_hundred_supports_at_once_count_a_hundred_once_each():
    made = opened()
    people = [Reader(id=f"person-{n}") for n in range(100)]
    calls = [
        lambda person=person: service.support(person, made["id"], True)
        for person in [*people, *people]
    ]
    assert [each for each in together(calls) if each is not None] == []
    count = sa.select(sa.func.count()).select_from(Support).where(Support.request_id == made["id"])
    assert model.Session.scalar(count) == row(made).support_count == 100


def state_after(reader, request, name, values):
    changed, *_rest = transitions.transition(
        reader, request["id"], name, request["version"], values
    )
    return changed.state


def test_of_two_people_who_act_at_once_one_wins_and_the_other_is_told():
    planned = (clock.today() + timedelta(days=3)).isoformat()
    editor, admin = (reader_of(model.User.get(name)) for name in ("editor", "admin"))
    for _round in range(5):
        made = opened()
        outcome = together(
            [
                partial(state_after, editor, made, "start", {"planned": planned}),
                partial(state_after, admin, made, "not_held", {"reason": REASON}),
            ]
        )
        [lost] = [each for each in outcome if isinstance(each, Exception)]
        assert isinstance(lost, Conflict)
        [won] = [each for each in outcome if not isinstance(each, Exception)]
        assert row(made).state == won
        assert [each["to"] for each in lost.changes] == [won]
        events = sa.select(sa.func.count()).select_from(Event).where(Event.request_id == made["id"])
        assert model.Session.scalar(events) == 3


def test_two_merges_across_each_other_neither_wait_for_ever_nor_make_a_circle():
    moderator = reader_of(model.User.get("moderator"))
    first, second = opened(title="Un"), opened(title="Deux")

    def merge(source: dict[str, Any], target: dict[str, Any]) -> None:
        transitions.transition(
            moderator, source["id"], "mark_duplicate", source["version"], {"target": target["id"]}
        )

    outcome = together([lambda: merge(first, second), lambda: merge(second, first)])
    assert len([each for each in outcome if each is None]) == 1
    assert isinstance(next(each for each in outcome if each is not None), tk.ValidationError)
    assert sorted((row(first).state, row(second).state)) == ["duplicate", "open"]


def test_references_have_no_double():
    drafts = [service.new_draft(None) for _number in range(40)]
    for request in drafts:
        service.write(request, {"title": "Zones humides"})
    model.Session.add_all(drafts)
    model.Session.commit()
    ids = iter([draft.id for draft in drafts])

    def number() -> str:
        with transitions.changing(next(ids)) as request:
            request.reference = transitions.next_reference(2031)
            return request.reference

    given = together([number] * 40)
    assert len(set(given)) == 40 and all(isinstance(reference, str) for reference in given)
