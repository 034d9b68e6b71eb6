"""Check whether the links of datasets answer, in the background and rate-limited; the results are
facts of the score.

The inventory has each URL once, with the datasets that use it. A run takes the due links and sends
as few and small requests as possible (hosts in parallel, the URLs of one host one after the other);
datasets whose links changed state are rescored and reindexed. Each run has a time limit; the
remaining links are due in the next one.
"""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.dataset.services import capabilities
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.quality import config, rescore, store
from ckanext.ecosphere.quality.core.distributions import Record, addresses
from ckanext.ecosphere.quality.core.facts import own_addresses
from ckanext.ecosphere.quality.model import Link, LinkUse, QualityRow
from ckanext.ecosphere.shared.config import own_services
from ckanext.ecosphere.shared.http_guard import (
    FetchError,
    GuardedSession,
    GuardSettings,
    Response,
    ask_by_host,
)
from ckanext.ecosphere.shared.language import N_

CHUNK = 200
"""Datasets whose URLs are recorded in one transaction."""
LATER = timedelta(hours=6)
"""When a URL is due again that was not asked, since others of its host failed."""
SETTINGS = GuardSettings(total_seconds=20, connect_seconds=8, read_seconds=15, attempts=1)

# --- inventory ---


def key_of(url: str) -> str:
    """Return the key of a URL."""
    return hashlib.sha256(url.encode()).hexdigest()


def links_of(data: Row) -> dict[str, str]:
    """Return the URLs of a dataset's data and how to check each: URL → kind."""
    record = Record(data)
    kinds = dict.fromkeys(own_addresses(record), "file")
    for resource in record.resources:
        if not resource.is_data or resource.is_intranet:
            continue
        for address in addresses(resource):
            kinds.setdefault(address, _kind_of(resource))
    return kinds


def _kind_of(resource: Record) -> str:
    code = resource.format.code.lower() if resource.format else ""
    if code == "atom feed":
        return "atom"
    if code in SERVICES:
        return code
    return "file"


def _now() -> datetime:
    return datetime.now(timezone.utc)


def note(ids: Sequence[str]) -> None:
    """Record the URLs of the datasets `ids`; new ones are due at once. The caller commits.

    Those of deleted datasets are removed, since their results would not be shown.
    """
    now = _now()
    links: dict[str, DataDict] = {}
    uses: list[dict[str, str]] = []
    active = sa.select(model.Package.id).where(
        model.Package.id.in_(ids), model.Package.state == model.State.ACTIVE
    )
    for package_id, data in store.load(model.Session.scalars(active).all()).items():
        for url, kind in links_of(data).items():
            key = key_of(url)
            links[key] = {
                "key": key,
                "url": url,
                "kind": kind,
                "state": "unchecked",
                "next_check_at": now,
            }
            uses.append({"package_id": package_id, "key": key})
    if links:
        model.Session.execute(insert(Link).on_conflict_do_nothing(), list(links.values()))
    model.Session.execute(sa.delete(LinkUse).where(LinkUse.package_id.in_(ids)))
    if uses:
        model.Session.execute(insert(LinkUse).on_conflict_do_nothing(), uses)


def note_all() -> int:
    """Record the URLs of all datasets and delete unused ones; return the number of links."""
    for ids in store.each_chunk(CHUNK):
        note(ids)
        model.Session.commit()
    _delete(LinkUse, ~sa.exists().where(model.Package.id == LinkUse.package_id))
    _delete(Link, ~sa.exists().where(LinkUse.key == Link.key))
    model.Session.commit()
    return model.Session.scalar(sa.select(sa.func.count()).select_from(Link)) or 0


def _delete(table: Any, condition: Any) -> None:
    delete = sa.delete(table).where(condition).execution_options(synchronize_session=False)
    model.Session.execute(delete)


def of_dataset(package_id: str) -> list[Link]:
    """Return the links of a dataset, broken ones first."""
    broken_first = sa.case((Link.state == "broken", 0), (Link.state == "unchecked", 1), else_=2)
    query = (
        sa.select(Link)
        .join(LinkUse, LinkUse.key == Link.key)
        .where(LinkUse.package_id == package_id)
        .order_by(broken_first, Link.url)
    )
    return list(model.Session.scalars(query))


# --- a single check ---

SERVICES = ("wms", "wfs", "wmts", "wcs")
SAMPLE_BYTES = 1024
CAPABILITIES_BYTES = 512 * 1024
#: Statuses that are inconclusive: the server is busy, or requires authentication.
NO_VERDICT = {401, 403, 407, 408, 425, 429, 503}
#: Status from which a HEAD is repeated as GET: servers that do not support HEAD answer with all
#: kinds of errors.
FIRST_ERROR = 400

