"""Accuracy of texts about requests and signals: where an answer goes, who reads it,
what a field requires.
"""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

import pytest
from ckan.tests import factories, helpers
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.data_requests.tests.conftest import (
    REASON,
    REFUSAL,
    act,
    dataset,
    group_id,
    opened,
    row,
    step,
)
from ckanext.ecosphere.data_requests.tests.test_pages import visit
from ckanext.ecosphere.data_requests.views import forms
from ckanext.ecosphere.shared import dates

pytestmark = pytest.mark.usefixtures("portal")


def text(answer: Any) -> str:
    """Return the body of a page with its HTML entities unescaped."""
    return html.unescape(answer.body)


def test_the_answer_of_a_new_person_is_said_to_be_with_the_service_alone(
    app: CKANTestApp, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    made = opened()
    step(made, "ask_details", "editor", question="Quelles communes ?", answer_by=soon())
    monkeypatch.setitem(ckan_config, "ecosphere.requests.release_after", 3)
    sent = visit(
        app,
        "asker",
        f"/demandes/{made['reference']}/answer_details",
        comment="Celles du Pilat.",
        version=str(row(made).version),
    )
    assert sent.status_code == 302
    page = app.get(f"/demandes/{made['reference']}").body
    assert "Celles du Pilat." not in page
    page = text(visit(app, "editor", f"/demandes/{made['reference']}"))
    assert "Celles du Pilat." in page
    assert "a moderator has to read it first" not in page
    assert "only its author and the people who work on the request see it" in page


def soon() -> str:
    """Return a date on which an answer can be expected."""
    return (dates.today() + timedelta(days=20)).isoformat()


def test_the_moderators_read_who_sees_what_waits(app: CKANTestApp):
    assert "the service too when they are the requester’s" in text(
        visit(app, "moderator", "/demandes/moderation/messages")
    )


def test_an_empty_report_is_answered_in_the_order_of_the_form(app: CKANTestApp):
    dataset(name="zones-3")
    page = text(visit(app, "friend", "/demandes/signaler/zones-3", kind="", description=""))
    assert "Missing value" not in page
    summary = page[page.index("to be corrected") :] if "to be corrected" in page else page
    assert summary.index("Choose what it is about.") < summary.index(
        "Say what is wrong, or what you want to know."
    )


def test_a_report_has_an_author_and_no_requester(app: CKANTestApp):
    dataset(name="zones-4")
    made = act("signal", "friend", dataset="zones-4", kind="link", description="Le lien est mort.")
    page = text(visit(app, "friend", f"/demandes/{made['reference']}"))
    assert "Author of the report" in page and "Requester" not in page
    assert "Everybody who sees the report reads it." in page
    merge = text(visit(app, "moderator", f"/demandes/{made['reference']}/mark_duplicate"))
    assert "Report that stays" in merge and "Request that stays" not in merge


def test_a_refusal_says_what_it_needs_before_it_is_sent(app: CKANTestApp):
    made = opened()
    page = text(visit(app, "editor", f"/demandes/{made['reference']}/fulfil_partly"))
    places = [
        page.index(f'id="field-{name}"')
        for name in ("links", "missing", "ground", "emissions", "law", "facts", "balance")
    ]
    assert places == sorted(places)
    assert page.count("In sentences, 8 different words at least.") == 3
    law = page[page.index('id="field-law"') :].split(">")[0]
    assert 'aria-required="true"' in law
    assert "Required for a document that is being drawn up" in page
    refuse = text(visit(app, "admin", f"/demandes/{made['reference']}/refuse"))
    assert (
        refuse.index('id="field-ground"')
        < refuse.index('id="field-law"')
        < refuse.index('id="field-completion"')
    )


def test_what_is_missing_has_its_name_in_the_history(app: CKANTestApp):
    made = opened()
    known = dataset(name="zones-6")
    missing = "Les points d’espèces menacées."
    step(made, "fulfil_partly", "editor", datasets=[known["name"]], missing=missing, **REFUSAL)
    page = text(visit(app, "asker", f"/demandes/{made['reference']}"))
    history = page[page.index("eco-req-timeline") :]
    assert "<strong>What is missing:</strong>" in history[: history.index(missing)]


def test_reopening_is_called_so_and_not_offered_while_a_review_waits(app: CKANTestApp):
    made = opened()
    step(made, "fulfil_partly", "editor", datasets=[dataset()["name"]], missing=REASON, **REFUSAL)
    visit(app, "asker", f"/demandes/{made['reference']}/satisfaction", satisfied="no")
    page = text(visit(app, "asker", f"/demandes/{made['reference']}"))
    assert "Reopen the request, and say what is missing" in page
    assert "Ask the service to look at it again" not in page
    step(made, "ask_review", "asker", reason="Il manque les espèces.")
    page = text(visit(app, "asker", f"/demandes/{made['reference']}"))
    assert "Reopen the request, and say what is missing" not in page


@pytest.mark.usefixtures("clean_index")
def test_datasets_are_proposed_as_the_search_finds_them(app: CKANTestApp):
    for name in ("zh-ain-1", "zh-ain-2"):
        factories.Dataset(
            name=name, title="Inventaire des zones humides de l’Ain", owner_org=group_id("ddt-42")
        )
    hidden = factories.Dataset(
        name="zh-prive", title="Zones humides, Ain", private=True, owner_org=group_id("ddt-42")
    )
    found = visit(app, "friend", "/demandes/jeux-de-donnees?q=zones+humides+ain").json["items"]
    assert {each["value"] for each in found} == {"zh-ain-1", "zh-ain-2"}
    assert found[0]["label"] == "Inventaire des zones humides de l’Ain, DDT 42"
    inside = visit(app, "editor", "/demandes/jeux-de-donnees?q=zones+humides+ain").json["items"]
    assert hidden["name"] in {each["value"] for each in inside}
    for odd in ("%22", "title:[*+TO+*]", "*:*", "(((", "%7B%21edismax%7D"):
        assert visit(app, "friend", f"/demandes/jeux-de-donnees?q={odd}").status_code == 200


def test_words_that_were_typed_stay_together_and_chosen_datasets_have_titles(app: CKANTestApp):
    assert forms.dataset_names("zones humides ain\nppri") == ["zones humides ain", "ppri"]
    dataset(name="zones-10", title="Zones humides du Forez")
    dataset(name="secret-10", title="Captages sensibles", private=True)
    made = opened()
    page = text(
        visit(
            app,
            "editor",
            f"/demandes/{made['reference']}/fulfil",
            datasets="zones-10\nrien de tel",
            version=str(row(made).version),
        )
    )
    assert "There is no dataset “rien de tel”." in page
    assert '"zones-10": "Zones humides du Forez"' in page
    path = "/demandes/nouvelle"
    assert "Captages sensibles" not in text(
        visit(app, "friend", path + "?known_datasets=secret-10")
    )


def test_an_address_with_a_slash_at_its_end_leads_on(app: CKANTestApp):
    for path in ("/demandes", "/qualite", "/demandes/statistiques", "/dataset/importer"):
        answer = app.get(f"/fr{path}/?a=1", follow_redirects=False)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].split("?")[0].endswith(f"/fr{path}"), answer.headers[
            "Location"
        ]
        assert answer.headers["Location"].endswith("?a=1")
    for path in ("/rien-de-tel/", "//example.org/", "//example.org/demandes/"):
        answer = app.get(path, follow_redirects=False)
        assert (
            answer.status_code == 404
            or "//example.org" not in answer.headers.get("Location", "")[7:]
        ), path


def test_the_export_holds_datasets_that_are_followed_and_saved_searches(app: CKANTestApp):
    dataset(name="zones-12")
    helpers.call_action("follow_dataset", {"user": "friend"}, id="zones-12")
    found = visit(app, "friend", "/demandes/mes-donnees.json").json
    assert [each["name"] for each in found["datasets_followed"]] == ["zones-12"]
    assert found["search_alerts"] == []
