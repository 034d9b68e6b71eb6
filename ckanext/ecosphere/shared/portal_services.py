"""Hosts and ports of the portal's own services, which the HTTP guard refuses to fetch from."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

import ckan.plugins.toolkit as tk

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
    """Return host and port of the portal's Solr, Redis, PostgreSQL and mail server, if they are reached over TCP."""
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
