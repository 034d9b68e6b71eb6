"""Summary of a job: number of records by reason, and the elements that have no field in the dataset."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.model import NotTaken
from ckanext.ecosphere.harvest.write.outcome import IMPORT_LOG
from ckanext.harvest.model import HarvestObject, HarvestObjectExtra

MAX_ELEMENTS = 60
"""Maximum number of unmapped elements listed, the most frequent ones."""
MAX_EXAMPLE = 120
_AT_ONCE = 500


def sum_up(job_id: str) -> dict[str, Any]:
    """Count outcomes and problems over all records that a job imported.

    Returns:
        `refused` and `set_aside`: code of the reason → number of records; `problems`: code → number of records that
        have it; `unread`: [element, number of records, example, object of the example], the most frequent first.
    """
    refused, aside, problems, unread = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    examples: dict[str, tuple[str, str]] = {}
    rows = model.Session.execute(
        sa.select(HarvestObject.id, HarvestObjectExtra.value)
        .join(HarvestObject, HarvestObject.id == HarvestObjectExtra.harvest_object_id)
        .where(HarvestObject.harvest_job_id == job_id, HarvestObjectExtra.key == IMPORT_LOG)
        .execution_options(yield_per=_AT_ONCE)
    )
    for object_id, value in rows:
        import_log = json.loads(value)
        refused.update(filter(None, [import_log.get("refused")]))
        aside.update(filter(None, [import_log.get("aside")]))
        problems.update(set(import_log.get("codes") or ()))
        for element, text in _elements(import_log.get("unread") or ()).items():
            unread[element] += 1
            examples.setdefault(element, (text, object_id))
    query = sa.select(NotTaken.code, sa.func.count()).where(NotTaken.job_id == job_id).group_by(NotTaken.code)
    aside.update(dict(model.Session.execute(query).tuples().all()))
    return {
        "refused": dict(refused.most_common()),
        "set_aside": dict(aside.most_common()),
        "problems": dict(problems.most_common()),
        "unread": [[element, number, *examples[element]] for element, number in unread.most_common(MAX_ELEMENTS)],
    }


def _elements(notes: Any) -> dict[str, str]:
    """Return element → text, from the notes `path: text` of one record."""
    found: dict[str, str] = {}
    for note in notes:
        where, _colon, text = str(note).partition(": ")
        found.setdefault(where, text[:MAX_EXAMPLE])
    return found
