"""Configuration options of `ecosphere_access`, read in this module only."""

from __future__ import annotations

from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared import config
from ckanext.ecosphere.shared.http_guard import GuardSettings

QUEUE = "ecosphere:access"

ALLOWED_NETWORKS = "ecosphere.access.allowed_networks"
ALLOWED_PORTS = "ecosphere.access.allowed_ports"
IMAGE_LIMITS = "ecosphere.access.image_limits"
SAMPLE_LIMITS = "ecosphere.access.sample_limits"
EXTRACT_LIMITS = "ecosphere.access.extract_limits"


def guard_settings(seconds: float = 60, megabytes: int = 24) -> GuardSettings:
    """Return the limits of a request to a service, as `shared.config.guard_settings`."""
    return config.guard_settings("access", seconds, megabytes)


def host_allowed(url: str) -> bool:
    """Return whether requests to the host of a URL are allowed.

    The guard asks again after each redirect.
    """
    allowed_hosts = {host.lower() for host in tk.config["ecosphere.access.allowed_hosts"]}
    if not allowed_hosts:
        return True  # the option is not set: all hosts
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    return host in allowed_hosts


def read_days() -> int:
    """Return the interval between two readings of a working service, in days."""
    return max(1, tk.config["ecosphere.access.read_days"])


def read_pause() -> float:
    """Return the pause between two requests to the same host, in seconds."""
    return tk.config["ecosphere.access.read_pause"]


def sample_megabytes() -> int:
    """Return the size in MB up to which files are downloaded."""
    return tk.config["ecosphere.access.sample_megabytes"]


def sample_rows() -> int:
    """Return the maximum number of rows or features of a preview."""
    return tk.config["ecosphere.access.sample_rows"]


def memory_megabytes() -> int:
    """Return the memory limit of the sandboxed process, in MB."""
    return tk.config["ecosphere.access.memory_megabytes"]


def seconds() -> int:
    """Return the limit of the requests for a file, and of the processor time to read it,
    in seconds.
    """
    return tk.config["ecosphere.access.seconds"]


def cache_megabytes() -> int:
    """Return the maximum total size of the cached previews and map images, in MB."""
    return tk.config["ecosphere.access.cache_megabytes"]


def extract_megabytes() -> int:
    """Return the maximum total size of the extracts that are kept, in MB."""
    return tk.config["ecosphere.access.extract_megabytes"]


def extract_features() -> int:
    """Return the maximum number of features of an extract."""
    return tk.config["ecosphere.access.extract_features"]


def count_use() -> bool:
    """Return whether downloads and followed links are counted."""
    return tk.config["ecosphere.access.count_use"]


def limits(option: str) -> str:
    """Return the rate limits of one of the `*_limits` options."""
    return str(tk.config[option] or "")


def communes_url() -> str:
    """Return the URL of outlines of communes, with the placeholder `{code}`; empty without one."""
    return str(tk.config["ecosphere.access.communes_url"] or "")


def epci_url() -> str:
    """Return the URL of outlines of intercommunalities, with the placeholder `{code}`.

    Empty without one.
    """
    return str(tk.config["ecosphere.access.epci_url"] or "")
