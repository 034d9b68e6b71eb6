"""Fetch and parse the description of a service, through the HTTP guard."""

from __future__ import annotations

from ckanext.ecosphere.access.services import capabilities, json_services
from ckanext.ecosphere.access.services.description import Description, NoDescriptionError
from ckanext.ecosphere.dataset.services import ServiceAddress, with_parameters
from ckanext.ecosphere.shared.http_guard import GuardedSession, Response

MAX_BYTES = 24 * 1024 * 1024
#: Status codes of services that require authentication.
CLOSED = (401, 403, 407)
FIRST_ERROR = 400
_JSON = {"Accept": "application/json"}


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
        return json_services.arcgis(json_services.parse(answer.body))
    return capabilities.read(address.kind, answer.body)


def _ogcapi(session: GuardedSession, address: ServiceAddress) -> Description:
    document = json_services.parse(_get(session, address.description_url, _JSON).body)
    description, links = json_services.landing(document, f"{address.url}/")
    url = links.get("data") or links.get("collections") or with_parameters(f"{address.url}/collections", f="json")
    answer = _get(session, url, _JSON)
    json_services.collections(json_services.parse(answer.body), answer.url, description)
    if "conformance" in links:
        answer = _get(session, links["conformance"], _JSON)
        json_services.conformance(json_services.parse(answer.body), description)
    return description


def _get(session: GuardedSession, url: str, headers: dict[str, str] | None = None) -> Response:
    answer = session.get(url, headers=headers, attempts=1, max_bytes=MAX_BYTES)
    if answer.status in CLOSED:
        raise NoDescriptionError("closed")
    if answer.status >= FIRST_ERROR:
        raise NoDescriptionError("status")
    return answer
