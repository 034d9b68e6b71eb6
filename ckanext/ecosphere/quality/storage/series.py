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

from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.core.facts import Checks, Facts, Kind, gather, kind_of, references
from ckanext.ecosphere.quality.core.model import QualityRow
from ckanext.ecosphere.quality.storage.reading import Record, parse_json
from ckanext.ecosphere.shared.queue import enqueue_once

log = logging.getLogger(__name__)

AT_ONCE = 500
COLUMNS = ("id", "name", "title", "license_id", "url")
JOB = "ckanext.ecosphere.quality.jobs.tasks.rescore_relatives"
_NOTED = __name__


def facts_of(data: Mapping[str, Any], checks: Checks | None = None) -> Facts:
    """Return the facts of a dataset as `facts.gather` does, taking its series and members in this portal into account.

    It needs two queries for a series or a member of one, none for other datasets.
    """
    record = Record(data)
    names = record.many("in_series")
    if names:
        data = {**record.values, **_taken(record, _lenders(names, record.text("id")))}
    return gather(data, checks, _members(references(record)) if kind_of(record) is Kind.SERIES else 0)


def _lenders(names: Collection[str], own_id: str) -> list[dict[str, Any]]:
    """Return the public series with these identifiers, in the order of `names`."""
    order = list(names)
    known_as = dict(model.Session.execute(_known_as_query(), {"names": order}).tuples().all())
    known_as.pop(own_id, None)
    if not known_as:
        return []

    def place(row: Any) -> int:
        return min(order.index(name) for name in known_as[row["id"]] if name in order)

    found = model.Session.execute(_series_query(), {"ids": list(known_as)}).mappings()
    public = [row for row in found if row["state"] == model.State.ACTIVE and not row["private"]]
    public.sort(key=place)
    return [_decoded({**(row["extras"] or {}), **{name: row[name] for name in COLUMNS}}) for row in public]


# Both are built once, since a harvest runs them for each member of a series. They are not joined: without statistics,
# as during a first harvest, PostgreSQL would read all active datasets for each member.


@cache
def _known_as_query() -> Any:
    names = sa.bindparam("names", type_=ARRAY(sa.Text))
    return sa.select(QualityRow.package_id, QualityRow.known_as).where(
        QualityRow.known_as.overlap(names)  # type: ignore[attr-defined]
    )


@cache
def _series_query() -> Any:
    columns = (getattr(model.Package, name) for name in (*COLUMNS, "extras", "state", "private"))
    return sa.select(*columns).where(model.Package.id.in_(sa.bindparam("ids", expanding=True)))


def _taken(record: Record, series: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the values inherited by a member, as shown on its page; empty without the schemas room."""
    if not series or not p.plugin_loaded("ecosphere_schemas"):
        return {}
    taken = tk.h.ecosphere_taken_from_series(_decoded(record.values), series)
    return {name: value for name, value in taken.items() if not record.rows(name)}


def _decoded(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: parsed if isinstance(value, str) and (parsed := parse_json(value.strip())) is not None else value
        for name, value in values.items()
    }


def _members(names: Collection[str]) -> int:
    members = sa.select(QualityRow.package_id).where(QualityRow.series.overlap(_texts(names)))  # type: ignore[attr-defined]
    is_public = sa.and_(model.Package.state == model.State.ACTIVE, model.Package.private.is_(False))
    # Not a condition, by the index of which PostgreSQL would read all active datasets.
    query = sa.select(sa.func.count().filter(is_public)).where(
        model.Package.id == sa.any_(_texts(model.Session.scalars(members).all()))
    )
    return model.Session.scalar(query) or 0


def related_ids() -> list[str]:
    """Return the ids of all series and members."""
    any_name = sa.func.cardinality(QualityRow.series) + sa.func.cardinality(QualityRow.known_as) > 0
    return list(model.Session.scalars(sa.select(QualityRow.package_id).where(any_name).order_by(QualityRow.package_id)))


def note(series: Iterable[str], known_as: Iterable[str]) -> None:
    """Mark the relatives of a dataset for rescoring after the current transaction commits.

    Args:
        series: current and former series of the dataset.
        known_as: current and former identifiers of the dataset, if it is a series.
    """
    found = {f"series:{name}" for name in series} | {f"member:{name}" for name in known_as}
    if found:
        session: Any = model.Session()
        session.info.setdefault(_NOTED, set()).update(found)


def listen() -> None:
    """Register the listeners of commits and rollbacks, once per process."""
    for name, function in (("after_commit", _committed), ("after_rollback", _forgotten)):
        if not event.contains(model.Session, name, function):
            event.listen(model.Session, name, function)


def _committed(session: Any) -> None:
    found = session.info.pop(_NOTED, None)
    if not found:
        return
    try:
        connect_to_redis().sadd(_key(), *found)
        enqueue()
    except RedisError:
        log.warning("Quality: relatives of a series are scored tonight only, Redis does not answer")


def _forgotten(session: Any) -> None:
    session.info.pop(_NOTED, None)


def enqueue() -> None:
    """Queue the rescoring of the marked relatives."""
    work: Any = JOB
    enqueue_once(work, job_id="ecosphere-quality-relatives", title="Quality: series and members", queue=config.QUEUE)


def take_relatives() -> list[str]:
    """Return the ids of the marked relatives, and clear the marks."""
    redis, found = connect_to_redis(), set()
    while names := redis.spop(_key(), AT_ONCE):
        texts = [name.decode() if isinstance(name, bytes) else str(name) for name in names]
        parts: dict[str, list[str]] = {"series": [], "member": []}
        for text in texts:
            kind, _colon, name = text.partition(":")
            parts[kind].append(name)
        query = sa.select(QualityRow.package_id).where(
            QualityRow.known_as.overlap(_texts(parts["series"]))  # type: ignore[attr-defined]
            | QualityRow.series.overlap(_texts(parts["member"]))  # type: ignore[attr-defined]
        )
        found.update(model.Session.scalars(query))
    return sorted(found)


def _key() -> str:
    return f"ecosphere:quality:relatives:{tk.config['ckan.site_id']}"


def _texts(names: Collection[str]) -> Any:
    return sa.cast(list(names), ARRAY(sa.Text))
