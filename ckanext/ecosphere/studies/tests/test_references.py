"""National references: links for a site, and the weekly question
to places whose answer is known.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import shapely

from ckanext.ecosphere.shared.http_guard import Budget, GuardedSession, GuardSettings, networks
from ckanext.ecosphere.studies import content, frames, references
from ckanext.ecosphere.studies.content import ContentError
from ckanext.ecosphere.studies.references import (
    ANSWERED,
    NO_ANSWER,
    WRONG,
    Check,
    Reference,
)
from ckanext.ecosphere.tests.scripted_server import Exchange, serve

NOW = datetime(2026, 11, 30, 6, tzinfo=timezone.utc)


@dataclass
class Place:
    """What references take of a site."""

    kind: str = "communes"
    codes: tuple[str, ...] = ("83021",)
    territories: tuple[str, ...] = ("departement-83", "region-pac", "pays-fra")
    area: Any = field(default_factory=lambda: shapely.box(5.9, 43.4, 6.0, 43.5))
    box: tuple[float, float, float, float] = (5.9, 43.4, 6.0, 43.5)


def need(*keys: str) -> frames.Need:
    return frames.Need("risques", {"fr": "Risques"}, references=keys)


def links(
    *keys: str, place: Any = None, checks: dict[str, Check] | None = None
) -> tuple[references.Link, ...]:
    return references.links(need(*keys), place or Place(), checks or {})


# --- the table -----------------------------------------------------------------------------------


def test_each_reference_of_a_need_is_known_and_each_known_one_is_used():
    used = {key for need in frames.needs().values() for key in need.references}
    assert used == set(references.references())


def test_each_reference_has_a_name_in_both_languages_and_each_api_a_known_answer():
    for reference in references.references().values():
        assert set(reference.label) == {"fr", "en"}, reference.key
        assert bool(reference.api) == bool(reference.golden), reference.key
        for golden in reference.golden:
            assert references.filled(reference.api, golden), reference.key
            assert golden["least"] >= 1, reference.key


def test_the_commune_that_was_once_told_to_have_no_risks_is_asked():
    reference = references.references()["georisques-commune"]
    assert "83021" in [golden["code_insee"] for golden in reference.golden]


def read(**values: Any) -> list[str]:
    row = {"label": {"fr": "A", "en": "A"}, "home": "https://a.example/", **values}
    try:
        content.checked({"a": row}, "references", "references.yaml", {"territories": ()})
    except ContentError as error:
        return [problem.code for problem in error.problems]
    return []


def test_an_address_that_takes_what_no_site_has_is_refused():
    assert read(url="https://a.example/?p={parcelle}") == ["template"]
    assert read(url="https://a.example/?p={code_insee") == ["template"]
    assert read(url="https://a.example/?p={code_insee.__class__}") == ["template"]
    assert read(api="https://a.example/", count="n") == ["golden"]
    assert read(api="https://a.example/", golden=[{"least": 1}]) == ["golden"]
    assert read(url="https://a.example/?p={code_insee}") == []


def test_a_wrong_file_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(references, "load", lambda _path: {"a": {"home": "ftp://a.example/"}})
    references.references.cache_clear()
    try:
        with pytest.raises(ContentError, match=r"references.yaml > a"):
            references.references()
    finally:
        monkeypatch.undo()
        references.references.cache_clear()


# --- links ---------------------------------------------------------------------------------------


def test_a_link_takes_the_commune_and_its_place():
    (link,) = links("georisques-commune")
    assert link.exact and link.answers
    assert "codeInsee=83021&city=Bras&lon=5.95000&lat=43.45000&typeForm=commune" in link.url


def test_a_drawn_site_takes_the_commune_in_which_it_lies():
    drawn = Place(kind="drawn", codes=(), territories=("commune-83021", "departement-83"))
    (link,) = links("insee-commune", place=drawn)
    assert link.url.endswith("geo=COM-83021")


def test_a_site_without_commune_leads_to_the_home_page():
    drawn = Place(kind="drawn", codes=(), territories=("pays-fra",))
    (link,) = links("insee-commune", place=drawn)
    assert not link.exact and link.url == references.references()["insee-commune"].home


def test_values_of_a_site_are_quoted():
    assert (
        references.filled("https://a/?c={commune}", {"commune": "L'Haÿ & #x"})
        == "https://a/?c=L%27Ha%C3%BF%20%26%20%23x"
    )


def test_a_reference_of_an_island_is_not_shown_elsewhere():
    assert links("peigeo") == ()
    assert len(links("peigeo", place=Place(territories=("outre-mer-reu",)))) == 1
    values = references.values_of(
        Place(codes=("97411",), territories=("outre-mer-reu", "pays-fra"))
    )
    assert (values["code_insee"], values["departement"]) == ("97411", "974")


def test_a_reference_that_failed_its_last_check_did_not_answer():
    for state in (WRONG, NO_ANSWER):
        checks = {"gpu": Check("gpu", state, "", NOW.isoformat())}
        (link,) = links("gpu", checks=checks)
        assert not link.answers
    (link,) = links("gpu", checks={"gpu": Check("gpu", ANSWERED, "", NOW.isoformat())})
    assert link.answers


def test_every_need_has_links_at_most_places():
    for known in frames.needs().values():
        assert len(references.links(known, Place(), {})) <= len(known.references)


# --- weekly check --------------------------------------------------------------------------------


def session(**settings: Any) -> GuardedSession:
    settings = {
        "allowed_networks": networks(["127.0.0.0/8"]),
        "attempts": 1,
        "total_seconds": 1,
        **settings,
    }
    return GuardedSession(GuardSettings(**settings))


def asked(
    script: Callable[[Exchange], None], monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> Check:
    """Return the outcome for a reference whose API is a scripted server,
    and that expects two entries at Bras.
    """
    with serve(script) as server:
        reference = Reference(
            "a",
            {"fr": "A"},
            "https://a.example/",
            api=f"{server.url}/risks?code_insee={{code_insee}}",
            count="data.0.risks",
            golden=({"code_insee": "83021", "least": 2},),
        )
        monkeypatch.setattr(references, "references", lambda: {"a": reference})
        return references.verify(session(**settings), NOW)["a"]


def risks(count: int) -> str:
    return json.dumps({"data": [{"risks": [{}] * count}]})


def test_a_known_answer_is_an_answer(monkeypatch: pytest.MonkeyPatch):
    def script(exchange: Exchange) -> None:
        assert exchange.path == "/risks?code_insee=83021"
        exchange.answer(risks(2))

    check = asked(script, monkeypatch)
    assert (check.state, check.at) == (ANSWERED, "2026-11-30T06:00:00+00:00")


@pytest.mark.parametrize(
    "body",
    [
        risks(1),
        risks(0),
        '{"data": []}',
        '{"data": [{"risks": null}]}',
        '{"data": [{"risks": true}]}',
        '{"data": [{"risks": "8"}]}',
        '{"data": [{"risks": -1}]}',
        '{"data": {"0": 1}}',
        "[]",
        "8",
        "<html>zero risks</html>",
        "",
    ],
)
def test_another_answer_is_wrong_and_no_absence(body: str, monkeypatch: pytest.MonkeyPatch):
    assert asked(lambda exchange: exchange.answer(body), monkeypatch).state == WRONG


def test_a_server_that_fails_did_not_answer(monkeypatch: pytest.MonkeyPatch):
    assert (
        asked(lambda exchange: exchange.answer(risks(8), status=500), monkeypatch).state
        == NO_ANSWER
    )
    assert asked(lambda exchange: exchange.answer("x" * 5_000_000), monkeypatch).state == NO_ANSWER
    assert asked(lambda exchange: exchange.connection.close(), monkeypatch).state == NO_ANSWER


def test_a_slow_server_did_not_answer_and_time_is_bounded(monkeypatch: pytest.MonkeyPatch):
    start = time.monotonic()
    check = asked(lambda _exchange: time.sleep(3), monkeypatch, total_seconds=0.3)
    assert check.state == NO_ANSWER
    assert time.monotonic() - start < 4


def test_when_the_time_of_the_check_is_over_the_rest_did_not_answer(
    monkeypatch: pytest.MonkeyPatch,
):
    reference = replace(references.references()["gpu"], key="a")
    monkeypatch.setattr(references, "references", lambda: {"a": reference})
    spent = GuardedSession(GuardSettings(), budget=Budget(seconds=0))
    assert references.verify(spent, NOW)["a"].state == NO_ANSWER


def test_a_reference_inside_of_the_network_is_refused(monkeypatch: pytest.MonkeyPatch):
    check = asked(lambda exchange: exchange.answer(risks(8)), monkeypatch, allowed_networks=())
    assert check.state == NO_ANSWER


def test_a_count_is_found_at_its_path():
    assert references.count_at({"count": 3}, "count") == 3
    assert references.count_at({"a": [{"b": [1, 2]}]}, "a.0.b") == 2


def test_the_check_is_due_each_week():
    checks = {"a": Check("a", ANSWERED, "", NOW.isoformat())}
    assert references.is_due({}, NOW)
    assert not references.is_due(checks, NOW + timedelta(days=6))
    assert references.is_due(checks, NOW + timedelta(days=8))


@pytest.mark.usefixtures("with_plugins", "clean_db")
def test_outcomes_are_stored():
    check = Check("gpu", WRONG, "0 at features", NOW.isoformat())
    assert references.last_checks() == {}
    references.keep({"gpu": check})
    assert references.last_checks() == {"gpu": check}
    (link,) = references.links(need("gpu"), Place(), references.last_checks())
    assert not link.answers


def test_every_problem_has_a_sentence_with_the_place():
    assert all("{place}" in sentence for sentence in content.PROBLEMS.values())
