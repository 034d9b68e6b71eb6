"""Answers by file and link: for everyone, or for the requester alone until a given day,
and what follows an answer.
"""

from __future__ import annotations

import io
import json
import re
from datetime import date, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from ckan import model
from ckan.tests.helpers import CKANTestApp
from werkzeug.datastructures import FileStorage

from ckanext.ecosphere.data_requests import calendars, privacy
from ckanext.ecosphere.data_requests.decisions import compose
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.listing import Due
from ckanext.ecosphere.data_requests.model import Delivery, Event, Request
from ckanext.ecosphere.data_requests.notifications import delivery, scheduled
from ckanext.ecosphere.data_requests.tests.conftest import (
    REASON,
    REFUSAL,
    act,
    dataset,
    opened,
    row,
    step,
    submitted,
)
from ckanext.ecosphere.data_requests.tests.test_pages import visit
from ckanext.ecosphere.data_requests.tests.test_scheduled import at
from ckanext.ecosphere.tests import export_readers as readers
from ckanext.ecosphere.tests.postbox import Postbox, body
from dev.attack.tables import table

pytestmark = pytest.mark.usefixtures("portal", "storage")
LINK = "https://livraison.example/ppri-secret.zip"
FILE = "stations-confidentielles.csv"


@pytest.fixture
def storage(ckan_config: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path))


def file(name: str = FILE, content: bytes = b"a;b\n1;2\n") -> FileStorage:
    return FileStorage(io.BytesIO(content), name)


def known(app: CKANTestApp, *persons: str) -> None:
    """Create the API tokens of these users now: a token issued at a later (frozen)
    time is not yet valid before it.
    """
    for each in persons:
        visit(app, each, "/demandes")


def answered(**given: Any) -> dict[str, Any]:
    made = opened()
    act("follow", "stranger", id=made["id"])
    act("support", "friend", id=made["id"])
    step(made, "fulfil", "editor", **given)
    return made


def everywhere(app: CKANTestApp, person: str | None, made: dict[str, Any]) -> str:
    """Return all that a user can read about a request: pages, feeds, API and search,
    concatenated.
    """
    key = made["reference"]
    paths = [f"/demandes/{key}", f"/demandes/{key}/flux.atom", "/demandes", "/demandes/flux.atom"]
    paths += [
        f"/api/3/action/ecosphere_request_show?id={key}",
        "/api/3/action/ecosphere_request_list",
    ]
    paths += ["/demandes?q=confidentielles", "/demandes?q=livraison"]
    return "".join(
        visit(app, person, path).body.replace("?q=confidentielles", "") for path in paths
    )


@pytest.mark.slow("variants")
def test_a_link_and_a_file_answer_without_any_dataset(app: CKANTestApp, postbox: Postbox):
    made = answered(links=[LINK], files=[file()])
    assert row(made).state == "fulfilled"
    for person in (None, "stranger", "asker", "editor"):
        page = visit(app, person, f"/demandes/{made['reference']}").body
        assert LINK in page and FILE in page
    [found] = [
        each for each in act("show", None, id=made["id"])["deliveries"] if each["kind"] == "file"
    ]
    taken = visit(app, None, f"/demandes/{made['reference']}/reponse/{found['id']}")
    assert taken.body == "a;b\n1;2\n" and "attachment" in taken.headers["Content-Disposition"]
    delivery.deliver()
    assert LINK in body(postbox.to("stranger")[-1]) and FILE in body(postbox.to("friend")[-1])


