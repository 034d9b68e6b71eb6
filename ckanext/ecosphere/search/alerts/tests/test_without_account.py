"""Alerts of users without an account: requested, confirmed, received, managed and deleted,
and resistant to abuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from freezegun import freeze_time

from ckanext.ecosphere.search import config
from ckanext.ecosphere.search.alerts import job
from ckanext.ecosphere.search.alerts.model import Alert, Subscriber, now
from ckanext.ecosphere.search.alerts.tests.conftest import change, dataset, links, page, run
from ckanext.ecosphere.search.relevance import spelling
from ckanext.ecosphere.tests.postbox import Postbox, body
from ckanext.ecosphere.work.model import Work

pytestmark = pytest.mark.usefixtures("portal")

SEARCH = "/recherche/alertes/nouvelle?q=zones+humides"
FORM = {"email": "Lea@Example.org", "frequency": "daily"}


def number(table: Any) -> int:
    return model.Session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


@contextmanager
def executed() -> Iterator[list[str]]:
    """Yield the statements that are executed within the block."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    sa.event.listen(model.meta.engine, "before_cursor_execute", note)
    yield statements
    sa.event.remove(model.meta.engine, "before_cursor_execute", note)


def confirmed(client: Any, postbox: Postbox, search: str = SEARCH, **form: str) -> str:
    """Request and confirm an alert; return the path of its management page."""
    page(client.post(search, data={**FORM, **form}))
    job.deliver()
    [link] = links(postbox.mails[-1])
    answer = client.post(link)
    assert answer.status_code == 302
    postbox.clear()
    return answer.location.split("://", 1)[-1].split("/", 1)[1].join(("/", ""))


def test_an_alert_is_asked_for_confirmed_received_and_left_in_one_click(
    visitor: Any, postbox: Postbox
):
    client = visitor()
    form = page(client.get(SEARCH))
    assert "“zones humides”" in form
    assert "lea@example.org" in page(client.post(SEARCH, data=FORM)).lower()
    assert job.deliver() == 1
    [mail] = postbox.mails
    assert mail["To"].addresses[0].addr_spec == "lea@example.org"
    # Another person may have entered the search: the e-mail does not repeat it.
    assert "humides" not in body(mail) + body(mail, "html") + mail["Subject"]
    assert mail["Message-ID"] and mail["Auto-Submitted"] == "auto-generated"
    [link] = links(mail)
    assert "zones humides" in page(client.get(link))
    dataset(title="Avant la confirmation")
    assert run()["people_with_news"] == 0  # the page was only opened, perhaps by a program
    assert client.post(link).status_code == 302
    postbox.clear()
    made = dataset(title="Zones humides <b>du Rhône</b>")
    dataset(title="Bruit routier")
    done = run()
    assert done["people_with_news"] == done["emails"] == 1
    [mail] = postbox.mails
    for form in (body(mail), body(mail, "html")):
        assert f"/dataset/{made['name']}" in form and "Rhône" in form and "DDT du Rhône" in form
        assert "Bruit" not in form and "q=zones+humides" in form
    assert "<b>" not in body(mail, "html") and "<b>du Rhône</b>" in body(mail)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    way_out = str(mail["List-Unsubscribe"]).strip("<>")
    stranger = visitor(
        "203.0.113.9"
    )  # one-click unsubscription comes from the mail provider's server, without cookies
    page(stranger.get(way_out))
    assert number(Subscriber) == 1
    page(stranger.post(way_out, data={"List-Unsubscribe": "One-Click"}))
    assert (number(Subscriber), number(Alert), number(Work)) == (0, 0, 0)
    page(stranger.post(way_out, data={"List-Unsubscribe": "One-Click"}))


