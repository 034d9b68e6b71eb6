"""Attack: abuse the portal's e-mails with foreign recipients, injected headers, links and floods."""

from __future__ import annotations

import email
import email.policy
import secrets
import time
from collections.abc import Iterator
from email.message import EmailMessage

from dev.attack.classes import replying
from dev.attack.client import Client
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

EVIL, NEWCOMER = "evil.example", "attack-new"
#: After this long without a new e-mail, no more are expected.
SETTLE_SECONDS = 4


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Write hostile names, titles and comments with new accounts, then check the e-mails that the portal sent."""
    lines = table("mail")
    for number, name in enumerate(lines["names"]):
        person = _newcomer(stage, number, name)
        for text in lines["texts"] if number == 0 else lines["texts"][:1]:
            person.action("ecosphere_request_comment", id=stage.objects["request"], text=text)
        title = lines["titles"][number % len(lines["titles"])]
        made = person.action("ecosphere_request_create", stage.filled(lines["request"]), title=title)
        if made.success:
            fields = {"transition": "submit", "version": made.result["version"], "similar_seen": True}
            person.action("ecosphere_request_transition", fields, id=made.result["id"])
    person = stage.logged_in("user")
    for address in lines["reset"]:
        person.post("/user/reset", {"user": stage.filled(address)}, token_from="/user/reset")
    _send(stage)
    yield from _seen(stage)
    yield from replying.attempts(stage)


def _newcomer(stage: Stage, number: int, fullname: str) -> Client:
    """Create a new account with an API token."""
    site, name = stage.people["sysadmin"], f"{NEWCOMER}-{number}-{secrets.token_hex(3)}"
    fields = {"name": name, "email": f"{name}@guichet.example", "password": secrets.token_urlsafe(12)}
    site.action("user_create", fields, fullname=fullname)
    person = Client(stage.url, stage.load, name=name, source=stage.address())
    person.token = (site.action("api_token_create", user=name, name="x").result or {}).get("token", "")
    stage.clients.append(person)
    return person


def _send(stage: Stage) -> None:
    """Wait until the portal has sent its e-mails."""
    count, deadline = -1, time.monotonic() + stage.patience
    while time.monotonic() < deadline and len(stage.mail()) != count:
        count = len(stage.mail())
        time.sleep(min(SETTLE_SECONDS, stage.patience))


def _seen(stage: Stage) -> Iterator[Outcome]:
    messages = [email.message_from_bytes(raw, policy=email.policy.default) for raw in stage.mail()]
    yield Outcome("the portal sent e-mails", not messages, "" if messages else "none arrived: nothing was tested")
    received: dict[str, int] = {}
    for message in messages:
        assert isinstance(message, EmailMessage)
        about = f"e-mail {str(message['Subject'])[:60]!r} to {message['To']}"
        headers = " ".join(f"{name}: {value}" for name, value in message.items())
        body = message.get_body(preferencelist=("plain",))
        text = body.get_content() if body else ""
        yield Outcome(f"recipients of {about}", EVIL in headers.replace("evil-subject", ""), headers[:300])
        injected = message.get("X-Injected") or message.get("Bcc")
        yield Outcome(f"headers of {about}", bool(injected), f"X-Injected: {injected}" if injected else "")
        position = text.find(EVIL)
        yield Outcome(f"a link of a stranger in {about}", position >= 0, text[max(0, position - 100) : position + 40])
        html = message.get_body(preferencelist=("html",))
        active = bool(html) and "<script" in html.get_content().lower()
        yield Outcome(f"script in {about}", active, "in the HTML part" if active else "")
        own = NEWCOMER in str(message["To"])
        words = f"{headers} {text} {html.get_content() if html else ''}" if own else ""
        said = table("mail")["mark"] in words
        yield Outcome(f"words of a newcomer in {about}", said, "to an address that nobody confirmed" if said else "")
        if not own:
            received[str(message["To"])] = received.get(str(message["To"]), 0) + 1
        lacking = [name for name in table("mail")["wanted_headers"] if name not in message]
        yield Outcome(f"headers that {about} needs", bool(lacking), f"lacks {lacking}" if lacking else "")
    most = table("mail")["most_a_person"]
    for person, number in received.items():
        yield Outcome(f"{person} is not flooded", number > most, f"{number} e-mails" if number > most else "")


ATTACK = Attack("mail", "E-mails carry no stranger's words, and replies are those of their person alone.", attempts)
