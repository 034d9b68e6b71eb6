"""Options of alerts and of searches that found nothing, read in this module only."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

ALERTS = "ecosphere.search.alerts"
ALERTS_PER_PERSON = "ecosphere.search.alerts_per_person"
ALERTS_PER_RUN = "ecosphere.search.alerts_per_run"
ALERT_DATASETS = "ecosphere.search.alert_datasets"
ALERT_LINKS_PER_DAY = "ecosphere.search.alert_links_per_day"


def alerts() -> bool:
    """Tell whether people can have themselves told of what is new."""
    return tk.config[ALERTS]


def per_person() -> int:
    """Return how many alerts a person may have."""
    return tk.config[ALERTS_PER_PERSON]


def per_run() -> int:
    """Return how many people one run looks for; those left over wait for the next one."""
    return tk.config[ALERTS_PER_RUN]


def datasets() -> int:
    """Return how many datasets an e-mail names for each alert."""
    return tk.config[ALERT_DATASETS]


def links_per_day() -> int:
    """Return how many e-mails with a link one address is sent in a day without an account."""
    return tk.config[ALERT_LINKS_PER_DAY]
