"""Configuration that shared modules read.

- Options of the base plugin, with defaults for portals on which it is not enabled.
- The portal's own services, which no request to a URL of others may reach.
- The limits of such a request.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, urlsplit

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared.http_guard import GuardSettings, networks, ports

DISPLAY_TIMEZONE = "ecosphere.display_timezone"
#: Time zone of a portal that sets none.
PARIS = "Europe/Paris"
MAP_TILES = "ecosphere.map.tiles"
MAP_CREDIT = "ecosphere.map.credit"


def declared(option: str, default: Any, config: Row | None = None) -> Any:
    """Return the value of an option whose plugin may not be enabled.

    Args:
        option: its name.
        default: value if no enabled plugin declares it.
        config: configuration to read; the current one by default.
    """
    if config is None:
        config = tk.config
    try:
        return config[option]  # for an option that is not declared, `get` logs a warning
    except KeyError:
        return default


def display_timezone() -> str:
    """Return the name of the time zone in which times are shown."""
    return declared(DISPLAY_TIMEZONE, "") or PARIS


def map_tiles() -> str:
    """Return the URL of the tiles of the background map, with {z}, {x} and {y}; empty for none."""
    return declared(MAP_TILES, "")


def map_credit() -> str:
    """Return the credit of the background map: who made it."""
    return declared(MAP_CREDIT, "")


# --- requests to URLs of others -------------------------------------------------------------------

#: Host and port.
Service = tuple[str, int]

#: Scheme of the URL of a service → port if the URL names none.
_DEFAULT_PORTS = {
    "http": 80,
    "https": 443,
    "redis": 6379,
    "rediss": 6379,
    "postgresql": 5432,
    "smtp": 25,
}
#: Options with the URL of a service.
_URLS = (
    "solr_url",
    "ckan.redis.url",
    "sqlalchemy.url",
    "ckan.datastore.write_url",
    "ckan.datastore.read_url",
)
#: Option with the host of the mail server, and its port if it is not the usual one.
_MAIL_SERVER = "smtp.server"
MEGABYTE = 1024 * 1024


def guard_settings(room: str, seconds: float, megabytes: int) -> GuardSettings:
    """Return the limits of a request to a service, with the options `allowed_…` of a room.

    Args:
        room: part of the names of its options: `ecosphere.<room>.allowed_…`.
        seconds: maximum total time, from DNS look-up to the last byte.
        megabytes: maximum size of the response.
    """
    allowed = f"ecosphere.{room}.allowed_"
    return GuardSettings(
        connect_seconds=8,
        read_seconds=20,
        attempts=1,
        max_redirects=4,
        total_seconds=seconds,
        max_bytes=megabytes * MEGABYTE,
        allowed_networks=networks(tk.config[f"{allowed}networks"]),
        allowed_ports=ports(tk.config[f"{allowed}ports"]),
        allowed_hosts=frozenset(host.lower() for host in tk.config[f"{allowed}hosts"]),
        own_services=own_services(),
    )


def own_services() -> tuple[Service, ...]:
    """Return host and port of the portal's Solr, Redis, PostgreSQL and mail server.

    Those that are reached by a socket file are left out.
    """
    urls = [str(tk.config.get(option) or "") for option in _URLS]
    if mail_server := str(tk.config.get(_MAIL_SERVER) or ""):
        urls.append(f"smtp://{mail_server}")
    services = filter(None, map(_service, urls))
    return tuple(dict.fromkeys(services))


def _service(url: str) -> Service | None:
    """Return host and port of a URL; None if it has none, as that of a socket file."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        return None  # an invalid port: the portal cannot reach the service either
    port = port or _DEFAULT_PORTS.get(_scheme(parts))
    if host and port:
        return (host, port)
    return None


def _scheme(parts: SplitResult) -> str:
    """Return the scheme, with `postgresql+psycopg2` and `postgres` as `postgresql`."""
    name = parts.scheme.partition("+")[0].lower()
    if name.startswith("postgres"):
        return "postgresql"
    return name
