"""Administration of many sources: prioritising a source, and the letter about them."""

from __future__ import annotations

import re
import socket
import time
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _run_migrations
from ckan.lib import jobs
from ckan.tests import factories
from freezegun import freeze_time

from ckanext.ecosphere.core import addresses
from ckanext.ecosphere.core.journal import JournalEntry
from ckanext.ecosphere.harvest import config, letter, problems
from ckanext.ecosphere.harvest.job import source_lock
from ckanext.ecosphere.harvest.model import JobState, Reader
from ckanext.ecosphere.harvest.problems import FEATURE_CATALOGUE, MESSAGES
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, html, iso_record
from ckanext.ecosphere.harvest.worker import QUEUE
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.tests.browser import axe_violations, log_in, log_in_by_hand, picture
from ckanext.ecosphere.tests.postbox import body, serving
from ckanext.ecosphere.work.model import DONE, UNWANTED, Work
from ckanext.harvest.model import HarvestJob, HarvestSource

PASSWORD = "un mot de passe de test"
PARIS = ZoneInfo("Europe/Paris")
MOST_SECONDS = 60
"""Time from an administrator's log-in to the page that explains why a harvest failed."""


def administrator() -> None:
    """Create the account "boss", whose name and address stand on the pictures of the pages."""
    email = "camille.martin@exemple.fr"
    factories.Sysadmin(
        name="boss", fullname="Camille Martin", email=email, password=PASSWORD, image_url=""
    )
    user = model.User.get("boss")
    assert user is not None
    addresses.mark_confirmed(user)
    model.Session.commit()


def token(user):
    return {"Authorization": user["token"]}


def waiting():
    """Return the names of the waiting sources, in order."""
    found: list[Any] = [HarvestJob.get(job.args[0]) for job in jobs.get_queue(QUEUE).jobs]
    return [each.source.title for each in found]


# --- prioritising a source ---


@pytest.mark.slow("load")
def test_a_source_goes_before_what_waits_whether_it_waits_itself_or_not(portal, app):
    boss = factories.SysadminWithToken(fullname="Camille Martin")
    names = ["un", "deux", "trois", "quatre"]
    ids = [
        portal.source(f"https://{name}.example.org/csw", name=name, title=name.title())
        for name in names
    ]
    for id_ in ids[:3]:
        portal.call("harvest_job_create", source_id=id_, run=True)
    assert waiting() == ["Un", "Deux", "Trois"]

    def first(name):
        address = f"/fr/ecosphere/harvest/source/{name}/first"
        return app.post(address, headers=token(boss), follow_redirects=False).status_code

    assert (first("quatre"), waiting()) == (302, ["Quatre", "Un", "Deux", "Trois"])
    assert (first("deux"), waiting()) == (302, ["Deux", "Quatre", "Un", "Trois"])
    page = app.get("/fr/ecosphere/admin/journal?kind=harvests", headers=token(boss)).body
    assert page.index("Deux") < page.index("Quatre")
    assert "Camille Martin" in page and "Source moissonnée avant ce qui attend" in page
    page = app.get("/fr/ecosphere/harvest/sources", headers=token(boss)).body
    assert page.count("/first") == 4
    # No worker has started any of them yet.
    assert page.count("eco-harvest-state--waiting") >= 4 and "En attente de traitement" in page
    assert "eco-harvest-state--running" not in page


def test_the_pages_of_a_source_say_where_its_administration_is(portal, app):
    boss = factories.SysadminWithToken()
    portal.source("https://un.example.org/csw", name="un", title="Un")
    for address in ("/fr/harvest/un", "/fr/harvest/about/un"):
        page = app.get(address, headers=token(boss)).body.partition('class="toolbar"')[2]
        assert "Administrer la source" in page, address
        assert "Administrateur" not in page, address
        headings = re.findall(r"<h[1-6][^>]*>\s*(.*?)\s*</h", page)
        assert headings.count("Un") == 1 and "<h1>Un</h1>" in page, address  # shown only once
    assert "Administrer la source" not in app.get("/fr/harvest/un").body


def test_a_source_never_harvested_is_not_harvested_again_and_its_failure_is_told_in_french(
    portal, app, ckan_config, monkeypatch
):
    boss = factories.SysadminWithToken()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/csw"
    source = portal.source(address, name="un", title="Un")
    page = app.get("/fr/harvest/admin/un", headers=token(boss)).body
    assert "Moissonner maintenant" in page and "pour la première fois" in page
    assert "Moissonner de nouveau" not in page
    with monkeypatch.context() as french:
        french.setitem(ckan_config, "ckan.locale_default", "fr")
        portal.harvest(source)
    page = app.get("/fr/harvest/admin/un", headers=token(boss)).body
    assert "Moissonner de nouveau" in page and "Moissonner maintenant" not in page
    page = app.get(f"/fr/harvest/un/job/{portal.last_job(source)}", headers=token(boss)).body
    assert "a échoué\u00a0: connexion refusée." in page and "refused" not in page
    assert "Fiches annoncées par la source\u00a0: nombre non indiqué" in page


