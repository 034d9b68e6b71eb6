"""Tables of the harvest, beside those of ckanext-harvest.

ckanext-harvest records what happened to each object in each job. These tables hold the current
state of each *record* of each source (`SourceRecord`), the progress of each job (`JobState`), the
parts of its work that are left (`Batch`), and the withdrawals that wait for a decision (`Hold`). A
job moves from one committed state to the next, so that it can be resumed after its worker was
killed.

No foreign keys to tables of others: rows are removed with the source or job that they belong to
(`forget`).
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.shared import columns
from ckanext.harvest.model import HarvestJob, HarvestObject

_Base: Any = tk.BaseModel
Condition = sa.ColumnElement[bool]

# --- types of columns ---

Text = Annotated[str, mapped_column(sa.UnicodeText)]
Key = Annotated[str, mapped_column(sa.UnicodeText, primary_key=True)]
"""A text that is the key of a row, or a part of it."""
Texts = Annotated[
    list[str], mapped_column(ARRAY(sa.UnicodeText), default=list, server_default="{}")
]
Number = Annotated[int, mapped_column(sa.Identity(), primary_key=True)]
"""A key that the database counts."""

# --- states of a record ---

NEW = "new"
"""Seen at the source, not imported yet."""
PUBLISHED = "published"
"""A dataset was made of it."""
KEPT = "kept"
"""No longer in the source; a person decided to keep its dataset."""
WITHDRAWN = "withdrawn"
"""No longer in the source, and its dataset was deleted; kept so that the dataset can be
restored."""
REFUSED = "refused"
"""Could not be imported; retried at each harvest."""
CATALOGUE = "catalogue"
"""A feature catalogue: shown by the datasets that name it, not a dataset itself."""
DUPLICATE = "duplicate"
"""Another source publishes the same dataset; this record may take over later."""

# --- what ckanext-harvest has of a record in a job ---

ADDED, UPDATED, UNCHANGED, ERRORED = "added", "updated", "not modified", "errored"
"""Outcomes of harvest objects, as named in ckanext-harvest's reports."""
IMPORT_LOG = "ecosphere"
"""Key of the harvest object extra with the log of the rules."""


def now() -> datetime.datetime:
    """Return the current UTC time without a time zone, as in ckanext-harvest's tables."""
    return columns.now().replace(tzinfo=None)


@contextmanager
def by_index() -> Iterator[None]:
    """Have PostgreSQL use an index for the queries of a block, within a transaction.

    For queries of each batch that ask for overlapping arrays: without statistics, it expects one
    row in a hundred, and reads the whole table.
    """
    setting = sa.text("SELECT set_config('enable_seqscan', :value, true)")
    model.Session.execute(setting, {"value": "off"})
    yield
    model.Session.execute(setting, {"value": "on"})


class SourceRecord(_Base):
    """Current state of one record of one source.

    Attributes:
        guid: identity of the record within its source, as in its harvest objects.
        position: its position in the source when last seen, from 1.
        seen_digest: digest of its content when last seen.
        seen_job: job that last saw it.
        digest: digest of the content and settings with which it was last imported.
        state: one of the states above.
        keys: keys by which it is recognised in other catalogues, see `deduplication.keys_of`.
        members: guids of the records that it names: its members, when it is a series, and its
            feature catalogue.
        package_id: dataset made of it.
        joined: dataset of the same data that another source publishes, while the state is
            `duplicate`.
        former: dataset made of it before it was joined to another one, so that it can be restored.
        apart: whether a person marked it as separate from all other records.
        absences: consecutive complete jobs that did not see it.
        name: name of the dataset when it was withdrawn, so that it can be restored.
    """

    __tablename__ = "ecosphere_harvest_record"

    source_id: Mapped[Key]
    guid: Mapped[Key]
    state: Mapped[Text] = mapped_column(default=NEW)
    position: Mapped[int] = mapped_column(default=0)
    seen_digest: Mapped[Text | None]
    seen_job: Mapped[Text | None]
    digest: Mapped[Text | None]
    keys: Mapped[Texts]
    members: Mapped[Texts]
    joined: Mapped[Text | None] = mapped_column(index=True)
    former: Mapped[Text | None]
    apart: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    package_id: Mapped[Text | None] = mapped_column(index=True)
    absences: Mapped[int] = mapped_column(default=0)
    name: Mapped[Text | None]

    __table_args__ = (
        sa.Index("ix_ecosphere_harvest_record_keys", "keys", postgresql_using="gin"),
        sa.Index("ix_ecosphere_harvest_record_members", "members", postgresql_using="gin"),
        sa.Index(
            "ix_ecosphere_harvest_record_refused",
            "source_id",
            postgresql_where=sa.text(f"state = '{REFUSED}'"),
        ),
    )


