"""Scores of series and their members: a member inherits values from its series, a series counts its members.

Quality rows store the identifiers of a series (`known_as`) and the series of a member (`series`), so that both
directions are index look-ups. Only public series lend values: otherwise the score of a public member would reveal the
contents of a draft. When a series or a member is saved, its relatives are rescored in the background, and again every
night.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from redis.exceptions import RedisError
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import ARRAY

from ckanext.ecosphere.dataset.view import parse_json
from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.core.distributions import Record
from ckanext.ecosphere.quality.core.facts import Checks, Facts, Kind, gather, kind_of, references
from ckanext.ecosphere.quality.model import QualityRow
from ckanext.ecosphere.shared.queue import enqueue_once

log = logging.getLogger(__name__)

AT_ONCE = 500
COLUMNS = ("id", "name", "title", "license_id", "url")
JOB = "ckanext.ecosphere.quality.jobs.tasks.rescore_relatives"
_MARKED = __name__
"""Key, in the session, of the relatives to score after the commit."""


def facts_of(data: Mapping[str, Any], checks: Checks | None = None) -> Facts:
    """Return the facts of a dataset as `facts.gather` does, taking its series and members in this portal into account.

    It needs two queries for a series or a member of one, none for other datasets.
    """
    record = Record(data)
    if record.series:
        series = _lenders(record.series, record.text("id"))
        data = {**record.values, **_inherited(record, series)}
    members = 0
    if kind_of(record) is Kind.SERIES:
        members = _members(references(record))
    return gather(data, checks, members)


def _lenders(names: Collection[str], own_id: str) -> list[dict[str, Any]]:
    """Return the public series with these identifiers, in the order of `names`."""
    order = list(names)
    known_as = dict(model.Session.execute(_known_as_query(), {"names": order}).tuples().all())
    known_as.pop(own_id, None)
    if not known_as:
        return []

    def place(row: Any) -> int:
        return min(order.index(name) for name in known_as[row["id"]] if name in order)

    rows = model.Session.execute(_series_query(), {"ids": list(known_as)}).mappings()
    public = [row for row in rows if row["state"] == model.State.ACTIVE and not row["private"]]
    lenders = []
    for row in sorted(public, key=place):
        columns = {name: row[name] for name in COLUMNS}
        lenders.append(_decoded({**(row["extras"] or {}), **columns}))
    return lenders


# Both are built once, since a harvest runs them for each member of a series. They are not joined: without statistics,
# as during a first harvest, PostgreSQL would read all active datasets for each member.


@cache
def _known_as_query() -> Any:
    names = sa.bindparam("names", type_=ARRAY(sa.Text))
    overlap = QualityRow.known_as.overlap(names)  # type: ignore[attr-defined]
    return sa.select(QualityRow.package_id, QualityRow.known_as).where(overlap)


@cache
def _series_query() -> Any:
    columns = (getattr(model.Package, name) for name in (*COLUMNS, "extras", "state", "private"))
    return sa.select(*columns).where(model.Package.id.in_(sa.bindparam("ids", expanding=True)))


def _inherited(record: Record, series: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the values inherited by a member, as shown on its page; empty without the schemas room."""
    if not series or not p.plugin_loaded("ecosphere_schemas"):
        return {}
    values = tk.h.ecosphere_taken_from_series(_decoded(record.values), series)
    return {name: value for name, value in values.items() if not record.rows(name)}


def _decoded(values: Mapping[str, Any]) -> dict[str, Any]:
    decoded = dict(values)
    for name, value in values.items():
        parsed = parse_json(value)
        if parsed is not None:
            decoded[name] = parsed
    return decoded


def _members(names: Collection[str]) -> int:
    overlap = QualityRow.series.overlap(_texts(names))  # type: ignore[attr-defined]
    members = model.Session.scalars(sa.select(QualityRow.package_id).where(overlap)).all()
    is_public = sa.and_(model.Package.state == model.State.ACTIVE, model.Package.private.is_(False))
    # Not a condition, by the index of which PostgreSQL would read all active datasets.
    count = sa.select(sa.func.count().filter(is_public))
    query = count.where(model.Package.id == sa.any_(_texts(members)))
    return model.Session.scalar(query) or 0


def related_ids() -> list[str]:
    """Return the ids of all series and members."""
    any_name = sa.func.cardinality(QualityRow.series) + sa.func.cardinality(QualityRow.known_as) > 0
    query = sa.select(QualityRow.package_id).where(any_name).order_by(QualityRow.package_id)
    return list(model.Session.scalars(query))


def note(series: Iterable[str], known_as: Iterable[str]) -> None:
    """Mark the relatives of a dataset for rescoring after the current transaction commits.

    Args:
        series: current and former series of the dataset.
        known_as: current and former identifiers of the dataset, if it is a series.
    """
    marks = {f"series:{name}" for name in series} | {f"member:{name}" for name in known_as}
    if marks:
        session: Any = model.Session()
        session.info.setdefault(_MARKED, set()).update(marks)


def listen() -> None:
    """Register the listeners of commits and rollbacks, once per process."""
    for name, function in (("after_commit", _committed), ("after_rollback", _rolled_back)):
        if not event.contains(model.Session, name, function):
            event.listen(model.Session, name, function)


def _committed(session: Any) -> None:
    marks = session.info.pop(_MARKED, None)
    if not marks:
        return
    try:
        connect_to_redis().sadd(_key(), *marks)
        enqueue()
    except RedisError:
        log.warning("Quality: relatives of a series are scored tonight only, Redis does not answer")


def _rolled_back(session: Any) -> None:
    session.info.pop(_MARKED, None)


def enqueue() -> None:
    """Queue the rescoring of the marked relatives."""
    work: Any = JOB
    enqueue_once(
        work,
        job_id="ecosphere-quality-relatives",
        title="Quality: series and members",
        queue=config.QUEUE,
    )


def take_relatives() -> list[str]:
    """Return the ids of the marked relatives, and clear the marks."""
    redis, ids = connect_to_redis(), set()
    while True:
        marks = redis.spop(_key(), AT_ONCE)
        if not marks:
            return sorted(ids)
        names: dict[str, list[str]] = {"series": [], "member": []}
        for mark in marks:
            text = mark.decode() if isinstance(mark, bytes) else str(mark)
            kind, _colon, name = text.partition(":")
            names[kind].append(name)
        is_series = QualityRow.known_as.overlap(_texts(names["series"]))  # type: ignore[attr-defined]
        is_member = QualityRow.series.overlap(_texts(names["member"]))  # type: ignore[attr-defined]
        ids.update(
            model.Session.scalars(sa.select(QualityRow.package_id).where(is_series | is_member))
        )


def _key() -> str:
    return f"ecosphere:quality:relatives:{tk.config['ckan.site_id']}"


def _texts(names: Collection[str]) -> Any:
    return sa.cast(list(names), ARRAY(sa.Text))