def test_what_is_told_once_is_not_told_again_and_a_change_is(visitor: Any, postbox: Postbox):
    confirmed(visitor(), postbox)
    made = dataset()
    assert run()["emails"] == 1
    assert "new on" in body(postbox.mails[-1])
    assert run()["emails"] == 0
    assert run(2)["emails"] == 0
    with freeze_time(now() + timedelta(days=2, hours=3)):
        change(made, notes="Mis à jour")
    assert run(4)["emails"] == 1
    assert "changed on" in body(postbox.mails[-1])


def test_a_dataset_is_followed_from_its_page(visitor: Any, postbox: Postbox):
    client = visitor()
    made, other = (
        dataset(title="Zones humides du Rhône"),
        dataset(title="Zones humides de la Drôme"),
    )
    secret = dataset(title="Zones secrètes", private=True)
    [way] = re.findall(
        r'href="([^"]*/alertes/nouvelle\?id=[^"]+)"',
        page(client.get(f"/fr/dataset/{made['name']}")),
    )
    assert "Zones humides du Rhône" in page(client.get(way))
    assert "secrètes" not in page(client.get(way.replace(made["id"], secret["id"])))
    confirmed(client, postbox, way)
    with freeze_time(now() + timedelta(days=2, hours=3)):
        change(made, notes="Mis à jour")
        change(other, notes="Mis à jour")
    assert run(4)["emails"] == 1
    [mail] = postbox.mails
    assert "Rhône" in body(mail) and "Drôme" not in body(mail)


def test_weekly_waits_for_a_week(visitor: Any, postbox: Postbox):
    confirmed(visitor(), postbox, frequency="weekly")
    dataset()
    assert run(6)["emails"] == 0
    assert run(7)["emails"] == 1


def test_one_person_gets_one_mail_of_all_searches(visitor: Any, postbox: Postbox):
    confirmed(visitor(), postbox)
    confirmed(
        visitor(), postbox, "/recherche/alertes/nouvelle?vocab_ecosphere_territory=departement-69"
    )
    dataset()
    assert run()["emails"] == 1
    [mail] = postbox.mails
    assert "zones humides" in body(mail) and "vocab_ecosphere_territory=departement-69" in body(
        mail
    )


def test_alerts_are_managed_through_the_link_alone(visitor: Any, postbox: Postbox):
    own = confirmed(visitor(), postbox)
    stranger = visitor()
    assert "zones humides" in page(stranger.get(own))
    [alert] = model.Session.scalars(sa.select(Alert.id))
    assert stranger.post(own, data={"id": alert, "frequency": "weekly"}).status_code == 302
    assert model.Session.scalar(sa.select(Alert.frequency)) == "weekly"
    page(stranger.post(own, data={"id": alert, "frequency": "hourly"}), 400)
    page(stranger.post(own, data={"id": "another", "go": "delete"}), 404)
    page(stranger.get(f"{own}x"), 404)
    with freeze_time(now() + timedelta(days=61)):
        page(stranger.get(own), 404)
    # A lost link can be requested again; the answer does not reveal whether there are alerts.
    answers = [
        page(visitor().post("/recherche/alertes/lien", data={"email": each}))
        for each in ("lea@example.org", "autre@example.org")
    ]
    own_words = [re.sub(r"[\w.-]{60,}|\w+@example.org", "", each) for each in answers]
    assert own_words[0] == own_words[1]
    assert job.deliver() == 1 and "lea@example.org" in postbox.mails[0]["To"]
    [again] = links(postbox.mails[0])
    assert stranger.post(again, data={"id": alert, "go": "delete"}).status_code == 302
    assert number(Subscriber) == 0
    page(stranger.get(again))


def test_what_nobody_confirms_is_erased_after_a_week_and_its_link_is_dead(
    visitor: Any, postbox: Postbox
):
    client = visitor()
    page(client.post(SEARCH, data=FORM))
    job.deliver()
    [link] = links(postbox.mails[0])
    run(6)
    assert number(Alert) == 1
    run(8)
    assert (number(Subscriber), number(Alert), number(Work)) == (0, 0, 0)
    page(client.get(link), 404)
    page(client.post(link), 404)
    page(client.get("/recherche/alertes/confirmer/falsifie"), 404)
    page(client.post("/recherche/alertes/quitter/falsifie"), 404)


