"""Options of the room, read in this module only."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared.http_guard import GuardSettings, networks, ports
from ckanext.ecosphere.shared.portal_services import own_services

QUEUE = "ecosphere:access"

ALLOWED_NETWORKS = "ecosphere.access.allowed_networks"
ALLOWED_PORTS = "ecosphere.access.allowed_ports"
ALLOWED_HOSTS = "ecosphere.access.allowed_hosts"
READ_DAYS = "ecosphere.access.read_days"
READ_PAUSE = "ecosphere.access.read_pause"
SAMPLE_MEGABYTES = "ecosphere.access.sample_megabytes"
SAMPLE_REQUESTS = "ecosphere.access.sample_requests"
BEGINNING_MEGABYTES = "ecosphere.access.beginning_megabytes"
SAMPLE_ROWS = "ecosphere.access.sample_rows"
MEMORY_MEGABYTES = "ecosphere.access.memory_megabytes"
SECONDS = "ecosphere.access.seconds"
CACHE_MEGABYTES = "ecosphere.access.cache_megabytes"
IMAGE_LIMITS = "ecosphere.access.image_limits"
SAMPLE_LIMITS = "ecosphere.access.sample_limits"
EXTRACT_LIMITS = "ecosphere.access.extract_limits"
EXTRACT_FEATURES = "ecosphere.access.extract_features"
COUNT_USE = "ecosphere.access.count_use"
BACKGROUND_URL = "ecosphere.access.background_url"
BACKGROUND_CREDIT = "ecosphere.access.background_credit"
COMMUNES_URL = "ecosphere.access.communes_url"
EPCI_URL = "ecosphere.access.epci_url"

MEGABYTE = 1024 * 1024


def guard_settings(seconds: float = 60, megabytes: int = 24) -> GuardSettings:
    """Return the limits of a request.

    Args:
        seconds: from the name to the last byte.
        megabytes: of the answer.
    """
    return replace(
        GuardSettings(connect_seconds=8, read_seconds=20, attempts=1, max_redirects=4),
        total_seconds=seconds,
        max_bytes=megabytes * MEGABYTE,
        allowed_networks=networks(tk.config[ALLOWED_NETWORKS]),
        allowed_ports=ports(tk.config[ALLOWED_PORTS]),
        own_services=own_services(),
    )


def host_allowed(url: str) -> bool:
    """Tell whether the host of an address may be asked."""
    hosts = tk.config[ALLOWED_HOSTS]
    try:
        return not hosts or (urlsplit(url).hostname or "") in hosts
    except ValueError:
        return False


def read_days() -> int:
    """Return the days between two readings of a service that answers."""
    return max(1, tk.config[READ_DAYS])


def read_pause() -> float:
    """Return the seconds between two requests to one host."""
    return tk.config[READ_PAUSE]


def sample_megabytes() -> int:
    """Return the size of the largest file that is brought here whole, and of what is brought of larger ones."""
    return tk.config[SAMPLE_MEGABYTES]


def sample_requests() -> int:
    """Return how many parts of one large file are asked for at most."""
    return tk.config[SAMPLE_REQUESTS]


def beginning_megabytes() -> int:
    """Return how much is brought of a large file when its server gives no parts of it."""
    return tk.config[BEGINNING_MEGABYTES]


def sample_rows() -> int:
    """Return how many rows or features a preview holds at most."""
    return tk.config[SAMPLE_ROWS]


def memory_megabytes() -> int:
    """Return the memory of the process that reads files of strangers."""
    return tk.config[MEMORY_MEGABYTES]


def seconds() -> int:
    """Return the seconds that this process may take."""
    return tk.config[SECONDS]


def cache_megabytes() -> int:
    """Return the size of all previews and map images that are kept."""
    return tk.config[CACHE_MEGABYTES]


def extract_features() -> int:
    """Return how many features one extract holds at most."""
    return tk.config[EXTRACT_FEATURES]


def count_use() -> bool:
    """Tell whether downloads and links are counted."""
    return tk.config[COUNT_USE]


def limits(option: str) -> str:
    """Return the rates of one of the options that end in `_limits`."""
    return str(tk.config[option] or "")


def background() -> tuple[str, str]:
    """Return the address of the tiles of a background map, and whom to name; empty without one."""
    return str(tk.config[BACKGROUND_URL] or ""), str(tk.config[BACKGROUND_CREDIT] or "")


def communes_url() -> str:
    """Return the address that answers the outline of a commune, with `{code}` in it; empty without one."""
    return str(tk.config[COMMUNES_URL] or "")


def epci_url() -> str:
    """Return the address that answers the outline of an intercommunality, with `{code}` in it; empty without one."""
    return str(tk.config[EPCI_URL] or "")
