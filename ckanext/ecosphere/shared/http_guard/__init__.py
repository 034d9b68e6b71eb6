"""The guarded way out: every address that a stranger wrote is fetched through this session, and no other way.

The guard sits where the connection is opened. The host is resolved once, each address is checked, and
the socket is opened to the checked address, so a name that changes its mind between check and use (DNS
rebinding) gains nothing. Redirects are followed here, one by one, each checked like the first. Time is
bounded by a clock that cuts the socket, whatever the server drips; size is bounded after decompression,
in small steps, so that a bomb is refused before it unfolds.

Knows nothing of CKAN: settings are passed in, so that every room may use it::

    session = GuardedSession(GuardSettings(allowed_networks=networks(["127.0.0.1/32"])))
    answer = session.get("https://example.org/capabilities")
"""

from ckanext.ecosphere.shared.http_guard.addresses import checked_url, joined, networks, permitted, ports, taken_apart
from ckanext.ecosphere.shared.http_guard.attempt import GuardSettings
from ckanext.ecosphere.shared.http_guard.budget import Budget, StoppedError
from ckanext.ecosphere.shared.http_guard.errors import MESSAGES, FetchError, FetchRefusedError, in_language
from ckanext.ecosphere.shared.http_guard.own_services import Service, is_own_service
from ckanext.ecosphere.shared.http_guard.session import GuardedSession, Response

__all__ = [
    "MESSAGES",
    "Budget",
    "FetchError",
    "FetchRefusedError",
    "GuardSettings",
    "GuardedSession",
    "Response",
    "Service",
    "StoppedError",
    "checked_url",
    "in_language",
    "is_own_service",
    "joined",
    "networks",
    "permitted",
    "ports",
    "taken_apart",
]
