"""Sysadmin pages of the organisations: search, changes logged in the journal,
refusal of invalid values.
"""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import call_action

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.core import console, journal
from ckanext.ecosphere.setup import organisations
from ckanext.ecosphere.tests.browser import axe_violations, log_in

PASSWORD = "un mot de passe de test"
ADMIN = "/ecosphere/admin/services/"
AIN, LOIRE = "http://id.insee.fr/geo/departement/01", "http://id.insee.fr/geo/departement/42"
FORM = {
    "title": "DDT de la Loire",
    "kind": "ddt",
    "territory": LOIRE,
    "email": "ddt-42@example.gouv.fr",
}


@pytest.fixture
def portal(with_plugins: None, clean_db: None, clean_index: None) -> None:
    """A sysadmin and two organisations, one with a mailbox."""
    factories.Sysadmin(name="boss", password=PASSWORD, image_url="", fullname="Camille Martin")
    extras = [
        {"key": organisations.KIND, "value": "ddt"},
        {"key": organisations.TERRITORY, "value": AIN},
    ]
    other = [{"key": "autre", "value": "reste"}]
    factories.Organization(
        name="ddt",
        title="DDT 01",
        description="Une description",
        image_url="",
        extras=extras + other,
    )
    factories.Organization(name="dreal", title="DREAL", image_url="")
    call_action(
        "ecosphere_contact_sheet_update",
        {"user": "boss"},
        id="dreal",
        email="dreal@example.gouv.fr",
    )


@pytest.fixture
def send(app: Any, portal: None) -> Any:
    token = {"Authorization": factories.APIToken(user="boss")["token"]}

    def sent(address: str, form: dict[str, Any] | None = None, status: int = 200) -> str:
        options = {"headers": token, "follow_redirects": False, "status": status}
        return (
            app.get(address, **options) if form is None else app.post(address, data=form, **options)
        ).body

    return sent


def written(name: str) -> dict[str, Any]:
    model.Session.expire_all()
    group: Any = model.Group.get(name)
    own = console._basics(group)
    return {
        **own,
        "email": sheets.written(group).email,
        "other": group.extras.get("autre"),
        "text": group.description,
    }


def called(name: str) -> str:
    """Return the full name of an organisation, as used in its letters."""
    model.Session.expire_all()
    group: Any = model.Group.get(name)
    return sheets.of(group).full_name


def test_a_service_is_found_changed_and_the_change_is_in_the_journal(send: Any):
    page = send(f"{ADMIN}?q=ddt")
    assert "DDT 01" in page and "Ain" in page and "DREAL" not in page
    assert "DREAL" not in send(f"{ADMIN}?lacking=1")
    assert 'value="DDT 01"' in send(f"{ADMIN}ddt")
    send(f"{ADMIN}ddt", FORM, 302)
    assert written("ddt") == {
        "title": "DDT de la Loire", "kind": "ddt", "territory": LOIRE, "email": "ddt-42@example.gouv.fr",
        "other": "reste", "text": "Une description",
    }  # fmt: skip
    journal = send("/ecosphere/admin/journal?kind=sheets")
    for words in ("DDT de la Loire", "DDT 01", LOIRE, "ddt-42@example.gouv.fr", "Camille Martin"):
        assert words in journal
    # Saved again without changes, nothing is logged.
    before = journal.count("Camille Martin")
    send(f"{ADMIN}ddt", FORM, 302)
    assert send("/ecosphere/admin/journal?kind=sheets").count("Camille Martin") == before


@pytest.mark.few(2, "values")
@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("title", " "),
        ("title", "x" * 201),
        ("kind", "nothing"),
        ("territory", "http://x.example"),
        ("email", "x"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field_and_changes_nothing(
    send: Any, field: str, wrong: str
):
    before = written("ddt")
    page = send(f"{ADMIN}ddt", {**FORM, field: wrong}, 400)
    assert f'id="field-{field}-error"' in page
    assert written("ddt") == before


def test_what_ckan_refuses_leaves_the_sheet_as_it_was_and_the_journal_without_it(send: Any):
    group: Any = model.Group.get("ddt")
    group.extras["description"] = (
        "x"  # CKAN accepts no extra named like a field, but an import may have left one
    )
    model.Session.commit()
    before, noted = written("ddt"), journal.count()
    assert "There is a schema field with the same name" in send(f"{ADMIN}ddt", FORM, 400)
    assert written("ddt") == before and before["email"] == ""
    assert journal.count() == noted


def test_a_service_that_becomes_one_of_another_kind_bears_its_former_name_no_longer(send: Any):
    name, lot = "ddt-46042-01", "http://id.insee.fr/geo/departement/46"
    extras = [
        {"key": organisations.KIND, "value": "ddt"},
        {"key": organisations.TERRITORY, "value": lot},
    ]
    factories.Organization(name=name, title="DDT 46", description="", image_url="", extras=extras)
    assert called(name) == "Direction départementale des territoires du Lot"
    send(f"{ADMIN}{name}", {"title": "DDTM 46", "kind": "ddtm", "territory": lot}, 302)
    assert called(name) == "DDTM 46" and not sheets.is_spelled_out("DDTM 46")
    full = "Direction départementale des territoires et de la mer du Lot"
    send(
        f"{ADMIN}{name}",
        {"title": "DDTM 46", "kind": "ddtm", "territory": lot, "full_name": full},
        302,
    )
    assert called(name) == full


def test_a_kind_that_the_list_does_not_know_stays(send: Any):
    call_action(
        "organization_patch",
        {"user": "boss"},
        id="dreal",
        extras=[{"key": organisations.KIND, "value": "own"}],
    )
    send(f"{ADMIN}dreal", {**FORM, "title": "DREAL", "kind": "own"}, 302)
    assert written("dreal")["kind"] == "own"


def test_others_are_refused(app: Any, portal: None):
    user = factories.User(name="anne", image_url="")
    token = {"Authorization": factories.APIToken(user=user["name"])["token"]}
    for address in (ADMIN, f"{ADMIN}ddt"):
        app.get(address, headers=token, status=403)
        app.get(address, status=302, follow_redirects=False)
    app.post(f"{ADMIN}ddt", headers=token, data=FORM, status=403)
    assert written("ddt")["title"] == "DDT 01"


@pytest.mark.browser
def test_in_the_browser_in_french(page: Any, portal: None):
    log_in(page, "boss", PASSWORD)
    page.goto("/fr/ecosphere/admin/services/")
    assert axe_violations(page) == []
    page.get_by_role("link", name="DDT 01").click()
    assert axe_violations(page) == []
    assert (
        page.get_by_role("link", name="Inviter quelqu’un")
        .get_attribute("href")
        .endswith("/member_new/ddt")
    )
    page.fill("#field-email", "ddt-01@example.gouv.fr")
    page.select_option("#field-territory", label="Loire")
    page.keyboard.press("Tab")
    page.locator("form[novalidate] button[type=submit]").click()
    page.wait_for_url("**/services/?q=DDT*")
    assert page.get_by_role("row", name="DDT 01").inner_text().split("\t")[2:4] == [
        "Loire",
        "ddt-01@example.gouv.fr",
    ]
