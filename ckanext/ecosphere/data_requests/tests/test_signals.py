"""Signals about datasets: sent without an account, moderated, answered in public,
and without a legal period.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories

from ckanext.ecosphere.data_requests.domain import states, wording
from ckanext.ecosphere.data_requests.model import Letter, Request
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.tests.conftest import (
    act,
    dataset,
    group_id,
    opened,
    row,
    step,
    user_id,
)
from ckanext.ecosphere.data_requests.tests.test_pages import visit
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.tests.postbox import Postbox

pytestmark = pytest.mark.usefixtures("portal")
WORDS = "Le lien vers le fichier répond 404 depuis lundi."


def tokened(person: str) -> dict[str, str]:
    return {"Authorization": factories.APIToken(user=person)["token"]}


def signal(
    package: dict[str, Any], person: str | None = None, kind: str = "link"
) -> dict[str, Any]:
    """Send a signal about a dataset, anonymously if `person` is None."""
    return act("signal", person, dataset=package["name"], kind=kind, description=WORDS)


def on_desk(package: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Create a signal accepted by a moderator, on the desk of `ddt-42`."""
    made = signal(package, **changes)
    return step(made, "accept", "moderator", organization="ddt-42")


@pytest.mark.few(1, "variants")
@pytest.mark.parametrize("kind", states.SIGNALS)
def test_nobody_needs_an_account_and_no_period_runs(kind: str):
    made = signal(dataset(territory=["http://id.insee.fr/geo/departement/42"]), kind=kind)
    stored = row(made)
    assert (made["state"], made["readable"], stored.kind, stored.requester_id) == (
        "submitted",
        False,
        kind,
        None,
    )
    assert (stored.organization_id, stored.territory) == (group_id("ddt-42"), "departement-42")
    assert (stored.due, stored.first_month_ends, stored.clock_start) == (None, None, None)
    opened_one = step(made, "accept", "moderator", organization="ddt-42")
    assert opened_one["clock"]["state"] == "none"
    assert row(made).due is None


def test_a_moderator_reads_it_first_then_everyone_and_no_list_of_requests_has_it():
    package = dataset()
    made = signal(package)
    with pytest.raises(tk.ObjectNotFound):
        act("show", None, id=made["reference"])
    assert act("list", "moderator", scope="moderation")["count"] == 1
    step(made, "accept", "moderator", organization="ddt-42")
    assert act("show", None, id=made["reference"])["kind"] == "link"
    assert act("list", None)["count"] == 0
    assert act("stats", None)["received"] == 0
    assert [each["id"] for each in act("desk", "editor", organization="ddt-42")["new"]] == [
        made["id"]
    ]
    listed = act("dataset_list", None, id=package["name"])
    assert [each["id"] for each in listed["signals"]] == [made["id"]]
    assert listed["open_signals"] == 1


def test_open_signals_are_counted_on_the_page_of_the_badge(app: Any):
    package = dataset()
    address = f"/en/dataset/{package['name']}/qualite"
    assert "open problem" not in app.get(address).body
    made = on_desk(package)
    assert "1 open problem reported" in app.get(address).body
    step(made, "dismiss", "editor", comment="Il répond.")
    assert "open problem" not in app.get(address).body


def test_what_is_hidden_or_turned_away_is_read_by_nobody():
    package = dataset()
    hidden, refused = on_desk(package), signal(package)
    act("hide", "moderator", id=hidden["id"])
    act("spam", "moderator", id=refused["id"])
    for each in (hidden, refused):
        with pytest.raises(tk.ObjectNotFound):
            act("show", None, id=each["id"])
    assert act("dataset_list", None, id=package["id"])["signals"] == []


