"""Configuration options of alerts."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

ALERTS = "ecosphere.search.alerts"
ALERTS_PER_PERSON = "ecosphere.search.alerts_per_person"
ALERTS_PER_RUN = "ecosphere.search.alerts_per_run"
ALERT_DATASETS = "ecosphere.search.alert_datasets"
ALERT_LINKS_PER_DAY = "ecosphere.search.alert_links_per_day"


def alerts() -> bool:
    """Return whether alerts are enabled."""
    return tk.config[ALERTS]


def per_person() -> int:
    """Return the maximum number of alerts per person."""
    return tk.config[ALERTS_PER_PERSON]


def per_run() -> int:
    """Return how many people a run processes; the others wait for the next run."""
    return tk.config[ALERTS_PER_RUN]


def datasets() -> int:
    """Return how many datasets an e-mail lists per alert."""
    return tk.config[ALERT_DATASETS]


def links_per_day() -> int:
    """Return the maximum number of e-mails with a link per day to an address without an account."""
    return tk.config[ALERT_LINKS_PER_DAY]
