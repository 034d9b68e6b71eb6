"""Validators of data requests.

Messages say what to do, without naming the field, which CKAN adds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.lib.navl.dictization_functions import missing

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests import attachments, config
from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.domain import people, states, text, wording
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.vocabularies import communes as registry

LONGEST_LINE = 300
LONGEST_TEXT = 20_000
LARGEST_NUMBER = 2**31 - 1
FIRST_YEAR, LAST_YEAR = 1900, 2999
LONGEST_SHOWN = 100
MOST_TEXTS, MOST_COMMUNES, MOST_IDS = 50, 500, 500
_COMMUNE = re.compile(r"^(\d[0-9AB]\d{3})\b", re.IGNORECASE)
_SIRET_LENGTH = 14
_BOX = 4


def _bounded(value: Any, most: int, clean: Callable[[str], str]) -> str:
    """Return the cleaned text, but refuse a text far above the limit before cleaning it."""
    written = "" if value is None else str(value)
    cleaned = clean(written) if len(written) <= 2 * most else written
    if len(cleaned) > most:
        raise tk.Invalid(_("Too long: {number} characters at most.").format(number=most))
    return cleaned


def _not_listed(value: Any) -> tk.Invalid:
    return tk.Invalid(
        _("“{value}” is not in the list: choose one of its entries.").format(value=shown(value))
    )


def one_line(value: Any) -> str:
    """Validate a text on one line, of 300 characters at most."""
    return _bounded(value, LONGEST_LINE, characters.one_line)


def ground(value: Any) -> str:
    """Validate the id of a ground of refusal."""
    written = one_line(value)
    if written and written not in (*law.grounds(), law.OTHER, law.PART_NOT_HELD):
        raise _not_listed(written)
    return written


def long_text(value: Any) -> str:
    """Validate a text of several lines with a limited number of links."""
    written = service_text(value)
    if text.links(written) > config.links():
        raise tk.Invalid(_("Too many links: {number} at most.").format(number=config.links()))
    return written


def report(value: Any) -> str:
    """Validate a report of what is wrong with a dataset."""
    written = long_text(value)
    if written and text.is_too_short(written):
        raise tk.Invalid(_(text.TOO_SHORT))
    return written


def service_text(value: Any) -> str:
    """Validate a text of several lines by a service, with any number of links."""
    return _bounded(value, LONGEST_TEXT, characters.clean)


def empty_trap(value: Any) -> str:
    """Refuse any value of a field that is invisible on the page,
    which only robots fill in (honeypot).
    """
    if value:
        raise tk.Invalid(_("This field must stay empty."))
    return ""


def concept_of(vocabulary: str) -> Callable[[Any], str]:
    """Return a validator of a concept given by URI, id or label, which converts it to its id."""

    def concept(value: Any) -> str:
        if not value:
            return ""
        term = voc.get(vocabulary).lookup(str(value))
        if term is None:
            raise _not_listed(value)
        return term.id

    return concept


def service(value: Any) -> str:
    """Validate an organisation given by name or id, and return its id."""
    group = people.active_service(value)
    if value and group is None:
        raise tk.Invalid(_("There is no such service."))
    return group.id if group else ""


def use(value: Any) -> str:
    """Validate the intended use of the data, which is optional."""
    if not value:
        return ""
    key = wording.find_use(str(value))
    if not key:
        raise _not_listed(value)
    return key


#: Texts accepted as true and false.
YES, NO = ("true", "t", "yes", "y", "on", "1"), ("false", "f", "no", "n", "off", "0", "")


def yes_or_no(value: Any) -> bool:
    """Validate a boolean and refuse other values: CKAN's validator reads them as false,
    making a note public.
    """
    if value is missing or value is None or isinstance(value, bool):
        return value is True
    written = str(value).strip().lower() if isinstance(value, str | int) else "?"
    if written not in (*YES, *NO):
        raise tk.Invalid(_("Say true or false."))
    return written in YES


def stored_number(value: Any) -> Any:
    """Validate an integer that the database can store."""
    if not isinstance(value, int):
        return value  # already reported: CKAN calls all validators even after an error
    if abs(value) > LARGEST_NUMBER:
        raise tk.Invalid(_("This number is too large."))
    return value


def not_negative(value: Any) -> Any:
    """Validate a number from 0 on.

    CKAN's `natural_number_validator` raises an error on other types.
    """
    if isinstance(value, int) and value < 0:
        raise tk.Invalid(_("Must be a natural number"))
    return value


def rows(value: Any) -> Any:
    """Limit a number of rows to CKAN's maximum for searches."""
    if isinstance(value, int):
        return min(value, tk.config["ckan.search.rows_max"])
    return value


def year(value: Any) -> Any:
    """Validate a year of requests."""
    if not isinstance(value, int):
        if value == "":
            return None
        return value
    if not FIRST_YEAR <= value <= LAST_YEAR:
        raise tk.Invalid(
            _("Give a year between {first} and {last}.").format(first=FIRST_YEAR, last=LAST_YEAR)
        )
    return value


def a_file(value: Any) -> Any:
    """Refuse text in place of an uploaded file."""
    if value and not hasattr(value, "filename"):
        raise tk.Invalid(_("Send the file as part of a form."))
    return value


