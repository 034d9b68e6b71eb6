"""Attack: open redirects, and links in e-mails built from a forged Host header."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from dev.attack.client import Answer
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

EVIL = "evil.example"


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Request every URL that redirects, with every spelling of a foreign URL."""
    lines, home = table("redirects"), urlsplit(stage.url).netloc
    for path in stage.filled(lines["paths"]):
        for elsewhere in lines["elsewhere"]:
            client = stage.fresh()
            answer = client.get(path.replace("{elsewhere}", quote(elsewhere, safe="")))
            yield _outcome(f"GET {path} with {elsewhere!r}", answer, home)
    for elsewhere in lines["elsewhere"]:
        for field in lines["log_in_fields"]:
            client = stage.fresh("user")
            fields = {"login": client.name, "password": stage.passwords["user"]}
            address = f"/user/login?{field}={quote(elsewhere, safe='')}"
            answer = client.post(address, {**fields, field: elsewhere}, token_from=address)
            yield _outcome(f"log-in with {field}={elsewhere!r}", answer, home)
    for path in lines["raw_paths"]:
        yield _outcome(f"GET {path}", stage.fresh().send("GET", stage.url + path), home)
    yield from _headers(stage)


def _outcome(what: str, answer: Answer, home: str) -> Outcome:
    location = answer.location.replace("\\", "/").strip("\t\r\n ")
    target = urlsplit(location)
    away = bool(target.netloc) and target.netloc != home
    script = target.scheme not in ("", "http", "https")
    return Outcome(what, away or script or location.startswith("//"), answer.location)


def _headers(stage: Stage) -> Iterator[Outcome]:
    """Send headers that name another host, and look for it in redirects, pages and password-reset e-mails."""
    for name in table("redirects")["headers"]:
        client, headers = stage.fresh(), {name: EVIL}
        for path in ("/fr/user/login", "/user/me", "/fr/dataset", "/organization", "/feeds/dataset.atom"):
            answer = client.get(path, headers=headers)
            told = EVIL in answer.location or EVIL in answer.body
            yield Outcome(f"{name} in {path}", told, answer.location or "in the page" if told else "")
        page = client.csrf("/user/reset")
        client.send("POST", "/user/reset", data={"user": stage.objects["user"], "_csrf_token": page}, headers=headers)
    time.sleep(2)
    for message in stage.mail():
        told = EVIL.encode() in message
        yield Outcome("an e-mail with a link", told, message[:300].decode("utf-8", "replace") if told else "")


ATTACK = Attack("redirects", "The portal leads nobody elsewhere, whatever an address or a header says.", attempts)
