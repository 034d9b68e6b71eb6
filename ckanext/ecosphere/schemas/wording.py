"""Template helpers that format stored values in the language of the page: dates, boxes, numbers,
places.
"""

from __future__ import annotations

import json
from typing import Any

from ckan.common import _

from ckanext.ecosphere.dataset.dates import precision, span
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.schemas import places
from ckanext.ecosphere.shared import contact_details, language
from ckanext.ecosphere.shared import dates as moments

_PATTERNS = {"year": "y", "month": "MMMM y", "day": "long"}


def ecosphere_date_text(value: Any) -> str:
    """Return a stored date in the language of the page: "31 mars 2024", "mars 2024", "2024"."""
    text = str(value)
    try:
        day = span(text)[0]
    except ValueError:
        return text
    pattern = _PATTERNS[precision(text)]
    return moments.in_language(day, _locale(), pattern)


def ecosphere_period_text(period: Row) -> str:
    """Return a period, possibly open, in words: "du 1er mars 2019 au 2 juin 2023",
    "depuis 2019".
    """
    start, end = period.get("start"), period.get("end")
    if start and start == end:
        return ecosphere_date_text(start)
    if not (start or end):
        return ""
    exact = all(precision(str(date)) == "day" for date in (start, end) if date)
    if start and end:
        texts = _("from {start} to {end}"), _("between {start} and {end}")
    elif start:
        texts = _("since {start}"), _("from {start} on")
    else:
        texts = _("until {end}"), _("up to {end}")
    text = texts[0] if exact else texts[1]
    return text.format(start=ecosphere_date_text(start), end=ecosphere_date_text(end))


def ecosphere_moment_text(value: Any) -> str:
    """Return the day of a CKAN timestamp (``metadata_modified``) in words."""
    return moments.day(str(value)) or str(value)


def ecosphere_time_text(value: Any) -> str:
    """Return the day and time of a timestamp in words."""
    return moments.moment(str(value)) or str(value)


def _locale() -> str:
    return moments.locale(language.current())


def ecosphere_box_text(value: Any) -> str:
    """Return a box stored as GeoJSON in the form's notation, "west, south, east, north".

    Anything else unchanged.
    """
    try:
        geometry = places.parse_box(value)
    except places.GeometryError:
        if isinstance(value, str):
            return value
        return json.dumps(value)
    sides = places.sides(geometry)
    if sides is None:
        return json.dumps(geometry)
    return ", ".join(map(_side_text, sides))


def _side_text(side: float) -> str:
    if abs(side) < 1:
        return f"{side:g}"
    return f"{round(side, 6)}"


def ecosphere_extent_text(value: Any) -> str:
    """Return a box in words: "longitude 4,72° à 6,18°, latitude 45,61° à 46,52°".

    For other shapes, their box.
    """
    from babel.numbers import format_decimal

    try:
        geometry = places.parse_box(value)
    except places.GeometryError:
        return str(value)
    sides = places.sides(geometry) or places.geometry_to_box(geometry)
    west, south, east, north = (format_decimal(side, "0.####", locale=_locale()) for side in sides)
    words = _("longitude {west}° to {east}°, latitude {south}° to {north}°")
    return words.format(west=west, south=south, east=east, north=north)


def ecosphere_number_text(value: Any) -> str:
    """Return a number formatted for the language of the page: "25 000"."""
    from babel.numbers import format_decimal

    try:
        return format_decimal(float(value), locale=_locale())
    except (TypeError, ValueError, OverflowError):
        return str(value)


def ecosphere_place_level(uri: str) -> str:
    """Return the level of a territory and its INSEE code: "département 01"; empty when unknown."""
    level, code = places.level(uri)
    names = {
        "commune": _("commune"),
        "departement": _("département"),
        "region": _("région"),
        "outre-mer": _("overseas territory"),
        "pays": _("country"),
        "zone-maritime": _("maritime zone"),
    }
    return f"{names.get(level, '')} {code}".strip()


def ecosphere_telephone_uri(number: str) -> str:
    """Return the ``tel:`` URI of a telephone number, empty for an invalid one."""
    try:
        return contact_details.telephone_uri(str(number))
    except ValueError:
        return ""