@pytest.mark.few(1, "variants")
@pytest.mark.parametrize(
    ("transition", "state"), [("resolve", "resolved"), ("dismiss", "dismissed")]
)
def test_the_service_answers_in_public_and_no_letter_is_written(transition: str, state: str):
    package = dataset()
    made = on_desk(package)
    with pytest.raises(tk.ValidationError) as error:
        step(made, transition, "editor")
    assert "comment" in error.value.error_dict
    step(made, transition, "editor", comment="Le lien est réparé.")
    shown = act("show", None, id=made["id"])
    assert shown["state"] == state
    assert any("réparé" in (event.get("comment_html") or "") for event in shown["events"])
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Letter)) == 0
    listed = act("dataset_list", None, id=package["id"])
    assert listed["open_signals"] == 0
    assert [each["answer_html"] for each in listed["signals"]] == ["<p>Le lien est réparé.</p>\n"]
    step(made, "reopen", "moderator", reason="Non.")
    assert [
        each["answer_html"] for each in act("dataset_list", None, id=package["id"])["signals"]
    ] == [""]
    step(made, transition, "editor", comment="Le lien est réparé.")
    step(made, "reopen", "moderator", reason="Il ne répond toujours pas.")
    assert row(made).due is None


def test_a_step_of_the_law_is_no_step_of_a_signal_nor_the_reverse():
    made, request = on_desk(dataset()), opened()
    for each, name, values in (
        (made, "extend", {"reason": "Trop long.", "environmental": "yes"}),
        (made, "fulfil", {"datasets": [dataset()["id"]]}),
        (request, "resolve", {"comment": "Réparé."}),
    ):
        with pytest.raises(tk.ValidationError) as error:
            step(each, name, "admin", **values)
        assert "transition" in error.value.error_dict
    assert {each["transition"] for each in act("show", "editor", id=made["id"])["may"]} == {
        "start",
        "resolve",
        "dismiss",
    }


def test_somebody_of_a_service_is_read_at_once_and_whoever_asked_is_told(postbox: Any):
    made = signal(dataset(), "other-editor")
    assert (made["state"], made["readable"]) == ("open", True)
    assert row(made).requester_id == user_id("other-editor")


def test_a_dataset_that_one_may_not_see_does_not_exist():
    private = dataset(private=True)
    for person in (None, "stranger"):
        with pytest.raises(tk.ObjectNotFound):
            signal(private, person)
        with pytest.raises(tk.ObjectNotFound):
            act("signal", person, dataset="nowhere", kind="link", description=WORDS)
    assert signal(private, "editor")["state"] == "open"


def test_unknown_kinds_and_empty_words_are_named():
    package = dataset()
    for field, value in (("kind", "data"), ("description", " "), ("site_web", "x")):
        with pytest.raises(tk.ValidationError) as error:
            act(
                "signal",
                None,
                **{"dataset": package["id"], "kind": "link", "description": WORDS, field: value},
            )
        assert field in error.value.error_dict


# --- over HTTP -----------------------------------------------------------------------------------


def sent(app: Any, package: dict[str, Any], address: str = "127.0.0.1", **changes: Any) -> Any:
    """Load the form and submit it anonymously."""
    visitor = {"REMOTE_ADDR": address}
    path = f"/fr/demandes/signaler/{package['name']}"
    page = app.get(path)
    token = re.search(
        r'name="_csrf_token"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="_csrf_token"', page.body
    )
    values = {
        "kind": "link",
        "description": WORDS,
        "_csrf_token": next(filter(None, token.groups())) if token else "",
    }
    return app.post(
        path, data={**values, **changes}, environ_overrides=visitor, follow_redirects=False
    )


def test_the_form_works_without_an_account_and_not_for_programs(app: Any):
    package = dataset()
    answer = sent(app, package)
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith(f"/dataset/{package['name']}")
    wrong = sent(app, package, kind="")
    assert wrong.status_code == 400
    assert 'id="field-kind-error"' in wrong.body
    assert WORDS in wrong.body
    assert sent(app, package, site_web="https://spam.example").status_code == 400
    assert act("list", "moderator", scope="moderation")["count"] == 1


