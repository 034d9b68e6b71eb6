"""Bulk edits: preview, background job, report, undo."""

from __future__ import annotations

import datetime as dt
import io
import time
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.lib.jobs import get_queue
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories, helpers

from ckanext.ecosphere.schemas import bulk
from ckanext.ecosphere.schemas.logic import bulk as bulk_actions
from ckanext.ecosphere.schemas.tests import samples

pytestmark = pytest.mark.usefixtures("shared_db")


class TestThePlan:
    @pytest.mark.parametrize(
        ("field", "operation", "lines", "before", "after"),
        [
            ("theme", "add", "Risques", ["x"], ["x", f"{samples.THEMES}/risques"]),
            ("theme", "remove", "risques", [f"{samples.THEMES}/risques", "x"], ["x"]),
            ("theme", "replace", "eau", ["x"], [f"{samples.THEMES}/eau"]),
            ("license_id", "replace", "Licence Ouverte v2.0", "odc-odbl", "etalab-2.0"),
            ("territory", "replace", "01", [], [samples.AIN]),
            ("contact", "add", "DDT <a@b.fr>", [], [{"name": "DDT", "email": "a@b.fr"}]),
        ],
    )
    def test_says_what_a_dataset_would_hold(self, field, operation, lines, before, after):
        assert bulk.value_after({field: before}, bulk.change_of(field, operation, lines)) == after

    def test_handles_keywords_by_their_names(self):
        change = bulk.change_of("tags", "add", "eau\nzone humide")
        assert bulk.value_after({"tags": [{"name": "eau"}, {"name": "crue"}]}, change) == [
            "crue",
            "eau",
            "zone humide",
        ]

    @pytest.mark.parametrize(
        ("field", "operation", "lines", "code"),
        [
            ("title", "replace", "x", "field"),
            ("license_id", "add", "etalab-2.0", "operation"),
            ("theme", "add", " ", "empty"),
            ("license_id", "replace", "a\nb", "single"),
            ("theme", "add", "rien de tel", "unknown"),
            ("contact", "add", "sans courriel", "contact"),
        ],
    )
    def test_refuses_what_makes_no_sense(self, field, operation, lines, code):
        with pytest.raises(bulk.PlanError) as caught:
            bulk.change_of(field, operation, lines)
        assert caught.value.code == code

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("\ufeffnom;titre\na-1;A\nhttps://x.fr/dataset/b-2;B\na-1;A", ["a-1", "b-2"]),
            ('name,title\r\na-1,"A, B"\r\n', ["a-1"]),
            ("titre\tidentifiant\nÉté\ta-1\n\tb-2", ["a-1", "b-2"]),
            ("a-1\n\nun titre\n", ["a-1", "un titre"]),
            ("", []),
        ],
    )
    def test_reads_names_from_a_spreadsheet(self, text, names):
        assert bulk.names_in(text) == names

    def test_refuses_what_is_no_table(self):
        with pytest.raises(bulk.PlanError) as caught:
            bulk.names_in("\x89PNG\0\0")
        assert caught.value.code == "file"


@pytest.fixture
def as_user() -> Any:
    """Call an action as a user, with authorisation checks."""

    def call(user: dict[str, Any], action: str, **data: Any) -> Any:
        return helpers.call_action(action, {"user": user["name"], "ignore_auth": False}, **data)

    return call


