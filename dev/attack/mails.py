"""Class of attack on the e-mails of the portal: those that it sends, and replies that it takes."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from dev.attack.stage import Outcome, Stage
from dev.attack.tables import table

EVIL, NEWCOMER = "evil.example", "attack-new"
#: After this long without a new e-mail, no more are expected.
SETTLE_SECONDS = 4
#: People whose reply addresses are attacked.
ANSWERING = ("victim", "editor", "admin")
#: What a browser would obey, in HTML that is written as JSON.
ACTIVE = re.compile(r"<(?:script|img|svg)|<[^>]*\s(?:on\w+|href)=\W*(?:alert|javascript)", re.IGNORECASE)
#: Most e-mails to a person that explain why a reply was not taken: five for their own, five for
#: those of strangers.
MOST_EXPLAINED = 10


def read(raw: bytes) -> EmailMessage:
    """Read an e-mail."""
    return cast(EmailMessage, message_from_bytes(raw, policy=policy.default))


def received(stage: Stage, name: Any) -> list[EmailMessage]:
    """Return the e-mails that somebody has received."""
    return [message for message in map(read, stage.mail()) if str(name) in str(message["To"])]


def plain_text(message: EmailMessage) -> str:
    """Return the plain text of an e-mail; empty if it has none."""
    return _part(message, "plain")


def _part(message: EmailMessage, kind: Any) -> str:
    body = message.get_body(preferencelist=(kind,))
    return body.get_content() if body else ""


def _head(message: EmailMessage) -> str:
    return " ".join(f"{name}: {value}" for name, value in message.items())


def _about(message: EmailMessage) -> str:
    return f"e-mail {str(message['Subject'])[:60]!r} to {message['To']}"


def mail(stage: Stage) -> Iterator[Outcome]:
    """E-mails carry no stranger's words, and replies are those of their person alone."""
    lines = table("mail")
    for number, name in enumerate(lines["names"]):
        person, _password = stage.account(f"{NEWCOMER}-{number}-{secrets.token_hex(3)}", name)
        stage.clients.append(person)
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
    count, deadline = -1, time.monotonic() + stage.patience
    while time.monotonic() < deadline and len(stage.mail()) != count:
        count = len(stage.mail())
        time.sleep(min(SETTLE_SECONDS, stage.patience))
    yield from _sent(stage, lines)
    yield from replies(stage)


def _sent(stage: Stage, lines: dict[str, Any]) -> Iterator[Outcome]:
    """Judge the e-mails that the portal sent."""
    messages = list(map(read, stage.mail()))
    yield Outcome("the portal sent e-mails", not messages, "none arrived: nothing was tested")
    for message in messages:
        about, head, text, page = _about(message), _head(message), plain_text(message), _part(message, "html")
        yield Outcome(f"recipients of {about}", EVIL in head.replace("evil-subject", ""), head[:300])
        injected = message.get("X-Injected") or message.get("Bcc")
        yield Outcome(f"headers of {about}", bool(injected), f"X-Injected: {injected}")
        position = text.find(EVIL)
        around = text[max(0, position - 100) : position + 40]
        yield Outcome(f"a link of a stranger in {about}", position >= 0, around)
        yield Outcome(f"script in {about}", "<script" in page.lower(), "in the HTML part")
        said = NEWCOMER in str(message["To"]) and lines["mark"] in f"{head} {text} {page}"
        yield Outcome(f"words of a newcomer in {about}", said, "to an address that nobody confirmed")
        lacking = [name for name in lines["wanted_headers"] if name not in message]
        yield Outcome(f"headers that {about} needs", bool(lacking), f"lacks {lacking}")
    numbers = Counter(str(message["To"]) for message in messages if NEWCOMER not in str(message["To"]))
    for person, number in numbers.items():
        yield Outcome(f"{person} is not flooded", number > lines["most_a_person"], f"{number} e-mails")


# --- replies ---


