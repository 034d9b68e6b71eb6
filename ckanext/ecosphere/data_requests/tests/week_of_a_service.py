"""Simulation of a service's week: forty requests, two agents, an absence, an escalation, an
embargo, e-mails both ways.

E-mails are sent to a real SMTP server, which passes replies to the command, as a mail server would.
At the end, no late request has gone unnoticed, and every e-mail has a subject, is in French, and
has working links.
"""

from __future__ import annotations

import asyncio
import re
import smtplib
import socket
from datetime import date, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from ckan import model
from ckan.tests.helpers import CKANTestApp
from click.testing import CliRunner

from ckanext.ecosphere.data_requests import cli
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.model import Notification, Request, Trace
from ckanext.ecosphere.data_requests.notifications import scheduled
from ckanext.ecosphere.data_requests.tests.conftest import REFUSAL, act, opened, row, step, user_id
from ckanext.ecosphere.data_requests.tests.test_pages import visit
from ckanext.ecosphere.data_requests.tests.test_scheduled import at
from ckanext.ecosphere.tests.postbox import Postbox, body
from ckanext.ecosphere.work.model import DONE, Work

pytestmark = pytest.mark.usefixtures("portal")

ASKED = date(2027, 3, 1)
#: Words of the English texts that never occur in a French e-mail.
ENGLISH = re.compile(
    r"\b(?:The request|Your request|Hello|You receive|See the request|Assigned to|was|within)\b"
)
ADDRESS = re.compile(r"https?://[^\s<>\")]+")
LINK = "https://livraison.example/haies.zip"