@pytest.mark.slow("personas")
def test_what_is_the_requesters_alone_is_nowhere_else_until_its_day(
    app: CKANTestApp, postbox: Postbox
):
    known(app, "asker", "editor", "moderator", "stranger", "friend", "other-editor")
    with at("2027-03-02"):
        made = answered(links=[LINK], files=[file()], reach="requester", public_from="2027-04-15")
        delivery.deliver()
        secrets = (LINK, FILE)
        # Ordered by kind: the file comes before the link.
        keys = model.Session.scalars(sa.select(Delivery.id).order_by(Delivery.kind)).all()
        for person in ("asker", "editor", "moderator"):
            assert all(each in everywhere(app, person, made) for each in secrets), person
            assert (
                visit(app, person, f"/demandes/{made['reference']}/reponse/{keys[0]}").status_code
                == 200
            )
        for person in (None, "stranger", "friend", "other-editor"):
            found = everywhere(app, person, made)
            assert not any(each in found for each in (*secrets, *keys)), person
            assert (
                visit(app, person, f"/demandes/{made['reference']}/reponse/{keys[0]}").status_code
                == 404
            )
        assert LINK in body(postbox.to("asker")[-1])
        reserved = "For the requester alone until everyone reads it from 15 April 2027"
        assert reserved in body(postbox.to("asker")[-1]).replace("\n", " ")
        for person in ("stranger", "friend"):
            for mail in postbox.to(person):
                assert not any(each in body(mail) + body(mail, "html") for each in secrets)
    with at("2027-04-14"):
        scheduled.tick()
        assert LINK not in everywhere(app, None, made)
    postbox.clear()
    with at("2027-04-15"):
        scheduled.tick()
        scheduled.tick()
        assert LINK in everywhere(app, None, made) and FILE in everywhere(app, None, made)
        assert postbox.subjects("stranger") == [
            f"The answer to the request {made['reference']} is public now"
        ]
        assert postbox.subjects("friend") == postbox.subjects("stranger") and not postbox.subjects(
            "asker"
        )
        assert LINK in body(postbox.to("stranger")[0]) and "alone" not in body(
            postbox.to("stranger")[0]
        )


def test_the_history_keeps_no_link_of_a_private_delivery():
    made = answered(links=[LINK], reach="requester")
    query = sa.select(Event.fields).where(
        Event.request_id == made["id"], Event.transition == "fulfil"
    )
    assert LINK not in json.dumps(model.Session.scalars(query).one())
    assert all(
        "deliveries" not in each["fields"] for each in act("show", None, id=made["id"])["events"]
    )


@pytest.mark.few(3, "values")
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "datasets"),
        ({"files": ["/etc/passwd"]}, "datasets"),
        ({"links": ["javascript:alert(1)"]}, "links"),
        ({"links": ["file:///etc/passwd"]}, "links"),
        ({"links": ["https://a b"]}, "links"),
        ({"links": [f"https://a.example/{n}" for n in range(21)]}, "links"),
        ({"links": [LINK], "reach": "nobody"}, "reach"),
        ({"links": [LINK], "public_from": "2099-01-01"}, "public_from"),
        ({"links": [LINK], "reach": "requester", "public_from": "2001-01-01"}, "public_from"),
    ],
)
def test_what_cannot_be_an_answer_is_told_by_field(given: dict[str, Any], field: str):
    made = opened()
    with pytest.raises(tk.ValidationError) as error:
        step(made, "fulfil", "editor", **given)
    assert field in error.value.error_dict


def test_a_file_that_is_refused_leaves_nothing_behind(tmp_path: Any):
    made = opened()
    for bad in (file("virus.exe"), file("faux.pdf", b"MZ"), file("vide.csv", b"")):
        with pytest.raises(tk.ValidationError) as error:
            step(made, "fulfil", "editor", files=[file(), bad])
        assert "files" in error.value.error_dict
    with pytest.raises(tk.ValidationError):  # the file is valid, the audience is not
        step(made, "fulfil", "editor", files=[file()], reach="nobody")
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


def test_a_private_delivery_is_handed_out_to_its_person_and_gone_when_they_erase_their_data(
    tmp_path: Any,
):
    answered(files=[file()], reach="requester")
    user = model.User.get("asker")
    assert user is not None
    assert [each["name"] for each in privacy.export(user)["answers"]] == [FILE]
    privacy.erase(user)
    assert not model.Session.scalars(sa.select(Delivery)).all()
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


def test_the_form_takes_files_and_the_choice_of_who_reads_them(app: CKANTestApp):
    made = opened()
    page = visit(app, "editor", f"/demandes/{made['reference']}/fulfil").body
    assert (
        'enctype="multipart/form-data"' in page
        and 'name="files"' in page
        and 'name="public_from"' in page
    )
    sent = {"version": str(row(made).version), "links": LINK, "reach": "requester", "go": "send"}
    done = visit(
        app,
        "editor",
        f"/demandes/{made['reference']}/fulfil",
        **sent,
        files=(io.BytesIO(b"a;b\n"), FILE),
    )
    assert done.status_code == 302
    assert {each["kind"] for each in act("show", "asker", id=made["id"])["deliveries"]} == {
        "file",
        "link",
    }
    assert not act("show", "friend", id=made["id"])["deliveries"]


