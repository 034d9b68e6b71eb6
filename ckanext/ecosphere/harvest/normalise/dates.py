"""Rules for dates and periods; parse the spellings found in records to a day, month or year in ISO form."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict

from ckanext.ecosphere.dataset.dates import Duration, end_of, parse_duration, start_of
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.tables import by_label, is_placeholder, plain
from ckanext.ecosphere.harvest.record import Period

_ISO = re.compile(
    r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?![\d])(?:[T ].*|Z|[+-]\d\d:\d\d|(?<=-\d\d)[+-]\d{4})?", re.DOTALL
)
_YEAR_FIRST = re.compile(r"(\d{4})[/. ](\d{1,2})[/. ](\d{1,2})(?:[T ].*)?", re.DOTALL)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T?\d{2,6})?")
_FRENCH = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[T ].*)?", re.DOTALL)
_MONTH_YEAR = re.compile(r"(\d{1,2})[/-](\d{4})")
_IN_WORDS = re.compile(r"(?:(\d{1,2})(?:er)? )?([a-z]+) (\d{4})")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("janvier", "january", "janv", "jan"),
            ("fevrier", "february", "fevr", "feb"),
            ("mars", "march", "mar"),
            ("avril", "april", "avr", "apr"),
            ("mai", "may"),
            ("juin", "june"),
            ("juillet", "july", "juil"),
            ("aout", "august", "aug"),
            ("septembre", "september", "sept", "sep"),
            ("octobre", "october", "oct"),
            ("novembre", "november", "nov"),
            ("decembre", "december", "dec"),
        ),
        start=1,
    )
    for name in names
}
_FIRST_YEAR, _LAST_YEAR = 1000, 2200

DATE_FIELDS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("created", ("creation",), False),
    ("issued", ("publication", "released", "available", "distribution"), False),
    ("modified", ("revision", "lastRevision", "lastUpdate"), True),
    ("next_update", ("nextUpdate",), True),
)
"""Dataset field, ISO date types that fill it, and whether the last date is taken (else the first)."""
_STAND_INS = {"issued": "validitybegins"}
"""Dataset field → date type used when its own types are missing."""
_NEXT = {"nextupdate", ""}
"""Maintenance date types of the next update; in the older standard, its date has no type."""
_KINDS = {kind.lower() for _field, kinds, _last in DATE_FIELDS for kind in kinds} | set(_STAND_INS.values())
_DONE = _KINDS - _NEXT
"""Date types of past events."""
_DAYS_AHEAD = 366
"""Maximum number of days from today for a planned publication date."""
MAX_PERIODS = 20


def parse_date(value: str | None) -> str | None:
    """Return a date as ``YYYY-MM-DD``, ``YYYY-MM`` or ``YYYY``; None if it is not one.

    Times of day are dropped. Dates that do not exist (30 February) are rejected.
    """
    text = (value or "").strip()
    if match := _YEAR_FIRST.fullmatch(text) or _ISO.fullmatch(text) or _COMPACT.fullmatch(text):
        return _assemble(*match.groups()[:3])
    if match := _FRENCH.fullmatch(text):
        day, month, year = match.groups()
        return _assemble(year, month, day)
    if match := _MONTH_YEAR.fullmatch(text):
        return _assemble(match.group(2), match.group(1), None)
    if match := _IN_WORDS.fullmatch(plain(text[:60])):
        day, name, year = match.groups()
        return _assemble(year, str(_MONTHS[name]), day) if name in _MONTHS else None
    return None


def _assemble(year: str, month: str | None, day: str | None) -> str | None:
    if not _FIRST_YEAR <= int(year) <= _LAST_YEAR:
        return None
    try:
        if not month:
            return str(int(year))  # normalises full-width digits
        if not day:
            dt.date(int(year), int(month), 1)
            return f"{int(year)}-{int(month):02d}"
        return dt.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def parsed(draft: Draft, field: str, value: str | None, latest: str | None = None) -> str | None:
    """Return a date; log a changed spelling, report an unreadable date or one later than `latest`."""
    if not value or is_placeholder(value):
        return None
    date = parse_date(value)
    if date is None or (latest and date > latest):
        draft.problem("date", field=field, value=value)
        return None
    if not value.startswith(date):
        draft.change(field, value, date)
    return date


def _in_a_year() -> str:
    """Return the date a year from today: later creation, publication or revision dates are errors or placeholders."""
    return (dt.datetime.now(dt.timezone.utc).date() + dt.timedelta(days=_DAYS_AHEAD)).isoformat()


def _kind(written: str) -> str:
    """Return the lower-case code of a date type, written as a code or in words ("Création")."""
    words = plain(written[:60])
    listed = by_label("date-types", "type", "labels").get(words, words).lower()
    return listed if listed in _KINDS else written.lower()


def dates(draft: Draft) -> None:
    """Sort the dates of the resource into created, issued and modified; report those too far in the future."""
    by_type: dict[str, list[str]] = defaultdict(list)
    latest = _in_a_year()
    for dated in draft.record.dates:
        kind = _kind(dated.type or "")
        date = parsed(draft, dated.type or "date", dated.value, latest if kind in _DONE else None)
        if date:
            by_type[kind].append(date)
    _of_maintenance(draft, by_type)
    for field, types, last in DATE_FIELDS:
        found = sorted(date for kind in types for date in by_type.pop(kind.lower(), []))
        if not found and field in _STAND_INS:
            found = sorted(by_type.pop(_STAND_INS[field], []))
        if found:
            draft.set(field, found[-1] if last else found[0])
            if len(set(found)) > 1:
                draft.change(field, found, draft.dataset[field])
    for kind, values in by_type.items():
        draft.lost(f"date:{kind or 'unknown'}", values)


def _of_maintenance(draft: Draft, by_type: dict[str, list[str]]) -> None:
    """Sort maintenance dates: next update, a future revision, or past events."""
    today = dt.datetime.now(dt.timezone.utc).date().isoformat()
    for dated in draft.record.maintenance_dates:
        kind = _kind(dated.type or "")
        date = parsed(draft, dated.type or "maintenanceDate", dated.value)
        if date:
            is_next = kind in _NEXT or (kind in _DONE and date > today)
            by_type["nextupdate" if is_next else kind].append(date)


def metadata_date(draft: Draft) -> None:
    """Keep the date of the record itself."""
    date = parsed(draft, "dateStamp", draft.record.metadata_date, _in_a_year())
    if date:
        draft.set("metadata_date", date)


def periods(draft: Draft) -> None:
    """Keep every period, half-open ones too; swap the ends of those that end before they start.

    A start "before" or an end "after" some day is open, and the day is noted. A missing end is computed from the
    duration.
    """
    kept: list[dict[str, str]] = []
    for period in draft.record.periods:
        start = _position(draft, "begin", period.start, period.start_position, "before")
        end = _position(draft, "end", period.end, period.end_position, "after")
        if start and end and end < start[: len(end)]:
            draft.change("temporal_coverage", f"{start}/{end}", f"{end}/{start}")
            start, end = end, start
        if period.duration:
            start, end = _filled(draft, period, start, end)
        item = {key: date for key, date in (("start", start), ("end", end)) if date}
        if item and item not in kept:
            kept.append(item)
    if len(kept) > MAX_PERIODS:
        draft.too_many("temporalElement", len(kept), MAX_PERIODS)
        draft.lost("temporalElement", kept[MAX_PERIODS:])
    draft.set("temporal_coverage", kept[:MAX_PERIODS])


def _position(draft: Draft, side: str, value: str | None, position: str | None, beyond: str) -> str | None:
    """Return an end of a period; None where it is open, that is ongoing or `beyond` the given day."""
    date, word = parsed(draft, "temporalElement", value), (position or "").strip().lower()
    if word == "now" and side == "end":
        return None
    if date and word in ("before", "after"):
        draft.lost(f"temporalElement/{side}Position", f"{word} {date}")
    return None if word == beyond else date


def _filled(draft: Draft, period: Period, start: str | None, end: str | None) -> tuple[str | None, str | None]:
    """Return the ends of a period, computing one from the other and the duration; else note the duration."""
    text = (period.duration or "").strip().upper()
    duration = parse_duration(text) or Duration()
    is_open = any(word for word in (period.start_position, period.end_position))
    if start and not end and not is_open and (computed := end_of(start, duration)):
        draft.change("temporal_coverage", f"{start}/{text}", f"{start}/{computed}")
        return start, computed
    if end and not start and not is_open and (computed := start_of(end, duration)):
        draft.change("temporal_coverage", f"{text}/{end}", f"{computed}/{end}")
        return computed, end
    if not (start and end):
        draft.lost("temporalElement/duration", period.duration or "")
    return start, end
