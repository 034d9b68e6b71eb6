"""Typed access to the options of the harvest room."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared.config import own_services
from ckanext.ecosphere.shared.http_guard import Budget, GuardSettings, networks, ports
from ckanext.ecosphere.shared.http_guard.addresses import Network

ALLOWED_NETWORKS = "ecosphere.harvest.allowed_networks"
PAGE_SIZE = "ecosphere.harvest.page_size"
BATCH_SIZE = "ecosphere.harvest.batch_size"
WORKERS = "ecosphere.harvest.workers"
GIVE_WAY = "ecosphere.harvest.give_way"
SHOWN_SECONDS = "ecosphere.harvest.shown_seconds"
WITHDRAW_AFTER = "ecosphere.harvest.withdraw_after"
HOLD_RECORDS = "ecosphere.harvest.hold_records"
HOLD_PERCENT = "ecosphere.harvest.hold_percent"
FALLBACK_ORGANISATION = "ecosphere.harvest.fallback_organisation"
REQUEST_SECONDS = "ecosphere.harvest.request_seconds"
SILENCE_SECONDS = "ecosphere.harvest.silence_seconds"
ATTEMPTS = "ecosphere.harvest.attempts"
BACKOFF_SECONDS = "ecosphere.harvest.backoff_seconds"
PATIENCE_SECONDS = "ecosphere.harvest.patience_seconds"
MAX_BYTES = "ecosphere.harvest.max_bytes"
CA_BUNDLE = "ecosphere.harvest.ca_bundle"
ACTIVITY = "ecosphere.harvest.activity"
OUTAGE_SECONDS = "ecosphere.harvest.outage_seconds"
STALE_SECONDS = "ecosphere.harvest.stale_seconds"
ALLOWED_PORTS = "ecosphere.harvest.allowed_ports"
MAX_REQUESTS = "ecosphere.harvest.max_requests"
MAX_RECORDS = "ecosphere.harvest.max_records"
MAX_TOTAL_MEGABYTES = "ecosphere.harvest.max_total_megabytes"
MAX_SECONDS = "ecosphere.harvest.max_seconds"
MAX_MEMORY_MEGABYTES = "ecosphere.harvest.max_memory_megabytes"
PREVIEW_SECONDS = "ecosphere.harvest.preview_seconds"
PREVIEWS_PER_PERSON = "ecosphere.harvest.previews_per_person"
LOCAL_FIELDS = "ecosphere.harvest.local_fields"
LETTER_PERIOD = "ecosphere.harvest.letter_period"

Settings = dict[str, Any]
"""The configuration of a source."""

MAX_PAGE_SIZE = 1000
"""Maximum number of records per request to a source."""
MAX_BATCH_SIZE = 100
"""Maximum number of records per transaction: more would mean too much to repeat after a failure."""


@dataclass(frozen=True)
class Bounds:
    """Limits of one reading of a source.

    Attributes:
        requests: HTTP requests, including redirects and retries.
        records: number of records.
        size: bytes received, counted after decompression.
        seconds: duration from the first request on.
        memory: bytes used by the whole process.
    """

    requests: int
    records: int
    size: int
    seconds: int
    memory: int

    def budget(self) -> Budget:
        """Return a budget that starts now."""
        return Budget(self.requests, self.size, self.seconds)


def _at_least(least: int, option: str) -> int:
    return max(least, tk.config[option])


def page_size() -> int:
    """Return the number of records per request, for sources that do not set it."""
    return max(1, min(tk.config[PAGE_SIZE], MAX_PAGE_SIZE))


def batch_size() -> int:
    """Return the number of records saved in one transaction and indexed in one request."""
    return max(1, min(tk.config[BATCH_SIZE], MAX_BATCH_SIZE))


def workers() -> int:
    """Return the number of background workers that may import the records of one job at the same time."""
    return _at_least(1, WORKERS)


def give_way() -> int:
    """Return the rest of a worker as a multiple of its working time, per page that the portal serves in a second."""
    return _at_least(0, GIVE_WAY)


def shown_seconds() -> int:
    """Return the number of seconds within which imported records become visible to searches."""
    return _at_least(1, SHOWN_SECONDS)


def withdraw_after() -> int:
    """Return the number of consecutive complete harvests that must miss a record before its dataset is withdrawn."""
    return _at_least(1, WITHDRAW_AFTER)


def hold_records() -> int:
    """Return the number of vanished records that is always tolerated."""
    return _at_least(0, HOLD_RECORDS)


def hold_percent() -> int:
    """Return the percentage of a source's records that may vanish before withdrawals are held for a decision."""
    return _at_least(0, HOLD_PERCENT)


