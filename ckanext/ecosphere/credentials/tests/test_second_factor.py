"""A second factor over HTTP: set up, asked before there is a session, used once, guessed in vain,
lost, removed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ckan.plugins.toolkit as tk
import pyotp
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.exceptions import CkanConfigurationException
from ckan.tests import factories
from flask.testing import FlaskClient

from ckanext.ecosphere.cli import ecosphere
from ckanext.ecosphere.core import journal
from ckanext.ecosphere.credentials import second_factor
from ckanext.ecosphere.credentials.plugin import EcosphereCredentialsPlugin
from ckanext.ecosphere.credentials.tests.conftest import Clock
from ckanext.ecosphere.shared.tests.conftest import (
    PASSWORD,
    copied,
    is_logged_in,
    stored_user,
    token_of,
    try_password,
)
from ckanext.ecosphere.tests.postbox import Postbox, body

CODE, SET_UP, REMOVE = "/connexion/code", "/compte/second-facteur", "/compte/second-facteur/retirer"
ATTACKER = "198.51.100.9"
Visitor = Callable[..., FlaskClient]

pytestmark = pytest.mark.usefixtures("demand")


def code_of(name: str, clock: Clock, steps: int = 0) -> str:
    """Return the code that the person's application shows, some time steps from now."""
    secret = second_factor.record_of(stored_user(name))["secret"]
    return pyotp.TOTP(secret).at(int(clock.now) + steps * second_factor.STEP_SECONDS)


def send(client: FlaskClient, path: str, **form: str) -> Any:
    return client.post(path, data={"_csrf_token": token_of(client), **form}, follow_redirects=False)


def give_factor(name: str, clock: Clock) -> list[str]:
    """Set a second factor up for an account; return its recovery codes."""
    secret = second_factor.new_secret()
    codes = second_factor.turn_on(stored_user(name), secret, pyotp.TOTP(secret).at(int(clock.now)))
    clock.pass_steps()
    return codes


def set_up(client: FlaskClient, clock: Clock, **form: str) -> Any:
    """Set a second factor up on its page, as a person does."""
    page = client.get(SET_UP).get_data(as_text=True)
    secret = re.search(r'id="secret"[^>]*>([A-Z2-7]+)<', page)[1]
    assert f"secret={secret}" in page
    assert "data:image/svg+xml" in page
    code = pyotp.TOTP(secret).at(int(clock.now))
    return send(client, SET_UP, **{"code": code, **form})


def test_a_person_sets_it_up_and_is_asked_for_it(log_in: Visitor, visitor: Visitor, clock: Clock):
    answer = set_up(log_in("anne"), clock, old_password=PASSWORD)
    page = answer.get_data(as_text=True)
    codes = re.findall(r"<code>([0-9a-f]{10}-[0-9a-f]{10})</code>", page)
    assert len(set(codes)) == 10
    assert answer.headers["Cache-Control"].startswith("no-store")
    kept = str(stored_user("anne").plugin_extras)
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)

    client = visitor()
    answer = try_password(client, "anne", PASSWORD)
    assert answer.headers["Location"].endswith(CODE)
    assert not is_logged_in(client)
    assert "one-time-code" in client.get(CODE).get_data(as_text=True)
    clock.pass_steps()
    answer = send(client, CODE, code=code_of("anne", clock))
    assert answer.status_code == 302
    assert is_logged_in(client)


def test_the_password_alone_opens_nothing(visitor: Visitor, clock: Clock):
    give_factor("anne", clock)
    client = visitor()
    try_password(client, "anne", PASSWORD, remember=True)
    assert second_factor.record_of(stored_user("anne"))
    for path in ("/user/edit", "/dashboard/datasets", "/user/anne/api-tokens"):
        assert client.get(path, follow_redirects=False).status_code in (302, 400, 401, 403)
    assert "anne@example.org" not in client.get("/api/3/action/user_show?id=anne").text
    assert "/user/login" in client.get(SET_UP, follow_redirects=False).headers["Location"]
    assert "/user/login" in send(client, SET_UP, code="000000").headers["Location"]
    assert "/user/login" in send(client, REMOVE, old_password=PASSWORD).headers["Location"]
    assert second_factor.record_of(stored_user("anne"))


