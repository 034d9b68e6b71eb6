"""Measured load of the portal: requests per second over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis
from ckan.lib.redis import connect_to_redis
from flask.testing import FlaskClient

from ckanext.ecosphere.shared.web_guard import visits

Visitor = Callable[..., FlaskClient]


class Clock:
    """Stand-in for the module `time`."""

    now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for the counter, at a time without counts of other tests."""
    moved = Clock()
    monkeypatch.setattr(visits, "time", moved)
    for span in range(int(moved.now) // visits.SECONDS - 1, int(moved.now) // visits.SECONDS + 10):
        connect_to_redis().delete(visits._key(span))
    visits.of_this_process.cache_clear()
    return moved


def test_pages_of_the_last_seconds_count(visitor: Visitor, clock: Clock):
    client = visitor("203.0.113.7")
    for _time in range(15):
        client.get("/api/3/action/status_show")
    assert visits.per_second() == 0  # the current interval is not over
    clock.now += visits.SECONDS
    client.get("/api/3/action/status_show")
    assert visits.per_second() == 15 / visits.SECONDS
    clock.now += 2 * visits.SECONDS
    assert visits.per_second() == 0


def test_several_processes_are_one_portal(
    visitor: Visitor, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    client = visitor("203.0.113.7")
    client.get("/api/3/action/status_show")
    other = visits.Visits()
    other._span, other._number = int(clock.now) // visits.SECONDS, 19
    clock.now += visits.SECONDS
    client.get("/api/3/action/status_show")
    monkeypatch.setattr(visits, "of_this_process", lambda: other)
    client.get("/api/3/action/status_show")
    assert visits.per_second() == 20 / visits.SECONDS


def test_files_do_not_count(visitor: Visitor, clock: Clock):
    client = visitor("203.0.113.7")
    for _time in range(10):
        client.get("/base/images/ckan.ico")
    clock.now += visits.SECONDS
    client.get("/base/images/ckan.ico")
    assert visits.per_second() == 0


def test_crawlers_and_scripts_do_not_count(visitor: Visitor, clock: Clock):
    client = visitor("203.0.113.7")
    agents = (
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "curl/7.88.1",
        "",
    )
    for agent in agents:
        client.get("/api/3/action/status_show", headers={"User-Agent": agent})
    client.get("/api/3/action/status_show")
    clock.now += visits.SECONDS
    client.get("/api/3/action/status_show", headers={"User-Agent": agents[0]})
    client.get("/api/3/action/status_show")
    assert visits.per_second() == 1 / visits.SECONDS


def test_redis_may_be_away(visitor: Visitor, clock: Clock, monkeypatch: pytest.MonkeyPatch):
    def away() -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(visits, "connect_to_redis", away)
    client = visitor("203.0.113.7")
    for _time in range(3):
        assert client.get("/api/3/action/status_show").status_code == 200
        clock.now += visits.SECONDS
    assert visits.per_second() == 0
