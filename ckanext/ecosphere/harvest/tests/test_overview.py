"""Overview of all sources, import of sources from a file, and trial harvests:
contents and access rights.
"""

import json
import time

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from ckan import model
from ckan.lib import jobs, search
from ckan.lib.redis import connect_to_redis
from ckan.plugins import get_plugin
from ckan.tests import factories, helpers
from rq.job import Job

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.fast_save.solr import SolrAwayError
from ckanext.ecosphere.harvest import overview, preview, registry, views
from ckanext.ecosphere.harvest.finish import closing
from ckanext.ecosphere.harvest.messages import ConfigError
from ckanext.ecosphere.harvest.model import JobState, SourceRecord
from ckanext.ecosphere.harvest.sources.csw import Filter, dialects, get_records
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, html, iso_record
from ckanext.ecosphere.harvest.worker import QUEUE, run_job
from ckanext.ecosphere.interfaces import Person
from ckanext.ecosphere.tests import plans
from ckanext.ecosphere.tests.scripted_server import serve

CSV = """name,owner_org,title,url,frequency,config_json
one,ddt-01053-01,Un,https://one.example.org/csw,WEEKLY,"{""ogcfilter"": [[[""PropertyIsEqualTo"", ""dc:type"", ""dataset""], [""Not"", ""PropertyIsLike"", ""Identifier"", ""fr-%""]], [[""PropertyIsLike"", ""OrganisationName"", ""%DDT%""]]]}"
two,ddt-01053-01,Deux,https://two.example.org/csw,WEEKLY,
three,unknown-service,Trois,https://three.example.org/csw,WEEKLY,
four,,,https://four.example.org/csw,WEEKLY,
five,ddt-01053-01,Cinq,https://five.example.org/csw,WEEKLY,{not json
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "sources.csv"
    path.write_text(CSV, "utf-8")
    return path


# --- sources from a file: the plan ---


def test_a_file_of_sources_is_read_with_the_filters_of_earlier_harvesters(table):
    wanted, refused = registry.read(table)
    assert [each.name for each in wanted] == ["one", "two", "three"]
    assert [name for name, _reason in refused] == ["four", "five"]
    (filters,) = json.loads(wanted[0].config)["filters"]
    assert filters == {
        "any": [
            [
                {"property": "type", "equals": "dataset"},
                {"property": "identifier", "like": "fr-%", "not": True},
            ],
            [{"property": "organisation", "like": "%DDT%"}],
        ]
    }


def test_a_file_of_sources_cannot_hide_steps_of_the_plan_from_a_terminal(tmp_path):
    path = tmp_path / "sources.csv"
    path.write_text(
        "name,title,url\nx\x1b[2K\x1b[1Ay,T\x07,https://a.example.org/\x9b1Acsw\n", "utf-8"
    )
    [each], _refused = registry.read(path)
    shown = "".join(registry.describe(registry.plan([each], {})))
    assert each.title == "T" and shown.isprintable()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", "[" * 100_000 + "]" * 100_000),
        ("a.json", '{"name": 1}'),
        ("a.csv", f'name\n"{"x" * 200_000}"'),
        ("a.csv", "x" * 20_000_001),
    ],
)
def test_a_file_that_is_no_list_of_sources_is_told(tmp_path, name, content):
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(ValueError, match=r"\w"):
        registry.read(tmp_path / name)


@pytest.mark.parametrize(
    "config", [[1], "[" * 100_000, {"ogcfilter": [[["a", 1, "b"]]]}, {"ogcfilter": 5}, 7]
)
def test_odd_settings_cost_their_source_only(tmp_path, config):
    rows = [
        {"name": name, "title": "T", "url": "https://a.example.org"} for name in ("odd", "good")
    ]
    (tmp_path / "a.json").write_text(
        json.dumps([{**rows[0], "config_json": config}, rows[1]]), "utf-8"
    )
    wanted, refused = registry.read(tmp_path / "a.json")
    assert [each.name for each in wanted][-1] == "good"
    assert [each.name for each in wanted][:-1] + [name for name, _reason in refused] == ["odd"]


def test_a_filter_of_alternatives_is_asked_of_the_server():
    condition = Filter.read(
        {
            "any": [
                [{"property": "type", "equals": "dataset"}],
                [{"property": "title", "like": "a%"}],
            ]
        }
    )
    body, _pairs = get_records(dialects((condition,))[0], (condition,), 1, 10)
    assert b"ogc:Or" in (body or b"")
    for wrong in ({"any": []}, {"any": [[]]}, {"any": [[{"any": [[]]}]]}, {"any": "x"}):
        with pytest.raises(ConfigError):
            Filter.read(wrong)


def test_the_plan_names_what_is_to_be_created_updated_and_retired(table):
    wanted, _refused = registry.read(table)
    same = {key: getattr(wanted[1], key) for key in registry.COMPARED}
    present = {"two": same, "one": {**same, "title": "Autre"}, "old": same}
    plan = registry.plan(wanted, present, retire=True)
    assert [each.name for each in plan.create] == ["three"]
    assert [(each.name, "title" in what) for each, what in plan.update] == [("one", True)]
    assert (plan.retire, plan.same) == (["old"], 1)
    assert registry.plan(wanted, present).retire == []


def test_sources_follow_the_file_and_a_refused_one_stops_no_other(portal, table):
    wanted, _refused = registry.read(table)
    told = []
    assert not registry.apply(registry.plan(wanted, registry.present_sources()), told.append)
    assert len(told) == 1
    assert "three" in told[0]
    assert sorted(registry.present_sources()) == ["one", "two"]
    again = registry.plan(wanted, registry.present_sources())
    assert ([each.name for each in again.create], again.update, again.same) == (["three"], [], 2)
    registry.apply(registry.plan(wanted[:1], registry.present_sources(), retire=True), told.append)
    assert sorted(registry.present_sources()) == ["one"]


# --- the overview ---


def test_the_overview_tells_where_each_source_stands(portal):
    with catalogue([iso_record(n) for n in range(1, 4)]) as server:
        good = portal.source(server.url, name="good")
        portal.harvest(good)
        portal.source("https://never.example.org/csw", name="never")
        server.fault = lambda question, page: html()
        broken = portal.source(server.url, name="broken", config={"page_size": 7})
        portal.harvest(broken)
    found = {row["name"]: row for row in portal.call("ecosphere_harvest_overview")}
    assert {name: row["state"] for name, row in found.items()} == {
        "good": "good",
        "never": "never",
        "broken": "incomplete",
    }
    assert (found["good"]["records"], found["good"]["errors"], found["good"]["held"]) == (3, 0, 0)
    assert found["good"]["last_complete"] is not None
    assert found["broken"]["last_complete"] is None


def told(portal, name="source"):
    return next(row for row in portal.call("ecosphere_harvest_overview") if row["name"] == name)


def test_the_datasets_of_a_source_are_those_that_are_there_whatever_happened_to_them(portal):
    with catalogue([iso_record(n) for n in range(1, 5)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        assert (told(portal)["records"], told(portal)["done"]) == (
            4,
            {"added": 4, "updated": 0, "deleted": 0},
        )
        gone = portal.datasets()["Jeu de données 1"]["id"]
        portal.call("package_delete", id=gone)
        assert told(portal)["records"] == 3
        portal.call("package_patch", id=gone, state="active")
        assert told(portal)["records"] == 4
        server.records = [iso_record(n) for n in range(2, 5)]
        for _time in range(2):
            portal.harvest(source)
        assert (told(portal)["records"], told(portal)["done"]["deleted"]) == (3, 1)
        server.records = [iso_record(n) for n in range(1, 5)]
        portal.harvest(source, force=True)
        assert told(portal)["records"] == 4
        server.records.append(iso_record(5, title="", abstract=""))
        portal.harvest(source)
        assert (told(portal)["records"], told(portal)["refused"], told(portal)["errors"]) == (
            4,
            1,
            1,
        )
    portal.call("harvest_source_clear", id=source)
    assert (told(portal)["records"], told(portal)["refused"], told(portal)["last_complete"]) == (
        0,
        0,
        None,
    )
    portal.call("harvest_source_delete", id=source)
    assert portal.call("ecosphere_harvest_overview") == []


def test_a_harvest_that_stopped_or_was_aborted_is_not_in_order(portal, monkeypatch):
    def broken(*_arguments, **_options):
        raise ZeroDivisionError

    with catalogue([iso_record(1)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        assert told(portal)["state"] == "good"
        with monkeypatch.context() as fault:
            fault.setattr(closing.reports, "sum_up", broken)
            portal.harvest(source)
        assert (told(portal)["state"], told(portal)["errors"]) == ("errors", 1)
        job = portal.job(source)
        model.Session.add(JobState(job_id=job, source_id=source, facts={}))
        model.Session.commit()
        portal.call("harvest_job_abort", id=job)
        run_job(job, helpers=False)
        assert told(portal)["state"] == "incomplete"
        portal.harvest(source)
        assert told(portal)["state"] == "good"


@pytest.mark.slow("variants")
@pytest.mark.parametrize("keep_current", [False, True])
def test_a_source_whose_history_was_cleared_has_its_datasets_still(portal, keep_current):
    with catalogue([iso_record(1), iso_record(2)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        portal.call("harvest_source_job_history_clear", id=source, keep_current=keep_current)
        portal.harvest(source)
        search.rebuild()
        assert told(portal)["records"] == 2
        [dataset] = [
            each for each in portal.datasets().values() if each["title"] == "Jeu de données 1"
        ]
        assert portal.call("ecosphere_harvest_statements_show", id=dataset["id"])["fields"]
        assert portal.harvest(source) == {"not modified": 2}


@pytest.mark.slow("load")
def test_the_pages_of_a_source_count_its_public_datasets_without_reading_them_all(
    portal, app, monkeypatch
):
    def status():
        return app.get("/api/action/harvest_source_show?id=source").json["result"]["status"]

    with catalogue([iso_record(n) for n in range(1, 5)]) as server:
        source = portal.source(server.url)
        assert (status()["total_datasets"], status()["job_count"], status()["last_job"]) == (
            0,
            0,
            None,
        )
        portal.harvest(source)
    assert (status()["total_datasets"], status()["job_count"]) == (4, 1)
    assert status()["last_job"]["stats"]["added"] == 4
    first, second, *_rest = portal.datasets().values()
    portal.call("package_patch", id=first["id"], private=True)
    portal.call("package_delete", id=second["id"])
    with plans.asked() as statements:
        assert status()["total_datasets"] == 2
    assert not [each for each in map(str, statements) if "count" in each and "FROM package" in each]
    stock = status()

    def away(**_question):
        raise SolrAwayError

    monkeypatch.setattr(solr, "search", away)
    assert status() == stock  # same counts as ckanext-harvest's


def test_the_overview_without_the_index_has_no_datasets_to_tell(portal, app, monkeypatch):
    portal.source("https://one.example.org/csw", name="one")

    def away(**_question):
        raise SolrAwayError

    monkeypatch.setattr(solr, "search", away)
    assert (told(portal, "one")["records"], told(portal, "one")["refused"]) == (None, 0)
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    assert "–" in app.get("/fr/ecosphere/harvest/sources", headers=headers).body
    assert (
        app.get("/ecosphere/harvest/sources?format=csv&sort=records", headers=headers).body.count(
            "one"
        )
        > 0
    )


def test_the_sources_of_one_service_are_told_to_those_who_may_look_after_them(portal):
    portal.source("https://one.example.org/csw", name="one", owner_org="ddt-01053-01")
    portal.source("https://two.example.org/csw", name="two")
    editor = factories.User()["name"]
    portal.call("organization_member_create", id="ddt-01053-01", username=editor, role="editor")

    def of(organization):
        context = {"user": editor, "ignore_auth": False}
        found = helpers.call_action(
            "ecosphere_harvest_overview", context, organization=organization, counted=False
        )
        return [(each["name"], each["records"]) for each in found]

    assert (of("ddt-01053-01"), of(portal.OWNER), of("nobody")) == ([("one", None)], [], [])


def test_the_overview_and_the_dashboards_do_not_read_all_records(portal):
    source = portal.source("https://one.example.org/csw", name="one")
    rows = [
        {"source_id": source, "guid": str(n), "state": "refused" if n < 3 else "published"}
        for n in range(3_000)
    ]
    model.Session.execute(sa.insert(SourceRecord), rows)
    plans.tidy("ecosphere_harvest_record")
    with plans.asked() as statements:
        assert told(portal, "one")["refused"] == 3
    assert plans.rows_read(statements, "ecosphere_harvest_record") < 50
    person = Person(id="", name=factories.Sysadmin()["name"], sysadmin=True, services=[])
    with plans.asked() as statements:
        get_plugin("ecosphere_harvest").ecosphere_dashboard_cards(person)
    assert plans.rows_read(statements, "ecosphere_harvest_record") == 0


def row(title, state="good", **values):
    return {
        **dict.fromkeys(overview.COLUMNS),
        "title": title,
        "name": title,
        "state": state,
        "url": "",
        **values,
    }


def test_sources_are_filtered_and_sorted_those_without_a_value_last():
    rows = [row("b", errors=2), row("a", "held", errors=None), row("C", errors=1)]
    assert [each["title"] for each in overview.chosen(rows)] == ["a", "b", "C"]
    assert [each["title"] for each in overview.chosen(rows, sort="title")] == ["a", "b", "C"]
    assert [each["title"] for each in overview.chosen(rows, sort="-errors")] == ["b", "C", "a"]
    assert [each["title"] for each in overview.chosen(rows, state="held")] == ["a"]
    assert [each["title"] for each in overview.chosen(rows, text="c")] == ["C"]


def test_the_table_runs_no_formula_of_a_stranger():
    assert "'=cmd" in views._as_csv("x.csv", overview.COLUMNS, [row("=cmd()")]).get_data(
        as_text=True
    )


def names(user):
    context = {"user": user, "ignore_auth": False}
    return sorted(
        each["name"] for each in helpers.call_action("ecosphere_harvest_overview", context)
    )


def test_editors_see_the_sources_of_their_services_and_nobody_else_sees_any(portal):
    editor, stranger, plain = factories.User(), factories.User(), factories.User()
    for user, organisation in ((editor, "ddt-01053-01"), (stranger, portal.OWNER)):
        portal.call(
            "organization_member_create", id=organisation, username=user["name"], role="editor"
        )
    portal.source("https://one.example.org/csw", name="one", owner_org="ddt-01053-01")
    portal.source("https://two.example.org/csw", name="two")
    assert names(editor["name"]) == ["one"]
    assert names(stranger["name"]) == ["two"]
    assert names(factories.Sysadmin()["name"]) == ["one", "two"]
    for user in ("", plain["name"]):
        with pytest.raises(tk.NotAuthorized):
            names(user)
        with pytest.raises(tk.NotAuthorized):
            helpers.call_action(
                "ecosphere_harvest_trial_start",
                {"user": user, "ignore_auth": False},
                url="https://one.example.org/",
                source_type="ecosphere_csw",
            )


def test_the_page_shows_the_sources_and_gives_them_as_csv(portal, app):
    portal.source("https://one.example.org/csw", name="one")
    token = factories.SysadminWithToken()["token"]
    page = app.get("/ecosphere/harvest/sources", headers={"Authorization": token})
    assert "/harvest/admin/one" in page.body
    assert ">1 source of 1<" in page.body
    table = app.get("/ecosphere/harvest/sources?format=csv", headers={"Authorization": token})
    assert "one" in table.body.splitlines()[1]
    assert app.get("/ecosphere/harvest/sources", status=403)
    found = app.get("/fr/harvest").body
    assert "1 source de moissonnage trouvée" in found
    assert "MANUAL" not in BeautifulSoup(found, "html.parser").text
    missing = app.get(
        "/en/ecosphere/harvest/source/nowhere/withdrawals",
        headers={"Authorization": token},
        status=404,
    )
    assert "Harvest source not found" in missing.body


def test_a_producer_without_a_source_is_told_what_one_is_for(portal, app):
    editor = factories.UserWithToken()
    portal.call(
        "organization_member_create", id="ddt-01053-01", username=editor["name"], role="editor"
    )
    portal.source("https://two.example.org/csw", name="two")
    page = app.get("/fr/ecosphere/harvest/sources", headers={"Authorization": editor["token"]}).body
    assert "Rien n’est encore moissonné pour vous" in page and "sources sur 0" not in page
    assert "/fr/harvest/new" in page


@pytest.mark.slow("variants")
def test_the_form_of_a_source_says_in_french_what_is_wrong_under_the_names_of_its_fields(
    portal, app
):
    portal.source("https://one.example.org/csw", name="one")
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    form = {
        "url": "https://one.example.org/csw",
        "title": "Un",
        "name": "un",
        "source_type": "ecosphere_csw",
        "config": "",
    }

    def said(**changes):
        page = BeautifulSoup(
            app.post("/fr/harvest/new", headers=headers, data={**form, **changes}).body,
            "html.parser",
        )
        return [
            " ".join(each.text.split())
            for each in page.select(".error-explanation li, .error-block")
        ]

    same = "Une autre source a déjà cette adresse avec la même configuration."
    assert said(owner_org=portal.OWNER) == [f"Adresse : {same}", same]
    told = said(url="https://two.example.org/csw", config='{"page_size": 0}', frequency="NEVER")
    wrong = "La taille de page doit être un nombre entier de 1 à 1000."
    assert {f"Configuration : {wrong}", wrong} <= set(told)
    assert "Fréquence de mise à jour : « NEVER » n’est pas une fréquence de moissonnage." in told
    assert "Service : Une référence à une organisation doit être fournie" in told
    assert "Une référence à une organisation doit être fournie" in told


# --- trials ---


def test_a_trial_shows_what_records_would_become_and_writes_nothing(portal):
    with catalogue([iso_record(1), iso_record(2, title="", abstract="")]) as server:
        found = preview.try_source(server.url, "ecosphere_csw")
    assert (found["announced"], found["failures"]) == (2, [])
    assert found["samples"][0]["title"] == "Jeu de données 1"
    assert found["samples"][0]["organisation"] == "ddt-01053-01"
    assert "refused" in found["samples"][1]
    assert portal.datasets() == {}
    [sample, _refused] = preview.in_words(found)["samples"]
    assert sample["territories"] == ["Ain"]
    assert {"Bounding boxes", "Service responsible"} & set(sample["rules"])


def test_a_trial_is_shown_to_whoever_started_it(portal):
    sysadmin, other = factories.Sysadmin(), factories.User()
    with catalogue([iso_record(1)]) as server:
        id_ = preview.start_trial(server.url, "ecosphere_csw", "", sysadmin["name"])
        jobs.Worker([QUEUE]).work(burst=True)
    context = {"user": sysadmin["name"], "ignore_auth": False}
    shown = helpers.call_action("ecosphere_harvest_trial_show", context, id=id_)
    assert (shown["state"], len(shown["found"]["samples"])) == ("done", 1)
    with pytest.raises(tk.NotAuthorized):
        helpers.call_action(
            "ecosphere_harvest_trial_show", {"user": other["name"], "ignore_auth": False}, id=id_
        )
    id_ = preview.start_trial("https://x.example.org", "no-such-type", "", sysadmin["name"])
    assert (
        helpers.call_action("ecosphere_harvest_trial_show", context, id=id_)["state"] == "waiting"
    )
    jobs.Worker([QUEUE]).work(burst=True)
    assert helpers.call_action("ecosphere_harvest_trial_show", context, id=id_)["state"] == "failed"


@pytest.mark.slow("load")
def test_one_person_has_but_a_few_trials_waiting(portal, app, ckan_config, monkeypatch):
    monkeypatch.setitem(ckan_config, "ecosphere.harvest.previews_per_person", 2)
    person, other = factories.SysadminWithToken(), factories.SysadminWithToken()
    source = {"url": "https://one.example.org/csw", "source_type": "ecosphere_csw"}

    def start(user):
        headers = {"Authorization": user["token"]}
        return app.post(
            "/api/3/action/ecosphere_harvest_trial_start", headers=headers, json=source
        ).json

    with catalogue([iso_record(1)]) as server:
        source["url"] = server.url
        ids = [start(person)["result"]["id"] for _ in range(2)]
        refused = start(person)
        assert (refused["success"], list(refused["error"])) == (False, ["url", "__type"])
        assert start(other)["success"]
        page = app.post(
            "/en/ecosphere/harvest/trial",
            headers={"Authorization": person["token"]},
            data=source,
            status=400,
        )
        assert "wait until one of them is over" in page.body
        jobs.Worker([QUEUE]).work(burst=True)
    shown = [preview.show_trial(id_)["state"] for id_ in ids]
    assert shown == ["done", "done"]
    assert start(person)["success"]


@pytest.mark.slow("variants")
def test_trial_that_nobody_waits_for_any_more_asks_no_server(portal, monkeypatch):
    id_ = preview.start_trial("https://one.example.org/csw", "ecosphere_csw", "", "anna")
    monkeypatch.setattr(
        preview, "try_source", lambda *_arguments: pytest.fail("the server was asked")
    )
    Job.fetch(id_, connection=connect_to_redis()).delete()
    jobs.Worker([QUEUE]).work(burst=True)
    with pytest.raises(tk.ObjectNotFound):
        preview.show_trial(id_)


def test_other_background_jobs_are_no_trials(portal):
    job = jobs.enqueue(print, queue=QUEUE)
    with pytest.raises(tk.ObjectNotFound):
        preview.show_trial(job.id)


@pytest.mark.slow("hostile")
def test_trial_of_a_slow_server_ends_soon_and_shows_what_it_read(portal, ckan_config, monkeypatch):
    monkeypatch.setitem(ckan_config, "ecosphere.harvest.preview_seconds", 2)

    def dripping(exchange):
        exchange.send_response(200)
        exchange.end_headers()
        while True:
            exchange.wfile.write(b" ")
            exchange.wfile.flush()
            time.sleep(0.1)

    begun = time.monotonic()
    with serve(dripping) as server:
        found = preview.try_source(server.url, "ecosphere_csw")
    assert time.monotonic() - begun < 20
    assert [failure["code"] for failure in found["failures"]] == ["bound-seconds"]
