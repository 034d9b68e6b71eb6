"""Reports on a running or failed harvest: terminal and page."""

from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.tests import factories

from ckanext.ecosphere.harvest import cli, helpers
from ckanext.ecosphere.harvest.model import JobState
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.harvest.worker import run_job
from ckanext.ecosphere.tests.scripted_server import Exchange, serve
from ckanext.harvest.model import HarvestJob


def test_more_failures_than_are_named_are_counted_and_all_stand_in_the_order_of_the_source(
    portal, app
):
    listing = "".join(f'<a href="{n}.xml">{n}</a>' for n in range(1, 81))

    def script(exchange: Exchange) -> None:
        exchange.answer(
            f"<html><body>{listing}" if exchange.path.endswith("/") else "<html>",
            Content_Type="text/html",
        )

    with serve(script) as server:
        source = portal.source(f"{server.url}/md/", source_type="ecosphere_waf")
        portal.harvest(source)
    told = portal.errors(source)
    assert len(told) == 51 and "Other parts of the source that could not be read: 30." in told
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    page = app.get(f"/en/harvest/source/job/{portal.last_job(source)}", headers=headers).body
    places = [
        page.index(text)
        for text in ("Record 1 (file", "Record 9 (file", "Record 50 (file", "Other parts of")
    ]
    assert places == sorted(places)


def state(**values: Any) -> dict[str, Any]:
    return {
        "stage": "gather",
        "announced": 200,
        "received": 50,
        "waiting": 40,
        "left": 30,
        "held": 0,
        **values,
    }


def test_progress_names_what_is_done_the_rate_and_what_is_held(with_plugins):
    assert helpers.progress(state())["text"] == "50 of 200 records read"
    told = helpers.progress(state(stage="import", held=7, started="2020-01-01T00:00:00"))
    assert (told["done"], told["total"]) == (10, 40)
    assert told["text"].startswith("10 of 40 changed records imported, ")
    assert "records/s" in told["text"] and told["text"].endswith("7 withdrawals held")
    assert helpers.progress(state(announced=None))["text"] == "50 of ? records read"


def test_the_command_prints_one_line_a_stage_until_the_harvest_has_ended(portal, monkeypatch):
    """The pauses stand in for the worker: the first two show the reading,
    the third does the work.
    """
    pauses = iter(range(100))

    def worker(seconds: float) -> None:
        job_id = model.Session.execute(sa.select(HarvestJob.id)).scalar_one()
        received = next(pauses)
        if received < 2:
            model.Session.execute(sa.update(JobState).values(announced=3, received=received))
            model.Session.commit()
        else:
            run_job(job_id, helpers=False)

    monkeypatch.setattr(cli.time, "sleep", worker)
    told: list[str] = []
    with catalogue([iso_record(n) for n in (1, 2, 3)]) as server:
        portal.source(server.url, name="geoide")
        assert cli.harvest_source("geoide", echo=told.append)
    assert told == ["0 of ? records read", "3 added, 0 updated, 0 unchanged, 0 withdrawn, 0 errors"]


def test_the_page_of_a_running_harvest_says_how_far_it_is_without_a_script(portal, app):
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    with catalogue([iso_record(1)]) as server:
        job = portal.job(portal.source(server.url, name="geoide"))
    model.Session.add(JobState(job_id=job, source_id="x", announced=80, received=20, facts={}))
    model.Session.commit()
    page = app.get(f"/harvest/geoide/job/{job}", headers=headers).body
    assert "20 of 80 records read" in page and 'max="80" value="20"' in page
    assert "Load this page again" in page
    told = app.get(f"/ecosphere/harvest/job/{job}/progress", headers=headers).json
    assert (told["stage"], told["done"], told["total"], told["text"]) == (
        "gather",
        20,
        80,
        "20 of 80 records read",
    )
