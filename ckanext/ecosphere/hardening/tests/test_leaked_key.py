"""Whoever knows `SECRET_KEY` is nobody: cookies and tokens that
were only signed open no account.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ckan.plugins.toolkit as tk
import flask_login.utils
import pytest
import sqlalchemy as sa
from ckan import logic, model
from ckan.lib import api_token
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from ckanext.ecosphere.core import addresses
from ckanext.ecosphere.hardening.web import sessions
from ckanext.ecosphere.shared import mailing
from ckanext.ecosphere.shared.tests.conftest import stored_user

Visitor = Callable[..., FlaskClient]
#: What an attacker may put beside the id of an account: nothing, stamps of their own, stamps of
#: earlier versions.
STAMPS = (
    None,
    "",
    "invented",
    "4102444800.000000-0123456789abcdef",
    ["a", "list"],
    {"ends": 9e9},
    "\ud800",
)
LATER = {"after": 0, "ended": []}


@pytest.fixture(
    params=[None, {sessions.KEY: LATER}], ids=["never logged in", "record of an earlier version"]
)
def boss(portal: Any, request: pytest.FixtureRequest) -> Iterator[model.User]:
    """A sysadmin."""
    user = stored_user("boss")
    user.plugin_extras = request.param
    model.Session.commit()
    yield user


def _with_session(client: FlaskClient, user: model.User, stamp: Any) -> FlaskClient:
    """Give a client a session cookie that is signed with the portal's own key."""
    app = client.application
    signer = app.session_interface.get_signing_serializer(app)  # pyright: ignore[reportAttributeAccessIssue]
    content = {"_user_id": user.id, "_fresh": True, "_permanent": True, "ecosphere_session": stamp}
    client.set_cookie("ckan", signer.dumps(content))
    return client


def _with_remember(client: FlaskClient, user: model.User, stamp: str) -> FlaskClient:
    """Give a client the cookies of "remember me", as this version and earlier ones wrote them."""
    app = client.application
    with app.app_context():
        client.set_cookie("remember_token", flask_login.utils.encode_cookie(user.id))
    signer = URLSafeSerializer(app.config["SECRET_KEY"], salt="ecosphere-remember")
    client.set_cookie("ecosphere_remember", str(signer.dumps([user.id, stamp])) if stamp else "")
    return client


def _addresses(client: FlaskClient) -> list[str]:
    """Return every page that needs no argument, and every action that reads."""
    rules = [
        rule for rule in client.application.url_map.iter_rules() if "GET" in (rule.methods or ())
    ]
    pages = {rule.rule for rule in rules if not rule.arguments and not rule.rule.startswith("/api")}
    logic.get_action("status_show")
    reading = [
        name
        for name, action in logic._actions.items()
        if getattr(action, "side_effect_free", False)
    ]
    return [*sorted(pages), *(f"/api/3/action/{name}" for name in sorted(reading))]


def _seen(client: FlaskClient, address: str) -> tuple[int, str, bool]:
    answer = client.get(address, follow_redirects=False)
    return answer.status_code, answer.headers.get("Location", ""), b"/user/_logout" in answer.data


@pytest.mark.slow("hostile")
def test_forged_session_of_a_sysadmin_sees_what_anonymous_people_see(visitor: Visitor):
    boss, stranger = stored_user("boss"), visitor()
    addresses = _addresses(stranger)
    assert "/ckan-admin/trash" in addresses
    assert "/api/3/action/ecosphere_request_list" in addresses
    different = []
    for address in addresses:
        forged = _with_session(visitor(), boss, "invented")
        if _seen(forged, address) != _seen(stranger, address):
            different.append(address)
    assert different == []


@pytest.mark.parametrize("stamp", STAMPS, ids=repr)
def test_no_invented_stamp_opens_the_administration(visitor: Visitor, boss: model.User, stamp: Any):
    assert _seen(_with_session(visitor(), boss, stamp), "/ckan-admin/trash")[0] != 200
    if not stamp or (isinstance(stamp, str) and stamp.isascii()):
        assert _seen(_with_remember(visitor(), boss, stamp or ""), "/ckan-admin/trash")[0] != 200


def test_stamp_of_another_person_opens_no_account(visitor: Visitor, log_in: Visitor):
    person = log_in("anne")
    with person.session_transaction() as session:
        stamp = session["ecosphere_session"]
    assert _seen(_with_session(visitor(), stored_user("anne"), stamp), "/about")[2]
    assert not _seen(_with_session(visitor(), stored_user("boss"), stamp), "/about")[2]


def test_what_is_on_record_is_no_stamp(visitor: Visitor, log_in: Visitor):
    """A copy of the database opens nothing, even with the key."""
    log_in("boss")
    (digest,) = stored_user("boss").plugin_extras[sessions.KEY]["ends"]
    assert not _seen(_with_session(visitor(), stored_user("boss"), digest), "/about")[2]


@pytest.mark.usefixtures("portal")
@pytest.mark.parametrize(
    "purpose",
    ["ecosphere-confirm-address", "ecosphere-alerts-leave", "ecosphere-requests-calendar"],
)
def test_links_of_e_mails_are_not_signed_with_the_key(
    purpose: str, monkeypatch: pytest.MonkeyPatch
):
    timed, lasting = mailing.sign(purpose, ["x"]), mailing.sign_lasting(purpose, ["x"])
    key = tk.config["SECRET_KEY"]
    assert (
        mailing.read(purpose, str(URLSafeTimedSerializer(key, salt=purpose).dumps(["x"]))) is None
    )
    assert (
        mailing.read_lasting(purpose, str(URLSafeSerializer(key, salt=purpose).dumps(["x"])))
        is None
    )
    # After the key was changed, the links of e-mails that were sent before stay good.
    monkeypatch.setitem(tk.config, "SECRET_KEY", "another")
    assert mailing.read(purpose, timed) == ["x"]
    assert mailing.read_lasting(purpose, lasting) == ["x"]


def test_address_of_somebody_else_is_not_confirmed_by_a_forged_link(
    visitor: Visitor, log_in: Visitor
):
    anne = stored_user("anne")
    value = [anne.id, addresses.digest(anne.email)]
    forged = URLSafeTimedSerializer(tk.config["SECRET_KEY"], salt=addresses.PURPOSE).dumps(value)
    with visitor().application.test_request_context():
        true = addresses.token_of(anne)
    assert addresses.account_of(str(forged)) is None
    assert addresses.account_of(true).id == anne.id


def test_key_of_links_is_made_once(portal: Any):
    model.Session.execute(
        sa.delete(model.SystemInfo).where(model.SystemInfo.key == mailing.KEY_NAME)
    )
    model.Session.commit()
    with ThreadPoolExecutor(4) as threads:
        keys = set(threads.map(lambda _number: _key_of_thread(), range(8)))
    assert keys == {mailing.link_key()}


def _key_of_thread() -> str:
    try:
        return mailing.link_key()
    finally:
        model.Session.remove()


@pytest.mark.parametrize("claim", ["id", "name", "invented"])
def test_forged_api_token_is_refused(visitor: Visitor, boss: model.User, claim: str):
    jti = getattr(boss, claim, claim)
    content = {"jti": jti, "iat": time.time(), "sub": boss.id, "user": boss.name}
    with visitor().application.app_context():
        token = api_token.encode(content)
    answer = visitor().get("/api/3/action/ecosphere_request_list", headers={"Authorization": token})
    assert answer.status_code == visitor().get("/api/3/action/ecosphere_request_list").status_code
    writes = visitor().post("/api/3/action/user_create", json={}, headers={"Authorization": token})
    assert writes.status_code == 403
