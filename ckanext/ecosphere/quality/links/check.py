"""Check the links that are due: hosts in parallel, the URLs of one host one after the other.

A run takes the due links, sends the requests, and stores the results; datasets whose links changed state are rescored
and reindexed. Each run has a time limit; the remaining links are due in the next one.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.core.model import QualityRow
from ckanext.ecosphere.quality.links import inventory
from ckanext.ecosphere.quality.links.model import Link, LinkCheck, LinkUse
from ckanext.ecosphere.quality.links.probe import Verdict, probe
from ckanext.ecosphere.quality.links.schedule import Standing, after
from ckanext.ecosphere.quality.storage import reindex, rescore
from ckanext.ecosphere.shared.http_guard import GuardedSession, GuardSettings, taken_apart
from ckanext.ecosphere.shared.portal_services import own_services

log = logging.getLogger(__name__)

HOSTS_AT_ONCE = 4
FAILURES_OF_A_HOST = 3  # consecutive failures without any answer, after which the rest of the host is postponed
LATER = timedelta(hours=6)
KEPT_CHECKS = 20
SETTINGS = GuardSettings(total_seconds=20, connect_seconds=8, read_seconds=15, attempts=1)


@dataclass(frozen=True)
class Outcome:
    """Result of a run: links checked, links whose state changed, datasets rescored."""

    checked: int
    changed: int
    datasets: int


def guard_settings() -> GuardSettings:
    """Return the HTTP guard's settings for a run."""
    return replace(
        SETTINGS,
        allowed_networks=config.allowed_networks(),
        allowed_ports=config.allowed_ports(),
        own_services=own_services(),
    )


def due(limit: int) -> list[Link]:
    """Return the links to check, longest due first."""
    query = sa.select(Link).where(Link.next_check_at <= _now()).order_by(Link.next_check_at, Link.key).limit(limit)
    return list(model.Session.scalars(query))


def run(
    links: Sequence[Link],
    seconds: float,
    session: GuardedSession | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Check `links` and store the results.

    Args:
        links: the links to check.
        seconds: time after which no further check is started.
        session: HTTP session; by default one with the room's settings.
        sleep: pauses between requests to the same host.
    """
    session = session or GuardedSession(guard_settings())
    by_host: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for link in links:
        by_host[taken_apart(link.url).hostname or ""].append((link.key, link.url, link.kind))
    end, pause, lock = time.monotonic() + seconds, config.link_pause(), threading.Lock()
    verdicts: dict[str, Verdict] = {}

    def ask(queue: list[tuple[str, str, str]]) -> None:
        silent = 0
        for number, (key, url, kind) in enumerate(queue):
            if time.monotonic() > end:
                return
            if silent >= FAILURES_OF_A_HOST:
                verdict = Verdict(None, None, "host-down")
            else:
                if number:
                    sleep(pause)
                verdict = probe(session, url, kind)
                silent = silent + 1 if verdict.ok is False and verdict.status is None else 0
            with lock:
                verdicts[key] = verdict

    with ThreadPoolExecutor(HOSTS_AT_ONCE) as pool:
        list(pool.map(ask, by_host.values()))
    return write(verdicts)


def write(verdicts: dict[str, Verdict]) -> Outcome:
    """Store the results of checks; rescore and reindex the datasets whose links changed state. Commits."""
    now, interval = _now(), timedelta(days=config.link_interval())
    changed: list[str] = []
    for link in model.Session.scalars(sa.select(Link).where(Link.key.in_(verdicts)).with_for_update()):
        verdict = verdicts[link.key]
        if verdict.reason == "host-down":
            link.next_check_at = now + LATER
            continue
        before = Standing(link.state, link.misses, link.first_miss_at, link.next_check_at)
        found = after(before, verdict, now, interval, random.uniform(0.9, 1.1))  # noqa: S311
        if found.state != link.state:
            changed.append(link.key)
        link.state, link.misses, link.first_miss_at = found.state, found.misses, found.first_miss_at
        link.next_check_at, link.checked_at = found.next_check_at, now
        link.status, link.reason = verdict.status, verdict.reason
        link.answered = verdict.answered if verdict.ok else link.answered
        model.Session.add(
            LinkCheck(key=link.key, checked_at=now, ok=verdict.ok, status=verdict.status, reason=verdict.reason)
        )
    _forget_old_checks(list(verdicts))
    datasets = _apply(changed)
    return Outcome(len(verdicts), len(changed), datasets)


def _apply(keys: Sequence[str]) -> int:
    """Update the datasets that use the links `keys`; return their number. Commits."""
    ids = sorted(set(model.Session.scalars(sa.select(LinkUse.package_id).where(LinkUse.key.in_(keys))))) if keys else []
    rows = model.Session.scalars(sa.select(QualityRow).where(QualityRow.package_id.in_(ids)).with_for_update())
    for row in rows:
        states = {
            link.url: link.state == "ok" for link in inventory.of_dataset(row.package_id) if link.state != "unchecked"
        }
        row.checks = {**(row.checks or {}), "links": states}
    model.Session.flush()
    changed = rescore.some(ids).changed if ids else []
    model.Session.commit()
    reindex.datasets(changed)
    return len(ids)


def _forget_old_checks(keys: Sequence[str]) -> None:
    rank = sa.func.row_number().over(partition_by=LinkCheck.key, order_by=LinkCheck.checked_at.desc())
    model.Session.flush()
    ranked = sa.select(LinkCheck.id, rank.label("rank")).where(LinkCheck.key.in_(keys)).subquery()
    old = sa.select(ranked.c.id).where(ranked.c.rank > KEPT_CHECKS)
    model.Session.execute(
        sa.delete(LinkCheck).where(LinkCheck.id.in_(old)).execution_options(synchronize_session=False)
    )


def _now() -> datetime:
    return datetime.now(timezone.utc)
