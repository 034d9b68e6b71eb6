"""The sort menu of the search page."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")


def test_each_choice_is_offered_once(app: Any):
    page = BeautifulSoup(app.get("/fr/dataset/").body, "html.parser")
    choices = [each["value"] for each in page.select("#field-order-by option")]
    assert "ecosphere_quality_score desc, metadata_modified desc" in choices
    assert len(choices) == len(set(choices)) > 3
