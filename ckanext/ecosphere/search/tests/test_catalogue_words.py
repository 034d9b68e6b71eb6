"""Spelling correction with the words of public titles and keywords,
which are counted in the background.
"""

from __future__ import annotations

from typing import Any

import pysolr
import pytest
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories, helpers

from ckanext.ecosphere.search.alerts import job
from ckanext.ecosphere.search.relevance import search, spelling

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "french")

FAR = "zibelyne"


@pytest.fixture
def services() -> dict[str, Any]:
    editor = factories.User()
    service = factories.Organization(
        users=[{"name": editor["name"], "capacity": "editor"}], image_url=""
    )
    return {"editor": editor["name"], "id": service["id"]}


def count() -> int:
    """Count the words, and make this process read them again."""
    counted = spelling.count_words()
    spelling._read.clear()
    return counted


def told(question: str, user: str = "") -> dict[str, Any]:
    mine = {"user": user, "ignore_auth": False}
    return helpers.call_action("package_search", mine, q=question, include_private=True)[search.KEY]


def test_words_of_titles_and_keywords_are_near_as_the_catalogue_writes_them(make_datasets):
    make_datasets(
        {"title": "Zibelines des forêts"},
        {"title": "Zibelines", "tags": [{"name": "écrevisse à pattes blanches"}]},
        {"title": "Écrevisses"},
    )
    assert spelling.nearest_in_catalogue("zibelinnes", 2) is None  # not counted yet
    assert count() == 7  # des, forêts, pattes … and no word of less than three letters
    assert spelling.nearest_in_catalogue("zibelinnes", 1) == "zibelines"
    assert spelling.nearest_in_catalogue("zibelines", 1) == ""  # it occurs
    assert (
        spelling.nearest_in_catalogue("xibelinnes", 2) == ""
    )  # the first letter and another one are wrong
    assert spelling.nearest_in_catalogue("ecrevise", 1) == "écrevisse"
    assert spelling.catalogue_has(["Zibeline"])
    assert spelling.catalogue_has(["hermine"]) is False


@pytest.mark.slow("words")
def test_the_word_of_most_datasets_is_the_nearest(make_datasets):
    make_datasets({"title": "Zibelane"}, {"title": "Zibelune"}, {"title": "Zibelune des bois"})
    count()
    assert spelling.nearest_in_catalogue(FAR, 1) == "zibelune"


@pytest.mark.slow("load")
def test_a_misspelt_word_takes_few_questions_to_solr(make_datasets, monkeypatch):
    make_datasets({"title": "Zibeline de la forêt d'Orléans"})
    count()
    asked: list[Any] = []
    search_solr = pysolr.Solr.search
    monkeypatch.setattr(
        pysolr.Solr,
        "search",
        lambda *args, **params: asked.append(1) or search_solr(*args, **params),
    )
    assert told(f"{FAR} forêt")["corrected"] == "zibeline forêt"
    assert len(asked) <= 6


def test_words_are_counted_anew_when_the_catalogue_changed(make_datasets):
    make_datasets({"title": "Zibeline"})
    assert job.STEPS["words_counted"]() == 1
    make_datasets({"title": "Martre"})
    assert job.WORDS.recover() == ["Search: words of the catalogue"]
    assert job.WORDS.recover() == []  # the count is queued
    assert count() == 2
    assert count() == 0
    assert not spelling.words_are_due()
    make_datasets({"title": "Hermine"})
    assert spelling.words_are_due()
    assert count() == 3


def test_words_of_private_datasets_are_not_counted(services):
    factories.Dataset(title="Zibeline", owner_org=services["id"], private=True)
    count()
    assert spelling.nearest_in_catalogue(FAR, 1) == ""
    assert told(FAR)["corrected"] == ""


def test_a_word_of_a_dataset_that_became_private_is_proposed_to_nobody_else(services):
    dataset = factories.Dataset(title="Zibeline", owner_org=services["id"])
    factories.Dataset(title="Martre des marais et des bocages", owner_org=services["id"])
    count()
    assert told(FAR)["corrected"] == "zibeline"
    helpers.call_action(
        "package_patch", {"user": services["editor"]}, id=dataset["id"], private=True
    )
    assert spelling.nearest_in_catalogue(FAR, 1) == "zibeline"  # from the earlier count
    for question in (FAR, f"martre marais bocages {FAR}"):
        assert told(question)["corrected"] == "", question


def test_nothing_is_corrected_while_no_words_are_kept(make_datasets):
    make_datasets({"title": "Zibeline"})
    assert told(FAR)["corrected"] == ""
    count()
    assert told(FAR)["corrected"] == "zibeline"
    connect_to_redis().set(spelling._key("words"), b"")
    spelling._read.clear()
    assert told(FAR)["corrected"] == ""
