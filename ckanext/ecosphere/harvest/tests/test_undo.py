"""Undo of a harvest: what it added, changed and withdrew,
and what has changed since and stays as it is.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from ckan import model
from ckan.lib import jobs
from ckan.tests import factories

from ckanext.ecosphere.harvest import config, worker
from ckanext.ecosphere.harvest.finish import undo as undoing
from ckanext.ecosphere.harvest.model import Undo
from ckanext.ecosphere.harvest.tests import processes
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.harvest.worker import QUEUE
from ckanext.ecosphere.tests.browser import axe_violations, log_in

PASSWORD = "un mot de passe de test"
ZIP = ("https://data.example.org/zones.zip", "WWW:DOWNLOAD-1.0-http--download", "Zones (SHP)")
CSV = ("https://data.example.org/zones.csv", "WWW:DOWNLOAD-1.0-http--download", "Zones (CSV)")
FIRST = [iso_record(1), iso_record(2, links=(ZIP, CSV), abstract="Ancien."), iso_record(3)]
SECOND = [
    FIRST[0],
    iso_record(2, links=(CSV,), title="Nouveau titre", abstract="Nouveau."),
    iso_record(4),
]
"""The second harvest changes one record, withdraws one and adds one."""


@pytest.fixture(autouse=True)
def withdrawn_at_once(ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dataset is withdrawn at the first absence of its record."""
    monkeypatch.setitem(ckan_config, config.WITHDRAW_AFTER, 1)


def harvested_twice(portal: Any, server: Any) -> str:
    """Harvest the first records, then the second ones; return the source."""
    server.records[:] = FIRST
    source = portal.source(server.url)
    portal.harvest(source)
    server.records[:] = SECOND
    assert portal.harvest(source) == {"added": 1, "updated": 1, "deleted": 1, "not modified": 1}
    return source


def undo(portal: Any, source: str) -> dict[str, str]:
    """Undo the last job of a source, as its button and a worker do.

    Return identifier → what became of it.
    """
    job_id = portal.last_job(source)
    portal.call("ecosphere_harvest_job_undo", id=job_id)
    worker.carry_out(source)
    model.Session.remove()
    listed = portal.call("ecosphere_harvest_changes_list", id=job_id)
    assert listed["undo"]["finished"] and listed["undo"]["done"] == listed["undo"]["total"]
    return {row["identifier"]: row["undo"] for row in listed["results"]}