def test_the_form_of_a_source_asks_to_choose_a_service(portal, app):
    page = app.get("/fr/harvest/new", headers=token(factories.SysadminWithToken())).body
    assert "Choisissez un service" in page and "Aucun service" not in page


def test_what_cannot_go_first_is_told_why(portal, app):
    boss, person = factories.SysadminWithToken(), factories.UserWithToken()
    address = "/api/3/action/ecosphere_harvest_source_run_first"
    id_ = portal.source("https://un.example.org/csw", name="un")

    def asked(name, user=boss, status=409):
        return app.post(address, json={"id": name}, headers=token(user), status=status).json

    assert asked("un", person, 403)["success"] is False
    assert asked("nowhere", boss, 404)["success"] is False
    assert asked(["un"])["success"] is False
    job = portal.call("harvest_job_create", source_id=id_, run=True)["id"]
    with Locks() as locks:
        assert locks.take(source_lock(id_))
        assert asked("un")["error"]["id"] == ["This source is being harvested already."]
    jobs.get_queue(QUEUE).empty()  # as after the loss of Redis
    assert asked("un", status=200)["result"] == {"id": job}
    assert waiting() == ["Un"]
    portal.call("harvest_job_abort", id=job)
    portal.call("harvest_source_delete", id=id_)
    assert asked("un")["error"]["id"] == ["The source is not active."]
    assert model.Session.query(JournalEntry).filter_by(area="harvest:first").count() == 1


# --- the letter ---


@pytest.fixture
def box(portal, ckan_config, monkeypatch):
    with serving() as found:
        monkeypatch.setitem(ckan_config, "smtp.server", found.address)
        yield found


def monday(week=0, hour=7, minute=1):
    """Return a time on the next Monday after today, in Paris, as UTC."""
    here = datetime.now(PARIS)
    day = here + timedelta(days=8 - here.isoweekday(), weeks=week)
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0).astimezone(timezone.utc)


def send(moment):
    """Run the scheduled check at a given time, then the worker; return what the check reports."""
    with freeze_time(moment):
        told = [*letter.write_due(), *letter.OUTBOX.recover()]
        letter.deliver()
    return told


def harvested(portal):
    """A healthy source, one read incompletely, one with an error, one that was never started."""
    with catalogue([iso_record(n) for n in range(1, 4)]) as server:
        portal.harvest(portal.source(server.url, name="bonne", title="Bonne"))
        wrong = server.url.replace("127.0.0.1", "localhost")
        server.records.append(iso_record(4).replace("identificationInfo", "identificationNone"))
        portal.harvest(
            portal.source(wrong, name="erreurs", title="Fiches https://piege.example.org")
        )
        server.fault = lambda question, page: html()
        portal.harvest(
            portal.source(server.url, name="moitie", title="Moitié", config={"page_size": 7})
        )
    portal.source(
        "https://due.example.org/csw", name="due", title="Jamais commencée", frequency="WEEKLY"
    )