class _Incoming:
    """SMTP handler that passes each e-mail to the command, as the Postfix transport "pipe" does."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        def take() -> str:
            command = ["mail-in", "--recipient", envelope.rcpt_tos[0]]
            done = CliRunner().invoke(cli.requests, command, input=envelope.content)
            return f"{done.exit_code} {done.output.strip()}"

        self.outcomes.append(await asyncio.get_running_loop().run_in_executor(None, take))
        return "250 OK"


def answer(port: int, mail: EmailMessage, person: str, text: str) -> None:
    """Reply to an e-mail, as a mail program would."""
    reply = EmailMessage()
    reply["From"], reply["To"], reply["Subject"] = (
        f"{person}@secret.example",
        str(mail["Reply-To"]),
        "Re: demande",
    )
    reply["Message-ID"] = f"<{person}-{abs(hash((str(mail['Message-ID']), text)))}@secret.example>"
    quoted = "\n".join(f"> {line}" for line in body(mail).splitlines())
    reply.set_content(f"{text}\n\nLe lundi, Guichet <guichet@example.org> a écrit :\n{quoted}")
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as server:
        server.send_message(reply)


def day_of(number: int) -> str:
    return (ASKED + timedelta(days=number)).isoformat()


def test_nothing_late_goes_unnoticed_and_every_mail_is_read(
    app: CKANTestApp,
    postbox: Postbox,
    ckan_config: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.reply_address", "reply@guichet.example")
    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path))
    monkeypatch.setitem(ckan_config, "ecosphere.requests.escalation_chief", "3")
    for person in ("asker", "friend", "stranger", "editor", "admin", "moderator", "boss"):
        act("settings_update", person, language="fr")
        visit(app, person, "/demandes")  # creates a token today, which is valid all week
    incoming = _Incoming()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(incoming, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        mails = _live(app, postbox, port)
    finally:
        controller.stop()
    assert incoming.outcomes == ["0 taken", "0 taken", "0 taken", "0 seen"]
    _nothing_unnoticed()
    with at(day_of(44)):
        _every_mail_is_read(app, mails)


def _live(app: CKANTestApp, postbox: Postbox, port: int) -> list[EmailMessage]:
    """Simulate the week in which the forty requests of a month earlier fall due.

    Return the e-mails sent.
    """
    made: list[dict[str, Any]] = []
    for number in range(40):
        with at(day_of(number // 5), 9):  # five a day
            made.append(
                opened(
                    "asker" if number % 2 else "friend", title=f"Haies du Forez, feuille {number}"
                )
            )
    for number, each in enumerate(made):
        with at(day_of(9), 9):
            act("assign", "admin", ids=[each["id"]], user="editor" if number % 2 else "admin")
    monday = ASKED + timedelta(days=28)
    with at(monday.isoformat(), 8):
        scheduled.tick()
        # The editor is ill, and the admin records the absence: the editor's requests are also
        # listed as the admin's.
        week_end = (monday + timedelta(days=6)).isoformat()
        act(
            "absence_create",
            "admin",
            user="editor",
            first=monday.isoformat(),
            last=week_end,
            substitute="admin",
        )
        desk = act("desk", "admin", organization="ddt-42")
        assert desk["mine"] == 40 and desk["nobody"] == 0
        away = [(each["user"], each["substitute"]) for each in desk["people"] if each["away_until"]]
        assert away == [("editor", "Admin Nom")]
    with at((monday + timedelta(days=1)).isoformat(), 10):
        scheduled.tick()
        for each in made[:10]:
            step(each, "fulfil", "admin", links=[LINK])
        for each in made[10:14]:
            step(each, "refuse", "admin", **REFUSAL)
        step(
            made[14],
            "ask_details",
            "admin",
            question="Quelle échelle ?",
            answer_by=(monday + timedelta(days=20)).isoformat(),
        )
        embargo = (monday + timedelta(days=3)).isoformat()
        act("follow", "stranger", id=made[15]["id"])
        step(
            made[15],
            "fulfil",
            "admin",
            links=[f"{LINK}?embargo"],
            reach="requester",
            public_from=embargo,
        )
        scheduled.tick()
    with at((monday + timedelta(days=2)).isoformat(), 10):
        asker = next(
            mail
            for mail in postbox.to("friend")
            if "demande des précisions" in str(mail["Subject"])
        )
        answer(port, asker, "friend", "Au 1/25 000.")
        assert row(made[14]).state == "open"
        escalated = next(
            mail for mail in postbox.to("admin") if made[16]["reference"] in str(mail["Subject"])
        )
        answer(port, escalated, "admin", "Je m’en occupe demain.")
        answer(port, asker, "friend", "Et en Lambert 93.")
        answer(port, asker, "friend", "Et en Lambert 93.")
        page = visit(app, None, f"/demandes/{made[15]['reference']}").body
        assert "?embargo" not in page
    for number in range(2, 15):
        with at((monday + timedelta(days=number)).isoformat(), 6):
            scheduled.tick()
    with at((monday + timedelta(days=4)).isoformat(), 9):
        assert "?embargo" in visit(app, None, f"/demandes/{made[15]['reference']}").body
    with at((monday + timedelta(days=15)).isoformat(), 9):
        for each in made[16:]:
            step(each, "fulfil", "admin", links=[LINK])
        scheduled.tick()
    return list(postbox.mails)


def _nothing_unnoticed() -> None:
    """Check that the person in charge of each request that became late was notified,
    and then the next levels.
    """
    requests = model.Session.scalars(sa.select(Request)).all()
    late = [
        each
        for each in requests
        if each.due and (not each.closed or clock.day_of(each.closed) > each.due)
    ]
    assert (
        len(late) == 25
    )  # sixteen were answered, refused or sent back for details; one of these reopened
    for each in late:
        told = set(
            model.Session.scalars(
                sa.select(Trace.told).where(Trace.request_id == each.id, Trace.told != "")
            )
        )
        assert told == {"administrators", "moderators"}, each.reference
        assert {"overdue", "escalated_soon"} <= _kinds(each, user_id("admin")), each.reference
        assert "silence" in _kinds(each, each.requester_id), each.reference
    by_mail = (
        sa.select(sa.func.count()).select_from(Notification).where(Notification.channel == "email")
    )
    waiting = by_mail.outerjoin(Work, Work.id == Notification.mail_id).where(
        Work.status.is_distinct_from(DONE)
    )
    assert model.Session.scalar(waiting) == 0
    assert [each.state for each in requests if each.state not in states.CLOSED] == ["open"]


def _kinds(request: Request, person: str | None) -> set[str]:
    """Return the kinds of a user's notifications about a request."""
    about = (Notification.request_id == request.id, Notification.user_id == person)
    return set(model.Session.scalars(sa.select(Notification.kind).where(*about)))


def _every_mail_is_read(app: CKANTestApp, mails: list[EmailMessage]) -> None:
    assert len(mails) > 150
    checked: dict[tuple[str, str], int] = {}
    for mail in mails:
        person, text = mail["To"].addresses[0].username, body(mail)
        assert str(mail["Subject"]).startswith("[Guichet] ") and len(str(mail["Subject"])) > 20
        assert "Bonjour" in text and not ENGLISH.search(text), text
        assert '<html lang="fr">' in body(mail, "html")
        for address in ADDRESS.findall(text):
            parts = urlsplit(address.rstrip(".,"))
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            if parts.hostname == "livraison.example" or (person, path) in checked:
                continue
            checked[person, path] = visit(app, person, path).status_code
            # Links that ask whether an answer helped must work even after a newer answer or a
            # reopening.
            assert checked[person, path] == 200, (person, path, checked[person, path])
    assert len(checked) > 40
