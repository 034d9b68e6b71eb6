"""Overview of all harvest sources: state, number of datasets, pending decisions.

Nothing here reads all records, since a source may have tens of thousands. Datasets are counted by
Solr, which indexes the source of each; results of the last harvest come from the job state; and the
few refused records have an index of their own.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import timezone
from itertools import islice
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.search.common import SearchIndexError

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.harvest.model import REFUSED, SourceRecord
from ckanext.ecosphere.harvest.sources.base import type_names
from ckanext.ecosphere.interfaces import Gauge

log = logging.getLogger(__name__)

INACTIVE, WAITING, RUNNING, HELD = "inactive", "waiting", "running", "held"
INCOMPLETE, ERRORS, NEVER, GOOD = "incomplete", "errors", "never", "good"
STATES = (HELD, INCOMPLETE, ERRORS, RUNNING, WAITING, NEVER, GOOD, INACTIVE)
"""States of a source; those that need attention come first."""
COLUMNS = (
    "name", "title", "type", "organisation", "state", "last_complete", "last_run", "records",
    "refused", "errors", "held", "frequency", "next_run", "url",
)  # fmt: skip
SORTS = (
    "title",
    "type",
    "organisation",
    "state",
    "last_complete",
    "records",
    "errors",
    "held",
    "next_run",
)
FIELD = "harvest_source_id"
"""Solr field with the source of a dataset."""
MOST_MONITORED = 500
"""Sources with figures of their own for monitoring."""

Row = dict[str, Any]


_SOURCES = sa.text("""
    WITH job AS (
        SELECT DISTINCT ON (job.source_id) job.source_id, job.status, job.created, job.finished,
            job.status = 'Running' AND job.gather_started IS NOT NULL AS begun, state.complete,
            coalesce(CAST(state.facts -> 'counts' ->> 'errored' AS integer), 0)
                + coalesce(CAST(state.facts ->> 'failed' AS integer), 0) AS errors,
            CASE WHEN state.job_id IS NOT NULL THEN json_build_object(
                'added', coalesce(CAST(state.facts -> 'counts' ->> 'added' AS integer), 0),
                'updated', coalesce(CAST(state.facts -> 'counts' ->> 'updated' AS integer), 0),
                'deleted', coalesce(CAST(state.facts -> 'counts' ->> 'deleted' AS integer), 0)
            ) END AS done
        FROM harvest_job AS job
        LEFT JOIN ecosphere_harvest_job AS state ON state.job_id = job.id
        ORDER BY job.source_id, job.created DESC
    )
    SELECT source.id, package.name, coalesce(nullif(source.title, ''), package.name) AS title,
        source.type, source.url,
        coalesce(nullif(service.title, ''), service.name, '') AS organisation,
        (
            SELECT touched FROM ecosphere_harvest_job
            WHERE source_id = source.id AND complete AND stage = 'done'
            ORDER BY touched DESC LIMIT 1
        ) AS last_complete,
        job.created AS last_run, coalesce(job.errors, 0) AS errors, job.done, job.finished,
        coalesce(hold.records, 0) AS held, source.frequency,
        CASE WHEN source.frequency <> 'MANUAL' THEN source.next_run END AS next_run,
        CASE WHEN source.frequency <> 'MANUAL' THEN coalesce(source.next_run, source.created)
            END AS due,
        source.active AND job.begun IS NOT TRUE AS can_go_first,
        CASE
            WHEN NOT source.active THEN 'inactive'
            WHEN hold.records > 0 THEN 'held'
            WHEN job.source_id IS NULL THEN 'never'
            WHEN job.begun THEN 'running'
            WHEN job.status IN ('New', 'Running') THEN 'waiting'
            WHEN NOT job.complete THEN 'incomplete'
            WHEN job.errors > 0 THEN 'errors'
            ELSE 'good'
        END AS state
    FROM harvest_source AS source
    JOIN package ON package.id = source.id AND package.state = 'active'
    LEFT JOIN "group" AS service ON service.id = package.owner_org
    LEFT JOIN job ON job.source_id = source.id
    LEFT JOIN ecosphere_harvest_hold AS hold
        ON hold.source_id = source.id AND hold.decision IS NULL
    WHERE CAST(:owners AS text[]) IS NULL OR package.owner_org = ANY(CAST(:owners AS text[]))
    """)
"""The sources that are not deleted, with their last job."""


def rows(owners: Iterable[str] | None = None, *, counted: bool = True) -> list[Row]:
    """Return all sources that are not deleted, with a handful of queries however many there are.

    Args:
        owners: ids of organisations whose sources are wanted; None for all.
        counted: whether to count datasets and refused records; otherwise both are None.
    """
    owner_ids = None if owners is None else list(owners)
    every = [dict(row) for row in model.Session.execute(_SOURCES, {"owners": owner_ids}).mappings()]
    datasets, refused = (_datasets(), _refused()) if counted else (None, None)
    types = type_names()
    for row in every:
        row["records"] = None if datasets is None else datasets.get(row["id"], 0)
        row["refused"] = None if refused is None else refused.get(row["id"], 0)
        row["can_go_first"] = row["can_go_first"] and row["type"] in types
    return every


def _refused() -> dict[str, int]:
    """Return the number of refused records of each source, from a partial index."""
    query = sa.select(SourceRecord.source_id, sa.func.count()).where(SourceRecord.state == REFUSED)
    return dict(model.Session.execute(query.group_by(SourceRecord.source_id)).tuples().all())


def gauges() -> list[Gauge]:
    """Return when the last harvest of each active source ended and how many records failed,
    `MOST_MONITORED` sources at most, and the number of sources in each state.
    """
    every = rows(counted=False)
    states = Counter(row["state"] for row in every)
    ended: dict[tuple[str, ...], float] = {}
    failed: dict[tuple[str, ...], float] = {}
    active = (row for row in every if row["finished"] and row["state"] != INACTIVE)
    for row in islice(active, MOST_MONITORED):
        ended[row["name"],] = row["finished"].replace(tzinfo=timezone.utc).timestamp()
        failed[row["name"],] = row["errors"]
    return [
        Gauge(
            "ecosphere_harvest_sources",
            "Harvest sources by state",
            {(state,): states[state] for state in STATES},
            ("state",),
        ),
        Gauge(
            "ecosphere_harvest_last_end_timestamp_seconds",
            "Unix time at which the last harvest of a source ended",
            ended,
            ("source",),
        ),
        Gauge(
            "ecosphere_harvest_failed_records",
            "Records that the last harvest of a source could not import",
            failed,
            ("source",),
        ),
    ]


def chosen(every: list[Row], text: str = "", state: str = "", sort: str = "state") -> list[Row]:
    """Filter and sort sources.

    Args:
        every: the sources.
        text: words that title, name, service or URL must contain.
        state: one of `STATES`, empty for all.
        sort: one of `SORTS`, prefixed with "-" for descending order.
    """
    words = text.casefold().split()
    selected = [row for row in every if state in ("", row["state"]) and _has_words(row, words)]
    selected.sort(key=lambda row: row["title"].casefold())
    key, is_descending = sort.lstrip("-"), sort.startswith("-")
    if key not in SORTS or key == "state":
        selected.sort(key=lambda row: STATES.index(row["state"]), reverse=is_descending)
        return selected
    empty = [row for row in selected if row[key] in (None, "")]
    full = [row for row in selected if row[key] not in (None, "")]
    full.sort(key=lambda row: _sortable(row[key]), reverse=is_descending)
    return full + empty


def _has_words(row: Row, words: list[str]) -> bool:
    names = ("title", "name", "organisation", "url")
    text = " ".join(str(row[name]) for name in names).casefold()
    return all(word in text for word in words)


def _sortable(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def public_datasets(source_id: str) -> int | None:
    """Return the number of public datasets of a source on the portal, None while Solr is away."""
    conditions = [*_conditions(), "capacity:public", f'{FIELD}:"{source_id}"']
    try:
        return solr.search(fq=conditions, rows=0).hits
    except SearchIndexError as error:
        log.warning("The datasets of the source %s cannot be counted: %s", source_id, error)
        return None


def _conditions() -> list[str]:
    return [f'site_id:"{tk.config["ckan.site_id"]}"', "entity_type:package", "state:active"]


def _datasets() -> dict[str, int] | None:
    """Return the number of datasets of each source on the portal, None while Solr is away."""
    # `enum`: with few sources, counting by cached filter per source is faster than reading the
    # source of each dataset.
    facet = {
        "facet": "true",
        "facet.field": FIELD,
        "facet.limit": -1,
        "facet.mincount": 1,
        "facet.method": "enum",
    }
    try:
        pairs = solr.search(fq=_conditions(), rows=0, **facet).facets["facet_fields"].get(FIELD, [])
    except SearchIndexError as error:
        log.warning("The datasets of the sources cannot be counted: %s", error)
        return None
    return dict(zip(pairs[::2], pairs[1::2], strict=True))
