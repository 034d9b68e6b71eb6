"""A harvest job as plain data, and what its stages share: locks, pauses, transactions."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.config import Settings
from ckanext.ecosphere.harvest.model import JobState
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.shared.web_guard import visits
from ckanext.harvest.model import HarvestJob, HarvestSource

RULES_VERSION = 21
"""Increment when a record becomes a different dataset by new rules: all are then imported again."""

RUNNING = "Running"
FINISHED = "Finished"


@dataclass(frozen=True)
class Job:
    """One harvest of one source.

    Attributes:
        settings: configuration of the source.
        owner_org: id of the organisation that the source belongs to.
        organisations: name of each active organisation of the portal → its id.
        force: import records even if they have not changed.
    """

    id: str
    source_id: str
    url: str
    title: str
    type: str
    settings: Settings
    owner_org: str | None
    organisations: dict[str, str] = field(repr=False)
    force: bool = False

    @property
    def owner_name(self) -> str | None:
        """Name of the organisation that the source belongs to."""
        names = {id_: name for name, id_ in self.organisations.items()}
        return names.get(self.owner_org or "")

    @property
    def only_for(self) -> str | None:
        """Id of the one organisation that the source publishes for; None when for all."""
        return only_for(self.settings, self.owner_org)

    @property
    def fingerprint(self) -> str:
        """Hash of what determines a dataset besides its record.

        When it changes, all records are imported again.
        """
        decisive = [
            RULES_VERSION,
            self.title,
            self.url,
            self.settings.get("default_organisation"),
            self.owner_org,
            config.fallback_organisation(),
        ]
        if self.only_for is not None:
            decisive.append("own service")
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:8]

    def digest(self, content_digest: str) -> str:
        """Return the digest of a record as imported by this job."""
        return f"{content_digest}-{self.fingerprint}"


def load(job_id: str) -> Job:
    """Load a job with its source; create its state if necessary.

    Raises:
        ObjectNotFound: there is no such job.
    """
    row = model.Session.execute(
        sa.select(HarvestSource, model.Package.owner_org)
        .join(HarvestJob, HarvestJob.source_id == HarvestSource.id)
        .outerjoin(model.Package, model.Package.id == HarvestSource.id)
        .where(HarvestJob.id == job_id)
    ).first()
    if row is None:
        raise tk.ObjectNotFound("harvest job")
    source, owner_org = row
    model.Session.execute(
        insert(JobState)
        .values(job_id=job_id, source_id=source.id, facts={})
        .on_conflict_do_nothing(index_elements=["job_id"])
    )
    state = model.Session.get(JobState, job_id)
    job = Job(
        id=job_id,
        source_id=source.id,
        url=source.url,
        title=source.title or source.url,
        type=source.type,
        settings=read_settings(source.config),
        owner_org=owner_org,
        organisations=organisations(),
        force=bool(state and state.force),
    )
    model.Session.commit()
    return job


def only_for(settings: Settings, owner_org: str | None) -> str | None:
    """Return the id of the one organisation that a source publishes for; None when for all."""
    if not settings.get("own_service"):
        return None
    return owner_org or ""


def read_settings(text: str | None) -> Settings:
    """Parse the configuration of a source, which was validated when saved; else it is empty."""
    try:
        settings = json.loads(text or "{}")
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


def organisations() -> dict[str, str]:
    """Return name of each active organisation of the portal → its id."""
    query = sa.select(model.Group.name, model.Group.id).where(
        model.Group.is_organization.is_(True), model.Group.state == "active"
    )
    return dict(model.Session.execute(query).tuples().all())


def is_running(job_id: str, connection: Connection | None = None) -> bool:
    """Tell whether a job is neither finished nor aborted, and its source not removed.

    Args:
        job_id: the job.
        connection: the connection to use; by default, that of the session.
    """
    query = (
        sa.select(HarvestJob.status, HarvestSource.__table__.c.active)
        .join(HarvestSource, HarvestSource.id == HarvestJob.source_id)
        .where(HarvestJob.id == job_id)
    )
    row = (connection or model.Session).execute(query).first()
    return row is not None and row.status == RUNNING and row.active


def update_state(job_id: str, **values: Any) -> None:
    """Update the state of a job; the caller commits."""
    model.Session.execute(sa.update(JobState).where(JobState.job_id == job_id).values(**values))


def open_job(source_id: str) -> str | None:
    """Return the first job of a source that waits or runs; None without any."""
    query = sa.select(HarvestJob.id).where(
        HarvestJob.source_id == source_id, HarvestJob.status.in_(("New", RUNNING))
    )
    return model.Session.scalar(query.order_by(HarvestJob.created).limit(1))


def user_name() -> str:
    """Return the user in whose name datasets are harvested: the site user."""
    return tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]


def site_context() -> Any:
    """Return the context for actions in the name of the site user."""
    return {"ignore_auth": True, "user": user_name(), "model": model, "session": model.Session}


_FIRST_WAIT, _LONGEST_WAIT = 1.0, 5.0


def pauses(total: float) -> Iterator[float]:
    """Yield pauses in seconds, `total` in all: from one second on, doubling up to five."""
    pause = _FIRST_WAIT
    while total > 0:
        yield min(pause, total)
        total -= pause
        pause = min(pause * 2, _LONGEST_WAIT)


TURN = "harvest:turn"
"""Lock of the one worker that may work, or rests after its work, while people use the portal."""


def source_lock(source_id: str) -> str:
    """Return the name of the lock for running a job of this source."""
    return f"harvest:source:{source_id}"


def batch_lock(batch_id: int) -> str:
    """Return the name of the lock for importing and indexing this batch."""
    return f"harvest:batch:{batch_id}"


# --- giving way to people ---
#
# While people use the portal, workers rest between two steps, and work one at a time. A step is a
# page of a source or a batch.
#
# A harvest shares PostgreSQL and Solr with the pages; lowering the priority of its own process
# (`nice`) would not reduce the load on those two.

_IN_USE = 1.0
"""Responses to people per second above which the portal counts as being used."""
_LONGEST = 30.0
"""Maximum pause, in seconds."""
_PARTS, _RESTING = 8, 6
"""Parts of a pause; after so many of them, it ends as soon as the turn is free."""


class Pace:
    """Lets a worker pause between two steps, in proportion to the time that the last one took.

    A pause ends when nobody uses the portal any more, and at the latest after
    `ecosphere.harvest.give_way` times the duration of the step, however many pages are requested:
    at 2, a harvest takes at most three times as long. Waiting for the turn is part of the pause;
    after it, the worker continues even if another one is working.

    Args:
        locks: locks held by this worker.
        sleep: pause function.
        clock: monotonic clock, in seconds.
    """

    def __init__(
        self,
        locks: Locks,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._locks = locks
        self._sleep = sleep
        self._clock = clock
        self._worked = 0.0

    @contextmanager
    def step(self) -> Iterator[None]:
        """Pause, then run the block; without a pause while the portal is not in use.

        Raises:
            LockLostError: the connection that holds this worker's locks is gone.
        """
        has_turn = self._pause()
        begun = self._clock()
        yield
        self._worked = self._clock() - begun
        if has_turn:
            self._locks.release(TURN)

    def _pause(self) -> bool:
        """Rest, then wait for the turn; return whether it was taken."""
        pause = min(self._worked * config.give_way(), _LONGEST)
        for part in range(_PARTS):
            if not _in_use():
                return False
            if part >= _RESTING and self._locks.take(TURN):
                return True
            self._sleep(pause / _PARTS)
        return False


def _in_use() -> bool:
    """Tell whether people use the portal, and harvests have to give way to them."""
    return config.give_way() > 0 and visits.per_second() > _IN_USE


# --- one transaction ---
#
# CKAN's actions roll back the whole session when a dataset is not valid, and leave savepoints open.
# Here the session joins a transaction that it does not own: each of its commits and rollbacks
# applies to a savepoint, so that a failing record affects no other, and all the others are
# committed together at the end.


class SessionReplacedError(RuntimeError):
    """Some code closed the session in the middle of the transaction."""


@contextmanager
def one_transaction() -> Iterator[Connection]:
    """Run a block in one transaction: committed at its end, rolled back on an exception.

    Within it, `model.Session.commit()` completes a record, and `model.Session.rollback()` undoes
    changes since then.
    """
    assert model.meta.engine is not None  # noqa: S101 - set when CKAN starts
    model.Session.remove()
    with model.meta.engine.connect() as connection, connection.begin():
        # Objects need not be reloaded after a savepoint: no other transaction changes these rows.
        # The type checker does not know that scoped_session passes the arguments on.
        model.Session(
            bind=connection, join_transaction_mode="create_savepoint", expire_on_commit=False
        )  # type: ignore[call-arg]
        try:
            yield connection
            ensure_joined(connection)
            model.Session.commit()
        finally:
            model.Session.remove()


def ensure_joined(connection: Connection) -> None:
    """Check that the session is still the one of the transaction.

    Raises:
        SessionReplacedError: it is another one, whose changes would not be part of the transaction.
    """
    if model.Session().bind is not connection:
        raise SessionReplacedError("a plugin closed the session while a record was saved")
