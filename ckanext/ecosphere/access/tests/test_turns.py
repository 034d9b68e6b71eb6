"""Lines of previews and extracts, and map images: nobody waits for all that somebody else wants,
or slow servers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories

from ckanext.ecosphere.access import jobs, turns
from ckanext.ecosphere.access.model import Extract, Sample
from ckanext.ecosphere.access.preview import images, samples
from ckanext.ecosphere.access.take import extracts
from ckanext.ecosphere.access.tests.conftest import call

pytestmark = pytest.mark.usefixtures("nothing_counted", "nothing_waits")

ONE, ANOTHER, THIRD = "203.0.113.1", "203.0.113.2", "203.0.113.3"
NANTES = "-1.6,47.2,-1.5,47.3"


@pytest.fixture
def nothing_waits(store: dict[str, Any]) -> None:
    for table in (Sample, Extract):
        model.Session.execute(sa.delete(table))
    model.Session.commit()
    for key in connect_to_redis().scan_iter("ecosphere:access:*:turn:*"):
        connect_to_redis().delete(key)


@pytest.fixture
def one_a_turn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(jobs, "TURN_SECONDS", 0)
    yield


@pytest.fixture
def files(store: dict[str, Any], hostile: Any) -> dict[str, list[str]]:
    """Paths of the previews of fourteen files of one server and of three of another."""
    url = hostile("/a.csv", b"a;b\n1;2\n", "text/csv")
    elsewhere = url.replace("127.0.0.1", "localhost")
    urls = [f"{url}?{number}" for number in range(14)] + [
        f"{elsewhere}?{number}" for number in range(3)
    ]
    resources = [{"url": each, "format": "CSV"} for each in urls]
    made: Any = factories.Dataset(owner_org=store["service"], resources=resources)
    paths = [
        f"/fr/dataset/{made['name']}/resource/{each['id']}/apercu" for each in made["resources"]
    ]
    return {"slow": paths[:14], "other": paths[14:]}


def ask(store: dict[str, Any], path: str, address: str) -> Any:
    return store["client"].post(path, environ_overrides={"REMOTE_ADDR": address})


def turns_until_made(store: dict[str, Any], path: str) -> int:
    """Make one preview after the other; return after how many that of a path is made."""
    for turn in range(1, 30):
        assert jobs.make_samples() == 1
        if "rows" in store["client"].get(path).json:
            return turn
    raise AssertionError("never made")


@pytest.mark.slow("load")
def test_ten_previews_of_a_server_let_that_of_another_person_through(store, files, one_a_turn):
    for path in files["slow"][:10]:
        assert ask(store, path, ONE).json == {"state": "wanted"}
    ask(store, files["other"][0], ANOTHER)
    assert turns_until_made(store, files["other"][0]) <= 2


@pytest.mark.slow("load")
def test_who_asks_for_one_of_a_server_comes_before_the_second_of_somebody_else(
    store, files, one_a_turn
):
    for path in files["slow"][:10]:
        ask(store, path, ONE)
    ask(store, files["slow"][10], ANOTHER)
    assert turns_until_made(store, files["slow"][10]) <= 2


@pytest.mark.slow("load")
def test_many_addresses_that_ask_one_server_do_not_delay_another_server(store, files, one_a_turn):
    for number, path in enumerate(files["slow"]):
        ask(store, path, f"198.51.100.{number}")
    ask(store, files["other"][0], ANOTHER)
    assert turns_until_made(store, files["other"][0]) <= 2


def test_a_server_that_was_slow_comes_last(store, files, one_a_turn):
    turns.note_slow("127.0.0.1")
    for number in range(5):
        ask(store, files["slow"][number], f"198.51.100.{number}")
    ask(store, files["other"][0], ANOTHER)
    assert turns_until_made(store, files["other"][0]) == 1


def test_a_server_is_slow_after_one_slow_preview(store, files, monkeypatch):
    monkeypatch.setattr(jobs, "SLOW_SECONDS", 0)
    ask(store, files["slow"][0], ONE)
    jobs.make_samples()
    assert turns.is_slow("127.0.0.1")
    assert not turns.is_slow("localhost")


def test_one_address_has_so_many_waiting_and_others_find_room(store, files, monkeypatch):
    answers = [ask(store, path, ONE) for path in files["slow"][:11]]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert "attendent" in answers[-1].json["message"] or "wait" in answers[-1].json["message"]
    assert ask(store, files["slow"][11], ANOTHER).status_code == 200
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Sample)) == 11


def test_a_server_with_many_waiting_gives_room_to_those_of_whom_nothing_waits(
    store, files, monkeypatch
):
    monkeypatch.setattr(turns, "MOST_WAITING", 6)
    monkeypatch.setattr(samples, "LINE", replace(samples.LINE, of_host=2))
    assert [ask(store, path, ONE).status_code for path in files["slow"][:3]] == [200, 200, 429]
    assert [ask(store, path, ANOTHER).status_code for path in files["slow"][3:5]] == [200, 429]
    assert ask(store, files["other"][0], ANOTHER).status_code == 200
    assert [ask(store, path, THIRD).status_code for path in files["other"][1:3]] == [200, 429]
    in_all = [
        ask(store, files["slow"][number], f"198.51.100.{number}").status_code for number in (6, 7)
    ]
    assert in_all == [200, 429]


def test_a_preview_that_somebody_else_wants_last_counts_for_who_waits_for_it(
    store, files, one_a_turn
):
    for path in files["slow"][:10]:
        ask(store, path, ONE)
    assert ask(store, files["slow"][9], ANOTHER).json == {"state": "wanted"}
    assert ask(store, files["slow"][9], ONE).json == {"state": "wanted"}  # takes nothing back
    assert turns_until_made(store, files["slow"][9]) <= 2


def test_who_asked_is_no_address_and_is_forgotten(store, files):
    ask(store, files["slow"][0], ONE)
    row = model.Session.scalars(sa.select(Sample)).one()
    assert len(row.asker) == 64 and ONE not in row.asker
    jobs.make_samples()
    model.Session.refresh(row)
    assert row.asker == ""


@pytest.mark.slow("load")
def test_a_long_extract_lets_others_pass_once_and_then_ends_with_a_sentence(store, monkeypatch):
    monkeypatch.setattr(extracts, "TURN_SECONDS", 0)
    monkeypatch.setattr(jobs, "TURN_SECONDS", 0)

    def want(name: str, headers: dict[str, str] | None = None) -> str:
        asked = {"resource_id": store["resources"][name], "box": NANTES, "format": "geojson"}
        status, row = call(store, "ecosphere_access_extract_create", headers, **asked)
        assert status == 200, row
        return row["id"]

    def shown(key: str) -> dict[str, Any]:
        return call(store, "ecosphere_access_extract_show", id=key)[1]

    long, quick = want("Données"), want("API", store["reader"])
    assert jobs.make_extracts() == 1
    assert (shown(long)["state"], shown(quick)["state"]) == ("wanted", "wanted")
    monkeypatch.setattr(extracts, "TURN_SECONDS", 30)
    assert jobs.make_extracts() == 1
    assert (shown(long)["state"], shown(quick)["state"]) == ("wanted", "made")
    monkeypatch.setattr(extracts, "TURN_SECONDS", 0)
    model.Session.get_one(Extract, want("API", store["reader"])).tries = 1
    model.Session.commit()
    assert jobs.make_extracts() == 1
    assert shown(long)["state"] == "broken"
    assert shown(long)["message"]


def test_one_address_has_ten_extracts_waiting(store, monkeypatch):
    monkeypatch.setitem(tk.config, "ecosphere.access.extract_limits", "100 per minute")
    asked = {"resource_id": store["resources"]["Données"], "box": NANTES, "format": "geojson"}
    answers = [call(store, "ecosphere_access_extract_create", **asked)[0] for _each in range(11)]
    assert answers == [200] * 10 + [409]


def png() -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"0" * 100


def test_a_silent_layer_is_left_alone_after_three_times_and_its_neighbour_is_drawn(
    hostile, heard, monkeypatch
):
    monkeypatch.setattr(images, "SECONDS", 0.4)
    silent = hostile("/muette", lambda _handler: time.sleep(1))
    good = hostile("/bonne", png(), "image/png")

    def code(url: str, layer: str) -> str:
        try:
            images.get(f"{url}?{time.monotonic()}", layer)
        except images.NoImageError as error:
            return error.code
        return ""

    assert code(silent, "a muette") in ("timeout", "connection")
    assert code(good, "a bonne") == ""
    for _each in range(4):
        assert code(silent, "a muette") in ("timeout", "connection")
    assert sum(path.startswith("/muette") for path in heard) == 3
    assert code(good, "a bonne") == ""