def test_files_of_a_form_that_was_not_sent_are_asked_for_again(app: CKANTestApp):
    made = opened()
    address = f"/demandes/{made['reference']}/fulfil_partly"
    reasons = {"missing": "Le sud", "ground": "part-not-held", "facts": "court"}
    sent = {"version": str(row(made).version), **reasons, "go": "send"}
    again = "Choose your files again"
    refused = visit(app, "editor", address, **sent, files=(io.BytesIO(b"a;b\n"), FILE))
    assert (
        refused.status_code == 400
        and again in refused.body
        and again not in visit(app, "editor", address, **sent).body
    )
    preview = {**sent, "facts": REASON, "go": "preview"}
    shown = visit(app, "editor", address, **preview, files=(io.BytesIO(b"a;b\n"), FILE))
    assert shown.status_code == 200 and f"<li>{FILE}" in shown.body and again in shown.body
    message = {"text": "", "internal": ""}
    page = visit(
        app,
        "asker",
        f"/demandes/{made['reference']}/message",
        **message,
        upload=(io.BytesIO(b"a;b\n"), FILE),
    )
    assert page.status_code == 400 and again in page.body
    assert not act("show", "asker", id=made["id"])["deliveries"]


def test_the_requester_says_by_mail_with_one_click_whether_it_helped(
    app: CKANTestApp, postbox: Postbox
):
    made = answered(links=[LINK])
    delivery.deliver()
    [path] = set(re.findall(r"/demandes/satisfaction/[^?\s]+", body(postbox.to("asker")[-1])))
    assert "/demandes/satisfaction/" not in body(postbox.to("stranger")[-1])
    assert visit(app, None, f"{path}?r=no").status_code == 200 and row(made).satisfied == "", (
        "a look changes nothing"
    )
    done = visit(app, None, path, satisfied="no")
    assert done.status_code == 200 and row(made).satisfied == "no"
    assert visit(app, None, f"{path[:-3]}abc").status_code == 404
    page = visit(app, "asker", f"/demandes/{made['reference']}").body
    assert f"/demandes/{made['reference']}/reopen" in page and "You said no" in page
    assert "Something is missing." in visit(app, "editor", f"/demandes/{made['reference']}").body
    assert act("show", None, id=made["id"])["satisfied"] == ""
    visit(app, "asker", f"/demandes/{made['reference']}/satisfaction", satisfied="yes")
    assert row(made).satisfied == "yes"
    step(made, "reopen", "asker", reason="Il manque une commune.")
    assert visit(app, None, path).status_code == 404, "there is no answer at present"


def test_a_refusal_or_silence_is_referred_with_one_click_by_the_requester_alone(app: CKANTestApp):
    known(app, "asker")
    with at("2027-03-02"):
        made = opened()
        assert act("show", "asker", id=made["id"])["may_refer"] is None
    with at("2027-04-10"):
        found = act("referral", "asker", id=made["id"])
        assert (found["why"], found["last_day"]) == ("silence", "2027-06-02")
        assert all(
            each in found["plain"] for each in ("2 mars 2027", "2 avril 2027", made["reference"])
        )
        for person in ("editor", "moderator", "stranger", "boss"):
            with pytest.raises(tk.NotAuthorized):
                act("referral", person, id=made["id"])
        step(made, "refuse", "admin", **REFUSAL)
        found = act("referral", "asker", id=made["id"])
        assert (found["why"], found["last_day"]) == ("refused", "2027-06-10") and REASON in found[
            "plain"
        ]
        page = visit(app, "asker", f"/demandes/{made['reference']}").body
        assert f"/demandes/{made['reference']}/saisine-cada" in page
        assert (
            "10 avril 2027"
            in visit(app, "asker", f"/demandes/{made['reference']}/saisine-cada.txt").body
        )
        assert (
            visit(app, "asker", f"/demandes/{made['reference']}/saisine-cada.exe").status_code
            == 404
        )
        text = visit(app, "asker", f"/demandes/{made['reference']}/saisine-cada.txt").body
        crpa = "code des relations entre le public et l’administration"
        assert (
            f"({crpa}, articles L. 342-1 et R. 343-1)" in text
            and f"({crpa}, article R. 343-1)" in text
        )
        assert "votre domicile" in text
        assert compose.pdf(found["subject"], found["html"]).startswith(b"%PDF-")
    other = answered(links=[LINK])
    with pytest.raises(tk.ObjectNotFound):
        act("referral", "asker", id=other["id"])


