"""Values of a dataset as they come: from a form, from the API or out of the database."""

from __future__ import annotations

import json
from typing import Any


def as_list(value: Any) -> list[Any]:
    """Return the values of a field that holds several: a list, a JSON list, or one value."""
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
    """Return a value that is stored as JSON text of an object as that object; anything else as it is."""
    if not isinstance(value, str) or not value.startswith("{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
