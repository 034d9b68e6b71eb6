"""Attack: reuse expired sessions, session fixation and forged session cookies."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from dev.attack.client import Client
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage

#: A page that shows who is logged in.
OWN_PAGE = "/fr/user/edit"


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Reuse cookies that should no longer be valid."""
    yield from _after_log_out(stage)
    yield from _after_new_password(stage)
    yield from _fixed(stage)
    yield from _spelled(stage)
    yield from _after_deletion(stage)


def _known(client: Client) -> bool:
    answer = client.get(OWN_PAGE)
    return answer.status == 200 and client.name in answer.body


def _thief(stage: Stage, client: Client) -> Client:
    """Return a client with a copy of another client's cookies."""
    thief = stage.fresh()
    thief.name = client.name
    thief.session.cookies.update(client.cookies)
    stage.clients.append(thief)
    return thief


def _after_log_out(stage: Stage) -> Iterator[Outcome]:
    client = stage.logged_in("user")
    yield Outcome("the log-in itself works", not _known(client), "" if _known(client) else "nothing was tested")
    thief = _thief(stage, client)
    client.post("/user/_logout")
    client.get("/user/_logout")
    yield Outcome("cookies copied before the log-out", _known(thief), "still logged in")
    remembered = stage.fresh("user")
    fields = {"login": remembered.name, "password": stage.passwords["user"], "remember": "63072000"}
    remembered.post("/user/login", fields, token_from="/user/login")
    thief = _thief(stage, remembered)
    remembered.post("/user/_logout")
    yield Outcome("remember cookie copied before the log-out", _known(thief), "still logged in")


def _after_new_password(stage: Stage) -> Iterator[Outcome]:
    site, old = stage.people["sysadmin"], stage.logged_in("user")
    remembered = stage.fresh("user")
    fields = {"login": remembered.name, "password": stage.passwords["user"], "remember": "63072000"}
    remembered.post("/user/login", fields, token_from="/user/login")
    only = _thief(stage, remembered)
    for name in list(only.cookies):
        if "remember" not in name:
            del only.session.cookies[name]
    stage.passwords["user"] = password = secrets.token_urlsafe(12)
    site.action("user_patch", id=stage.objects["user"], password=password)
    yield Outcome("a session from before the new password", _known(old), "still logged in")
    yield Outcome("a remember cookie from before the new password", _known(only), "still logged in")


def _fixed(stage: Stage) -> Iterator[Outcome]:
    """Try session fixation: a session planted before the log-in."""
    client = stage.fresh("user")
    client.csrf("/user/login")
    before = client.cookies
    thief = _thief(stage, client)
    client.log_in(stage.passwords["user"])
    same = [name for name, value in client.cookies.items() if before.get(name) == value]
    yield Outcome("a session planted before the log-in", _known(thief), f"cookies that stayed: {same}")


def _spelled(stage: Stage) -> Iterator[Outcome]:
    """Try forged session cookies."""
    known = stage.logged_in("user").cookies
    for name, value in known.items():
        for forged in ("", "x", value[:-2], value.upper(), "../../etc/passwd", f"{stage.objects['admin_id']}|0", "%00"):
            client = stage.fresh()
            client.name = stage.objects["admin"]
            client.session.cookies.set(name, forged)
            yield Outcome(f"the cookie {name} as {forged[:20]!r}", _known(client), "logged in")


def _after_deletion(stage: Stage) -> Iterator[Outcome]:
    site, name, password = stage.people["sysadmin"], f"attack-gone-{secrets.token_hex(3)}", secrets.token_urlsafe(12)
    made = site.action("user_create", name=name, email=f"{name}@guichet.example", password=password).result or {}
    token = (site.action("api_token_create", user=name, name="x").result or {}).get("token", "")
    client = stage.fresh()
    client.name, client.token = name, token
    client.log_in(password)
    site.action("user_delete", id=made.get("id", name))
    yield Outcome("a session of a deleted account", _known(client), "still logged in")
    answer = client.action("ecosphere_request_create", title="Attaque")
    yield Outcome("a token of a deleted account", answer.success, answer.short if answer.success else "")


ATTACK = Attack("sessions", "A session ends with the log-out, a new password and the account.", attempts)
