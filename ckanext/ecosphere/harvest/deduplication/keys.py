"""Keys by which a record is recognised in other catalogues. Pure functions, no CKAN.

Géo-IDE and the regional platforms harvest each other: a copy keeps the resource identifier (sometimes as a second one,
sometimes under another host) and often the record's own identifier. Weaker values would join unrelated records:
unfilled forms, table names, plain numbers, the address of the portal itself.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ckanext.ecosphere.harvest.normalise.identity import clean_identifier, full_identifier
from ckanext.ecosphere.harvest.record import Record

MAX_KEYS = 20
"""Maximum number of resource identifiers used; longer lists mean something else."""
_MAX_LENGTH = 400
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_NATIONAL = re.compile(r"fr-\d{9}-(?=[^/]*[a-z])(?=[^/]*\d)[\w.-]{6,}", re.IGNORECASE)
"""`fr-<SIREN>-<name>`, the form of the national INSPIRE guide; a name without a digit is too common."""
_URN = re.compile(r"urn:[a-z0-9-]+(?::[^:\s]+){2,}", re.IGNORECASE)
_INNER_HOST = re.compile(r"(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|[^.]+|.*\.(?:i2|local|localdomain|lan|test))")
_MIN_PATH = 8
_MIN_FIGURES = 4
"""A UUID with no more distinct characters than this is not random ("00000000-…", "11111111-…")."""
DATA, SERVICE = "rf", "RF"
"""Prefixes of keys, for the resource and its record; keys of services never match keys of data."""


def keys_of(record: Record) -> tuple[str, ...]:
    """Return the keys of a record: those of the resource in the order of the record, then that of the record itself.

    Records that share an identifier all have its key, which is then ignored when grouping.

    Args:
        record: the record.
    """
    resource, file = SERVICE if (record.hierarchy_level or "").lower() == "service" else DATA
    origin = key_of(clean_identifier(record.origin))
    # Identifier in the original catalogue; the harvester does not state whether it is the record's or the resource's.
    found = [origin] if origin else map(key_of, map(full_identifier, record.identifiers[:MAX_KEYS]))
    keys = [f"{resource}:{key}" for key in dict.fromkeys(filter(None, found))]
    own = origin or key_of(clean_identifier(record.file_identifier))
    if own:
        keys.append(f"{file}:{own}")
    return tuple(keys)


def is_file(key: str) -> bool:
    """Tell whether a key is that of a record rather than of a resource."""
    return key[:1] in {DATA[1], SERVICE[1]}


def as_resource(key: str) -> str:
    """Return a key with the prefix of a resource."""
    return {DATA[1]: DATA[0], SERVICE[1]: SERVICE[0]}.get(key[:1], key[:1]) + key[1:]


def as_file(key: str) -> str:
    """Return a key with the prefix of a record."""
    return {DATA[0]: DATA[1], SERVICE[0]: SERVICE[1]}.get(key[:1], key[:1]) + key[1:]


def bare(key: str) -> str:
    """Return the identifier in a key, without its prefix."""
    return key[2:]


def key_of(identifier: str | None) -> str | None:
    """Return the part of an identifier that is the same in all catalogues; None when it is not distinctive."""
    text = " ".join((identifier or "").split()).strip("{}").casefold()[:_MAX_LENGTH]
    uuids = _UUID.findall(text)
    if len(uuids) == 1:
        # A copy on another host, or in another notation, keeps the part with the UUID.
        part = next(part for part in re.split(r"[/?#=&:]", text) if uuids[0] in part).strip("{}")
        return part if len(set(uuids[0])) > _MIN_FIGURES else None
    if uuids or _NATIONAL.fullmatch(text) or _URN.fullmatch(text):
        return text
    return _address(text)


def _address(text: str) -> str | None:
    """Return a URL without its scheme; None when it names no more than a site, or an internal host."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return None
    rest = parts._replace(scheme="", netloc="", path=parts.path.rstrip("/")).geturl()
    if parts.scheme not in {"http", "https"} or _INNER_HOST.fullmatch(host) or len(rest) < _MIN_PATH:
        return None
    return f"{host.removeprefix('www.')}{rest}" if re.search(r"[\w]{4}", rest.rpartition("/")[2]) else None