def test_a_link_is_good_for_its_own_purpose_only(visitor: Any, postbox: Postbox):
    client = visitor()
    own = confirmed(client, postbox)
    token = own.rsplit("/", 1)[-1]
    page(client.post(f"/recherche/alertes/quitter/{token}"), 404)
    page(client.get(f"/recherche/alertes/confirmer/{token}"), 404)
    assert number(Subscriber) == 1


@pytest.mark.parametrize(
    "email",
    [
        "",
        "lea",
        "lea@example.org\r\nBcc: b@example.org",
        "a@b.fr,c@d.fr",
        "lea@exämple.org",
        "<lea@example.org>",
    ],
)
def test_what_is_no_address_is_refused(visitor: Any, postbox: Postbox, email: str):
    page(visitor().post(SEARCH, data={**FORM, "email": email}), 400)
    assert number(Subscriber) == 0 and job.deliver() == 0


@pytest.mark.slow("hostile")
def test_programs_floods_and_strange_searches_are_refused(visitor: Any, postbox: Postbox):
    page(visitor().post(SEARCH, data={**FORM, "site_web": "x"}), 400)
    page(visitor().post("/recherche/alertes/nouvelle?q=a&foo:*+OR+bar=x", data=FORM), 400)
    page(visitor().post(f"/recherche/alertes/nouvelle?q={'a' * 3000}", data=FORM), 400)
    page(visitor().post("/recherche/alertes/nouvelle?q=eau&ext_bbox=1,2", data=FORM), 400)
    page(visitor().post("/recherche/alertes/nouvelle?q=eau&metadata_created=abc", data=FORM), 400)
    assert number(Subscriber) == 0
    for turn in range(3):
        page(
            visitor(f"203.0.113.{turn}").post(f"/recherche/alertes/nouvelle?q=eau{turn}", data=FORM)
        )
    refused = page(
        visitor("203.0.113.99").post("/recherche/alertes/nouvelle?q=autre", data=FORM), 400
    )
    assert "field-email" in refused
    page(visitor().post(SEARCH, data={**FORM, "email": "max@example.org"}))
    for turn in range(60):
        answer = visitor("198.51.100.1").post(
            SEARCH, data={**FORM, "email": f"a{turn}@example.org"}
        )
        if answer.status_code == 400:
            break
    assert 40 <= turn <= 50
    page(
        visitor("198.51.100.1").post("/recherche/alertes/lien", data={"email": "z@example.org"}),
        400,
    )


def test_a_stranger_changes_nothing_of_a_confirmed_alert(visitor: Any, postbox: Postbox):
    confirmed(visitor(), postbox)
    page(visitor().post(SEARCH, data={**FORM, "frequency": "weekly"}))
    assert model.Session.scalar(sa.select(Alert.frequency)) == "daily"


def test_private_datasets_are_nobodys_news(visitor: Any, postbox: Postbox):
    confirmed(visitor(), postbox)
    dataset(private=True)
    assert run()["emails"] == 0
    with freeze_time(now() + timedelta(days=1, hours=12)):
        shown = dataset(title="Zones humides publiées")
    with freeze_time(now() + timedelta(days=2)):
        assert job.look() == 1
        change(shown, private=True)  # between the search and the e-mail
        assert job.deliver() == 0
    assert postbox.mails == []


def test_misspelt_words_are_saved_as_they_were_understood(visitor: Any, postbox: Postbox):
    for turn in range(2):
        dataset(title=f"Zones humides {turn}")
    spelling.forget_words()
    spelling.count_words()
    confirmed(visitor(), postbox, "/recherche/alertes/nouvelle?q=zoens+humdes")
    assert model.Session.scalar(sa.select(Alert.search)) == "q=zones+humides"


