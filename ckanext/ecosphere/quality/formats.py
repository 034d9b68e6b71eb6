"""What the score knows of a resource's format: open, machine-readable, geographic, stars of openness."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ckanext.ecosphere.quality.reading import Record, table

_NOT_WORD = re.compile(r"[^a-z0-9]+")
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{2,8})$")
SERVICES = frozenset({"WFS", "WMS", "WMTS", "WCS", "OGC API Features", "SPARQL", "ATOM"})
DOWNLOAD_SERVICES = frozenset({"WFS", "WCS", "OGC API Features", "SPARQL", "ATOM"})
PAGES = frozenset({"HTML"})
OPEN_STARS = 3  # from this many stars on, the format is both open and structured


@dataclass(frozen=True)
class Format:
    """One row of `data/formats.yaml`."""

    code: str
    stars: int
    open: bool
    machine: bool
    geo: bool
    in_vocabulary: bool

    @property
    def service(self) -> bool:
        """Whether it names a protocol, not a file."""
        return self.code in SERVICES


@functools.cache
def _index() -> tuple[dict[str, Format], frozenset[str]]:
    names: dict[str, Format] = {}
    media: set[str] = set()
    for row in table("formats")["formats"]:
        found = Format(row["code"], row["stars"], row["open"], row["machine"], row["geo"], "eu" in row)
        names[_key(row["code"])] = found
        names |= {name: found for name in row["names"]}
        media |= set(row["media"])
    return names, frozenset(media)


def _key(value: str) -> str:
    return _NOT_WORD.sub("", value.casefold())


@functools.lru_cache(maxsize=4096)
def by_name(value: str) -> Format | None:
    """Return the format called `value`: a label ("Shape (ESRI)"), a URI of a register, a media type, a protocol."""
    value = value.strip()
    if not value or len(value) > 200:  # noqa: PLR2004  no name of a format is longer
        return None
    names, _media = _index()
    for candidate in (value, value.rsplit("/", 1)[-1], re.split(r"[-_ ]\d", value, maxsplit=1)[0], value.split(" ")[0]):
        found = names.get(_key(candidate))
        if found:
            return found
    return None


@functools.lru_cache(maxsize=4096)
def is_media_type(value: str) -> bool:
    """Tell whether `value` is one of the media types of the table, bare or as a URI of IANA's register."""
    bare = value.split("assignments/media-types/")[-1].split(";")[0].strip().lower()
    return bare in _index()[1]


def of_resource(resource: Record) -> Format | None:
    """Return the format of `resource`: as declared, else by its protocol, media type or the end of its address."""
    for field in ("format", "protocol", "mimetype"):
        found = by_name(resource.text(field))
        if found:
            return found
    address = resource.text("download_url") or resource.text("url")
    try:
        match = _EXTENSION.search(urlsplit(address).path)
    except ValueError:
        return None
    return by_name(match.group(1)) if match else None
