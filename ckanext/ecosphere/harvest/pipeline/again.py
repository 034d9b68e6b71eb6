"""Import one harvest object again from what was kept of it."""

from __future__ import annotations

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.model import Batch
from ckanext.ecosphere.harvest.pipeline.finish import user_name
from ckanext.ecosphere.harvest.pipeline.importer import Importer
from ckanext.ecosphere.harvest.pipeline.job import load
from ckanext.ecosphere.harvest.sources.harvester import harvester_for
from ckanext.ecosphere.shared.locks import Locks
from ckanext.harvest.model import HarvestObject


def import_again(object_id: str) -> bool:
    """Make a dataset of an object once more, also when it has not changed.

    Returns:
        whether it became one.
    """
    found = model.Session.execute(
        sa.select(HarvestObject.harvest_job_id, HarvestObject.content).where(HarvestObject.id == object_id)
    ).first()
    if found is None or not found.content:
        return False
    job = load(found.harvest_job_id)
    harvester = harvester_for(job.type)
    if harvester is None:
        return False
    batch = Batch(job_id=job.id, object_ids=[object_id])
    model.Session.add(batch)
    model.Session.commit()
    with Locks() as locks:
        Importer(job, harvester, user_name(), locks).work_on(batch.id)
    state = model.Session.execute(sa.select(HarvestObject.state).where(HarvestObject.id == object_id)).scalar()
    return state == "COMPLETE"
