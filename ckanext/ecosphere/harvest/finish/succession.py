"""Records whose file identifier changed keep their dataset; the identifier of their resource recognises them.

A catalogue that is reinstalled or copied assigns new identifiers to its records. Without this, each record would become
a second dataset, and the first one would be withdrawn together with its address.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest.deduplication.keys import is_file
from ckanext.ecosphere.harvest.deduplication.reconcile import give_up_dataset
from ckanext.ecosphere.harvest.model import KEPT, PUBLISHED, WITHDRAWN, JobState, SourceRecord, one_of
from ckanext.ecosphere.harvest.worker.job import update_state
from ckanext.ecosphere.harvest.worker.transaction import one_transaction
from ckanext.ecosphere.harvest.write.reimport import import_kept
from ckanext.harvest.model import HarvestObject

RENAMED = "renamed"
"""Code of the remark that reports them."""
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Pair:
    """A record that the source no longer has, and the new record of the same resource."""

    before: str
    after: str
    package_id: str
    second_id: str


def keep_datasets(source_id: str, job_id: str) -> int:
    """Assign the datasets of vanished records to the new records of the same resources.

    Call it after a complete reading only: absences mean nothing otherwise. The identifier of a resource counts when no
    other record of the source has it.

    Returns:
        number of datasets that have kept their URL.
    """
    pairs = _pairs(source_id, job_id)
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start : start + _AT_ONCE]
        solr.remove([pair.second_id for pair in some])
        with one_transaction():
            for pair in some:
                _hand_on(source_id, job_id, pair)
            _tell(job_id, len(some))
            model.Session.commit()
        import_kept((source_id, pair.after) for pair in some)
    return len(pairs)


@dataclass(frozen=True, slots=True)
class _Live:
    """A record with an active dataset; `is_there` when the job has seen it, `is_new` when it has made its dataset."""

    guid: str
    package_id: str
    is_there: bool
    is_new: bool


def _pairs(source_id: str, job_id: str) -> list[_Pair]:
    by_key: dict[str, list[_Live]] = defaultdict(list)
    if made := _made(job_id):
        for record, keys in _live(source_id, job_id, made):
            for key in keys:
                by_key[key].append(record)
    model.Session.remove()
    pairs = dict.fromkeys(filter(None, map(_pair, by_key.values())))
    times = Counter(name for pair in pairs for name in (pair.before, pair.after))
    return [pair for pair in pairs if times[pair.before] == times[pair.after] == 1]


def _pair(records: list[_Live]) -> _Pair | None:
    """Return the pair that the records with one key are, if they are one."""
    if len(records) != 2:  # noqa: PLR2004 - a pair
        return None
    before, after = sorted(records, key=lambda record: record.is_there)
    if before.is_there or not after.is_new:
        return None
    return _Pair(before.guid, after.guid, before.package_id, after.package_id)


def _made(job_id: str) -> dict[str, str | None]:
    """Return guid → dataset of the records for which a job has made a dataset."""
    query = sa.select(HarvestObject.guid, HarvestObject.package_id).where(
        HarvestObject.harvest_job_id == job_id, HarvestObject.report_status == "added"
    )
    return dict(model.Session.execute(query).tuples().all())


def _live(source_id: str, job_id: str, made: dict[str, str | None]) -> list[tuple[_Live, set[str]]]:
    """Return the records of a source that have an active dataset, with the keys of their resources.

    Without records that the job has not seen there are no pairs, and none are returned.
    """
    query = sa.select(SourceRecord.guid, SourceRecord.package_id, SourceRecord.keys, SourceRecord.seen_job).where(
        SourceRecord.source_id == source_id,
        SourceRecord.state.in_([PUBLISHED, KEPT]),
        SourceRecord.apart.is_(False),
        SourceRecord.package_id.is_not(None),
    )
    rows = model.Session.execute(query).all()
    if all(seen_job == job_id for _guid, _package_id, _keys, seen_job in rows):
        return []
    package_ids = [package_id for _guid, package_id, _keys, _seen_job in rows]
    is_active = sa.and_(one_of(model.Package.id, package_ids), model.Package.state == "active")
    active = set(model.Session.scalars(sa.select(model.Package.id).where(is_active)))
    live = []
    for guid, package_id, keys, seen_job in rows:
        if package_id in active:
            is_new = guid in made and made[guid] == package_id
            resource_keys = {key for key in keys if not is_file(key)}
            live.append((_Live(guid, package_id, seen_job == job_id, is_new), resource_keys))
    return live


def _hand_on(source_id: str, job_id: str, pair: _Pair) -> None:
    give_up_dataset(pair.second_id)
    # It is imported again, into the dataset that existed before: that is an update.
    of_job = sa.and_(HarvestObject.harvest_job_id == job_id, HarvestObject.guid == pair.after)
    model.Session.execute(sa.update(HarvestObject).where(of_job).values(report_status="updated"))
    for guid, values in (
        (pair.before, {"state": WITHDRAWN, "package_id": None, "name": None, "absences": 0}),
        (pair.after, {"state": PUBLISHED, "package_id": pair.package_id, "digest": None}),
    ):
        is_record = sa.and_(SourceRecord.source_id == source_id, SourceRecord.guid == guid)
        model.Session.execute(sa.update(SourceRecord).where(is_record).values(**values))


def _tell(job_id: str, number: int) -> None:
    state = model.Session.get(JobState, job_id, populate_existing=True)
    facts = dict(state.facts) if state else {}
    notes = [(code, params) for code, params in facts.get("notes", []) if code != RENAMED]
    before = sum(params["number"] for code, params in facts.get("notes", []) if code == RENAMED)
    update_state(job_id, facts={**facts, "notes": [*notes, (RENAMED, {"number": before + number})]})
