"""What a service added on the portal to a dataset that is harvested, and which survives the next harvest.

Two kinds: the fields that `ecosphere.harvest.local_fields` names, and resources added by hand. A resource is marked
when somebody adds it (`LOCAL`), so that one which the source gave up is not mistaken for one.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.lib.dictization import model_dictize

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.model import PUBLISHED, SourceRecord
from ckanext.harvest.model import HarvestObject, HarvestSource

LOCAL = "local_addition"
"""Key of a resource that was added by hand to a harvested dataset; its value is "true"."""


def is_harvested(package_id: str) -> bool:
    """Whether a dataset is made of a record of a source."""
    query = sa.select(HarvestObject.id).where(HarvestObject.package_id == package_id, HarvestObject.current.is_(True))
    return model.Session.execute(query.limit(1)).first() is not None


def is_governed(package_id: str) -> bool:
    """Whether a source that is still harvested publishes a dataset: its next record replaces what is changed here."""
    query = (
        sa.select(SourceRecord.guid)
        .join(HarvestSource, HarvestSource.id == SourceRecord.source_id)
        .where(
            SourceRecord.package_id == package_id, SourceRecord.state == PUBLISHED, sa.true() == HarvestSource.active
        )
    )
    return model.Session.execute(query.limit(1)).first() is not None


def added(package_id: str) -> list[str]:
    """Ids of the resources of a dataset that were added on the portal, in their order."""
    query = (
        sa.select(model.Resource.id, model.resource_table.c.extras)
        .where(model.Resource.package_id == package_id, model.Resource.state == "active")
        .order_by(model.Resource.position)
    )
    return [id_ for id_, extras in model.Session.execute(query) if LOCAL in (extras or {})]


def mark_added(resource: dict[str, Any]) -> None:
    """Mark a resource that somebody adds, if its dataset is harvested."""
    if is_harvested(resource.get("package_id") or ""):
        resource[LOCAL] = "true"
    else:
        resource.pop(LOCAL, None)


def keep_mark(current: dict[str, Any], resource: dict[str, Any]) -> None:
    """Leave the mark on a resource that somebody edits: a form does not send it."""
    if current.get(LOCAL):
        resource[LOCAL] = current[LOCAL]
    else:
        resource.pop(LOCAL, None)


def keep(dataset: dict[str, Any], package_id: str, extras: dict[str, Any], resources: list[str]) -> None:
    """Put what was added on the portal into the new version of a dataset.

    Args:
        dataset: the new version, whose resources have their ids already; changed in place.
        package_id: the dataset.
        extras: what it has so far, as the database keeps it.
        resources: ids of its resources that are marked.
    """
    for name in config.local_fields() & extras.keys():
        if dataset.get(name) in (None, "", []):
            dataset[name] = _value(extras[name])
    # One whose address the record brings now has given its id to that of the record.
    brought = {resource.get("id") for resource in dataset["resources"]}
    if wanted := [id_ for id_ in resources if id_ not in brought]:
        query = sa.select(model.Resource).where(model.Resource.package_id == package_id, model.Resource.id.in_(wanted))
        # As for the form: the address of an uploaded file stays its name.
        context: Any = {"model": model, "session": model.Session, "for_edit": True}
        found = model.Session.scalars(query.order_by(model.Resource.position))
        dataset["resources"] += [model_dictize.resource_dictize(each, context) for each in found]


def _value(stored: Any) -> Any:
    """A list or a table is kept as JSON."""
    if isinstance(stored, str) and stored[:1] in ("[", "{"):
        try:
            return json.loads(stored)
        except ValueError:
            return stored
    return stored
