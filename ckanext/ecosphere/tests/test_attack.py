"""The attack suite detects vulnerabilities: each class of attacks against a
deliberately vulnerable portal.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from ckanext.ecosphere.tests.export_readers import is_formula
from ckanext.ecosphere.tests.scripted_server import Exchange, serve
from ckanext.ecosphere.tests.weak_portal import WeakPortal, staged, strict_portal
from dev.attack import __main__ as classes
from dev.attack import asking, mails, sources, tables, texts
from dev.attack import hostile as hostile_module
from dev.attack.__main__ import carry_out, table
from dev.attack.hostile import BEHAVIOURS, canaries, hostile
from dev.attack.load import Load, Measured, spent
from dev.attack.stage import Outcome, Stage
from dev.attack.tables import filled, repeated
from dev.stack.process import resident_bytes

MAIL = b"From: portal@guichet.example\nTo: victim@guichet.example\nSubject: x\n\nhttps://evil.example/login\n"
BROWSER_CLASSES = {"xss"}


@pytest.fixture
def stage_of() -> Iterator[Callable[[Callable[[Exchange], None]], Stage]]:
    """Return a function that makes a stage for a portal with the given script."""
    with canaries() as birds, hostile(Load(), birds, BEHAVIOURS) as server:
        running = []

        def make(script: Callable[[Exchange], None]) -> Stage:
            running.append(context := serve(script))
            mail = [MAIL] if isinstance(script, WeakPortal) else []
            return staged(context.__enter__().url, birds, server, mail)

        yield make
        for context in running:
            context.__exit__(None, None, None)


def shortened(name: str) -> Any:
    """Return a table with only the first of its payloads."""
    whole = tables.table(name)
    longest = ("payloads", "addresses", "spellings")
    if isinstance(whole, list):
        return whole
    return {key: value[:1] if key in longest else value for key, value in whole.items()}


def _marked(name: str) -> object:
    return pytest.param(name, marks=pytest.mark.browser) if name in BROWSER_CLASSES else name


@pytest.mark.slow("attacks")
@pytest.mark.parametrize("name", [_marked(name) for name in classes.CLASSES])
def test_class_gets_through_a_weak_portal(name, stage_of, monkeypatch):
    monkeypatch.setattr(asking, "SLOWEST_SECONDS", 0.05)
    for module in (texts, sources):
        monkeypatch.setattr(module, "table", shortened)
    stage = stage_of(WeakPortal())

    def first() -> Any:
        return next((outcome for outcome in classes.CLASSES[name](stage) if outcome.through), None)

    with ThreadPoolExecutor(
        1
    ) as alone:  # Playwright cannot start a second browser in a thread that already has one
        assert alone.submit(first).result()


@pytest.mark.slow("attacks")
@pytest.mark.parametrize("name", ["forged", "redirects", "private"])
def test_class_does_not_get_through_a_portal_that_refuses(name, stage_of, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)

    outcomes = list(classes.CLASSES[name](stage_of(strict_portal)))

    assert len(outcomes) > 10
    assert [outcome for outcome in outcomes if outcome.through] == []


@pytest.mark.slow("attacks")
def test_replies_and_hosts_of_previews_get_through_a_weak_portal(stage_of, monkeypatch):
    spelling = {
        "spellings": ["http://{host}:{port}/{path}"],
        "previews": {"formats": [{"format": "CSV"}], "documents": []},
    }
    monkeypatch.setattr(sources, "table", lambda _name: spelling)
    described = stage_of(WeakPortal())
    described.objects["dataset_name"] = "attacked"

    replies = {outcome.what for outcome in mails.replies(stage_of(WeakPortal())) if outcome.through}
    previews = {outcome.what for outcome in sources.previews(described) if outcome.through}

    assert {"reply: another person", "reply: bounce", "reply: page: what is shown"} <= replies
    assert any(name.startswith("CSV at http://127.66.6.6") for name in previews)


@pytest.mark.slow("attacks")
def test_faults_and_slow_answers_get_through(stage_of, monkeypatch):
    monkeypatch.setattr(asking, "SLOWEST_SECONDS", 0.05)
    client = stage_of(WeakPortal()).people["nobody"]

    assert asking.judged("fault", client.get("/%00")).through
    assert asking.judged("slow", client.get("/" + "a" * 2000)).through
    assert not asking.judged("quick", client.get("/a")).through


def test_result_is_good_only_when_all_is(stage_of):
    stage = stage_of(strict_portal)

    def result(*outcomes: Outcome):
        return carry_out("x", lambda _stage: iter(outcomes), stage, lambda _text: None)

    def broken(_stage: Stage) -> Iterator[Outcome]:
        yield Outcome("a", False)
        raise ValueError("broken")

    assert result(Outcome("a", False)).good
    assert not result(Outcome("a", False), Outcome("b", True)).good
    assert not result().good
    failed = carry_out("x", broken, stage, lambda _text: None)
    assert not failed.good and "ValueError" in table([failed])


def test_canaries_take_another_port_when_one_host_uses_the_first(monkeypatch):
    started = []

    def serve_beside_another(script: Callable[[Exchange], None], host: str, port: int) -> Any:
        if len(started) == 1:
            started.append(taken := socket.create_server((host, port)))
            finished.callback(taken.close)
        else:
            started.append(port)
        return serve(script, host=host, port=port)

    monkeypatch.setattr(hostile_module, "serve", serve_beside_another)
    with ExitStack() as finished, canaries() as birds:
        assert birds.port not in (0, started[1].getsockname()[1])
    assert len(started) == 2 + len(hostile_module.HOSTS)


def test_cost_leaves_out_the_wait_for_a_processor():
    assert Measured(wall=10, processor=0.5, waiting=9).cost == 1
    assert Measured(wall=10, processor=4, waiting=9).cost == 4
    assert Measured(wall=10, processor=0.1, waiting=0).cost == 10
    assert Measured(wall=1, processor=5, waiting=0).cost == 1


def test_processor_time_and_memory_of_a_process_are_seen():
    program = "x = bytearray(80_000_000)\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        load = Load(lambda: [process.pid], lambda: [process.pid])
        deadline = time.monotonic() + 20
        while resident_bytes(process.pid) < 80_000_000 and time.monotonic() < deadline:
            time.sleep(0.05)
        before = spent([process.pid])[process.pid].processor
        while spent([process.pid])[process.pid].processor <= before and time.monotonic() < deadline:
            time.sleep(0.05)

        assert load.sample() >= 80_000_000
        assert spent([process.pid])[process.pid].processor > before
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("cell", ["=1", "＝1", ' "=1', "\t=1", "\u00a0@a", "－1", "+1"])
def test_formula_is_recognised(cell):
    assert is_formula(cell)


@pytest.mark.parametrize("cell", ["", "a=1", "'=1", "1-1", "Zone"])
def test_text_is_no_formula(cell):
    assert not is_formula(cell)


def test_tables_are_filled():
    assert repeated("{repeat:ab:3}c") == "abababc"
    assert filled({"id": "{word}", "x": ["a {word}"]}, {"word": 5}) == {"id": 5, "x": ["a 5"]}


def test_hostile_server_gives_up_by_itself():
    with canaries() as birds, hostile(Load(), birds, BEHAVIOURS) as server:
        url = f"{server.url}/do/good_csw"

        assert server.count(url, 10)
        assert not server.count(url, 10**9)
        assert server.exhausted(url) and not server.exhausted("another")


def test_canary_tells_who_came():
    with canaries() as birds:
        first, second = birds.path(), birds.path()
        WeakPortal._fetch(birds.address(first))

        assert birds.asked(first) and not birds.asked(second)
