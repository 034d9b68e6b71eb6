"""Configuration options of `ecosphere_studies`, read in this module only."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared import config
from ckanext.ecosphere.shared.http_guard import GuardSettings

QUEUE = "ecosphere:studies"
MEGABYTE = config.MEGABYTE

MOST_VERTICES = "ecosphere.studies.most_vertices"
SECONDS = "ecosphere.studies.seconds"
MOST_COUNTED = "ecosphere.studies.most_counted"
PROCESS_LIMITS = "ecosphere.studies.process_limits"
REUSE_LIMITS = "ecosphere.studies.reuse_limits"
OPINION_LIMITS = "ecosphere.studies.opinion_limits"


def guard_settings(seconds: float, megabytes: int) -> GuardSettings:
    """Return the limits of a request to a service, as `shared.config.guard_settings`."""
    return config.guard_settings("studies", seconds, megabytes)


def most_vertices() -> int:
    """Return the vertices that a site may have."""
    return max(100, tk.config[MOST_VERTICES])


def seconds() -> int:
    """Return the seconds that the service of one dataset may take to count."""
    return max(5, tk.config[SECONDS])


def most_counted() -> int:
    """Return the number of datasets whose services are asked for one run of a study."""
    return max(0, tk.config[MOST_COUNTED])


def limits(option: str) -> str:
    """Return the rate limits of one of the `*_limits` options."""
    return str(tk.config[option] or "")
