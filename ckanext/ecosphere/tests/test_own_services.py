"""A user's organisations are looked up once per page, and not cached beyond it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import call_action
from sqlalchemy import event

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")


@pytest.fixture
def editor(app):
    """An editor of an organisation with a private dataset."""
    made = factories.UserWithToken(name="anne")
    service = factories.Organization(name="ddt-44", users=[{"name": "anne", "capacity": "editor"}])
    factories.Dataset(name="brouillon", private=True, owner_org=service["id"])
    return {"Authorization": made["token"]}


def looked_up(statements: list[str]) -> int:
    return sum("member.capacity IN" in each and 'JOIN "group"' in each for each in statements)


def test_the_services_of_a_reader_are_looked_up_once_for_a_page(app, editor):
    statements: list[str] = []

    def note(_connection, _cursor, statement, *_more):
        statements.append(statement)

    app.get("/dataset/brouillon", headers=editor)
    engine = model.ensure_engine()
    event.listen(engine, "before_cursor_execute", note)
    try:
        assert app.get("/dataset/brouillon", headers=editor).status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert looked_up(statements) == 1, sa.text("\n".join(statements))


def test_who_left_a_service_does_not_see_its_datasets_on_the_next_page(app, editor):
    assert app.get("/dataset/brouillon", headers=editor).status_code == 200
    call_action(
        "organization_member_delete",
        {"user": factories.Sysadmin()["name"]},
        id="ddt-44",
        username="anne",
    )
    assert app.get("/dataset/brouillon", headers=editor).status_code == 404
    answer = app.get("/api/3/action/organization_list_for_user?permission=read", headers=editor)
    assert answer.json["result"] == []
