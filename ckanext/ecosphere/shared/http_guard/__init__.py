"""HTTP client for untrusted URLs, protected against SSRF, slow servers and decompression bombs.

Every URL that comes from outside is fetched through this session. The host is resolved once, each
address is checked, and the socket is opened to the checked address, which defeats DNS rebinding.
Redirects are followed one by one, each checked like the first. A timer shuts the socket down,
however slowly the server sends; size is limited after decompression, which is done in small steps,
so that a bomb is refused before it unfolds.

Independent of CKAN: settings are passed in, so that every room can use it::

    session = GuardedSession(GuardSettings(allowed_networks=networks(["127.0.0.1/32"])))
    answer = session.get("https://example.org/capabilities")
"""

from ckanext.ecosphere.shared.http_guard.addresses import (
    Service,
    checked_url,
    is_own_service,
    joined,
    networks,
    permitted,
    ports,
    taken_apart,
)
from ckanext.ecosphere.shared.http_guard.attempt import GuardSettings
from ckanext.ecosphere.shared.http_guard.budget import Budget, StoppedError
from ckanext.ecosphere.shared.http_guard.errors import (
    MESSAGES,
    FetchError,
    FetchRefusedError,
    in_language,
)
from ckanext.ecosphere.shared.http_guard.session import GuardedSession, Response, ask_by_host

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
    "ask_by_host",
    "checked_url",
    "in_language",
    "is_own_service",
    "joined",
    "networks",
    "permitted",
    "ports",
    "taken_apart",
]
