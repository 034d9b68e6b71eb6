"""What letters owe to the law: who acknowledges, stated facts, weighed interests, last days,
delegation, sources.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests.helpers import CKANTestApp, call_action
from click.testing import CliRunner

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import cli, setup, specimens
from ckanext.ecosphere.data_requests.decisions import law, letters
from ckanext.ecosphere.data_requests.model import Letter, Request
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.tests.conftest import (
    EXTENSION,
    REASON,
    REFUSAL,
    opened,
    row,
    step,
    submitted,
)
from ckanext.ecosphere.data_requests.tests.test_letters import (
    PASSED_ON,
    SEEN,
    in_french,
    letter_of,
    log_in,
    pdf_of,
    send,
)
from ckanext.ecosphere.interfaces import CheckStatus
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.tests.postbox import Postbox, body

pytestmark = pytest.mark.usefixtures("portal")

DESK = {
    "name": "Guichet des données environnementales",
    "address": "Tour Séquoia; 92055 La Défense Cedex",
    "email": "guichet@ministere.example",
    "telephone": "01 40 81 21 22",
}
SHEET = {
    "address": "2 avenue Grüner\n42000 Saint-Étienne",
    "email": "boite@loire.example",
    "telephone": "0477438000",
}
PRIVACY = {
    "law": "La liste demandée comporte des éléments de la vie privée de plusieurs personnes physiques.",
    "facts": "Le fichier associe à chaque parcelle le nom et le domicile de son propriétaire.",
}

TERRORISM = {
    "law": "La communication porterait atteinte à la sécurité publique et faciliterait des actes terroristes.",
    "facts": "Le plan montre les organes de commande de chaque barrage et les accès de leurs agents.",
}


@pytest.fixture
def desk(ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ministry's desk can be reached."""
    for name, value in DESK.items():
        monkeypatch.setitem(ckan_config, f"ecosphere.requests.desk_{name}", value)


@pytest.fixture
def sheet() -> Any:
    """The contact sheet of the DDT is filled in."""
    call_action("ecosphere_contact_sheet_update", {"user": "boss"}, id="ddt-42", **SHEET)
    yield
    call_action(
        "ecosphere_contact_sheet_update", {"user": "boss"}, id="ddt-42", **dict.fromkeys(SHEET, "")
    )


