"""Dashboards: visibility of figures, and consistency of pages, tables and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.lib.jobs import Worker
from lxml import html

from ckanext.ecosphere import vocabularies
from ckanext.ecosphere.quality import integrations, jobs, overview
from ckanext.ecosphere.quality.tests.conftest import act, saved
from ckanext.ecosphere.shared import queue

pytestmark = pytest.mark.usefixtures("portal")


@pytest.fixture
def catalogue(
    people: dict[str, Any], ckan_config: Any, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """A service with two public and one private dataset, and another with a single dataset."""
    monkeypatch.setitem(ckan_config, "ecosphere.quality.minimum_size", 2)
    act("package_create", **saved(name="good"))
    act("package_create", name="poor", title="=SOMME(A1)", owner_org="ddt-42")
    act("package_create", name="secret", title="Titre secret", owner_org="ddt-42", private=True)
    act("package_create", name="alone", title="Seul", owner_org="ddt-43")
    return people


def headers(person: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": person["token"]}


def context(person: str | None) -> Any:
    return {
        "user": person or "",
        "auth_user_obj": model.User.get(person) if person else None,
        "ignore_auth": False,
    }


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))


def test_private_datasets_never_count_in_the_comparison(app: Any, catalogue: dict[str, Any]):
    for person in (None, "editor", "sysadmin"):
        found = tk.get_action("ecosphere_quality_overview")(context(person), {})
        assert found["summary"]["datasets"] == 3
        assert [(s["name"], s["datasets"]) for s in found["services"]] == [("ddt-42", 2)]
        assert [(s["name"], s["datasets"]) for s in found["small_services"]] == [("ddt-43", 1)]
        assert found["mean_over_services"] == found["services"][0]["mean"]
    for path in ("/fr/qualite", "/qualite.csv", "/qualite.json"):
        assert "secret" not in app.get(path, headers=headers(catalogue["editor"])).body.lower()


def test_figures_are_kept_counted_anew_in_the_background_and_given_up_for_what_is_private(
    app: Any, catalogue: dict[str, Any], ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ckan_config, "ecosphere.quality.overview_minutes", 10)
    overview.forget()

    def datasets() -> int:
        return app.get("/fr/qualite.json").json["summary"]["datasets"]

    assert datasets() == 3
    act("package_create", name="later", title="Plus tard", owner_org="ddt-42")
    assert datasets() == 3
    sent: list[Any] = []
    monkeypatch.setattr(
        overview, "enqueue_once", lambda *args, **options: sent.append((args, options))
    )
    with monkeypatch.context() as patch:
        patch.setattr(overview.time, "time", lambda: time.time_ns() / 1e9 + 11 * 60)
        assert datasets() == 3
    assert [(options["job_id"], args) for args, options in sent] == [
        ("ecosphere-quality-overview-fr", (overview.recount, ["fr"]))
    ]
    overview.recount("fr")
    assert datasets() == 4
    monkeypatch.setattr(
        overview, "compute", lambda: pytest.fail("Counted although nothing was given up.")
    )
    act("package_patch", id="secret", title="Titre secret encore")
    assert datasets() == 4
    monkeypatch.undo()
    monkeypatch.setitem(ckan_config, "ecosphere.quality.overview_minutes", 10)
    act("package_patch", id="later", private=True)
    assert datasets() == 3


@pytest.mark.slow("load")
def test_nobody_waits_for_the_figures_of_a_large_catalogue(
    app: Any, catalogue: dict[str, Any], ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ckan_config, "ecosphere.quality.overview_minutes", 10)
    monkeypatch.setattr(queue, "COUNTED_AT_ONCE", 2)
    overview.forget()
    page = app.get("/fr/qualite")
    assert "Les chiffres sont en train d’être comptés" in page.body and page.headers["Refresh"]
    table = app.get("/qualite.csv", status=503)
    assert table.headers["Retry-After"] and "no-store" in table.headers["Cache-Control"]
    refused = app.get("/api/3/action/ecosphere_quality_overview", status=409).json["error"]
    assert refused["message"] == ["These figures are being counted. Ask again in a few seconds."]
    Worker([jobs.QUEUE]).work(burst=True)
    assert "DDT de la Loire" in app.get("/fr/qualite").body
    assert app.get("/fr/qualite.json").json["summary"]["datasets"] == 3
    # No worker is running: after a while, the page counts the figures itself.
    overview.forget()
    assert "en train d’être comptés" in app.get("/fr/qualite").body
    monkeypatch.setattr(queue.time, "time", lambda: time.time_ns() / 1e9 + queue.WORKER_SECONDS + 1)
    assert "DDT de la Loire" in app.get("/fr/qualite").body


def test_the_comparison_is_published_as_a_table_and_as_json(app: Any, catalogue: dict[str, Any]):
    table = rows(app.get("/qualite.csv").body)
    assert [(row["service"], row["datasets"], row["compared"]) for row in table] == [
        ("ddt-42", "2", "yes"),
        ("ddt-43", "1", "no"),
    ]
    found = json.loads(app.get("/qualite.json").body)
    for name, column in (("themes", "theme"), ("territories", "territory")):
        groups = rows(app.get(f"/qualite.csv?table={name}").body)
        told = [*found[name], *found[f"small_{name}"]]
        assert told and [(g[column], g["datasets"]) for g in groups] == [
            (t["id"], str(t["datasets"])) for t in told
        ]
    assert [row["compared_label"] for row in rows(app.get("/fr/qualite.csv").body)] == [
        "Oui",
        "Non",
    ]
    assert [row["compared_label"] for row in rows(app.get("/en/qualite.csv").body)] == ["Yes", "No"]
    places = rows(app.get("/fr/qualite.csv?table=territories").body)
    kinds = {("departement", "Département"), ("region", "Région")}
    assert {(row["kind"], row["kind_label"]) for row in places} == kinds
    evolution = rows(app.get("/qualite.csv?table=evolution").body)
    assert [(day["day"], day["mean"]) for day in evolution] == [
        (p["day"], str(p["mean"])) for p in found["trend"]
    ]
    app.get("/qualite.csv?table=secrets", status=404)
    assert table[0]["mean"] == str(found["services"][0]["mean"])
    assert 'href="/fr/qualite"' in app.get("/fr/dataset/").body
    page = app.get("/fr/qualite").body
    assert "DDT de la Loire" in page and 'role="img"' in page


@pytest.mark.slow("pages")
def test_tables_are_sorted_by_links(
    app: Any, catalogue: dict[str, Any], ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ckan_config, "ecosphere.quality.minimum_size", 1)

    def table(path: str) -> Any:
        [found] = html.fromstring(app.get(path).body).xpath("//*[@id='table-services']")
        return found

    def shown(path: str, column: int) -> list[str]:
        return [
            row.xpath("./th | ./td")[column].text_content().strip()
            for row in table(path).xpath(".//tbody/tr")
        ]

    def followed(path: str, column: int) -> str:
        heading = table(path).xpath(".//thead//th")[column]
        return "/" + heading.xpath("./a/@href")[0].split("#")[0].split("/", 1)[1]

    by_name = followed("/fr/qualite", 0)
    assert len(shown(by_name, 0)) == 2 and shown(by_name, 0) == sorted(
        shown(by_name, 0), key=str.casefold
    )
    assert shown(followed(by_name, 0), 0) == shown(by_name, 0)[::-1]
    assert table(by_name).xpath(".//caption")[0].text == "Services"
    assert [th.get("aria-sort") for th in table(by_name).xpath(".//thead//th")][:2] == [
        "ascending",
        None,
    ]
    for column in range(1, len(table(by_name).xpath(".//thead//th"))):
        down = followed(by_name, column)
        assert table(down).xpath(".//thead//th")[column].get("aria-sort") == "descending"
        up = followed(down, column)
        assert table(up).xpath(".//thead//th")[column].get("aria-sort") == "ascending"
    assert shown(followed(by_name, 1), 1) == ["2", "1"]
    assert shown(followed(followed(by_name, 1), 1), 1) == ["1", "2"]
    for wrong in (
        "table=services&sort=password",
        "table=users&sort=name",
        "sort=name",
        "table=services&sort=--mean",
    ):
        assert shown(f"/fr/qualite?{wrong}", 0) == shown("/fr/qualite", 0)
        assert table(f"/fr/qualite?{wrong}").xpath(".//*[@aria-sort]") == []


def test_rows_without_a_figure_stand_last_either_way():
    rows = [
        {"title": str(figure), "mean_inspire": figure, "levels": []}
        for figure in (None, 10.0, 90.0)
    ]
    figures = dict.fromkeys(overview.TABLES, rows)
    for sort, titles in (
        ("mean_inspire", ["10.0", "90.0", "None"]),
        ("-mean_inspire", ["90.0", "10.0", "None"]),
    ):
        order = overview.order_of({"table": "themes", "sort": sort}, ())
        assert [row["title"] for row in overview.in_order(figures, order)["themes"]] == titles
        assert overview.in_order(figures, order)["services"] == rows


def test_only_members_see_the_dashboard(app: Any, catalogue: dict[str, Any]):
    for person in ("member", "editor", "admin", "sysadmin"):
        found = tk.get_action("ecosphere_quality_dashboard")(context(person), {"id": "ddt-42"})
        assert found["summary"]["datasets"] == 3
        assert (
            app.get(
                "/fr/organization/ddt-42/tableau-de-bord", headers=headers(catalogue[person])
            ).status_code
            == 200
        )
    for person in (None, "stranger", "other-editor"):
        with pytest.raises(tk.NotAuthorized):
            tk.get_action("ecosphere_quality_dashboard")(context(person), {"id": "ddt-42"})
    for ending in ("", ".csv", ".json"):
        path = f"/organization/ddt-42/tableau-de-bord{ending}"
        asked = app.get(f"/fr{path}", follow_redirects=False)
        assert asked.status_code == 302 and parse_qs(urlsplit(asked.headers["Location"]).query)[
            "came_from"
        ] == [path]
        refused = app.get(f"/fr{path}", headers=headers(catalogue["other-editor"]), status=403).body
        assert "Le tableau de bord d’un service est réservé à ceux qui y travaillent." in refused
        assert "introuvable" not in refused
        answer = app.get(path, headers=headers(catalogue["member"]))
        assert "public" not in answer.headers.get("Cache-Control", "")


def test_of_a_deleted_service_there_is_no_dashboard(app: Any, catalogue: dict[str, Any]):
    for name in ("good", "poor", "secret"):
        tk.get_action("package_delete")(context("sysadmin"), {"id": name})
    tk.get_action("organization_delete")(context("sysadmin"), {"id": "ddt-42"})
    for token in ({}, headers(catalogue["other-editor"]), headers(catalogue["editor"])):
        app.get("/organization/ddt-42/tableau-de-bord", headers=token, status=404)


def test_the_dashboard_names_wins_and_worst_datasets(app: Any, catalogue: dict[str, Any]):
    found = tk.get_action("ecosphere_quality_dashboard")(context("editor"), {"id": "ddt-42"})
    assert found["worst"][0]["name"] in ("poor", "secret") and found["worst"][-1]["name"] == "good"
    assert found["wins"][0]["points"] >= found["wins"][-1]["points"]
    assert (
        len(
            tk.get_action("ecosphere_quality_dashboard")(
                context("editor"), {"id": "ddt-42", "limit": 1}
            )["worst"]
        )
        == 1
    )
    page = app.get(
        "/fr/organization/ddt-42/tableau-de-bord", headers=headers(catalogue["editor"])
    ).body
    assert re.search(
        rf"L’objectif est une note moyenne de {found['target']}\u00a0: il manque [\d,]+", page
    )
    assert "Titre secret" in page and "/fr/dataset/poor/qualite" in page
    for explained in (page, app.get("/fr/qualite").body):
        assert "Ce que veulent dire ces mots" in explained and "data.europa.eu" in explained
    assert (
        "/fr/organization/ddt-42/tableau-de-bord"
        in app.get("/fr/organization/ddt-42", headers=headers(catalogue["editor"])).body
    )
    assert "tableau-de-bord" not in app.get("/fr/organization/ddt-42").body


def test_a_criterion_leads_to_the_datasets_that_fail_it_and_to_a_change_of_them_all(
    app: Any, catalogue: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    path, token = "/fr/organization/ddt-42/tableau-de-bord", headers(catalogue["editor"])
    page = app.get(path, headers=token).body
    assert f"{path}?criterion=licence#failing" in page and 'id="failing"' not in page
    page = app.get(f"{path}?criterion=licence", headers=token).body
    part = page.partition('id="failing"')[2].partition("</section>")[0]
    assert "Titre secret" in part and "=SOMME(A1)" in part and "/dataset/good/" not in part
    assert "À corriger ici (2)" in part
    names = re.search(r'name="names" value="([^"]+)"', part)
    assert names and set(names[1].split()) == {"poor", "secret"}
    form = {"names": names[1], "action": "choose"}
    asked = app.post("/fr/dataset/modification-groupee", data=form, headers=token).body
    assert "secret" in asked and "error-explanation" not in asked
    # Datasets of a harvest source are to be corrected there.
    poor = model.Package.get("poor")
    monkeypatch.setattr(
        integrations, "governing_sources", lambda context, ids: {poor.id: "Géo-IDE"}
    )
    page = app.get(f"{path}?criterion=licence", headers=token).body
    assert "À corriger ici (1)" in page
    mail = unquote(re.findall(r'href="mailto:([^"]+)"', page)[0])
    assert "Bonjour" in mail and "/dataset/poor" in mail and "secret" not in mail
    message = page.partition("<textarea")[2].partition("</textarea>")[0]
    assert "Bonjour" in message and "Licence" in message
    assert re.search(r"\n- =SOMME\(A1\)\s:\s?http\S+/dataset/poor\n", message)
    # Members who are not editors see the datasets, but no actions.
    part = app.get(
        f"{path}?criterion=licence", headers=headers(catalogue["member"])
    ).body.partition('id="failing"')[2]
    assert "=SOMME(A1)" in part and "<form" not in part.partition("</section>")[0]
    assert app.get(f"{path}?criterion=nothing", headers=token, status=404)


def test_the_table_of_a_service_has_a_row_per_dataset_and_no_formula(
    app: Any, catalogue: dict[str, Any]
):
    table = rows(
        app.get(
            "/organization/ddt-42/tableau-de-bord.csv", headers=headers(catalogue["member"])
        ).body
    )
    assert {row["dataset"] for row in table} == {"good", "poor", "secret"}
    by_name = {row["dataset"]: row for row in table}
    assert by_name["poor"]["title"] == "'=SOMME(A1)"
    assert by_name["secret"]["private"] == "yes"
    assert by_name["good"]["licence"] == "pass" and by_name["poor"]["licence"] == "fail"
    # Codes are accompanied by labels in the language of the page.
    for language, words in (("fr", ("Oui", "Argent", "Rempli")), ("en", ("Yes", "Silver", "Met"))):
        address = f"/{language}/organization/ddt-42/tableau-de-bord.csv"
        table = {
            row["dataset"]: row
            for row in rows(app.get(address, headers=headers(catalogue["member"])).body)
        }
        said = (
            table["secret"]["private_label"],
            table["good"]["level_label"],
            table["good"]["licence_label"],
        )
        assert said == words


def test_an_unknown_organisation_is_not_found(app: Any, catalogue: dict[str, Any]):
    with pytest.raises(tk.ObjectNotFound):
        tk.get_action("ecosphere_quality_dashboard")(context("sysadmin"), {"id": "nothing"})
    app.get("/organization/nothing/tableau-de-bord", status=404)


@pytest.mark.slow("variants")
def test_harvest_sources_and_requests_of_the_service_are_told_when_those_plugins_are_on(
    app: Any, catalogue: dict[str, Any]
):
    dashboard = tk.get_action("ecosphere_quality_dashboard")
    assert dashboard(context("admin"), {"id": "ddt-42"})["harvest_sources"] == []
    if not p.plugin_loaded("ecosphere_requests"):
        assert dashboard(context("admin"), {"id": "ddt-42"})["pending_requests"] is None
        return
    nothing = {"count": 0, "overdue": 0, "due_soon": 0}
    assert dashboard(context("editor"), {"id": "ddt-42"})["pending_requests"] == nothing
    path, token = "/fr/organization/ddt-42/tableau-de-bord", headers(catalogue["editor"])
    assert "Aucune demande de données" in app.get(path, headers=token).body
    ask_for_data()
    assert dashboard(context("editor"), {"id": "ddt-42"})["pending_requests"] == nothing | {
        "count": 1
    }
    assert "1 demande de données attend" in app.get(path, headers=token).body
    assert (
        dashboard(context("member"), {"id": "ddt-42"})["pending_requests"] is None
    )  # members may not answer requests


def ask_for_data() -> None:
    """Create a data request on the desk of the service."""
    place = vocabularies.get("territories")["http://id.insee.fr/geo/departement/42"].id
    words: dict[str, Any] = {"title": "Zones humides", "description": "Les contours à jour."}
    made = act("ecosphere_request_create", use="research", theme="eau", territory=place, **words)
    made = act(
        "ecosphere_request_transition",
        id=made["id"],
        transition="submit",
        version=made["version"],
        similar_seen=True,
    )
    act(
        "ecosphere_request_transition",
        id=made["id"],
        transition="accept",
        version=made["version"],
        organization="ddt-42",
    )


def test_an_empty_portal_has_a_page(app: Any):
    page = app.get("/fr/qualite")
    assert page.status_code == 200 and '<svg class="ecosphere-chart"' not in page.body


def test_charts_escape_texts_and_need_two_days(with_request_context: Any):
    def levels(label: str, datasets: int) -> str:
        shares = [{"level": "gold", "label": label, "datasets": datasets}]
        return tk.render("ecosphere_quality/snippets/levels_chart.html", {"shares": shares})

    def trend(*points: dict[str, Any]) -> str:
        return tk.render("ecosphere_quality/snippets/trend.html", {"trend": points})

    assert "<svg" in levels("x", 1) and "<script>" not in levels("<script>", 1)
    assert "<svg" not in levels("x", 0)
    assert "<svg" not in trend({"day": "2025-01-01", "datasets": 1, "mean": 5.0})
    first, last = {"day": "2025-01-01", "mean": 0.0}, {"day": "2025-03-01", "mean": 100.0}
    drawn = trend({**first, "datasets": 1}, {**last, "datasets": 1})
    assert 'role="img"' in drawn and "1 Mar 2025" in drawn and ">100<" in drawn
