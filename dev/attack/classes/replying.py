"""Send hostile replies by e-mail, and look for what became of them."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any

from dev.attack.outcome import Outcome
from dev.attack.settling import settle
from dev.attack.stage import Stage
from dev.attack.tables import table

#: People whose reply addresses are attacked.
ANSWERING = ("victim", "editor", "admin")
EVIL = "evil.example"
#: What a browser would obey, in HTML that is written as JSON.
ACTIVE = re.compile(r"<(?:script|img|svg)|<[^>]*\s(?:on\w+|href)=\W*(?:alert|javascript)", re.IGNORECASE)
#: Most e-mails to a person that explain why a reply was not taken: five for their own, five for those of strangers.
MOST_EXPLAINED = 10
PAUSE_SECONDS = 0.5


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Have the portal write to people, answer in their names and in others', and have it read the replies."""
    words = stage.objects
    stage.people["editor"].action("ecosphere_request_comment", id=words["request"], text="Une question.")
    addresses = _addresses(stage)
    lacking = [person for person in ANSWERING if person not in addresses]
    yield Outcome("the portal takes replies", bool(lacking), f"no reply address for {lacking}" if lacking else "")
    words |= {"to": addresses.get("victim", ""), "me": f"{words['victim']}@guichet.example"}
    words |= {f"to_{person}": addresses.get(person, "") for person in ANSWERING}
    path = stage.canaries.path()
    words["canary"] = stage.canaries.address(path)
    before = len(stage.mail())
    lines = table("replies")
    stage.deliver([_written(stage, line, _mark(number)) for number, line in enumerate(lines)])
    settle(stage)
    kept = _kept(stage)
    for number, line in enumerate(lines):
        comments = [each for each in kept if _mark(number) in each]
        told = " ".join(comments)[:200]
        yield Outcome(f"reply: {line['name']}", bool(comments) and not line.get("taken"), told)
        active = ACTIVE.search(" ".join(comments))
        yield Outcome(f"reply: {line['name']}: what is shown", bool(active), f"{active} in {told}")
    honest = any(_mark(0) in each for each in kept)
    yield Outcome("an honest reply is taken", not honest, "" if honest else "it was not: nothing was tested")
    yield Outcome("a file elsewhere", stage.canaries.asked(path), "the canary was asked")
    yield from _sent(stage, stage.mail()[before:])
    yield from _afterwards(stage, addresses)


def _addresses(stage: Stage) -> dict[str, str]:
    """Return the latest reply addresses of people, of e-mails about the public request."""
    found: dict[str, str] = {}
    deadline = time.monotonic() + stage.patience
    while len(found) < len(ANSWERING) and time.monotonic() < deadline:
        time.sleep(min(PAUSE_SECONDS, stage.patience))
        for raw in stage.mail():
            message = message_from_bytes(raw, policy=policy.default)
            body = message.get_body(preferencelist=("plain",))
            if not message["Reply-To"] or str(stage.objects["request_reference"]) not in (
                body.get_content() if body else ""
            ):
                continue
            for person in ANSWERING:
                if str(stage.objects[person]) in str(message["To"]):
                    found[person] = str(message["Reply-To"])
    return found


def _mark(number: int) -> str:
    return f"chouette{number:03}x"


def _written(stage: Stage, line: dict[str, Any], mark: str) -> bytes:
    """Return the reply of a line of the table, as a mail server stores it."""
    honest = {
        "From": "{me}",
        "To": "{to}",
        "Subject": "Re: demande",
        "Message-ID": f"<{mark}.{stage.objects['run']}@guichet.example>",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
    }
    headers = stage.filled({**honest, **line.get("headers", {})}, mark=mark)
    head = "\r\n".join(f"{name}: {value}" for name, value in headers.items() if value)
    body = stage.filled(line.get("body", "{mark}, merci."), mark=mark).replace("\n", "\r\n")
    return f"{head}\r\n\r\n{body}\r\n".encode()


def _kept(stage: Stage) -> list[str]:
    """Return the messages of the request, as JSON."""
    shown = stage.people["sysadmin"].action("ecosphere_request_show", id=stage.objects["request"]).result or {}
    return [json.dumps(each, ensure_ascii=False) for each in shown.get("comments", [])]


def _sent(stage: Stage, mails: list[bytes]) -> Iterator[Outcome]:
    """Judge the e-mails that the replies caused."""
    explained: list[bytes] = []
    for raw in mails:
        message = message_from_bytes(raw, policy=policy.default)
        about = f"e-mail {str(message['Subject'])[:60]!r} to {message['To']}"
        answers = "auto-replied" in str(message["Auto-Submitted"])
        head = " ".join(f"{name}: {value}" for name, value in message.items())
        yield Outcome(f"the head of {about}", EVIL in head or bool(message["Bcc"]), head[:300])
        stranger = answers and not any(str(stage.objects[each]) in str(message["To"]) for each in ANSWERING)
        yield Outcome(f"the explanation of {about}", stranger, "goes to nobody who has a reply address")
        loops = not str(message["Auto-Submitted"]).startswith("auto-")
        yield Outcome(f"{about} says that a program wrote it", loops, head[:300])
        if answers:
            explained.append(raw)
    for person, number in Counter(str(message_from_bytes(raw)["To"]) for raw in explained).items():
        yield Outcome(f"explanations to {person} are few", number > MOST_EXPLAINED, f"{number}")
    answered = len(stage.mail())
    stage.deliver(explained)  # as another portal would that answers them
    settle(stage)
    yield Outcome("no explanation is answered", len(stage.mail()) > answered, "another e-mail was sent")


def _afterwards(stage: Stage, addresses: dict[str, str]) -> Iterator[Outcome]:
    """Answer the same e-mails again when their people have lost their rights, and when their account is closed."""
    site, words = stage.people["sysadmin"], stage.objects
    site.action("organization_member_delete", id=words["service"], username=words["admin"])
    site.action("user_delete", id=words["editor"])
    marks = {person: f"chouette-{person}-apres" for person in ("admin", "editor")}
    mails = []
    for person, mark in marks.items():
        headers = {"From": f"{words[person]}@guichet.example", "To": addresses.get(person, "")}
        mails.append(_written(stage, {"headers": headers}, mark))
    stage.deliver(mails)
    notes = [each for each in _kept(stage) if '"internal": true' in each]
    for person, mark in marks.items():
        written = _kept(stage) if person == "editor" else notes
        shown = [each for each in written if mark in each]
        yield Outcome(f"a reply of {person}, who has left", bool(shown), " ".join(shown)[:200])
