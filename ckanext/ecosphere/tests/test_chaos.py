"""The pieces of `make chaos` that need no portal: what it kills, what starts it again, and that it sees what is wrong."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dev.chaos import sabotage
from dev.chaos.checks import Check
from dev.chaos.client import AWAY, BROKEN, DONE, Answer
from dev.chaos.people import Saved, Visitor
from dev.chaos.run import Result
from dev.chaos.supervisor import Supervisor
from dev.stack import process


@pytest.fixture
def sleeper(tmp_path: Path, monkeypatch: Any) -> process.Process:
    """A process of no use, kept apart from those of the stack."""
    monkeypatch.setattr(process, "local", lambda *parts: tmp_path)
    return process.Process("worker-1", [sys.executable, "-c", "import time; time.sleep(300)"], patience=20)


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
    other = process.subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    try:
        with Supervisor([sleeper]):
            pass
        assert other.poll() is None
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait(20)


def test_acknowledged_save_must_be_there_and_a_silent_one_may_be():
    saved = Saved()
    saved.note(1, Answer(DONE, 200, 0, ""))
    saved.note(2, Answer(AWAY, 503, 0, ""))
    assert saved.possible == {1, 2}
    saved.note(3, Answer(DONE, 200, 0, ""))
    assert saved.possible == {3}


@pytest.mark.parametrize(
    ("answer", "is_wrong"),
    [
        (Answer(DONE, 200, 0, "page"), False),
        (Answer(AWAY, 503, 0, "unavailable"), False),
        (Answer(BROKEN, 500, 0, "Internal server error"), True),
        (Answer(DONE, 200, 0, "Traceback (most recent call last)"), True),
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
