"""Background jobs: which datasets are to be counted on sites, and the weekly check of references.

Each dataset to count is a row of the table of work, see `counting`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.shared.http_guard import Budget, GuardedSession
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.studies import config, references
from ckanext.ecosphere.studies.model import Study, StudyDataset, StudyNeed
from ckanext.ecosphere.work.jobs import Job
from ckanext.ecosphere.work.model import FAILED, PENDING, RUNNING, Work, now
from ckanext.ecosphere.work.outbox import Backlog

QUEUE = config.QUEUE
VERIFY_SECONDS = 600
_OPEN = (PENDING, RUNNING)


@dataclass(frozen=True, kw_only=True)
class Counts(Backlog):
    """The datasets whose objects are to be counted."""

    def resume(self) -> int:
        """Take up what killed processes left, also if they were killed each time: `counting` then says so."""
        number = super().resume()
        given_up = sa.update(Work).where(self.rows, Work.status == FAILED)
        result = model.Session.execute(given_up.values(status=PENDING, due=now()))
        model.Session.commit()
        return number + result.rowcount  # pyright: ignore[reportAttributeAccessIssue]


COUNT = Counts(
    name="ecosphere-studies-count",
    function="ckanext.ecosphere.studies.counting.count_objects",
    title="Studies: objects on sites",
    queue=QUEUE,
    seconds=3600,
    most_tries=3,
)
VERIFY = Job(
    name="ecosphere-studies-verify",
    function="ckanext.ecosphere.studies.jobs.verify_references",
    title="Studies: references",
    queue=QUEUE,
    seconds=3600,
    lock="studies:references",
)
JOBS: tuple[Job, ...] = (COUNT, VERIFY)


# --- what is to be counted -------------------------------------------------------------------


def want(study: Study, servers: Mapping[str, str]) -> None:
    """Ask for the counts of datasets of a study; the caller commits, then calls `COUNT.enqueue`.

    The best ones of each need come first. Those beyond `ecosphere.studies.most_counted` are not asked, which is said.

    Args:
        servers: the server that is asked, by the id of the row of the dataset.
    """
    _drop_stale(study.id)
    query = sa.select(StudyDataset).join(StudyNeed, StudyNeed.id == StudyDataset.study_need_id)
    query = query.where(StudyDataset.id.in_(list(servers)))
    query = query.order_by(StudyDataset.rank, StudyNeed.position, StudyDataset.id)
    rows = model.Session.scalars(query).all()
    others = set(open_keys(study.id)).difference(servers)
    room = max(0, config.most_counted() - len(others))
    for stored in rows[room:]:
        stored.finding = {**stored.finding, "code": "not-asked"}
    moment = now()
    again = {"status": PENDING, "attempts": 0, "due": moment, "error": ""}
    values = []
    for stored in rows[:room]:
        content = {"study": study.id, "host": servers[stored.id]}
        same = {"backlog": COUNT.name, "key": stored.id, "created": moment}
        values.append({**same, **again, "content": content})
    if values:
        insertion = insert(Work).values(values)
        changed = {**again, "content": insertion.excluded.content}
        unique = ("backlog", "key", "recipient")
        model.Session.execute(insertion.on_conflict_do_update(index_elements=unique, set_=changed))
    study.pending = len(open_keys(study.id))


def of_study(study_id: str) -> sa.ColumnElement[bool]:
    """Return the SQL condition for the rows of a study."""
    return sa.and_(COUNT.rows, Work.content["study"].astext == study_id)


def open_keys(study_id: str) -> Sequence[str]:
    """Return the ids of the datasets of a study that wait, or are being counted."""
    query = sa.select(Work.key).where(of_study(study_id), Work.status.in_(_OPEN))
    return [str(key) for key in model.Session.scalars(query)]


def _drop_stale(study_id: str) -> None:
    """Delete the rows of datasets that an earlier run had proposed."""
    stored = sa.select(StudyDataset.id)
    model.Session.execute(
        sa.delete(Work).where(of_study(study_id), Work.key.not_in(stored)),
        execution_options={"synchronize_session": False},
    )


# --- references ------------------------------------------------------------------------------


def verify_references() -> int:
    """Ask the national references for places whose answer is known (background job); return how many were asked."""
    with Locks() as locks:
        if not locks.take(VERIFY.lock):
            return 0  # another process asks them
        budget = Budget(seconds=VERIFY_SECONDS)
        megabytes = references.LARGEST_ANSWER // config.MEGABYTE
        settings = config.guard_settings(config.seconds(), megabytes)
        checks = references.verify(GuardedSession(settings, budget=budget))
        references.keep(checks)
        return len(checks)


def verify_if_due() -> int:
    """Queue the check of references if it is due; return 1 if it is."""
    if not references.is_due(references.last_checks(), datetime.now(timezone.utc)):
        return 0
    return int(VERIFY.enqueue())
