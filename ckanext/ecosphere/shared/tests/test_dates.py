"""Dates: an event has the same time everywhere, in the portal's time zone,
at ends of months and clock changes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any

import pytest

from ckanext.ecosphere.shared import dates

UTC = timezone.utc


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the language of the page."""

    def speak(language: str) -> None:
        words = {"fr": "{date} à {time}", "en": "{date} at {time}"}[language]
        monkeypatch.setattr(dates.language, "current", lambda: language)
        monkeypatch.setattr(dates.tk, "_", lambda text: words)

    return speak


#: Time in UTC → date, and date with time, in words.
MOMENTS = {
    "2026-01-31T23:30:00": (date(2026, 2, 1), "1er février 2026 à 00:30"),
    "2026-08-31T23:30:00": (date(2026, 9, 1), "1er septembre 2026 à 01:30"),
    "2026-12-31T23:30:00": (date(2027, 1, 1), "1er janvier 2027 à 00:30"),
    "2026-03-29T00:59:00": (date(2026, 3, 29), "29 mars 2026 à 01:59"),
    "2026-03-29T01:00:00": (date(2026, 3, 29), "29 mars 2026 à 03:00"),
    "2026-10-25T00:30:00": (date(2026, 10, 25), "25 octobre 2026 à 02:30"),
    "2026-10-25T01:30:00": (date(2026, 10, 25), "25 octobre 2026 à 02:30"),
    "2026-10-25T02:30:00": (date(2026, 10, 25), "25 octobre 2026 à 03:30"),
    "2026-07-14T21:59:59.999999": (date(2026, 7, 14), "14 juillet 2026 à 23:59"),
}


@pytest.mark.parametrize("stored", MOMENTS)
def test_moment_is_written_in_paris(stored: str, spoken: Callable[[str], None]):
    spoken("fr")
    day, words = MOMENTS[stored]
    naive = datetime.fromisoformat(stored)
    for value in (stored, naive, naive.replace(tzinfo=UTC), f"{stored}+00:00"):
        assert dates.moment(value) == words
        assert dates.day(value) == words.split(" à ")[0]
    assert dates.day_of(naive) == dates.day_of(naive.replace(tzinfo=UTC)) == day


def test_english(spoken: Callable[[str], None]):
    spoken("en")
    assert dates.moment("2026-11-24T18:30:00") == "24 November 2026 at 19:30"
    assert dates.month("2026-11") == "November 2026"


def test_day_has_no_hour_and_no_time_zone(spoken: Callable[[str], None]):
    spoken("fr")
    assert dates.moment("2026-12-01") == dates.day(date(2026, 12, 1)) == "1er décembre 2026"
    assert dates.month("2026-08-01") == "août 2026"


@pytest.mark.parametrize("value", [None, "", "hier", "2026-13-01"])
def test_what_is_no_date_is_empty(value: Any, spoken: Callable[[str], None]):
    spoken("fr")
    assert dates.moment(value) == dates.day(value) == ""


def test_time_zone_is_an_option(spoken: Callable[[str], None], monkeypatch: pytest.MonkeyPatch):
    spoken("fr")
    monkeypatch.setitem(dates.config.tk.config, dates.config.DISPLAY_TIMEZONE, "Indian/Reunion")
    assert dates.moment("2026-11-24T18:30:00") == "24 novembre 2026 à 22:30"