def test_a_run_changes_what_the_editor_may_edit_and_is_undone_but_for_later_changes(
    create, act, editor, as_user
):
    for number in range(3):
        create({"title": f"B {number}", "name": f"bulk-{number}", "theme": ["eau"]})
    other = factories.Organization(image_url="")
    act("package_create", name="bulk-other", title="Autre", owner_org=other["id"])
    asked = {
        "names": "bulk-0\nbulk-1\nbulk-2\nbulk-other",
        "field": "theme",
        "operation": "add",
        "values": "Risques",
    }
    preview = as_user(editor, "ecosphere_bulk_edit_preview", **asked)
    assert (preview["count"], preview["changed"], preview["unknown"]) == (3, 3, ["bulk-other"])
    assert preview["differences"][0]["after"] == "Water, Risks"
    run = as_user(editor, "ecosphere_bulk_edit_start", **asked)["id"]
    assert as_user(editor, "ecosphere_bulk_edit_show", id=run)["state"] == "queued"
    bulk.carry_out(run)
    shown = as_user(editor, "ecosphere_bulk_edit_show", id=run)
    assert shown["state"] == "done"
    assert [entry["outcome"] for entry in shown["entries"]] == ["changed"] * 3
    assert len(act("package_show", id="bulk-0")["theme"]) == 2
    assert act("package_show", id="bulk-other").get("theme") is None
    act("package_patch", id="bulk-1", theme=["climat"])
    as_user(editor, "ecosphere_bulk_edit_undo", id=run)
    bulk.undo(run)
    outcomes = {
        e["title"]: e["outcome"]
        for e in as_user(editor, "ecosphere_bulk_edit_show", id=run)["undone"]
    }
    assert outcomes == {"B 0": "restored", "B 1": "changed-since", "B 2": "restored"}
    assert act("package_show", id="bulk-0")["theme"] == [f"{samples.THEMES}/eau"]
    with pytest.raises(tk.ValidationError):
        as_user(editor, "ecosphere_bulk_edit_undo", id=run)


def test_as_many_datasets_as_allowed_are_named_at_once_and_none_more(create, editor, as_user):
    create({"title": "Nommé", "name": "bulk-named"})
    asked = {"field": "theme", "operation": "add", "values": "Risques"}
    names = [
        "bulk-named",
        *(f"bulk-absent-{number}" for number in range(bulk_actions.MOST_DATASETS - 1)),
    ]
    preview = as_user(editor, "ecosphere_bulk_edit_preview", **asked, names="\n".join(names))
    assert (preview["count"], len(preview["unknown"])) == (1, bulk_actions.MOST_DATASETS - 1)
    with pytest.raises(tk.ValidationError) as caught:
        as_user(
            editor, "ecosphere_bulk_edit_preview", **asked, names="\n".join([*names, "one-more"])
        )
    assert list(caught.value.error_dict) == ["names"]


def test_a_dataset_that_is_refused_stops_none_and_is_named(create, editor, as_user, act):
    create(samples.full(name="bulk-bad", in_series=[]))
    create(
        samples.full(name="bulk-good", in_series=[], access_rights="PUBLIC", access_limitation=[])
    )
    asked = {"names": "bulk-bad\nbulk-good", "field": "access_rights", "values": "NON_PUBLIC"}
    run = as_user(editor, "ecosphere_bulk_edit_start", **asked)["id"]
    bulk.carry_out(run)
    entries = as_user(editor, "ecosphere_bulk_edit_show", id=run)["entries"]
    assert [entry["outcome"] for entry in entries] == ["failed", "failed"]
    assert all(entry["message"] for entry in entries)


def test_keywords_that_none_can_be_are_refused_at_once(create, editor, as_user):
    create({"title": "Mots", "name": "bulk-words"})
    asked = {"names": "bulk-words", "field": "tags"}
    for value, operation in (("essai, double", "replace"), ("x" * 101, "add"), ("a", "add")):
        for action in ("ecosphere_bulk_edit_preview", "ecosphere_bulk_edit_start"):
            with pytest.raises(tk.ValidationError) as caught:
                as_user(editor, action, **asked, operation=operation, values=value)
            assert list(caught.value.error_dict) == ["values"]
    as_user(editor, "ecosphere_bulk_edit_preview", **asked, operation="remove", values="a")


def test_a_run_ends_when_keywords_are_refused(create, editor, as_user, monkeypatch):
    create({"title": "Mots", "name": "bulk-stale"})
    monkeypatch.setattr(
        bulk_actions, "_may_be_keywords", lambda values: None
    )  # a rule made stricter meanwhile
    asked = {"names": "bulk-stale", "field": "tags", "operation": "add", "values": "essai, double"}
    run = as_user(editor, "ecosphere_bulk_edit_start", **asked)["id"]
    bulk.carry_out(run)
    shown = as_user(editor, "ecosphere_bulk_edit_show", id=run)
    assert (shown["state"], [each["outcome"] for each in shown["entries"]]) == ("done", ["failed"])
    assert "essai, double" in shown["entries"][0]["message"]


