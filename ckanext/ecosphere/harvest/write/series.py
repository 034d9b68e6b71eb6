"""Link datasets to their series (*lot*): in Géo-IDE, the record of a lot names its members, not the reverse."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.model import NEW, PUBLISHED, SourceRecord
from ckanext.ecosphere.harvest.normalise.identity import MEMBER, members_of
from ckanext.ecosphere.harvest.record import Record

MAX_SERIES = 20
"""Series that one dataset may be part of."""
_MENTIONS = re.compile("|".join(sorted(MEMBER)), re.IGNORECASE)


def announced(content: str, read: Callable[[str], Record]) -> list[str]:
    """Members that a record names, known while the source is read, so that few are imported before their series.

    Args:
        content: the record as it was kept.
        read: reads it; called for records that look like those of a series only.
    """
    if not _MENTIONS.search(content):
        return []
    try:
        return members_of(read(content))
    except Exception:  # its import tells what is wrong with it
        return []


def parents(source_id: str, guids: set[str]) -> Mapping[str, list[str]]:
    """The series of a source that say that they hold these records: guids of the series by that of the member."""
    found: dict[str, list[str]] = defaultdict(list)
    if not guids:
        return found
    rows = model.Session.execute(
        sa.select(SourceRecord.guid, SourceRecord.members)
        .where(
            SourceRecord.source_id == source_id,
            SourceRecord.state.in_([NEW, PUBLISHED]),
            SourceRecord.members.overlap(sorted(guids)),  # type: ignore[attr-defined]
        )
        .order_by(SourceRecord.guid)
    )
    for series, members in rows:
        for member in guids.intersection(members):
            if member != series:
                found[member].append(series)
    return found


def add_parents(dataset: dict[str, Any], series: list[str]) -> None:
    """Name series as those that a dataset is part of, beside those that its record names."""
    if series:
        dataset["in_series"] = list(dict.fromkeys([*(dataset.get("in_series") or []), *series]))[:MAX_SERIES]