def some_files(value: Any) -> list[Any]:
    """Convert uploaded files, or none, to a list; refuse text in their place."""
    return [a_file(file) for file in attachments.as_list(value) if file]


def a_day(value: Any) -> date | None:
    """Convert a date given as YYYY-MM-DD, None where it is empty."""
    if value:
        return day(value)
    return None


def day(value: Any) -> date:
    """Convert a date given as YYYY-MM-DD, which must not be empty."""
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise tk.Invalid(_("Write the date as year-month-day, for instance 2026-03-31.")) from None


def texts(value: Any) -> list[str]:
    """Convert a list of short texts, or a comma-separated text, of 50 items at most."""
    if isinstance(value, str):
        value = value.split(",", MOST_TEXTS + 1)
    _refuse_unless_list(value)
    lines = [one_line(item) for item in _few(value, MOST_TEXTS)]
    return list(dict.fromkeys(filter(None, lines)))


def states_of_requests(value: list[str]) -> list[str]:
    """Validate states of requests."""
    for state in value:
        if state not in states.STATES:
            raise _not_listed(state)
    return value


def _few(value: Sequence[Any] | None, most: int) -> list[Any]:
    if value and len(value) > most:
        raise tk.Invalid(_("Too many: {number} at most.").format(number=most))
    return list(value or ())


def communes(value: Any) -> list[dict[str, str]]:
    """Convert communes given as INSEE codes, with or without the name after it, or as dicts with
    `code` and `name`.

    Only the code counts; the name is replaced by the official one. Codes of merged communes are
    refused.
    """
    if isinstance(value, str):
        value = _json_or(value, [part for part in re.split(r"[;\n]", value) if part.strip()])
    _refuse_unless_list(value)
    by_code: dict[str, dict[str, str]] = {}
    for entry in _few(value, MOST_COMMUNES):
        if isinstance(entry, dict):
            written = f"{entry.get('code', '')} {entry.get('name', '')}"
        else:
            written = str(entry)
        match = _COMMUNE.match(characters.one_line(written))
        if not match:
            message = _("“{value}” has no INSEE code: five characters, for instance 42218.")
            raise tk.Invalid(message.format(value=shown(written)))
        commune = registry.of_code(match[1])
        if commune is None:
            message = _(
                "No commune of today has the INSEE code {code}. Check it, or give the code of the "
                "new commune."
            )
            raise tk.Invalid(message.format(code=match[1].upper()))
        by_code[commune.code] = {"code": commune.code, "name": commune.name}
    return list(by_code.values())


def box(value: Any) -> list[float] | None:
    """Convert a rectangle: west, south, east, north in degrees."""
    if value in (None, "", []):
        return None
    if isinstance(value, str):
        value = value[:LONGEST_LINE]
        value = _json_or(value, value.split(","))
    try:
        west, south, east, north = (float(side) for side in value)
    except (TypeError, ValueError):
        raise tk.Invalid(_("Give four numbers: west, south, east, north.")) from None
    longitudes = -180 <= west <= 180 and -180 <= east <= 180  # noqa: PLR2004
    latitudes = -90 <= south <= north <= 90  # noqa: PLR2004
    if not longitudes or not latitudes:
        raise tk.Invalid(_("The rectangle does not exist: south must be below north, in degrees."))
    return [west, south, east, north]


def siret(value: Any) -> str:
    """Validate a SIRET number: fourteen digits with a correct check digit; spaces are ignored."""
    digits = re.sub(r"\s", "", str(value or "")[:LONGEST_LINE])
    if not digits:
        return ""
    is_number = digits.isascii() and digits.isdigit()
    if len(digits) != _SIRET_LENGTH or not is_number or not _has_check_digit(digits):
        raise tk.Invalid(
            _("This is not a SIRET number: it has 14 digits, the last of which is a check digit.")
        )
    return digits


def _has_check_digit(digits: str) -> bool:
    """Verify the Luhn checksum.

    La Poste's branches (SIREN 356 000 000) may have a sum of digits divisible by 5.
    """
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(digits)]
    luhn = sum(number - 9 * (number > 9) for number in doubled) % 10 == 0  # noqa: PLR2004
    return luhn or (digits.startswith("356000000") and sum(map(int, digits)) % 5 == 0)


def json_list(value: Any) -> list[Any]:
    """Convert a list, or its JSON."""
    if isinstance(value, str):
        single = [value] if value else []
        value = _json_or(value, single)
    _refuse_unless_list(value)
    return _few(value, MOST_IDS)


def shown(value: Any) -> str:
    """Return a value shortened for a message."""
    written = characters.one_line(str(value)[:LONGEST_LINE])
    if len(written) <= LONGEST_SHOWN:
        return written
    return written[: LONGEST_SHOWN - 1] + "…"


def _refuse_unless_list(value: Any) -> None:
    if value is not None and not isinstance(value, list | tuple):
        raise tk.Invalid(_("Give a list here."))


def _json_or(value: str, otherwise: Any) -> Any:
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return otherwise
    if isinstance(parsed, list):
        return parsed
    return otherwise