def test_what_a_dataset_is_refused_for_is_told_in_the_language_of_who_asked(app, create, editor):
    create({"title": "Fermé", "name": "bulk-closed"})
    headers = {"Authorization": editor["token"]}
    sent = {
        "names": "bulk-closed",
        "field": "access_rights",
        "operation": "replace",
        "values": "NON_PUBLIC",
    }
    for language, label in (
        ("fr", "Motif de restriction de l’accès : "),
        ("en", "Ground of a limit to access: "),
    ):
        address = f"/{language}/dataset/modification-groupee"
        started = app.post(
            address, data={**sent, "action": "start"}, headers=headers, follow_redirects=False
        )
        bulk.carry_out(started.headers["Location"].rsplit("/", 1)[-1])
        assert label in app.get(started.headers["Location"], headers=headers).body.replace(
            "\xa0", " "
        )


def test_a_fault_of_the_portal_is_told_in_words(app, create, editor, as_user, monkeypatch):
    create({"title": "Panne", "name": "bulk-fault", "theme": ["eau"]})
    asked = {"names": "bulk-fault", "field": "theme", "operation": "add", "values": "Risques"}
    run = as_user(editor, "ecosphere_bulk_edit_start", **asked)["id"]
    monkeypatch.setattr(bulk, "Change", lambda *_given: None)  # makes the change fail
    bulk.carry_out(run)
    page = app.get(
        f"/fr/dataset/modification-groupee/{run}", headers={"Authorization": editor["token"]}
    ).body
    assert "le portail n’a pas pu l’enregistrer" in page
    assert "Error" not in page


@pytest.fixture
def interrupted(create, editor, as_user, monkeypatch) -> str:
    """A run on three datasets whose worker died immediately after changing the second.

    Returns its id.
    """
    for number in range(3):
        create({"title": f"I {number}", "name": f"cut-{number}", "theme": ["eau"]})
    names = "cut-0\ncut-1\ncut-2"
    asked = {"names": names, "field": "theme", "operation": "add", "values": "Risques"}
    run = as_user(editor, "ecosphere_bulk_edit_start", **asked)["id"]
    done: list[str] = []
    get_action, patch = tk.get_action, tk.get_action("package_patch")

    def dies(context: Any, data: dict[str, Any]) -> Any:
        changed = patch(context, data)
        done.append(data["id"])
        if len(done) == 2:
            raise SystemExit("killed")
        return changed

    with monkeypatch.context() as inside:
        inside.setattr(
            bulk.tk,
            "get_action",
            lambda name: dies if name == "package_patch" else get_action(name),
        )
        with pytest.raises(SystemExit):
            bulk.carry_out(run)
    task: Any = model.TaskStatus.get(run)
    task.last_updated -= dt.timedelta(seconds=bulk.SILENT_SECONDS + 1)
    model.Session.commit()
    return run


def clean_up(act: Any) -> None:
    for number in range(3):
        act("dataset_purge", id=f"cut-{number}")


@pytest.mark.slow("kills")
def test_an_interrupted_run_says_so_and_goes_on_without_doing_anything_twice(
    interrupted, act, editor, as_user
):
    (listed,) = [r for r in as_user(editor, "ecosphere_bulk_edit_list") if r["id"] == interrupted]
    assert listed["interrupted"]
    assert (listed["count"], listed["values"]) == (3, "Risks")
    as_user(editor, "ecosphere_bulk_edit_resume", id=interrupted)
    bulk.carry_out(interrupted)
    shown = as_user(editor, "ecosphere_bulk_edit_show", id=interrupted)
    assert shown["state"] == "done"
    assert [entry["outcome"] for entry in shown["entries"]] == ["changed"] * 3
    with pytest.raises(tk.ValidationError):
        as_user(editor, "ecosphere_bulk_edit_resume", id=interrupted)
    clean_up(act)


def test_an_interrupted_run_whose_job_is_lost_is_queued_again_once(interrupted, act):
    connect_to_redis().flushdb()
    (job,) = [job for job in bulk.unfinished() if job.arguments == (interrupted,)]
    assert job.recover() == ["Bulk edit"]
    assert job.recover() == []
    (queued,) = get_queue(bulk.QUEUE).jobs
    assert list(queued.args) == [interrupted]
    bulk.carry_out(interrupted)
    assert interrupted not in [job.arguments[0] for job in bulk.unfinished()]
    clean_up(act)


