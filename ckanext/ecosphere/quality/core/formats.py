"""Format properties used by the score, from the vocabularies of formats and protocols."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ckanext.ecosphere import vocabularies
from ckanext.ecosphere.quality.storage.reading import Record

_EXTENSION = re.compile(r"\.([A-Za-z0-9]{2,8})$")
_MEDIA_REGISTER = "assignments/media-types/"
DOWNLOAD_SERVICES = frozenset({"WFS", "WCS", "Atom Feed", "API", "SPARQL"})
PLAIN_KINDS = frozenset({"table", "document"})
STRUCTURE_KINDS = frozenset({"structured", "linked"})
GEOMETRY_KINDS = frozenset({"vector", "raster", "service"})
NO_DATA_KINDS = frozenset({"document", "image"})
OPEN_STARS = 3  # minimum stars of an open and structured format
LONGEST_NAME = 200


@dataclass(frozen=True)
class Format:
    """A format.

    `code` is its id in the vocabulary, `kind` its family (table, vector, service, document…).
    """

    code: str
    kind: str
    stars: int
    open: bool
    machine: bool
    in_eu_table: bool

    @property
    def service(self) -> bool:
        """Return whether it is a protocol rather than a file format."""
        return self.kind == "service" or self.code == "SPARQL"

    @property
    def direct(self) -> bool:
        """Return whether it gives direct access to data: a file, or a download service."""
        return self.code in DOWNLOAD_SERVICES if self.service else self.code != "HTML"

    @property
    def plain(self) -> bool:
        """Return whether it certainly has no geometry."""
        return self.kind in PLAIN_KINDS and self.code != "HTML"

    @property
    def with_geometry(self) -> bool:
        """Return whether what has this format has a geometry, as far as the format alone tells."""
        return self.kind in GEOMETRY_KINDS and self.code not in ("API", "SPARQL")

    @property
    def without_geometry(self) -> bool:
        """Return whether what has this format usually has no geometry."""
        return self.kind in PLAIN_KINDS or self.kind in STRUCTURE_KINDS

    @property
    def structured_and_open(self) -> bool:
        """Return whether it is machine-readable without proprietary software (three stars)."""
        return self.open and self.machine and self.stars >= OPEN_STARS and self.kind not in NO_DATA_KINDS


def _format(concept: vocabularies.Concept) -> Format:
    data = concept.data
    return Format(
        concept.id,
        data["kind"],
        data["stars"] or 0,
        data["open"],
        data["machine_readable"],
        concept.uri.startswith("http"),
    )


@functools.cache
def _media_types() -> dict[str, vocabularies.Concept]:
    found: dict[str, vocabularies.Concept] = {}
    for concept in vocabularies.get("format"):
        if concept.data["media_type"] and concept.data["kind"] != "service":
            found.setdefault(concept.data["media_type"], concept)
    return found


@functools.cache
def _extensions() -> dict[str, vocabularies.Concept]:
    return {end: concept for concept in vocabularies.get("format") for end in concept.data["extensions"]}


@functools.lru_cache(maxsize=4096)
def by_name(value: str) -> Format | None:
    """Return the format named `value`: a label, register URI, media type or protocol."""
    value = value.strip()
    if not value or len(value) > LONGEST_NAME:
        return None
    known = vocabularies.get("format")
    concept = known.get(value) or known.find(value) or _media_types().get(_bare_media_type(value))
    if concept is None:
        protocol = vocabularies.get("protocol").get(value) or vocabularies.get("protocol").find(value)
        concept = known.get(protocol.data["format"]) if protocol and protocol.data["format"] else None
    return _format(concept) if concept else None


@functools.lru_cache(maxsize=4096)
def is_media_type(value: str) -> bool:
    """Return whether `value` is a media type of the vocabulary, bare or as a URI of IANA's register."""
    return _bare_media_type(value) in _media_types()


def _bare_media_type(value: str) -> str:
    return value.rsplit(_MEDIA_REGISTER, maxsplit=1)[-1].split(";", maxsplit=1)[0].strip().lower()


def of_resource(resource: Record) -> Format | None:
    """Return the format of `resource`.

    As declared, else by its protocol, media type or URL extension.
    """
    for field in ("format", "protocol", "mimetype"):
        found = by_name(resource.text(field))
        if found:
            return found
    try:
        path = urlsplit(resource.text("download_url") or resource.text("url")).path
    except ValueError:
        return None
    match = _EXTENSION.search(path)
    concept = _extensions().get(match.group(1).lower()) if match else None
    return _format(concept) if concept else None
