"""Configuration options of `ecosphere_studies`, read in this module only."""

from __future__ import annotations

from dataclasses import replace

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared.config import own_services
from ckanext.ecosphere.shared.http_guard import GuardSettings, networks, ports

QUEUE = "ecosphere:studies"

ALLOWED_NETWORKS = "ecosphere.studies.allowed_networks"
ALLOWED_PORTS = "ecosphere.studies.allowed_ports"
ALLOWED_HOSTS = "ecosphere.studies.allowed_hosts"
MOST_VERTICES = "ecosphere.studies.most_vertices"
SECONDS = "ecosphere.studies.seconds"
MOST_COUNTED = "ecosphere.studies.most_counted"
OUTLINES_URL = "ecosphere.studies.outlines_url"
PROCESS_LIMITS = "ecosphere.studies.process_limits"
TERRITORY_LIMITS = "ecosphere.studies.territory_limits"
REUSE_LIMITS = "ecosphere.studies.reuse_limits"
OPINION_LIMITS = "ecosphere.studies.opinion_limits"

MEGABYTE = 1024 * 1024


def guard_settings(seconds: float, megabytes: int) -> GuardSettings:
    """Return the limits of a request.

    Args:
        seconds: maximum total time, from DNS look-up to the last byte.
        megabytes: maximum size of the response.
    """
    return replace(
        GuardSettings(connect_seconds=8, read_seconds=20, attempts=1, max_redirects=4),
        total_seconds=seconds,
        max_bytes=megabytes * MEGABYTE,
        allowed_networks=networks(tk.config[ALLOWED_NETWORKS]),
        allowed_ports=ports(tk.config[ALLOWED_PORTS]),
        allowed_hosts=frozenset(host.lower() for host in tk.config[ALLOWED_HOSTS]),
        own_services=own_services(),
    )


def most_vertices() -> int:
    """Return the vertices that a site may have."""
    return max(100, tk.config[MOST_VERTICES])


def seconds() -> int:
    """Return the seconds that the service of one dataset may take to count."""
    return max(5, tk.config[SECONDS])


def most_counted() -> int:
    """Return the number of datasets whose services are asked for one run of a study."""
    return max(0, tk.config[MOST_COUNTED])


def outlines_url() -> str:
    """Return the URL of outlines, with the placeholders `{kind}` and `{code}`; empty without one."""
    return str(tk.config[OUTLINES_URL] or "")


def limits(option: str) -> str:
    """Return the rate limits of one of the `*_limits` options."""
    return str(tk.config[option] or "")
