"""Confirmation of an account's e-mail address, only by the link in a real e-mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from ckan import model
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories, helpers
from freezegun import freeze_time
from playwright.sync_api import Page, expect

from ckanext.ecosphere.core import addresses
from ckanext.ecosphere.tests.browser import axe_violations
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")

PASSWORD = "un mot de passe de test"
EVERY_IMPACT = ("minor", "moderate", "serious", "critical")
NOT_CONFIRMED = "n’est pas encore confirmée"


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    """Empty Redis: no e-mails counted by the rate limits, no queued jobs."""
    connect_to_redis().flushdb()


@pytest.fixture
def camille(app: Any) -> Callable[..., Any]:
    """Request pages as a user with an account."""
    account = {"name": "camille", "email": "camille@example.org", "password": PASSWORD}
    known = {"Authorization": factories.UserWithToken(**account)["token"]}

    def ask(path: str, form: dict[str, str] | None = None) -> Any:
        if form is None:
            return app.get(path, headers=known)
        return app.post(path, data=form, headers=known, follow_redirects=False)

    return ask


def link_in(mail: Any) -> str:
    """Return the path of the confirmation link of a message,
    the same in its text and HTML parts.
    """
    found = [
        re.findall(r"https?://[^/\s]+(/\S*confirmer/[\w.-]+)", body(mail, kind))
        for kind in ("plain", "html")
    ]
    assert found[0] == found[1] and len(found[0]) == 1
    return found[0][0]


def work() -> None:
    """Run the queued background jobs."""
    jobs.Worker().work(burst=True)


def is_confirmed(name: str) -> bool:
    model.Session.rollback()
    model.Session.expire_all()
    return addresses.is_confirmed(model.User.get(name))


@pytest.mark.browser
def test_whoever_registers_confirms_the_address(page: Page, postbox: Postbox):
    page.goto("/fr/user/register?came_from=/fr/dataset/")
    expect(page.locator("#user-register-form")).to_contain_text("Nous gardons")
    for field, value in (("username", "lise"), ("email", "lise@example.org")):
        page.fill(f"#field-{field}", value)
    page.fill("#field-password", PASSWORD)
    page.fill("#field-confirm-password", PASSWORD)
    page.locator("#user-register-form button[name=save]").click()
    page.wait_for_url("**/fr/dataset/")
    page.goto("/fr/tableau-de-bord")
    expect(page.locator("main")).to_contain_text(f"lise@example.org {NOT_CONFIRMED}")
    assert axe_violations(page, impacts=EVERY_IMPACT) == []
    work()
    [mail] = postbox.mails
    assert str(mail["Subject"]).endswith("Confirmez votre adresse électronique")
    assert mail["Auto-Submitted"] == "auto-generated" and "«\u00a0lise\u00a0»" in body(mail)
    page.goto(link_in(mail))
    assert axe_violations(page, impacts=EVERY_IMPACT) == []
    assert not is_confirmed("lise"), "programs follow links, too"
    page.get_by_role("button", name="Confirmer mon adresse").click()
    expect(page.locator("main").get_by_role("status")).to_contain_text("est confirmée")
    assert axe_violations(page, impacts=EVERY_IMPACT) == []
    page.get_by_role("link", name="Tableau de bord").last.click()
    page.wait_for_url("**/tableau-de-bord")
    assert NOT_CONFIRMED not in page.locator("main").inner_text()


def test_e_mail_speaks_english_to_whoever_asked_in_english(camille: Any, postbox: Postbox):
    camille("/en/compte/adresse/renvoyer", {})
    work()
    [mail] = postbox.mails
    assert str(mail["Subject"]).endswith("Confirm your e-mail address")
    assert link_in(mail).startswith("/en/")


def test_another_address_is_to_be_confirmed_again(camille: Any, postbox: Postbox):
    addresses.mark_confirmed(model.User.get("camille"))
    assert NOT_CONFIRMED not in camille("/fr/tableau-de-bord").text
    old = addresses.token_of(model.User.get("camille"))
    profile = {"name": "camille", "email": "camille@example.org", "about": "Hydrologue", "save": ""}
    assert camille("/fr/user/edit/camille", profile).status_code == 302
    work()
    assert is_confirmed("camille") and postbox.mails == []
    # CKAN asks for the password, which a token does not replace.
    changed = {**profile, "email": "c.martin@example.org", "old_password": PASSWORD}
    assert camille("/fr/user/edit/camille", changed).status_code == 302
    assert "Un courriel est envoyé à c.martin@example.org" in camille("/fr/tableau-de-bord").text
    work()
    assert not is_confirmed("camille") and NOT_CONFIRMED in camille("/fr/tableau-de-bord").text
    [mail] = postbox.to("c.martin")
    assert camille(f"/fr/compte/adresse/confirmer/{old}").status_code == 404, (
        "a link is good for its address alone"
    )
    assert camille(link_in(mail), {}).status_code == 200
    assert is_confirmed("camille")


def test_nobody_confirms_an_address_without_its_link(camille: Any):
    note = addresses.note("camille@example.org")
    form = {
        "name": "camille",
        "email": "camille@example.org",
        "save": "",
        "plugin_extras": str(note).replace("'", '"'),
    }
    camille("/fr/user/edit/camille", form)
    user = {"user": "camille", "ignore_auth": False}
    mine = {"id": "camille", "email": "camille@example.org"}
    for action in ("user_update", "user_patch"):
        try:
            helpers.call_action(action, dict(user), **mine, plugin_extras=note)
        except Exception as error:  # a refusal is expected, too
            assert "plugin_extras" in str(error)
    assert not is_confirmed("camille")
    addresses.mark_confirmed(model.User.get("camille"))
    helpers.call_action("user_update", dict(user), **mine, about="Hydrologue")
    assert is_confirmed("camille"), "nor does a save lose what is confirmed"


def test_links_are_good_for_a_week_and_for_who_is_still_there(camille: Any):
    path = f"/fr/compte/adresse/confirmer/{addresses.token_of(model.User.get('camille'))}"
    with freeze_time("2100-01-01"):
        assert addresses.account_of(path.rsplit("/", 1)[1]) is None
    assert camille(path).status_code == 200
    for wrong in (path[:-2], path + "x", path.rsplit("/", 1)[0] + "/falsifie"):
        assert camille(wrong, {}).status_code == 404
    model.User.get("camille").state = "deleted"
    model.Session.commit()
    assert addresses.account_of(path.rsplit("/", 1)[1]) is None


@pytest.mark.slow("load")
def test_e_mails_are_not_sent_without_end(camille: Any, postbox: Postbox):
    for _each in range(5):
        assert camille("/fr/compte/adresse/renvoyer", {}).status_code == 302
        work()
    assert len(postbox.mails) == 3
    assert NOT_CONFIRMED in camille("/fr/tableau-de-bord").text


def test_nothing_is_asked_where_no_e_mail_can_be_sent(
    camille: Any, monkeypatch: pytest.MonkeyPatch, ckan_config: Any
):
    monkeypatch.setitem(ckan_config, "smtp.server", "")
    assert NOT_CONFIRMED not in camille("/fr/tableau-de-bord").text
    assert camille("/fr/compte/adresse/renvoyer", {}).status_code == 302
    assert not [
        job
        for queue in jobs.get_all_queues()
        for job in queue.jobs
        if job.func_name.endswith("mails.send")
    ]
