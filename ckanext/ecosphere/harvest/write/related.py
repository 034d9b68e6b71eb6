"""Records that name others: series (*lots*) their members, datasets their feature catalogues (ISO 19110).

In Géo-IDE, the record of a lot names its members, not the reverse. A feature catalogue harvested as a separate record
becomes no dataset: its attributes are added to the datasets that name it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.iso.feature_catalogue import ROOT, told_by
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.model import NEW, PUBLISHED, SourceRecord, by_index
from ckanext.ecosphere.harvest.normalise.identity import MEMBER, members_of
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.shared.hardened_xml import local_name
from ckanext.harvest.model import HarvestObject

MAX_SERIES = 20
"""Maximum series of one dataset."""
PATH = "contentInfo/featureCatalogue"
MAX_CATALOGUES, MAX_TEXT = 20, 5_500
"""Maximum catalogues per record, and characters shown of each."""
_CITATION = re.compile(r"featureCatalogueCitation\b([^>]{1,2000})>")
_UUID = re.compile(r"uuidref=[\"']([^\"']{1,400})[\"']")
_ID = re.compile(r"[?&;]id=([^\"'&]{1,400})", re.IGNORECASE)


def named_records(content: str, read: Callable[[str], Record]) -> list[str]:
    """Return the members and feature catalogues that a record names, so that few are imported before them.

    Args:
        content: the stored record.
        read: reads it; called only for records that look like those of a series.
    """
    return [*_members(content, read), *named_catalogues(content)]


def _members(content: str, read: Callable[[str], Record]) -> list[str]:
    lower = content.lower()  # ten times as fast as a search that ignores case
    if not any(association in lower for association in MEMBER):
        return []
    try:
        return members_of(read(content))
    except Exception:  # the import reports what is wrong with it
        return []


# --- series ---


def series_of(source_id: str, guids: set[str]) -> Mapping[str, list[str]]:
    """Return the series of a source that name these records as members: guids of the series by guid of the member."""
    series: dict[str, list[str]] = defaultdict(list)
    if not guids:
        return series
    # The members are the only condition: by an index of any other, PostgreSQL might read all records of the source.
    query = (
        sa.select(
            SourceRecord.source_id, SourceRecord.state, SourceRecord.guid, SourceRecord.members
        )
        .where(SourceRecord.members.overlap(sorted(guids)))  # type: ignore[attr-defined]
        .order_by(SourceRecord.guid)
    )
    with by_index():
        rows = model.Session.execute(query).all()
    for other_source, state, guid, members in rows:
        if other_source != source_id or state not in {NEW, PUBLISHED}:
            continue
        for member in guids.intersection(members) - {guid}:
            series[member].append(guid)
    return series


def add_series(dataset: dict[str, Any], series: list[str]) -> None:
    """Add series to those that the record of a dataset names."""
    if series:
        every = dict.fromkeys([*(dataset.get("in_series") or []), *series])
        dataset["in_series"] = list(every)[:MAX_SERIES]


# --- feature catalogues ---


def named_catalogues(content: str) -> list[str]:
    """Return the identifiers of the catalogues that a record names, by ``uuidref`` or in a request URL.

    Args:
        content: the stored record.
    """
    identifiers: dict[str, None] = {}
    for citation in _CITATION.findall(content):
        match = _UUID.search(citation) or _ID.search(citation)
        if match:
            identifiers[unquote(match.group(1)).strip()] = None
    return list(filter(None, identifiers))[:MAX_CATALOGUES]


def catalogue_texts(source_id: str, identifiers: Iterable[str]) -> dict[str, str]:
    """Return the texts of the catalogues of a source, as last read, by identifier; unknown ones are absent."""
    guids = sorted(set(identifiers))
    if not guids:
        return {}
    query = (
        sa.select(HarvestObject.guid, HarvestObject.content)
        .distinct(HarvestObject.guid)
        .where(
            HarvestObject.guid.in_(guids),
            HarvestObject.harvest_source_id == source_id,
            HarvestObject.content.contains(ROOT),
        )
        .order_by(HarvestObject.guid, HarvestObject.gathered.desc())
    )
    texts = {guid: _catalogue_text(content) for guid, content in model.Session.execute(query)}
    return {guid: text for guid, text in texts.items() if text}


def _catalogue_text(content: str) -> str:
    try:
        root = parse_xml(content.encode("utf-8"))
    except RecordError:
        return ""
    return told_by(root) if local_name(root) == ROOT else ""


def add_catalogues(record: Record, identifiers: Iterable[str], texts: Mapping[str, str]) -> None:
    """Add the texts of the catalogues that a record names to its notes."""
    for identifier in identifiers:
        text = texts.get(identifier, "")
        if len(text) > MAX_TEXT:
            text = f"{text[:MAX_TEXT]}…"
        if text:
            record.unread.append(f"{PATH}: {text}")
