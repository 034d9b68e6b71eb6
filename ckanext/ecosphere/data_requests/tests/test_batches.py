"""One question to several services: a request for each, one page for all answers.

And the public page of a service.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.data_requests.logic.actions import changing
from ckanext.ecosphere.data_requests.model import Letter, Request
from ckanext.ecosphere.data_requests.tests.conftest import (
    REFUSAL,
    act,
    dataset,
    group_id,
    opened,
    row,
    step,
)
from ckanext.ecosphere.data_requests.tests.test_pages import visit

pytestmark = pytest.mark.usefixtures("portal")


def asked_of_two(app: CKANTestApp, **changes: Any) -> tuple[dict[str, Any], Request]:
    """Create a request, and have its author send it to a second service from its page.

    Return both.
    """
    made = opened(**changes)
    sent = visit(app, "asker", f"/demandes/{made['reference']}/services", organizations="dreal-ara")
    assert sent.status_code == 302, sent.body
    model.Session.expire_all()
    [other] = model.Session.scalars(sa.select(Request).where(Request.id != made["id"]))
    return made, other


def test_each_service_has_a_request_of_its_own_and_its_requester_one_page(app: CKANTestApp):
    made, other = asked_of_two(app)
    first = row(made)
    assert (other.organization_id, other.title, other.requester_id) == (
        group_id("dreal-ara"),
        first.title,
        first.requester_id,
    )
    assert other.reference != first.reference and other.due and other.submitted
    assert model.Session.scalars(
        sa.select(Letter).where(Letter.request_id == other.id)
    ).all()  # its own receipt
    found = act("show", "moderator", id=other.id)
    assert "several services" in found["routing_reason"]
    if other.state == "submitted":
        step(found, "accept", "moderator", organization="dreal-ara")
    answer = dataset(name="zones-de-la-loire", title="Zones de la Loire")
    step(made, "fulfil", "editor", datasets=[answer["name"]])
    step(found, "refuse", "other-admin", **REFUSAL)
    for id in (made["reference"], other.reference):
        page = visit(app, "asker", f"/demandes/{id}/services").body
        assert all(
            each in page for each in ("DDT 42", "DREAL Auvergne", "zones-de-la-loire", "L. 124-4")
        )
        assert f"/demandes/{id}/services" in visit(app, None, f"/demandes/{id}").body


def test_what_a_reader_may_not_read_is_no_part_of_the_page(app: CKANTestApp):
    made, other = asked_of_two(app, visibility="private")
    mine, theirs = (
        act("batch_show", person, id=made["id"])["parts"] for person in ("asker", "editor")
    )
    assert (len(mine), [each["id"] for each in theirs]) == (2, [made["id"]])
    assert visit(app, "friend", f"/demandes/{made['reference']}/services").status_code == 404
    assert (
        other.reference not in visit(app, "editor", f"/demandes/{made['reference']}/services").body
    )


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ([], ""),
        (["ddt-42"], "DDT 42"),
        (["ddt-42", "dreal-ara"], "DDT 42"),
        ([f"s-{n}" for n in range(60)], "50"),
    ],
)
def test_a_question_goes_to_a_service_once(services: list[str], words: str):
    made = opened()
    with pytest.raises(tk.ValidationError) as error:
        act("batch_add", "asker", id=made["id"], organizations=services)
    assert words in str(error.value.error_dict["organizations"])
    assert (
        len(model.Session.scalars(sa.select(Request)).all()) == 1
    )  # all requests are created, or none


def test_a_question_goes_to_few_services(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(changing, "MOST_SERVICES", 1)
    made = opened()
    with pytest.raises(tk.ValidationError) as error:
        act("batch_add", "asker", id=made["id"], organizations=["dreal-ara"])
    assert "1" in str(error.value.error_dict["organizations"])
    step(made, "withdraw", "asker")
    assert not act("batch_show", "asker", id=made["id"])["may_grow"]


@pytest.mark.slow("variants")
def test_the_page_of_a_service_says_how_it_answers(
    app: CKANTestApp, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.statistics_threshold", 2)
    address = "/organization/ddt-42/demandes"
    answer = dataset()["name"]
    opened(title="Encore ouverte")
    opened(title="Secrète", visibility="private")
    for title, said in (("Première", "yes"), ("Seconde", "no")):
        made = step(opened(title=title), "fulfil", "editor", datasets=[answer])
        assert act("stats", None)["satisfaction"] is None  # a single answer would identify a person
        act("satisfaction", "asker", id=made["id"], satisfied=said)
    assert act("stats", None, organization="ddt-42")["satisfaction"] == {"said": 2, "yes": 0.5}
    [line] = act("stats", None)["services"]
    assert (line["received"], line["waiting"], line["answered"], line["satisfaction"]["yes"]) == (
        3,
        1,
        2,
        0.5,
    )
    for person in (None, "asker", "editor"):
        page = visit(app, person, address).body
        assert all(each in page for each in ("Encore ouverte", "Première", "50"))
        assert "Secrète" not in page
    assert address in visit(app, None, "/organization/ddt-42").body
    assert visit(app, None, "/organization/nulle-part/demandes").status_code == 404
    table = visit(app, None, "/demandes/statistiques.csv").body
    assert (
        "Requests received, by service;DDT 42" in table.replace('"', "")
        and address in visit(app, None, "/demandes/statistiques").body
    )