class HarvestedDataset(_Base):
    """What the harvest wrote into a dataset, from whichever source.

    Attributes:
        resource_ids: its resources that come from the record; any other was added on the portal.
    """

    __tablename__ = "ecosphere_harvest_dataset"

    package_id: Mapped[Key]
    resource_ids: Mapped[Texts]


class JobState(_Base):
    """Progress and results of a job.

    Attributes:
        stage: `gather`, `import`, `finish` or `done`.
        complete: whether the source was read completely; None before the end of the reading.
        announced: number of records that the source announces; None if it does not.
        received: number of records received.
        waiting: number of records handed over for import so far.
        requests: number of HTTP requests sent.
        force: import records even if they have not changed.
        facts: details for the report: notes and failures of the reading, times of the stages.
        touched: when any worker last did something for it.
    """

    __tablename__ = "ecosphere_harvest_job"

    job_id: Mapped[Key]
    source_id: Mapped[Text] = mapped_column(index=True)
    stage: Mapped[Text] = mapped_column(default="gather")
    complete: Mapped[bool | None]
    announced: Mapped[int | None]
    received: Mapped[int] = mapped_column(default=0)
    waiting: Mapped[int] = mapped_column(default=0)
    requests: Mapped[int] = mapped_column(default=0)
    force: Mapped[bool] = mapped_column(default=False)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    touched: Mapped[datetime.datetime] = mapped_column(default=now)

    __table_args__ = (
        sa.Index(
            "ix_ecosphere_harvest_job_complete",
            "source_id",
            "touched",
            postgresql_where=sa.text("complete AND stage = 'done'"),
        ),
    )

    def dictize(self) -> DataDict:
        """Return the state as API output."""
        sizes = sa.select(sa.func.sum(sa.func.cardinality(Batch.object_ids)))
        records_in_batches = model.Session.scalar(sizes.where(Batch.job_id == self.job_id))
        names = (
            "source_id", "stage", "complete", "announced", "received", "waiting", "requests",
            "force", "facts",
        )  # fmt: skip
        return {
            "id": self.job_id,
            **{name: getattr(self, name) for name in names},
            "left": records_in_batches or 0,
            "touched": self.touched.isoformat(),
        }


class Batch(_Base):
    """Harvest objects that are imported in one transaction and indexed in one request; deleted when
    done.

    Attributes:
        object_ids: harvest objects, in the order of the source.
        package_ids: None before the import; then the datasets still to be indexed.
    """

    __tablename__ = "ecosphere_harvest_batch"

    id: Mapped[Number]
    job_id: Mapped[Text] = mapped_column(index=True)
    object_ids: Mapped[list[str]] = mapped_column(ARRAY(sa.UnicodeText))
    package_ids: Mapped[list[str] | None] = mapped_column(ARRAY(sa.UnicodeText))


class NotTaken(_Base):
    """A record that a job read but did not take, and that has no harvest object.

    Attributes:
        position: its position in the source, from 1.
        guid: its identifier.
        code: the reason, a key of `repeats` in `data/messages.yaml`.
        title: its title, "" when it was not read.
    """

    __tablename__ = "ecosphere_harvest_not_taken"

    id: Mapped[Number]
    job_id: Mapped[Text] = mapped_column(index=True)
    position: Mapped[int]
    guid: Mapped[Text]
    code: Mapped[Text]
    title: Mapped[Text] = mapped_column(default="")


class Hold(_Base):
    """Withdrawals of a source that wait for a decision, or the decision taken.

    Attributes:
        records: how many records had vanished.
        known: how many the source had before.
        limit: how many would have been withdrawn without asking.
        decision: `withdraw` or `keep`; None while it waits; `moot` when the records came back.
        done: whether the decision has been carried out.
        user_id: the user who decided.
    """

    __tablename__ = "ecosphere_harvest_hold"

    id: Mapped[Number]
    source_id: Mapped[Text] = mapped_column(index=True)
    job_id: Mapped[Text]
    created: Mapped[datetime.datetime] = mapped_column(default=now)
    records: Mapped[int]
    known: Mapped[int]
    limit: Mapped[int]
    decision: Mapped[Text | None]
    decided: Mapped[datetime.datetime | None]
    user_id: Mapped[Text | None]
    done: Mapped[bool] = mapped_column(default=False)

    def dictize(self) -> DataDict:
        """Return the hold as API output."""
        names = ("id", "source_id", "job_id", "records", "known", "limit", "decision")
        return {
            **{name: getattr(self, name) for name in names},
            "created": self.created.isoformat(),
            "decided": self.decided and self.decided.isoformat(),
        }


