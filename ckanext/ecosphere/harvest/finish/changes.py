"""List the datasets that a job added, updated and withdrew, and what became of them when it was undone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.model import Undo
from ckanext.ecosphere.shared.messages import N_
from ckanext.harvest.model import HarvestObject, HarvestObjectExtra

OUTCOMES = ("added", "updated", "deleted")
COLUMNS = ("outcome", "identifier", "title", "dataset", "undo", "reason")
UNDO_KEY = "ecosphere_undo"
"""Key of the harvest object extra that tells what an undo did with the object: a key of `UNDO_REASONS`."""
BEGUN, UNDONE = "begun", "undone"
UNDO_REASONS: dict[str, str] = {
    BEGUN: N_("It is being undone."),
    UNDONE: N_("It was undone."),
    "handed-over": N_("It was undone: another catalogue has the same dataset, and it is published from there now."),
    "later": N_("It was left as it is: a later harvest has changed it again."),
    "edited": N_("It was left as it is: somebody has changed the dataset since this harvest."),
    "local": N_("It was left as it is: some of its fields were changed on the portal, and harvests keep them."),
    "gone": N_("It was left as it is: the dataset has been deleted since."),
    "no-former": N_("It was left as it is: the former version of its record was not kept."),
    "same-record": N_(
        "It was left as it is: its record had not changed; it was read again under other settings of the source or "
        "other rules."
    ),
    "elsewhere": N_(
        "It was left as it is: it was published from another catalogue before. Change the priority of one of the "
        "sources."
    ),
    "refused": N_("It was left as it is: the portal does not accept its former version any more."),
}
"""What an undo did with a dataset, as a sentence."""


def count(job_id: str, outcome: str = "") -> int:
    """Return the number of datasets that a job changed.

    Args:
        job_id: the job.
        outcome: one of `OUTCOMES`, to count only those; "" for all.
    """
    query = sa.select(sa.func.count()).select_from(HarvestObject).where(of_job(job_id, outcome))
    return model.Session.execute(query).scalar_one()


def listed(job_id: str, outcome: str = "", limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """Return the datasets that a job changed, by outcome and identifier.

    Args:
        job_id: the job.
        outcome: one of `OUTCOMES`, to have only those; "" for all.
        limit: how many at most; None for all.
        offset: how many to leave out first.

    Returns:
        `outcome`, `identifier` of the record, `title` and name of the `dataset` (None once it is purged), `undo`, a key
        of `UNDO_REASONS` with its sentence, `reason`, in the user's language (both None when it was not undone), and
        `record`, the id of the harvest object.
    """
    package = model.Package
    query = (
        sa.select(
            HarvestObject.report_status,
            HarvestObject.guid,
            package.title,
            package.name,
            HarvestObjectExtra.value,
            HarvestObject.id,
        )
        .outerjoin(package, package.id == HarvestObject.package_id)
        .outerjoin(HarvestObjectExtra, undo_of_object())
        .where(of_job(job_id, outcome))
        .order_by(HarvestObject.report_status, HarvestObject.guid, HarvestObject.id)
        .limit(limit)
        .offset(offset)
    )
    return [_row(*row) for row in model.Session.execute(query)]


def _row(*values: Any) -> dict[str, Any]:
    row = dict(zip(("outcome", "identifier", "title", "dataset", "undo", "record"), values, strict=True))
    code = row["undo"]
    return {**row, "reason": tk._(UNDO_REASONS[code]) if code else None}


def undo_of(job_id: str) -> dict[str, Any] | None:
    """Return what is known of the undo of a job; None when nobody has asked for it.

    Returns:
        `asked` and `finished` (None while it waits or runs), `done` of `total` datasets, and `counts` by key of
        `UNDO_REASONS`.
    """
    undo = model.Session.get(Undo, job_id, populate_existing=True)
    if undo is None:
        return None
    query = (
        sa.select(HarvestObjectExtra.value, sa.func.count())
        .join(HarvestObject, undo_of_object())
        .where(of_job(job_id))
        .group_by(HarvestObjectExtra.value)
    )
    counts = Counter(dict(model.Session.execute(query).tuples().all()))
    return {
        "asked": undo.asked.isoformat(),
        "finished": undo.finished.isoformat() if undo.finished else None,
        "done": counts.total() - counts[BEGUN],
        "total": count(job_id),
        "counts": dict(counts),
    }


def of_job(job_id: str, outcome: str = "") -> sa.ColumnElement[bool]:
    """Return the condition for the harvest objects of a job that changed a dataset."""
    outcomes = [outcome] if outcome else list(OUTCOMES)
    return sa.and_(HarvestObject.harvest_job_id == job_id, HarvestObject.report_status.in_(outcomes))


def undo_of_object() -> sa.ColumnElement[bool]:
    """Return the condition that joins a harvest object with what an undo did with it."""
    return sa.and_(HarvestObjectExtra.harvest_object_id == HarvestObject.id, HarvestObjectExtra.key == UNDO_KEY)
