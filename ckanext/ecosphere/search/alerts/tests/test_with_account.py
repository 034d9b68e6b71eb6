"""Alerts of users with an account: saved with one click, listed, with the user's access rights."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import call_action
from freezegun import freeze_time

from ckanext.ecosphere.core import addresses
from ckanext.ecosphere.interfaces import CheckStatus
from ckanext.ecosphere.search import config, setup
from ckanext.ecosphere.search.alerts import job
from ckanext.ecosphere.search.alerts import model as storage
from ckanext.ecosphere.search.alerts.model import Alert, Subscriber, now
from ckanext.ecosphere.search.alerts.tests.conftest import change, dataset, known, page, run
from ckanext.ecosphere.tests.postbox import Postbox, body
from ckanext.ecosphere.work.model import DONE, FAILED, Work

pytestmark = pytest.mark.usefixtures("portal")

NEW = "/recherche/alertes/nouvelle?q=zones+humides"
API = "/api/3/action/ecosphere_search_alert_"


def create(
    client: Any, who: dict[str, str], search: str, frequency: str = "daily"
) -> dict[str, Any]:
    answer = client.post(
        f"{API}create", json={"search": search, "frequency": frequency}, headers=who
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()["result"]


def test_one_click_saves_and_the_list_changes_and_deletes(visitor: Any, postbox: Postbox):
    client = visitor()
    anne, marc = known(client, "anne"), known(client, "marc")
    shown = page(client.get("/dataset/?q=zones+humides", headers=anne))
    assert client.post(NEW, headers=anne).status_code == 302
    assert "“zones humides”" in page(client.get("/recherche/alertes", headers=anne))
    assert "“zones humides”" not in page(client.get("/recherche/alertes", headers=marc))
    [alert] = client.get(f"{API}list", headers=anne).get_json()["result"]
    assert (alert["search"], alert["frequency"]) == ("q=zones+humides", "weekly")
    for data in ({"id": alert["id"], "frequency": "daily"}, {"id": alert["id"], "go": "delete"}):
        page(client.post("/recherche/alertes", data=data, headers=marc), 404)
        assert (
            client.post("/recherche/alertes", data=data).status_code == 302
        )  # redirected to the log-in
    silent, gone = {"id": alert["id"], "frequency": "none"}, {"id": alert["id"], "go": "delete"}
    assert client.post("/recherche/alertes", data=silent, headers=anne).status_code == 302
    dataset()
    assert run(8)["emails"] == 0
    assert client.post("/recherche/alertes", data=gone, headers=anne).status_code == 302
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Subscriber)) == 0
    assert shown


def test_actions_refuse_strangers_other_peoples_alerts_and_bad_searches(
    visitor: Any, postbox: Postbox
):
    client = visitor()
    anne, marc = known(client, "anne"), known(client, "marc")
    own = create(client, anne, "q=eau")
    assert client.post(f"{API}create", json={"search": "q=eau"}).status_code == 403
    assert client.get(f"{API}list").status_code == 403
    for name, data in (
        ("update", {"id": own["id"], "frequency": "none"}),
        ("delete", {"id": own["id"]}),
    ):
        assert client.post(f"{API}{name}", json=data).status_code == 403
        assert client.post(f"{API}{name}", json=data, headers=marc).status_code == 404
    wrong = [
        "q=eau&x y:*=1",
        f"q={'a' * 3000}",
        "&".join(f"a{n}=1" for n in range(200)),
        "q=a&ext_bbox=1,2",
        ["q=a"],
    ]
    for search in wrong:
        answer = client.post(f"{API}create", json={"search": search}, headers=anne)
        assert answer.status_code == 409, search
    assert (
        client.post(
            f"{API}create", json={"search": "q=a", "frequency": "hourly"}, headers=anne
        ).status_code
        == 409
    )
    assert (
        create(client, anne, "?page=2&sort=title_string+asc&q=eau&_view=map", "weekly")["id"]
        == own["id"]
    )


def test_a_person_has_so_many_alerts_at_most(
    visitor: Any, postbox: Postbox, ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, config.ALERTS_PER_PERSON, 2)
    client = visitor()
    anne = known(client, "anne")
    for words in ("q=a1", "q=a2"):
        create(client, anne, words)
    assert client.post(f"{API}create", json={"search": "q=a3"}, headers=anne).status_code == 409
    assert "field-search-error" in page(
        client.post("/recherche/alertes/nouvelle?q=a3", headers=anne), 400
    )


def test_nobody_writes_to_others_by_an_account_with_their_address(visitor: Any, postbox: Postbox):
    """E-mail addresses of accounts may be unconfirmed, and a search can hold any text."""
    marc = model.User.get("marc")
    assert marc is not None
    marc.fullname, marc.plugin_extras = "Urgent appelez le guichet", None
    model.Session.commit()
    client = visitor()
    create(client, known(client, "marc"), "q=zones+-%22Votre+compte+est+suspendu%22")
    dataset()
    try:
        assert run()["emails"] == 1
        [mail] = postbox.mails
        words = f"{body(mail)} {body(mail, 'html')} {mail['To']} {mail['Subject']}"
        assert "compte" not in words and "Urgent" not in words
        assert "Zones humides" in words and "/recherche/alertes" in words
    finally:
        marc = model.User.get("marc")
        assert marc is not None
        marc.fullname = "Marc"
        model.Session.commit()
        addresses.mark_confirmed(marc)


def test_private_datasets_are_told_to_members_only_and_to_nobody_who_left(
    visitor: Any, postbox: Postbox
):
    client = visitor()
    for name in ("anne", "marc"):
        create(client, known(client, name), "q=zones+humides")
    hidden = dataset(title="Zones humides secrètes", private=True)
    assert run()["emails"] == 1
    [mail] = postbox.mails
    assert mail["To"].addresses[0].username == "anne" and hidden["name"] in body(mail)
    postbox.clear()
    # Between the search and the e-mail, anne leaves the organisation.
    with freeze_time(now() + timedelta(days=1, hours=12)):
        change(hidden, notes="Changé")
    with freeze_time(now() + timedelta(days=2)):
        assert job.look() == 1
        call_action("organization_member_delete", {"user": "boss"}, id="ddt", username="anne")
        assert job.deliver() == 0
    call_action(
        "organization_member_create", {"user": "boss"}, id="ddt", username="anne", role="member"
    )
    assert postbox.mails == []


def test_leaving_keeps_the_searches_of_an_account_without_e_mails(visitor: Any, postbox: Postbox):
    client = visitor()
    anne = known(client, "anne")
    create(client, anne, "q=zones+humides")
    dataset()
    run()
    [mail] = postbox.mails
    page(visitor().post(str(mail["List-Unsubscribe"]).strip("<>")))
    dataset(title="Autres zones humides")
    assert run(3)["emails"] == 0
    [kept] = client.get(f"{API}list", headers=anne).get_json()["result"]
    assert kept["frequency"] == "none"
    # Who reactivates e-mails gets none about what was published meanwhile.
    client.post(f"{API}update", json={"id": kept["id"], "frequency": "daily"}, headers=anne)
    assert run(3)["emails"] == 0


def test_who_is_gone_is_erased_and_not_written_to(visitor: Any, postbox: Postbox):
    client = visitor()
    create(client, known(client, "marc"), "q=zones+humides")
    dataset()
    user = model.User.get("marc")
    assert user is not None
    user.state = "deleted"
    model.Session.commit()
    done = run()
    user = model.User.get("marc")
    assert user is not None
    user.state = "active"
    model.Session.commit()
    assert done["emails"] == 0 and postbox.mails == []
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Subscriber)) == 0


def test_a_run_looks_for_so_many_people_and_the_next_one_for_the_others(
    visitor: Any, postbox: Postbox, ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, config.ALERTS_PER_RUN, 1)
    monkeypatch.setitem(ckan_config, config.ALERT_DATASETS, 2)
    client = visitor()
    for name in ("anne", "marc"):
        create(client, known(client, name), "q=zones+humides")
    for rank in range(3):
        dataset(title=f"Zones humides {rank}")
    with freeze_time(now() + timedelta(days=1)):
        assert [job.look(), job.look(), job.look()] == [1, 1, 0]
        assert job.deliver() == 2
    assert all(
        body(mail).count("/dataset/zones") + body(mail).count("- Zones") >= 2
        for mail in postbox.mails
    )
    assert all(
        "3 new or changed" in body(mail) and "and 1 more" in body(mail) for mail in postbox.mails
    )


def test_what_the_queue_forgot_is_queued_again_and_nothing_is_queued_twice(
    visitor: Any, postbox: Postbox
):
    client = visitor()
    create(client, known(client, "anne"), "q=zones+humides")
    assert recovered() == []
    dataset()
    with freeze_time(now() + timedelta(days=1)):
        assert recovered() == ["Search: alerts"]
        assert job.LOOK.waits()
        assert recovered() == []
        job.look()
    with freeze_time(now() + timedelta(days=1, minutes=2)):
        assert "Search: e-mails" in recovered()


def recovered() -> list[str]:
    """Return what is queued again, of alerts and e-mails."""
    return [*job.LOOK.recover(), *storage.OUTBOX.recover()]


def test_an_index_that_is_away_loses_nothing(
    visitor: Any, postbox: Postbox, ckan_config: Any, monkeypatch: Any
):
    client = visitor()
    create(client, known(client, "anne"), "q=zones+humides")
    dataset()
    before = model.Session.scalar(sa.select(Alert.told_until))
    with monkeypatch.context() as away:
        away.setattr("ckan.lib.search.query.make_connection", _no_index)
        assert run()["people_with_news"] == -1
    assert model.Session.scalar(sa.select(Alert.told_until)) == before
    assert run()["emails"] == 1


def _no_index(*_args: Any, **_options: Any) -> Any:
    from ckan.lib.search import SearchError

    raise SearchError("away")


def test_e_mails_are_forgotten_after_a_week(visitor: Any, postbox: Postbox):
    client = visitor()
    create(client, known(client, "anne"), "q=zones+humides")
    dataset()
    run()
    assert model.Session.scalar(sa.select(Work.status)) == DONE
    with freeze_time(now() + timedelta(days=9)):
        storage.purge()
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Work)) == 0


def test_check_tells_what_keeps_alerts_from_being_sent(
    visitor: Any, postbox: Postbox, ckan_config: Any, monkeypatch: Any
):
    client = visitor()
    create(client, known(client, "anne"), "q=zones+humides")
    dataset()
    assert [each.status for each in setup.check_alerts()] == [CheckStatus.OK]
    with freeze_time(now() + timedelta(days=3)):
        [late] = setup.check_alerts()
        assert late.status == CheckStatus.WARNING and "search tick" in late.remedy
    run()
    model.Session.execute(sa.update(Work).values(status=FAILED))
    model.Session.commit()
    assert setup.check_alerts()[0].status == CheckStatus.WARNING
    monkeypatch.setitem(ckan_config, "smtp.server", "")
    assert "smtp.server" in setup.check_alerts()[0].remedy
    page(client.get("/recherche/alertes"), 404)


def test_a_search_that_the_index_no_longer_understands_keeps_nobody_from_their_news(
    visitor: Any, postbox: Postbox
):
    client = visitor()
    broken = create(client, known(client, "anne"), "q=zones+humides")
    create(client, known(client, "marc"), "q=zones+humides")
    model.Session.execute(
        sa.update(Alert).where(Alert.id == broken["id"]).values(search="q=eau&metadata_created=abc")
    )
    model.Session.commit()
    dataset()
    assert run()["emails"] == 1
    assert postbox.mails[0]["To"].addresses[0].username == "marc"
    assert run()["people_with_news"] == 0