@pytest.mark.slow("days")
def test_an_administrator_is_told_each_monday_in_french_how_the_sources_are(portal, app, box):
    boss = factories.SysadminWithToken(
        name="boss", fullname="Camille Martin", email="boss@example.org"
    )
    harvested(portal)
    page = app.get("/fr/ecosphere/harvest/sources", headers=token(boss)).body
    assert "chaque lundi à 07:00" in page
    app.post(
        "/fr/ecosphere/harvest/letter",
        data={"wanted": "yes"},
        headers=token(boss),
        follow_redirects=False,
    )
    assert (
        "Vous recevez cette lettre"
        in app.get("/fr/ecosphere/harvest/sources", headers=token(boss)).body
    )
    assert send(monday(hour=6, minute=59)) == [] and box.mails == []
    assert send(monday()) == ["1 letters about the sources"]
    (mail,) = box.to("boss")
    said = body(mail)
    print(mail["Subject"], said, sep="\n")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "Sources de moissonnage\u00a0: 3 sources appellent quelqu’un" in mail["Subject"]
    assert said.startswith("Bonjour Camille Martin,")
    assert "Jamais commencée" in said.partition("À l’arrêt (1)")[2].partition("\n\n")[0]
    assert "- Moitié" in said.partition("Lecture incomplète (1)")[2].partition("\n\n")[0]
    errors = said.partition("Avec des erreurs (1)")[2].partition("\n\n")[0]
    assert (
        "piege[.]example[.]org" in errors
        and "1 erreur" in errors
        and "/fr/harvest/erreurs/job/last" in errors
    )
    refused = errors.partition("    - Record 4 (fr-120066022-jdd-00000004): ")[2].splitlines()
    assert (
        "does not describe any resource" in refused[0]
    )  # as a worker stored it, in the language of the portal
    assert refused[1] == "      → Renseignez cet élément dans le catalogue."
    assert "/fr/ecosphere/harvest/source/erreurs/corrections" in errors
    figures = said.partition("Chiffres de la semaine\n")[2].partition("\n\n")[0].splitlines()
    assert figures[:2] == [
        "- Sources moissonnées\u00a0: 4",
        "- Moissonnages terminés\u00a0: 3 (1 incomplet)",
    ]
    assert "Bonne" not in said
    first, last = letter.days(monday())
    assert (monday() - last, last - first) == (timedelta(hours=7, minutes=1), timedelta(days=7))
    # Once a week, however often the check runs; not after three days; not when switched off.
    assert send(monday(minute=30)) == [] and len(box.mails) == 1
    assert send(monday(1)) != [] and len(box.mails) == 2
    assert send(monday(2) + timedelta(days=4)) == []
    app.post(
        "/fr/ecosphere/harvest/letter",
        data={"wanted": ""},
        headers=token(boss),
        follow_redirects=False,
    )
    assert send(monday(3)) == [] and len(box.mails) == 2


@pytest.mark.slow("days")
def test_an_editor_is_told_of_the_sources_of_their_services_in_their_language(portal, app, box):
    harvested(portal)
    editor = factories.UserWithToken(name="ed", email="ed@example.org")
    person = factories.UserWithToken()
    portal.call("organization_member_create", id="ddt-01053-01", username="ed", role="editor")
    portal.source(
        "https://une.example.org/csw", name="une", title="Of the Ain", owner_org="ddt-01053-01"
    )
    update = "/api/3/action/ecosphere_harvest_letter_update"
    assert app.post(update, json={"wanted": True}, headers=token(person), status=403)
    assert app.post(update, json={"wanted": True}, status=403)
    assert app.post(f"/en{update}", json={"wanted": True}, headers=token(editor)).json[
        "result"
    ] == {"wanted": True}
    send(monday(hour=6, minute=59))
    assert box.mails == []
    send(monday())
    (mail,) = box.mails
    assert "all sources in order" in mail["Subject"] and "No source needs anybody." in body(mail)
    assert "Sources that are harvested: 1" in body(mail)
    # Users who no longer edit anything, or whose account is deleted, get no more e-mails.
    portal.call("organization_member_delete", id="ddt-01053-01", username="ed")
    send(monday(1))
    assert list(model.Session.scalars(sa.select(Work.status).order_by(Work.id))) == [DONE, UNWANTED]
    portal.call("user_delete", id="ed")
    send(monday(2))
    assert (len(box.mails), model.Session.query(Reader).count()) == (1, 0)


def test_a_mail_server_that_is_away_is_asked_again_and_no_letter_leaves_where_there_are_none(
    portal, box, ckan_config, monkeypatch
):
    boss = factories.Sysadmin(name="boss", email="boss@example.org")
    portal.source("https://une.example.org/csw", name="une")
    letter.subscribe(boss["id"], "fr")
    model.Session.commit()
    with monkeypatch.context() as off:
        off.setitem(ckan_config, config.LETTER_PERIOD, "none")
        assert send(monday()) == []
    box.failures = 1
    send(monday())
    assert box.mails == []
    send(monday(minute=20))
    assert len(box.mails) == 1


