"""Nightly job: time-dependent scores and checks, in independent stages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ckan.tests.helpers import CKANCliRunner

from ckanext.ecosphere.interfaces import CheckStatus
from ckanext.ecosphere.quality import cli, jobs, links, rescore, setup, store
from ckanext.ecosphere.quality.tests.conftest import act, saved, stored

pytestmark = pytest.mark.usefixtures("portal", "service")


def test_scores_that_fell_due_are_brought_up_to_date(monkeypatch: pytest.MonkeyPatch):
    today = store.today()
    late = act("package_create", **saved(name="late", modified=today.isoformat()))
    due = stored(late["id"]).due
    assert due
    tomorrow = due + timedelta(days=1)
    monkeypatch.setattr(store, "today", lambda: tomorrow)
    stages = list(jobs.nightly(False, 60))
    assert [(stage.name, stage.failed) for stage in stages] == [
        ("scores", False),
    ]
    assert stored(late["id"]).results["on_time"] == "fail"
    assert "0" in next(iter(jobs.nightly(False, 60))).told


def test_a_portal_whose_nights_are_missed_is_told(monkeypatch: pytest.MonkeyPatch):
    late = act("package_create", **saved(name="late", modified=store.today().isoformat()))
    due = stored(late["id"]).due
    assert due and setup.check()[0].status is CheckStatus.OK
    next_week = due + timedelta(days=7)
    monkeypatch.setattr(store, "today", lambda: next_week)
    [check] = setup.check()
    assert (
        check.status is CheckStatus.WARNING
        and check.remedy == "Run: ckan ecosphere quality nightly"
    )
    assert [stage.failed for stage in jobs.nightly(False, 60)] == [False]
    assert setup.check()[0].status is CheckStatus.OK


def test_a_stage_that_fails_stops_no_other(monkeypatch: pytest.MonkeyPatch):
    act("package_create", **saved(name="zones"))
    with monkeypatch.context() as patch:
        patch.setattr(rescore, "fallen_due", lambda: 1 / 0)
        patch.setattr(links, "run", lambda *_due: links.Outcome(1, 0, 0))
        stages = list(jobs.nightly(True, 60))
    assert [stage.failed for stage in stages] == [True, False]


def test_the_command_does_it_or_leaves_it_to_a_worker(monkeypatch: pytest.MonkeyPatch):
    act("package_create", **saved(name="zones"))
    result = CKANCliRunner().invoke(cli.quality, ["nightly", "--no-links"])
    assert result.exit_code == 0 and result.output.startswith("scores: ")
    with monkeypatch.context() as patch:
        patch.setattr(rescore, "fallen_due", lambda: 1 / 0)
        assert CKANCliRunner().invoke(cli.quality, ["nightly", "--no-links"]).exit_code == 1
    asked: list[Any] = []
    monkeypatch.setattr(jobs.Run, "request", lambda _run, links: asked.append(links) or "job-1")
    result = CKANCliRunner().invoke(cli.quality, ["nightly", "--background", "--no-links"])
    assert "job-1" in result.output and asked == [False]