def test_where_the_person_wanted_to_go_and_remember_me_survive(visitor: Visitor, clock: Clock):
    give_factor("anne", clock)
    client = visitor()
    form = {"login": "anne@example.org", "password": PASSWORD, "remember": "63072000"}
    client.post("/user/login?came_from=/organization/", data=form)
    answer = send(client, CODE, code=code_of("anne", clock))
    assert answer.headers["Location"].endswith("/organization/")
    assert "remember_token" in str(answer.headers)


@pytest.mark.parametrize(
    ("steps", "works"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_code_is_good_for_one_step_around(
    steps: int, works: bool, visitor: Visitor, clock: Clock
):
    give_factor("anne", clock)
    clock.pass_steps(5)
    client = visitor()
    try_password(client, "anne", PASSWORD)
    send(client, CODE, code=code_of("anne", clock, steps))
    assert is_logged_in(client) is works


def test_a_code_is_good_once_even_at_the_same_time(visitor: Visitor, clock: Clock):
    give_factor("anne", clock)
    code = code_of("anne", clock)
    clients = [visitor() for _number in range(4)]
    for client in clients:
        try_password(client, "anne", PASSWORD)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda client: send(client, CODE, code=code), clients))
    assert sum(map(is_logged_in, clients)) == 1
    clock.pass_steps()
    late = visitor()
    try_password(late, "anne", PASSWORD)
    assert send(late, CODE, code=code).status_code == 400  # within the window, and used


def test_the_code_of_the_set_up_is_used_already(visitor: Visitor, clock: Clock):
    give_factor("anne", clock)
    client = visitor()
    try_password(client, "anne", PASSWORD)
    assert send(client, CODE, code=code_of("anne", clock, -1)).status_code == 400


def test_a_recovery_code_is_good_once(visitor: Visitor, clock: Clock):
    codes = give_factor("anne", clock)
    for spelled, works in (
        (codes[3].upper().replace("-", " "), True),
        (codes[3], False),
        (codes[4], True),
    ):
        client = visitor()
        try_password(client, "anne", PASSWORD)
        send(client, CODE, code=spelled)
        assert is_logged_in(client) is works
    assert len(second_factor.record_of(stored_user("anne"))["recovery"]) == 8


@pytest.mark.parametrize(
    "code", ["", "12345", "abcdef", "１２３４５６", "é" * 40, "0" * 5000, "\u2028"]
)
def test_odd_codes_are_wrong(code: str, visitor: Visitor, clock: Clock):
    give_factor("anne", clock)
    client = visitor()
    try_password(client, "anne", PASSWORD)
    assert send(client, CODE, code=code).status_code == 400


def test_guessing_is_stopped_for_the_address_and_for_the_account(visitor: Visitor, clock: Clock):
    give_factor("anne", clock)

    def guess(address: str, times: int) -> list[int]:
        client = visitor(address)
        try_password(client, "anne", PASSWORD)
        return [send(client, CODE, code="000000").status_code for _number in range(times)]

    states = guess(ATTACKER, 7)
    assert states == [400] * 5 + [429] * 2
    others = [status for number in range(5) for status in guess(f"198.51.101.{number}", 5)]
    assert others.count(400) <= 20
    assert others[-1] == 429


def test_the_owner_logs_in_where_they_did_before(visitor: Visitor, log_in: Visitor, clock: Clock):
    log_in("anne", address="203.0.113.7")
    give_factor("anne", clock)
    for number in range(5):
        client = visitor(f"198.51.101.{number}")
        try_password(client, "anne", PASSWORD)
        for _attempt in range(5):
            send(client, CODE, code="000000")
    client = visitor("203.0.113.7")
    try_password(client, "anne", PASSWORD)
    send(client, CODE, code=code_of("anne", clock))
    assert is_logged_in(client)


