"""Losses of harvested records by the portal itself, over all datasets.

Finding the origin of a failed criterion (`source_evidence.py`) takes some hundredths of a second, since the source
record is read again: pages do it for one dataset, this nightly job for all of them. The results are stored with those
of the other background jobs; a save deletes them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

import ckan.plugins as p
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.quality import integrations
from ckanext.ecosphere.quality.core.checks import State
from ckanext.ecosphere.quality.core.model import QualityRow
from ckanext.ecosphere.quality.core.source_evidence import Fault, origin
from ckanext.ecosphere.quality.storage import store

log = logging.getLogger(__name__)

KEY = "origins"
CHUNK = 50


def waiting(limit: int) -> list[str]:
    """Return ids of active harvested datasets whose failures have not been traced yet."""
    query = (
        sa.select(QualityRow.package_id)
        .join(model.Package, model.Package.id == QualityRow.package_id)
        .where(model.Package.state == model.State.ACTIVE, harvested(), ~QualityRow.checks.has_key(KEY))
        .order_by(QualityRow.package_id)
        .limit(limit)
    )
    return list(model.Session.scalars(query))


def run(ids: Sequence[str]) -> tuple[int, int]:
    """Trace the failures of the datasets `ids` and store the results. Commits.

    Returns:
        how many were examined, and how many of them fail a criterion because of a loss by the portal.
    """
    if not p.plugin_loaded("ecosphere_harvest"):
        return 0, 0
    losing = 0
    for start in range(0, len(ids), CHUNK):
        query = sa.select(QualityRow).where(QualityRow.package_id.in_(ids[start : start + CHUNK]))
        for row in list(model.Session.scalars(query)):
            package_id, computed_at = row.package_id, row.computed_at
            faults = _faults(row)
            losing += Fault.LOST.value in faults.values()
            values = {"id": package_id, "at": computed_at, "found": json.dumps({KEY: faults})}
            model.Session.execute(_KEEP, values)
        model.Session.commit()
        model.Session.expunge_all()
    return len(ids), losing


#: A dataset saved meanwhile is left for the next run.
_KEEP = sa.text(
    "UPDATE ecosphere_quality SET checks = checks || CAST(:found AS jsonb) WHERE package_id = :id AND computed_at = :at"
)


def _faults(row: QualityRow) -> dict[str, str]:
    found = store.quality_of(row)
    failed = [each.criterion for each in found.evaluation.results if each.state is State.FAIL]
    if not failed:
        return {}
    try:
        told = integrations.source_statements({"ignore_auth": True, "user": ""}, row.package_id)
    except Exception:  # a faulty record must not stop the others
        log.exception("Quality: the record of the dataset %s cannot be read again", row.package_id)
        model.Session.rollback()
        return {}
    origins = {each.id: origin(each, found.facts, told["fields"]) for each in failed} if told else {}
    return {id_: each.fault.value for id_, each in origins.items() if each}


def forget() -> None:
    """Delete all results, after a change of the harvest rules: the next runs read every record again."""
    update = sa.update(QualityRow).where(QualityRow.checks.has_key(KEY)).values(checks=QualityRow.checks.op("-")(KEY))
    model.Session.execute(update.execution_options(synchronize_session=False))
    model.Session.commit()


def harvested() -> Any:
    """Return the SQL condition for rows of harvested datasets."""
    # As a boolean: comparing text, PostgreSQL misestimates the number of rows and scans the whole table for a service.
    return QualityRow.facts["harvested"].as_boolean()
