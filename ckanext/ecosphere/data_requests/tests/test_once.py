"""Roles and counts of a reader are queried once per page, and never kept for the next page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ckan.tests.helpers import CKANTestApp, call_action

from ckanext.ecosphere.data_requests.tests.conftest import act, opened
from ckanext.ecosphere.data_requests.tests.test_pages import visit
from ckanext.ecosphere.tests import plans

pytestmark = pytest.mark.usefixtures("portal")

DESK = "/fr/demandes/service/ddt-42"
LIST = "/api/3/action/ecosphere_request_list?scope=desk&organization=ddt-42"


@pytest.mark.slow("load")
@pytest.mark.parametrize(
    ("person", "path"), [("editor", DESK), ("editor", "/fr/tableau-de-bord"), ("boss", DESK)]
)
def test_the_roles_of_a_reader_are_looked_up_once_for_a_page(
    app: CKANTestApp, person: str, path: str
):
    opened()
    assert visit(app, person, path).status_code == 200
    with plans.asked() as statements:
        assert visit(app, person, path).status_code == 200
    roles = [
        statement for statement, _values in statements if ", member.capacity \nFROM" in statement
    ]
    counted = [
        statement
        for statement, _values in statements
        if "ecosphere_requests_notification" in statement
    ]
    assert (len(roles), len(counted)) == (1, 1)


@pytest.fixture
def left(portal: None) -> Iterator[None]:
    """Restore the editor's membership of `ddt-42` after the test."""
    yield
    boss = {"user": "boss", "ignore_auth": False}
    call_action("organization_member_create", boss, id="ddt-42", username="editor", role="editor")


def test_who_left_a_service_does_not_see_its_desk_on_the_next_page(app: CKANTestApp, left: None):
    opened()
    assert visit(app, "editor", DESK).status_code == visit(app, "editor", LIST).status_code == 200
    call_action(
        "organization_member_delete",
        {"user": "boss", "ignore_auth": False},
        id="ddt-42",
        username="editor",
    )
    assert visit(app, "editor", DESK).status_code == visit(app, "editor", LIST).status_code == 403


def test_the_counts_of_a_desk_are_given_without_its_requests():
    opened()
    desk = act("desk", "editor", organization="ddt-42")
    assert act("desk", "editor", organization="ddt-42", requests=False) == {
        "counts": desk["counts"]
    }
    assert desk["counts"]["new"] == 1