def replies(stage: Stage) -> Iterator[Outcome]:
    """Have the portal write to people, answer in their names and in others',
    and have it read the replies.
    """
    words = stage.objects
    stage.people["editor"].action("ecosphere_request_comment", id=words["request"], text="Une question.")
    addresses = _addresses(stage)
    lacking = [person for person in ANSWERING if person not in addresses]
    yield Outcome("the portal takes replies", bool(lacking), f"no reply address for {lacking}")
    words |= {"to": addresses.get("victim", ""), "me": f"{words['victim']}@guichet.example"}
    words |= {f"to_{person}": addresses.get(person, "") for person in ANSWERING}
    path = stage.canaries.path()
    words["canary"] = stage.canaries.address(path)
    before, lines = len(stage.mail()), table("replies")
    stage.deliver([_written(stage, line, _mark(number)) for number, line in enumerate(lines)])
    stage.settle()
    kept = _kept(stage)
    for number, line in enumerate(lines):
        comments = " ".join(comment for comment in kept if _mark(number) in comment)
        taken = bool(comments) and not line.get("taken")
        yield Outcome(f"reply: {line['name']}", taken, comments[:200])
        active = ACTIVE.search(comments)
        yield Outcome(f"reply: {line['name']}: what is shown", bool(active), f"{active} in {comments[:200]}")
    honest = any(_mark(0) in comment for comment in kept)
    yield Outcome("an honest reply is taken", not honest, "it was not: nothing was tested")
    yield Outcome("a file elsewhere", stage.canaries.asked(path), "the canary was asked")
    yield from _explanations(stage, stage.mail()[before:])
    yield from _afterwards(stage, addresses)


def _addresses(stage: Stage) -> dict[str, str]:
    """Return the latest reply addresses of people, of e-mails about the public request."""
    addresses: dict[str, str] = {}
    reference = str(stage.objects["request_reference"])

    def are_there() -> bool:
        for person in ANSWERING:
            for message in received(stage, stage.objects[person]):
                if message["Reply-To"] and reference in plain_text(message):
                    addresses[person] = str(message["Reply-To"])
        return len(addresses) == len(ANSWERING)

    stage.waits(are_there)
    return addresses


def _mark(number: int) -> str:
    return f"chouette{number:03}x"


def _written(stage: Stage, line: dict[str, Any], mark: str) -> bytes:
    """Return the reply of a line of the table, as a mail server stores it."""
    headers = stage.filled({**table("mail")["honest"], **line.get("headers", {})}, mark=mark)
    head = "\r\n".join(f"{name}: {value}" for name, value in headers.items() if value)
    body = stage.filled(line.get("body", "{mark}, merci."), mark=mark).replace("\n", "\r\n")
    return f"{head}\r\n\r\n{body}\r\n".encode()


def _kept(stage: Stage) -> list[str]:
    """Return the messages of the request, as JSON."""
    shown = stage.people["sysadmin"].action("ecosphere_request_show", id=stage.objects["request"]).result or {}
    return [json.dumps(comment, ensure_ascii=False) for comment in shown.get("comments", [])]


def _explanations(stage: Stage, mails: list[bytes]) -> Iterator[Outcome]:
    """Judge the e-mails that the replies caused."""
    explained: list[bytes] = []
    for raw in mails:
        message = read(raw)
        about, head, automatic = _about(message), _head(message), str(message["Auto-Submitted"])
        yield Outcome(f"the head of {about}", EVIL in head or bool(message["Bcc"]), head[:300])
        known = any(str(stage.objects[person]) in str(message["To"]) for person in ANSWERING)
        answers = "auto-replied" in automatic
        yield Outcome(f"the explanation of {about}", answers and not known, "goes to nobody who has a reply address")
        yield Outcome(f"{about} says that a program wrote it", not automatic.startswith("auto-"), head[:300])
        if answers:
            explained.append(raw)
    for person, number in Counter(str(message["To"]) for message in map(read, explained)).items():
        yield Outcome(f"explanations to {person} are few", number > MOST_EXPLAINED, f"{number}")
    answered = len(stage.mail())
    stage.deliver(explained)  # as another portal would that answers them
    stage.settle()
    yield Outcome("no explanation is answered", len(stage.mail()) > answered, "another e-mail was sent")


def _afterwards(stage: Stage, addresses: dict[str, str]) -> Iterator[Outcome]:
    """Answer the same e-mails again when their people have lost their rights,
    and when their account is closed.
    """
    site, words = stage.people["sysadmin"], stage.objects
    site.action("organization_member_delete", id=words["service"], username=words["admin"])
    site.action("user_delete", id=words["editor"])
    marks = {person: f"chouette-{person}-apres" for person in ("admin", "editor")}
    mails = []
    for person, mark in marks.items():
        headers = {"From": f"{words[person]}@guichet.example", "To": addresses.get(person, "")}
        mails.append(_written(stage, {"headers": headers}, mark))
    stage.deliver(mails)
    for person, mark in marks.items():
        shown = [comment for comment in _kept(stage) if mark in comment]
        if person == "admin":  # who may still write as anybody, but no internal note
            shown = [comment for comment in shown if '"internal": true' in comment]
        yield Outcome(f"a reply of {person}, who has left", bool(shown), " ".join(shown)[:200])
