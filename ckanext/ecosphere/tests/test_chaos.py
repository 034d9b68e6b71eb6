"""Parts of `make chaos` that need no portal: killing, restarting,
and detection of inconsistencies.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dev.chaos import checks
from dev.chaos import run as sabotage
from dev.chaos.catalogues import Catalogue
from dev.chaos.checks import Check
from dev.chaos.people import Answer, Producer, Saved, Visitor
from dev.chaos.run import Result, Supervisor
from dev.stack import process


def answered(status: int, content: bytes = b"") -> Answer:
    return Answer(status, content, {}, cost=0)


@pytest.fixture
def sleeper(tmp_path: Path, monkeypatch: Any) -> process.Process:
    """An idle process, recorded separately from those of the stack."""
    monkeypatch.setattr(process, "local", lambda *parts: tmp_path)
    return process.Process(
        "worker-1", [sys.executable, "-c", "import time; time.sleep(300)"], patience=20
    )


def test_same_seed_gives_the_same_kills():
    names = list(sabotage.kinds())
    assert sabotage.plan(3, 25, names) == sabotage.plan(3, 25, names) != sabotage.plan(4, 25, names)
    each = Counter(kill.kind for kill in sabotage.plan(3, 2 * len(names), names))
    assert set(each.values()) == {2}


def test_killed_process_is_started_again(sleeper: process.Process, monkeypatch: Any):
    monkeypatch.setattr(sabotage.time, "sleep", lambda seconds: None)
    with Supervisor([sleeper]) as supervisor:
        first = sleeper.pid()
        kills = [sabotage.Kill(0, "worker", 0.5)]
        assert sabotage.carry_out(kills, supervisor.processes, lambda text: None) == {"worker": 1}
        end = time.monotonic() + 20
        while sleeper.pid() in (None, first) and time.monotonic() < end:
            os.sched_yield()
        assert sleeper.pid() not in (None, first)
    assert sleeper.pid() is None


def test_other_processes_are_never_killed(sleeper: process.Process):
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    try:
        with Supervisor([sleeper]):
            pass
        assert other.poll() is None
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait(20)


def test_acknowledged_save_must_be_there_and_a_silent_one_may_be():
    saved = Saved()
    saved.note(1, answered(200))
    saved.note(2, answered(503))
    assert saved.possible == {1, 2}
    saved.note(3, answered(200))
    assert saved.possible == {3}


@pytest.mark.parametrize(
    ("answer", "is_wrong"),
    [
        (answered(200, b"page"), False),
        (answered(503, b"unavailable"), False),
        (answered(500, b"Internal server error"), True),
        (answered(200, b"Traceback (most recent call last)"), True),
    ],
)
def test_visitor_sees_what_nobody_should(answer: Answer, is_wrong: bool):
    visitor = Visitor(None, 1)  # pyright: ignore[reportArgumentType]
    visitor.saw("/", answer)
    assert bool(visitor.wrong) is is_wrong


@pytest.mark.parametrize(
    ("checks", "seconds", "passed"),
    [
        ([Check("a", 1)], {"b": (1.0, 2.0)}, True),
        ([Check("a", 1, ["lost"])], {"b": (1.0, 2.0)}, False),
        ([Check("a", 1)], {"b": (3.0, 2.0)}, False),
        ([Check("a", 1)], {"b": (None, 2.0)}, False),
    ],
)
def test_run_passes_only_when_nothing_is_wrong_and_late(checks: Any, seconds: Any, passed: bool):
    assert Result(Counter(), checks, seconds).passed is passed


# --- detection of inconsistencies ---

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901)


@pytest.fixture
def stored(monkeypatch: Any) -> dict[str, Any]:
    """A consistent portal of one dataset, as the checks read it.

    Each test breaks one part of it.
    """
    catalogue = Catalogue("essai", "waf", 1)
    row = {
        "id": "a",
        "name": "a",
        "title": catalogue.title(0),
        "notes": catalogue.abstract(0),
        "state": "active",
    }
    row |= {"type": "dataset", "metadata_modified": MOMENT}
    shown = {"metadata_modified": MOMENT.isoformat(), "notes": row["notes"]}
    document = {
        "id": "a",
        "name": "a",
        "ecosphere_quality_score": 50,
        "validated_data_dict": json.dumps(shown),
    }
    answers: dict[str, list[dict[str, Any]]] = {
        "ecosphere_quality": [{"package_id": "a", "score": 50}]
    }

    def rows(statement: str, *values: Any) -> list[dict[str, Any]]:
        table = re.search(r"FROM (\w+)", statement)
        return answers.get(table[1] if table else "", [])

    monkeypatch.setattr(checks, "rows", rows)
    return {"catalogue": catalogue, "row": row, "document": document, "answers": answers}


def wrong(stored: dict[str, Any]) -> list[str]:
    documents = [stored["document"]] if stored["document"] else []
    portal = checks.Portal({"a": stored["row"]}, {"a": documents})
    done = (
        checks.sources(portal, [stored["catalogue"]]),
        checks.index(portal),
        checks.quality(portal),
    )
    return [text for check in done for text in check.wrong]


def test_nothing_is_wrong_where_all_agrees(stored: dict[str, Any]):
    assert wrong(stored) == []


def test_missing_row_of_quality_is_seen(stored: dict[str, Any]):
    stored["answers"]["ecosphere_quality"] = []
    assert wrong(stored) == ["a: no row of quality"]


def test_other_score_in_the_index_is_seen(stored: dict[str, Any]):
    stored["document"]["ecosphere_quality_score"] = 49
    assert wrong(stored) == ["a: score 49 in the index, 50 in the table"]


def test_dataset_out_of_the_index_is_seen(stored: dict[str, Any]):
    stored["document"] = None
    assert wrong(stored) == ["a: 0 documents"]


def test_change_of_the_source_that_was_not_read_is_seen(stored: dict[str, Any]):
    stored["catalogue"].change([0])
    assert len(wrong(stored)) == 1


def test_withdrawn_dataset_is_seen(stored: dict[str, Any]):
    stored["row"]["state"] = "deleted"
    assert any("deleted" in text for text in wrong(stored))


def test_held_withdrawals_are_seen(stored: dict[str, Any]):
    stored["answers"]["ecosphere_harvest_hold"] = [{"records": 3}]
    assert wrong(stored) == ["a hold of 3 withdrawals"]


@pytest.mark.parametrize(
    ("notes", "resource", "tag", "is_wrong"),
    [(3, 3, 3, False), (3, 3, 2, True), (2, 2, 2, True), (4, 4, 4, False)],
)
def test_half_a_save_and_a_lost_one_are_seen(
    stored: dict[str, Any], notes: int, resource: int, tag: int, is_wrong: bool
):
    producer = Producer(None, 1)  # pyright: ignore[reportArgumentType]
    producer.saved["a"] = Saved(acknowledged=3, unknown={4})
    stored["row"]["notes"] = f"Enregistrement {notes}."
    stored["answers"] |= {
        "resource": [{"name": f"Fichier {resource}"}],
        "tag": [{"name": f"marque-{tag}"}],
    }
    check = checks.saves(checks.Portal({"a": stored["row"]}, {}), producer)
    assert bool(check.wrong) is is_wrong