def without_times(datasets: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return datasets without the moments of their last save."""
    moments = ("metadata_modified", "created", "position", "extras")
    shown = {}
    for title, dataset in datasets.items():
        resources = [
            {k: v for k, v in each.items() if k not in moments} for each in dataset["resources"]
        ]
        shown[title] = {k: v for k, v in dataset.items() if k not in moments} | {
            "resources": resources
        }
    return shown


def test_all_is_as_before_and_the_next_harvest_does_it_again(portal):
    with catalogue() as server:
        server.records[:] = FIRST
        source = portal.source(server.url)
        portal.harvest(source)
        before = without_times(portal.datasets())
        server.records[:] = SECOND
        portal.harvest(source)
        after = without_times(portal.datasets())
        assert set(after) == {"Jeu de données 1", "Nouveau titre", "Jeu de données 4"}

        assert set(undo(portal, source).values()) == {"undone"}
        assert without_times(portal.datasets()) == before
        assert portal.found() == sorted(before)

        again = portal.harvest(source)
        assert again == {"added": 1, "updated": 1, "deleted": 1, "not modified": 1}
        assert without_times(portal.datasets()) == after
        assert portal.found() == sorted(after)


@pytest.mark.slow("variants")
def test_the_reports_of_earlier_jobs_stay_as_they_were(portal):
    with catalogue() as server:
        source = harvested_twice(portal, server)
        first = portal.call("harvest_job_list", source_id=source)[-1]["id"]
        before = [portal.counts(job) for job in (first, portal.last_job(source))]
        undo(portal, source)
        assert [portal.counts(job) for job in (first, portal.last_job(source))] == before


@pytest.mark.slow("variants")
def test_what_people_and_later_harvests_changed_is_left_as_it_is_with_the_reason(portal):
    records = [iso_record(n) for n in range(1, 7)]
    with catalogue(records) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        server.records[:] = [iso_record(n, abstract="Deuxième version.") for n in range(1, 7)]
        portal.harvest(source)
        job_id = portal.last_job(source)
        ids = portal.ids()
        # 1: somebody changes a field; 2: a field that no harvest holds; 3: deletes it; 4: a later
        # harvest changes it.
        portal.call("package_patch", id=ids["Jeu de données 1"], notes="Corrigé ici.")
        portal.call("package_patch", id=ids["Jeu de données 2"], private=True)
        portal.call("package_delete", id=ids["Jeu de données 3"])
        server.records[3] = iso_record(4, abstract="Troisième version.")
        portal.harvest(source)
        kept = without_times({t: d for t, d in portal.datasets().items() if t[-1] in "124"})

        portal.call("ecosphere_harvest_job_undo", id=job_id)
        worker.carry_out(source)
        model.Session.remove()
        rows = portal.call("ecosphere_harvest_changes_list", id=job_id)["results"]
        assert [row["undo"] for row in rows] == [
            "local",
            "edited",
            "gone",
            "later",
            "undone",
            "undone",
        ]
        assert all(row["reason"] for row in rows)
        shown = without_times(portal.datasets())
        assert {title: shown[title] for title in kept} == kept
        assert "Jeu de données 3" not in shown
        assert "Zones soumises" in shown["Jeu de données 5"]["notes"]


@pytest.mark.slow("variants")
def test_a_dataset_that_another_catalogue_has_is_published_from_there(portal):
    uuid = "fr-120066022-jdd-0d1ad7a1-13f8-4a3f-9d6c-3a4f4d8f2b11"
    with catalogue([iso_record(1, identifier=uuid, title="Origine")]) as one, catalogue() as two:
        first = portal.source(one.url, name="origine")
        portal.harvest(first)
        two.records[:] = [iso_record(1, identifier=uuid, title="Copie")]
        second = portal.source(two.url, name="copie")
        portal.harvest(second)
        id_ = portal.ids()["Origine"]
        assert list(undo(portal, first).values()) == ["handed-over"]
        assert portal.ids() == {"Copie": id_}
        assert portal.found() == ["Copie"]


@pytest.mark.slow("kills")
def test_an_interrupted_undo_goes_on_where_it_stopped(portal, monkeypatch):
    monkeypatch.setattr(undoing, "_AT_ONCE", 1)
    with catalogue() as server:
        server.records[:] = FIRST
        source = portal.source(server.url)
        portal.harvest(source)
        before = without_times(portal.datasets())
        server.records[:] = SECOND
        portal.harvest(source)
        job_id = portal.last_job(source)
        portal.call("ecosphere_harvest_job_undo", id=job_id)

        for step, moment in (
            ("_take_back", "before"),
            ("_store_state", "before"),
            ("reconcile", "before"),
        ):

            def killed(step: str = step, moment: str = moment) -> None:
                processes.dies(undoing, step, moment)
                worker.carry_out(source)

            assert processes.end(processes.start(killed)) == processes.KILLED
        assert portal.call("ecosphere_harvest_changes_list", id=job_id)["undo"]["finished"] is None
        connection = jobs.get_queue(QUEUE)
        connection.empty()
        worker.revive()
        jobs.Worker([QUEUE]).work(burst=True)
        model.Session.remove()
        assert model.Session.get(Undo, job_id).finished is not None
        assert without_times(portal.datasets()) == before
        assert portal.found() == sorted(before)


@pytest.mark.slow("variants")
def test_a_harvest_is_undone_once_and_only_when_it_is_over(portal, app):
    boss = factories.SysadminWithToken()
    with catalogue() as server:
        source = harvested_twice(portal, server)

        def asked(job_id: str, status: int) -> Any:
            address = "/api/3/action/ecosphere_harvest_job_undo"
            headers = {"Authorization": boss["token"]}
            return app.post(address, json={"id": job_id}, headers=headers, status=status).json

        changed = portal.last_job(source)
        assert asked(changed, 200)["result"]["finished"] is None
        assert "undone already" in asked(changed, 409)["error"]["id"][0]
        worker.carry_out(source)
        server.records[:] = []
        job_id = portal.job(source)
        assert asked(job_id, 404)["success"] is False  # no worker has begun it
        page = app.get(
            "/fr/ecosphere/admin/journal?kind=harvests", headers={"Authorization": boss["token"]}
        ).body
        assert "Moissonnage annulé" in page


def test_the_report_lists_the_changes_and_its_button_undoes_them(page, portal):
    factories.Sysadmin(name="camille", password=PASSWORD, image_url="")
    with catalogue() as server:
        source = harvested_twice(portal, server)
        log_in(page, "camille", PASSWORD)
        page.goto(f"/fr/harvest/source/job/{portal.last_job(source)}")
        page.get_by_role("link", name="Ce que ce moissonnage a changé").click()
        rows = page.locator("tbody tr").all_inner_texts()
        assert len(rows) == 3 and "Nouveau titre" in " ".join(rows)
        assert axe_violations(page, impacts=()) == []
        table = page.request.get(page.url + "?format=csv").text()
        read = list(csv.DictReader(io.StringIO(table.lstrip("\ufeff")), delimiter=";"))
        assert sorted(row["outcome"] for row in read) == ["added", "deleted", "updated"]
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= 390")
        page.get_by_text("Annuler ce moissonnage…").click()
        page.get_by_role("button", name="Annuler ce moissonnage", exact=True).click()
        page.get_by_text("est en cours d’annulation").wait_for()
        assert axe_violations(page, impacts=()) == []
        jobs.Worker([QUEUE]).work(burst=True)
        page.get_by_text("Ce moissonnage a été annulé").wait_for()
        assert page.get_by_text("Annulé.", exact=False).count() >= 3
        assert axe_violations(page, impacts=()) == []
