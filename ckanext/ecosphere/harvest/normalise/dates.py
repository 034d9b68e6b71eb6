"""Dates and periods: every odd spelling to a day, a month or a year in ISO form."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.tables import by_label, is_placeholder, plain, rows

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
_DURATION = re.compile(
    r"P(?:(\d+(?:\.\d+)?)Y)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(\d+(?:\.\d+)?)H)?(?:\d+(?:\.\d+)?M)?(?:\d+(?:\.\d+)?S)?)?"
)
_DAYS = (365.25, 30.4375, 7.0, 1.0, 1 / 24)

DATE_FIELDS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("created", ("creation",), False),
    ("issued", ("publication", "released", "available", "distribution", "validityBegins"), False),
    ("modified", ("revision", "lastRevision", "lastUpdate"), True),
    ("next_update", ("nextUpdate",), True),
)
"""Dataset field, the ISO date types that fill it, and whether the last one counts (else the first)."""
_KINDS = {kind.lower() for _field, kinds, _last in DATE_FIELDS for kind in kinds}
_DONE = {kind.lower() for field, kinds, _last in DATE_FIELDS if field != "next_update" for kind in kinds}
"""Date types that tell of what has been done."""
_DAYS_AHEAD = 366
"""Days from today within which a dataset may be about to be published."""
_CODES = {"biennially": "BIENNIAL"}
MAX_PERIODS = 20


def parse_date(value: str | None) -> str | None:
    """Return a date as ``YYYY-MM-DD``, ``YYYY-MM`` or ``YYYY``; None when it is not one.

    Times of day are dropped. Days that do not exist (30 February) are not dates.
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
            return str(int(year))  # full-width digits are digits too
        if not day:
            dt.date(int(year), int(month), 1)
            return f"{int(year)}-{int(month):02d}"
        return dt.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def parsed(draft: Draft, field: str, value: str | None, latest: str | None = None) -> str | None:
    """Return a date; log a spelling that was changed, report one that could not be read or is later than `latest`."""
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
    """Today in a year: what is made, published or revised later is a slip, or a date that stands for none."""
    return (dt.datetime.now(dt.timezone.utc).date() + dt.timedelta(days=_DAYS_AHEAD)).isoformat()


def _kind(written: str) -> str:
    """The code of a kind of dates, in lower case, that is written as its code or in words ("Création")."""
    words = plain(written[:60])
    listed = by_label("date-types", "type", "labels").get(words, words).lower()
    return listed if listed in _KINDS else written.lower()


def dates(draft: Draft) -> None:
    """Sort the dates of the resource into created, issued and modified; what lies far ahead is told and left out."""
    by_type: dict[str, list[str]] = defaultdict(list)
    latest = _in_a_year()
    for dated in draft.record.dates:
        kind = _kind(dated.type or "")
        date = parsed(draft, dated.type or "date", dated.value, latest if kind in _DONE else None)
        if date:
            by_type[kind].append(date)
    for field, types, last in DATE_FIELDS:
        found = sorted(date for kind in types for date in by_type.pop(kind.lower(), []))
        if found:
            draft.set(field, found[-1] if last else found[0])
            if len(set(found)) > 1:
                draft.change(field, found, draft.dataset[field])
    for kind, values in by_type.items():
        draft.lost(f"date:{kind or 'unknown'}", values)


def metadata_date(draft: Draft) -> None:
    """Keep the day of the record itself."""
    date = parsed(draft, "dateStamp", draft.record.metadata_date, _in_a_year())
    if date:
        draft.set("metadata_date", date)


def periods(draft: Draft) -> None:
    """Keep every period, half-open ones too; turn round those that end before they start."""
    kept: list[dict[str, str]] = []
    for period in draft.record.periods:
        start = parsed(draft, "temporalElement", period.start)
        end = parsed(draft, "temporalElement", period.end)
        if (period.end_position or "").lower() == "now":
            end = None
        if start and end and end < start[: len(end)]:
            draft.change("temporal_coverage", f"{start}/{end}", f"{end}/{start}")
            start, end = end, start
        item = {key: date for key, date in (("start", start), ("end", end)) if date}
        if item and item not in kept:
            kept.append(item)
    if len(kept) > MAX_PERIODS:
        draft.too_many("temporalElement", len(kept), MAX_PERIODS)
        draft.lost("temporalElement", kept[MAX_PERIODS:])
    draft.set("temporal_coverage", kept[:MAX_PERIODS])


def frequency(draft: Draft) -> None:
    """Bring the maintenance frequency (code, duration or words) to the EU list."""
    record = draft.record
    frequencies = voc.get("frequency")
    notes = [note for note in record.frequency_notes if frequencies.get(note)]
    for value in (*notes, record.frequency, record.frequency_period, *record.frequency_notes):
        if not value:
            continue
        is_code = value == record.frequency  # "unknown" is a code here, and says something
        found = frequencies.get(value) or (
            frequencies.find(value[:100]) if is_code or not is_placeholder(value) else None
        )
        uri = found.uri if found else _of_code(value) or _of_duration(value)
        if uri:
            draft.set("frequency", uri, before=value)
            _other_frequencies(draft, value, uri)
            break
    else:
        if record.frequency and not is_placeholder(record.frequency):
            draft.problem("code", field="maintenanceAndUpdateFrequency", value=record.frequency)
            draft.lost("frequency", record.frequency)
    if not draft.dataset.get("next_update"):
        next_update = parsed(draft, "dateOfNextUpdate", record.next_update)
        if next_update:
            draft.set("next_update", next_update)


def _other_frequencies(draft: Draft, taken: str, uri: str) -> None:
    """Tell a period beside the code of the frequency: in the log when both say the same."""
    code = draft.record.frequency
    if code and code != taken and not is_placeholder(code):
        draft.lost("resourceMaintenance/maintenanceAndUpdateFrequency", code)
    period = draft.record.frequency_period
    if not period or period == taken:
        return
    found = voc.get("frequency").get(period)
    if (found.uri if found else _of_duration(period)) == uri:
        draft.change("frequency", period, uri)
    else:
        draft.lost("resourceMaintenance/userDefinedMaintenanceFrequency", period)


def _of_code(value: str) -> str | None:
    """The frequency of a code of ISO 19115-1 that the list of the EU does not know."""
    listed = _CODES.get(value.strip().lower())
    return voc.get("frequency")[listed].uri if listed else None


def _of_duration(value: str) -> str | None:
    match = _DURATION.fullmatch(value.strip().upper())
    if not match:
        return None
    days = sum(float(number) * unit for number, unit in zip(match.groups(), _DAYS, strict=True) if number)
    for row in rows("durations"):
        if float(row["from"]) <= days <= float(row["to"]):
            return voc.get("frequency")[row["frequency"]].uri
    return voc.get("frequency")["OTHER"].uri if days else None
