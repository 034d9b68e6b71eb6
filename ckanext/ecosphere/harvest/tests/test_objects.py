"""Page of a harvest object: its result, who may see it, and the original record."""

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories, helpers

from ckanext.ecosphere.harvest import messages, objects
from ckanext.ecosphere.harvest.problems import MESSAGES
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.harvest.model import HarvestObject

BAD = iso_record(2).replace("gmd:identificationInfo", "gmd:identificationNothing")
UNPLACED = "<gmd:hierarchyLevelName><gco:CharacterString>Lot de PPR</gco:CharacterString></gmd:hierarchyLevelName>"
GOOD = iso_record(1, organisation="Bureau Dupont").replace(
    "<gmd:contact>", UNPLACED + "<gmd:contact>", 1
)


@pytest.fixture
def harvested(portal):
    """A portal that has imported one record and refused another."""
    with catalogue([GOOD, BAD]) as server:
        portal.source_id = portal.source(server.url, name="geoide")
        portal.harvest(portal.source_id)
    return portal


def object_of(guid: str) -> str:
    found = model.Session.query(HarvestObject).filter(HarvestObject.guid.like(f"%{guid}")).one()
    return str(found.id)


def personas() -> dict[str, str]:
    """Role → user name."""
    people = {
        name: factories.User()["name"]
        for name in ("user", "foreigner", "service", "owner", "member")
    }
    other = factories.Organization()
    helpers.call_action(
        "organization_member_create", id=other["id"], username=people["foreigner"], role="editor"
    )
    owner = "administration-centrale-ou-ministere_172120"
    for name, role in (("owner", "editor"), ("member", "member"), ("service", "editor")):
        id_ = "ddt-01053-01" if name == "service" else owner
        helpers.call_action("organization_member_create", id=id_, username=people[name], role=role)
    return {"anonymous": "", "sysadmin": factories.Sysadmin()["name"], **people}


def test_only_those_who_may_edit_a_record_or_its_source_see_it(harvested):
    people = personas()
    for guid in ("1", "2"):
        id_ = object_of(guid)
        allowed = set()
        for name, user in people.items():
            for action in ("ecosphere_harvest_record_show", "harvest_object_show"):
                try:
                    context: Any = {"user": user, "model": model}
                    tk.check_access(action, context, {"id": id_})
                    allowed.add((name, action))
                except tk.NotAuthorized:
                    pass
        both = ("ecosphere_harvest_record_show", "harvest_object_show")
        assert allowed == {(name, action) for name in ("owner", "sysadmin") for action in both}


def test_the_editors_of_the_service_that_a_record_went_to_see_it_too(portal):
    with catalogue([iso_record(1)]) as server:
        portal.harvest(portal.source(server.url))
    people = personas()
    name = portal.datasets()["Jeu de données 1"]["name"]
    for data in ({"id": object_of("1")}, {"dataset_id": name}):
        assert helpers.call_auth(
            "harvest_object_show", {"user": people["service"], "model": model}, **data
        )
        with pytest.raises(tk.NotAuthorized):
            helpers.call_auth(
                "harvest_object_show", {"user": people["foreigner"], "model": model}, **data
            )


def test_a_record_tells_what_the_rules_decided_and_what_has_no_place(harvested):
    shown = harvested.call("ecosphere_harvest_record_show", id=object_of("1"))
    assert shown["outcome"] == "added"
    assert shown["dataset"]["title"] == "Jeu de données 1"
    assert shown["position"] == 1
    assert ("organisation", "owner_org") in {
        (each["rule"], each["field"]) for each in shown["changes"]
    }
    assert all({"before", "after"} <= each.keys() for each in shown["changes"])
    assert any("Lot de PPR" in text for text in shown["unread"])
    assert any("Bureau Dupont" in text for text in shown["problems"])
    assert shown["content"].startswith("<gmd:MD_Metadata")


def test_the_job_counts_records_by_reason_and_lists_what_has_no_place(harvested):
    report = harvested.state(harvested.source_id)["facts"]["report"]
    assert report["refused"] == {"no-identification": 1}
    assert report["problems"]["organisation-unknown"] == 1
    [(_element, number, example, object_id)] = [
        each for each in report["unread"] if "Lot de PPR" in each[2]
    ]
    assert (number, example, object_id) == (1, "Lot de PPR", object_of("1"))


def test_every_reason_is_said_without_the_values_of_one_record():
    for code in MESSAGES:
        text = messages.reason(code)
        assert text and "{" not in text and not text.endswith((":", "("))


def test_the_page_of_a_refused_record_leads_to_the_record_as_it_came(harvested, app):
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    job = harvested.last_job(harvested.source_id)
    page = app.get(f"/harvest/geoide/job/{job}", headers=headers).body
    id_ = object_of("2")
    assert "Record 2 (fr-120066022-jdd-00000002): the record does not describe" in page
    assert f"/ecosphere/harvest/record/{id_}/raw" in page
    assert "The record does not describe any resource" in page
    shown = app.get(f"/ecosphere/harvest/record/{id_}", headers=headers).body
    assert "fr-120066022-jdd-00000002" in shown
    raw = app.get(f"/ecosphere/harvest/record/{id_}/raw", headers=headers)
    assert (
        raw.headers["Content-Disposition"] == 'attachment; filename="fr-120066022-jdd-00000002.xml"'
    )
    assert raw.headers["X-Content-Type-Options"] == "nosniff"
    assert "identificationNothing" in raw.body
    for language, words in (
        ("en", "No service of the registry is called"),
        ("fr", "Aucun service de l’annuaire"),
    ):
        found = app.get(
            f"/{language}/ecosphere/harvest/record/{object_of('1')}", headers=headers
        ).body
        assert words.lower() in found.lower() and "Bureau Dupont" in found
    assert app.get(f"/ecosphere/harvest/record/{id_}/raw", status=403)
    assert app.get("/ecosphere/harvest/record/none", headers=headers, status=404)


@pytest.mark.slow("values")
def test_the_name_of_its_file_is_one_that_a_header_can_hold(harvested, app):
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    id_ = object_of("1")
    kept = HarvestObject.get(id_)
    kept.guid = 'données-"漢字\r\nSet-Cookie: x'
    model.Session.commit()
    raw = app.get(f"/ecosphere/harvest/record/{id_}/raw", headers=headers)
    assert raw.headers["Content-Disposition"] == 'attachment; filename="donn-es--Set-Cookie-x.xml"'


@pytest.mark.slow("variants")
def test_an_unchanged_record_is_the_one_that_was_kept_last(harvested):
    with catalogue([GOOD]) as server:
        harvested.edit_source(harvested.source_id, url=server.url)
        harvested.harvest(harvested.source_id)
        assert harvested.harvest(harvested.source_id) == {"not modified": 1}
    query = sa.select(HarvestObject.id, HarvestObject.content).where(HarvestObject.guid.like("%1"))
    id_, content = model.Session.execute(query.order_by(HarvestObject.gathered.desc())).first() or (
        "",
        "",
    )
    assert content is None
    kept = objects.raw(id_)
    assert kept and "Lot de PPR" in kept[0]
