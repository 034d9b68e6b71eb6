"""Classify a pasted URL as file, source code repository or record, by `addresses.csv`. No CKAN
imports.

Services are recognised by the room `access`.
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
#: Kinds of data formats; a document in another format may be a description.
DATA = frozenset({"table", "vector", "raster", "archive", "database"})
#: CSW operation that returns a single record.
ONE_RECORD = "getrecordbyid"
LONGEST_NAME = 120
_FILE = Path(__file__).with_name("addresses.csv")


@dataclass(frozen=True)
class Target:
    """Classification of a URL.

    Attributes:
        kind: file, record or repository.
        ask: URLs at which the description may be found, most likely first; empty for a file.
        format: id of the format of a file.
    """

    kind: str
    ask: tuple[str, ...] = ()
    format: str = ""


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Return kind, pattern and template of the known pages.

    The template makes the URL of the description.
    """
    rows = tables.rows(_FILE)
    return tuple((row["use"], re.compile(row["pattern"]), row["template"]) for row in rows)


def target(url: str) -> Target:
    """Return the classification of a URL; a record by default."""
    kind = ""  # that of the first pattern; others count only if they agree
    candidates = []
    for use, pattern, template in _patterns():
        match = pattern.match(url)
        if match and kind in ("", use):
            kind = use
            candidates.append(match.expand(template))
    if kind == REPOSITORY:
        return Target(kind, tuple(dict.fromkeys(candidates)))
    if kind:
        return Target(kind, tuple(dict.fromkeys([*candidates, url])))
    _stem, dot, extension = file_name(url).rpartition(".")
    format_id = _formats().get(extension.lower())
    if dot and format_id:
        return Target(FILE, format=format_id)
    return Target(RECORD, (url,))


def names_one_record(url: str) -> bool:
    """Tell whether a URL requests a single record of a catalogue (GetRecordById)."""
    try:
        query = parse_qsl(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        return False
    return ("request", ONE_RECORD) in [(name.lower(), value.lower()) for name, value in query]


def file_name(url: str) -> str:
    """Return the last path segment of a URL, decoded."""
    try:
        return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])[:LONGEST_NAME]
    except ValueError:
        return ""


@cache
def _formats() -> dict[str, str]:
    """Return the ids of data formats by file extension; the first format with an extension wins."""
    formats: dict[str, str] = {}
    for concept in voc.get("format"):
        if concept.data["kind"] not in DATA:
            continue
        extensions = concept.data["extensions"]
        if isinstance(extensions, str):
            extensions = [extensions]
        for extension in filter(None, extensions):
            formats.setdefault(extension, concept.id)
    return formats
