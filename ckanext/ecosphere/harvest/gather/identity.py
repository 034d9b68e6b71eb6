"""Who a record is within its source; by what other catalogues know it stands in `deduplication.keys`."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise.identity import clean_identifier, full_identifier
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import SECOND, RawRecord
from ckanext.ecosphere.vocabularies import normalise

log = logging.getLogger(__name__)

MAX_LENGTH = 400
ALIKE = 0.6
"""Likeness of two titles (0 to 1, `difflib`) from which one may be the other, changed."""
Read = Callable[[str], Record]


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells apart records that share an identifier.

    Attributes:
        resource: identifier of the resource that is described; "" when it has none.
        title: normalised title and organisation.
        name: the title as it stands, to be shown.
    """

    resource: str = ""
    title: str = ""
    name: str = field(default="", compare=False)

    def likeness(self, other: Mark) -> float:
        """How alike the titles are, from 0 to 1; 0 for resources that differ."""
        if self.resource != other.resource:
            return 0.0
        return SequenceMatcher(None, self.title, other.title, autojunk=False).ratio()


def read_iso(content: str) -> Record:
    """Read an ISO 19139 record.

    Raises:
        RecordError: it cannot be read.
    """
    return read_record(parse_xml(content.encode("utf-8", "replace")))


def guid_of(raw: RawRecord, read: Read = read_iso) -> str:
    """Identity of a record within its source: its file identifier, else the best substitute.

    A record without a file identifier goes by its resource identifier, else by its title and organisation;
    one that cannot be read at all goes by its content.

    Args:
        raw: the record.
        read: reads it.
    """
    if own := clean_identifier(raw.identifier):
        return _bounded(own)
    record = _read(raw.content, read)
    if record is None:
        return f"content:{raw.digest[:24]}"
    for identifier in map(full_identifier, record.identifiers):
        if identifier:
            return _bounded(f"resource:{identifier}")
    return f"title:{_short(_title(record))}"


def mark_of(content: str, read: Read = read_iso) -> Mark:
    """What tells a record apart from others with its identifier; by its content alone when it cannot be read."""
    record = _read(content, read)
    if record is None:
        return Mark(_short(content))
    resource = next(filter(None, map(full_identifier, record.identifiers)), "")
    return Mark(resource, _title(record), record.title or "")


def second_guid(guid: str, mark: Mark) -> str:
    """Identity of a new record whose identifier another record of the source already has."""
    return f"{guid}{SECOND}{_short(f'{mark.resource}|{mark.title}')}"


def renamed(missing: Mapping[str, Mark], newcomers: Sequence[Mark]) -> dict[int, str]:
    """Which newcomers are records of before that have got another title.

    Args:
        missing: records that the source no longer has under their titles, by guid.
        newcomers: those that have come under the same identifier.

    Returns:
        guids by place among the newcomers: the most alike first, then the one that is left of a resource on both sides.
    """
    found: dict[int, str] = {}
    scored = [
        (mark.likeness(new), place, guid) for guid, mark in missing.items() for place, new in enumerate(newcomers)
    ]
    for score, place, guid in sorted(scored, key=lambda each: (-each[0], each[1:])):
        if score >= ALIKE and place not in found and guid not in found.values():
            found[place] = guid
    left = [(guid, mark.resource) for guid, mark in missing.items() if guid not in found.values()]
    new = [(place, mark.resource) for place, mark in enumerate(newcomers) if place not in found]
    for resource in {resource for _guid, resource in left}:
        guids = [guid for guid, named in left if named == resource]
        places = [place for place, named in new if named == resource]
        if len(guids) == len(places) == 1:
            found[places[0]] = guids[0]
    return found


def _title(record: Record) -> str:
    organisations = [contact.organisation or "" for contact in record.contacts[:1]]
    return "|".join([normalise(record.title or ""), *map(normalise, organisations)])


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…{_short(text)}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _read(content: str, read: Read) -> Record | None:
    try:
        return read(content)
    except RecordError:
        return None
    except Exception:  # its import tells what is wrong with it
        log.warning("A record cannot be read", exc_info=True)
        return None
