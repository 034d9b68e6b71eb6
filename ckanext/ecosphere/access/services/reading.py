"""Fetch and parse descriptions of services, hosts in parallel."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.services import parsers, storage
from ckanext.ecosphere.access.services.parsers import Description, NoDescriptionError
from ckanext.ecosphere.access.services.presentation import MESSAGES, SILENT
from ckanext.ecosphere.access.services.storage import HOST_DOWN, Outcome
from ckanext.ecosphere.dataset.services import ServiceAddress, with_parameters
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession, Response, ask_by_host

log = logging.getLogger(__name__)

MAX_BYTES = 24 * 1024 * 1024
#: Status codes of services that require authentication.
CLOSED = (401, 403, 407)
FIRST_ERROR = 400
_JSON = {"Accept": "application/json"}


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
    return storage.write((address, outcome or postponed) for address, outcome in answers)


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
    if answer.status in CLOSED:
        raise NoDescriptionError("closed")
    if answer.status >= FIRST_ERROR:
        raise NoDescriptionError("status")
    return answer