@pytest.fixture
def no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory knows no service."""
    monkeypatch.setattr(sheets, "directory", dict)


def checks() -> dict[str, Any]:
    return {each.name: each for each in setup.check()}


@pytest.mark.usefixtures("desk", "no_directory")
def test_the_desk_acknowledges_for_a_service_without_address_and_says_so(postbox: Postbox):
    made = submitted()
    delivery.deliver()
    plain = in_french(letter_of(made, "receipt").plain)
    assert plain.split("\n\n")[1].startswith(
        "Guichet des données environnementales\nTour Séquoia\n92055 La Défense"
    )
    service = "Direction départementale des territoires de la Loire"
    assert (
        f"destinée au service suivant : {service}. Ce service ne peut pas encore être joint"
        in plain
    )
    assert DESK["telephone"] in plain and DESK["email"] in plain
    assert "délivré en application de l’article R. 112-5" in plain
    assert "Guichet des données environnementales" in body(postbox.to("asker")[0])


@pytest.mark.usefixtures("sheet", "desk")
def test_a_service_that_can_be_reached_acknowledges_itself():
    plain = in_french(letter_of(submitted(), "receipt").plain)
    assert "2 avenue Grüner" in plain and "+33 4 77 43 80 00" in plain and "Guichet" not in plain


@pytest.mark.usefixtures("desk")
def test_a_registry_with_addresses_completes_the_sheets(monkeypatch: pytest.MonkeyPatch):
    ours = voc.get("organisations")["ddt-42218-01"]
    known = replace(ours, data={**ours.data, **SHEET})
    monkeypatch.setattr(
        sheets, "registered", lambda group: known if group.name == "ddt-42" else None
    )
    plain = in_french(letter_of(submitted(), "receipt").plain)
    assert "2 avenue Grüner" in plain and "Guichet" not in plain


@pytest.mark.usefixtures("sheet", "desk")
def test_a_service_for_which_nobody_reads_does_not_acknowledge(
    ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(
        ckan_config, "ecosphere.requests.email", False
    )  # nor does its mailbox get anything
    group = model.Group.get("ddt-42")
    assert group is not None
    here = sa.update(model.Member).where(
        model.Member.group_id == group.id, model.Member.table_name == "user"
    )
    model.Session.execute(here.values(state="deleted"))
    model.Session.commit()
    try:
        plain = in_french(letter_of(submitted(), "receipt").plain)
    finally:
        model.Session.rollback()
        model.Session.execute(here.values(state="active"))
        model.Session.commit()
    assert "Guichet des données environnementales" in plain and "2 avenue Grüner" not in plain


@pytest.mark.usefixtures("no_directory")
def test_without_any_address_no_receipt_claims_the_article():
    plain = in_french(letter_of(submitted(), "receipt").plain)
    assert "délivré en application" not in plain
    assert "les délais de recours ne vous sont pas opposables" in plain and "L. 112-6" in plain


@pytest.mark.usefixtures("no_directory")
def test_services_that_cannot_be_reached_are_shown_to_administrators_and_moderators(
    app: CKANTestApp,
):
    found = checks()
    assert found["Data requests (contact sheets)"].status is CheckStatus.WARNING
    assert "DDT 42" in found["Data requests (contact sheets)"].message
    assert (
        "ecosphere.requests.desk_telephone" in found["Data requests (desk of the ministry)"].message
    )
    log_in(app, "moderator")
    page = app.get("/demandes/moderation").body
    assert (
        "3 services cannot be reached" in page
        and "missing: postal address, e-mail address, telephone" in page
    )
    assert "ecosphere.requests.desk_name" in page


@pytest.mark.usefixtures("desk")
def test_a_service_of_which_the_directory_knows_the_address_acknowledges_itself():
    plain = in_french(letter_of(submitted(), "receipt").plain)
    assert (
        "2 avenue Grüner\nCS 90509\n42007 Saint-Étienne Cedex 1\n+33 4 77 43 80 00\nddt@loire.gouv.fr"
        in plain
    )
    assert "Guichet" not in plain


@pytest.mark.usefixtures("sheet", "desk")
def test_the_directory_replaces_nothing_that_a_person_has_entered():
    call_action("ecosphere_contact_sheet_update", {"user": "boss"}, id="ddt-42", telephone="")
    plain = in_french(letter_of(submitted(), "receipt").plain)
    assert "2 avenue Grüner\n42000 Saint-Étienne\n+33 4 77 43 80 00\nboite@loire.example" in plain
    group = model.Group.get("ddt-42")
    assert group is not None
    assert (
        list(sheets.unconfirmed(group)) == ["telephone"] and sheets.written(group).telephone == ""
    )


def test_details_of_the_directory_are_shown_as_such_where_they_are_checked(app: CKANTestApp):
    check = checks()["Data requests (directory)"]
    assert (
        check.status is CheckStatus.WARNING
        and "(2019, 2022)" in check.message
        and "DDT 42" in check.message
    )
    assert (
        "DDT 42" not in checks()["Data requests (contact sheets)"].message
    )  # but the CGDD, without a mailbox
    log_in(app, "moderator")
    page = app.get("/demandes/moderation").body
    assert "3 services have contact details to be verified" in page
    assert "DDT 42</a> – postal address (2019), e-mail address (2022), telephone (2022)" in page
    log_in(app, "admin")
    form = app.get("/organization/ddt-42/contact").body
    assert "Service-public directory, 2022, to be verified: ddt@loire.gouv.fr." in form
    assert "2019, to be verified: 2 avenue Grüner, CS 90509, 42007 Saint-Étienne Cedex 1." in form
    assert 'value="ddt@loire.gouv.fr"' not in form
    assert "to be verified" in app.get("/organization/about/ddt-42").body
    log_in(app, "stranger")
    assert "to be verified" not in app.get("/organization/about/ddt-42").body


@pytest.mark.usefixtures("sheet")
def test_a_filled_in_sheet_has_nothing_to_be_verified(app: CKANTestApp):
    assert "DDT 42" not in checks()["Data requests (directory)"].message
    log_in(app, "admin")
    assert "to be verified" not in app.get("/organization/ddt-42/contact").body


@pytest.mark.usefixtures("desk")
def test_with_its_desk_the_check_is_well():
    assert checks()["Data requests (desk of the ministry)"].status is CheckStatus.OK


@pytest.mark.parametrize(
    ("period", "since", "last"),
    [
        (
            "implicit",
            "2026-10-15",
            "2026-11-15",
        ),  # a Sunday: an implicit refusal is born on it all the same
        ("answer", "2026-03-05", "2026-04-05"),  # Easter Sunday
        ("refer", "2026-09-30", "2026-11-30"),
        ("refer", "2026-10-25", "2026-12-28"),  # from Friday 25 December
        ("refer", "2026-12-31", "2027-03-01"),  # from Sunday 28 February
        ("court", "2026-09-30", "2026-12-01"),  # délai franc
        ("court", "2026-12-05", "2027-02-08"),  # délai franc, from Saturday 6 February
        ("ask_review", "2026-10-24", "2026-12-28"),  # délai franc, from Friday 25 December
    ],
)
def test_last_days_are_those_of_the_kind_of_period(period: str, since: str, last: str):
    assert law.last_day(period, date.fromisoformat(since)) == date.fromisoformat(last)


def test_every_period_says_how_it_is_counted_and_who_says_so():
    for name, period in law.remedies()["periods"].items():
        assert {"months", "franc", "moves", "from", "article", "days", "basis", "checked"} == set(
            period
        ), name
        assert period["basis"] in ("text", "notes", "memory", "jurist")


def test_the_time_of_the_administration_never_moves():
    moving = {name for name, period in law.remedies()["periods"].items() if period["moves"]}
    assert moving == {"refer", "court", "ask_review"}


def test_a_refusal_is_shown_before_it_is_sent(app: CKANTestApp):
    made = opened()
    shown = send(app, "admin", made, "refuse", status=200, **REFUSAL)
    assert (
        row(made).state == "open"
        and "Nothing is sent yet" in shown.body
        and "À l’attention de<br>" in shown.body
    )
    seen = SEEN.search(shown.body)
    assert seen
    other = {**REFUSAL, "facts": f"{REASON} Autrement."}
    again = send(app, "admin", made, "refuse", status=200, **other, seen=seen[1])
    assert row(made).state == "open" and "Autrement." in again.body
    log_in(app, "admin")
    data = {"version": row(made).version, "go": "send", **REFUSAL, "seen": seen[1]}
    app.post(f"/demandes/{made['reference']}/refuse", data=data, follow_redirects=False, status=302)
    assert row(made).state == "refused"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"emissions": ""}, "emissions", "Answer yes or no"),
        ({"balance": ""}, "balance", "does not prevail over the interest protected"),
        (
            {"ground": "L311-6-1-sm", **PRIVACY},
            "ground",
            "speak of “protection of privacy” and not of “medical secrecy”",
        ),
    ],
)
def test_a_refusal_states_facts_and_weighs_interests(
    app: CKANTestApp, changes: dict[str, str], field: str, words: str
):
    made = opened()
    page = send(app, "admin", made, "refuse", status=400, **{**REFUSAL, **changes})
    assert (
        words in page.body
        and f'id="field-{field}-error"' in page.body
        and row(made).state == "open"
    )


def test_the_letter_states_only_what_the_agent_answered(app: CKANTestApp):
    made = opened()
    fields = {**REFUSAL, **PRIVACY, "ground": "L311-6-1-vp", "balance": f"Ici, {REASON}"}
    send(app, "admin", made, "refuse", **fields)
    plain = in_french(letter_of(made, "refuse").plain)
    assert (
        "Le service constate que la demande ne porte pas sur des informations relatives à des émissions"
        in plain
    )
    assert (
        "ne l’emporte pas sur la protection de la vie privée (code de l’environnement, article L. 124-4, I, 1°)"
        in plain
    )
    assert f"Ici, {REASON}" in plain


def test_who_is_asked_to_specify_a_request_is_told_of_the_catalogue(postbox: Postbox):
    made = opened()
    step(
        made,
        "ask_details",
        "editor",
        question="Quelles communes ?",
        answer_by=str(date.today() + timedelta(days=9)),
    )
    delivery.deliver()
    said = [body(mail) for mail in postbox.to("asker")]
    assert any("Quelles communes ?" in each and "/dataset/" in each for each in said)


@pytest.mark.few(1, "letters")
@pytest.mark.parametrize(
    ("answer", "words", "missing"),
    [("yes", "ampliation", "Cheffe de service"), ("no", "Cheffe de service", "ampliation")],
)
def test_reasons_of_terrorism_are_asked_about_before_a_name_is_sent(
    app: CKANTestApp, answer: str, words: str, missing: str
):
    made = opened()
    fields = {**REFUSAL, **TERRORISM, "ground": "L311-5-2-d"}
    page = send(app, "admin", made, "refuse", status=400, **fields)
    assert row(made).state == "open" and 'name="unnamed"' in page.body
    send(app, "admin", made, "refuse", **fields, unnamed=answer)
    plain = in_french(letter_of(made, "refuse").plain)
    assert words in plain and missing not in plain


def test_reasons_of_another_ground_are_sent_once_confirmed():
    fields = {**REFUSAL, **PRIVACY, "ground": "L311-6-1-sm"}
    assert step(opened(), "refuse", "admin", **fields, ground_confirmed=True)["state"] == "refused"


@pytest.mark.few(1, "letters")
@pytest.mark.parametrize("missing", ["transmitted_by", "transmitted_on", "transmitted_how"])
def test_a_transfer_outside_the_portal_says_who_when_and_how(app: CKANTestApp, missing: str):
    made = opened()
    page = send(
        app, "admin", made, "not_held", status=400, reason=REASON, **{**PASSED_ON, missing: ""}
    )
    assert f'id="field-{missing}-error"' in page.body and row(made).state == "open"
    send(app, "admin", made, "not_held", reason=REASON, **PASSED_ON)
    plain = in_french(letter_of(made, "not_held").plain)
    assert "par courrier électronique, par Jeanne Martin, cheffe de service." in plain


def test_only_information_on_the_environment_has_an_extension(app: CKANTestApp):
    made = opened()
    for answer, words in (
        ("", "Say whether the request is about"),
        ("no", "within one month (CRPA, R. 311-13)"),
    ):
        page = send(
            app, "admin", made, "extend", status=400, **{**EXTENSION, "environmental": answer}
        )
        assert words in page.body and not row(made).extended
    send(app, "admin", made, "extend", **EXTENSION)
    plain = in_french(letter_of(made, "extend").plain)
    assert (
        "Le service constate que votre demande porte sur des informations relatives à l’environnement"
        in plain
    )


def test_delegation_and_addressee_stand_on_every_form_of_the_letter(
    app: CKANTestApp, postbox: Postbox
):
    made = opened()
    delivery.deliver()
    postbox.clear()
    send(app, "admin", made, "refuse", **REFUSAL)
    delivery.deliver()
    [mail] = postbox.to("asker")
    letter = letter_of(made, "refuse")
    log_in(app, "asker")
    page = app.get(f"/demandes/{made['reference']}/lettre/{letter.id}").body
    behalf = "Pour le préfet de la Loire et par délégation,"
    assert behalf in page and "À l’attention de<br>Asker Nom" in page
    assert behalf in body(mail, "html") and "À l’attention de<br>Asker Nom" in body(mail, "html")
    assert behalf in body(mail) and "À l’attention de\nAsker Nom" in body(mail)
    assert pdf_of(mail).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ("ddt-06088-01", "Pour le préfet des Alpes-Maritimes et par délégation"),
        ("administration-centrale-ou-ministere_172120", "Pour le ministre et par délégation"),
    ],
)
def test_each_kind_of_service_signs_in_the_name_of_its_authority(service: str, said: str):
    known = voc.get("organisations")[service].data
    place = voc.get("territories").get(str(known["territory"]))
    assert letters.on_behalf(str(known["kind"]), place)["fr"] == said


def test_every_kind_of_service_of_the_registry_has_its_delegation():
    kinds = {str(each.data["kind"]) for each in voc.get("organisations")}
    assert kinds == set(law.delegations())
    for each in voc.get("organisations"):
        place = (
            voc.get("territories").get(str(each.data["territory"]))
            if each.data["territory"]
            else None
        )
        behalf = letters.on_behalf(str(each.data["kind"]), place)["fr"]
        assert behalf.startswith("Pour le ") and "{" not in behalf and "  " not in behalf, each.id


def counts() -> list[int | None]:
    """Return the number of requests, letters, accounts and services."""
    tables = (Request, Letter, model.User, model.Group)
    return [model.Session.scalar(sa.select(sa.func.count()).select_from(each)) for each in tables]


@pytest.mark.few(4, "letters")
@pytest.mark.parametrize("case", specimens.cases(), ids=lambda case: case["title"])
def test_each_line_of_an_email_stands_with_its_source(case: Any):
    specimen = specimens.play(case)
    with language.speaking("fr"):
        lines = specimens.printed_case(case, specimen).splitlines()
    shown = {line.removeprefix("  | ") for line in lines if line.startswith("  | ")}
    of_the_letter = set(specimen.plain.splitlines())
    for _kind, _audience, _mail, body_text in specimen.mails:
        assert set(body_text.splitlines()) - shown - of_the_letter - {"", "--"} == set()
    for number, line in enumerate(lines[:-1]):
        if line.startswith("  | "):
            assert lines[number + 1].startswith(("  | ", "    ["))


@pytest.mark.slow("letters")
def test_the_command_prints_every_outcome_with_its_sources_and_keeps_nothing():
    run = CliRunner()
    before = counts()
    done = run.invoke(cli.requests, ["letters"])
    assert done.exit_code == 0, done.output
    said = done.output.replace("\u00a0", " ")
    for case in specimens.cases():
        assert f"{case['title'].upper()} [{case['outcome']}]" in said
    needed = (
        "L. 112-6",
        "R. 112-5, 2°",
        "data/balance.csv",
        "data/delegations.csv",
        "délai franc",
        "R. 343-1",
    )
    assert [words for words in needed if words not in said] == []
    assert (
        said.count("COURRIEL : ") >= len(specimens.cases()) - 1
    )  # who withdraws a request gets no e-mail
    assert " and " not in said and "(text)" not in said  # the sources are in French, too
    assert "refer                  lundi 28 décembre 2026" in said
    assert counts() == before
    one = run.invoke(cli.requests, ["letters", "--outcome", "refused"]).output
    assert "REFUS [refused]" in one and "[partial]" not in one
    unknown = run.invoke(cli.requests, ["letters", "--outcome", "nothing"])
    assert unknown.exit_code and "choose one of receipt" in unknown.output
