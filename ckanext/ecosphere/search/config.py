"""Configuration options of the search room."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

QUEUE = "ecosphere:search"
"""Queue of this room's background jobs."""
QUERY_FIELDS = "ecosphere.search.query_fields"
MINIMUM_MATCH = "ecosphere.search.minimum_match"
TIE = "ecosphere.search.tie"
COMBINATION_LIMITS = "ecosphere.search.combination_limits"
TERRITORY_LIMITS = "ecosphere.search.territory_limits"
ALERTS_PER_PERSON = "ecosphere.search.alerts_per_person"
ALERTS_PER_RUN = "ecosphere.search.alerts_per_run"
ALERT_DATASETS = "ecosphere.search.alert_datasets"
ALERT_LINKS_PER_DAY = "ecosphere.search.alert_links_per_day"


def query_fields() -> str:
    """Return Solr's `qf` for user queries."""
    return " ".join(tk.config[QUERY_FIELDS].split())


def minimum_match() -> str:
    """Return Solr's `mm`: how many words of a query must match."""
    return tk.config[MINIMUM_MATCH]


def tie() -> str:
    """Return Solr's tie breaker, as a string for pysolr."""
    return tk.config[TIE]


def suggestions() -> int:
    """Return the number of datasets suggested while typing."""
    return tk.config["ecosphere.search.suggestions"]


def facet_limit() -> int:
    """Return the number of values counted per facet."""
    return tk.config["ecosphere.search.facet_limit"]


def combination_limits() -> str:
    """Return the rate limits of pages with several filters, for one address."""
    return str(tk.config[COMBINATION_LIMITS] or "")


def territory_limits() -> str:
    """Return the rate limits of requests for the datasets of a territory, for one address."""
    return str(tk.config[TERRITORY_LIMITS] or "")


def alerts() -> bool:
    """Return whether alerts are enabled."""
    return tk.config["ecosphere.search.alerts"]


def alerts_per_person() -> int:
    """Return the maximum number of alerts per person."""
    return tk.config[ALERTS_PER_PERSON]


def alerts_per_run() -> int:
    """Return how many people a run processes; the others wait for the next run."""
    return tk.config[ALERTS_PER_RUN]


def alert_datasets() -> int:
    """Return how many datasets an e-mail lists per alert."""
    return tk.config[ALERT_DATASETS]


def alert_links_per_day() -> int:
    """Return the maximum number of e-mails with a link per day to an address without an account."""
    return tk.config[ALERT_LINKS_PER_DAY]
