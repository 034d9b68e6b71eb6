"""Keep the dataset of a record whose identifier has changed, recognised by its resource identifier.

A catalogue that is reinstalled or copied gives its records new identifiers. Without this, each would become a second
dataset beside the first, whose URL is lost when it is withdrawn.
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
"""Code of the report's remark about these records."""
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Pair:
    """A record that the source no longer has, and its successor for the same resource."""

    before: str
    after: str
    package_id: str
    second_id: str


def keep_datasets(source_id: str, job_id: str) -> int:
    """Assign the datasets of vanished records to the new records about the same resources.

    To be called after a complete reading, since otherwise a record that was not seen may still exist. Two records are
    matched only by a resource identifier that no other record of the source has.

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
        WITH live AS (
            SELECT record.guid, record.package_id, key, record.seen_job IS NOT DISTINCT FROM :job AS is_there,
                EXISTS (
                    SELECT FROM harvest_object AS made
                    WHERE made.harvest_job_id = :job AND made.guid = record.guid AND made.report_status = 'added'
                    AND made.package_id = record.package_id
                ) AS is_new
            FROM ecosphere_harvest_record AS record
            JOIN package ON package.id = record.package_id AND package.state = 'active'
            CROSS JOIN LATERAL unnest(record.keys) AS key
            WHERE record.source_id = :source AND record.state IN ('published', 'kept') AND NOT record.apart
            AND left(key, 1) IN ('r', 'R')
        )
        SELECT DISTINCT gone.guid, came.guid, gone.package_id, came.package_id
        FROM live AS gone JOIN live AS came USING (key)
        WHERE NOT gone.is_there AND came.is_there AND came.is_new
        AND (SELECT count(*) FROM live WHERE live.key = gone.key) = 2
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
