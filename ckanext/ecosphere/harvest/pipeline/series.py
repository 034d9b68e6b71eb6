"""Series (*lots*) as parents of their datasets: the record of a Géo-IDE lot names its members, which do not name it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.joining.settle import import_kept
from ckanext.ecosphere.harvest.model import PUBLISHED, SourceRecord

MAX_SERIES = 20
"""Series that one dataset may be part of."""


def parents(source_id: str, batch: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    """The series of a source that say that they hold the records of a batch.

    Args:
        source_id: the source.
        batch: by guid of each record, the members that it names itself: a lot mostly comes with its datasets.

    Returns:
        guids of the series by that of the member.
    """
    guids = set(batch)
    found: dict[str, list[str]] = defaultdict(list)
    if not guids:
        return found
    rows = model.Session.execute(
        sa.select(SourceRecord.guid, SourceRecord.members).where(
            SourceRecord.source_id == source_id,
            SourceRecord.state == PUBLISHED,
            SourceRecord.members.overlap(sorted(guids)),  # type: ignore[attr-defined]
        )
    )
    known = dict(rows.tuples().all()) | {guid: members for guid, members in batch.items() if members}
    for series, members in sorted(known.items()):
        for member in guids.intersection(members):
            if member != series:
                found[member].append(series)
    return found


def add_parents(dataset: dict[str, Any], series: list[str]) -> None:
    """Name series as those that a dataset is part of, beside those that its record names."""
    if series:
        dataset["in_series"] = list(dict.fromkeys([*(dataset.get("in_series") or []), *series]))[:MAX_SERIES]


def complete(source_id: str) -> int:
    """Import the members again that were imported before their series.

    Returns:
        how many.
    """
    statement = sa.text(
        """
        SELECT DISTINCT child.guid
        FROM ecosphere_harvest_record AS series
        CROSS JOIN LATERAL unnest(series.members) AS member
        JOIN ecosphere_harvest_record AS child ON child.source_id = series.source_id AND child.guid = member
        JOIN package ON package.id = child.package_id
        WHERE series.source_id = :source AND series.state = 'published' AND child.state = 'published'
        AND package.state = 'active' AND child.guid <> series.guid
        AND strpos(coalesce(package.extras ->> 'in_series', ''), series.guid) = 0
        AND length(coalesce(package.extras ->> 'in_series', '')) < :full
        """
    )
    guids = list(model.Session.execute(statement, {"source": source_id, "full": 50 * MAX_SERIES}).scalars())
    model.Session.remove()
    if guids:
        import_kept((source_id, guid) for guid in guids)
    return len(guids)
