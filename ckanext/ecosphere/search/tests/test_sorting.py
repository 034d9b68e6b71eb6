"""The sort menu of the search page."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup
from ckan.tests import helpers

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")


def test_each_choice_is_offered_once(app: Any):
    page = BeautifulSoup(app.get("/fr/dataset/").body, "html.parser")
    choices = [each["value"] for each in page.select("#field-order-by option")]
    assert "ecosphere_quality_score desc, metadata_modified desc" in choices
    assert len(choices) == len(set(choices)) > 3


@pytest.mark.usefixtures("french")
def test_the_latest_are_those_of_the_latest_date_that_is_shown(app: Any, make_datasets: Any):
    make_datasets(
        {"title": "Two", "modified": "2024-05"},
        {"title": "One", "modified": "2025-03-01"},
        {"title": "Three", "modified": "2024"},
        {"title": "Four"},
    )
    page = BeautifulSoup(app.get("/fr/dataset/").body, "html.parser")
    (latest,) = (
        each["value"]
        for each in page.select("#field-order-by option")
        if "updated" in str(each["value"])
    )
    found = helpers.call_action("package_search", sort=latest)["results"]
    # If the data have no date, that of the record is shown.
    assert [each["title"] for each in found] == ["Four", "One", "Two", "Three"]
