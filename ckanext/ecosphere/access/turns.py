"""Lines of wanted previews and extracts: fair between those who ask and between the servers that
are read.

It is always the turn of those who, and whose server, have waited longest since their last turn,
however much somebody asks for. Servers that were slow a moment ago, and what was tried before, come
last. When it was whose turn is kept in Redis, without which nothing is made, and by a keyed digest
of who asked.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.types import DataDict
from flask import has_request_context
from redis.exceptions import RedisError

from ckanext.ecosphere.access.model import BROKEN, MADE, WANTED
from ckanext.ecosphere.shared.web_guard import rate_limits

SLOW_SECONDS, SLOW_KEPT = 20, 600
"""Seconds of one preview or extract after which its server counts as slow, and for how long it
does."""
MOST_WAITING = 1_000
"""Rows of a line, whoever asked."""
SERVED_KEPT = 3600
"""Seconds for which it is known when it was the turn of somebody or of a server."""
RETRY_SECONDS = 60
TURN_OVER = "turn-over"
"""Code of what took long while others wait."""


class NoRoomError(Exception):
    """As much is waiting as may wait."""


def asker() -> str:
    """Return a keyed digest of the account or the network address that asks;
    "" outside of a request.
    """
    if not has_request_context():
        return ""
    who = f"address:{rate_limits.address()}"
    if tk.current_user.is_authenticated:
        who = f"person:{tk.current_user.id}"
    return hmac.new(str(tk.config["SECRET_KEY"]).encode(), who.encode(), hashlib.sha256).hexdigest()


def host_of(url: Any) -> str:
    """Return the name of the server of a URL, "" if it has none."""
    try:
        return urlsplit(str(url or "")).hostname or ""
    except ValueError:
        return ""


def note_slow(host: str) -> None:
    """Remember a server as slow for some minutes."""
    rate_limits.remember("access-slow", SLOW_KEPT, host)


def is_slow(host: str) -> bool:
    """Return whether a server was slow in the last minutes."""
    return rate_limits.is_remembered("access-slow", host)


def note_turn(host: str, asker: str) -> None:
    """Remember that it is the turn of an asker and a server."""
    for name in (host, asker):
        connect_to_redis().set(_key(name), time.time(), ex=SERVED_KEPT)


def _served(names: list[str]) -> dict[str, float]:
    """Return when it was whose turn, 0 if not in the last time."""
    if not names:
        return {}
    try:
        moments: Any = connect_to_redis().mget(map(_key, names))
    except RedisError:
        moments = [None] * len(names)
    return {name: float(moment or 0) for name, moment in zip(names, moments, strict=True)}


def _key(name: str) -> str:
    return f"ecosphere:access:{tk.config['ckan.site_id']}:turn:{name}"


@dataclass(frozen=True)
class Line:
    """What waits in a table with the columns `state`, `tries`, `host` and `asker`.

    Attributes:
        key: primary key of the table.
        since: time at which a row was asked for.
        of_asker: rows of one asker that may wait.
        of_host: rows of one server that may wait; beyond, only askers of whom nothing waits yet
            find room.
    """

    table: Any
    key: Any
    since: Any
    of_asker: int
    of_host: int

    def next(self) -> list[Any]:
        """Return a row (`key`, `host`, `asker`) for each server and asker that wait.

        The one whose turn it is first.
        """
        row = self.table
        of_both = (row.host, row.asker)
        query = sa.select(
            self.key.label("key"), *of_both, row.tries, self.since.label("since")
        ).distinct(*of_both)
        query = query.where(row.state == WANTED).order_by(*of_both, row.tries, self.since)
        waiting = model.Session.execute(query).all()
        hosts = {entry.host for entry in waiting}
        askers = {entry.asker for entry in waiting}
        served = _served(sorted(hosts | askers))
        slow = {host for host in hosts if is_slow(host)}

        def turn(entry: Any) -> tuple[Any, ...]:
            earlier, later = sorted((served[entry.host], served[entry.asker]))
            return entry.tries, entry.host in slow, later, earlier, entry.since

        return sorted(waiting, key=turn)

    def is_waiting(self) -> bool:
        """Return whether anything waits."""
        return self._waits(sa.true())

    def require_room(self, asker: str, host: str) -> None:
        """Check that somebody may ask for one more.

        Raises:
            NoRoomError: too many wait already.
        """
        in_all, own, of_host = self._number(), self._number(asker=asker), self._number(host=host)
        if in_all >= MOST_WAITING or own >= self.of_asker or (own and of_host >= self.of_host):
            raise NoRoomError

    def adopt(self, key: str, asker: str) -> None:
        """Let a row that others asked for count as this asker's if nothing else of theirs waits.

        Commits.
        """
        if self._number(asker=asker):
            return
        row = sa.update(self.table).where(self.key == key, self.table.state == WANTED)
        model.Session.execute(row.values(asker=asker))
        model.Session.commit()

    def make(self, key: str, most_tries: int, work: Callable[[Any], tuple[DataDict, str]]) -> None:
        """Have a row made and store the outcome, unless it is put back to wait. Commits.

        Args:
            key: primary key of the row.
            most_tries: beyond which the row is given up.
            work: makes it; returns facts about it, and "", the code of a failure, or `TURN_OVER`.
        """
        row = model.Session.get(self.table, key)
        if row is None:
            return
        row.tries += 1
        model.Session.commit()  # first, so that what crashes the worker is not retried forever
        facts, error = {}, "given-up"
        if row.tries <= most_tries:
            facts, error = work(row)
        row = model.Session.get(self.table, key, populate_existing=True)
        if row is None or (error == TURN_OVER and row.tries < most_tries):
            return
        row.state = MADE
        if error:
            row.state = BROKEN
        row.error, row.facts, row.asker = error, facts, ""
        model.Session.commit()

    def has_others(self, asker: str, host: str) -> bool:
        """Return whether a row of another asker or another server waits."""
        return self._waits(sa.or_(self.table.asker != asker, self.table.host != host))

    def _waits(self, condition: Any) -> bool:
        exists = sa.exists().where(self.table.state == WANTED, condition)
        return bool(model.Session.scalar(sa.select(exists)))

    def _number(self, **same: str) -> int:
        query = sa.select(sa.func.count()).select_from(self.table).filter_by(state=WANTED, **same)
        return model.Session.scalar(query) or 0
