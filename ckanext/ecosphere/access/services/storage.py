"""The services of datasets: their links with resources, and their descriptions,
read with hosts in parallel.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.model import CLOSED, FAILED, OK, Service, ServiceUse
from ckanext.ecosphere.access.services import parsers
from ckanext.ecosphere.access.services.parsers import (
    LONGEST_NAME,
    Description,
    NoDescriptionError,
)
from ckanext.ecosphere.access.services.presentation import MESSAGES, SILENT
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.services import ServiceAddress, service_at, with_parameters
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession, Response, ask_by_host

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Datasets whose services are recorded in one transaction."""
#: Pauses before a failing service is read again, and one that was skipped.
AFTER_FAILURE, AFTER_SKIPPING = timedelta(days=1), timedelta(hours=6)
#: Error of a service that was skipped, since others of its host did not answer.
HOST_DOWN = "host-down"
MAX_BYTES = 24 * 1024 * 1024
#: Status codes of services that require authentication.
ASKS_WHO_CALLS = (401, 403, 407)
FIRST_ERROR = 400
_JSON = {"Accept": "application/json"}


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
    # A list, also one written as JSON or with commas.
    name = next(iter(View(fields).many("layer_name")), "").partition(",")[0]
    return replace(address, layer=name.strip("[] \"'")[:LONGEST_NAME])


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
    services: dict[str, DataDict] = {}
    uses: list[DataDict] = []
    for resource in model.Session.scalars(resources):
        address = address_of(resource)
        if address is None:
            continue
        key, package_id = address.key, resource.package_id
        services[key] = {"key": key, "kind": address.kind, "url": address.url}
        use = {"resource_id": resource.id, "package_id": package_id}
        uses.append({**use, "key": key, "layer": address.layer})
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


def run(addresses: Sequence[ServiceAddress], seconds: float) -> int:
    """Read services and store their descriptions; those not reached in time stay due.

    Args:
        addresses: the services.
        seconds: time after which no further service is requested.

    Returns:
        number of services read.
    """
    session = GuardedSession(config.guard_settings())
    answers = ask_by_host(
        addresses,
        lambda address: address.url,
        lambda address: ask(session, address),
        lambda outcome: outcome.error in SILENT,
        seconds=seconds,
        pause=config.read_pause(),
    )
    postponed = Outcome(error=HOST_DOWN)
    return write((address, outcome or postponed) for address, outcome in answers)


def ask(session: GuardedSession, address: ServiceAddress) -> Outcome:
    """Read a service; exceptions are converted to error codes."""
    try:
        return Outcome(read(session, address))
    except NoDescriptionError as error:
        return Outcome(error=error.code)
    except FetchError as error:
        code = error.code
        if error.refused and code != "too-large":
            code = "refused"
        if code not in MESSAGES:
            code = "connection"
        return Outcome(error=code)
    except Exception:
        log.exception("The description of %s could not be read", address.url)
        return Outcome(error="unreadable")


def read(session: GuardedSession, address: ServiceAddress) -> Description:
    """Request and parse the description of a service.

    Raises:
        FetchError: there was no response, or the guard refused the request.
        NoDescriptionError: the response is not a description.
    """
    if address.kind == "ogcapi":
        return _ogcapi(session, address)
    answer = _get(session, address.description_url)
    if address.kind == "arcgis":
        return parsers.arcgis(parsers.parse_json(answer.body))
    return parsers.read_capabilities(address.kind, answer.body)


def _ogcapi(session: GuardedSession, address: ServiceAddress) -> Description:
    document = parsers.parse_json(_get(session, address.description_url, _JSON).body)
    description, links = parsers.landing(document, f"{address.url}/")
    url = links.get("data") or links.get("collections")
    if not url:
        url = with_parameters(f"{address.url}/collections", f="json")
    answer = _get(session, url, _JSON)
    parsers.collections(parsers.parse_json(answer.body), answer.url, description)
    if "conformance" in links:
        answer = _get(session, links["conformance"], _JSON)
        parsers.conformance(parsers.parse_json(answer.body), description)
    return description


def _get(session: GuardedSession, url: str, headers: dict[str, str] | None = None) -> Response:
    answer = session.get(url, headers=headers, attempts=1, max_bytes=MAX_BYTES)
    if answer.status in ASKS_WHO_CALLS:
        raise NoDescriptionError("closed")
    if answer.status >= FIRST_ERROR:
        raise NoDescriptionError("status")
    return answer


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
    """Set the state of a service after an attempt to read it.

    A description is kept while it fails.
    """
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
