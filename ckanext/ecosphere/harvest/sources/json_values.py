"""Typed access to values of untrusted JSON documents: values of another type count as empty. Pure functions."""

from __future__ import annotations

from typing import Any

MAX_SIZE = 10**18
"""Maximum plausible size of a file, in bytes."""
_MEGABYTE = 1_000_000


def text(value: Any) -> str | None:
    """Return a text or a number as text; None for other or empty values."""
    return str(value) or None if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def day(value: Any) -> str:
    """Return the date of a timestamp, "" without one."""
    return (text(value) or "")[:10]


def object_(value: Any) -> dict[str, Any]:
    """Return an object, empty for other values."""
    return value if isinstance(value, dict) else {}


def list_(value: Any) -> list[Any]:
    """Return a list, empty for other values."""
    return value if isinstance(value, list) else []


def megabytes(value: Any) -> str | None:
    """Return a number of bytes as megabytes; None for other values."""
    return str(value / _MEGABYTE) if type(value) is int and 0 <= value < MAX_SIZE else None
