"""Normalise field values that come from a form, the API or the database."""

from __future__ import annotations

import json
from typing import Any


def as_list(value: Any) -> list[Any]:
    """Return the values of a multiple field, given as a list, a JSON list or a single value."""
    if isinstance(value, str):
        if value.startswith("["):
            try:
                loaded = json.loads(value)
            except (ValueError, RecursionError):
                return [value]
            return loaded if isinstance(loaded, list) else [value]
        return [value]
    return list(value) if isinstance(value, (list, tuple, set)) else [value]


def as_object(value: Any) -> Any:
    """Parse a JSON object stored as text; return anything else unchanged."""
    if not isinstance(value, str) or not value.startswith("{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