def test_an_address_reports_so_often_in_an_hour(
    app: Any, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.forms_per_hour", 2)
    package = dataset()
    assert [sent(app, package).status_code for _ in range(3)] == [302, 302, 400]


@pytest.mark.slow("load")
def test_many_addresses_together_do_not_flood_a_service(
    app: Any, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.signals_of_dataset", 3)
    package, other = dataset(), dataset()
    answers = [sent(app, package, address=f"198.18.7.{number}") for number in range(5)]
    assert [answer.status_code for answer in answers] == [302, 302, 302, 400, 400]
    assert WORDS in answers[4].body  # what was typed is not lost
    assert sent(app, other, address="198.18.7.9").status_code == 302
    for person, state in (("asker", "submitted"), ("editor", "open")):
        assert signal(package, person)["state"] == state
    anonymous = sa.select(Request.reference).where(
        Request.package_id == package["id"], Request.requester_id.is_(None)
    )
    [unread, *_others] = model.Session.scalars(anonymous)
    act("spam", "moderator", id=unread)
    assert sent(app, package, address="198.18.7.10").status_code == 302


def test_signals_about_all_datasets_have_a_ceiling(
    ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.signals_waiting", 2)
    first = [signal(dataset()) for _number in range(2)]
    with pytest.raises(tk.ValidationError) as refused:
        signal(dataset())
    assert "message" in refused.value.error_dict
    step(first[0], "accept", "moderator", organization="ddt-42")
    assert signal(dataset())["state"] == "submitted"


def test_a_request_for_access_goes_to_the_service_of_the_dataset_and_the_clock_runs():
    package = dataset(owner_org=group_id("dreal-ara"))
    made = act(
        "create",
        "asker",
        title="Accès",
        description="Pour une étude.",
        theme="eau",
        territory="departement-42",
        visibility="public",
        kind="access",
        dataset=package["name"],
    )
    done = step(made, "submit", "asker", similar_seen=True)
    assert (done["kind"], done["about"]["name"]) == ("access", package["name"])
    assert row(done).organization_id == group_id("dreal-ara")
    assert row(done).due is not None


def test_the_dataset_to_which_access_is_asked_is_not_offered_instead(app: Any):
    package = dataset(title="Captages d'eau potable du Loiret", owner_org=group_id("dreal-ara"))
    other = dataset(title="Captages d'eau potable du Cher")
    title = "Accès : Captages d'eau potable du Loiret"
    asked = {
        "description": "Pour une étude.",
        "theme": "eau",
        "territory": "departement-42",
        "visibility": "public",
    }
    made = act("create", "asker", title=title, kind="access", dataset=package["name"], **asked)
    with pytest.raises(tk.ValidationError) as refused:
        step(made, "submit", "asker")
    assert [each["name"] for each in refused.value.error_dict["similar"]["datasets"]] == [
        other["name"]
    ]
    words = urlencode({"title": title, "dataset": package["name"]})
    page = app.get(f"/fr/demandes/ressemblances?{words}").body
    assert other["title"] in unescape(page)
    assert package["title"] not in unescape(page)


def test_the_form_of_a_request_starts_with_the_dataset_to_which_access_is_asked(app: Any):
    package = dataset(title="Captages d'eau potable")
    page = app.get(f"/fr/demandes/nouvelle?dataset={package['name']}&about=access").body
    assert "Captages d&#39;eau potable" in page
    assert f'name="dataset" value="{package["name"]}"' in page
    private = dataset(private=True, title="Secret")
    assert "Secret" not in app.get(f"/fr/demandes/nouvelle?dataset={private['name']}").body


def test_a_report_is_spoken_of_as_one(app: Any):
    made = on_desk(dataset(), person="asker")
    page = visit(app, "asker", f"/demandes/{made['reference']}").body
    for words in (
        "Report sent",
        "Report handed over to the service",
        "Change my report",
        "Withdraw the report",
    ):
        assert words in page, words
    for words in (
        "Request sent",
        "Request accepted",
        "Change my request",
        "Withdraw the request",
        "Follow this request",
    ):
        assert words not in page, words
    page = visit(app, "asker", f"/demandes/{made['id']}/modifier/quoi").body
    assert "Change my report" in page and "What is wrong, or what do you want to know?" in page
    for words in (
        "Ask for data</a></li>",
        "Step 1 of",
        "Description of the data you need",
        "Change my request",
    ):
        assert words not in page, words
    assert visit(app, "asker", f"/demandes/{made['id']}/modifier/delais").status_code == 404
    page = visit(
        app,
        "asker",
        f"/demandes/{made['id']}/modifier/quoi",
        version=row(made).version,
        description="x",
    )
    assert page.status_code == 400 and "ten characters" in page.body
    visit(
        app,
        "asker",
        f"/demandes/{made['id']}/modifier/quoi",
        version=row(made).version,
        description=f"{WORDS} !",
    )
    assert row(made).description == f"{WORDS} !"
    visit(
        app,
        "asker",
        f"/demandes/{made['reference']}/withdraw",
        version=row(made).version,
        go="send",
    )
    page = visit(app, "asker", f"/demandes/{made['reference']}").body
    assert "Report withdrawn" in page and row(made).state == "withdrawn"


def test_a_report_says_something(app: Any):
    page = app.post(
        f"/demandes/signaler/{dataset()['name']}", data={"kind": "link", "description": "x"}
    )
    assert (
        page.status_code == 400
        and "ten characters" in page.body
        and 'id="field-description-error"' in page.body
    )


@pytest.mark.parametrize(
    ("state", "french", "english"),
    [
        ("submitted", "Signalé", "Reported"),
        ("open", "À traiter", "To be dealt with"),
        ("rejected", "Non retenu", "Turned away"),
        ("withdrawn", "Retiré par son auteur", "Taken back by its author"),
    ],
)
def test_a_state_agrees_with_what_it_is_of(state: str, french: str, english: str):
    asked = {
        "submitted": "Déposée",
        "open": "Ouverte",
        "rejected": "Non retenue",
        "withdrawn": "Retirée par son auteur",
    }
    with language.speaking("fr"):
        assert (wording.state(state, True), wording.state(state)) == (french, asked[state])
    with language.speaking("en"):
        assert wording.state(state, True) == english


def test_no_report_is_shown_in_the_feminine(app: Any):
    made = on_desk(dataset(), person="asker")
    page = visit(app, "editor", f"/fr/demandes/{made['reference']}").body
    assert "À traiter" in page and "Ouverte" not in page and "Déposée" not in page
    assert "À traiter" in visit(app, "editor", "/fr/demandes/service/ddt-42?all=1").body
    assert "À traiter" in visit(app, "editor", "/fr/demandes/service/ddt-42/demandes.csv").body
    assert "À traiter" in visit(app, "asker", "/fr/demandes/mes-demandes").body
    assert "To be dealt with" in visit(app, "editor", f"/demandes/{made['reference']}").body
    with language.speaking("fr"), pytest.raises(tk.ValidationError) as refused:
        step(made, "reopen", "moderator", reason="Encore.")
    assert (
        "le signalement est dans l’état «\u00a0À traiter\u00a0»"
        in refused.value.error_dict["transition"][0]
    )


def test_pictographs_alone_say_nothing(app: Any):
    package = dataset()
    answer = visit(
        app, None, f"/demandes/signaler/{package['name']}", kind="error", description="🌊" * 12
    )
    assert answer.status_code == 400 and "in a few words" in answer.body


def test_what_is_said_after_a_step_and_of_several_messages_is_of_a_report(
    app: Any, postbox: Postbox
):
    made = signal(dataset(), person="asker")
    address = f"/demandes/{made['reference']}"
    done = app.post(f"{address}/accept", data={"version": row(made).version, "organization": group_id("ddt-42")},
                    headers=tokened("moderator"), follow_redirects=True)  # fmt: skip
    assert "The report is handed over to the service." in done.body
    for words in ("Encore une chose.", "Et une autre."):
        act("comment", "asker", id=made["id"], text=words)
    delivery.deliver()
    told = [subject for subject in postbox.subjects("editor") if "new comments" in subject]
    assert told and all("on the report DD-" in subject for subject in told)
