"""What a job has to tell beside its errors: records that it did not take, and why that is right."""

from __future__ import annotations

import json
from collections.abc import Iterator

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.model import JobState
from ckanext.ecosphere.harvest.pipeline.messages import translator
from ckanext.ecosphere.harvest.pipeline.outcome import STORY
from ckanext.ecosphere.harvest.sources.messages import sentence
from ckanext.harvest.model import HarvestObject, HarvestObjectExtra

MAX_TOLD = 500
"""Records set aside that are named one by one."""


def set_aside(state: JobState) -> list[str]:
    """One sentence for each record that was read and not taken: a copy, or one that another source publishes."""
    found = sorted([*_copies(state), *_noted(state.job_id)])
    return [text for _position, text in found[:MAX_TOLD]]


def remarks(state: JobState) -> list[str]:
    """What the reading noticed about the source, although nothing was lost."""
    return [sentence(code, params, translate=translator()) for code, params in state.facts.get("notes", [])]


def _copies(state: JobState) -> Iterator[tuple[int, str]]:
    for position, guid in state.facts.get("copies", []):
        yield position, sentence("copy", {"position": position, "guid": guid}, translate=translator())


def _noted(job_id: str) -> Iterator[tuple[int, str]]:
    """Notes that the import left on its harvest objects."""
    rows = model.Session.execute(
        sa.select(HarvestObjectExtra.value)
        .join(HarvestObject, HarvestObject.id == HarvestObjectExtra.harvest_object_id)
        .where(
            HarvestObject.harvest_job_id == job_id,
            HarvestObjectExtra.key == STORY,
            HarvestObjectExtra.value.contains('"note":'),
        )
        .limit(MAX_TOLD)
    )
    for value in rows.scalars():
        told = json.loads(value)
        if "note" in told:
            yield told.get("position") or 0, told["note"]