def fallback_organisation() -> str | None:
    """Return the registry id of the service that receives records for which no other service is found."""
    return tk.config[FALLBACK_ORGANISATION] or None


def local_fields() -> frozenset[str]:
    """Return the fields of harvested datasets whose local values are kept when the source provides none."""
    return frozenset(tk.config[LOCAL_FIELDS])


def patience_seconds() -> int:
    """Return the number of seconds without a good page after which the reading of a source is given up."""
    return tk.config[PATIENCE_SECONDS]


def backoff_seconds() -> int:
    """Return the number of seconds before a failed request is retried, doubled for each further attempt."""
    return tk.config[BACKOFF_SECONDS]


def outage_seconds() -> int:
    """Return how many seconds to wait for PostgreSQL or Solr before a job is left to be resumed later."""
    return _at_least(0, OUTAGE_SECONDS)


def stale_seconds() -> int:
    """Return the number of seconds without a sign of life after which a job that no worker holds counts as stuck."""
    return _at_least(0, STALE_SECONDS)


def writes_activity() -> bool:
    """Return whether harvested changes appear in activity streams."""
    return tk.config[ACTIVITY]


def letter_period() -> str:
    """Return how often the letter about the sources is sent: `week`, `day` or `none`."""
    return tk.config[LETTER_PERIOD]


def portal_language() -> str:
    """Return the language in which reports are written."""
    return tk.config["ckan.locale_default"]


def bounds() -> Bounds:
    """Return the limits of one reading of a source."""
    megabyte = 1024 * 1024
    return Bounds(
        requests=_at_least(1, MAX_REQUESTS),
        records=_at_least(1, MAX_RECORDS),
        size=_at_least(1, MAX_TOTAL_MEGABYTES) * megabyte,
        seconds=_at_least(1, MAX_SECONDS),
        memory=_at_least(1, MAX_MEMORY_MEGABYTES) * megabyte,
    )


def preview_bounds() -> Bounds:
    """Return the limits of a source preview: those of a reading, but shorter, since it keeps a worker busy."""
    whole = bounds()
    return replace(whole, seconds=min(whole.seconds, _at_least(1, PREVIEW_SECONDS)))


def previews_per_person() -> int:
    """Return the number of previews that one user may have waiting or running at the same time."""
    return _at_least(1, PREVIEWS_PER_PERSON)


def allowed_networks() -> tuple[Network, ...]:
    """Return the private networks in which sources are allowed.

    Raises:
        ValueError: one of them is malformed.
    """
    return networks(tk.config[ALLOWED_NETWORKS])


def guard_settings() -> GuardSettings:
    """Return the settings of the HTTP requests of a harvest.

    Raises:
        ValueError: one of the allowed networks or ports is malformed.
    """
    return GuardSettings(
        allowed_networks=allowed_networks(),
        allowed_ports=ports(tk.config[ALLOWED_PORTS]),
        own_services=own_services(),
        max_bytes=tk.config[MAX_BYTES],
        total_seconds=tk.config[REQUEST_SECONDS],
        read_seconds=tk.config[SILENCE_SECONDS],
        attempts=tk.config[ATTEMPTS],
        backoff_seconds=backoff_seconds(),
        user_agent=f"ckanext-ecosphere (+{tk.config['ckan.site_url']})",
        ca_bundle=tk.config[CA_BUNDLE] or None,
    )
