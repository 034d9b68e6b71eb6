"""Store services, their links with resources, and their descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.model import CLOSED, FAILED, OK, Service, ServiceUse
from ckanext.ecosphere.access.services.parsers import LONGEST_NAME, Description
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.services import ServiceAddress, service_at
from ckanext.ecosphere.shared.columns import now

AT_ONCE = 500
"""Datasets whose services are recorded in one transaction."""
#: Pauses before a failing service is read again, and one that was skipped.
AFTER_FAILURE, AFTER_SKIPPING = timedelta(days=1), timedelta(hours=6)
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
    fields = resource
    if not isinstance(resource, dict):
        names = ("url", "url_type", "format")
        fields = {**(resource.extras or {}), **{name: getattr(resource, name) for name in names}}
    if links.is_internal(fields):
        return None  # reachable within the government's network only
    url, format_ = str(fields.get("url") or ""), str(fields.get("format") or "")
    address = service_at(url, format_, str(fields.get("protocol") or ""))
    if address is None or not config.host_allowed(address.url):
        return None
    if address.layer:
        return address
    return ServiceAddress(address.kind, address.url, _first_name(fields.get("layer_name")))


def _first_name(names: Any) -> str:
    """Return the first name of a list, also of one written as JSON or with commas."""
    if not isinstance(names, list):
        names = str(names or "").strip("[]").split(",")
    for name in names:
        plain = str(name).strip(" \"'")
        if plain:
            return plain[:LONGEST_NAME]
    return ""


def note(package_ids: Sequence[str], *, new: bool = False) -> int:
    """Record the services of the resources of some datasets; the caller commits.

    Args:
        package_ids: ids of the datasets.
        new: whether they are new, so that no links need to be deleted.

    Returns:
        number of services not known before.
    """
    resources = sa.select(model.Resource).where(
        model.Resource.package_id.in_(package_ids),
        model.Resource.state == model.State.ACTIVE,
    )
    moment = now()
    services: dict[str, DataDict] = {}
    uses: list[DataDict] = []
    for resource in model.Session.scalars(resources):
        address = address_of(resource)
        if address is None:
            continue
        services[address.key] = {
            "key": address.key,
            "kind": address.kind,
            "url": address.url,
            "next_read_at": moment,
        }
        uses.append(
            {
                "resource_id": resource.id,
                "package_id": resource.package_id,
                "key": address.key,
                "layer": address.layer,
            }
        )
    if not new:
        old = sa.delete(ServiceUse).where(ServiceUse.package_id.in_(package_ids))
        model.Session.execute(old)
    added = 0
    if services:
        rows = [services[key] for key in sorted(services)]
        statement = insert(Service).on_conflict_do_nothing().returning(Service.key)
        added = len(list(model.Session.scalars(statement, rows)))
    if uses:
        model.Session.execute(insert(ServiceUse).on_conflict_do_nothing(), uses)
    return added


def note_all() -> int:
    """Record the services of all datasets, delete unused ones, and return their number. Commits."""
    datasets = sa.select(model.Package.id).where(
        model.Package.state == model.State.ACTIVE,
        model.Package.type == "dataset",
    )
    ids = list(model.Session.scalars(datasets.order_by(model.Package.id)))
    for begin in range(0, len(ids), AT_ONCE):
        note(ids[begin : begin + AT_ONCE])
        model.Session.commit()
    is_of_a_dataset = sa.exists().where(
        model.Resource.id == ServiceUse.resource_id,
        model.Resource.state == model.State.ACTIVE,
        model.Resource.package_id == model.Package.id,
        model.Package.state == model.State.ACTIVE,
    )
    is_used = sa.exists().where(ServiceUse.key == Service.key)
    unused_links = sa.delete(ServiceUse).where(~is_of_a_dataset)
    unused_services = sa.delete(Service).where(~is_used)
    for statement in (unused_links, unused_services):
        model.Session.execute(statement.execution_options(synchronize_session=False))
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
        if service is not None:
            _update(service, outcome)
            number += 1
    model.Session.commit()
    return number


def _update(service: Service, outcome: Outcome) -> None:
    """Set the state of a service after an attempt to read it; a description is kept while it fails."""
    moment = now()
    if outcome.error == HOST_DOWN:
        service.next_read_at = moment + AFTER_SKIPPING
        return
    service.tried_at, service.error = moment, outcome.error
    is_closed = outcome.error == "closed"
    if outcome.description is None and not is_closed:
        service.state = FAILED
        service.failing_since = service.failing_since or moment
        service.next_read_at = moment + AFTER_FAILURE
        return
    service.failing_since = None
    service.next_read_at = moment + timedelta(days=config.read_days())
    if outcome.description is None:
        service.state = CLOSED
    else:
        service.state, service.read_at = OK, moment
        service.description = outcome.description.as_dict()


def of_resources(resource_ids: Sequence[str]) -> dict[str, tuple[Service, str]]:
    """Return the services of resources, as {resource id: (service, requested layer)}."""
    query = (
        sa.select(ServiceUse.resource_id, ServiceUse.layer, Service)
        .join(Service, Service.key == ServiceUse.key)
        .where(ServiceUse.resource_id.in_(resource_ids))
    )
    rows = model.Session.execute(query)
    return {resource: (service, layer) for resource, layer, service in rows}