@pytest.mark.slow("kills")
def test_an_interrupted_run_can_be_undone_with_what_its_worker_had_just_done(
    interrupted, act, editor, as_user
):
    as_user(editor, "ecosphere_bulk_edit_undo", id=interrupted)
    bulk.carry_out(interrupted)  # the old worker resumes, but no longer owns the run
    bulk.undo(interrupted)
    shown = as_user(editor, "ecosphere_bulk_edit_show", id=interrupted)
    assert [entry["outcome"] for entry in shown["undone"]] == ["restored"] * 2
    assert [act("package_show", id=f"cut-{n}")["theme"] for n in range(3)] == [
        [f"{samples.THEMES}/eau"]
    ] * 3
    clean_up(act)


def test_who_may_what(create, editor, as_user, service):
    create({"title": "W", "name": "bulk-who", "theme": ["eau"]})
    asked = {"names": "bulk-who", "field": "theme", "operation": "replace", "values": "Risques"}
    run = as_user(editor, "ecosphere_bulk_edit_start", **asked)["id"]
    user, neighbour = factories.User(), factories.User()
    elsewhere = factories.Organization(image_url="")
    for organisation, person in ((elsewhere, neighbour), (service, factories.User())):
        helpers.call_action(
            "organization_member_create",
            id=organisation["id"],
            username=person["name"],
            role="editor",
        )
    for person in (user, {"name": ""}):
        with pytest.raises(tk.NotAuthorized):
            as_user(person, "ecosphere_bulk_edit_preview", **asked)
    with pytest.raises(tk.ValidationError):
        as_user(neighbour, "ecosphere_bulk_edit_start", **asked)
    for person in (user, neighbour, {"name": ""}):
        for action in (
            "ecosphere_bulk_edit_show",
            "ecosphere_bulk_edit_undo",
            "ecosphere_bulk_edit_resume",
        ):
            with pytest.raises(tk.NotAuthorized):
                as_user(person, action, id=run)
    assert as_user(factories.Sysadmin(), "ecosphere_bulk_edit_show", id=run)["id"] == run
    assert run in [each["id"] for each in as_user(factories.Sysadmin(), "ecosphere_bulk_edit_list")]
    assert run not in [each["id"] for each in as_user(neighbour, "ecosphere_bulk_edit_list")]
    for person in (user, {"name": ""}):
        with pytest.raises(tk.NotAuthorized):
            as_user(person, "ecosphere_bulk_edit_list")
    assert model.TaskStatus.get(run) is not None


@pytest.mark.slow("variants")
def test_the_filters_of_the_search_page_come_along(app, create, editor):
    for name, word in (("bulk-in", "castor"), ("bulk-out", "loutre")):
        create(
            {"title": f"Filtre {name}", "name": name, "theme": ["eau"], "tags": [{"name": word}]}
        )
    headers = {"Authorization": editor["token"]}
    found = BeautifulSoup(
        app.get("/fr/dataset/?q=Filtre&tags=castor", headers=headers).body, "html.parser"
    )
    link = found.select_one("a[href*=modification-groupee]")
    assert link is not None
    page = BeautifulSoup(app.get(str(link["href"]), headers=headers).body, "html.parser")
    brought = page.select_one("input[name=filters]")
    assert brought is not None
    assert "castor" in page.select("label[for=field-q] ~ p")[-1].text
    sent = {
        "q": "",
        "filters": brought["value"],
        "field": "theme",
        "operation": "add",
        "values": "Risques",
    }
    shown = app.post("/fr/dataset/modification-groupee", data=sent, headers=headers).body
    assert "Filtre bulk-in" in shown
    assert "Filtre bulk-out" not in shown
    service = app.get("/fr/organization/ddt-01", headers=headers).body
    assert "filters=organization%3Dddt-01" in service


