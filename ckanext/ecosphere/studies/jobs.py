"""Background jobs that count the objects of datasets on sites."""

from __future__ import annotations

from collections.abc import Iterable

from ckanext.ecosphere.work.jobs import Job

QUEUE = "ecosphere:studies"
JOBS: tuple[Job, ...] = ()


def want(study_dataset_ids: Iterable[str]) -> None:
    """Ask for the counts of datasets of studies; the caller commits before the job starts."""
