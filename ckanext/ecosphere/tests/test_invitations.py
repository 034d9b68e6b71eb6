"""Invitations: administrators see pending ones and send them again.

Each states its expiry date, and expires then.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories, helpers
from freezegun import freeze_time
from playwright.sync_api import expect

from ckanext.ecosphere.core import journal
from ckanext.ecosphere.tests.browser import axe_violations, log_in
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")

PASSWORD = "un mot de passe de test"
PEOPLE = "/fr/ecosphere/admin/personnes"
# After the tokens of the tests, which are made by a clock that is not frozen.
TODAY, LATER, TOO_LATE = "2036-11-27T09:00:00Z", "2036-12-02T09:00:00Z", "2037-01-04T09:00:00Z"


@pytest.fixture(autouse=True)
def _portal(ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A portal in French, without e-mails counted by the rate limits."""
    monkeypatch.setitem(ckan_config, "ckan.locale_default", "fr")
    connect_to_redis().flushdb()


@pytest.fixture
def chief() -> dict[str, Any]:
    """A sysadmin, and an organisation."""
    factories.Organization(name="ddt-01053-01", title="DDT de l'Ain", image_url="")
    return factories.SysadminWithToken(name="chief", password=PASSWORD, image_url="")


@pytest.fixture
def ask(app: Any, chief: dict[str, Any]) -> Callable[..., Any]:
    """Request pages as the sysadmin."""

    def asked(path: str, form: dict[str, str] | None = None) -> Any:
        headers = {"Authorization": chief["token"]}
        if form is None:
            return app.get(path, headers=headers)
        answer = app.post(path, data=form, headers=headers, follow_redirects=False)
        return (
            app.get(answer.headers["Location"], headers=headers)
            if answer.status_code == 302
            else answer
        )

    return asked


def invite(email: str = "camille@example.org") -> dict[str, Any]:
    """Invite a user to the organisation, as CKAN's page of its members does."""
    user = helpers.call_action(
        "user_invite", {"user": "chief"}, email=email, group_id="ddt-01053-01", role="editor"
    )
    model.User.get(
        user["id"]
    ).created = datetime.now()  # set by CKAN with a clock that cannot be frozen
    model.Session.commit()
    return user


def link_in(mail: Any) -> str:
    """Return the path of the page on which a password is chosen."""
    [found] = re.findall(r"https?://[^/\s]+(/\S*user/reset/\S+)", body(mail))
    return found


def test_the_page_of_the_members_says_who_is_invited(ask, postbox: Postbox):
    form = {"email": "camille@example.org", "role": "editor", "save": "save"}
    page = ask("/fr/organization/member_new/ddt-01053-01", form).body
    assert "camille@example.org est invité" in page
    assert postbox.to("camille")


@freeze_time(TODAY, real_asyncio=True)
def test_an_invitation_says_in_french_until_when_it_is_good(chief, postbox: Postbox):
    invite()
    [mail] = postbox.to("camille")
    assert "Votre invitation" in mail["Subject"]
    assert "Cette invitation est valable jusqu’au 11 décembre 2036." in body(mail)
    assert "Vous êtes membre de « DDT de l'Ain » (Éditeur)" in body(mail).replace("\xa0", " ")


def test_it_is_sent_again_once_an_hour_and_noted(ask, postbox: Postbox):
    with freeze_time(TODAY, real_asyncio=True):
        name = invite()["name"]
    postbox.clear()
    with freeze_time(LATER, real_asyncio=True):
        page = ask(f"{PEOPLE}?invited=1").body
        assert "invitation du 27 novembre 2036, sans réponse" in page
        assert "L’invitation est valable jusqu’au 11 décembre 2036." in page
        answer = ask(f"{PEOPLE}/{name}/renvoyer", {}).body
        assert "L’invitation a été renvoyée. Elle est valable jusqu’au 16 décembre 2036." in answer
        [mail] = postbox.to("camille")
        assert "Cette invitation est valable jusqu’au 16 décembre 2036." in body(mail)
        assert (
            "Cette invitation a été envoyée il y a peu de temps."
            in ask(f"{PEOPLE}/{name}/renvoyer", {}).body
        )
        assert len(postbox.mails) == 1
        [entry] = journal.page(1, 10, ["invitation"])
        assert entry.key == model.User.get(name).id
        assert entry.after == {"service": "DDT de l'Ain", "until": "2036-12-16"}
        assert "Invitation renvoyée" in ask("/fr/ecosphere/admin/journal").body


