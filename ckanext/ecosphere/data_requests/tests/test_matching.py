"""Matching of new datasets with open requests, deletion of answers.

Commands and health checks of the data requests.
"""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins as p
import pytest
from ckan import model
from ckan.model.system_info import delete_system_info
from ckan.tests import helpers

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.cli import ecosphere
from ckanext.ecosphere.data_requests import matching, setup
from ckanext.ecosphere.data_requests.notifications import scheduled
from ckanext.ecosphere.data_requests.tests.conftest import act, dataset, group_id, opened, row, step
from ckanext.ecosphere.interfaces import CheckStatus

pytestmark = pytest.mark.usefixtures("portal")


def suggested(request: dict[str, Any]) -> list[str]:
    matching.match_saved()
    return [each["title"] for each in act("show", "editor", id=request["id"])["suggestions"]]


def saved(
    title: str,
    theme: str = "eau",
    place: str = "http://id.insee.fr/geo/departement/42",
    **more: Any,
) -> Any:
    if p.plugin_loaded("scheming_datasets"):
        more |= {"theme": [voc.get("themes")[theme].uri], "territory": [place]}
    return helpers.call_action(
        "package_create",
        {"user": "boss"},
        title=title,
        name=voc.normalise(title).replace(" ", "-"),
        owner_org=group_id("ddt-42"),
        notes="Données",
        **more,
    )


def test_a_published_dataset_that_fits_is_suggested_to_the_service():
    made = opened(title="Inventaire des zones humides de la Loire")
    saved("Zones humides (inventaire)")
    saved("Cartes de bruit")
    saved("Zones humides de l’Ain", place="http://id.insee.fr/geo/departement/01")
    saved("Zones humides privées", private=True)
    assert suggested(made) == ["Zones humides (inventaire)"]
    [found] = act("suggestions", "editor", organization="ddt-42")
    assert (found["request"]["id"], len(found["datasets"])) == (made["id"], 1)
    assert act("show", "asker", id=made["id"])["suggestions"] == []
    assert row(made).state == "open"


def test_a_dataset_page_shows_the_open_requests_about_it():
    package = dataset(name="zones")
    made = opened(known_datasets=["zones"])
    assert [each["id"] for each in act("dataset_list", None, id="zones")["open"]] == [made["id"]]
    assert act("dataset_list", None, id=package["id"])["satisfied"] == []


def test_a_deleted_dataset_flags_the_request_and_reopens_nothing():
    package = dataset()
    made = step(opened(), "fulfil", "editor", datasets=[package["id"]])
    helpers.call_action("package_delete", {"user": "boss"}, id=package["id"])
    matching.match_saved()
    shown = act("show", "editor", id=made["id"])
    assert shown["state"] == "fulfilled" and [each["code"] for each in shown["flags"]] == [
        "dataset_gone"
    ]
    assert "Zones humides du Forez" in shown["flags"][0]["label"]
    assert act("show", "asker", id=made["id"])["flags"] == []
    helpers.call_action("package_patch", {"user": "boss"}, id=package["id"], state="active")
    matching.match_saved()
    assert row(made).flags == []


def test_a_comparison_that_is_cut_off_is_done_again(monkeypatch: pytest.MonkeyPatch):
    made = opened(title="Inventaire des zones humides de la Loire")
    saved("Inventaire : zones humides")
    with monkeypatch.context() as killed:
        killed.setattr(matching, "_suggest", lambda ids: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            matching.match_saved()
    model.Session.rollback()
    assert suggested(made) == ["Inventaire : zones humides"]


def test_only_answers_to_public_requests_make_a_dataset_popular():
    answer, secret = dataset(name="answer"), dataset(name="secret-answer")
    step(opened(), "fulfil", "editor", datasets=[answer["name"]])
    step(
        opened(title="Privée", visibility="private"), "fulfil", "editor", datasets=[secret["name"]]
    )
    assert dict(p.get_plugin("ecosphere_requests").ecosphere_popularity()) == {answer["id"]: 10.0}


def test_the_commands_do_what_they_say(cli: Any):
    opened()
    ticked = cli.invoke(ecosphere, ["requests", "tick"])
    assert ticked.exit_code == 0, ticked.output
    exported = cli.invoke(ecosphere, ["requests", "export", "asker"])
    assert len(json.loads(exported.output)["requests"]) == 1
    assert cli.invoke(ecosphere, ["requests", "erase", "asker", "--yes"]).exit_code == 0
    assert (
        json.loads(cli.invoke(ecosphere, ["requests", "export", "asker"]).output)["requests"] == []
    )
    assert cli.invoke(ecosphere, ["requests", "export", "nobody"]).exit_code != 0


def test_the_checks_tell_what_is_missing(ckan_config: Any, monkeypatch: pytest.MonkeyPatch):
    delete_system_info(scheduled.LAST_RUN)
    moderators, *_of_services, schedule, emails = setup.check()
    assert (moderators.status, schedule.status) == (CheckStatus.OK, CheckStatus.WARNING)
    assert "tick" in schedule.remedy and emails.status is CheckStatus.OK
    scheduled.tick()
    monkeypatch.setitem(ckan_config, "smtp.server", None)
    monkeypatch.setitem(ckan_config, "ecosphere.requests.moderators", "nobody")
    moderators, *_of_services, schedule, emails = setup.check()
    assert [each.status for each in (moderators, schedule, emails)] == [
        CheckStatus.WARNING,
        CheckStatus.OK,
        CheckStatus.WARNING,
    ]
