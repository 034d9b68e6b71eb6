"""Faster equivalents of functions of CKAN and ckanext-scheming that bulk imports call most.

CKAN's own are written for single datasets: they scan all keys of a dataset for each field stored as an extra, translate
error messages that are not shown, and parse the validators of a form again and again. `tests/test_pipeline_bulk.py`
compares the results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.navl import dictization_functions as navl
from ckan.logic import converters

Key = tuple[Any, ...]
_NEXT = "ecosphere_next_extra"
_PLACES = "ecosphere_places_of_extras"
_PART_OF_EXTRA = 3


def not_empty(key: Key, data: dict[Key, Any], errors: dict[Key, list[Any]], context: Any) -> None:
    """Like CKAN's `not_empty`, with an untranslated error: the caller only needs to know that there is one."""
    value = data.get(key)
    if value in [False, 0, 0.0]:  # a list, since values may be unhashable
        return
    if value is navl.missing or not value:
        errors[key].append("Missing value")
        raise navl.StopOnError


def convert_to_extras(key: Key, data: dict[Key, Any], errors: dict[Key, list[Any]], context: Any) -> None:
    """Like CKAN's `convert_to_extras`, remembering the number of the last extra instead of searching for it."""
    number = context.get(_NEXT)
    if number is None or ("extras", number, "key") in data:
        number = max((k[1] for k in data if len(k) > 1 and k[0] == "extras"), default=-1) + 1
    data["extras", number, "key"] = key[-1]
    data["extras", number, "value"] = converters.unicode_safe(data[key])
    context[_NEXT] = number + 1


def convert_from_extras(key: Key, data: dict[Key, Any], errors: dict[Key, list[Any]], context: Any) -> None:
    """Like CKAN's `convert_from_extras`, remembering the position of each extra instead of searching for it."""
    places = context.get(_PLACES)
    if places is None:
        places = context[_PLACES] = _places_of_extras(data)
    parts = places.pop(key[-1], ())
    if not parts or data.get(parts[0]) != key[-1]:
        return
    data[key] = data["extras", parts[0][1], "value"]
    for part in parts:
        data.pop(part, None)


def _places_of_extras(data: dict[Key, Any]) -> dict[Any, list[Key]]:
    """Return name of an extra → keys of its parts, its name first; of extras with the same name, the first."""
    numbered: dict[Any, list[Key]] = {}
    for k in data:
        if k[0] == "extras" and len(k) > 1:
            numbered.setdefault(k[1], []).append(k)
    found: dict[Any, list[Key]] = {}
    for number, parts in numbered.items():
        name = ("extras", number, "key")
        if name in data and isinstance(data[name], str):
            found.setdefault(data[name], [name, *(part for part in parts if part != name)])
    return found


def duplicate_extras_key(key: Key, data: dict[Key, Any], errors: dict[Key, list[Any]], context: Any) -> None:
    """Like CKAN's `duplicate_extras_key`, unflattening the dataset only if there is an error."""
    keys, numbers = [], set()
    for k, value in data.items():
        if k[0] == "extras" and len(k) > 1:
            numbers.add(k[1])
            if len(k) == _PART_OF_EXTRA and k[2] == "key":
                keys.append(value)
    if len(set(keys)) != len(keys) or len(numbers) != len(keys):
        _original("duplicate_extras_key")(key, data, errors, context)


def _original(name: str) -> Any:
    return tk.get_validator(name)


def replacements() -> dict[Any, Callable[..., Any]]:
    """Return CKAN's validator → its faster equivalent."""
    ours = (not_empty, convert_to_extras, convert_from_extras, duplicate_extras_key)
    return {_original(each.__name__): each for each in ours}


class Remembered:
    """Cache of a function of ckanext-scheming that builds the validators of a field, called once per field.

    Args:
        function: takes the field, the schema, and whether the field is stored as an extra.
    """

    def __init__(self, function: Callable[[Any, Any, bool], Any]):
        self._function = function
        # Keep a reference to the field: ids are unique only among living objects.
        self._known: dict[tuple[int, int, bool], tuple[Any, Any]] = {}

    def __call__(self, field: Any, schema: Any, is_extra: bool) -> Any:
        """Return the validators of a field."""
        key = (id(field), id(schema), is_extra)
        if key not in self._known:
            self._known[key] = ((field, schema), self._function(field, schema, is_extra))
        return self._known[key][1]
