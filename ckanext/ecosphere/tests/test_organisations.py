"""Organisations created from the registry, and updates that keep manual changes."""

import pytest
from ckan import model
from ckan.tests import factories, helpers

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.interfaces import InitReport
from ckanext.ecosphere.setup import organisations

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")

AIN, SEINE_UNIT, PARENT = "ddt-01053-01", "driea_ut-75115-01", "driea-75115-01"


@pytest.fixture
def three_services(monkeypatch):
    """A registry of three organisations, so that the tests are fast."""
    get, whole = voc.get, voc.get("organisations")
    few = voc.Vocabulary(
        "organisations", tuple(whole[name] for name in (SEINE_UNIT, AIN, PARENT)), voc.normalise
    )
    monkeypatch.setattr(
        organisations.voc, "get", lambda name: few if name == "organisations" else get(name)
    )


def create() -> InitReport:
    report = InitReport()
    organisations.create_or_update(report)
    return report


def show(name: str) -> dict:
    found = helpers.call_action("organization_show", id=name, include_users=False)
    # PostgreSQL returns the extras in any order.
    return found | {"extras": sorted(found["extras"], key=lambda extra: extra["key"])}


def extra(name: str, key: str) -> str | None:
    return {each["key"]: each["value"] for each in show(name)["extras"]}.get(key)


def test_services_are_created_with_name_territory_kind_and_parent(three_services):
    report = create()
    ain = show(AIN)
    assert report.lines == [("changed", "3 services created")]
    assert (ain["title"], ain["description"]) == (
        "DDT 01",
        "Direction départementale des territoires (DDT) - Ain",
    )
    assert extra(AIN, "ecosphere_territory") == "http://id.insee.fr/geo/departement/01"
    assert extra(AIN, "ecosphere_kind") == "ddt"
    assert [parent["name"] for parent in show(SEINE_UNIT)["groups"]] == [PARENT]


def test_a_second_run_writes_nothing(three_services):
    create()
    before = [show(name) for name in (AIN, SEINE_UNIT, PARENT)]
    assert create().lines == [("unchanged", "3 services are in line with the registry")]
    assert [show(name) for name in (AIN, SEINE_UNIT, PARENT)] == before


def test_what_a_person_changed_is_left_alone(three_services, sysadmin_context):
    create()
    helpers.call_action("organization_patch", sysadmin_context, id=AIN, title="DDT de l'Ain")
    assert ("unchanged", "1 services changed by a person are left alone") in create().lines
    assert show(AIN)["title"] == "DDT de l'Ain"


def test_a_service_that_nobody_changed_follows_the_registry(three_services, sysadmin_context):
    create()
    older = organisations.wanted(voc.get("organisations")[AIN]) | {
        "title": "DDT de l'Ain (ancien nom)"
    }
    extras = [
        {"key": "ecosphere_territory", "value": older["ecosphere_territory"]},
        {"key": "ecosphere_kind", "value": older["ecosphere_kind"]},
        {"key": "ecosphere_registry", "value": organisations.fingerprint(older)},
        {"key": "telephone", "value": "0400000000"},
    ]
    helpers.call_action(
        "organization_patch", sysadmin_context, id=AIN, title=older["title"], extras=extras
    )
    assert create().lines == [("changed", "1 services updated")]
    assert show(AIN)["title"] == "DDT 01"
    assert extra(AIN, "telephone") == "0400000000"


def test_a_deleted_service_stays_deleted(three_services, sysadmin_context):
    create()
    helpers.call_action("organization_delete", sysadmin_context, id=AIN)
    create()
    assert show(AIN)["state"] == "deleted"


def test_an_organisation_made_by_a_person_under_the_same_name_is_left_alone(three_services):
    factories.Organization(name=AIN, title="La mienne")
    create()
    assert show(AIN)["title"] == "La mienne"


def test_members_keep_their_roles(three_services, sysadmin_context):
    create()
    editor = factories.User()
    helpers.call_action(
        "organization_member_create",
        sysadmin_context,
        id=AIN,
        username=editor["name"],
        role="editor",
    )
    create()
    assert [editor["id"], "user", "Editor"] in [
        list(each) for each in helpers.call_action("member_list", id=AIN, object_type="user")
    ]


@pytest.mark.usefixtures("three_services")
def test_the_directory_stands_in_for_the_sheets_of_services_without_storing_anything():
    create()
    group = model.Group.get(AIN)
    assert (
        sheets.of(group).email == "ddt@ain.gouv.fr"
        and sheets.of(group).telephone == "+33 4 74 45 62 37"
    )
    assert sheets.written(group) == sheets.ContactSheet()