@pytest.mark.slow("days")
def test_a_daily_letter_comes_only_when_a_source_needs_somebody(
    portal, box, ckan_config, monkeypatch
):
    monkeypatch.setitem(ckan_config, config.LETTER_PERIOD, "day")
    boss = factories.Sysadmin(name="boss", email="boss@example.org")
    letter.subscribe(boss["id"], "en")
    model.Session.commit()
    with catalogue([iso_record(1)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        send(monday())
        assert box.mails == []
        server.records.append(iso_record(2).replace("identificationInfo", "identificationNone"))
        portal.harvest(source)
    send(monday() + timedelta(days=1))
    (mail,) = box.mails
    assert "1 source needs somebody" in mail["Subject"] and "Figures of the day" in body(mail)
    assert send(monday() + timedelta(days=1, minutes=30)) == []
    assert len(box.mails) == 1


def test_a_letter_that_waited_before_the_update_is_sent_after_it_and_none_is_sent_again(
    portal, box
):
    boss = factories.Sysadmin(name="boss", email="boss@example.org")
    portal.source("https://une.example.org/csw", name="une")
    letter.subscribe(boss["id"], "fr")
    model.Session.commit()
    send(monday())
    box.failures = 1
    send(monday(1))
    assert len(box.mails) == 1
    model.Session.remove()
    try:
        _run_migrations("ecosphere_harvest", "7e3b5d90c1a6", forward=False)
        former = sa.text("SELECT status, until FROM ecosphere_harvest_letter ORDER BY id")
        first, second = model.Session.execute(former).tuples().all()
        assert (first[0], second[0], second[1] - first[1]) == ("sent", "pending", timedelta(days=7))
        model.Session.remove()
    finally:
        _run_migrations("ecosphere_harvest", "head")
    send(monday(1, minute=20))
    assert len(box.mails) == 2
    assert send(monday(1, minute=30)) == [] and len(box.mails) == 2


def test_there_is_advice_for_each_message_about_a_record():
    advised = {code for item in problems.SENTENCES["advice"] for code in item["codes"]}
    assert advised <= set(MESSAGES)
    assert set(MESSAGES) - advised == {"record-fault", FEATURE_CATALOGUE}


def test_a_harvest_without_a_sign_of_life_is_told(portal):
    source = portal.source("https://une.example.org/csw", name="une", title="Une")
    job = portal.call("harvest_job_create", source_id=source, run=True)["id"]
    now = datetime.now(timezone.utc)
    assert letter.findings_of(None, now, now).number == 0
    old = now.replace(tzinfo=None) - timedelta(days=2)
    model.Session.add(JobState(job_id=job, source_id=source, facts={}, touched=old))
    model.Session.commit()
    (row,) = letter.findings_of(None, now, now).by_kind["stalled"]
    assert (row["title"], row["runs"], row["still_since"]) == ("Une", True, old)


@pytest.mark.browser
def test_an_administrator_puts_a_source_first_and_asks_for_the_letter(page, portal):
    administrator()
    haies = portal.source("https://haies.example.org/csw", name="haies", title="Haies du Forez")
    portal.source("https://zones.example.org/csw", name="zones", title="Zones humides")
    portal.call("harvest_job_create", source_id=haies, run=True)
    log_in(page, "boss", PASSWORD)
    page.goto("/fr/ecosphere/harvest/sources")
    assert axe_violations(page) == []
    page.get_by_role("button", name="Moissonner en premier : Zones humides").click()
    page.get_by_text("dès qu’un processus est libre").wait_for()
    assert waiting() == ["Zones humides", "Haies du Forez"]
    picture(page, "sources")
    page.get_by_role("link", name="Haies du Forez").click()
    page.get_by_role("button", name="Moissonner en premier").wait_for()
    assert axe_violations(page) == []


@pytest.mark.browser
def test_a_failing_harvest_is_noticed_and_understood_within_a_minute_of_the_log_in(
    page, portal, ckan_config, monkeypatch
):
    monkeypatch.setitem(
        ckan_config, "ckan.locale_default", "fr"
    )  # the language of messages written by a worker
    administrator()
    with catalogue([iso_record(n) for n in range(1, 4)]) as server:
        portal.harvest(portal.source(server.url, name="bonne", title="Bonne"))
        server.fault = lambda question, page: html()
        portal.harvest(
            portal.source(
                server.url.replace("127.0.0.1", "localhost"), name="foret", title="Forêts"
            )
        )
    late = portal.source(
        "https://due.example.org/csw", name="due", title="Jamais commencée", frequency="WEEKLY"
    )
    source = HarvestSource.get(late)
    source.next_run = datetime.now() - timedelta(days=3)
    model.Session.commit()
    begin = time.monotonic()
    log_in_by_hand(page, "boss", PASSWORD)
    card = page.locator(".eco-card").filter(has_text="Sources")
    assert card.locator(".eco-lines a").all_inner_texts() == ["Jamais commencée", "Forêts"]
    assert "pas commencé" in card.inner_text() and "Lecture incomplète" in card.inner_text()
    picture(page, "administrator-home")
    card.get_by_role("link", name="Forêts").click()
    page.wait_for_url("**/harvest/foret/job/**")
    said = page.locator("main").inner_text()
    seconds = time.monotonic() - begin
    # Why it failed, and what that means for the existing datasets.
    assert "le serveur a répondu par une page web" in said.partition("Erreurs de lecture")[2]
    assert "rien n’est retiré" in said
    assert axe_violations(page) == []
    picture(page, "harvest-that-failed")
    print(f"clicks: 1, seconds: {seconds:.1f}")
    assert seconds < MOST_SECONDS
