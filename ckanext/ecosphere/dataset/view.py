"""Read a dataset or a resource field by field, whatever its shape.

It may be shown (`package_show`), stored or validated (fields of the schema among the extras, lists
as JSON text), posted by a form (`contact-0-name`, `contact__0__name`), indexed, or flattened by
CKAN's validation (`View.of_flat`). Nothing raises on odd input: what cannot be read is absent.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

Row = Mapping[str, Any]
Values = dict[str, Any]
FlatData = Mapping[tuple[Any, ...], Any]
AnyRow = TypeVar("AnyRow", bound=Row)
AnyView = TypeVar("AnyView", bound="View")

EMPTY = (None, "", [])
ROW_DIGITS = 4
"""Digits of the number of a row in the name of an input."""
_KEY_OF_SUBFIELD = 3
"""Length of a flattened key: group, number of the row, subfield."""


def parse_json(value: Any) -> Any:
    """Return the list or object that a text holds as JSON, None for anything else."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def plain_text(value: Any) -> str:
    """Return a text or number as a text without blanks around it, "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return str(value).strip()


def filled(row: Row) -> Values:
    """Return the values of a row that are not empty."""
    return {name: value for name, value in row.items() if value not in EMPTY}


def has_rows(value: Any) -> bool:
    """Tell whether a value is a list that holds rows."""
    return isinstance(value, list) and any(isinstance(row, Mapping) for row in value)


def distinct_rows(rows: Iterable[AnyRow]) -> list[AnyRow]:
    """Return each of some rows once, in order."""
    distinct: list[AnyRow] = []
    for row in rows:
        if row not in distinct:
            distinct.append(row)
    return distinct


def flat_rows(data: FlatData, group: str) -> dict[int, Values]:
    """Return the rows of a group of a flattened dataset by their number, without empty values."""
    rows: dict[int, Values] = {}
    for key, value in data.items():
        if len(key) == _KEY_OF_SUBFIELD and key[0] == group and value not in EMPTY:
            rows.setdefault(key[1], {})[key[2]] = value
    return rows


class View:
    """A dataset or resource, read field by field.

    Attributes:
        values: value of each field as given; those of the extras unless the field itself has one.
        clean: function that returns a value as text, "" if it says nothing.
    """

    clean: Callable[[Any], str] = staticmethod(plain_text)

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.values = _extras(data.get("extras"))
        for name, value in data.items():
            if name == "extras" or not isinstance(name, str):
                continue
            if value not in EMPTY or name not in self.values:
                self.values[name] = value

    @classmethod
    def of_flat(cls: type[AnyView], data: FlatData) -> AnyView:
        """Return a view of a dataset flattened by CKAN's validation (`("contact", 0, "name")`).

        Extras are left out: at that stage they repeat the fields of the schema.
        """
        nested: dict[Any, Any] = {}
        for key, value in data.items():
            # Not `missing`, by which CKAN marks what was not given.
            is_value = isinstance(value, (str, int, float, list, tuple, dict))
            if is_value and value not in EMPTY and key[0] != "extras":
                _put(nested, key, value)
        return cls({name: _listed(value) for name, value in nested.items()})

    def text(self, field: str) -> str:
        """Return the text of a field, the first if it has several; "" if absent."""
        value = self.values.get(field)
        if isinstance(value, (list, tuple)):
            value = next(iter(value), "")
        return self.clean(value)

    def many(self, field: str) -> tuple[str, ...]:
        """Return the distinct texts of a field, in order."""
        value = self.values.get(field)
        parsed = parse_json(value)
        if isinstance(parsed, list):
            value = parsed
        elif not isinstance(value, (list, tuple)):
            value = [value]
        return self._distinct(value)

    def _distinct(self, values: Iterable[Any]) -> tuple[str, ...]:
        texts = filter(None, map(self.clean, values))
        return tuple(dict.fromkeys(texts))

    def texts(self, field: str) -> list[str]:
        """Return all texts of a field as given; of a group or object those of all its parts."""
        if field == "tag_string":
            return list(self.keywords)
        value = self.values.get(field)
        parsed = parse_json(value)
        return list(_leaves(value if parsed is None else parsed))

    def rows(self, field: str) -> tuple[Row, ...]:
        """Return the rows of a group that say something."""
        value = self.values.get(field)
        if isinstance(value, str):
            value = parse_json(value)
        if isinstance(value, Mapping):
            value = [value]
        if not isinstance(value, (list, tuple)):
            value = self._rows_of_form(field)
        return tuple(row for row in value if isinstance(row, Mapping) and self._says_something(row))

    def _rows_of_form(self, field: str) -> list[Row]:
        rows: dict[int, Values] = {}
        for mark in ("-", "__"):
            prefix = f"{field}{mark}"
            for name, value in self.values.items():
                if not name.startswith(prefix):
                    continue
                number, sign, subfield = name.removeprefix(prefix).partition(mark)
                if sign and number.isdecimal() and len(number) <= ROW_DIGITS:
                    rows.setdefault(int(number), {})[subfield] = value
        return [rows[number] for number in sorted(rows)]

    def _says_something(self, row: Row) -> bool:
        for value in row.values():
            if isinstance(value, (list, tuple, Mapping)):
                if value:
                    return True
            elif self.clean(value):
                return True
        return False

    @functools.cached_property
    def keywords(self) -> tuple[str, ...]:
        """The free tags, from the list of tags or else the comma-separated text of the form."""
        names: list[Any] = []
        tags = self.values.get("tags")
        if not isinstance(tags, (list, tuple)):
            tags = ()
        for tag in tags:
            if not isinstance(tag, Mapping):
                names.append(tag)
            elif not tag.get("vocabulary_id"):
                names.append(tag.get("name"))
        typed = self.values.get("tag_string")
        if not names and isinstance(typed, str):
            names = typed.split(",")
        return self._distinct(names)

    @functools.cached_property
    def resources(self: AnyView) -> tuple[AnyView, ...]:
        """The resources that are not deleted."""
        resources = self.values.get("resources")
        if not isinstance(resources, (list, tuple)):
            return ()
        return tuple(
            type(self)(resource)
            for resource in resources
            if isinstance(resource, Mapping)
            and resource.get("state") in (None, "", "active", "draft")
        )

    @property
    def title(self) -> str:
        """Title."""
        return self.text("title")

    @property
    def kind(self) -> str:
        """Last part of the URI of the resource type: dataset, series…; "" if not stated."""
        return self.text("dcat_type").rsplit("/", 1)[-1]

    @property
    def licence(self) -> str:
        """Id of the licence."""
        return self.text("license_id")

    @property
    def scale(self) -> str:
        """Denominator of the scale ("25000"); "" if not stated."""
        return self.text("scale_denominator")

    @property
    def access_right(self) -> str:
        """Code of the access right: PUBLIC, RESTRICTED…; "" if not stated."""
        return self.text("access_rights").rsplit("/", 1)[-1]

    @property
    def themes(self) -> tuple[str, ...]:
        """URIs of the themes."""
        return self.many("theme")

    @property
    def territories(self) -> tuple[str, ...]:
        """URIs of the territories."""
        return self.many("territory")

    @property
    def series(self) -> tuple[str, ...]:
        """References to the series that the dataset belongs to."""
        return self.many("in_series")


def _extras(extras: Any) -> Values:
    """Return extras as a dict, given as such or as a list of keys and values."""
    if isinstance(extras, Mapping):
        return dict(extras)
    values: Values = {}
    if not isinstance(extras, (list, tuple)):
        return values
    for extra in extras:
        if isinstance(extra, Mapping) and isinstance(extra.get("key"), str):
            values[extra["key"]] = extra.get("value")
    return values


def _put(nested: dict[Any, Any], key: tuple[Any, ...], value: Any) -> None:
    """Put a value of a flattened dataset in its place; a whole field wins over its parts."""
    place = nested
    for part in key[:-1]:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            return
    place[key[-1]] = value


def _listed(value: Any) -> Any:
    """Return a value with lists in place of what has rows by number."""
    if not isinstance(value, dict):
        return value
    if all(isinstance(key, int) for key in value):
        return [_listed(value[number]) for number in sorted(value)]
    return {name: _listed(part) for name, part in value.items()}


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _leaves(part)
    elif isinstance(value, (str, int, float)) and value != "" and not isinstance(value, bool):
        yield str(value)


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