#: Media types that carry no information.
SAYS_NOTHING = {
    "application/octet-stream", "binary/octet-stream", "application/force-download",
    "application/download", "application/x-download", "application/unknown", "text/plain",
}  # fmt: skip
_FILE_NAME = re.compile(r"""filename\*?\s*=\s*(?:[\w-]*'[\w-]*')?"?([^";]+)""", re.IGNORECASE)
_ENDING = re.compile(r"[a-z0-9]{1,8}")
_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[\w.+-]{1,80}", re.ASCII)
_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)[\s>/]")
#: Names of root elements, in lower case.
_EXCEPTIONS = {"serviceexceptionreport", "exceptionreport"}
_CAPABILITIES = {
    "wms_capabilities", "wmt_ms_capabilities", "wfs_capabilities", "capabilities",
    "wcs_capabilities",
}  # fmt: skip
_FEEDS = {"feed", "rss", "opensearchdescription"}

REASONS = {
    "": N_("It answers."),
    "status": N_("The server answers with an error."),
    "no-verdict": N_("The server is busy or asks who calls: nothing can be said."),
    "exception": N_("The service answers with an exception."),
    "not-capabilities": N_("The answer is not a description of the service."),
    "not-feed": N_("The answer is not an ATOM feed."),
    "unknown-host": N_("The host is unknown."),
    "timeout": N_("The server does not answer in time."),
    "tls": N_("The certificate of the server cannot be verified."),
    "connection": N_("The connection fails."),
    "refused": N_("The address cannot be reached from the internet, or is not valid."),
    "host-down": N_("Other addresses of this host just failed: it will be asked later."),
}


@dataclass(frozen=True)
class Verdict:
    """Result of a check.

    Attributes:
        ok: whether the URL answers; None if inconclusive.
        status: HTTP status, None without an answer.
        reason: a key of `REASONS`.
        answered: type of a file in the answer: extension of the file name given by the server, else
            media type; "" if neither is informative.
    """

    ok: bool | None
    status: int | None = None
    reason: str = ""
    answered: str = ""


HOST_DOWN = Verdict(None, None, "host-down")


def probe(session: GuardedSession, url: str, kind: str) -> Verdict:
    """Check `url`.

    Files are requested with HEAD, then if that fails for their first bytes; services for their
    capabilities; feeds for their beginning.

    Args:
        session: the guarded HTTP session.
        url: the URL.
        kind: file, atom, or a protocol of `SERVICES`.
    """
    try:
        if kind in SERVICES:
            return _service(session, url, kind)
        if kind == "atom":
            return _feed(session, url)
        return _file(session, url)
    except FetchError as error:
        if error.refused:
            return Verdict(False, None, "refused")
        if error.code in REASONS:
            return Verdict(False, None, error.code)
        return Verdict(False, None, "connection")


def _judge(status: int) -> Verdict:
    """Return what the status of an answer tells."""
    if status in NO_VERDICT:
        return Verdict(None, status, "no-verdict")
    if status < FIRST_ERROR:
        return Verdict(True, status)
    return Verdict(False, status, "status")


def _file(session: GuardedSession, url: str) -> Verdict:
    answer = session.request("HEAD", url, attempts=1)
    if answer.status < FIRST_ERROR:
        return Verdict(True, answer.status, answered=answered(answer))
    ranged = {"Range": f"bytes=0-{SAMPLE_BYTES - 1}"}
    answer = session.request(
        "GET", url, headers=ranged, attempts=1, max_bytes=SAMPLE_BYTES, truncate=True
    )
    if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # an empty file, which exists
        return Verdict(True, answer.status)
    verdict = _judge(answer.status)
    if verdict.ok:
        verdict = replace(verdict, answered=answered(answer))
    return verdict


def answered(answer: Response) -> str:
    """Return the type of a file stated by an answer (`Verdict.answered`)."""
    file_name = _FILE_NAME.search(answer.headers.get("Content-Disposition", "")[:1000])
    if file_name:
        ending = PurePosixPath(file_name.group(1)).suffix.lstrip(".").lower()
        if _ENDING.fullmatch(ending):
            return ending
    media_type = answer.content_type
    if media_type in SAYS_NOTHING or not _MEDIA_TYPE.fullmatch(media_type):
        return ""
    return media_type


def _feed(session: GuardedSession, url: str) -> Verdict:
    answer = session.request("GET", url, attempts=1, max_bytes=SAMPLE_BYTES, truncate=True)
    verdict = _judge(answer.status)
    if verdict.ok and root_name(answer.body) not in _FEEDS:
        return Verdict(False, answer.status, "not-feed")
    return verdict


def _service(session: GuardedSession, url: str, kind: str) -> Verdict:
    described_at = capabilities(url, f"OGC:{kind.upper()}")
    answer = session.request(
        "GET", described_at, attempts=1, max_bytes=CAPABILITIES_BYTES, truncate=True
    )
    verdict = _judge(answer.status)
    root = root_name(answer.body)
    if verdict.ok and root in _EXCEPTIONS:
        return Verdict(False, answer.status, "exception")
    if verdict.ok and root not in _CAPABILITIES:
        return Verdict(False, answer.status, "not-capabilities")
    return verdict


