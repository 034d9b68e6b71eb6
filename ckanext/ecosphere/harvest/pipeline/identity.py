"""Who a record is within its source; by what other catalogues know it stands in `joining.keys`."""

from __future__ import annotations

import hashlib
import logging

from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise.identity import clean_identifier, full_identifier
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import RawRecord
from ckanext.ecosphere.vocabularies import normalise

log = logging.getLogger(__name__)

MAX_LENGTH = 400
SECOND = "#second:"
"""Stands between an identifier and what tells apart the records that share it."""


def guid_of(raw: RawRecord) -> str:
    """Identity of a record within its source: its file identifier, else the best substitute.

    A record without a file identifier goes by its resource identifier, else by its title and organisation;
    one that cannot be read at all goes by its content.
    """
    if own := clean_identifier(raw.identifier):
        return _bounded(own)
    record = _read(raw.content)
    if record is None:
        return f"content:{raw.digest[:24]}"
    for identifier in map(full_identifier, record.identifiers):
        if identifier:
            return _bounded(f"resource:{identifier}")
    return f"title:{mark_of(record)}"


def second_guid(guid: str, content: str) -> str:
    """Identity of a record whose identifier another record of the source already has."""
    record = _read(content)
    return f"{guid}{SECOND}{mark_of(record) if record else _short(content)}"


def mark(content: str) -> str:
    """What tells apart records that share an identifier: see `mark_of`; empty when it cannot be read."""
    record = _read(content)
    return mark_of(record) if record else ""


def mark_of(record: Record) -> str:
    """A short text for the resource that is described: its identifier, else its title and organisation."""
    for identifier in map(full_identifier, record.identifiers):
        if identifier:
            return _short(identifier)
    organisations = [contact.organisation or "" for contact in record.contacts[:1]]
    return _short("|".join([normalise(record.title or ""), *map(normalise, organisations)]))


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…{_short(text)}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _read(content: str) -> Record | None:
    try:
        return read_record(parse_xml(content.encode("utf-8", "replace")))
    except RecordError:
        return None
    except Exception:  # its import tells what is wrong with it
        log.warning("A record cannot be read", exc_info=True)
        return None
