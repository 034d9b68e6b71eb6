"""Saved searches of requests: alerts by e-mail with or without an account, and feeds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _run_migrations
from ckan.tests import factories
from freezegun import freeze_time

from ckanext.ecosphere.data_requests import alerts
from ckanext.ecosphere.data_requests.tests.conftest import REFUSAL, opened, row, step, submitted
from ckanext.ecosphere.search.alerts import job, searches
from ckanext.ecosphere.search.alerts import model as storage
from ckanext.ecosphere.search.alerts.model import Alert, Subscriber, now
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = pytest.mark.usefixtures("portal")

NEW = "/recherche/alertes/nouvelle/requests"
SEARCH = f"{NEW}?q=zones+humides&territory=region-ara"
LINK = re.compile(r"https?://[^/\s]+(/\S+)")


@pytest.fixture(autouse=True)
def no_alerts(portal: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start without alerts; daily alerts are due the next day, at whatever hour the tests run."""
    monkeypatch.setattr(storage, "HOUR", max(now().astimezone(dates.zone()).hour - 1, 0))
    yield
    model.Session.rollback()
    model.Session.execute(sa.delete(Subscriber))
    model.Session.commit()


def known(name: str) -> dict[str, str]:
    return {"Authorization": factories.APIToken(user=name)["token"]}


def confirmed(client: Any, postbox: Postbox, search: str = SEARCH) -> None:
    client.post(search, data={"email": "lea@example.org", "frequency": "daily"}, status=200)
    job.deliver()
    [link] = LINK.findall(body(postbox.mails[-1]))
    client.post(link, status=302, follow_redirects=False)
    postbox.clear()


def run(days: int = 1) -> int:
    """Run the scheduled job after some days; return the number of alert e-mails sent."""
    with freeze_time(now() + timedelta(days=days)):
        return job.tick()["emails"]


def test_without_an_account_a_search_is_saved_confirmed_told_and_left_in_one_click(
    app: Any, postbox: Postbox
):
    assert (
        'href="/recherche/alertes/nouvelle/requests?q=zones&amp;territory=region-ara"'
        in app.get("/demandes?q=zones&territory=region-ara&sort=due&page=1").body
    )
    form = app.get(SEARCH).body
    assert "“zones humides” – Auvergne-Rhône-Alpes" in form
    confirmed(app, postbox)
    wanted = opened()
    opened(title="Bruit routier", description="Carte du bruit.", theme="bruit")
    opened(title="Zones humides de Paris", territory="departement-75")
    opened(title="Zones humides tenues secrètes", visibility="private")
    submitted("friend", title="Zones humides que personne n’a lues")
    assert run() == 1
    mail = postbox.mails[-1]
    for form in (body(mail), body(mail, "html")):
        assert f"/demandes/{wanted['reference']}" in form and "DDT 42" in form and "new on" in form
        assert "territory=region-ara" in form and "1 new or changed request" in form
        assert not re.search("Bruit|Paris|secrètes|personne", form)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    postbox.clear()
    app.post(
        str(mail["List-Unsubscribe"]).strip("<>"),
        data={"List-Unsubscribe": "One-Click"},
        status=200,
    )
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Subscriber)) == 0


def test_what_is_told_once_is_not_told_again_and_an_answer_is(app: Any, postbox: Postbox):
    confirmed(app, postbox)
    made = opened()
    assert run() == 1
    assert run(2) == 0
    with freeze_time(now() + timedelta(days=2)):
        step(made, "refuse", "admin", **REFUSAL)
    postbox.clear()
    assert run(4) == 1
    told = body(postbox.mails[-1])
    assert "changed on" in told and "Refused" in told
    assert REFUSAL["facts"][:30] not in told  # the grounds are for the requester only


def test_a_search_by_state_tells_what_came_into_it(app: Any, postbox: Postbox):
    confirmed(app, postbox, f"{NEW}?state=refused&state=partial")
    made = opened()
    assert run() == 0
    with freeze_time(now() + timedelta(days=1)):
        step(made, "refuse", "admin", **REFUSAL)
    assert run(3) == 1


def test_what_is_hidden_before_the_e_mail_leaves_is_not_in_it(app: Any, postbox: Postbox):
    confirmed(app, postbox)
    made = opened()
    with freeze_time(now() + timedelta(days=1)):
        assert job.look() == 1
        row(made).listed = False
        model.Session.commit()
        assert job.deliver() == 0
    assert postbox.mails == []


