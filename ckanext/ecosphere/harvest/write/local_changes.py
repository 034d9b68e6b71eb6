"""Local additions to a harvested dataset, which survive the next harvest.

Two kinds: the fields that `ecosphere.harvest.local_fields` names, and resources added by hand. The resources that the
harvest wrote are stored (`HarvestedDataset`): all others count as added locally, and uploaded files always do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.lib.dictization import model_dictize

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.model import PUBLISHED, HarvestedDataset, SourceRecord
from ckanext.ecosphere.harvest.write.local_edits import decoded
from ckanext.harvest.model import HarvestSource

#: SQL condition: a resource was added on the portal. Needs an outer join with `HarvestedDataset` by dataset.
IS_ADDED: sa.ColumnElement[bool] = sa.or_(
    sa.func.coalesce(model.Resource.url_type, "") == "upload",
    sa.and_(
        HarvestedDataset.package_id.is_not(None),
        sa.not_(model.Resource.id == sa.any_(HarvestedDataset.resource_ids)),
    ),
)


def is_locked(package_id: str) -> bool:
    """Tell whether a source that is still harvested publishes a dataset."""
    return bool(locked_datasets([package_id]))


def locked_datasets(package_ids: Iterable[str], owners: Iterable[str] | None = None) -> dict[str, str]:
    """Return the titles of the still harvested sources that publish datasets, by id of the dataset.

    Args:
        package_ids: the datasets.
        owners: ids of organisations, to have only their datasets; None for all.
    """
    query = (
        sa.select(SourceRecord.package_id, HarvestSource.title, HarvestSource.url)
        .join(HarvestSource, HarvestSource.id == SourceRecord.source_id)
        .join(model.Package, model.Package.id == SourceRecord.package_id)
        .where(
            SourceRecord.package_id.in_(list(package_ids)),
            SourceRecord.state == PUBLISHED,
            sa.true() == HarvestSource.active,
        )
    )
    if owners is not None:
        query = query.where(model.Package.owner_org.in_(list(owners)))
    return {id_: title or url for id_, title, url in model.Session.execute(query)}


def active_resources(*columns: Any) -> sa.Select[Any]:
    """Select columns of active resources, outer-joined with `HarvestedDataset`."""
    return (
        sa.select(*columns)
        .outerjoin(HarvestedDataset, HarvestedDataset.package_id == model.Resource.package_id)
        .where(model.Resource.state == model.State.ACTIVE)
    )


def added(package_id: str) -> list[str]:
    """Return the ids of the resources of a dataset that were added on the portal, in order."""
    query = active_resources(model.Resource.id).where(model.Resource.package_id == package_id, IS_ADDED)
    return list(model.Session.scalars(query.order_by(model.Resource.position)))


def keep(dataset: dict[str, Any], package_id: str, extras: dict[str, Any], resource_ids: list[str]) -> list[str]:
    """Copy local additions to the new version of a dataset.

    Args:
        dataset: the new version, whose resources have their ids already; changed in place.
        package_id: the dataset.
        extras: its current extras, as stored in the database.
        resource_ids: ids of its resources that were added on the portal.

    Returns:
        ids of those that are kept; one whose URL is now in the record has passed its id on to the record's resource.
    """
    for name in config.local_fields() & extras.keys():
        if dataset.get(name) in (None, "", []):
            dataset[name] = decoded(extras[name])
    brought = {resource.get("id") for resource in dataset["resources"]}
    staying = [id_ for id_ in resource_ids if id_ not in brought]
    if staying:
        query = sa.select(model.Resource).where(model.Resource.package_id == package_id, model.Resource.id.in_(staying))
        # As for the edit form: the URL of an uploaded file remains its file name.
        context: Any = {"model": model, "session": model.Session, "for_edit": True}
        resources = model.Session.scalars(query.order_by(model.Resource.position))
        dataset["resources"] += [model_dictize.resource_dictize(resource, context) for resource in resources]
    return staying


def remember(package_ids: Iterable[str], added_ids: Iterable[str] = ()) -> None:
    """Store which resources of datasets the harvest wrote; the caller commits.

    Args:
        package_ids: datasets that were just saved.
        added_ids: ids of their resources that were added on the portal.
    """
    statement = f"""
        INSERT INTO {HarvestedDataset.__tablename__} (package_id, resource_ids)
        SELECT saved.id, coalesce(array_agg(resource.id) FILTER (WHERE resource.id IS NOT NULL), '{{}}')
        FROM unnest(CAST(:packages AS text[])) AS saved(id)
        LEFT JOIN resource ON resource.package_id = saved.id AND resource.state = 'active'
            AND NOT resource.id = ANY(CAST(:added AS text[]))
        GROUP BY saved.id
        ON CONFLICT (package_id) DO UPDATE SET resource_ids = EXCLUDED.resource_ids
        """  # noqa: S608 - only constants of this code
    model.Session.execute(sa.text(statement), {"packages": list(package_ids), "added": list(added_ids)})
