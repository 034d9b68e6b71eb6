"""Parties of a dataset: who made it; e-mail addresses and telephone numbers in free text. No CKAN
imports.

Telephone numbers are stored in international format (ITU-T E.123: ``+33 4 74 45 62 37``); RDF uses
``tel:`` URIs (RFC 3966). The library `phonenumbers`, which has the rules of every country,
distinguishes the numbering plans of the overseas départements.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields

LONGEST_ADDRESS = 254
"""Maximum length of an address, in characters (RFC 5321, 4.5.3.1.3, without angle brackets)."""
_LONGEST_LOCAL = 64
_LOCAL = re.compile(
    r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,31}"
)
_LABEL = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")
_BEFORE = re.compile(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}\Z")
_AFTER = re.compile(r"[a-zA-Z0-9.-]{1,253}")
_UNFIT = re.compile(r"[\s,;<>\"\x00-\x20\x7f@]")


def is_address(text: str) -> bool:
    """Return whether a text is one address: two parts around one "@", the second with a dot.

    Any alphabet.
    """
    local, at, domain = text.partition("@")
    host, point, last = domain.rpartition(".")
    return bool(
        len(text) <= LONGEST_ADDRESS
        and at
        and local
        and point
        and host
        and last
        and not _UNFIT.search(local + domain)
    )


def mailbox(address: str) -> str:
    """Return what the spellings of an address have in common that usually lead to one mailbox
    ("a.b+c@d", "ab@d").

    It is for counting only: some servers distinguish "a.b" from "ab".
    """
    local, _at, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def first_address(text: str) -> str | None:
    """Return the first address in a text ("mailto:a@b.fr ; c@d.fr"), None if there is none."""
    place = text.find("@")
    while place >= 0:
        before = _BEFORE.search(text[max(0, place - _LONGEST_LOCAL) : place])
        after = _AFTER.match(text, place + 1, place + 1 + LONGEST_ADDRESS)
        if before and after:
            local, domain = before.group().lstrip("."), _domain(after.group())
            if domain and _LOCAL.fullmatch(local):
                return f"{local}@{domain}"
        place = text.find("@", place + 1)
    return None


def _domain(text: str) -> str:
    """Return the longest prefix of a text that is a domain with a dot in it."""
    labels: list[str] = []
    for part in text.split("."):
        label = _LABEL.match(part)
        if not label:
            break
        labels.append(label.group())
        if label.group() != part:
            break
    while labels and len(labels[-1]) < 2:  # noqa: PLR2004 - no top-level domain has one letter
        labels.pop()
    if len(labels) > 1:
        return ".".join(labels)
    return ""


#: Regions tried, in this order, for a number without a country code: France and its overseas
#: numbering plans.
REGIONS = ("FR", "RE", "GP", "GF", "MQ", "PM", "NC", "PF", "WF")
#: Maximum length of a number.
LONGEST_NUMBER = 60
#: Maximum length of a text that is searched for a number.
LONGEST_TEXT = 200


def international(text: str) -> str:
    """Return a number in international format.

    Args:
        text: a number, with or without a country code, or a ``tel:`` URI.

    Raises:
        ValueError: it is not a telephone number.
    """
    return phonenumbers.format_number(_number(text), PhoneNumberFormat.INTERNATIONAL)


def first_number(text: str) -> str:
    """Return the first number in a text ("Tél. : 03 21 22 99 99 (standard)") in international
    format, or "".

    Args:
        text: text with one or more numbers; only its beginning is searched.
    """
    for region in REGIONS:
        for match in phonenumbers.PhoneNumberMatcher(text[:LONGEST_TEXT], region):
            return phonenumbers.format_number(match.number, PhoneNumberFormat.INTERNATIONAL)
    return ""


def telephone_uri(text: str) -> str:
    """Return the ``tel:`` URI of a number.

    Raises:
        ValueError: it is not a telephone number.
    """
    return phonenumbers.format_number(_number(text), PhoneNumberFormat.RFC3966)


def _number(text: str) -> PhoneNumber:
    if len(text) <= LONGEST_NUMBER:
        for region in REGIONS:
            try:
                number = phonenumbers.parse(text, region)
            except NumberParseException:
                continue
            if phonenumbers.is_valid_number(number):
                return number
    raise ValueError(text)


_SMALL_WORDS = frozenset(["de", "des", "du", "la", "le", "les", "l", "d", "et", "en"])


@dataclass(frozen=True)
class Makers:
    """Who made a dataset.

    Attributes:
        names: names of organisations, each once; empty if the dataset does not say who made it.
        others: those that are not the service that publishes the dataset.
        made_here: whether that service made the dataset, alone or with others.
    """

    names: tuple[str, ...]
    others: tuple[str, ...]
    made_here: bool


def makers_of(dataset: Mapping[str, Any]) -> Makers:
    """Return who made a dataset.

    Its creators did; else its publishers, if it was read from a catalogue; else the service that
    wrote it here. A dataset from a catalogue that names neither was made by somebody unknown.

    Args:
        dataset: the dataset, from `package_show` or `package_search`.
    """
    service = dataset.get("organization") or {}
    is_read = any(dataset.get(name) for name in fields.with_fact("harvested"))
    makers = _names(dataset, "creator")
    if is_read and not makers:
        makers = _names(dataset, "publisher")
    if not makers and not is_read:
        own = _service_title(service)
        return Makers(tuple(filter(None, [own])), (), True)
    others = tuple(name for name in makers if not _is_called(service, name))
    return Makers(tuple(makers), others, len(others) < len(makers))


def _names(dataset: Mapping[str, Any], field: str) -> list[str]:
    rows = dataset.get(field) or ()
    names = [str(row.get("name") or "").strip() for row in rows if isinstance(row, Mapping)]
    return list(dict.fromkeys(filter(None, names)))


def _service_title(service: Mapping[str, Any]) -> str:
    return str(service.get("title") or service.get("name") or "")


def _is_called(service: Mapping[str, Any], name: str) -> bool:
    """Tell whether a name has all words of one of the names of a service:
    "DDTM 80 (Direction…)" of "DDTM 80".
    """
    labels = [_service_title(service), *_registered(str(service.get("name") or ""))]
    words = _words(name)
    return any(
        _words(label) <= words or _joined(label) == _joined(name)
        for label in labels
        if _words(label)
    )


def _registered(service: str) -> list[str]:
    """Return the names of a service in the registry, also acronym and territory, and the long name
    without acronym.

    "DDT Ain" and "Direction départementale des territoires - Ain" are names of "DDT 01".
    """
    registered = voc.get("organisations").get(service)
    if registered is None:
        return []
    without_acronym = registered.data["long_label_fr"].replace(
        f"({registered.data['acronym']})", ""
    )
    labels = [registered.label_fr, *registered.alt_labels, without_acronym]
    territory = voc.get("territories").get(registered.data["territory"])
    if territory and registered.data["acronym"]:
        labels.append(f"{registered.data['acronym']} {territory.label_fr}")
    return labels


def _words(text: str) -> set[str]:
    return set(voc.normalise(text).split()) - _SMALL_WORDS


def _joined(text: str) -> str:
    return voc.normalise(text).replace(" ", "")
