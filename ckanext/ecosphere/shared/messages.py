"""Gettext markers for messages that are defined in one place and translated in another. Pure, no CKAN."""

from __future__ import annotations

from collections.abc import Callable


def N_(message: str) -> str:
    """Mark a message for extraction; the code that shows it translates it."""
    return message


STEP = 1024
#: Above bytes, the smallest first.
UNITS = (N_("kB"), N_("MB"), N_("GB"))


def size(number: int, translate: Callable[[str], str] = str) -> str:
    """Say a bound or a size in a sentence, rounded up: "32 MB" ("32 Mo" in French).

    Args:
        number: of bytes.
        translate: gives the text of a message in the reader's language.
    """
    unit = N_("bytes")
    for larger in UNITS:
        if number < STEP:
            break
        number, unit = -(-number // STEP), larger
    return f"{number}\u00a0{translate(unit)}"