def root_name(body: bytes) -> str:
    """Return the local name of the first element in `body`, in lower case; "" if there is none.

    Parses nothing.
    """
    match = _ROOT.search(body[: SAMPLE_BYTES * 8])
    if match is None:
        return ""
    return match.group(1).decode("ascii", "replace").lower()


# --- state of a URL ---

MISSES = 2  # a URL is broken after this many misses …
APART = timedelta(hours=6)  # … at least this far apart, to ignore short maintenance
AFTER_FIRST_MISS = timedelta(days=1)
AFTER_NO_VERDICT = timedelta(days=1)
LONGEST = timedelta(days=30)
DOUBLINGS = 5  # broken URLs are checked again after 1, 2, 4, 8, 16 days, then every 30


@dataclass(frozen=True)
class Standing:
    """State of a URL between checks."""

    state: str
    misses: int
    first_miss_at: datetime | None
    next_check_at: datetime


def after(
    before: Standing, verdict: Verdict, now: datetime, interval: timedelta, jitter: float
) -> Standing:
    """Return the state after a check.

    Args:
        before: the state so far.
        verdict: result of the check.
        now: time of the check.
        interval: time between checks of a working URL.
        jitter: a factor of 0.9–1.1 that spreads the next checks over time.
    """
    if verdict.ok is None:
        return Standing(
            before.state, before.misses, before.first_miss_at, now + AFTER_NO_VERDICT * jitter
        )
    if verdict.ok:
        return Standing("ok", 0, None, now + interval * jitter)
    first = before.first_miss_at or now
    if before.misses and now - first < APART:
        return Standing(before.state, before.misses, first, first + APART)
    misses = before.misses + 1
    if misses < MISSES:
        return Standing(before.state, misses, first, now + AFTER_FIRST_MISS * jitter)
    pause = AFTER_FIRST_MISS * 2 ** min(misses - MISSES, DOUBLINGS)
    return Standing("broken", misses, first, now + min(pause, LONGEST) * jitter)


# --- run ---


@dataclass(frozen=True)
class Outcome:
    """Result of a run: links checked, links whose state changed, datasets rescored."""

    checked: int
    changed: int
    datasets: int


class _Address(NamedTuple):
    """What a thread needs of a link, whose row belongs to the session of another thread."""

    key: str
    url: str
    kind: str


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
    query = (
        sa.select(Link)
        .where(Link.next_check_at <= _now())
        .order_by(Link.next_check_at, Link.key)
        .limit(limit)
    )
    return list(model.Session.scalars(query))


def run(
    due_links: Sequence[Link],
    seconds: float,
    session: GuardedSession | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Check links and store the results.

    Args:
        due_links: the links to check.
        seconds: time after which no further check is started.
        session: HTTP session; by default one with the room's settings.
        sleep: pauses between requests to the same host.
    """
    guarded = session or GuardedSession(guard_settings())
    answers = ask_by_host(
        [_Address(link.key, link.url, link.kind) for link in due_links],
        lambda address: address.url,
        lambda address: probe(guarded, address.url, address.kind),
        lambda verdict: verdict.ok is False and verdict.status is None,
        seconds=seconds,
        pause=config.link_pause(),
        sleep=sleep,
    )
    return write({address.key: verdict or HOST_DOWN for address, verdict in answers})


def write(verdicts: dict[str, Verdict]) -> Outcome:
    """Store the results of checks; rescore and reindex the datasets whose links changed state.

    Commits.
    """
    now, interval = _now(), timedelta(days=config.link_interval())
    changed: list[str] = []
    checked = sa.select(Link).where(Link.key.in_(verdicts)).with_for_update()
    for link in model.Session.scalars(checked):
        verdict = verdicts[link.key]
        if verdict == HOST_DOWN:
            link.next_check_at = now + LATER
            continue
        before = Standing(link.state, link.misses, link.first_miss_at, link.next_check_at)
        standing = after(before, verdict, now, interval, random.uniform(0.9, 1.1))  # noqa: S311
        if standing.state != link.state:
            changed.append(link.key)
        for name, value in vars(standing).items():
            setattr(link, name, value)
        link.checked_at, link.status, link.reason = now, verdict.status, verdict.reason
        if verdict.ok:
            link.answered = verdict.answered
    return Outcome(len(verdicts), len(changed), _apply(changed))


def _apply(keys: Sequence[str]) -> int:
    """Update the datasets that use the links `keys`; return their number. Commits."""
    users = sa.select(LinkUse.package_id).where(LinkUse.key.in_(keys))
    ids = sorted(set(model.Session.scalars(users)))
    rows = sa.select(QualityRow).where(QualityRow.package_id.in_(ids)).with_for_update()
    for row in model.Session.scalars(rows):
        checked = [link for link in of_dataset(row.package_id) if link.state != "unchecked"]
        states = {link.url: link.state == "ok" for link in checked}
        row.checks = {**(row.checks or {}), "links": states}
    model.Session.flush()
    changed = rescore.some(ids).changed
    model.Session.commit()
    rescore.reindex(changed)
    return len(ids)
