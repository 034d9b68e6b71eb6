"""Rule for the update frequency: convert codes, durations and words, French or English, to the EU vocabulary."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.dates import parse_duration
from ckanext.ecosphere.harvest.normalise.dates import parsed
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, parts, plain, rows

_DAYS = {"Y": 365.25, "M": 30.4375, "W": 7.0, "D": 1.0, "h": 1 / 24, "m": 1 / 1440, "s": 1 / 86400}
_EVERY = re.compile(r"(?:tous|toutes|every)(?: les)?(?: ([a-z]{2,10}|\d{1,3}))? ([a-z]{2,10})")
_TIMES = re.compile(r"([a-z]{2,10}|\d{1,3}) (?:fois|times) (?:par|l|a|per) ([a-z]{2,10})")
_LONGEST = 100
_UNKNOWN, _OTHER = "UNKNOWN", "OTHER"


def frequency(draft: Draft) -> None:
    """Convert the maintenance frequency (code, duration or words) to the EU vocabulary; known values come first."""
    record = draft.record
    frequencies = voc.get("frequency")
    notes = [note for note in record.frequency_notes if frequencies.get(note)]
    given = [value for value in (*notes, record.frequency, record.frequency_period, *record.frequency_notes) if value]
    found = [(value, _of_value(draft, value)) for value in given]
    found.sort(key=lambda pair: 2 if pair[1] is None else int(pair[1] == _UNKNOWN))
    if found and found[0][1]:
        value, uri = found[0][0], frequencies[found[0][1]].uri
        draft.set("frequency", uri, before=value)
        _other_frequencies(draft, value, uri)
    elif record.frequency and not is_placeholder(record.frequency):
        draft.problem("code", field="maintenanceAndUpdateFrequency", value=record.frequency)
        draft.lost("frequency", record.frequency)
    _next_update(draft)


def _next_update(draft: Draft) -> None:
    """Set the next update, unless a date already states it; note a different one."""
    found, known = parsed(draft, "dateOfNextUpdate", draft.record.next_update), draft.dataset.get("next_update")
    if found and not known:
        draft.set("next_update", found)
    elif found and found != known:
        draft.lost("resourceMaintenance/dateOfNextUpdate", found)


def _of_value(draft: Draft, value: str) -> str | None:
    """Return the id of the frequency that a value states."""
    frequencies = voc.get("frequency")
    is_code = value == draft.record.frequency  # "unknown" is a valid code here, not a placeholder
    found = frequencies.get(value) or (
        frequencies.find(value[:_LONGEST]) if is_code or not is_placeholder(value) else None
    )
    return found.id if found else _of_words(value) or _of_duration(value)


def _other_frequencies(draft: Draft, taken: str, uri: str) -> None:
    """Note a code or period that was not used; only log a period that means the same."""
    code = draft.record.frequency
    if code and code != taken and not is_placeholder(code):
        draft.lost("resourceMaintenance/maintenanceAndUpdateFrequency", code)
    period = draft.record.frequency_period
    if not period or period == taken:
        return
    found = voc.get("frequency").get(period)
    duration = _of_duration(period)
    if (found.uri if found else duration and voc.get("frequency")[duration].uri) == uri:
        draft.change("frequency", period, uri)
    else:
        draft.lost("resourceMaintenance/userDefinedMaintenanceFrequency", period)


# --- words -------------------------------------------------------------------------------------------


@cache
def _words(kind: str) -> dict[str, str]:
    """Return word, without case and accents → its meaning: a frequency, a number, a unit of time, or nothing."""
    return {
        plain(word): row["value"]
        for row in rows("frequency-words")
        if row["kind"] == kind
        for word in parts(row["words"])
    }


def _without_introduction(words: str) -> str:
    longest = sorted(_words("introduction"), key=len, reverse=True)
    return next((words.removeprefix(f"{each} ") for each in longest if words.startswith(f"{each} ")), words)


def _of_words(text: str) -> str | None:
    """Return the frequency that a whole text states: "mise à jour annuelle", "tous les 5 ans", "2 fois par mois"."""
    words = plain(text) if len(text) <= _LONGEST else ""
    for said in dict.fromkeys((words, _without_introduction(words))):
        concept = voc.get("frequency").find(said) if said != words else None
        listed = _words("frequency").get(said) or (concept.id if concept else None)
        if found := listed or _counted(_EVERY, said, _every) or _counted(_TIMES, said, _times):
            return found
    return None


def _counted(form: re.Pattern[str], words: str, days: Callable[[float, float], float]) -> str | None:
    match = form.fullmatch(words)
    unit = _words("unit").get(match.group(2)) if match else None
    if match is None or unit is None:
        return None
    told = match.group(1) or "1"
    number = int(told) if told.isdigit() else int(_words("number").get(told, "0"))
    found = _of_days(days(number, _DAYS[unit])) if number else None
    return None if found == _OTHER else found


def _every(number: float, unit: float) -> float:
    return number * unit


def _times(number: float, unit: float) -> float:
    return unit / number


# --- durations ---------------------------------------------------------------------------------------


def _of_duration(value: str) -> str | None:
    """Return the frequency of an ISO 8601 duration, or of a repeating interval (``R/P1Y``, as in DCAT-US)."""
    duration = parse_duration(value) if len(value) <= _LONGEST else None
    return _of_days(duration.in_days) if duration else None


def _of_days(days: float) -> str | None:
    for row in rows("durations"):
        if float(row["from"]) <= days <= float(row["to"]):
            return row["frequency"]
    return _OTHER if days else None