@pytest.mark.slow("days")
def test_what_the_silence_letter_says_holds_after_the_request_was_closed_without_an_answer(
    app: CKANTestApp,
):
    known(app, "asker")
    with at("2027-01-05"):
        made, twin, withdrawn = opened(), opened(title="Les mêmes zones"), opened(title="Retirée")
        other = opened(title="Encore les mêmes zones")
    with at("2027-01-20"):
        step(made, "ask_details", "editor", question="Quelles communes ?", answer_by="2027-02-10")
    for number in range(1, 16):
        with at(f"2027-02-{number:02}"):
            scheduled.tick()
    with at("2027-02-15"):
        assert row(made).state == "expired"
        step(twin, "mark_duplicate", "moderator", target=other["reference"])
        step(withdrawn, "withdraw", "asker")
        for each in (made, twin):
            found = act("referral", "asker", id=each["id"])
            assert (found["why"], found["last_day"]) == ("silence", "2027-04-05")
            assert (
                "Prepare the referral" in visit(app, "asker", f"/demandes/{each['reference']}").body
            )
        with pytest.raises(tk.ObjectNotFound):
            act("referral", "asker", id=withdrawn["id"])


def test_a_request_that_was_not_accepted_is_referred_and_spam_is_not():
    with at("2027-03-01"):
        made, spam = submitted(), submitted(title="Publicité")
        step(made, "reject", "moderator", reason=REASON)
        step(spam, "reject", "moderator", reason=REASON, spam=True)
        found = act("referral", "asker", id=made["id"])
        assert (found["why"], found["last_day"]) == (
            "rejected",
            "2027-05-03",
        )  # from 1 May, a Saturday
        assert "1er mars 2027" in found["plain"] and REASON in found["plain"]
        with pytest.raises(tk.ObjectNotFound):
            act("referral", "asker", id=spam["id"])


def test_once_the_period_for_the_commission_is_over_the_page_says_so(app: CKANTestApp):
    known(app, "asker")
    with at("2027-03-02"):
        made = opened()
    with at("2027-06-02"):
        assert (
            "You may turn to the CADA until"
            in visit(app, "asker", f"/demandes/{made['reference']}").body
        )
    with at("2027-06-03"):
        page = visit(app, "asker", f"/demandes/{made['reference']}").body
        assert "You may turn to the CADA until" not in page and "saisine-cada" not in page
        assert "ended on" in page and "2 June 2027" in page


def test_the_page_says_what_is_missing_and_why_whatever_was_given(app: CKANTestApp):
    made = opened()
    partial = {**REFUSAL, "missing": "Le sud du département", "facts": f"Ici. {REASON}"}
    step(made, "fulfil_partly", "editor", links=[LINK], **partial)
    page = visit(app, "asker", f"/demandes/{made['reference']}").body
    box = BeautifulSoup(page, "html.parser").find(attrs={"aria-labelledby": "missing-title"})
    assert box, "beside the history, which has it too"
    assert all(
        each in box.text for each in ("Le sud du département", "L. 124-4, I, 2°", f"Ici. {REASON}")
    )
    other = visit(app, "friend", f"/demandes/{made['reference']}").body
    assert 'id="missing-title"' in other and "Le sud du département" in other
    assert "L. 124-4" not in other and REASON not in other


def test_a_refusal_is_told_on_the_page_beside_what_answered_before(app: CKANTestApp):
    made, given = opened(), dataset()
    step(made, "fulfil", "editor", datasets=[given["name"]])
    step(made, "reopen", "asker", reason="Il manque une commune.")
    step(made, "refuse", "admin", **REFUSAL)
    page = visit(app, "asker", f"/demandes/{made['reference']}").body
    assert given["title"] in page and "Decision: Refused" in page and page.count(REASON) >= 2


def test_a_referral_escapes_what_people_wrote():
    with at("2027-03-02"):
        made = opened(title="<b>{x}</b>", description="<script>alert(1)</script> {0} %s")
    with at("2027-04-10"):
        html = act("referral", "asker", id=made["id"])["html"]
    assert "<script>" not in html and "<b>" not in html and "{0} %s" in html


def unfolded(text: str) -> list[str]:
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    return text.replace("\r\n ", "").split("\r\n")


@pytest.mark.parametrize(
    "text", [*table("exports")["texts"], "a\rBEGIN:VALARM", "a\r\nURL:b", "a\u2028X-B:c\x0b\x85d"]
)
@pytest.mark.usefixtures("with_request_context")
def test_no_text_of_outsiders_is_a_property_of_a_calendar(text: str):
    day = date(2027, 3, 2)
    values = {
        "id": "1",
        "reference": "DD-2027-1",
        "title": text * 9,
        "state": "open",
        "day": day,
        "version": 1,
    }
    written = calendars.to_ical(
        text, [Due(**values, review=review) for review in (False, True)]
    ).decode()
    unfolded(written)
    assert list(readers.icalendar(written)) == []


