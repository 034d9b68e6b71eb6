"""List the records of a job that became no dataset, refused or set aside, with the reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import aggregate_order_by

from ckanext.ecosphere.harvest.model import JobState, NotTaken
from ckanext.ecosphere.harvest.sources.messages import sentence
from ckanext.ecosphere.harvest.worker.messages import translator
from ckanext.ecosphere.harvest.write.outcome import ERRORED, IMPORT_LOG
from ckanext.harvest.model import HarvestObject, HarvestObjectError, HarvestObjectExtra

MAX_TOLD = 500
"""Maximum number of set-aside records in the state of a job; `listed` returns all."""
REFUSED, SET_ASIDE = "refused", "set-aside"
OUTCOMES = (REFUSED, SET_ASIDE)
COLUMNS = ("position", "identifier", "outcome", "reason", "text", "record")


def set_aside(job_id: str) -> list[str]:
    """Return one sentence for each of the first records that were set aside."""
    return [row["text"] for row in listed(job_id, SET_ASIDE)[:MAX_TOLD]]


def listed(job_id: str, outcome: str = "") -> list[dict[str, Any]]:
    """Return all records that a job refused or set aside, in the order of the source.

    Args:
        job_id: the job.
        outcome: one of `OUTCOMES`, to have only those; "" for both.

    Returns:
        `position` (0 if unknown), `identifier`, `outcome`, `reason` (its code), `text` (a sentence) and `record`, the
        id of the harvest object, None for a record of which nothing was stored.
    """
    rows = [*_objects(job_id), *_not_taken(job_id)]
    return sorted(
        (row for row in rows if not outcome or row["outcome"] == outcome),
        key=lambda row: (row["position"], row["identifier"], row["text"]),
    )


def remarks(state: JobState) -> list[str]:
    """Return remarks on the source from its reading, although nothing was lost."""
    return [sentence(code, params, translate=translator()) for code, params in state.facts.get("notes", [])]


def _not_taken(job_id: str) -> Iterator[dict[str, Any]]:
    translate = translator()
    query = sa.select(NotTaken.position, NotTaken.guid, NotTaken.code, NotTaken.title)
    for position, guid, code, title in model.Session.execute(query.where(NotTaken.job_id == job_id)):
        text = sentence(code, {"position": position, "guid": guid, "title": title}, translate=translate)
        yield _row(position, guid, SET_ASIDE, code, text, None)


def _objects(job_id: str) -> Iterator[dict[str, Any]]:
    """Yield records that have a harvest object: those with errors, and those with a note."""
    import_log: Any = sa.cast(HarvestObjectExtra.value, sa.JSON)
    errors = (
        sa.select(
            sa.func.string_agg(
                HarvestObjectError.message, aggregate_order_by(sa.text("' '"), HarvestObjectError.created)
            )
        )
        .where(HarvestObjectError.harvest_object_id == HarvestObject.id)
        .scalar_subquery()
    )
    refused = HarvestObject.report_status == ERRORED
    query = (
        sa.select(
            HarvestObject.id,
            HarvestObject.guid,
            import_log["position"].as_string(),
            sa.case((refused, import_log["refused"].as_string()), else_=import_log["aside"].as_string()),
            sa.case((refused, errors), else_=import_log["note"].as_string()),
            refused,
        )
        .outerjoin(
            HarvestObjectExtra,
            sa.and_(HarvestObjectExtra.harvest_object_id == HarvestObject.id, HarvestObjectExtra.key == IMPORT_LOG),
        )
        .where(
            HarvestObject.harvest_job_id == job_id,
            sa.or_(refused, HarvestObjectExtra.value.contains('"note":')),
        )
    )
    for object_id, guid, position, reason, text, is_refused in model.Session.execute(query):
        if is_refused or text:
            outcome = REFUSED if is_refused else SET_ASIDE
            yield _row(int(position or 0), guid or "", outcome, reason or "", text or "", object_id)


def _row(position: int, identifier: str, outcome: str, reason: str, text: str, record: str | None) -> dict[str, Any]:  # noqa: PLR0917
    return dict(zip(COLUMNS, (position, identifier, outcome, reason, text, record), strict=True))
