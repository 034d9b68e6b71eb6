"""Requests treated together: one decision for all, while each keeps its author, letter,
period and remedies.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _run_migrations
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.data_requests import config
from ckanext.ecosphere.data_requests.domain import fields, states
from ckanext.ecosphere.data_requests.model import Event, Letter, Request
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.tests.conftest import (
    REASON,
    REFUSAL,
    act,
    dataset,
    group_id,
    opened,
    row,
    step,
    submitted,
)
from ckanext.ecosphere.data_requests.tests.test_guards import PDF
from ckanext.ecosphere.data_requests.tests.test_letters import send
from ckanext.ecosphere.data_requests.tests.test_lifecycle import errors_of, later
from ckanext.ecosphere.data_requests.tests.test_pages import visit
from ckanext.ecosphere.data_requests.tests.test_scheduled import at
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = pytest.mark.usefixtures("portal")


def sent(app: CKANTestApp, person: str, made: dict[str, Any], transition: str, **form: Any) -> Any:
    """Send the form of a transition, as a user does on its page."""
    path = f"/demandes/{made['reference']}/{transition}"
    return visit(app, person, path, version=row(made).version, go="send", **form)


def together(app: CKANTestApp, *requests: dict[str, Any]) -> None:
    """Have a moderator join requests to the first one."""
    first, *others = requests
    for other in others:
        assert sent(app, "moderator", other, "join", target=first["reference"]).status_code == 302


def letters(made: dict[str, Any], kind: str) -> list[Letter]:
    query = sa.select(Letter).where(Letter.request_id == made["id"], Letter.kind == kind)
    return list(model.Session.scalars(query))


@pytest.mark.slow("letters")
def test_a_refusal_goes_to_each_of_the_requests_treated_together_in_a_letter_of_its_own(
    app: CKANTestApp, postbox: Postbox
):
    with at("2027-03-01"):
        first = opened(title="Zones humides")
    with at("2027-03-10"):
        second = opened("friend", title="Milieux humides du Forez", visibility="private")
        together(app, first, second)
        assert (row(first).state, row(second).state) == ("open", "open")
        assert [row(each).due.isoformat() for each in (first, second)] == [
            "2027-04-01",
            "2027-04-10",
        ]
        form = visit(app, "admin", f"/demandes/{first['reference']}/refuse").body
        assert second["reference"] in form
        send(app, "admin", first, "refuse", **REFUSAL)
        assert (row(first).state, row(second).state) == ("refused", "refused")
        [of_first], [of_second] = letters(first, "refuse"), letters(second, "refuse")
        assert of_first.addressee != of_second.addressee
        for letter, own, other in ((of_first, first, second), (of_second, second, first)):
            assert own["reference"] in letter.plain and other["reference"] not in letter.plain
            assert "10 mai 2027" in letter.plain.replace("\u00a0", " ")  # last day for the CADA
        delivery.deliver()
        for person, other in (("asker", second), ("friend", first)):
            mails = "".join(body(mail) + mail["Subject"] for mail in postbox.to(person))
            assert (
                "was refused" in mails
                and other["reference"] not in mails
                and other["title"] not in mails
            )
            assert (
                act("show", person, id=(first if person == "asker" else second)["id"])["may_refer"]
                == "2027-05-10"
            )


def test_a_merge_closes_no_request_of_another_person(app: CKANTestApp):
    first, second, own = opened(), opened("friend", title="La même chose"), opened(title="Encore")
    refused = sent(app, "moderator", second, "mark_duplicate", target=first["reference"])
    assert refused.status_code == 400 and "treat them together" in refused.body
    assert row(second).state == "open"
    assert (
        sent(app, "moderator", own, "mark_duplicate", target=first["reference"]).status_code == 302
    )
    assert row(own).state == "duplicate"


def test_what_answers_one_answers_all_with_a_file_for_each(app: CKANTestApp):
    requests = [
        opened(person, title=f"Zones {person}") for person in ("asker", "friend", "stranger")
    ]
    together(app, *requests)
    answer = dataset()
    file = (io.BytesIO(PDF), "carte.pdf")
    sent(
        app, "editor", requests[1], "fulfil", datasets=answer["name"], files=file, reach="requester"
    )
    for person, made in zip(("asker", "friend", "stranger"), requests, strict=True):
        shown = act("show", person, id=made["id"])
        assert (shown["state"], [each["name"] for each in shown["datasets"]]) == (
            "fulfilled",
            [answer["name"]],
        )
        [delivered] = shown["deliveries"]
        found = visit(app, person, f"/demandes/{made['reference']}/reponse/{delivered['id']}")
        assert found.status_code == 200 and found.data == PDF
    folder = config.folder()
    assert folder is not None and not list(folder.glob(".new-*"))


def test_authors_of_private_requests_never_learn_of_one_another(app: CKANTestApp):
    secret, public = (
        opened(visibility="private", title="Projet secret"),
        opened("friend", title="Au grand jour"),
    )
    open_too = opened("stranger", title="Au grand jour aussi")
    for each in (secret, open_too):
        step(each, "join", "moderator", target=public["id"])
    page = visit(app, "asker", f"/demandes/{secret['reference']}").body
    assert (
        public["reference"] not in page
        and "Au grand jour" not in page
        and "reated together" not in page
    )
    for person in ("friend", None):
        page = visit(app, person, f"/demandes/{public['reference']}").body
        assert (
            open_too["reference"] in page
            and secret["reference"] not in page
            and "Projet secret" not in page
        )
    inside = visit(app, "editor", f"/demandes/{secret['reference']}").body
    assert public["reference"] in inside and "Au grand jour aussi" in inside
    events = [each["transition"] for each in act("show", "asker", id=secret["id"])["events"]]
    assert "join" not in events and "join" in [
        e["transition"] for e in act("show", "editor", id=secret["id"])["events"]
    ]


def test_one_is_taken_out_with_a_click_and_treated_on_its_own(app: CKANTestApp):
    first, second = opened(), opened("friend", title="La même chose")
    together(app, first, second)
    assert "Take this request out" in visit(app, "editor", f"/demandes/{second['reference']}").body
    assert sent(app, "editor", second, "separate").status_code == 302
    assert row(first).joined_id is None and row(second).joined_id is None
    step(first, "refuse", "admin", **REFUSAL)
    assert (row(first).state, row(second).state) == ("refused", "open")


def test_nothing_is_joined_with_a_closed_request(app: CKANTestApp):
    answer = dataset(title="Zones humides du Forez")
    given, refused, waiting = (
        opened(),
        opened(title="Refusée"),
        opened("friend", title="La même chose"),
    )
    step(given, "fulfil", "editor", datasets=[answer["name"]])
    step(refused, "refuse", "admin", **REFUSAL)
    page = sent(app, "moderator", waiting, "join", target=given["reference"])
    assert (
        page.status_code == 400 and "closed" in page.body and "Zones humides du Forez" in page.body
    )
    page = sent(app, "moderator", waiting, "join", target=refused["reference"])
    assert page.status_code == 400 and "closed" in page.body
    assert sent(app, "moderator", refused, "join", target=waiting["reference"]).status_code == 409
    elsewhere = opened("stranger", service="dreal-ara")
    assert (
        "another service"
        in sent(app, "moderator", waiting, "join", target=elsewhere["reference"]).body
    )


def test_an_extension_goes_to_those_for_which_it_is_lawful_and_the_others_are_named(
    app: CKANTestApp,
):
    with at("2027-01-05"):
        late = opened("friend", title="Trop tard")
    with at("2027-02-20"):
        first, second = opened(), opened("stranger", title="La même chose")
        together(app, first, second, late)
        done = step(first, "extend", "admin", reason=REASON, environmental="yes")
        assert done["together"]["done"] == [second["reference"]]
        [left_out] = done["together"]["left_out"]
        assert left_out["reference"] == late["reference"] and "first month" in left_out["reason"]
        assert [row(each).due.isoformat() for each in (first, second, late)] == [
            "2027-04-20",
            "2027-04-20",
            "2027-02-05",
        ]
        assert (len(letters(second, "extend")), letters(late, "extend")) == (1, [])
        page = sent(app, "admin", first, "extend", reason=REASON, environmental="yes")
        assert page.status_code == 409  # once only


def test_a_dataset_that_one_requester_cannot_read_leaves_that_request_out():
    hidden = dataset(private=True)
    first, second = opened("member"), opened("friend", title="La même chose")
    step(second, "join", "editor", target=first["id"])
    done = step(first, "fulfil", "editor", datasets=[hidden["name"]])
    assert (
        done["state"] == "fulfilled" and "cannot read" in done["together"]["left_out"][0]["reason"]
    )
    assert row(second).state == "open"


def test_so_many_are_treated_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fields, "MOST_JOINED", 2)
    first, second, third = (opened(person) for person in ("asker", "friend", "stranger"))
    step(second, "join", "editor", target=first["id"])
    assert "2" in str(errors_of(step, third, "join", "editor", target=first["id"])["target"])


def test_two_groups_stay_two(app: CKANTestApp):
    first, second, third, fourth = (
        opened(person) for person in ("asker", "friend", "stranger", "member")
    )
    together(app, first, second)
    together(app, third, fourth)
    assert "target" in errors_of(step, first, "join", "editor", target=third["id"])
    step(first, "separate", "editor")
    step(first, "join", "editor", target=fourth["id"])
    assert row(first).joined_id == row(third).joined_id != row(second).joined_id


def test_the_desk_and_its_table_show_what_is_treated_together(app: CKANTestApp):
    first, second = opened(), opened("friend", title="La même chose")
    together(app, first, second)
    assert "treated together with 1 other" in visit(app, "editor", "/demandes/service/ddt-42").body
    table = visit(app, "editor", "/demandes/service/ddt-42/demandes.csv").body
    assert "Treated together with" in table and table.count(first["reference"]) == 2
    assert act("list", None)["results"][0]["joined"] and act("list", None)["count"] == 2


def test_a_transfer_takes_all_to_the_other_service():
    first, second = opened(), opened("friend", title="La même chose")
    step(second, "join", "editor", target=first["id"])
    step(first, "transfer", "admin", organization="dreal-ara", reason="Données de la région")
    assert {row(each).organization_id for each in (first, second)} == {group_id("dreal-ara")}


def merged_by_version_1_1() -> tuple[dict[str, Any], dict[str, Any]]:
    """Leave a request as version 1.1 left one that it merged with that of another person."""
    source, target = opened("friend", title="La même chose"), opened()
    request = row(source)
    moment = request.submitted
    request.state, request.duplicate_of, request.outcome = (
        "duplicate",
        target["id"],
        {"target": target["id"]},
    )
    request.closed = moment
    request.version += 1
    merged = Event(
        request_id=request.id, transition="mark_duplicate", from_state="open", to_state="duplicate"
    )
    merged.version, merged.actor_role, merged.created = request.version, states.MODERATOR, moment
    merged.fields = {"target": target["id"]}
    model.Session.add(merged)
    model.Session.commit()
    return source, target


def test_what_an_earlier_version_merged_waits_for_a_moderator_again():
    with at("2027-01-05"):
        source, _target = merged_by_version_1_1()
    model.Session.remove()
    _run_migrations("ecosphere_requests", "d4a70c3b9e52", forward=False)
    _run_migrations("ecosphere_requests", "head")
    with at("2027-03-01"):
        shown = act("show", "friend", id=source["id"])
        assert (shown["state"], shown["may_refer"], shown["outcome"]) == (
            "submitted",
            "2027-04-05",
            {},
        )
        assert "reconsider" in [event["transition"] for event in shown["events"]]
        step(source, "accept", "moderator", organization="ddt-42")
        assert (row(source).state, row(source).due.isoformat()) == ("open", "2027-02-05")


def test_a_request_that_waits_for_a_moderator_is_joined_as_well(app: CKANTestApp):
    first, waiting = opened(), submitted("friend", title="La même chose")
    together(app, first, waiting)
    done = step(first, "start", "editor", planned=later(3))
    assert done["together"]["done"] == [] and row(waiting).state == "submitted"
    step(waiting, "accept", "moderator", organization="ddt-42")
    done = step(first, "refuse", "admin", **REFUSAL)
    assert done["together"]["done"] == [waiting["reference"]]
    assert model.Session.scalar(sa.select(sa.func.count()).where(Request.state == "refused")) == 2
