"""Options read by shared modules, with defaults for portals where the plugin
that declares them is not enabled.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, urlsplit

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared.http_guard import GuardSettings, networks, ports

DISPLAY_TIMEZONE = "ecosphere.display_timezone"
PARIS = "Europe/Paris"
MAP_TILES = "ecosphere.map.tiles"
MAP_CREDIT = "ecosphere.map.credit"


def declared(option: str, default: Any, config: Row | None = None) -> Any:
    """Return the value of an option whose declaring plugin may not be enabled; CKAN's `get` would
    log a warning.

    Args:
        option: its name.
        default: value if no enabled plugin declares it.
        config: configuration to read; the current one by default.
    """
    try:
        return (tk.config if config is None else config)[option]
    except KeyError:
        return default


def display_timezone() -> str:
    """Return the name of the time zone in which times are shown."""
    return declared(DISPLAY_TIMEZONE, "") or PARIS


def map_tiles() -> str:
    """Return the URL of the tiles of the background map, with {z}, {x} and {y}; empty for none."""
    return declared(MAP_TILES, "")


def map_credit() -> str:
    """Return whom the background map names."""
    return declared(MAP_CREDIT, "")


Service = tuple[str, int]

_DEFAULT_PORTS = {
    "http": 80,
    "https": 443,
    "redis": 6379,
    "rediss": 6379,
    "postgresql": 5432,
    "smtp": 25,
}
_OPTIONS = (
    "solr_url",
    "ckan.redis.url",
    "sqlalchemy.url",
    "ckan.datastore.write_url",
    "ckan.datastore.read_url",
)
_MAIL = "smtp.server"


def own_services() -> tuple[Service, ...]:
    """Return host and port of the portal's Solr, Redis, PostgreSQL and mail server,
    if they are reached over TCP.
    """
    addresses = [str(tk.config.get(option) or "") for option in _OPTIONS]
    if mail := str(tk.config.get(_MAIL) or ""):
        addresses.append(f"smtp://{mail}")
    services = [service for address in addresses if (service := _service(address))]
    return tuple(dict.fromkeys(services))


def _service(address: str) -> Service | None:
    parts = urlsplit(address)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        return None  # invalid, so the portal cannot reach it either
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


MEGABYTE = 1024 * 1024


def guard_settings(room: str, seconds: float, megabytes: int) -> GuardSettings:
    """Return the limits of a request to a service, with the options `allowed_…` of a room.

    Args:
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
