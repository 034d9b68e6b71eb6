"""Who does not find goes on to a request that begins with what was searched: its subject and its place."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "french")

AIN = "http://id.insee.fr/geo/departement/01"


@pytest.mark.parametrize(
    ("question", "filled"),
    [
        ("zones humides oyonnax", {"title": ["zones humides oyonnax"], "territory": ["departement-01"]}),
        ("zones humides ain", {"title": ["zones humides"], "territory": ["departement-01"]}),
        ("zones humides", {"title": ["zones humides"]}),
        ("couloirs aériens oyonnax", {"title": ["couloirs aériens oyonnax"], "territory": ["departement-01"]}),
    ],
    ids=["commune", "departement", "nowhere", "nothing found"],
)
def test_a_request_begins_with_subject_and_place(app: Any, make_datasets, question: str, filled: dict[str, list[str]]):
    make_datasets({"title": "Zones humides de l'Ain", "territory": [AIN]})
    page = app.get(f"/fr/dataset/?q={question.replace(' ', '+')}").body
    [link] = re.findall(r'href="(/fr/demandes/nouvelle\?[^"]+)"', page)
    asked = html.unescape(link)
    assert parse_qs(urlsplit(asked).query) == filled
    form = app.get(asked).body
    assert f'value="{filled["title"][0]}"' in form
    selected = re.findall(r'<option value="((?:departement|region)-[^"]+)" selected>', form)
    assert selected == filled.get("territory", [])
