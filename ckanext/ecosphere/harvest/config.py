"""Typed access to the options of the harvest room."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared.config import own_services
from ckanext.ecosphere.shared.http_guard import Budget, GuardSettings, networks, ports
from ckanext.ecosphere.shared.http_guard.addresses import Network

ALLOWED_NETWORKS = "ecosphere.harvest.allowed_networks"
BATCH_SIZE = "ecosphere.harvest.batch_size"
GIVE_WAY = "ecosphere.harvest.give_way"
SHOWN_SECONDS = "ecosphere.harvest.shown_seconds"
WITHDRAW_AFTER = "ecosphere.harvest.withdraw_after"
HOLD_RECORDS = "ecosphere.harvest.hold_records"
ATTEMPTS = "ecosphere.harvest.attempts"
BACKOFF_SECONDS = "ecosphere.harvest.backoff_seconds"
STALE_SECONDS = "ecosphere.harvest.stale_seconds"
ALLOWED_PORTS = "ecosphere.harvest.allowed_ports"
MAX_RECORDS = "ecosphere.harvest.max_records"
MAX_MEMORY_MEGABYTES = "ecosphere.harvest.max_memory_megabytes"
LETTER_PERIOD = "ecosphere.harvest.letter_period"

Settings = dict[str, Any]
"""The configuration of a source."""

MAX_PAGE_SIZE = 1000
"""Maximum number of records per request to a source."""
MAX_BATCH_SIZE = 100
"""Maximum number of records per transaction, all of which are repeated after a failure."""


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
    return max(1, min(tk.config["ecosphere.harvest.page_size"], MAX_PAGE_SIZE))


def batch_size() -> int:
    """Return the number of records saved in one transaction and indexed in one request."""
    return max(1, min(tk.config[BATCH_SIZE], MAX_BATCH_SIZE))


def workers() -> int:
    """Return the number of background workers that may import records of one job at once."""
    return _at_least(1, "ecosphere.harvest.workers")


def give_way() -> int:
    """Return the longest pause of a worker while people use the portal, as a multiple of its work.

    See `job.Pace`.
    """
    return _at_least(0, GIVE_WAY)


def shown_seconds() -> int:
    """Return the number of seconds within which imported records become visible to searches."""
    return _at_least(1, SHOWN_SECONDS)


def withdraw_after() -> int:
    """Return how many complete harvests in a row must miss a record before it is withdrawn."""
    return _at_least(1, WITHDRAW_AFTER)


def hold_records() -> int:
    """Return the number of vanished records up to which withdrawals are never held."""
    return _at_least(0, HOLD_RECORDS)


def hold_percent() -> int:
    """Return the percentage of a source's records above which withdrawals are held."""
    return _at_least(0, "ecosphere.harvest.hold_percent")


def fallback_organisation() -> str | None:
    """Return the registry id of the service that receives the records of no known service."""
    return tk.config["ecosphere.harvest.fallback_organisation"] or None


def local_fields() -> frozenset[str]:
    """Return the fields whose local values stay in a harvested dataset if the source has none."""
    return frozenset(tk.config["ecosphere.harvest.local_fields"])


def patience_seconds() -> int:
    """Return the seconds without a good page after which the reading of a source is given up."""
    return tk.config["ecosphere.harvest.patience_seconds"]


def backoff_seconds() -> int:
    """Return the seconds before a failed request is retried, doubled for each further attempt."""
    return tk.config[BACKOFF_SECONDS]


def outage_seconds() -> int:
    """Return the seconds to wait for PostgreSQL or Solr before a job is left for later."""
    return _at_least(0, "ecosphere.harvest.outage_seconds")


def stale_seconds() -> int:
    """Return the seconds without progress after which a job that no worker holds is stuck."""
    return _at_least(0, STALE_SECONDS)


def writes_activity() -> bool:
    """Return whether harvested changes appear in activity streams."""
    return tk.config["ecosphere.harvest.activity"]


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
        requests=_at_least(1, "ecosphere.harvest.max_requests"),
        records=_at_least(1, MAX_RECORDS),
        size=_at_least(1, "ecosphere.harvest.max_total_megabytes") * megabyte,
        seconds=_at_least(1, "ecosphere.harvest.max_seconds"),
        memory=_at_least(1, MAX_MEMORY_MEGABYTES) * megabyte,
    )


def preview_bounds() -> Bounds:
    """Return the limits of a source preview: those of a reading in less time.

    Shorter, since a preview keeps a worker busy.
    """
    whole = bounds()
    seconds = _at_least(1, "ecosphere.harvest.preview_seconds")
    return replace(whole, seconds=min(whole.seconds, seconds))


def previews_per_person() -> int:
    """Return the number of previews that one user may have waiting or running at the same time."""
    return _at_least(1, "ecosphere.harvest.previews_per_person")


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
        max_bytes=tk.config["ecosphere.harvest.max_bytes"],
        total_seconds=tk.config["ecosphere.harvest.request_seconds"],
        read_seconds=tk.config["ecosphere.harvest.silence_seconds"],
        attempts=tk.config[ATTEMPTS],
        backoff_seconds=backoff_seconds(),
        user_agent=f"ckanext-ecosphere (+{tk.config['ckan.site_url']})",
        ca_bundle=tk.config["ecosphere.harvest.ca_bundle"] or None,
    )
