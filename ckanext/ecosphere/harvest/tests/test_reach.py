"""The source of one organisation cannot affect the datasets of another: over HTTP, as an editor."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ckan import model
from ckan.lib import jobs
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp, call_action

from ckanext.ecosphere.harvest import objects
from ckanext.ecosphere.harvest.deduplication import explained
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.harvest.tests.portal import Portal
from ckanext.ecosphere.harvest.worker import QUEUE
from ckanext.ecosphere.tests.browser import log_in

UUID = "fr-120066022-jdd-1d1ad7a1-13f8-4a3f-9d6c-3a4f4d8f2b11"
DDT, CGDD = Portal.ORGANISATIONS
PASSWORD = "correct-horse-battery"
Ask = Callable[..., Any]


@pytest.fixture
def ask(portal: Portal, app: CKANTestApp) -> Ask:
    """Call an action as an editor of the CGDD without rights in the DDT."""
    editor = factories.UserWithToken()
    call_action("organization_member_create", id=CGDD, username=editor["name"], role="editor")

    def call(action: str, **data: Any) -> Any:
        answer = app.post(
            f"/api/3/action/{action}", json=data, headers={"Authorization": editor["token"]}
        )
        model.Session.remove()
        return answer

    return call


def values(url: str, **settings: Any) -> dict[str, Any]:
    text = json.dumps(settings) if settings else ""
    source = {
        "name": "essai",
        "title": "Essai",
        "url": url,
        "source_type": "ecosphere_csw",
        "owner_org": CGDD,
    }
    return {**source, "frequency": "MANUAL", "config": text}


def settings_of(portal: Portal, name: str = "essai") -> dict[str, Any]:
    return json.loads(portal.call("harvest_source_show", id=name)["config"] or "{}")


@pytest.mark.few(2, "variants")
@pytest.mark.parametrize("config", [None, "", '{"priority": 100}', '{"own_service": false}'])
def test_an_editor_publishes_for_the_service_of_the_source_only(
    portal: Portal, ask: Ask, config: str | None
):
    with catalogue([iso_record(1, organisation="DDT de l'Ain"), iso_record(2)]) as server:
        wanted = {**values(server.url), "config": config}
        if config is None:
            del wanted["config"]
        source = ask("harvest_source_create", **wanted).json["result"]["id"]
        assert portal.harvest(source) == {"added": 2}
    assert settings_of(portal)["own_service"] is True
    assert {each["organization"]["name"] for each in portal.datasets().values()} == {CGDD}
    said = portal.call(
        "ecosphere_harvest_record_show",
        id=objects.current(portal.datasets()["Jeu de données 1"]["id"]),
    )
    assert "publishes for its own only: DDT de l'Ain" in str(said["problems"])


@pytest.mark.slow("variants")
def test_another_service_is_no_service_of_the_records_that_name_none(portal: Portal, ask: Ask):
    answer = ask("harvest_source_create", **values("https://ex.org/", default_organisation=DDT))
    assert (answer.status_code, list(answer.json["error"])) == (409, ["config", "__type"])
    own = ask("harvest_source_create", **values("https://ex.org/", default_organisation=CGDD))
    assert own.status_code == 200
    ask("harvest_source_patch", id="essai", config="{}")
    assert settings_of(portal) == {"own_service": True}


@pytest.mark.slow("variants")
def test_what_an_administrator_vouched_for_stays(portal: Portal, ask: Ask):
    portal.source("https://ex.org/csw", name="essai", config={"priority": 5})
    shown = values("https://ex.org/csw", priority=5)
    assert ask("harvest_source_update", **shown, id="essai").status_code == 200
    for change in (
        {"url": "https://example.net/csw"},
        {"source_type": "ecosphere_waf"},
        {"config": '{"priority": 6}'},
        {"config": '{"priority": 5, "default_organisation": "ddt-01053-01"}'},
        {"config": ""},
    ):
        answer = ask("harvest_source_update", **{**shown, **change}, id="essai")
        assert (answer.status_code, list(answer.json["error"])) == (409, ["config", "__type"]), (
            change
        )
    assert settings_of(portal) == {"priority": 5}
    less = {**shown, "url": "https://example.net/csw", "config": '{"own_service": true}'}
    assert ask("harvest_source_update", **less, id="essai").status_code == 200
    assert ask("harvest_source_update", **shown, id="essai").status_code == 200
    assert settings_of(portal) == {"priority": 5, "own_service": True}


def test_a_dataset_of_another_service_is_not_taken_over(portal: Portal, ask: Ask):
    with catalogue(
        [iso_record(1, identifier=UUID, title="Zones", organisation="DDT de l'Ain")]
    ) as server:
        theirs = portal.source(server.url, name="ddt", owner_org=DDT)
        assert portal.harvest(theirs) == {"added": 1}
        dataset = portal.datasets()["Zones"]
        portal.call("package_patch", id=dataset["id"], private=True)
        with catalogue([iso_record(1, identifier=UUID, title="Fausses zones")]) as other:
            mine = ask("harvest_source_create", **values(other.url, priority=100)).json["result"][
                "id"
            ]
            portal.harvest(mine)
            assert explained((mine, UUID))["published_by"]["reason"] == "own-service"
            assert ask("package_show", id=dataset["id"]).status_code == 404
            shown = portal.call("package_show", id=dataset["id"])
            assert (shown["title"], shown["organization"]["name"], shown["private"]) == (
                "Zones",
                DDT,
                True,
            )
            server.records.clear()  # the second organisation does not inherit what leaves the first one's catalogue
            portal.call("package_patch", id=dataset["id"], private=False)
            for _harvest in range(4):
                portal.harvest(theirs)
                portal.harvest(mine)
    gone = model.Package.get(dataset["id"])
    assert (gone.title, model.Group.get(gone.owner_org).name) == ("Zones", DDT)


@pytest.mark.slow("variants")
def test_two_services_with_the_same_identifier_have_a_dataset_each(portal: Portal, ask: Ask):
    record = iso_record(1, identifier=UUID, title="Zones")
    with catalogue([record]) as server:
        portal.harvest(
            ask("harvest_source_create", **values(server.url, priority=100)).json["result"]["id"]
        )
        other = portal.source(
            server.url + "?", name="ddt", owner_org=DDT, config={"own_service": True}
        )
        assert portal.harvest(other) == {"added": 1}
    owners = model.Session.query(model.Package.owner_org).filter_by(type="dataset", state="active")
    assert {model.Group.get(id_).name for (id_,) in owners} == {DDT, CGDD}


def test_a_catalogue_of_all_services_takes_what_names_another_service(portal: Portal, ask: Ask):
    with catalogue(
        [iso_record(1, identifier=UUID, title="Zones", organisation="DDT de l'Ain")]
    ) as server:
        mine = ask("harvest_source_create", **values(server.url, priority=100)).json["result"]["id"]
        assert portal.harvest(mine) == {"added": 1}
        portal.harvest(portal.source(server.url + "?", name="tous"))
        portal.harvest(mine, force=True)
    assert [each["organization"]["name"] for each in portal.datasets().values()] == [DDT]
    [told] = portal.state(mine)["set_aside"]
    assert (
        "because its catalogue publishes for all services, the other one for its own only" in told
    )


def test_the_datasets_of_other_services_are_not_cleared(portal: Portal, ask: Ask):
    with catalogue([iso_record(1, organisation="DDT de l'Ain")]) as server:
        portal.harvest(portal.source(server.url, name="tous"))
        assert ask("harvest_source_clear", id="tous").status_code == 403
        portal.call("harvest_source_clear", id="tous")
        assert portal.datasets() == {}
        portal.harvest(
            ask("harvest_source_create", **values(server.url + "?")).json["result"]["id"]
        )
    assert len(portal.datasets()) == 1
    assert ask("harvest_source_clear", id="essai").status_code == 200
    assert portal.datasets() == {}


@pytest.mark.slow("variants")
def test_what_another_source_publishes_meanwhile_is_not_cleared(portal: Portal, ask: Ask):
    with catalogue(
        [iso_record(1, identifier=UUID, title="Zones", organisation="DDT de l'Ain")]
    ) as server:
        mine = ask("harvest_source_create", **values(server.url, priority=100)).json["result"]["id"]
        assert portal.harvest(mine) == {"added": 1}
        theirs = portal.source(server.url + "?", name="tous")
        portal.harvest(theirs)
        before = portal.datasets()["Zones"]
        assert before["organization"]["name"] == DDT
        assert ask("harvest_source_clear", id="essai").status_code == 200
        assert portal.datasets()["Zones"]["id"] == before["id"] and portal.found() == ["Zones"]
        assert portal.harvest(theirs) == {"not modified": 1}
        assert portal.call("harvest_source_show", id="essai")["status"]["job_count"] == 0
        portal.harvest(mine)
    assert [each["id"] for each in portal.datasets().values()] == [before["id"]]


@pytest.mark.slow("variants")
def test_a_source_registered_anew_goes_on_with_the_datasets_of_its_service_and_leaves_those_of_others(
    portal: Portal, ask: Ask
):
    other = UUID.replace("1d1ad7a1", "2d1ad7a1")
    own = iso_record(
        1, identifier=UUID, title="Zones", organisation="Bureau"
    )  # of the source's organisation
    with catalogue(
        [own, iso_record(2, identifier=other, title="Aléas", organisation="DDT de l'Ain")]
    ) as server:
        portal.harvest(portal.source(server.url, name="tous"))
        before = portal.datasets()
        assert ask("harvest_source_delete", id="tous").status_code == 200
        again = ask("harvest_source_create", **values(server.url))
        assert again.status_code == 200, again.body
        twice = ask("harvest_source_create", **{**values(server.url), "name": "encore"})
        assert (twice.status_code, list(twice.json["error"])) == (409, ["url", "__type"])
        mine = again.json["result"]["id"]
        for _harvest in range(3):
            portal.harvest(mine)
        after = portal.datasets()
        assert {
            title: (each["id"], each["organization"]["name"]) for title, each in after.items()
        } == {title: (each["id"], each["organization"]["name"]) for title, each in before.items()}
        told = [
            portal.call("ecosphere_harvest_catalogues_show", id=after[title]["id"])
            for title in ("Zones", "Aléas")
        ]
        assert [each["published_from"]["title"] for each in told] == ["Essai", "Tous"]
        assert ask("harvest_source_clear", id="essai").status_code == 200
        assert list(portal.datasets()) == ["Aléas"]


def test_a_trial_shows_for_which_service_the_source_would_publish(portal: Portal, ask: Ask):
    with catalogue([iso_record(1, organisation="DDT de l'Ain")]) as server:

        def tried(**settings: Any) -> dict[str, Any]:
            asked = {
                "url": server.url,
                "source_type": "ecosphere_csw",
                "config": json.dumps(settings),
            }
            id_ = ask("ecosphere_harvest_trial_start", **asked).json["result"]["id"]
            jobs.Worker([QUEUE]).work(burst=True)
            [sample] = ask("ecosphere_harvest_trial_show", id=id_).json["result"]["found"][
                "samples"
            ]
            return sample

        sample = tried()
        assert not sample["service"] and "publishes for its own only: DDT de l'Ain" in str(
            sample["problems"]
        )
        assert not tried(own_service=False)["service"]
        portal.source(server.url, name="tous")
        assert tried()["service"] == "DDT 01"


@pytest.mark.few(1, "variants")
@pytest.mark.parametrize(
    "attr", ["package_id", "report_status", "harvest_source_id", "guid", "none", ["a"], 1]
)
def test_no_record_is_found_by_another_column(portal: Portal, app: CKANTestApp, attr: Any):
    with catalogue([iso_record(1)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
    (dataset,) = portal.datasets().values()
    for id_ in (dataset["id"], "added", source, "fr-120066022-jdd-00000001"):
        call = {"id": id_, "attr": attr}
        assert app.post("/api/3/action/harvest_object_show", json=call).status_code in (403, 409)


def test_the_form_offers_what_its_reader_may_choose(portal: Portal, app: CKANTestApp):
    editor, administrator = factories.UserWithToken(), factories.SysadminWithToken()
    call_action("organization_member_create", id=CGDD, username=editor["name"], role="editor")
    fields = {"option-organisation", "option-own-service"}
    for person, offered in ((editor, set()), (administrator, fields)):
        page = app.get(
            "/fr/harvest/new", headers={"Authorization": person["token"]}, status=200
        ).body
        assert {field for field in fields if f'id="{field}"' in page} == offered
        assert ("ne publie que pour ce service" in page) == (person is editor)


@pytest.mark.browser
def test_what_an_editor_is_not_offered_is_kept(page: Any, portal: Portal):
    editor = factories.User(password=PASSWORD, image_url="")
    call_action("organization_member_create", id=CGDD, username=editor["name"], role="editor")
    settings = {"default_organisation": DDT, "page_size": 10}
    portal.source("https://ex.org/csw", name="essai", owner_org=CGDD, config=settings)
    log_in(page, editor["name"], PASSWORD)
    page.goto("/fr/harvest/edit/essai")
    page.locator("#option-page-size").fill("20")
    page.locator("button[name=save]").click()
    page.wait_for_load_state()
    model.Session.remove()
    assert settings_of(portal) == {**settings, "page_size": 20}
