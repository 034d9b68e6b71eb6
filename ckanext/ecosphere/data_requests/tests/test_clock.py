"""Legal periods: lengths in months, ends of months, leap years, daylight saving time,
public holidays.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.ecosphere.data_requests.domain import clock

DAYS = st.dates(date(1990, 1, 1), date(2190, 12, 31))


@pytest.mark.parametrize(
    ("received", "months", "due"),
    [
        ("2026-03-15", 1, "2026-04-15"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2024-02-29", 1, "2024-03-29"),
        ("2026-12-31", 1, "2027-01-31"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-08-31", 1, "2026-09-30"),
        ("2028-02-29", 12, "2029-02-28"),
    ],
)
def test_a_period_ends_on_the_day_of_the_same_number_or_the_last_of_the_month(
    received: str, months: int, due: str
):
    assert clock.last_day(date.fromisoformat(received), months) == date.fromisoformat(due)


@given(DAYS, st.integers(1, 24))
def test_months_never_overflow_into_the_next_one(day: date, months: int):
    end = clock.last_day(day, months)
    assert (end.year * 12 + end.month) - (day.year * 12 + day.month) == months
    assert end.day == day.day or (end + timedelta(days=1)).day == 1


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-28T23:30:00+00:00", "2026-03-29"),  # winter time, one hour before the change
        ("2026-03-29T21:59:00+00:00", "2026-03-29"),  # summer time since 01:00 UTC
        ("2026-03-29T22:00:00+00:00", "2026-03-30"),
        ("2026-10-24T22:30:00+00:00", "2026-10-25"),
        ("2026-10-25T22:30:00+00:00", "2026-10-25"),  # back to winter time
        ("2026-12-31T23:00:00+00:00", "2027-01-01"),
    ],
)
def test_days_are_those_of_paris_in_summer_and_in_winter(moment: str, day: str):
    assert clock.day_of(datetime.fromisoformat(moment)) == date.fromisoformat(day)


def test_a_request_of_the_last_evening_hour_in_utc_is_of_the_next_day_in_paris():
    received = clock.day_of(datetime(2026, 1, 30, 23, 30, tzinfo=timezone.utc))
    assert clock.last_day(received, 1) == date(2026, 2, 28)


def test_only_an_end_that_moves_is_moved_from_a_day_off():
    received = date(2026, 4, 3)  # ends on Sunday 3 May
    assert clock.last_day(received, 1) == date(2026, 5, 3)
    assert clock.last_day(received, 1, moves=True) == date(2026, 5, 4)
    assert clock.last_day(date(2026, 4, 2), 1, moves=True) == date(
        2026, 5, 4
    )  # from Saturday 2 May


def test_the_last_day_of_a_delai_franc_is_the_next_one():
    assert clock.last_day(date(2026, 9, 30), 2, franc=True) == date(2026, 12, 1)
    assert clock.last_day(date(2026, 12, 31), 2, franc=True) == date(2027, 3, 1)
    assert clock.last_day(date(2026, 10, 24), 2, franc=True, moves=True) == date(
        2026, 12, 28
    )  # 25 is a Friday


def test_holidays_follow_one_another_and_weekends():
    # 8 May 2026 is a Friday: the next working day is Monday 11 May.
    assert clock.last_day(date(2026, 4, 8), 1, moves=True) == date(2026, 5, 11)
    # Easter Monday 6 April 2026.
    assert clock.last_day(date(2026, 3, 5), 1, moves=True) == date(2026, 4, 7)


def test_alsace_moselle_and_overseas_have_days_of_their_own():
    good_friday = date(2026, 4, 3)
    assert good_friday not in clock.holidays(2026)
    assert good_friday in clock.holidays(2026, clock.holiday_zone("departement-67"))
    assert date(2026, 5, 27) in clock.holidays(2026, clock.holiday_zone("outre-mer-glp"))
    assert date(2026, 5, 27) not in clock.holidays(2026, clock.holiday_zone("departement-42"))
    assert clock.last_day(date(2026, 11, 25), 1, moves=True, zone=clock.ALSACE_MOSELLE) == date(
        2026, 12, 28
    )


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (1961, "04-02"),
        (2000, "04-23"),
        (2024, "03-31"),
        (2025, "04-20"),
        (2026, "04-05"),
        (2038, "04-25"),
    ],
)
def test_easter_is_when_it_was(year: int, day: str):
    assert clock.easter(year).isoformat() == f"{year}-{day}"


@given(st.integers(1900, 2199))
def test_easter_is_a_sunday_of_spring_and_a_year_has_eleven_holidays_at_most(year: int):
    sunday = clock.easter(year)
    assert sunday.weekday() == 6 and date(year, 3, 22) <= sunday <= date(year, 4, 25)
    assert 10 <= len(clock.holidays(year)) <= 11  # Ascension Day may coincide with 1 or 8 May


@given(DAYS, st.integers(1, 2), st.booleans())
def test_a_moved_end_is_never_before_the_plain_one_nor_on_a_day_off(
    day: date, months: int, franc: bool
):
    plain, end = (
        clock.last_day(day, months, franc=franc),
        clock.last_day(day, months, franc=franc, moves=True),
    )
    assert plain <= end <= plain + timedelta(days=5)
    assert end.weekday() < clock.SATURDAY and end not in clock.holidays(end.year)


@pytest.mark.parametrize(
    ("state", "left", "extended", "expected"),
    [
        ("open", 30, False, "running"),
        ("open", 30, True, "extended"),
        ("open", 8, False, "running"),
        ("open", 7, False, "due_soon"),
        ("open", 0, True, "due_soon"),
        ("open", -1, False, "overdue"),
        ("needs_info", -1, False, "overdue"),
        ("fulfilled", -1, False, "closed"),
        ("draft", 5, False, "none"),
    ],
)
def test_lateness_is_read_from_the_dates(state: str, left: int, extended: bool, expected: str):
    today = date(2026, 3, 1)
    found = clock.read(state, today + timedelta(days=left), extended, today)
    assert found["state"] == expected
    assert found["days_left"] == (None if expected in ("closed", "none") else left)


def test_without_a_due_date_there_is_no_clock():
    assert clock.read("open", None, False, date(2026, 3, 1))["state"] == "none"
