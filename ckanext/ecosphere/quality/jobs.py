"""Background jobs of the room, on CKAN's own workers."""

from __future__ import annotations

import logging

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.quality import progress, rescore

log = logging.getLogger(__name__)

QUEUE = "ecosphere:quality"
LONGEST_SECONDS = 6 * 3600


def rescore_all() -> None:
    """Score everything again and bring the index up to date."""
    try:
        outcome = rescore.everything(lambda done, total: progress.note("scoring", done, total))
        rescore.reindex(outcome.changed, lambda done, total: progress.note("indexing", done, total))
    except Exception:
        model.Session.rollback()
        progress.note("failed", 0, 0)
        raise
    progress.note("finished", outcome.seen, outcome.seen)
    log.info("Quality: %s datasets scored, %s changed", outcome.seen, len(outcome.changed))


def enqueue_rescore(total: int) -> str:
    """Queue a re-score of everything; return the id of the job."""
    progress.note("queued", 0, total)
    job = tk.enqueue_job(
        rescore_all, title="Quality: score everything again", queue=QUEUE, rq_kwargs={"timeout": LONGEST_SECONDS}
    )
    return job.id
