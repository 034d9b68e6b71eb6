"""Rules for dates, periods and the frequency of updates."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.dates import (
    DAYS_OF_UNITS,
    Duration,
    end_of,
    parse_date,
    parse_duration,
    start_of,
)
from ckanext.ecosphere.harvest.normalise.draft import (
    Draft,
    by_label,
    is_placeholder,
    parts,
    plain,
    rows,
)
from ckanext.ecosphere.harvest.record import Period

DATE_FIELDS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("created", ("creation",), False),
    ("issued", ("publication", "released", "available", "distribution"), False),
    ("modified", ("revision", "lastrevision", "lastupdate"), True),
    ("next_update", ("nextupdate",), True),
)
"""Dataset field, ISO date types (lower case) that fill it, and whether the last date is taken."""
_STAND_INS = {"issued": "validitybegins"}
"""Dataset field → date type used when its own types are missing."""
_NEXT = {"nextupdate", ""}
"""Maintenance date types of the next update; in the older standard, its date has no type."""
_KINDS = set(_STAND_INS.values()).union(*(kinds for _field, kinds, _last in DATE_FIELDS))
_PAST = _KINDS - _NEXT
"""Date types of past events."""
_DAYS_AHEAD = 366
"""Maximum number of days from today for a planned publication date."""
MAX_PERIODS = 20
_LONGEST = 100
"""Maximum characters of a frequency in words."""
_EVERY = re.compile(r"(?:tous|toutes|every)(?: les)?(?: ([a-z]{2,10}|\d{1,3}))? ([a-z]{2,10})")
_TIMES = re.compile(r"([a-z]{2,10}|\d{1,3}) (?:fois|times) (?:par|l|a|per) ([a-z]{2,10})")
_UNKNOWN, _OTHER = "UNKNOWN", "OTHER"  # codes of the EU frequency table


# --- dates -----------------------------------------------------------------------------------


def parsed(draft: Draft, field: str, value: str | None, latest: str = "9999") -> str | None:
    """Return a date; log a changed spelling, report an unreadable date or one after `latest`."""
    if not value or is_placeholder(value):
        return None
    date = parse_date(value)
    if date is None or date > latest:
        draft.problem("date", field=field, value=value)
        return None
    if not value.startswith(date):
        draft.change(field, value, date)
    return date


def _in_days(number: int) -> str:
    """Return the date some days from today."""
    day = dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=number)
    return day.date().isoformat()


def _kind(date_type: str) -> str:
    """Return the lower-case code of a date type, written as a code or in words ("Création")."""
    words = plain(date_type[:60])
    code = by_label("date-types", "type", "labels").get(words, words).lower()
    if code in _KINDS:
        return code
    return date_type.lower()


def dates(draft: Draft) -> None:
    """Sort the dates of the resource into the fields of `DATE_FIELDS`; note those of other types.

    Dates of past events that are too far in the future are errors or placeholders, and reported.
    """
    by_type: dict[str, list[str]] = defaultdict(list)
    for dated in draft.record.dates:
        kind = _kind(dated.type or "")
        latest = "9999"
        if kind in _PAST:
            latest = _in_days(_DAYS_AHEAD)
        date = parsed(draft, dated.type or "date", dated.value, latest)
        if date:
            by_type[kind].append(date)
    _sort_maintenance_dates(draft, by_type)
    for field, kinds, is_last in DATE_FIELDS:
        candidates: list[str] = []
        for kind in kinds:
            candidates += by_type.pop(kind, [])
        if not candidates and field in _STAND_INS:
            candidates = by_type.pop(_STAND_INS[field], [])
        if candidates:
            candidates.sort()
            draft.set(field, candidates[-1 if is_last else 0])
            if len(set(candidates)) > 1:
                draft.change(field, candidates, draft.dataset[field])
    for kind, values in by_type.items():
        draft.lost(f"date:{kind or 'unknown'}", values)


def _sort_maintenance_dates(draft: Draft, by_type: dict[str, list[str]]) -> None:
    """Sort maintenance dates: next update, a future revision, or past events."""
    for dated in draft.record.maintenance_dates:
        kind = _kind(dated.type or "")
        date = parsed(draft, dated.type or "maintenanceDate", dated.value)
        if date and (kind in _NEXT or (kind in _PAST and date > _in_days(0))):
            by_type["nextupdate"].append(date)
        elif date:
            by_type[kind].append(date)


def metadata_date(draft: Draft) -> None:
    """Keep the date of the record itself."""
    date = parsed(draft, "dateStamp", draft.record.metadata_date, _in_days(_DAYS_AHEAD))
    if date:
        draft.set("metadata_date", date)


# --- periods ---------------------------------------------------------------------------------


def periods(draft: Draft) -> None:
    """Keep every period, half-open ones too; swap the ends of those that end before they start.

    A start "before" or an end "after" some day is open, and the day is noted. A missing end is
    computed from the duration.
    """
    rows_of_periods: list[dict[str, str]] = []
    for period in draft.record.periods:
        start = _end(draft, "begin", period.start, period.start_position)
        end = _end(draft, "end", period.end, period.end_position)
        if start and end and end < start[: len(end)]:
            draft.change("temporal_coverage", f"{start}/{end}", f"{end}/{start}")
            start, end = end, start
        if period.duration:
            start, end = _completed(draft, period, start, end)
        row = {name: date for name, date in (("start", start), ("end", end)) if date}
        if row and row not in rows_of_periods:
            rows_of_periods.append(row)
    draft.with_room("temporalElement", rows_of_periods, MAX_PERIODS)
    draft.set("temporal_coverage", draft.first("temporalElement", rows_of_periods, MAX_PERIODS))


_OPEN = {"begin": "before", "end": "after"}
"""Side of a period → position that leaves it open."""


def _end(draft: Draft, side: str, value: str | None, position: str | None) -> str | None:
    """Return an end of a period; None where it is open: ongoing, or "before", "after" some day."""
    date = parsed(draft, "temporalElement", value)
    word = (position or "").strip().lower()
    if word == "now" and side == "end":
        return None
    if date and word in _OPEN.values():
        draft.lost(f"temporalElement/{side}Position", f"{word} {date}")
    if word == _OPEN[side]:
        return None
    return date


def _completed(
    draft: Draft, period: Period, start: str | None, end: str | None
) -> tuple[str | None, str | None]:
    """Return the ends of a period, one computed from the duration; else note the duration."""
    text = (period.duration or "").strip().upper()
    duration = parse_duration(text) or Duration()
    is_open = period.start_position or period.end_position
    if start and not end and not is_open:
        end = end_of(start, duration)
        if end:
            draft.change("temporal_coverage", f"{start}/{text}", f"{start}/{end}")
    elif end and not start and not is_open:
        start = start_of(end, duration)
        if start:
            draft.change("temporal_coverage", f"{text}/{end}", f"{start}/{end}")
    if not (start and end):
        draft.lost("temporalElement/duration", period.duration or "")
    return start, end


# --- frequency -------------------------------------------------------------------------------


def frequency(draft: Draft) -> None:
    """Convert the maintenance frequency to the EU vocabulary.

    Notes that are its URIs or codes come first, then code and period, then the other notes; what
    says "unknown" comes last.
    """
    record = draft.record
    frequencies = voc.get("frequency")
    codes = [note for note in record.frequency_notes if frequencies.get(note)]
    values = [*codes, record.frequency, record.frequency_period, *record.frequency_notes]
    pairs: list[tuple[str, str]] = []
    for value in filter(None, values):
        code = _frequency_of(draft, value)
        if code:
            pairs.append((value, code))
    pairs.sort(key=lambda pair: pair[1] == _UNKNOWN)
    if pairs:
        value, code = pairs[0]
        uri = frequencies[code].uri
        draft.set("frequency", uri, before=value)
        _note_other_frequencies(draft, value, uri)
    elif record.frequency and not is_placeholder(record.frequency):
        draft.problem("code", field="maintenanceAndUpdateFrequency", value=record.frequency)
        draft.lost("frequency", record.frequency)
    _set_next_update(draft)


def _set_next_update(draft: Draft) -> None:
    """Set the next update, unless a date already states it; note a different one."""
    date = parsed(draft, "dateOfNextUpdate", draft.record.next_update)
    present = draft.dataset.get("next_update")
    if date and not present:
        draft.set("next_update", date)
    elif date and date != present:
        draft.lost("resourceMaintenance/dateOfNextUpdate", date)


def _frequency_of(draft: Draft, value: str) -> str | None:
    """Return the id of the frequency that a value states."""
    frequencies = voc.get("frequency")
    concept = frequencies.get(value)
    # "unknown" is a valid code in the element of the code, not a placeholder.
    if not concept and (value == draft.record.frequency or not is_placeholder(value)):
        concept = frequencies.find(value[:_LONGEST])
    if concept:
        return concept.id
    return _of_words(value) or _of_duration(value)


def _note_other_frequencies(draft: Draft, value: str, uri: str) -> None:
    """Note a code or period that was not used; only log a period that means the same."""
    frequencies = voc.get("frequency")
    code, period = draft.record.frequency, draft.record.frequency_period
    if code and code != value and not is_placeholder(code):
        draft.lost("resourceMaintenance/maintenanceAndUpdateFrequency", code)
    if not period or period == value:
        return
    concept = frequencies.get(period) or frequencies.get(_of_duration(period) or "")
    if concept and concept.uri == uri:
        draft.change("frequency", period, uri)
    else:
        draft.lost("resourceMaintenance/userDefinedMaintenanceFrequency", period)


@cache
def _words(kind: str) -> dict[str, str]:
    """Return words of a kind → their meaning: a frequency, a number, a unit of time, or ""."""
    meanings = {}
    for row in rows("frequency-words"):
        if row["kind"] == kind:
            meanings |= {plain(word): row["value"] for word in parts(row["words"])}
    return meanings


def _without_introduction(words: str) -> str:
    # The longest first, since one may begin with another.
    for introduction in sorted(_words("introduction"), key=len, reverse=True):
        if words.startswith(f"{introduction} "):
            return words.removeprefix(f"{introduction} ")
    return words


def _of_words(text: str) -> str | None:
    """Return the frequency that a whole text states: "mise à jour annuelle", "tous les 5 ans"."""
    if len(text) > _LONGEST:
        return None
    words = plain(text)
    rest = _without_introduction(words)
    concept = voc.get("frequency").find(rest)
    if rest != words and concept and rest not in _words("frequency"):
        return _of_phrase(words) or concept.id
    return _of_phrase(words) or _of_phrase(rest)


def _of_phrase(words: str) -> str | None:
    """Return the frequency of a phrase: in the table, "every 5 years", or "twice a year"."""
    code = _words("frequency").get(words)
    if code:
        return code
    for form in (_EVERY, _TIMES):
        match = form.fullmatch(words)
        if not match or match.group(2) not in _words("unit"):
            continue
        count = match.group(1) or "1"
        number = int(_words("number").get(count, "0"))
        if count.isdigit():
            number = int(count)
        days = DAYS_OF_UNITS[_words("unit")[match.group(2)]]
        if number and form is _EVERY:
            return _of_days(days * number, None)
        if number:
            return _of_days(days / number, None)
    return None


def _of_duration(value: str) -> str | None:
    """Return the frequency of an ISO 8601 duration, or of a repeating interval (``R/P1Y``)."""
    if len(value) > _LONGEST:
        return None
    duration = parse_duration(value)
    if not duration or not duration.in_days:
        return None
    return _of_days(duration.in_days, _OTHER)


def _of_days(days: float, other: str | None) -> str | None:
    """Return the frequency of an interval; `other` if the table has none for it."""
    for row in rows("durations"):
        if float(row["from"]) <= days <= float(row["to"]):
            return row["frequency"]
    return other