def test_due_dates_are_a_calendar_private_to_its_person(app: CKANTestApp):
    made = opened(title="Zones humides, haies; mares \\ " + "é" * 90)
    closed = opened(title="Rendue")
    step(closed, "fulfil", "editor", links=[LINK])
    lines = unfolded(visit(app, "asker", "/demandes/mes-demandes.ics").body)
    due = date.fromisoformat(act("show", "asker", id=made["id"])["due"])
    assert lines[0] == "BEGIN:VCALENDAR" and lines[-2:] == ["END:VCALENDAR", ""]
    assert (
        f"DTSTART;VALUE=DATE:{due:%Y%m%d}" in lines
        and f"DTEND;VALUE=DATE:{due + timedelta(days=1):%Y%m%d}" in lines
    )
    [summary] = [line for line in lines if line.startswith("SUMMARY")]
    assert "Zones humides\\, haies\\; mares \\\\ é" in summary and "Rendue" not in "".join(lines)
    assert visit(app, None, "/demandes/mes-demandes.ics").status_code == 302
    act("settings_update", "editor", new_calendar=True)
    token = act("settings_show", "editor")["calendar"]
    desk = f"/demandes/calendrier/{token}/ddt-42.ics"
    assert made["reference"] in visit(app, None, desk).body
    assert "BEGIN:VEVENT" not in visit(app, None, f"/demandes/calendrier/{token}/demandes.ics").body
    assert visit(app, None, f"/demandes/calendrier/{token}/dreal-ara.ics").status_code == 404
    assert visit(app, None, f"/demandes/calendrier/{token[:-2]}xx/ddt-42.ics").status_code == 404
    act("settings_update", "editor", new_calendar=True)
    assert visit(app, None, desk).status_code == 404, "a new address makes the old one worthless"
    desk = f"/demandes/calendrier/{act('settings_show', 'editor')['calendar']}/ddt-42.ics"
    assert visit(app, None, desk).status_code == 200
    tk.get_action("user_patch")(
        {"ignore_auth": True}, {"id": "editor", "password": "another-horse-battery"}
    )
    assert visit(app, None, desk).status_code == 404, (
        "who recovers an account does not know who has the address"
    )


def test_the_dashboard_asks_whether_an_answer_helped_until_it_is_said(app: CKANTestApp):
    made = opened()
    opened(title="Une autre demande")
    step(made, "fulfil", "editor", links=[LINK])
    home = visit(app, "asker", "/tableau-de-bord").body
    assert home.count("say whether it was answered") == 1 and home.index(
        made["title"]
    ) < home.index("Une autre demande")
    visit(app, "asker", f"/demandes/{made['reference']}/satisfaction", satisfied="yes")
    assert "say whether it was answered" not in visit(app, "asker", "/tableau-de-bord").body


def test_the_dashboard_tells_a_requester_what_was_not_answered_in_time(app: CKANTestApp):
    late, running = opened(title="En retard"), opened(title="Dans les temps")
    yesterday = clock.today() - timedelta(days=1)
    model.Session.execute(sa.update(Request).where(Request.id == late["id"]).values(due=yesterday))
    model.Session.commit()
    home = BeautifulSoup(visit(app, "asker", "/tableau-de-bord").body, "html.parser")
    lines = [" ".join(each.text.split()) for each in home.select(".eco-card li")]
    assert lines[0].startswith("En retard an answer was due on") and lines[0].endswith(
        ": see what you may do"
    )
    assert [line for line in lines if line.startswith(running["title"])] == ["Dans les temps Open"]
    step(
        late,
        "ask_details",
        "editor",
        question="Quelle précision ?",
        answer_by=(yesterday + timedelta(days=9)).isoformat(),
    )
    assert "see what you may do" not in visit(app, "asker", "/tableau-de-bord").body, (
        "now it is the requester's turn"
    )


def test_preferences_ask_those_alone_for_their_function_who_decide(app: CKANTestApp):
    def asks(person: str) -> bool:
        return "author-title" in visit(app, person, "/demandes/preferences").body

    assert [asks(person) for person in ("asker", "editor", "other-admin", "boss")] == [
        False,
        True,
        True,
        True,
    ]
    assert visit(app, "asker", "/demandes/preferences", digest="daily").status_code == 302
    assert act("settings_show", "asker")["digest"] == "daily"
