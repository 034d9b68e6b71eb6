"""Typed access to values of untrusted JSON documents: values of another type count as empty. Pure functions."""

from __future__ import annotations

from typing import Any

MAX_SIZE = 10**18
"""Bytes of a file; no figure that means anything is larger."""
_MEGABYTE = 1_000_000


def text(value: Any) -> str | None:
    """Return a text or a number as text; None for whatever is neither, or empty."""
    return str(value) or None if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def day(value: Any) -> str:
    """Return the day of a moment, "" when there is none."""
    return (text(value) or "")[:10]


def object_(value: Any) -> dict[str, Any]:
    """Return an object."""
    return value if isinstance(value, dict) else {}


def list_(value: Any) -> list[Any]:
    """Return a list."""
    return value if isinstance(value, list) else []


def megabytes(value: Any) -> str | None:
    """Return a number of bytes as megabytes; None for what is none."""
    return str(value / _MEGABYTE) if type(value) is int and 0 <= value < MAX_SIZE else None
