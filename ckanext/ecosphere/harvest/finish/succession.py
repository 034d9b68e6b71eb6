"""Records whose file identifier changed keep their dataset; the identifier of their resource recognises them.

A catalogue that is reinstalled or copied assigns new identifiers to its records. Without this, each record would become
a second dataset, and the first one would be withdrawn together with its address.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest.deduplication.reconcile import give_up_dataset
from ckanext.ecosphere.harvest.model import PUBLISHED, WITHDRAWN, JobState, SourceRecord
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


def _pairs(source_id: str, job_id: str) -> list[_Pair]:
    statement = sa.text(
        """
        SELECT DISTINCT
            max(guid) FILTER (WHERE NOT is_there), max(guid) FILTER (WHERE is_there),
            max(package_id) FILTER (WHERE NOT is_there), max(package_id) FILTER (WHERE is_there)
        FROM (
            SELECT record.guid, record.package_id, key, record.seen_job IS NOT DISTINCT FROM :job AS is_there,
                made.guid IS NOT NULL AS is_new
            FROM ecosphere_harvest_record AS record
            JOIN package ON package.id = record.package_id AND package.state = 'active'
            CROSS JOIN LATERAL unnest(record.keys) AS key
            LEFT JOIN (
                SELECT DISTINCT guid, package_id FROM harvest_object
                WHERE harvest_job_id = :job AND report_status = 'added'
            ) AS made ON made.guid = record.guid AND made.package_id = record.package_id
            WHERE record.source_id = :source AND record.state IN ('published', 'kept') AND NOT record.apart
            AND left(key, 1) IN ('r', 'R')
        ) AS live
        GROUP BY key
        HAVING count(*) = 2 AND count(*) FILTER (WHERE is_there) = 1 AND bool_or(is_there AND is_new)
        """
    )
    found = [_Pair(*row) for row in model.Session.execute(statement, {"source": source_id, "job": job_id})]
    model.Session.remove()
    times = Counter(name for pair in found for name in (pair.before, pair.after))
    return [pair for pair in found if times[pair.before] == times[pair.after] == 1]


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
