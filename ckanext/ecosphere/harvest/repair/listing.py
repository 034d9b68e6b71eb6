"""List the records of a source that have something to correct, a few hundred at a time."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from ckan import model
from lxml import etree

from ckanext.ecosphere.harvest.iso.reader import records_in
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.repair.proposals import Correction, proposals
from ckanext.harvest.model import HarvestObject

AT_ONCE = 500
"""Maximum records per page or file, since each is parsed, which takes some milliseconds."""
LONGEST = 2_000_000
"""Maximum length of a record, in characters; longer ones are skipped."""
LONGEST_IDENTIFIER = 300
"""Maximum length of an identifier, in characters: each correction repeats it. Records beyond are skipped."""


def count(source_id: str) -> int:
    """Return the number of records of a source that became datasets."""
    return model.Session.scalar(sa.select(sa.func.count()).select_from(_current(source_id).subquery())) or 0


def found(source_id: str, offset: int = 0, limit: int = AT_ONCE) -> Iterator[tuple[str, list[Correction]]]:
    """Yield identifier and corrections of each record that has any.

    Args:
        source_id: the source.
        offset, limit: range of its records to examine, in the order of their identifiers.
    """
    query = _current(source_id).order_by(HarvestObject.guid).offset(offset).limit(min(limit, AT_ONCE))
    for content in model.Session.execute(query.with_only_columns(HarvestObject.content)).scalars():
        if content and len(content) <= LONGEST:
            yield from of_document(content)


def _current(source_id: str) -> sa.Select:
    return sa.select(HarvestObject.id).where(
        HarvestObject.harvest_source_id == source_id,
        HarvestObject.current.is_(True),
        HarvestObject.content.is_not(None),
    )


def of_document(content: str) -> Iterator[tuple[str, list[Correction]]]:
    """Yield identifier and corrections of each record of a document that has any; nothing if it is not XML."""
    try:
        records = list(records_in(parse_xml(content.encode())))
    except RecordError:
        return
    for record in records:
        identifier = " ".join(" ".join(_texts(record.find("{*}fileIdentifier"))).split())
        corrections = proposals(record) if 0 < len(identifier) <= LONGEST_IDENTIFIER else []
        if corrections:
            yield identifier, corrections


def _texts(element: etree._Element | None) -> Iterator[str]:
    return (str(text) for text in element.itertext()) if element is not None else iter(())
