"""Re-scoring: all datasets, due datasets, in the background, and what must not change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.interfaces import CheckStatus, InitReport
from ckanext.ecosphere.quality import jobs, rescore, setup, store
from ckanext.ecosphere.quality.core.facts import gather
from ckanext.ecosphere.quality.model import QualityHistory, QualityRow
from ckanext.ecosphere.quality.store import stored_dataset
from ckanext.ecosphere.quality.tests.conftest import act, count, from_scratch, saved, stored

pytestmark = pytest.mark.usefixtures("portal", "service")


def test_the_bulk_reader_reads_what_the_others_read():
    cases: list[dict[str, Any]] = [
        {},
        {"tags": []},
        {"resources": []},
        {"contact": None, "license_id": None},
    ]
    for number, changes in enumerate(cases):
        created = act("package_create", **saved(name=f"zone-{number}", **changes))
        package = model.Package.get(created["id"])
        assert package
        [data] = store.load([created["id"]]).values()
        assert gather(data) == gather(stored_dataset(package)) == gather(created)


def test_everything_is_scored_again_and_a_second_time_changes_nothing():
    ids = [
        act("package_create", **saved(name=f"zone-{n}", license_id=licence))["id"]
        for n, licence in enumerate(("", "cc-by"))
    ]
    expected = {key: (stored(key).score, stored(key).facts, stored(key).themes) for key in ids}
    model.Session.execute(sa.delete(QualityRow))
    model.Session.commit()
    outcome = rescore.everything()
    assert (outcome.seen, sorted(outcome.changed)) == (2, sorted(ids))
    assert {
        key: (stored(key).score, stored(key).facts, stored(key).themes) for key in ids
    } == expected
    assert rescore.everything().changed == []
    assert count(QualityHistory) == 2


def test_results_of_background_checks_survive_a_re_score():
    created = act("package_create", **saved(name="zones"))
    row = stored(created["id"])
    row.checks = {"links": {created["resources"][0]["url"]: False}}
    model.Session.commit()
    rescore.everything()
    assert stored(created["id"]).results["links_work"] == "fail"
    assert stored(created["id"]).checks == {"links": {created["resources"][0]["url"]: False}}


def test_rows_of_datasets_that_are_gone_are_removed():
    created = act("package_create", **saved(name="zones"))
    model.Session.execute(sa.update(QualityRow).values(package_id="gone"))
    model.Session.commit()
    assert rescore.everything().pruned == 1
    assert stored(created["id"])


def test_what_falls_due_is_scored_and_indexed_once(
    monkeypatch: pytest.MonkeyPatch, solr_adds: list[Any]
):
    today = store.today().isoformat()
    late = act("package_create", **saved(name="late", modified=today))
    act("package_create", **saved(name="never", modified=today, frequency=None))
    row = stored(late["id"])
    assert row.due
    tomorrow = row.due + timedelta(days=1)
    monkeypatch.setattr(store, "today", lambda: tomorrow)
    solr_adds.clear()
    outcome = rescore.fallen_due()
    rescore.reindex(outcome.changed)
    assert outcome.changed == [late["id"]]
    assert [document["id"] for document in solr_adds] == [late["id"]]
    row = stored(late["id"])
    assert (
        row.results["on_time"] == "fail" and row.due and row.due > tomorrow
    )  # when the second update will be missed
    assert rescore.fallen_due().seen == 0
    shown = act(
        "package_search",
        fq=f"+id:{late['id']} +ecosphere_quality_score:{stored(late['id']).score:03d}",
    )
    assert shown["count"] == 1


def test_new_weights_are_applied_in_the_background(
    ckan_config: Any, monkeypatch: Any, tmp_path: Any, with_test_worker: Any
):
    created = act("package_create", **saved(name="zones"))
    path = tmp_path / "model.yaml"
    path.write_text(
        "version: only-licence\npoints: {licence: 1}\nlevels: [{code: gold, from: 100}, {code: bronze, from: 0}]"
    )
    monkeypatch.setitem(ckan_config, "ecosphere.quality.model_file", str(path))
    assert setup.check()[0].status is CheckStatus.WARNING
    report = InitReport()
    setup.initialise(report)
    assert report.lines[0][0] == "changed"
    jobs.rescore_all()
    row = stored(created["id"])
    assert (row.model_version, row.score, row.results) == ("only-licence", 100, {"licence": "pass"})
    assert act("package_search", fq="ecosphere_quality_level:gold")["count"] == 1
    assert setup.check()[0].status is CheckStatus.OK
    setup.initialise(report)
    assert report.lines[1][0] == "unchanged"


def test_weights_that_cannot_be_read_are_told(ckan_config: Any, monkeypatch: Any):
    monkeypatch.setitem(ckan_config, "ecosphere.quality.model_file", "/nowhere.yaml")
    [check] = setup.check()
    assert check.status is CheckStatus.ERROR and "/nowhere.yaml" in check.message


def test_scores_agree_with_a_computation_from_scratch_after_all_of_it():
    created = act("package_create", **saved(name="zones"))
    rescore.everything()
    assert stored(created["id"]).results == from_scratch(created["id"]).states
