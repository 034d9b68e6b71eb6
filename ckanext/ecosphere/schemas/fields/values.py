"""Normalise field values that come from a form, the API or the database."""

from __future__ import annotations

from typing import Any

from ckanext.ecosphere.dataset.view import parse_json


def as_list(value: Any) -> list[Any]:
    """Return the values of a multiple field, given as a list, a JSON list or a single value."""
    parsed = parse_json(value)
    if isinstance(parsed, list):
        return parsed
    if isinstance(value, (list, tuple, set)):
        return list(value)
    return [value]


def as_object(value: Any) -> Any:
    """Parse a JSON object stored as text; return anything else unchanged."""
    parsed = parse_json(value)
    if isinstance(parsed, dict):
        return parsed
    return value
