"""Typed access to values of untrusted JSON objects: values of another type count as empty. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record

Object = dict[str, Any]

MAX_NOTE = 2_000
"""Maximum characters of a value without a place, in notes."""
MAX_SIZE = 10**18
"""Maximum plausible size of a file, in bytes."""
_MEGABYTE = 1_000_000


def read_record(content: str, read: Callable[[Any], Record], code: str) -> Record:
    """Read a stored record.

    Args:
        content: the record, in JSON.
        read: reads the parsed record.
        code: code of the error if it is not valid.

    Raises:
        RecordError: it is not valid.
    """
    try:
        return read(json.loads(content))
    except (
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise RecordError(code) from error


def text_of(value: Any) -> str | None:
    """Return a text or a number as text; None for other or empty values."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value) or None


def text_in(values: Object, name: str) -> str | None:
    """Return a text or a number as text; None for other or empty values."""
    return text_of(values.get(name))


def day_in(values: Object, name: str) -> str:
    """Return the date of a timestamp, "" without one."""
    return (text_in(values, name) or "")[:10]


def object_in(values: Object, name: str) -> Object:
    """Return an object, empty for other values."""
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def list_in(values: Object, name: str) -> list[Any]:
    """Return a list, empty for other values."""
    value = values.get(name)
    return value if isinstance(value, list) else []


def texts_in(values: Object, name: str) -> list[str]:
    """Return the texts and numbers of a list as texts."""
    return [text for text in map(text_of, list_in(values, name)) if text]


def objects_in(values: Object, name: str) -> list[Object]:
    """Return the objects of a list."""
    return [item for item in list_in(values, name) if isinstance(item, dict)]


def megabytes_in(values: Object, name: str) -> str | None:
    """Return a number of bytes as megabytes; None for other values."""
    value = values.get(name)
    if type(value) is int and 0 <= value < MAX_SIZE:
        return str(value / _MEGABYTE)
    return None


def noted(text: str) -> str:
    """Return a text on one line, short enough for a note."""
    return " ".join(text.split())[:MAX_NOTE]