class Undo(_Base):
    """A job whose changes are undone, or were (`undo`).

    Attributes:
        user_id: the user who asked for it.
        finished: when it was done; None while it waits or runs.
    """

    __tablename__ = "ecosphere_harvest_undo"

    job_id: Mapped[Key]
    source_id: Mapped[Text] = mapped_column(index=True)
    user_id: Mapped[Text | None]
    asked: Mapped[datetime.datetime] = mapped_column(default=now)
    finished: Mapped[datetime.datetime | None]


class Reader(_Base):
    """A subscriber to the letter about the sources (`letter`).

    Attributes:
        user_id: the account.
        language: language of the subscription request.
        since: time of the subscription; letters due earlier are not sent.
    """

    __tablename__ = "ecosphere_harvest_reader"

    user_id: Mapped[columns.RowKey]
    language: Mapped[columns.Key]
    since: Mapped[columns.Stamp]


# --- rows of a source or record ---


def is_any(query: sa.Select[Any]) -> bool:
    """Tell whether a query has any row."""
    return model.Session.execute(query.limit(1)).first() is not None


def update_record(source_id: str, guid: str, **values: Any) -> None:
    """Change columns of a record; the caller commits."""
    statement = sa.update(SourceRecord).where(
        SourceRecord.source_id == source_id, SourceRecord.guid == guid
    )
    model.Session.execute(statement.values(**values))


_LAST_CONTENTS = sa.text("""
    SELECT DISTINCT ON (guid) guid, content
    FROM harvest_object
    WHERE harvest_source_id = :source AND guid = ANY(:guids) AND content IS NOT NULL
    ORDER BY guid, gathered DESC
    """)


def last_contents(source_id: str, guids: Collection[str]) -> dict[str, str]:
    """Return the contents of records of a source as last stored, by guid.

    Those without any are absent.
    """
    if not guids:
        return {}
    values = {"source": source_id, "guids": list(guids)}
    return dict(model.Session.execute(_LAST_CONTENTS, values).tuples().all())


def _execute(statement: Any) -> None:
    """Execute a statement about rows of which the session holds none."""
    model.Session.execute(statement.execution_options(synchronize_session=False))


def forget(source_id: str) -> None:
    """Delete everything stored about a source; the caller commits."""
    jobs = sa.select(JobState.job_id).where(JobState.source_id == source_id)
    for table in (Batch, NotTaken):
        _execute(sa.delete(table).where(table.job_id.in_(jobs)))
    for table in (SourceRecord, JobState, Hold, Undo):
        _execute(sa.delete(table).where(table.source_id == source_id))
    is_orphan = HarvestedDataset.package_id.not_in(sa.select(model.Package.id))
    _execute(sa.delete(HarvestedDataset).where(is_orphan))


def forget_lost_jobs(source_id: str) -> None:
    """Delete the states of jobs of a source that ckanext-harvest no longer has.

    The caller commits.
    """
    jobs = sa.select(HarvestJob.id).where(HarvestJob.source_id == source_id)
    is_lost = sa.and_(JobState.source_id == source_id, JobState.job_id.not_in(jobs))
    lost_jobs = sa.select(JobState.job_id).where(is_lost)
    for table in (Batch, NotTaken, Undo):
        _execute(sa.delete(table).where(table.job_id.in_(lost_jobs)))
    _execute(sa.delete(JobState).where(is_lost))


def leave_to_others(source_id: str) -> None:
    """Detach datasets that other sources publish from the harvest objects of a source.

    The caller commits.
    """
    others = sa.select(SourceRecord.package_id).where(
        SourceRecord.source_id != source_id, SourceRecord.package_id.is_not(None)
    )
    is_theirs = sa.and_(
        HarvestObject.harvest_source_id == source_id, HarvestObject.package_id.in_(others)
    )
    _execute(sa.update(HarvestObject).where(is_theirs).values(package_id=None))


def read_anew(source_id: str) -> None:
    """Reset records without stored content, so that the next harvest imports them again.

    The caller commits.
    """
    has_content = sa.exists().where(
        HarvestObject.harvest_source_id == SourceRecord.source_id,
        HarvestObject.guid == SourceRecord.guid,
        HarvestObject.content.is_not(None),
    )
    statement = sa.update(SourceRecord).where(SourceRecord.source_id == source_id, ~has_content)
    _execute(statement.values(digest=None))
