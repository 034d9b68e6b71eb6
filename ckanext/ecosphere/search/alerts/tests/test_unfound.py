"""Searches without results: counting, and the ministry's page about them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.search import unfound
from ckanext.ecosphere.search.alerts import job
from ckanext.ecosphere.search.alerts.tests.conftest import dataset, known, page
from ckanext.ecosphere.search.unfound import Unfound
from ckanext.ecosphere.shared import dates

pytestmark = pytest.mark.usefixtures("portal")

ACTION = "/api/3/action/ecosphere_search_unfound_list"


def counts() -> dict[str, int]:
    model.Session.rollback()
    return dict(model.Session.execute(sa.select(Unfound.words, Unfound.count)).tuples().all())


@pytest.mark.slow("words")
def test_words_are_counted_once_a_page_and_shown_to_the_ministry_from_three_on(visitor: Any):
    client = visitor()
    dataset()
    for words in ("xylophages géants", "XYLOPHAGES Geants", "xylophages-géants", "fougasses roses"):
        page(client.get("/dataset/", query_string={"q": words}))
    page(client.get("/dataset/?q=zones+humides"))
    page(client.get("/dataset/?q=fougasses&res_format=CSV"))
    page(client.get("/dataset/?q=xylophages+geants&page=2"))
    client.get("/api/3/action/package_search?q=fougasses")
    client.get("/recherche/suggestions?q=fougasses")
    assert counts() == {"xylophages geants": 3, "fougasses roses": 1}
    columns = {each.name for each in Unfound.__table__.columns}
    assert columns == {"month", "words", "count"}
    for name, status in (("moderatrice", 200), ("boss", 200), ("anne", 403), (None, 403)):
        who = known(client, name) if name else {}
        assert client.get(ACTION, headers=who).status_code == status, name
        shown = page(client.get("/recherche/sans-resultat", headers=who), status)
        assert ("xylophages geants" in shown) == (status == 200)
        assert "fougasses" not in shown
    statistics = page(client.get("/demandes/statistiques", headers=known(client, "moderatrice")))
    assert "xylophages geants" in statistics
    assert "xylophages geants" not in page(
        client.get("/demandes/statistiques", headers=known(client, "anne"))
    )


@pytest.mark.slow("days")
def test_words_are_forgotten_after_thirteen_months(ckan_config: Any):
    today = dates.today()
    for age, words in (
        (0, "cette année"),
        (12, "un an"),
        (13, "treize mois"),
        (14, "quatorze mois"),
    ):
        year, month = divmod(today.year * 12 + today.month - 1 - age, 12)
        model.Session.add(Unfound(month=date(year, month + 1, 1), words=words, count=5))
    model.Session.commit()
    assert [each["words"] for each in unfound.most(3)] == ["cette année"]
    assert job.tick()["unfound_erased"] == 1
    assert set(counts()) == {"cette année", "un an", "treize mois"}


@pytest.mark.slow("variants")
def test_a_page_never_fails_of_the_count_nor_waits_for_it(visitor: Any):
    client = visitor()
    dataset()
    page(client.get("/dataset/?q=xylophages"))
    # The same words are being counted in another transaction.
    assert model.meta.engine is not None
    with model.meta.engine.connect() as other, other.begin():
        other.execute(sa.text("UPDATE ecosphere_search_unfound SET count = count"))
        page(client.get("/dataset/?q=xylophages"))
    assert counts() == {"xylophages": 1}
    model.Session.execute(sa.text("ALTER TABLE ecosphere_search_unfound RENAME TO away"))
    model.Session.commit()
    try:
        page(client.get("/dataset/?q=xylophages"))
    finally:
        model.Session.rollback()
        model.Session.execute(sa.text("ALTER TABLE away RENAME TO ecosphere_search_unfound"))
        model.Session.commit()


def test_a_flood_of_words_is_not_counted(visitor: Any, monkeypatch: Any):
    monkeypatch.setattr(unfound, "CEILING", "2 per hour")
    client = visitor()
    dataset()
    for rank in ("aaaxyz", "bbbxyz", "cccxyz"):
        page(client.get(f"/dataset/?q={rank}"))
    assert len(counts()) == 2