def test_a_link_is_good_until_its_day_and_another_one_replaces_it(app, ask, postbox: Postbox):
    with freeze_time(TODAY, real_asyncio=True):
        name = invite()["name"]
        first = link_in(postbox.mails[0])
        assert app.get(first).status_code == 200
    with freeze_time(TOO_LATE, real_asyncio=True):
        page = app.get(first)
        assert "Cette invitation était valable jusqu’au 11 décembre 2036." in page.body
        assert 'name="password1"' not in page.body
        form = {"name": "camille", "password1": PASSWORD, "password2": PASSWORD}
        app.post(first, data=form)
        assert model.User.get(name).state == model.State.PENDING
        assert (
            "L’invitation était valable jusqu’au 11 décembre 2036."
            in ask(f"{PEOPLE}?invited=1").body
        )
        ask(f"{PEOPLE}/{name}/renvoyer", {})
        assert app.get(first).status_code == 403
        again = link_in(postbox.mails[-1])
        assert 'name="password1"' in app.get(again).body
        app.post(again, data=form)
        model.Session.expire_all()
        assert model.User.get("camille").state == model.State.ACTIVE
        assert "camille" not in ask(f"{PEOPLE}?invited=1").body
        assert ask(f"{PEOPLE}/camille/renvoyer", {}).status_code == 404


def test_a_server_that_refuses_leaves_the_first_link_good(app, ask, postbox: Postbox):
    name = invite()["name"]
    first = link_in(postbox.mails[0])
    postbox.failures = 1
    assert (
        "Le serveur de messagerie n’a pas pris l’invitation."
        in ask(f"{PEOPLE}/{name}/renvoyer", {}).body
    )
    assert app.get(first).status_code == 200
    assert journal.count(["invitation"]) == 0
    assert "L’invitation a été renvoyée." in ask(f"{PEOPLE}/{name}/renvoyer", {}).body


def test_the_page_speaks_to_the_administrator_and_the_mail_to_whom_is_invited(
    ask, postbox: Postbox
):
    name = invite()["name"]
    postbox.failures = 1
    people = PEOPLE.replace("/fr", "/en")
    assert "did not take the invitation" in ask(f"{people}/{name}/renvoyer", {}).body
    assert "The invitation was sent again." in ask(f"{people}/{name}/renvoyer", {}).body
    assert "Cette invitation est valable" in body(postbox.mails[-1])


def test_only_an_administrator_sends_it(app, chief, postbox: Postbox):
    name = invite()["name"]
    editor = factories.UserWithToken()
    postbox.clear()
    headers = {"Authorization": editor["token"]}
    assert app.post(f"{PEOPLE}/{name}/renvoyer", headers=headers).status_code == 403
    assert (
        "/user/login"
        in app.post(f"{PEOPLE}/{name}/renvoyer", follow_redirects=False).headers["Location"]
    )
    assert postbox.mails == []


@pytest.mark.browser
def test_an_administrator_finds_who_has_not_come_and_writes_again(page, chief, postbox: Postbox):
    invite()
    log_in(page, "chief", PASSWORD)
    page.goto(PEOPLE)
    page.get_by_label("Seulement les personnes invitées qui ne sont pas venues").check()
    page.locator("main button[type=submit]").first.click()
    assert axe_violations(page) == []
    page.get_by_role("button", name=re.compile("Renvoyer l’invitation")).click()
    # The portal of the browser runs in its own process, without a mail server.
    expect(page.locator(".flash-messages")).to_contain_text(
        "Le serveur de messagerie n’a pas pris l’invitation."
    )
    assert axe_violations(page) == []
