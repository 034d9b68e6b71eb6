"""Public statistics, on an example that can be counted by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from freezegun import freeze_time

from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.tests.conftest import (
    REASON,
    REFUSAL,
    act,
    dataset,
    opened,
    step,
)

pytestmark = pytest.mark.usefixtures("portal")


def at(day: str) -> Any:
    return freeze_time(datetime.fromisoformat(f"{day}T10:00:00").replace(tzinfo=clock.PARIS))


def test_nothing_has_no_share_and_no_median():
    found = act("stats", None)
    assert (
        found["received"],
        found["answered_within_month"],
        found["median_days_first_answer"],
    ) == (0, None, None)


def test_the_figures_of_a_year_are_those_that_one_counts():
    package = dataset()["name"]
    with at("2026-01-31"):
        in_time, late = opened(title="À temps"), opened(title="En retard")
        opened(title="Sans réponse", theme="climat", territory="departement-01")
        last_year = opened(title="Retirée")
    with at("2026-02-10"):
        step(last_year, "withdraw", "asker")
    with at("2026-02-28"):
        step(in_time, "fulfil", "editor", datasets=[package])
    with at("2026-03-01"):
        step(late, "refuse", "admin", **REFUSAL)
    with at("2026-03-20"):
        waiting = opened(title="Récente", theme="climat", territory="departement-01")
        act("support", "friend", id=waiting["id"])
    with at("2026-03-25"):
        found = act("stats", None, year=2026)
        assert act("stats", None, year=2025)["received"] == 0
    assert (found["received"], found["answered"]) == (5, 2)
    # Of the three requests answered or over a month old, one was answered within the month (31
    # January–28 February).
    assert found["answered_within_month"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["median_days_first_answer"] == 28.5
    assert found["outcomes"] == {"fulfilled": 1, "refused": 1} and found["apart"]["withdrawn"] == 1
    assert sum(found["outcomes"].values()) == found["answered"]
    assert (found["waiting"], found["overdue"]) == (2, 1)


@pytest.mark.slow("variants")
def test_what_is_no_answer_was_not_answered_within_a_month(app: Any):
    package = dataset()["name"]
    with at("2026-01-31"):
        answered, elsewhere, moved, withdrawn = (
            opened(title=f"Demande {number}") for number in range(4)
        )
    with at("2026-02-10"):
        step(answered, "fulfil", "editor", datasets=[package])
        step(elsewhere, "not_held", "admin", reason=REASON)
        step(
            moved,
            "transfer",
            "admin",
            organization="dreal-ara",
            reason="Le service compétent est la DREAL.",
        )
        step(withdrawn, "withdraw", "asker")
    with at("2026-03-25"):
        found = app.get("/api/3/action/ecosphere_request_stats?year=2026").json["result"]
    # Only the answered request and the transferred one, still open, count in the share.
    assert (found["received"], found["answered"], found["answered_within_month"]) == (4, 1, 0.5)
    named = {name: number for name, number in found["apart"].items() if number}
    assert named == {"transferred": 1, "not_held": 1, "withdrawn": 1} and found["outcomes"] == {
        "fulfilled": 1
    }


def test_private_requests_count_from_the_threshold_on_only(
    ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.statistics_threshold", 3)
    opened(title="Publique")
    for number in range(2):
        opened(title=f"Privée {number}", visibility="private")
    found = act("stats", None)
    assert (found["received"], found["private_included"]) == (1, False)
    third = opened(title="Privée 3", visibility="private")
    found = act("stats", None)
    assert (found["received"], found["private_included"]) == (4, True)
    step(third, "not_held", "admin", reason=REASON)
    found = act("stats", None)
    # The only private one of that state would be recognised, although it counts among those
    # received.
    assert (found["received"], found["apart"]["not_held"]) == (4, 0)


def test_what_was_turned_away_or_hidden_is_no_request():
    step(opened("other-editor", title="Publicité"), "reject", "moderator", reason=REASON)
    act("hide", "moderator", id=opened(title="Abus")["id"])
    assert act("stats", None)["received"] == 0


def test_a_service_has_its_own_figures():
    opened()
    opened(territory="region-ara")
    assert act("stats", None, organization="ddt-42")["received"] == 1


def test_the_page_and_the_table_have_the_figures_of_each_service(app: Any):
    made = [opened(title=f"Demande {number}") for number in range(2)]
    step(made[0], "refuse", "admin", **REFUSAL)
    found = act("stats", None)
    assert [(each["name"], each["refused"], each["median_days"]) for each in found["services"]] == [
        ("ddt-42", 1, 0.0)
    ]
    assert "/fr/demandes/statistiques.csv" in app.get("/fr/demandes/statistiques").body
    text = app.get("/fr/demandes/statistiques.csv").body
    assert text.startswith("\ufeffIndicateur;Détail;Valeur")
    assert "Demandes reçues;;2" in text and "Refus par service;DDT 42;1" in text
    assert "ddt-42" not in text
