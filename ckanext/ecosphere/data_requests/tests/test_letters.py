"""Letters to requesters, over HTTP with sessions and a real SMTP server."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.core import addresses
from ckanext.ecosphere.data_requests import privacy, setup
from ckanext.ecosphere.data_requests.decisions import letters
from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.model import Letter, Request
from ckanext.ecosphere.data_requests.notifications import delivery, scheduled
from ckanext.ecosphere.data_requests.tests.conftest import (
    EXTENSION,
    REASON,
    REFUSAL,
    act,
    dataset,
    forget_requests,
    group_id,
    opened,
    row,
    step,
    submitted,
    user_id,
)
from ckanext.ecosphere.data_requests.tests.test_pages import visit
from ckanext.ecosphere.shared import dates, language
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = pytest.mark.usefixtures("portal")


PASSWORD = "Demandes-2026-letters"
SEEN = re.compile(r'name="seen" value="([0-9a-f]{64})"')
#: How a request was passed on outside the portal.
PASSED_ON = {
    "transmitted_to": "Office de la biodiversité",
    "transmitted_by": "Jeanne Martin, cheffe de service",
    "transmitted_on": dates.today().isoformat(),
    "transmitted_how": "email",
}


def log_in(app: CKANTestApp, name: str) -> None:
    """Log in with the form; the client keeps the session cookie."""
    user = model.User.get(name)
    assert user is not None
    user.password = PASSWORD
    model.Session.commit()
    app.client = app.test_client()
    answer = app.post(
        "/user/login", data={"login": name, "password": PASSWORD}, follow_redirects=False
    )
    assert answer.status_code == 302, answer.body


def send(
    app: CKANTestApp,
    person: str,
    made: dict[str, Any],
    transition: str,
    status: int = 302,
    **fields: Any,
) -> Any:
    """Log in, and submit the form of a transition; a letter is looked at before it is sent."""
    log_in(app, person)
    data = {"version": row(made).version, "go": "send", **fields}
    address = f"/demandes/{made['reference']}/{transition}"
    if status == 302 and transition in states.LETTERS:
        shown = app.post(
            address, data={**data, "go": "preview"}, follow_redirects=False, status=200
        )
        data["seen"] = SEEN.search(shown.body)[1]  # pyright: ignore[reportOptionalSubscript]
    return app.post(address, data=data, follow_redirects=False, status=status)


def letter_of(made: dict[str, Any], kind: str) -> Letter:
    model.Session.expire_all()
    query = sa.select(Letter).where(Letter.request_id == made["id"], Letter.kind == kind)
    return model.Session.scalars(query).one()


def pdf_of(mail: Any) -> bytes:
    attached = [
        part for part in mail.iter_attachments() if part.get_content_type() == "application/pdf"
    ]
    assert len(attached) == 1
    return attached[0].get_content()


def in_french(plain: str) -> str:
    """Return the letter without the courtesy translation that
    follows it and repeats its contents.
    """
    french, translation, _rest = plain.partition("COURTESY TRANSLATION")
    assert translation
    return french.replace("\u00a0", " ")


@pytest.mark.slow("values")
def test_non_is_no_refusal(app: CKANTestApp):
    made = opened()
    page = send(app, "admin", made, "refuse", status=400, ground="L311-4", law="Non.", facts="Non.")
    assert "different words at least" in page.body and row(made).state == "open"


def test_refusal_names_ground_remedies_court_and_author(app: CKANTestApp, postbox: Postbox):
    made = opened()
    delivery.deliver()
    postbox.clear()
    send(app, "admin", made, "refuse", **REFUSAL)
    delivery.deliver()
    (mail,) = postbox.to("asker")
    said = in_french(body(mail))
    for needed in (
        "L. 124-4, I, 2°",
        REASON,
        "R. 343-1",
        "tribunal administratif de Lyon",
        "Télérecours citoyens",
        "Pour le préfet de la Loire et par délégation,\nAdmin Nom\nCheffe de service\n"
        "Direction départementale des territoires de la Loire",
        made["reference"],
    ):
        assert needed in said, needed
    assert pdf_of(mail).startswith(b"%PDF")
    letter = letter_of(made, "refuse")
    log_in(app, "asker")
    page = app.get(f"/demandes/{made['reference']}/lettre/{letter.id}")
    assert (
        "Direction départementale des territoires de la Loire" in page.body
        and letter.sha256 in page.body
    )
    answer = app.get(f"/demandes/{made['reference']}/lettre/{letter.id}.pdf")
    assert answer.headers["Content-Type"] == "application/pdf" and answer.data.startswith(b"%PDF")
    assert f"{made['reference']}-refus.pdf" in answer.headers["Content-Disposition"]


@pytest.mark.few(1, "personas")
@pytest.mark.parametrize("person", [None, "stranger", "other-admin", "member"])
def test_letter_is_not_found_by_others(app: CKANTestApp, person: str | None):
    made = step(opened(), "refuse", "admin", **REFUSAL)
    letter = letter_of(made, "refuse")
    if person:
        log_in(app, person)
    for end in ("", ".pdf"):
        answer = app.get(
            f"/demandes/{made['reference']}/lettre/{letter.id}{end}", follow_redirects=False
        )
        assert answer.status_code == (404 if person else 302)
        assert REASON not in answer.body if not end else True


def test_decision_needs_its_author(app: CKANTestApp):
    letters.keep_author(user_id("admin"), {"quality": ""})
    model.Session.commit()
    made = opened()
    page = send(app, "admin", made, "refuse", status=400, **REFUSAL)
    assert "L. 212-1" in page.body and row(made).state == "open"
    log_in(app, "admin")
    names = {
        "first_name": "Jeanne",
        "last_name": "Martin",
        "quality": "Cheffe de service",
        "digest": "immediate",
    }
    app.post("/demandes/preferences", data=names, follow_redirects=False, status=302)
    send(app, "admin", made, "refuse", **REFUSAL)
    assert "Jeanne Martin" in letter_of(made, "refuse").plain


def nameless(person: str) -> None:
    letters.keep_author(user_id(person), dict.fromkeys(letters.NAMES, ""))
    model.Session.commit()


def test_author_is_asked_for_in_the_form_of_the_decision(app: CKANTestApp):
    nameless("admin")
    made = opened()
    log_in(app, "admin")
    page = app.get(f"/demandes/{made['reference']}/refuse")
    assert all(f'name="{name}"' in page.body for name in letters.NAMES), (
        "the page knows from the start"
    )
    page = send(app, "admin", made, "refuse", status=400, quality="Cheffe", law=REASON)
    errors = re.findall(r'<a href="#field-([a-z_]+)">', page.body)
    assert errors == ["ground", "facts", "first_name", "last_name"]
    assert all(f'id="field-{name}"' in page.body for name in errors)
    assert (
        REASON in page.body
        and 'value="Cheffe"' in page.body
        and not letters.author_of(user_id("admin")).quality
    )
    send(
        app,
        "admin",
        made,
        "refuse",
        **REFUSAL,
        first_name="Jeanne",
        last_name="Martin",
        quality="Cheffe de service",
    )
    assert "Jeanne Martin\nCheffe de service" in letter_of(made, "refuse").plain
    page = app.get(f"/demandes/{opened()['reference']}/refuse")
    assert 'name="first_name"' not in page.body, "asked once"


def test_preview_bears_the_names_that_are_typed_and_keeps_none(app: CKANTestApp):
    nameless("admin")
    made = opened()
    names = {"first_name": "Jeanne", "last_name": "Martin", "quality": "Cheffe de service"}
    page = send(app, "admin", made, "refuse", status=200, **REFUSAL, **names, go="preview")
    assert "Jeanne Martin<br>Cheffe de service" in page.body and 'value="Jeanne"' in page.body
    assert not letters.author_of(user_id("admin")).complete


def test_service_that_is_not_spelled_out_is_told_from_the_start(
    app: CKANTestApp, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sheets, "is_spelled_out", lambda name: False)
    made = opened()
    log_in(app, "admin")
    page = app.get(f"/demandes/{made['reference']}/refuse")
    assert 'id="field-service"' in page.body and 'href="/organization/ddt-42/contact"' in page.body
    page = send(app, "admin", made, "refuse", status=400, **REFUSAL)
    assert 'href="#field-service"' in page.body and 'id="field-service"' in page.body


def test_an_answer_with_details_is_named_as_its_field(app: CKANTestApp):
    made = step(
        opened(),
        "ask_details",
        "editor",
        question="Où ?",
        answer_by=str(dates.today() + timedelta(days=9)),
    )
    page = send(app, "asker", made, "answer_details", status=400)
    assert '<a href="#field-comment">Your answer</a>' in page.body and ">Message<" not in page.body


def test_letter_stays_as_it_was_sent(app: CKANTestApp):
    made = step(opened(), "refuse", "admin", **REFUSAL)
    before = letter_of(made, "refuse").plain
    letters.keep_author(user_id("admin"), {"last_name": "Autre"})
    model.Session.commit()
    step(made, "reopen", "asker", reason="Si")
    privacy.erase(model.User.get("admin"))  # pyright: ignore[reportArgumentType]
    letter = letter_of(made, "refuse")
    assert letter.plain == before
    for person in ("asker", "editor"):
        log_in(app, person)
        assert letter.subject in app.get(f"/demandes/{made['reference']}").body
        assert REASON in app.get(f"/demandes/{made['reference']}/lettre/{letter.id}").body
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        model.Session.execute(sa.update(Letter).values(plain="Non."))
    model.Session.rollback()


def test_addressee_is_forgotten_and_still_reads(app: CKANTestApp):
    made = step(opened(), "refuse", "admin", **REFUSAL)
    assert letter_of(made, "refuse").addressee == "Asker Nom"
    privacy.anonymise(model.Session.get_one(Request, made["id"]))
    model.Session.commit()
    letter = letter_of(made, "refuse")
    assert letter.addressee == ""
    log_in(app, "asker")
    assert REASON in app.get(f"/demandes/{made['reference']}/lettre/{letter.id}").body


@pytest.mark.few(1, "letters")
@pytest.mark.parametrize(
    ("transition", "person", "fields", "words"),
    [
        (
            "not_held",
            "admin",
            {"reason": REASON, **PASSED_ON},
            "Office de la biodiversité",
        ),
        ("not_held", "admin", {"reason": REASON}, "ne connaît pas d’autorité"),
        (
            "reject",
            "moderator",
            {"reason": REASON},
            "Commissariat général au développement durable",
        ),
        ("extend", "admin", EXTENSION, "prolongé"),
    ],
)
def test_each_outcome_has_its_letter(  # noqa: PLR0917
    app: CKANTestApp,
    postbox: Postbox,
    transition: str,
    person: str,
    fields: dict[str, str],
    words: str,
):
    made = opened()
    send(app, person, made, transition, **fields)
    delivery.deliver()
    letter = letter_of(made, transition)
    assert words in letter.plain and "R. 343-1" in letter.plain
    assert pdf_of(postbox.to("asker")[-1]).startswith(b"%PDF")


def test_partial_answer_says_what_is_withheld_and_why(app: CKANTestApp):
    made, given = opened(), dataset()
    fields = {
        "ground": "part-not-held",
        "facts": REASON,
        "missing": "Le sud du département",
        "datasets": given["name"],
    }
    send(app, "editor", made, "fulfil_partly", **fields)
    plain = letter_of(made, "fulfil_partly").plain
    assert (
        given["title"] in plain
        and "Le sud du département" in plain
        and "ne détient pas cette partie" in plain
    )


def test_spam_gets_no_letter():
    made = step(submitted(), "reject", "moderator", reason="Pub", spam=True)
    model.Session.expire_all()
    assert [
        each.kind
        for each in model.Session.scalars(sa.select(Letter).filter_by(request_id=made["id"]))
    ] == ["receipt"]


@pytest.mark.few(2, "values")
@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"ground": "INSPIRE_Directive_Article13_1b"}, "ground", "spatial data services"),
        ({"ground": "L124-4-I-4", "emissions": "yes"}, "ground", "emissions"),
        ({"ground": "L124-4-II-3"}, "ground", "ask for details first"),
        ({"ground": "L311-2-dna"}, "completion", "by which authority"),
        ({"ground": "other"}, "other_ground", "article of the law"),
    ],
)
def test_contradictory_refusal_is_refused(
    app: CKANTestApp, changes: dict[str, str], field: str, words: str
):
    made = opened()
    page = send(app, "admin", made, "refuse", status=400, **{**REFUSAL, **changes})
    assert (
        words in page.body
        and f'id="field-{field}-error"' in page.body
        and row(made).state == "open"
    )


def test_too_general_is_refused_after_an_invitation():
    made = step(opened(), "ask_details", "editor", question="Où ?", answer_by="2027-01-31")
    made = step(made, "answer_details", "asker", comment="Partout")
    assert (
        step(
            made, "refuse", "admin", **{**REFUSAL, "ground": "L124-4-II-3"}, ground_confirmed=True
        )["state"]
        == "refused"
    )


@pytest.mark.parametrize(
    ("ground", "article"),
    [("L124-4-I-4", "article L. 124-4, I, 4°"), ("L311-2-abusive", "article L. 311-2")],
)
def test_statistical_secrecy_and_abuse_are_grounds(app: CKANTestApp, ground: str, article: str):
    made = opened()
    send(app, "admin", made, "refuse", **{**REFUSAL, "ground": ground}, ground_confirmed="1")
    assert article in in_french(letter_of(made, "refuse").plain)


def test_another_ground_warns_and_changes_the_letter(app: CKANTestApp):
    made = opened()
    fields = {
        **REFUSAL,
        "ground": "other",
        "other_ground": "Secret des correspondances, article X",
        "go": "preview",
    }
    page = send(app, "admin", made, "refuse", status=200, **fields)
    assert (
        "have it checked by a jurist" in page.body
        and "il appartient au service d’établir" in page.body.lower()
    )
    assert row(made).state == "open"


def test_receipt_has_what_the_law_asks(app: CKANTestApp, postbox: Postbox):
    contact = {
        "email": "boite@loire.example",
        "address": "2 avenue Grüner\n42000 Saint-Étienne",
        "telephone": "04 77 43 80 00",
    }
    log_in(app, "admin")
    app.post("/organization/ddt-42/contact", data=contact, follow_redirects=False, status=302)
    try:
        made = submitted()
        delivery.deliver()
        plain = in_french(letter_of(made, "receipt").plain)
        day, due = (
            dates.in_language(each, "fr")
            for each in (dates.today(), date.fromisoformat(made["due"]))
        )
        said = (
            f"reçue le {day}",
            "SERVICE CHARGÉ DU DOSSIER\n\n- Direction départementale des territoires de la Loire\n- 2 avenue Grüner",
            f"dans un délai d’un mois à compter de la réception, soit jusqu’au {due} inclus",
            "le silence de l’administration vaut décision implicite de rejet",
            "R. 311-12",
            "R. 112-5",
        )
        for needed in (
            *contact["address"].split("\n"),
            contact["email"],
            "+33 4 77 43 80 00",
            *said,
        ):
            assert needed in plain, needed
        mail = next(each for each in postbox.to("asker"))
        assert "ACCUSÉ DE RÉCEPTION" in body(mail) and pdf_of(mail)
        step(made, "accept", "moderator", organization="ddt-42")
        delivery.deliver()
        [told] = postbox.to("boite")
        # A mailbox has no unsubscribe link, which any of its readers could use; e-mails to people
        # have one.
        assert told["List-Unsubscribe"] is None and mail["List-Unsubscribe"]
    finally:
        app.post(
            "/organization/ddt-42/contact", data=dict.fromkeys(contact, ""), follow_redirects=False
        )


def test_receipts_that_complete_each_other_do_not_share_their_title(app: CKANTestApp):
    made = opened(service="dreal-ara")
    step(
        made,
        "transfer",
        "other-admin",
        organization="ddt-42",
        reason="Le service compétent est la DDT.",
    )
    query = (
        sa.select(Letter.subject).where(Letter.request_id == made["id"]).order_by(Letter.created)
    )
    subjects = list(model.Session.scalars(query))
    assert [each.removesuffix(f" – {row(made).reference}") for each in subjects] == [
        "Accusé de réception",
        "Accusé de réception, service chargé de la demande\u00a0: Direction régionale de l’environnement, de "
        "l’aménagement et du logement d’Auvergne-Rhône-Alpes",
    ]  # no third letter after the transfer: the first one already names the DDT
    page = visit(app, "asker", f"/demandes/{made['reference']}").body
    assert all(each in page for each in subjects)


def test_the_receipt_of_another_service_promises_no_second_extension():
    made = opened()
    step(made, "extend", "admin", **EXTENSION)
    step(made, "transfer", "admin", organization="dreal-ara", reason="La DREAL tient ces données.")
    model.Session.expire_all()
    query = (
        sa.select(Letter)
        .where(Letter.request_id == made["id"], Letter.kind == "receipt")
        .order_by(Letter.created)
    )
    first, *_others, last = [in_french(each.plain) for each in model.Session.scalars(query)]
    assert "peut être porté une fois à deux mois" in first and "peut être porté" not in last
    with language.speaking("fr"):
        assert (
            f"jusqu’au {dates.day(row(made).due)} inclus : le délai" in last
            and "a été prolongé" in last
        )


def test_receipt_of_a_new_person_has_no_link(
    ckan_config: Any, monkeypatch: pytest.MonkeyPatch, postbox: Postbox
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.release_after", 3)
    asker = model.User.get("asker")
    assert asker is not None
    addresses.mark_confirmed(asker)  # until then, the receipt quotes nothing of the request
    submitted(title="Gagnez sur https://piege.example.org")
    delivery.deliver()
    [mail] = postbox.to("asker")
    for form in ("plain", "html"):
        assert "piege[.]example[.]org" in body(mail, form) and "piege.example" not in body(
            mail, form
        )


def test_requester_is_told_on_the_due_date_once(postbox: Postbox):
    made = opened()
    model.Session.execute(sa.update(Request).values(due=sa.func.current_date()))
    model.Session.commit()
    for _run in range(2):
        scheduled.tick()
    told = [mail for mail in postbox.to("asker") if "ends" in str(mail["Subject"])]
    assert len(told) == 1 and "R. 311-12" in body(told[0]) and pdf_of(told[0])
    assert letter_of(made, "silence").event_id is None


def test_service_without_readers_is_refused_with_a_proposal(app: CKANTestApp):
    here = sa.update(model.Member).where(
        model.Member.group_id == group_id("ddt-42"), model.Member.table_name == "user"
    )
    model.Session.execute(here.values(state="deleted"))
    model.Session.commit()
    try:
        made = submitted()
        assert made["state"] == "submitted"
        page = send(app, "moderator", made, "accept", status=400, organization=group_id("ddt-42"))
        assert (
            "neither members nor a mailbox" in page.body
            and "DREAL Auvergne-Rhône-Alpes" in page.body
        )
        assert act("show", "moderator", id=made["id"])["flags"][0]["code"] == "unreachable"
        assert any("DDT 42" in check.message for check in setup.check())
    finally:
        model.Session.rollback()
        model.Session.execute(here.values(state="active"))
        model.Session.commit()


def test_services_without_readers_are_not_offered_and_ones_own_is_never_proposed(app: CKANTestApp):
    """Only services that can receive requests are offered.

    The DDT, which has it, is not proposed.
    """
    forget_requests()
    silent = factories.Organization(
        name="sans-lecteur", title="Service sans lecteur", image_url="", users=[]
    )
    members = sa.update(model.Member).where(
        model.Member.group_id == silent["id"], model.Member.table_name == "user"
    )
    model.Session.execute(members.values(state="deleted"))
    model.Session.commit()
    try:
        made = opened(service="ddt-42")
        page = visit(app, "admin", f"/demandes/{made['reference']}/transfer").body
        select = page.split('name="organization"')[1].split("</select>")[0]
        assert (
            "Service sans lecteur" not in select and "DREAL" in select and " disabled" not in select
        )
        assert all(
            "<option" in each.split("</optgroup>")[0] for each in page.split("<optgroup")[1:]
        )
        refused = send(
            app, "admin", made, "transfer", status=400, organization=silent["id"], reason=REASON
        )
        assert "nobody would read the request" in refused.body
        assert "Choose “DDT 42” instead" not in refused.body
        assert "Choose “DREAL Auvergne-Rhône-Alpes” instead" in refused.body
    finally:
        model.Session.rollback()
        model.Session.delete(model.Session.get_one(model.Group, silent["id"]))
        model.Session.commit()


def test_whoever_transfers_a_private_request_is_led_back_to_the_desk(app: CKANTestApp):
    """They can no longer see the request."""
    forget_requests()
    made = opened(service="ddt-42", visibility="private")
    sent = send(app, "admin", made, "transfer", organization=group_id("dreal-ara"), reason=REASON)
    assert sent.headers["Location"].endswith("/demandes/service/ddt-42")
    desk = app.get("/demandes/service/ddt-42")
    assert made["reference"] not in desk.body.split("<main")[1]
    assert visit(app, "admin", f"/demandes/{made['reference']}").status_code == 404


def test_procedure_is_private_unless_shown():
    forget_requests()
    made = opened(procedure_reference="Projet Zygomorphe")
    public = act("show", None, id=made["id"])
    assert (
        "Zygomorphe" not in str(public)
        and act("show", "editor", id=made["id"])["procedure_reference"]
    )
    assert act("list", None, q="Zygomorphe")["count"] == 0
    shown = opened(
        "friend", title="Bruit", procedure_reference="Projet Zygomorphe", show_procedure=True
    )
    assert [each["id"] for each in act("list", None, q="Zygomorphe")["results"]] == [shown["id"]]


def test_contact_sheet_is_for_administrators(app: CKANTestApp):
    address = "/organization/ddt-42/contact"
    assert (
        app.post(address, data={"web": "https://x.example"}, follow_redirects=False).status_code
        == 302
    )
    for person in ("editor", "other-admin", "stranger"):
        log_in(app, person)
        assert (
            app.post(address, data={"web": "https://x.example"}, follow_redirects=False).status_code
            == 403
        )
    group = model.Group.get("ddt-42")
    assert group is not None and sheets.written(group).web == ""
    log_in(app, "admin")
    page = app.post(
        address,
        data={"email": "a@b", "full_name": "DDT 42", "web": "javascript:alert(1)"},
        status=400,
    )
    assert page.body.count('-error"') >= 3
    assert (
        "Direction départementale des territoires de la Loire"
        in app.get("/organization/about/ddt-42").body
    )
    assert "ecosphere_kind" not in app.get("/organization/about/ddt-42").body


def test_privacy_is_said_where_people_register_and_ask(app: CKANTestApp):
    for address in ("/user/register", "/demandes/nouvelle"):
        page = app.get(address)
        assert "2016/679" in page.body and "24 months" in page.body
