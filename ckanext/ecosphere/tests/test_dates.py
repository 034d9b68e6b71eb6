"""Dates with their times are written as the language of the page writes them."""

from datetime import datetime

import ckan.plugins.toolkit as tk
import pytest

MOMENT = datetime(2026, 11, 24, 22, 31, 5)


@pytest.fixture
def in_page(app, with_plugins):
    """Open pages in a language, and write within them."""

    def write(language, value, **options):
        with app.flask_app.test_request_context("/", environ_overrides={"CKAN_LANG": language}):
            return tk.h.render_datetime(value, **options)

    return write


@pytest.mark.parametrize("value", [MOMENT, MOMENT.isoformat()])
def test_a_date_with_its_time_is_french_on_a_french_page(in_page, value):
    assert in_page("fr", value, with_hours=True) == "24 novembre 2026 à 22:31"


def test_and_english_on_an_english_one(in_page):
    assert in_page("en", MOMENT, with_hours=True).replace("\u202f", " ") == "November 24, 2026 at 10:31 PM"


def test_a_format_that_is_asked_for_and_a_date_alone_are_ckan_s(in_page):
    assert in_page("fr", MOMENT, date_format="%Y-%m-%dT%H:%M") == "2026-11-24T22:31"
    assert in_page("fr", MOMENT) == "24 novembre 2026"


@pytest.mark.parametrize("value", [None, "", "hier"])
def test_what_is_no_date_is_empty(in_page, value):
    assert in_page("fr", value, with_hours=True) == ""


@pytest.mark.parametrize("frequency", ["Manual", "Monthly", "Weekly", "Biweekly", "Daily", "Always"])
def test_the_frequencies_of_a_harvest_are_french(app, with_plugins, frequency):
    with app.flask_app.test_request_context("/", environ_overrides={"CKAN_LANG": "fr"}):
        labels = {each["value"]: each["text"] for each in tk.h.harvest_frequencies()}
        assert labels[frequency.upper()] != frequency
