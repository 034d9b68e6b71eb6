"""Store services, their links with resources, and their descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.model import CLOSED, FAILED, OK, Service, ServiceUse, now
from ckanext.ecosphere.access.services.description import Description
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.services import ServiceAddress, service_at

CHUNK = 500
AFTER_FAILURE = timedelta(days=1)
LATER = timedelta(hours=6)
#: Error of a service that was skipped, since others of its host did not answer.
HOST_DOWN = "host-down"


@dataclass(frozen=True)
class Outcome:
    """Result of reading a service: a description, or an error code."""

    description: Description | None = None
    error: str = ""


def address_of(resource: Any) -> ServiceAddress | None:
    """Return the service of a resource (a `model.Resource` or a dict), or None.

    The layer is that of the URL, else the one in ``layer_name``.
    """
    get = resource.get if isinstance(resource, dict) else lambda name: getattr(resource, name, None)
    extras = (resource if isinstance(resource, dict) else resource.extras) or {}
    if links.is_internal({**extras, "url": get("url"), "url_type": get("url_type")}):
        return None  # reachable within the government's network only
    found = service_at(str(get("url") or ""), str(get("format") or ""), str(extras.get("protocol") or ""))
    if found is None or not config.host_allowed(found.url):
        return None
    if found.layer:
        return found
    named = extras.get("layer_name")
    names = named if isinstance(named, list) else str(named or "").strip("[]").split(",")
    first = next((str(name).strip(" \"'") for name in names if str(name).strip(" \"'")), "")
    return ServiceAddress(found.kind, found.url, first[:300])


def note(package_ids: Sequence[str], *, new: bool = False) -> int:
    """Record the services of the resources of some datasets; the caller commits.

    Args:
        package_ids: ids of the datasets.
        new: whether they are new, so that no links need to be deleted.

    Returns:
        number of services not known before.
    """
    query = sa.select(model.Resource).where(
        model.Resource.package_id.in_(package_ids), model.Resource.state == model.State.ACTIVE
    )
    services, uses = {}, []
    for resource in model.Session.scalars(query):
        if address := address_of(resource):
            services[address.key] = {"key": address.key, "kind": address.kind, "url": address.url}
            use = {"resource_id": resource.id, "package_id": resource.package_id}
            uses.append({**use, "key": address.key, "layer": address.layer})
    if not new:
        model.Session.execute(sa.delete(ServiceUse).where(ServiceUse.package_id.in_(package_ids)))
    fresh = 0
    if services:
        rows = [{**each, "next_read_at": now()} for each in sorted(services.values(), key=lambda row: row["key"])]
        added = insert(Service).on_conflict_do_nothing().returning(Service.key)
        fresh = len(list(model.Session.scalars(added, rows)))
    if uses:
        model.Session.execute(insert(ServiceUse).on_conflict_do_nothing(), uses)
    return fresh


def note_all() -> int:
    """Record the services of all datasets, delete unused ones, and return their number. Commits."""
    query = sa.select(model.Package.id).where(
        model.Package.state == model.State.ACTIVE, model.Package.type == "dataset"
    )
    ids = list(model.Session.scalars(query.order_by(model.Package.id)))
    for begin in range(0, len(ids), CHUNK):
        note(ids[begin : begin + CHUNK])
        model.Session.commit()
    resource = sa.exists().where(
        model.Resource.id == ServiceUse.resource_id,
        model.Resource.state == model.State.ACTIVE,
        model.Resource.package_id == model.Package.id,
        model.Package.state == model.State.ACTIVE,
    )
    lone = sa.delete(ServiceUse).where(~resource).execution_options(synchronize_session=False)
    model.Session.execute(lone)
    unused = ~sa.exists().where(ServiceUse.key == Service.key)
    model.Session.execute(sa.delete(Service).where(unused).execution_options(synchronize_session=False))
    model.Session.commit()
    return model.Session.scalar(sa.select(sa.func.count()).select_from(Service)) or 0


def due(limit: int) -> list[ServiceAddress]:
    """Return the services due to be read, the longest due first."""
    query = sa.select(Service.kind, Service.url).where(Service.next_read_at <= now())
    rows = model.Session.execute(query.order_by(Service.next_read_at, Service.key).limit(limit))
    return [ServiceAddress(kind, url) for kind, url in rows]


def is_due() -> bool:
    """Return whether a service is due to be read."""
    return bool(model.Session.scalar(sa.select(sa.exists().where(Service.next_read_at <= now()))))


def write(outcomes: Iterable[tuple[ServiceAddress, Outcome]]) -> int:
    """Store the results of reading services; return their number. Commits."""
    number = 0
    for address, outcome in outcomes:
        service = model.Session.get(Service, address.key, with_for_update=True)
        if service is None:
            continue
        moment, number = now(), number + 1
        if outcome.error == HOST_DOWN:
            service.next_read_at = moment + LATER
            continue
        service.tried_at, service.error = moment, outcome.error
        if outcome.description is not None:
            service.state, service.description, service.read_at = OK, outcome.description.as_dict(), moment
        else:
            service.state = CLOSED if outcome.error == "closed" else FAILED
        service.failing_since = (service.failing_since or moment) if service.state == FAILED else None
        wait = timedelta(days=config.read_days()) if service.state != FAILED else AFTER_FAILURE
        service.next_read_at = moment + wait
    model.Session.commit()
    return number


def of_resources(resource_ids: Sequence[str]) -> dict[str, tuple[Service, str]]:
    """Return the services of resources, as {resource id: (service, requested layer)}."""
    query = (
        sa.select(ServiceUse.resource_id, ServiceUse.layer, Service)
        .join(Service, Service.key == ServiceUse.key)
        .where(ServiceUse.resource_id.in_(resource_ids))
    )
    return {resource: (service, layer) for resource, layer, service in model.Session.execute(query)}
