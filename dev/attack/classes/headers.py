"""Attack: missing security headers on every kind of page, and missing cookie flags."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dev.attack.client import Answer
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Check the headers of every kind of page, then the cookies set at log-in."""
    lines = table("headers")
    for person in ("nobody", "editor"):
        client = stage.logged_in(person) if person != "nobody" else stage.people["nobody"]
        for path in stage.filled(lines["pages"]):
            answer = client.get(path)
            for rule in lines["rules"]:
                if not re.search(rule.get("of", ""), answer.headers.get("Content-Type", "")):
                    continue
                value = answer.headers.get(rule["header"], "")
                lacking = not re.search(rule["pattern"], value, re.IGNORECASE)
                what = f"{rule['header']} of {path} as {person}"
                yield Outcome(what, lacking, f"it is {value!r}"[:100] if lacking else "")
            for name in lines["silent"]:
                value = answer.headers.get(name, "")
                told = bool(re.search(r"\d", value))
                yield Outcome(f"{name} of {path} tells no version", told, value if told else "")
    yield from _cookies(stage, lines["cookies"])


def _cookies(stage: Stage, flags: list[str]) -> Iterator[Outcome]:
    client = stage.fresh("user")
    answer = client.log_in(stage.passwords["user"])
    yield Outcome("a log-in sets a cookie", not answer.set_cookies, answer.short if not answer.set_cookies else "")
    remembered = stage.fresh("user")
    fields = {"login": remembered.name, "password": stage.passwords["user"], "remember": "63072000"}
    yield from _flags(answer, flags)
    yield from _flags(remembered.post("/user/login", fields, token_from="/user/login"), flags)


def _flags(answer: Answer, flags: list[str]) -> Iterator[Outcome]:
    for cookie in answer.set_cookies:
        for flag in flags:
            lacking = not re.search(flag, cookie, re.IGNORECASE)
            name = cookie.partition("=")[0]
            yield Outcome(f"{flag} of the cookie {name}", lacking, cookie[-120:] if lacking else "")


ATTACK = Attack("headers", "Every page tells the browser what it may not do.", attempts)