def test_the_pages_work_without_a_script(app, create, editor):
    create({"title": "Page", "name": "bulk-page", "theme": ["eau"]})
    headers = {"Authorization": editor["token"]}
    sent = {
        "names": "bulk-page",
        "field": "theme",
        "operation": "add",
        "values": "Risques",
        "q": "",
    }
    address = "/fr/dataset/modification-groupee"
    assert "Eau, Risques" in app.post(address, data=sent, headers=headers).body
    for data, seen in (
        ("nom;titre\nbulk-page;é".encode("utf-16"), "Eau, Risques"),
        ("titre;nom\né;bulk-page".encode("cp1252"), "Eau, Risques"),
        (b"\x89PNG\r\n\0\0", 'href="#field-names"'),
        (b"", 'href="#field-names"'),
    ):
        file = {**sent, "names": "", "file": (io.BytesIO(data), "names.csv")}
        assert seen in app.post(address, data=file, headers=headers).body
    wrong = app.post(address, data={**sent, "values": "rien de tel"}, headers=headers).body
    assert 'href="#field-values"' in wrong
    started = app.post(
        address, data={**sent, "action": "start"}, headers=headers, follow_redirects=False
    )
    assert started.status_code == 302
    page = started.headers["Location"]
    assert 'http-equiv="refresh"' in app.get(page, headers=headers).body
    bulk.carry_out(page.rsplit("/", 1)[-1])
    assert 'http-equiv="refresh"' not in app.get(page, headers=headers).body
    assert page.rsplit("/", 1)[-1] in app.get(f"{address}/suivi", headers=headers).body
    someone = factories.UserWithToken()
    assert app.get(page, headers={"Authorization": someone["token"]}, status=404).status_code == 404


def test_a_run_is_dated_alike_on_servers_of_all_time_zones(create, editor, as_user, monkeypatch):
    create({"title": "Heure", "name": "bulk-hour", "theme": ["eau"]})
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        change = {"names": "bulk-hour", "field": "theme", "operation": "add", "values": "Risques"}
        run = as_user(editor, "ecosphere_bulk_edit_start", **change)["id"]
        started = dt.datetime.fromisoformat(bulk.load(run)["started"])
        bulk.carry_out(run)
        ended = bulk.load(run)["last_updated"]
    finally:
        monkeypatch.undo()
        time.tzset()
    now = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
    assert abs(now - started) < dt.timedelta(minutes=10)
    assert abs(now - ended) < dt.timedelta(minutes=10)


def test_harvested_datasets_are_told_and_rows_are_left_out(  # noqa: PLR0917 - fixtures
    app, create, editor, act, harvested, monkeypatch, ckan_config
):
    names = ("moisson-1", "moisson-2", "main-1", "main-2")
    made = {
        name: create({"title": name.capitalize(), "name": name, "theme": ["eau"]}) for name in names
    }
    for name in names[:2]:
        harvested(made[name])
    headers, address = {"Authorization": editor["token"]}, "/fr/dataset/modification-groupee"
    sent = {"names": "\n".join(names), "field": "theme", "operation": "add", "values": "Risques"}

    page = BeautifulSoup(app.post(address, data=sent, headers=headers).body, "html.parser")
    assert page.select_one(".alert-warning").text.strip().startswith("2 ")
    told = {row.select_one("a").text: "Géo-IDE" in row.text for row in page.select("tbody tr")}
    assert told == {"Moisson-1": True, "Moisson-2": True, "Main-1": False, "Main-2": False}
    assert len(page.select("tbody input[name=left_out]:not([checked])")) == len(names)
    # A field that the administrator leaves to the portal is not overwritten by the harvest.
    kept = {**sent, "field": "contact", "values": "DDT <ddt@example.org>"}
    with monkeypatch.context() as patch:
        patch.setitem(ckan_config, "ecosphere.harvest.local_fields", ["contact"])
        assert "Géo-IDE" not in app.post(address, data=kept, headers=headers).body

    left = {**sent, "without_harvested": "1", "left_out": ["main-2"]}
    page = BeautifulSoup(app.post(address, data=left, headers=headers).body, "html.parser")
    assert [box["value"] for box in page.select("tbody input[name=left_out][checked]")].count(
        "main-1"
    ) == 0
    started = app.post(
        address, data={**left, "action": "start"}, headers=headers, follow_redirects=False
    )
    bulk.carry_out(started.headers["Location"].rsplit("/", 1)[-1])
    changed = {name for name in names if len(act("package_show", id=name)["theme"]) > 1}
    assert changed == {"main-1"}
    nothing = app.post(
        address, data={**left, "left_out": ["main-1", "main-2"], "action": "start"}, headers=headers
    )
    assert 'href="#field-q"' in nothing.body
