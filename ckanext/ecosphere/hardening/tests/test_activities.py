"""Activity lists omit datasets that are no longer public, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ckan.tests import factories, helpers
from ckan.tests.helpers import CKANTestApp

pytestmark = [pytest.mark.usefixtures("loaded", "clean_db", "clean_index")]
SECRET = "Loutres du lac"


@pytest.fixture
def app(made_app: Any) -> CKANTestApp:
    """The application, made once per module."""
    return CKANTestApp(made_app)


@pytest.fixture
def people() -> dict[str, Any]:
    """Tokens of the author, who is a member of the organisation, of another user,
    and of a sysadmin.
    """
    author, other, boss = (
        factories.UserWithToken(),
        factories.UserWithToken(),
        factories.SysadminWithToken(),
    )
    service = factories.Organization(
        users=[{"name": author["name"], "capacity": "editor"}], image_url=""
    )
    context: Any = {"user": author["name"], "ignore_auth": True, "schema_validate": False}
    made = [
        helpers.call_action(
            "package_create",
            context.copy(),
            name=name,
            title=title,
            notes="x",
            owner_org=service["id"],
        )
        for name, title in (("loutres", SECRET), ("ponts", "Ponts du Gard"))
    ]
    tokens = {
        "author": author["token"],
        "other": other["token"],
        "boss": boss["token"],
        "nobody": "",
    }
    return {
        "tokens": tokens,
        "author": author["name"],
        "service": service["name"],
        "dataset": made[0]["id"],
    }


def told(app: Any, people: dict[str, Any], text: str) -> set[tuple[str, str]]:
    """Return who sees a text, and in which list."""
    lists = {
        "recently_changed_packages_activity_list": {"limit": 2},
        "user_activity_list": {"id": people["author"]},
        "organization_activity_list": {"id": people["service"]},
    }
    found = set()
    for person, token in people["tokens"].items():
        for action, data in lists.items():
            headers = {"Authorization": token} if token else {}
            answer = app.post(f"/api/3/action/{action}", json=data, headers=headers)
            if text in json.dumps(answer.json, ensure_ascii=False):
                found.add((person, action))
    return found


def test_one_activity_is_there_for_whoever_may_read_its_dataset(app: Any, people: dict[str, Any]):
    context: Any = {"user": people["author"], "ignore_auth": True}
    [first, *_more] = helpers.call_action(
        "package_activity_list", context.copy(), id=people["dataset"]
    )

    def statuses(id_: str) -> set[int]:
        return {
            app.post(
                f"/api/3/action/{action}", json={"id": id_, "object_type": "package"}
            ).status_code
            for action in ("activity_show", "activity_data_show", "activity_diff")
        }

    shown = app.get(f"/api/3/action/activity_show?id={first['id']}").json["result"]
    assert shown["object_id"] == people["dataset"]
    helpers.call_action("package_patch", context, id="loutres", private=True)
    assert statuses(first["id"]) == statuses("none") == {404}


@pytest.mark.few(1, "variants")
@pytest.mark.parametrize("how", ["made private", "deleted"])
def test_a_dataset_that_was_public_is_not_told_of(app: Any, people: dict[str, Any], how: str):
    before = told(app, people, SECRET)
    assert {
        ("nobody", "recently_changed_packages_activity_list"),
        ("other", "user_activity_list"),
    } <= before
    context: Any = {"user": people["author"], "ignore_auth": True}
    if how == "deleted":
        helpers.call_action("package_delete", context, id=people["dataset"])
    else:
        helpers.call_action("package_patch", context, id=people["dataset"], private=True)

    after = told(app, people, SECRET)

    assert not {person for person, _list in after} & {"nobody", "other"}
    assert {("boss", "user_activity_list"), ("author", "user_activity_list")} <= after
    # The list has the requested length: omitted entries are replaced by further ones.
    assert ("nobody", "recently_changed_packages_activity_list") in told(
        app, people, "Ponts du Gard"
    )
