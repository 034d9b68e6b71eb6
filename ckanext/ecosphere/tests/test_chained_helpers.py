"""Chained helpers of CKAN: access checks are made once per page,
and links to users lead to existing pages.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import call_action

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")

MAY_EDIT = "/dataset/edit/plu"


@pytest.fixture
def service() -> dict[str, Any]:
    """An organisation with an editor, a user without a role, and a dataset."""
    names = ("editrice", "passante")
    people = {
        name: factories.UserWithToken(name=name, about="", image_url="")["token"] for name in names
    }
    factories.Sysadmin(name="chef", about="")
    factories.Organization(name="ddt-01", users=[{"name": "editrice", "capacity": "editor"}])
    call_action(
        "package_create",
        context={"user": "editrice", "ignore_auth": True},
        name="plu",
        title="Plan local d’urbanisme",
        owner_org="ddt-01",
        private=False,
    )
    return people


@pytest.mark.slow("personas")
def test_each_reader_is_offered_what_they_may_do(app: Any, service: dict[str, Any]):
    for name, offered in (("editrice", True), ("passante", False), ("editrice", True)):
        page = app.get("/dataset/plu", headers={"Authorization": service[name]}).body
        assert (MAY_EDIT in page) is offered, name
    assert MAY_EDIT not in app.get("/dataset/plu").body


def test_what_changes_between_two_pages_is_seen_on_the_second(app: Any, service: dict[str, Any]):
    token = {"Authorization": service["editrice"]}
    assert MAY_EDIT in app.get("/dataset/plu", headers=token).body
    call_action(
        "organization_member_delete",
        context={"user": "chef", "ignore_auth": True},
        id="ddt-01",
        username="editrice",
    )
    assert MAY_EDIT not in app.get("/dataset/plu", headers=token).body


def test_names_of_people_lead_to_their_pages_for_whoever_may_open_them(
    app: Any, service: dict[str, Any]
):
    link = 'href="/user/editrice"'
    assert (
        link
        in app.get("/dataset/activity/plu", headers={"Authorization": service["passante"]}).body
    )
    page = app.get("/dataset/activity/plu").body
    assert link not in page and model.User.get("editrice").display_name in page


def test_whoever_has_lost_their_session_is_led_to_log_in(app: Any, service: dict[str, Any]):
    for answer in (
        app.get("/fr/dataset/edit/plu"),
        app.post("/fr/dataset/edit/plu"),
        app.get("/fr/rien-de-tel"),
    ):
        assert answer.status_code in (403, 404)
        assert "Vous n’êtes pas connecté" in answer.body and "/user/login?came_from=" in answer.body
        assert "utilisateur &#39;&#39;" not in answer.body and "utilisateur ''" not in answer.body
    headers = {"Authorization": service["passante"]}
    assert "Vous n’êtes pas connecté" not in app.get("/fr/rien-de-tel", headers=headers).body


def test_a_page_asks_once(app: Any, service: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    check = tk.check_access
    import ckan.lib.helpers as core

    def counted(action: str, context: Any, data_dict: Any = None) -> Any:
        asked.append(action)
        return check(action, context, data_dict)

    monkeypatch.setattr(core.logic, "check_access", counted)
    app.get("/dataset/plu", headers={"Authorization": service["passante"]})
    assert asked.count("package_update") == 1


def test_nothing_is_kept_where_something_may_change(app: Any, service: dict[str, Any]):
    user = service["editrice"]
    with app.flask_app.test_request_context("/", method="POST", headers={"Authorization": user}):
        app.flask_app.preprocess_request()
        assert tk.h.check_access("package_update", {"id": "plu"})
        call_action(
            "organization_member_delete",
            context={"user": "chef", "ignore_auth": True},
            id="ddt-01",
            username="editrice",
        )
        assert not tk.h.check_access("package_update", {"id": "plu"})


def test_the_account_of_the_reader_is_not_read_again_for_their_picture(
    app: Any, service: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    import ckan.lib.helpers as core

    pictured = app.get("/user/editrice", headers={"Authorization": service["passante"]}).body
    read: list[str] = []
    get_action = core.logic.get_action

    def counted(name: str) -> Any:
        read.append(name)
        return get_action(name)

    monkeypatch.setattr(core.logic, "get_action", counted)
    page = app.get("/dataset/plu", headers={"Authorization": service["passante"]}).body
    assert "user_show" not in read
    figure = "/base/images/placeholder-user.png"
    assert page.count(figure) == 1
    assert pictured.count(figure) == 2  # the other one is of another user, whom CKAN loads


def test_a_picture_of_ones_own_is_shown(app: Any, service: dict[str, Any]):
    call_action(
        "user_patch",
        context={"user": "chef", "ignore_auth": True},
        id="passante",
        image_url="https://example.org/moi.png",
    )
    assert (
        'src="https://example.org/moi.png"'
        in app.get("/", headers={"Authorization": service["passante"]}).body
    )


@pytest.mark.ckan_config("ckan.gravatar_default", "identicon")
def test_a_portal_that_asks_gravatar_still_does(app: Any, service: dict[str, Any]):
    assert (
        "gravatar.com/avatar" in app.get("/", headers={"Authorization": service["passante"]}).body
    )


def test_the_news_name_a_harvest_source_in_the_language_of_the_page(made_app: Any):
    with made_app._wsgi_app.test_request_context("/", environ_overrides={"CKAN_LANG": "fr"}):
        assert (
            tk.h.humanize_entity_type("package", "harvest", "activity_record")
            == "catalogue moissonné"
        )
        assert tk.h.humanize_entity_type("package", "dataset", "activity_record") is None
