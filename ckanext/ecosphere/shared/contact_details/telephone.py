"""Telephone numbers, as people write them and as records exchange them. Pure, no CKAN.

Numbers are kept in international form (ITU-T E.123: ``+33 4 74 45 62 37``); RDF wants them as ``tel:`` URIs (RFC 3966).
The plans of the overseas départements are told apart by `phonenumbers`, which has the rules of every country.
"""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

#: Where a number without its country is looked for, in this order: France and its overseas numbering plans.
REGIONS = ("FR", "RE", "GP", "GF", "MQ", "PM", "NC", "PF", "WF")
#: Longest text that is looked at.
LONGEST = 60
#: Longest text in which a number is looked for.
LONGEST_TEXT = 200


def normalise(text: str) -> str:
    """Return a number in international form.

    Args:
        text: a number, with or without its country, or a ``tel:`` URI.

    Raises:
        ValueError: it is no telephone number.
    """
    return phonenumbers.format_number(_read(text), PhoneNumberFormat.INTERNATIONAL)


def first_in(text: str) -> str:
    """Return the first number of a text in international form, empty without one: "Tél. : 03 21 22 99 99 (standard)".

    Args:
        text: some words with a number, or several numbers; only its beginning is looked at.
    """
    for region in REGIONS:
        for found in phonenumbers.PhoneNumberMatcher(text[:LONGEST_TEXT], region):
            return phonenumbers.format_number(found.number, PhoneNumberFormat.INTERNATIONAL)
    return ""


def uri(text: str) -> str:
    """Return the ``tel:`` URI of a number.

    Raises:
        ValueError: it is no telephone number.
    """
    return phonenumbers.format_number(_read(text), PhoneNumberFormat.RFC3966)


def _read(text: str) -> PhoneNumber:
    if len(text) <= LONGEST:
        for region in REGIONS:
            try:
                number = phonenumbers.parse(text, region)
            except NumberParseException:
                continue
            if phonenumbers.is_valid_number(number):
                return number
    raise ValueError(text)
