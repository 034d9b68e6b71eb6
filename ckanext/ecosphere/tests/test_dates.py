"""Dates on CKAN's own pages: in the format of the page's language, in Paris time."""

from datetime import datetime

import ckan.plugins.toolkit as tk
import pytest

MOMENT = datetime(2026, 11, 24, 21, 31, 5)
LAST_OF_MONTH = datetime(2026, 11, 30, 23, 30)


@pytest.fixture
def in_page(app, with_plugins):
    """Request pages in a language, and format dates within the request."""

    def write(language, value, **options):
        with app.flask_app.test_request_context("/", environ_overrides={"CKAN_LANG": language}):
            return tk.h.render_datetime(value, **options)

    return write


@pytest.mark.parametrize("value", [MOMENT, MOMENT.isoformat()])
def test_a_date_with_its_time_is_french_on_a_french_page(in_page, value):
    assert in_page("fr", value, with_hours=True) == "24 novembre 2026 à 22:31"


def test_and_english_on_an_english_one(in_page):
    assert in_page("en", MOMENT, with_hours=True) == "24 November 2026 at 22:31"


def test_a_date_alone_is_that_of_paris(in_page):
    assert in_page("fr", LAST_OF_MONTH) == "1er décembre 2026"
    assert in_page("fr", LAST_OF_MONTH, with_hours=True) == "1er décembre 2026 à 00:30"


def test_a_format_that_is_asked_for_is_ckan_s_in_paris(in_page):
    assert in_page("fr", MOMENT, date_format="%Y-%m-%dT%H:%M") == "2026-11-24T22:31"


def test_every_room_and_ckan_tell_one_event_at_one_hour(app, with_plugins):
    with app.flask_app.test_request_context("/", environ_overrides={"CKAN_LANG": "fr"}):
        written = {
            tk.h.render_datetime(MOMENT.isoformat(), with_hours=True),
            tk.h.ecosphere_request_time(MOMENT.isoformat()),
            tk.h.ecosphere_quality_moment(MOMENT.isoformat()),
            tk.h.ecosphere_time_text(MOMENT.isoformat()),
        }
        assert written == {"24 novembre 2026 à 22:31"}
        assert str(tk.h.get_display_timezone()) == "Europe/Paris"


@pytest.mark.parametrize("value", [None, "", "hier"])
def test_what_is_no_date_is_empty(in_page, value):
    assert in_page("fr", value, with_hours=True) == ""


@pytest.mark.few(1, "values")
@pytest.mark.parametrize(
    "frequency", ["Manual", "Monthly", "Weekly", "Biweekly", "Daily", "Always"]
)
def test_the_frequencies_of_a_harvest_are_french(app, with_plugins, frequency):
    with app.flask_app.test_request_context("/", environ_overrides={"CKAN_LANG": "fr"}):
        labels = {each["value"]: each["text"] for each in tk.h.harvest_frequencies()}
        assert labels[frequency.upper()] != frequency
