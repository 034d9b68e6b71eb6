"""Durations: one reading for harvest, form and frequencies."""

from __future__ import annotations

import pytest

from ckanext.ecosphere.dataset.dates import (
    end_of,
    is_stored_form,
    parse_date,
    parse_duration,
    parse_moment,
    start_of,
)


@pytest.mark.parametrize(
    ("text", "days", "stored"),
    [
        ("P1Y", 365.25, True),
        ("P0Y0M7DT0H0M0S", 7, True),
        ("PT12H", 0.5, True),
        ("PT1.5S", 1.5 / 86400, True),
        ("P2W", 14, False),
        ("P0.5Y", 182.625, False),
        ("r/p1d", 1, False),
        ("P", None, False),
        ("PT", None, False),
        ("P1DT", None, False),
        ("P1234567890D", None, False),
        ("1Y", None, False),
        ("", None, False),
    ],
)
def test_a_duration_is_read(text: str, days: float | None, stored: bool):
    duration = parse_duration(text)
    assert (duration.in_days if duration else None) == pytest.approx(days)
    assert is_stored_form(text) is stored


@pytest.mark.parametrize(
    ("first", "text", "last"),
    [
        ("2020", "P1Y", "2020"),
        ("2020", "P3Y", "2022"),
        ("2020-11", "P1M", "2020-11"),
        ("2020-11", "P3M", "2021-01"),
        ("2020-01-01", "P1Y", "2020-12-31"),
        ("2020-01-01", "P1Y2M3D", "2021-03-03"),
        ("2020-03-01", "P2W", "2020-03-14"),
    ],
)
def test_a_period_ends_with_its_duration(first: str, text: str, last: str):
    duration = parse_duration(text)
    assert duration is not None
    assert end_of(first, duration) == last


def test_a_period_begins_with_its_duration():
    year, days = parse_duration("P1Y"), parse_duration("P7D")
    assert year is not None and days is not None
    assert start_of("2020", year) == "2020"
    assert start_of("2020-01-07", days) == "2020-01-01"


@pytest.mark.parametrize(
    ("date", "text"),
    [("2020", "P1M"), ("2020-01", "P1D"), ("2020", "P0.5Y"), ("2020", "PT1H"), ("2020", "P5000Y")],
)
def test_what_a_date_cannot_tell_is_not_guessed(date: str, text: str):
    duration = parse_duration(text)
    assert duration is not None
    assert end_of(date, duration) is None
    assert start_of(date, duration) is None


@pytest.mark.parametrize(
    ("text", "of_a_record", "of_a_person"),
    [
        ("31/12/2020", "2020-12-31", "2020-12-31"),
        ("31/12/2020 10:30", "2020-12-31", "2020-12-31T10:30:00"),
        ("12 / 10 / 2020", "2020-10-12", "2020-10-12"),
        ("2nd May 2014", "2014-05-02", "2014-05-02"),
        ("décembre 2020", "2020-12", "2020-12"),
        ("2020-1-1", "2020-01-01", None),
        ("2020/1/1", "2020-01-01", None),
        ("20201015T120000", "2020-10-15", None),
        ("2020-02-30", None, None),
        ("2020-01-01T99:00", "2020-01-01", None),
        ("2020-05T10:00", "2020-05", None),
        ("9999-12-31", None, "9999-12-31"),
        ("0999", None, None),
    ],
)
def test_a_record_is_believed_and_a_person_is_asked_to_write_clearly(
    text: str, of_a_record: str | None, of_a_person: str | None
):
    assert parse_date(text) == of_a_record
    try:
        moment = parse_moment(text)
    except ValueError:
        moment = None
    assert moment == of_a_person
