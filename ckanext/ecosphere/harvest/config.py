"""Typed access to the options of the harvest room."""

from __future__ import annotations

from dataclasses import replace

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.harvest.sources.bounds import Bounds
from ckanext.ecosphere.shared.http_guard import GuardSettings, networks, ports
from ckanext.ecosphere.shared.http_guard.addresses import Network
from ckanext.ecosphere.shared.portal_services import own_services

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
PRODUCER_MAILS = "ecosphere.harvest.producer_mails"
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
LETTER_DAY = "ecosphere.harvest.letter_day"
LETTER_HOUR = "ecosphere.harvest.letter_hour"

MAX_PAGE_SIZE = 1000
"""Records that a source may be asked for at once."""
MAX_BATCH_SIZE = 100
"""Records of one transaction: more would leave too much to do again after a failure."""


def page_size() -> int:
    """Records asked for at once when the source does not say otherwise."""
    return max(1, min(tk.config[PAGE_SIZE], MAX_PAGE_SIZE))


def batch_size() -> int:
    """Records saved in one transaction and indexed in one go."""
    return max(1, min(tk.config[BATCH_SIZE], MAX_BATCH_SIZE))


def workers() -> int:
    """Background workers that may import the records of one job at the same time."""
    return max(1, tk.config[WORKERS])


def give_way() -> int:
    """Times that a worker rests as long as it has worked, for each answer that the portal gives people in a second."""
    return max(0, tk.config[GIVE_WAY])


def shown_seconds() -> int:
    """Seconds until a search finds what a running harvest has imported."""
    return max(1, tk.config[SHOWN_SECONDS])


def withdraw_after() -> int:
    """Complete harvests in a row that must miss a record before its dataset is withdrawn."""
    return max(1, tk.config[WITHDRAW_AFTER])


def hold_records() -> int:
    """Number of vanished records that is always tolerated."""
    return max(0, tk.config[HOLD_RECORDS])


def hold_percent() -> int:
    """Share of a source's records, in per cent, that may vanish without a person being asked."""
    return max(0, tk.config[HOLD_PERCENT])


def fallback_organisation() -> str | None:
    """Registry id of the service that takes records which no other service can be found for."""
    return tk.config[FALLBACK_ORGANISATION] or None


def local_fields() -> frozenset[str]:
    """Fields of a harvested dataset that keep what people filled in here, when the source says nothing of them."""
    return frozenset(tk.config[LOCAL_FIELDS])


def patience_seconds() -> int:
    """Seconds without a single good page, after which the reading of a source is given up."""
    return tk.config[PATIENCE_SECONDS]


def backoff_seconds() -> int:
    """Seconds before a failed request is tried again, doubled for each further try."""
    return tk.config[BACKOFF_SECONDS]


def outage_seconds() -> int:
    """Seconds to wait for PostgreSQL or Solr before a job is left to be taken up later."""
    return max(0, tk.config[OUTAGE_SECONDS])


def stale_seconds() -> int:
    """Seconds without a sign of life after which a job that nobody holds counts as stuck."""
    return max(0, tk.config[STALE_SECONDS])


def writes_activity() -> bool:
    """Whether harvested changes appear in the activity streams."""
    return tk.config[ACTIVITY]


def producer_mails() -> bool:
    """Whether services are told by e-mail what is to be put right in their records."""
    return tk.asbool(tk.config[PRODUCER_MAILS])


def letter_day() -> int:
    """Day of the week of the letter about the sources, from 1 (Monday) to 7; 0 when there is none."""
    return max(0, min(tk.config[LETTER_DAY], 7))


def letter_hour() -> int:
    """Hour of that letter, in the time zone of the portal."""
    return max(0, min(tk.config[LETTER_HOUR], 23))


def portal_language() -> str:
    """Language in which reports are written."""
    return tk.config["ckan.locale_default"]


def bounds() -> Bounds:
    """What one reading of a source may take."""
    megabyte = 1024 * 1024
    return Bounds(
        requests=max(1, tk.config[MAX_REQUESTS]),
        records=max(1, tk.config[MAX_RECORDS]),
        size=max(1, tk.config[MAX_TOTAL_MEGABYTES]) * megabyte,
        seconds=max(1, tk.config[MAX_SECONDS]),
        memory=max(1, tk.config[MAX_MEMORY_MEGABYTES]) * megabyte,
    )


def preview_bounds() -> Bounds:
    """What the preview of a source may take: as a reading, but for a shorter time, since it keeps a worker busy."""
    whole = bounds()
    return replace(whole, seconds=min(whole.seconds, max(1, tk.config[PREVIEW_SECONDS])))


def previews_per_person() -> int:
    """Previews of sources that one person may have waiting or running at the same time."""
    return max(1, tk.config[PREVIEWS_PER_PERSON])


def allowed_networks() -> tuple[Network, ...]:
    """Private networks that sources may lie in.

    Raises:
        ValueError: one of them is not written properly.
    """
    return networks(tk.config[ALLOWED_NETWORKS])


def guard_settings() -> GuardSettings:
    """Limits of the HTTP requests of a harvest.

    Raises:
        ValueError: one of the allowed networks or ports is not written properly.
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
