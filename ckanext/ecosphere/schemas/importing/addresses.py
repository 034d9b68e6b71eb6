"""What an address that a person pastes leads to: a file, a repository of code, the page of a record. Pure, no CKAN.

Whether it is a service is asked of the room that reads services.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import tables

FILE, RECORD, REPOSITORY = "file", "record", "repository"
#: Kinds of format in which data are handed out; a document in another one may be a description.
DATA = frozenset({"table", "vector", "raster", "archive", "database"})
#: The operation of a catalogue that answers one record.
ONE_RECORD = "getrecordbyid"
LONGEST_NAME = 120
_FILE = Path(__file__).with_name("addresses.csv")


@dataclass(frozen=True)
class Target:
    """What an address is taken for.

    Attributes:
        kind: file, record or repository.
        ask: addresses at which the description may be, the likeliest first; none for a file.
        format: id of the format of a file.
    """

    kind: str
    ask: tuple[str, ...] = ()
    format: str = ""


@cache
def _pages() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    return tuple((row["use"], re.compile(row["pattern"]), row["template"]) for row in tables.rows(_FILE))


def target(url: str) -> Target:
    """Return what an address is taken for; a record when nothing else."""
    found = [(use, match.expand(template)) for use, pattern, template in _pages() if (match := pattern.match(url))]
    if found:
        kind = found[0][0]
        asked = [address for use, address in found if use == kind]
        return Target(kind, tuple(dict.fromkeys(asked if kind == REPOSITORY else [*asked, url])))
    name = file_name(url)
    if format_ := _formats().get(name.rpartition(".")[2].lower()) if "." in name else None:
        return Target(FILE, format=format_)
    return Target(RECORD, (url,))


def names_one_record(url: str) -> bool:
    """Whether an address asks a catalogue for one record."""
    try:
        query = parse_qsl(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        return False
    return any(name.lower() == "request" and value.lower() == ONE_RECORD for name, value in query)


def file_name(url: str) -> str:
    """Return the last part of the path of an address, readable."""
    try:
        return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])[:LONGEST_NAME]
    except ValueError:
        return ""


@cache
def _formats() -> dict[str, str]:
    """Extension → id of the format, of those in which data are handed out; the first that has it counts."""
    found: dict[str, str] = {}
    for concept in voc.get("format"):
        if concept.data["kind"] not in DATA:
            continue
        given = concept.data["extensions"]
        for extension in [given] if isinstance(given, str) else given:
            if extension:
                found.setdefault(extension, concept.id)
    return found
