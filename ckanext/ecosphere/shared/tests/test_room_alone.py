"""Rooms without the base plugin: their own views and actions are still protected."""

from __future__ import annotations

from typing import Any

import pytest
from ckan.tests import factories

from ckanext.ecosphere.shared.tests.conftest import token_of

ADDRESSES = {
    "ecosphere_requests": "/demandes/effacer-mes-donnees",
    "ecosphere_quality": "/dataset/x/qualite/liens",
}
ACTIONS = {
    "ecosphere_requests": "ecosphere_request_create",
    "ecosphere_quality": "ecosphere_quality_recheck",
}


@pytest.mark.ckan_config("ckan.plugins", "ecosphere_requests ecosphere_quality")
@pytest.mark.ckan_config("WTF_CSRF_ENABLED", True)
@pytest.mark.usefixtures("with_plugins", "clean_db")
def test_room_alone_refuses_forged_requests(app: Any):
    sysadmin = factories.Sysadmin()
    stranger = app.flask_app.test_client()
    victim = app.flask_app.test_client()
    with victim.session_transaction() as session:
        session["_user_id"], session["_fresh"] = sysadmin["id"], True
    for room, address in ADDRESSES.items():
        action = f"/api/3/action/{ACTIONS[room]}"
        for path in (address, action):
            stranger.post(path, json={"id": "x"})
        answer = victim.post(address, data={"confirm": "1"})
        assert (answer.status_code, "another site sent it" in answer.get_data(as_text=True)) == (
            400,
            True,
        )
        called = victim.post(action, json={"id": "x"})
        assert (called.status_code, called.json["error"]["__type"]) == (400, "CSRF Error")
        called = victim.post(action, json={"id": "x"}, headers={"X-CSRFToken": token_of(victim)})
        assert called.json.get("error", {}).get("__type") != "CSRF Error"
    assert victim.get("/demandes/nowhere-at-all").headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.ckan_config("ckan.plugins", "ecosphere_requests")
@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_contact_sheets_work_without_the_base_plugin(app: Any):
    """The data requests need them for receipts and decisions."""
    head, stranger = factories.UserWithToken(), factories.UserWithToken()
    members = [{"name": head["name"], "capacity": "admin"}]
    factories.Organization(name="ddt-01", title="DDT de l'Ain", users=members, image_url="")
    of_head = {"Authorization": head["token"]}
    sheet = {
        "full_name": "Direction départementale des territoires de l'Ain",
        "email": "ddt@example.org",
    }
    assert app.get("/organization/ddt-01/contact", headers=of_head).status_code == 200
    wrong = app.post(
        "/organization/ddt-01/contact", data={"email": "ddt"}, headers=of_head, status=400
    )
    assert 'id="field-email-error"' in wrong.body
    app.post(
        "/organization/ddt-01/contact",
        data=sheet,
        headers=of_head,
        follow_redirects=False,
        status=302,
    )
    about = app.get("/organization/about/ddt-01").body
    assert "mailto:ddt@example.org" in about
    assert "ecosphere_contact_email" not in about
    assert app.get(
        "/organization/ddt-01/contact", headers={"Authorization": stranger["token"]}, status=403
    )
    shown = app.get("/api/3/action/ecosphere_contact_sheet_show?id=ddt-01").json["result"]
    assert shown["email"] == "ddt@example.org"
