"""Ranking by properties of the record: use, freshness, access to the data."""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model
from ckan.lib.search.common import make_connection
from ckan.model.system_info import get_system_info
from ckan.tests import factories, helpers

from ckanext.ecosphere.access import use
from ckanext.ecosphere.search import config, popularity
from ckanext.ecosphere.search.alerts import job
from ckanext.ecosphere.search.relevance import solr
from ckanext.ecosphere.search.relevance.understanding import understand
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.work import jobs

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")

DATA = {"url": "https://data.example.org/zones.zip", "format": "SHP"}


@pytest.fixture(autouse=True)
def fresh():
    """Forget what other tests counted."""
    popularity._cache().clear()


def count_anew() -> int:
    """Recount everything, as on the next day."""
    model.Session.query(model.SystemInfo).filter_by(key=popularity._DAY).delete()
    model.Session.commit()
    return job.STEPS["popularity_indexed"]()


def first(question: str) -> str:
    found = helpers.call_action("package_search", {"ignore_auth": False, "user": ""}, q=question)
    return found["results"][0]["name"]


@pytest.fixture
def pair(french, make_datasets) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two datasets of equal relevance."""
    one, other = make_datasets(
        {"title": "Zones de bruit", "name": "one"}, {"title": "Zones de bruit", "name": "other"}
    )
    return one, other


@pytest.mark.slow("variants")
def test_downloads_bring_a_dataset_forward(pair):
    loser = next(each for each in pair if each["name"] != first("bruit"))
    for _time in range(30):
        use.add(loser["id"], "any")
    assert count_anew() == 1
    assert first("bruit") == loser["name"]
    # Saving the dataset keeps the count.
    helpers.call_action(
        "package_patch", {"user": factories.Sysadmin()["name"]}, id=loser["id"], notes="Changed."
    )
    assert first("bruit") == loser["name"]
    assert count_anew() == 0


@pytest.mark.slow("variants")
def test_followers_and_answered_requests_count_and_what_is_over_is_taken_back(pair):
    loser = next(each for each in pair if each["name"] != first("bruit"))
    user = factories.User()
    helpers.call_action("follow_dataset", {"user": user["name"]}, id=loser["id"])
    count_anew()
    assert first("bruit") == loser["name"]
    assert popularity.of(loser["id"]) == popularity.score(5) == 26
    helpers.call_action("unfollow_dataset", {"user": user["name"]}, id=loser["id"])
    assert count_anew() == 1
    assert popularity.of(loser["id"]) == 0


def test_counted_once_a_day_and_in_steps(french, make_datasets, monkeypatch):
    monkeypatch.setattr(popularity, "AT_ONCE", 2)
    for each in make_datasets("Un", "Deux", "Trois"):
        use.add(each["id"], "any")
    assert popularity.is_due()
    assert [count_anew(), popularity.count(), popularity.count()] == [2, 1, 0]
    assert get_system_info(popularity._DAY) is not None


def test_watching_has_it_counted(pair, monkeypatch):
    monkeypatch.setattr(jobs, "waits", lambda job_id, queue: False)
    assert job.POPULARITY.recover() == ["Search: popularity"]
    count_anew()
    assert job.POPULARITY.recover() == []


@pytest.mark.slow("words")
def test_fresh_data_and_data_that_one_can_take_come_first(french, make_datasets):
    make_datasets(
        {
            "title": "Carte des landes",
            "name": "from-2009",
            "modified": "2009-01-01",
            "resources": [DATA],
        },
        {
            "title": "Carte des landes",
            "name": "from-2026",
            "modified": "2026-01-01",
            "resources": [DATA],
        },
        {"title": "Carte des dunes", "name": "described"},
        {"title": "Carte des dunes", "name": "taken", "resources": [DATA]},
        {"title": "Carte des dunes", "name": "described-too"},
    )
    assert (first("landes"), first("dunes")) == ("from-2026", "taken")


def found(question: str, year: int | None) -> dict[str, Any]:
    """Return the first dataset that a query finds, with Solr's score."""
    parameters = solr.parameters(
        understand(question).question, minimum=config.minimum_match(), year=year
    )
    parameters |= {
        "qf": config.query_fields(),
        "tie": config.tie(),
        "q.op": "AND",
        "fq": parameters.pop("fq_list"),
        "fl": f"score,{solr.QUALITY_FIELD}",
    }
    return make_connection().search(parameters.pop("q"), **parameters).docs[0]


def test_freshness_access_and_use_add_their_shares_to_the_score(french, make_datasets):
    this_year = dates.today().year
    (made,) = make_datasets(
        {"title": "Landes", "modified": f"{this_year - 5}-05-01", "resources": [DATA]}
    )
    use.add(made["id"], "any")
    count_anew()
    dataset, bare = found("landes", this_year), found("landes", None)
    weights = solr.weights()["record"]
    gain = weights["quality"] * int(dataset.get(solr.QUALITY_FIELD) or 0) / 100
    gain += weights["freshness"] * 0.5 + weights["access"] + weights["popularity"] * 0.10
    assert dataset["score"] / bare["score"] == pytest.approx(1 + gain, rel=1e-4)