def test_an_account_keeps_searches_of_datasets_and_requests_side_by_side(
    app: Any, postbox: Postbox
):
    headers = known("asker")
    for address in (
        "/recherche/alertes/nouvelle?q=eau",
        f"{NEW}?q=eau",
        f"{NEW}?q=eau&sort=due",
        NEW,
    ):
        app.post(
            address,
            extra_environ={},
            headers=headers,
            data={"frequency": "daily"},
            follow_redirects=False,
        )
    shown = app.get("/recherche/alertes", headers=headers).body
    assert shown.count('<h2 class="fs-5">') == 3
    assert 'href="/demandes/flux.atom?q=eau"' in shown and 'href="/recherche.atom?q=eau"' in shown
    listed = app.get("/api/action/ecosphere_search_alert_list", headers=headers).json["result"]
    assert sorted((each["about"], each["search"]) for each in listed) == [
        ("datasets", "q=eau"), ("requests", ""), ("requests", "q=eau"),
    ]  # fmt: skip


def test_what_is_no_search_is_refused(app: Any, postbox: Postbox):
    headers = known("asker")
    app.get("/recherche/alertes/nouvelle/nothing", status=404)
    create = "/api/action/ecosphere_search_alert_create"
    for wrong in (
        {"about": "nothing", "search": "q=a"},
        {"about": "requests", "search": "q=" + "a" * 3000},
    ):
        app.post(create, json=wrong, headers=headers, status=409)
    # Parameters that are unknown to the search, and filters of the desk, are dropped.
    kept = app.post(
        create, json={"about": "requests", "search": "assigned=mine&x=1&q=eau"}, headers=headers
    ).json
    assert kept["result"]["search"] == "q=eau"


def test_a_search_of_a_room_that_is_not_enabled_is_kept_and_not_asked(
    app: Any, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
):
    confirmed(app, postbox)
    opened()
    with monkeypatch.context() as off:
        off.setattr(
            searches, "of", lambda key: searches.Datasets() if key == searches.DATASETS else None
        )
        assert run() == 0
        assert run(2) == 0
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Alert)) == 1


def test_mail_programs_find_no_link_in_the_title_of_a_new_person(app: Any, postbox: Postbox):
    confirmed(app, postbox)
    made = opened(title="Zones humides www.faux.example")
    row(made).plain_links = True
    model.Session.commit()
    assert run() == 1
    for form in (body(postbox.mails[-1]), body(postbox.mails[-1], "html")):
        assert "Zones humides" in form and "faux.example" not in form


def test_a_search_too_long_to_be_saved_is_still_answered(app: Any):
    assert "/recherche/alertes/nouvelle" in app.get("/demandes?q=eau").body
    page = app.get("/demandes", query_string={"q": "€" * 290}, status=200).body
    assert "/recherche/alertes/nouvelle" not in page and "eco-follow" not in page


def test_why_a_search_cannot_be_saved_is_told_on_the_form(app: Any, postbox: Postbox):
    wrong = {"email": "lea@example.org", "frequency": "daily"}
    for headers in ({}, known("asker")):
        page = app.post(f"{NEW}?q={'a' * 301}", data=wrong, headers=headers, status=400).body
        assert 'id="field-search-error"' in page and "300 characters at most" in page


def test_the_feed_holds_what_the_search_finds(app: Any):
    wanted = opened()
    other = opened(title="Bruit routier", description="Carte du bruit.", theme="bruit")
    feed = app.get("/demandes/flux.atom?q=zones+humides&state=open").body
    assert wanted["reference"] in feed and other["reference"] not in feed
    assert (
        wanted["reference"] not in app.get("/demandes/flux.atom?q=zones+humides&state=refused").body
    )


def test_a_search_is_the_same_however_it_is_written():
    kept = alerts.Requests()
    written = [
        ("state", "refused"),
        ("state", "open"),
        ("page", "3"),
        ("theme", "eau"),
        ("q", " eau  douce "),
    ]
    search = kept.canonical(written)
    assert (
        search
        == kept.canonical(reversed(written))
        == "q=eau+douce&theme=eau&state=open&state=refused"
    )


def test_the_migration_is_undone_and_done_again(portal: None):
    storage.save(
        search="q=eau", frequency="daily", language="fr", about="requests", email="a@example.org"
    )
    storage.save(search="q=eau", frequency="daily", language="fr", email="a@example.org")
    model.Session.remove()
    _run_migrations("ecosphere_search", "c81f4a6d20b9", forward=False)
    assert model.Session.execute(
        sa.text("SELECT search FROM ecosphere_search_alert")
    ).scalars().all() == ["q=eau"]
    model.Session.remove()
    _run_migrations("ecosphere_search", "head")
    assert model.Session.scalars(sa.select(Alert.about)).all() == ["datasets"]