def test_a_wrong_code_takes_as_long_as_a_wrong_password(
    visitor: Visitor, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    give_factor("anne", clock)
    hashed: list[str] = []
    validate = model.User.validate_password

    def counted(user: model.User, password: str) -> bool:
        hashed.append(password)
        return validate(user, password)

    monkeypatch.setattr(model.User, "validate_password", counted)
    user = stored_user("anne")
    assert not second_factor.takes(user, "000000")
    assert hashed == ["000000"]
    assert second_factor.takes(user, code_of("anne", clock))
    assert hashed == ["000000"]


def test_a_forged_or_old_ticket_is_nobodys(
    visitor: Visitor, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    give_factor("anne", clock)
    client = visitor()
    try_password(client, "anne", PASSWORD)
    user = stored_user("anne")
    user.password = "Another-Horse-10"
    model.Session.commit()
    assert "/user/login" in client.get(CODE, follow_redirects=False).headers["Location"]
    user = stored_user("anne")
    user.password = PASSWORD
    model.Session.commit()
    with client.session_transaction() as session:
        session["ecosphere_log_in"] = {
            "ticket": "WyJhbm5lIiwiIl0.aaaa.bbbb",
            "remember": "",
            "target": "",
        }
    assert "/user/login" in client.get(CODE, follow_redirects=False).headers["Location"]


def test_the_ticket_of_one_browser_is_not_a_session_in_another(visitor: Visitor, clock: Clock):
    give_factor("anne", clock)
    client, thief = visitor(), visitor(ATTACKER)
    try_password(client, "anne", PASSWORD)
    copied(client, thief)
    assert not is_logged_in(thief)
    assert send(thief, CODE, code="123456").status_code == 400


@pytest.mark.parametrize("role", ["sysadmin", "editors", "moderators"])
def test_a_role_sets_it_up_before_there_is_a_session(
    role: str, demand: Any, visitor: Visitor, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    demand(role)
    monkeypatch.setitem(tk.config, "ecosphere.requests.moderators", "ddt")
    name = {"sysadmin": "boss", "editors": "anne", "moderators": "anne"}[role]
    client = visitor()
    assert try_password(client, name, PASSWORD).headers["Location"].endswith(SET_UP)
    assert not is_logged_in(client)
    wrong = set_up(client, clock, code="000000")
    assert (wrong.status_code, is_logged_in(client)) == (400, False)
    assert set_up(client, clock).status_code == 200
    assert is_logged_in(client)
    answer = send(client, REMOVE, old_password=PASSWORD)
    assert answer.headers["Location"].endswith(SET_UP)
    assert second_factor.record_of(stored_user(name))
    other = visitor()
    assert try_password(other, "marc", PASSWORD).status_code == 302
    assert is_logged_in(other)


@pytest.mark.parametrize("role", ["editors", "moderators"])
def test_a_sysadmin_may_do_what_a_role_may_and_needs_it_too(
    role: str, demand: Any, visitor: Visitor
):
    demand(role)
    client = visitor()
    assert try_password(client, "boss", PASSWORD).headers["Location"].endswith(SET_UP)
    assert not is_logged_in(client)


def test_off_asks_nobody(demand: Any, visitor: Visitor, clock: Clock):
    give_factor("anne", clock)
    demand("off")
    client = visitor()
    try_password(client, "anne", PASSWORD)
    assert is_logged_in(client)
    assert client.get(SET_UP).status_code == 404


def test_a_misspelled_role_stops_the_start(demand: Any, people: None):
    demand("sysadmins")
    with pytest.raises(CkanConfigurationException, match="not sysadmins"):
        EcosphereCredentialsPlugin.configure(object(), tk.config)  # type: ignore[arg-type]


def test_a_session_alone_changes_nothing(log_in: Visitor, clock: Clock):
    client = log_in("anne")
    assert set_up(client, clock, old_password="wrong").status_code == 400
    assert not second_factor.record_of(stored_user("anne"))
    assert set_up(client, clock, old_password=PASSWORD).status_code == 200
    send(client, REMOVE, old_password="wrong")
    assert second_factor.record_of(stored_user("anne"))
    send(client, REMOVE, old_password=PASSWORD)
    assert not second_factor.record_of(stored_user("anne"))


def test_forged_requests_are_refused(log_in: Visitor, clock: Clock):
    client = log_in("anne")
    give_factor("anne", clock)
    assert client.post(REMOVE, data={"old_password": PASSWORD}).status_code == 400
    assert second_factor.record_of(stored_user("anne"))


def test_a_reset_link_does_not_remove_it(visitor: Visitor, clock: Clock):
    give_factor("anne", clock)
    user = stored_user("anne")
    user.reset_key = "0123456789"
    model.Session.commit()
    form = {"password1": PASSWORD, "password2": PASSWORD}
    client = visitor()
    assert client.post(f"/user/reset/{user.id}?key=0123456789", data=form).status_code in (200, 302)
    try_password(client, "anne", PASSWORD)
    assert not is_logged_in(client)


def test_a_sysadmin_resets_it_which_is_in_the_journal(log_in: Visitor, clock: Clock):
    give_factor("anne", clock)
    anne = stored_user("anne").id
    path = f"{SET_UP}/{anne}/retirer"
    assert send(log_in("marc"), path).status_code == 403
    assert second_factor.record_of(stored_user("anne"))
    boss = log_in("boss")
    assert path in boss.get("/user/edit/anne").get_data(as_text=True)
    assert send(boss, path).status_code == 302
    assert not second_factor.record_of(stored_user("anne"))
    entry = model.Session.scalars(
        sa.select(journal.JournalEntry).order_by(journal.JournalEntry.id.desc())
    ).first()
    assert (entry.area, entry.key, entry.person) == ("second-factor", anne, stored_user("boss").id)
    assert "Second factor" in boss.get("/ecosphere/admin/journal").get_data(as_text=True)


def test_a_command_resets_it(cli: Any, portal: Any, clock: Clock):
    give_factor("anne", clock)
    command = ["credentials", "reset"]
    assert "no second factor any more" in cli.invoke(ecosphere, [*command, "anne"]).output
    assert not second_factor.record_of(stored_user("anne"))
    assert "has no second factor." in cli.invoke(ecosphere, [*command, "anne"]).output
    assert cli.invoke(ecosphere, [*command, "nobody-here"]).exit_code == 1


@pytest.mark.parametrize("change", [True, False])
def test_the_person_gets_an_e_mail(change: bool, postbox: Postbox, portal: Any, clock: Clock):
    if change:
        give_factor("anne", clock)
    second_factor.send(stored_user("anne").id, "fr")
    assert postbox.subjects("anne") == ["Le second facteur de votre compte a changé"]
    assert ("demande un code" in body(postbox.mails[0])) is change


def test_api_tokens_ask_nothing_new(visitor: Visitor, clock: Clock):
    give_factor("anne", clock)
    token = factories.APIToken(user="anne")["token"]
    answer = visitor().get("/api/3/action/user_show?id=anne", headers={"Authorization": token})
    assert answer.json["result"]["email"] == "anne@example.org"


def test_a_sysadmin_neither_sees_nor_overwrites_it(visitor: Visitor, clock: Clock):
    give_factor("anne", clock)
    before = second_factor.record_of(stored_user("anne"))
    headers = {"Authorization": factories.APIToken(user="boss")["token"]}
    client = visitor()

    shown = client.get(
        "/api/3/action/user_show?id=anne&include_plugin_extras=true", headers=headers
    )
    extras = {"other": {"a": 1}, second_factor.KEY: {"secret": "planted"}}
    patch = {"id": "anne", "plugin_extras": extras}
    written = client.post("/api/3/action/user_patch", json=patch, headers=headers)

    assert (shown.status_code, written.status_code) == (200, 200)
    for answer in (shown, written):
        assert second_factor.KEY not in answer.json["result"]["plugin_extras"]
        assert before["secret"] not in answer.get_data(as_text=True)
    model.Session.expire_all()
    assert stored_user("anne").plugin_extras["other"] == {"a": 1}
    assert second_factor.record_of(stored_user("anne")) == before