def test_a_mail_server_that_is_away_loses_nothing(visitor: Any, postbox: Postbox):
    confirmed(visitor(), postbox)
    dataset()
    postbox.failures = 1
    assert run()["emails"] == 0 and postbox.mails == []
    with freeze_time(now() + timedelta(days=1, minutes=6)):
        assert job.deliver() == 1
    assert len(postbox.mails) == 1


def test_each_person_reads_their_own_language(visitor: Any, postbox: Postbox):
    client = visitor()
    page(client.post(f"/fr{SEARCH}", data=FORM))
    job.deliver()
    [mail] = postbox.mails
    assert "Bonjour" in body(mail) and links(mail)[0].startswith("/fr/recherche/alertes/confirmer/")
    client.post(links(mail)[0])
    postbox.clear()
    dataset()
    run()
    assert all(link.startswith("/fr/") for link in links(postbox.mails[0]))


def test_what_strangers_ask_for_takes_no_place_and_confirmed_alerts_are_bounded(
    visitor: Any, postbox: Postbox, ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, config.ALERTS_PER_PERSON, 2)
    for words in ("a1", "a2", "a3"):
        page(visitor().post(f"/recherche/alertes/nouvelle?q={words}", data=FORM))
    assert job.deliver() == 3
    first, second, third = (links(mail)[0] for mail in postbox.mails)
    assert [visitor().post(each).status_code for each in (first, second, first, third)] == [
        302,
        302,
        302,
        400,
    ]


def test_spellings_of_a_mailbox_count_as_one(
    visitor: Any, postbox: Postbox, ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, config.ALERT_LINKS_PER_DAY, 3)
    spellings = ("lea.r@example.org", "lear+a@example.org", "l.e.a.r+b@Example.org")
    for turn, email in enumerate(spellings):
        page(visitor(f"203.0.113.{turn}").post(SEARCH, data={**FORM, "email": email}))
    refused = page(
        visitor("203.0.113.99").post(SEARCH, data={**FORM, "email": "lear+c@example.org"}), 400
    )
    assert "field-email" in refused
    page(
        visitor("203.0.113.99").post(SEARCH, data={**FORM, "email": "lear@example.com"})
    )  # another mailbox
    monkeypatch.setitem(ckan_config, config.ALERTS_PER_PERSON, 2)
    assert job.deliver() == 4
    own = [links(mail)[0] for mail in postbox.mails]
    assert [visitor().post(each).status_code for each in own] == [302, 302, 400, 302]


def test_the_link_to_alerts_is_asked_for_in_the_same_way_with_and_without_alerts(
    visitor: Any, postbox: Postbox
):
    confirmed(visitor(), postbox)
    statements = {}
    for email in ("lea@example.org", "autre@example.org"):
        with executed() as said:
            page(visitor().post("/recherche/alertes/lien", data={"email": email}))
        statements[email] = [each for each in said if "ecosphere_search" in each]
    assert statements["lea@example.org"] == statements["autre@example.org"] != []
    assert job.deliver() == 1
    assert [mail["To"].addresses[0].addr_spec for mail in postbox.mails] == ["lea@example.org"]
    assert model.Session.scalars(sa.select(Subscriber.email)).all() == ["lea@example.org"]


def test_the_owner_alone_learns_that_there_is_no_room(
    visitor: Any, postbox: Postbox, ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, config.ALERTS_PER_PERSON, 1)
    confirmed(visitor(), postbox)
    answers = [
        page(visitor().post("/recherche/alertes/nouvelle?q=eau", data={**FORM, "email": email}))
        for email in ("lea@example.org", "autre@example.org")
    ]
    own_words = [re.sub(r"[\w.-]{60,}|\w+@example.org", "", each) for each in answers]
    assert own_words[0] == own_words[1]
    assert job.deliver() == 2
    told = {mail["To"].addresses[0].addr_spec: body(mail) for mail in postbox.mails}
    assert "(1)" in told["lea@example.org"] and "gerer" in told["lea@example.org"]
    assert "confirmer" in told["autre@example.org"]
