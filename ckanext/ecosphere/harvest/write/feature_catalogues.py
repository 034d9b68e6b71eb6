"""Feature catalogues (ISO 19110) harvested as separate records: add their attributes to the datasets that name them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.iso.feature_catalogue import ROOT, told_by
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.shared.hardened_xml import local_name
from ckanext.harvest.model import HarvestObject

PATH = "contentInfo/featureCatalogue"
MAX_NAMED, MAX_TEXT = 20, 5_500
"""Maximum catalogues per record, and characters shown of each."""
_CITATION = re.compile(r"featureCatalogueCitation\b([^>]{1,2000})>")
_UUID, _ID = re.compile(r"uuidref=[\"']([^\"']{1,400})[\"']"), re.compile(r"[?&;]id=([^\"'&]{1,400})", re.IGNORECASE)


def named(content: str) -> list[str]:
    """Return the identifiers of the catalogues that a record names, by ``uuidref`` or in a request URL.

    Args:
        content: the stored record.
    """
    found: list[str] = []
    for citation in _CITATION.findall(content):
        match = _UUID.search(citation) or _ID.search(citation)
        if match:
            found.append(unquote(match.group(1)).strip())
    return list(dict.fromkeys(filter(None, found)))[:MAX_NAMED]


def texts(source_id: str, identifiers: Iterable[str]) -> dict[str, str]:
    """Return the texts of the catalogues of a source, as last read, by identifier; unknown ones are absent."""
    wanted = sorted(set(identifiers))
    if not wanted:
        return {}
    rows = model.Session.execute(
        sa.select(HarvestObject.guid, HarvestObject.content)
        .distinct(HarvestObject.guid)
        .where(
            HarvestObject.guid.in_(wanted),
            HarvestObject.harvest_source_id == source_id,
            HarvestObject.content.contains(ROOT),
        )
        .order_by(HarvestObject.guid, HarvestObject.gathered.desc())
    )
    return {guid: text for guid, content in rows if (text := _text(content))}


def _text(content: str) -> str:
    try:
        root = parse_xml(content.encode("utf-8"))
    except RecordError:
        return ""
    return told_by(root) if local_name(root) == ROOT else ""


def add(record: Record, content: str, known: dict[str, str]) -> None:
    """Add the texts of the catalogues that a record names to its notes."""
    for identifier in named(content):
        if text := known.get(identifier):
            cut = text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
            record.unread.append(f"{PATH}: {cut}")
