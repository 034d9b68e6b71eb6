"""Parse and format telephone numbers. Pure, no CKAN.

Numbers are stored in international format (ITU-T E.123: ``+33 4 74 45 62 37``); RDF uses ``tel:`` URIs (RFC 3966). The
library `phonenumbers`, which has the rules of every country, distinguishes the numbering plans of the overseas
départements.
"""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

#: Regions tried, in this order, for a number without a country code: France and its overseas numbering plans.
REGIONS = ("FR", "RE", "GP", "GF", "MQ", "PM", "NC", "PF", "WF")
#: Maximum length of a number.
LONGEST = 60
#: Maximum length of a text that is searched for a number.
LONGEST_TEXT = 200


def normalise(text: str) -> str:
    """Return a number in international format.

    Args:
        text: a number, with or without a country code, or a ``tel:`` URI.

    Raises:
        ValueError: it is not a telephone number.
    """
    return phonenumbers.format_number(_read(text), PhoneNumberFormat.INTERNATIONAL)


def first_in(text: str) -> str:
    """Return the first number in a text ("Tél. : 03 21 22 99 99 (standard)") in international format, or "".

    Args:
        text: text with one or more numbers; only its beginning is searched.
    """
    for region in REGIONS:
        for found in phonenumbers.PhoneNumberMatcher(text[:LONGEST_TEXT], region):
            return phonenumbers.format_number(found.number, PhoneNumberFormat.INTERNATIONAL)
    return ""


def uri(text: str) -> str:
    """Return the ``tel:`` URI of a number.

    Raises:
        ValueError: it is not a telephone number.
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
