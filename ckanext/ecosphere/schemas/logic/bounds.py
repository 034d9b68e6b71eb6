"""First validator of a dataset: limit the lengths of texts and lists, and clean texts.

It runs before the validators of single fields, so that they never process texts of unlimited length.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared import bounds, characters

FlatData = dict[tuple[Any, ...], Any]
Errors = dict[tuple[Any, ...], list[str]]


def ecosphere_bounds(key: Any, data: FlatData, errors: Errors, context: Any) -> None:
    """Clean the texts of a flattened dataset; refuse texts that are too long, and lists with too many values.

    Values that are too long are also truncated for the following validators; the error prevents saving.

    Raises:
        ValidationError: a list has too many rows. CKAN cannot report an error of a list beside those of its rows, which
            need not be validated either.
    """
    rows: dict[tuple[Any, ...], set[Any]] = defaultdict(set)
    for place in data:
        for depth in range(1, len(place), 2):
            rows[place[:depth]].add(place[depth])
    for place, found in rows.items():
        most = bounds.most(str(place[-1]))
        if len(found) > most:
            field, message = str(place[0]), tk._("Too many rows: {number} at most.").format(number=most)
            # CKAN expects errors of tags by their name.
            raise tk.ValidationError({field: [{"name": [message]}] if field == "tags" else [message]})
    for place, value in list(data.items()):
        if isinstance(value, (str, list, tuple)):
            data[place] = _bounded(place, value, errors)


def _bounded(place: tuple[Any, ...], value: Any, errors: Errors) -> Any:
    # The values of extras are under the key "value", so the general limits apply to them.
    field = str(place[-1])
    if isinstance(value, str):
        value = value if characters.is_clean(value) else characters.clean(value)
        if len(value) > bounds.longest(field):
            _tell(errors, place, tk._("Too long: {number} characters at most.").format(number=bounds.longest(field)))
            return value[: bounds.longest(field)]
        return value
    if len(value) > bounds.most(field):
        _tell(errors, place, tk._("Too many values: {number} at most.").format(number=bounds.most(field)))
        value = value[: bounds.most(field)]
    return [_bounded(place, each, errors) if isinstance(each, str) else each for each in value]


def _tell(errors: Errors, place: tuple[Any, ...], message: str) -> None:
    errors.setdefault(place, []).append(message)
