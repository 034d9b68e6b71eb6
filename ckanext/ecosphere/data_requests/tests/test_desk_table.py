"""CSV table of a service's requests, for its agents only."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest

from ckanext.ecosphere.data_requests.tests.conftest import opened, row
from ckanext.ecosphere.data_requests.tests.test_pages import visit
from ckanext.ecosphere.data_requests.views import desk
from ckanext.ecosphere.shared import dates

pytestmark = pytest.mark.usefixtures("portal")

TABLE = "/fr/demandes/service/ddt-42/demandes.csv"


def rows(app: Any, person: str, address: str = TABLE) -> list[dict[str, str]]:
    answer = visit(app, person, address)
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.body.removeprefix("\ufeff")), delimiter=";"))


def test_an_agent_takes_the_requests_as_a_table_without_formulas_and_names(
    app: Any, monkeypatch: Any
):
    monkeypatch.setattr(desk, "AT_ONCE", 1)
    first, second = opened(title="=1+1"), opened(title="Haies bocagères", visibility="private")
    found = rows(app, "editor")
    assert {each["Référence"] for each in found} == {first["reference"], second["reference"]}
    assert {each["Titre"] for each in found} == {"'=1+1", "Haies bocagères"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", found[0]["Reçue le"]), (
        "as spreadsheets read it"
    )
    moment = dates.read(row(first).submitted)
    assert moment and moment.strftime("%Y-%m-%d %H:%M") in {each["Reçue le"] for each in found}, (
        "in Paris"
    )
    assert "asker" not in str(found).lower()
    assert [each["Titre"] for each in rows(app, "editor", f"{TABLE}?q=haies")] == [
        "Haies bocagères"
    ]


@pytest.mark.parametrize("person", ["asker", "other-editor"])
def test_nobody_else_does(app: Any, person: str):
    opened()
    assert visit(app, person, TABLE).status_code == 403


def test_signs_without_an_end_find_nothing_and_break_nothing(app: Any):
    opened(title="Haies bocagères")
    for odd in ("-" * 150, "haies " + "-" * 150 + "mares", "- " * 75):
        assert visit(app, "editor", f"/fr/demandes?q={odd}").status_code == 200, odd[:20]
