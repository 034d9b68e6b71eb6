"""Record on harvest objects, and return for pages and API, which catalogue publishes a shared dataset and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.deduplication.groups import Group, Member, reason, shared_keys
from ckanext.ecosphere.harvest.deduplication.rows import RecordId, Source, kept_objects, rank, sources
from ckanext.ecosphere.harvest.model import DUPLICATE, SourceRecord, now
from ckanext.ecosphere.harvest.sources.source_type import fill_record_url, type_called
from ckanext.ecosphere.shared.messages import N_
from ckanext.harvest.model import HarvestObjectExtra, HarvestSource

JOINED = "ecosphere_joined"
"""Key of the harvest object extra that records which source publishes its dataset, and why."""


REASONS: dict[str, str] = {
    "removed": N_("a person deleted its dataset, which is not published again"),
    "present": N_("its catalogue still has the record"),
    "active": N_("its source is still harvested"),
    "priority": N_("its source has the higher priority ({mine} against {other})"),
    "older": N_("both sources have the same priority, and its source was registered first"),
    "own-service": N_("its catalogue publishes for all services, the other one for its own only"),
    "apart": N_("a person said that it is the same as no other record"),
}


def explanation(winner: Member, other: Member, known: Mapping[str, Source]) -> dict[str, Any]:
    """Return the explanation stored for a duplicate: who publishes it, why, and the identifiers that matched."""
    code, params = reason(winner, other)
    source = known.get(winner.source)
    return {
        "source": source.title if source else winner.source,
        "guid": winner.guid,
        "reason": code,
        "params": params,
        "identifiers": shared_keys(winner, other),
    }


def note(groups: Iterable[Group], known: Mapping[str, Source]) -> None:
    """Store the decisions on the harvest objects of duplicate records, where they differ from what is stored."""
    told: dict[RecordId, dict[str, Any]] = {}
    for winner, *others in groups:
        if others:
            copies = [{**explanation(winner, other, known), **_named(other, known)} for other in others]
            told[winner.id] = {"publishes": copies}
            for other in others:
                told[other.id] = {"published_by": explanation(winner, other, known)}
    objects = kept_objects(told)
    before = _noted([object_id for object_id, _job_id in objects.values()])
    for record_id, (object_id, _job_id) in objects.items():
        kept = before.get(object_id)
        if kept is None or {key: value for key, value in kept.items() if key != "decided"} != told[record_id]:
            _keep(object_id, {**told[record_id], "decided": now().isoformat()}, new=kept is None)
    model.Session.commit()
    model.Session.remove()


def _named(member: Member, known: Mapping[str, Source]) -> dict[str, str]:
    source = known.get(member.source)
    return {"source": source.title if source else member.source, "guid": member.guid}


def _noted(object_ids: list[str]) -> dict[str, dict[str, Any]]:
    rows = model.Session.execute(
        sa.select(HarvestObjectExtra.harvest_object_id, HarvestObjectExtra.value).where(
            HarvestObjectExtra.harvest_object_id.in_(object_ids), HarvestObjectExtra.key == JOINED
        )
    )
    return {object_id: json.loads(value) for object_id, value in rows}


def _keep(object_id: str, told: dict[str, Any], new: bool) -> None:
    value = json.dumps(told, ensure_ascii=False)
    if new:
        statement: Any = sa.insert(HarvestObjectExtra.__table__).values(
            id=str(uuid4()), harvest_object_id=object_id, key=JOINED, value=value
        )
    else:
        statement = (
            sa.update(HarvestObjectExtra)
            .where(HarvestObjectExtra.harvest_object_id == object_id, HarvestObjectExtra.key == JOINED)
            .values(value=value)
        )
    model.Session.execute(statement)


def catalogues(package_id: str) -> dict[str, Any]:
    """Return the catalogues that have a dataset.

    Returns:
        `published_from`, the one whose record the portal publishes (None when the dataset was not harvested), and
        `also`, the others in the order in which they would take over; each with `title` and `url` of the catalogue,
        `guid` of the record and `record`, the URL of the original, None when it has none.
    """
    query = (
        sa.select(SourceRecord.guid, SourceRecord.state, SourceRecord.source_id, HarvestSource)
        .join(HarvestSource, HarvestSource.id == SourceRecord.source_id)
        .where(
            sa.or_(
                SourceRecord.package_id == package_id,
                sa.and_(SourceRecord.joined == package_id, SourceRecord.state == DUPLICATE),
            )
        )
    )
    found: dict[bool, list[tuple[Any, dict[str, Any]]]] = {True: [], False: []}
    for guid, state, source_id, source in model.Session.execute(query):
        harvester = type_called(source.type)
        pattern = harvester.record_url(source.url) if harvester else None
        shown = {
            "title": source.title or source.url,
            "url": source.url,
            "guid": guid,
            "record": fill_record_url(pattern, guid) if pattern else None,
        }
        found[state == DUPLICATE].append((source_id, shown))
    if not any(found.values()):
        return {"published_from": None, "also": []}
    known = sources() if len(found[True]) > 1 else {}
    also = sorted(found[True], key=lambda each: (rank(known.get(each[0])).order(), each[0]))
    return {
        "published_from": found[False][0][1] if found[False] else None,
        "also": [shown for _source_id, shown in also],
    }
