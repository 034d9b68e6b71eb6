"""Statistics of PostgreSQL after a large import, so that what follows is planned for the rows that are there."""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.model import JobState, SourceRecord
from ckanext.harvest.model import HarvestObject, HarvestObjectExtra

_MANY = 500
"""Records from which the tables are analysed at once; below, autovacuum does it in time."""
_TABLES = (
    model.package_table,
    model.resource_table,
    model.member_table,
    model.package_tag_table,
    SourceRecord.__table__,
    HarvestObject.__table__,
    HarvestObjectExtra.__table__,
)


def renew(job_id: str) -> bool:
    """Analyse the tables that a job filled, if it imported many records.

    A table that autovacuum is analysing is skipped, and so is one that belongs to another role (PostgreSQL warns).

    Returns:
        whether it did.
    """
    waiting = model.Session.execute(sa.select(JobState.waiting).where(JobState.job_id == job_id)).scalar()
    if (waiting or 0) < _MANY:
        return False
    names = ", ".join(table.name for table in _TABLES)
    model.Session.execute(sa.text(f"ANALYZE (SKIP_LOCKED) {names}"))
    model.Session.commit()
    return True
