"""Read a dataset dict of any shape: validated, shown, stored as extras, or posted by a form.

Lists may be lists, JSON text, or a single bare value; repeating subfields may be lists of dicts, JSON text, or
flattened (`contact-0-name`, `contact__0__name`). Nothing here raises on odd input: unreadable values count as absent.
"""

from __future__ import annotations

import calendar
import functools
import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ckanext.ecosphere.shared import characters

DATA = Path(__file__).parents[1] / "data"

_TAG = re.compile(r"<[^>]{0,1000}>")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_DATE = re.compile(r"(\d{4})(?:-?(\d{2})(?:-?(\d{2}))?)?")
ROW_DIGITS = 4  # digits of a row number


@functools.cache
def table(name: str) -> dict[str, Any]:
    """Return the data file `name` (without `.yaml`) of this room."""
    return yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8"))


def fold(value: str) -> str:
    """Return `value` without accents, case and punctuation, words separated by one space."""
    return _NOT_WORD.sub(" ", characters.without_accents(value.casefold())).strip()


LONGEST_PLACEHOLDER = 30


@functools.cache
def _placeholders() -> frozenset[str]:
    return frozenset(table("placeholders")["placeholders"])


@functools.lru_cache(maxsize=16384)
def _only_fills(text: str) -> bool:
    return fold(text) in _placeholders()


def clean(value: Any) -> str:
    """Return `value` as one line of text without mark-up; "" if it is not a text or only a placeholder."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    text = value if isinstance(value, str) else str(value)
    if "<" in text:
        text = _TAG.sub(" ", text)
    text = " ".join(text.split())
    return "" if len(text) < LONGEST_PLACEHOLDER and _only_fills(text) else text


def parse_json(value: str) -> Any:
    """Return the list or dict written as JSON in `value`, else None."""
    if value[:1] not in "[{":
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def parse_date(value: Any) -> date | None:
    """Return the first day of the ISO date, date-time, year-month or year in `value`, else None."""
    match = _DATE.match(value.strip()) if isinstance(value, str) else None
    if not match:
        return None
    year, month, day = match.groups()
    try:
        return date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None


def parse_date_end(value: Any) -> date | None:
    """Return the last day of the ISO date, year-month or year in `value`, else None.

    For instance, a period that ends in 2020 lasts until its December.
    """
    start = parse_date(value)
    match = _DATE.match(value.strip()) if isinstance(value, str) else None
    if not start or not match or match.group(3):
        return start
    if match.group(2):
        return start.replace(day=calendar.monthrange(start.year, start.month)[1])
    return date(start.year, 12, 31)


class Record:
    """A dataset or resource dict, read field by field."""

    def __init__(self, data: Mapping[str, Any]):
        extras = data.get("extras")
        self.values: dict[str, Any] = {}
        if isinstance(extras, Mapping):
            self.values.update(extras)
        elif isinstance(extras, (list, tuple)):
            for extra in extras:
                if isinstance(extra, Mapping) and isinstance(extra.get("key"), str):
                    self.values[extra["key"]] = extra.get("value")
        for key, value in data.items():
            if key != "extras" and isinstance(key, str) and (value not in (None, "", []) or key not in self.values):
                self.values[key] = value

    def text(self, field: str) -> str:
        """Return the text of `field` (the first of several), "" if absent."""
        value = self.values.get(field)
        if isinstance(value, (list, tuple)):
            value = value[0] if value else ""
        return clean(value)

    def many(self, field: str) -> tuple[str, ...]:
        """Return the distinct texts of `field`, in order."""
        value = self.values.get(field)
        if isinstance(value, str):
            parsed = parse_json(value.strip())
            value = parsed if isinstance(parsed, list) else [value]
        elif not isinstance(value, (list, tuple)):
            value = [] if value is None else [value]
        return tuple(dict.fromkeys(filter(None, map(clean, value))))

    def rows(self, field: str) -> tuple[Mapping[str, Any], ...]:
        """Return the non-empty rows of the repeating subfield `field`."""
        value = self.values.get(field)
        if isinstance(value, str):
            value = parse_json(value.strip())
        if isinstance(value, Mapping):
            value = [value]
        if not isinstance(value, (list, tuple)):
            value = self._flattened(field)
        return tuple(row for row in value if isinstance(row, Mapping) and any(_filled(v) for v in row.values()))

    def _flattened(self, field: str) -> list[dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for mark in ("-", "__"):
            prefix = f"{field}{mark}"
            for key, value in self.values.items():
                number, parted, name = (
                    key.removeprefix(prefix).partition(mark) if key.startswith(prefix) else ("", "", "")
                )
                if parted and number.isdecimal() and len(number) <= ROW_DIGITS:
                    found.setdefault(int(number), {})[name] = value
        return [found[i] for i in sorted(found)]

    def keywords(self) -> tuple[str, ...]:
        """Return the free tags, from the list of tags or the form's comma-separated text."""
        tags = self.values.get("tags")
        names: Iterable[Any] = ()
        if isinstance(tags, (list, tuple)):
            free = (tag for tag in tags if not (isinstance(tag, Mapping) and tag.get("vocabulary_id")))
            names = [tag.get("name") if isinstance(tag, Mapping) else tag for tag in free]
        if not names and isinstance(self.values.get("tag_string"), str):
            names = self.values["tag_string"].split(",")
        return tuple(dict.fromkeys(filter(None, map(clean, names))))

    def resources(self) -> tuple[Record, ...]:
        """Return the resources that are not deleted."""
        listed = self.values.get("resources")
        if not isinstance(listed, (list, tuple)):
            return ()
        return tuple(
            Record(each)
            for each in listed
            if isinstance(each, Mapping) and each.get("state") in (None, "", "active", "draft")
        )


def _filled(value: Any) -> bool:
    if isinstance(value, (list, tuple, Mapping)):
        return bool(value)
    return bool(clean(value))
