"""Posts that a page elsewhere makes with the browser of somebody who is logged in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from dev.attack.client import Answer, Client
from dev.attack.outcome import Attack, Outcome
from dev.attack.routes import filled_route
from dev.attack.stage import Stage
from dev.attack.tables import table

ELSEWHERE = {"Origin": "http://evil.example", "Referer": "http://evil.example/page"}


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Switch CKAN's protection off as an anonymous person can, then forge what each person may do."""
    _switch_off(stage)
    for person in ("victim", "editor", "sysadmin"):
        client = stage.logged_in(person)
        for line in table("forged")["posts"]:
            if line["as"] == person:
                yield from _forge(stage, client, line)
        for line in table("forged")["actions"]:
            if line["as"] == person:
                yield from _through_api(stage, client, line)
    yield from _by_address(stage)
    yield from _every_form(stage)


def _switch_off(stage: Stage) -> None:
    """Call and post as nobody, so that CKAN exempts what it exempts; a few times, for each process of the server."""
    nobody = stage.fresh()
    for _time in range(4):
        for line in table("forged")["posts"]:
            path, token = stage.filled(line["path"]), {"Authorization": "x"}
            nobody.send("POST", path, data={}, headers=token)
            nobody.send("POST", path, data={})


def _forge(stage: Stage, client: Client, line: dict[str, Any]) -> Iterator[Outcome]:
    path, data = stage.filled(line["path"]), stage.filled(line["data"])
    for name, headers, body in (
        ("form", {}, data),
        ("text/plain", {"Content-Type": "text/plain"}, "&".join(f"{k}={v}" for k, v in data.items())),
        ("JSON", {"Content-Type": "text/plain"}, json.dumps(data)),
    ):
        answer = client.send("POST", path, data=body, headers={**ELSEWHERE, **headers})
        yield _outcome(f"{name} to {path} as {line['as']}", answer)
    for name in ("_method", "X-HTTP-Method-Override"):
        headers = {**ELSEWHERE, name: "POST"}
        answer = client.send("GET", path, params={**data, "_method": "POST"}, headers=headers)
        if "post_only" in line:
            yield _outcome(f"GET with {name} to {path} as {line['as']}", answer)


def _outcome(what: str, answer: Answer) -> Outcome:
    return Outcome(what, not answer.refused, answer.short if not answer.refused else "")


def _through_api(stage: Stage, client: Client, line: dict[str, Any]) -> Iterator[Outcome]:
    """The API with nothing but the session's cookie."""
    data = stage.filled(line["data"])
    path = f"/api/3/action/{line['action']}"
    bodies = {
        "application/json": json.dumps(data),
        "text/plain": json.dumps(data),
        "application/x-www-form-urlencoded": json.dumps(data) + "=",
    }
    for content_type, body in bodies.items():
        answer = client.send("POST", path, data=body, headers={**ELSEWHERE, "Content-Type": content_type})
        yield Outcome(f"{path} with a cookie, {content_type}", answer.success, answer.short if answer.success else "")
    flat = {k: v if isinstance(v, str) else json.dumps(v) for k, v in data.items()}
    answer = client.send("POST", path, data=flat, headers=ELSEWHERE)
    yield Outcome(f"{path} with a cookie, as a form", answer.success, answer.short if answer.success else "")
    answer = client.send("GET", path, params=flat, headers=ELSEWHERE)
    yield Outcome(f"GET {path} with a cookie", answer.success, answer.short if answer.success else "")
    # Of an answer without content, the status tells.
    answer = client.send("HEAD", path, data=json.dumps(data), headers={**ELSEWHERE, "Content-Type": "application/json"})
    yield Outcome(f"HEAD {path} with a cookie", answer.status == HTTPStatus.OK, answer.short)


def _by_address(stage: Stage) -> Iterator[Outcome]:
    """A link that changes something when it is merely opened: cookies go along with a link from elsewhere."""
    site = stage.people["sysadmin"]
    for line in table("forged")["links"]:
        client = stage.logged_in(line["as"])
        before = _seen(site, stage, line)
        answer = client.get(stage.filled(line["path"]), headers=ELSEWHERE)
        changed = before != _seen(site, stage, line)
        yield Outcome(f"link {line['path']} as {line['as']}", changed, answer.short if changed else "")


def _seen(site: Client, stage: Stage, line: dict[str, Any]) -> str:
    """What an action shows, without what changes by itself."""
    result = site.action(line["see"], stage.filled(line["with"])).result
    if isinstance(result, dict) and line.get("keys"):
        result = {key: result.get(key) for key in line["keys"]}
    return json.dumps(result, sort_keys=True)


def _every_form(stage: Stage) -> Iterator[Outcome]:
    """Each address that takes a post, as an administrator of the site, without a token."""
    client, skipped = stage.logged_in("sysadmin"), table("forged")["not_forged"]
    for route in stage.inventory.routes:
        if "POST" not in route.methods or route.endpoint.startswith("api.") or route.endpoint in skipped:
            continue
        path = filled_route(stage, route.rule, **table("forged")["harmless"])
        answer = client.send("POST", path, data={"x": "y"}, headers=ELSEWHERE)
        through = not answer.refused and answer.status != 404
        yield Outcome(f"POST {path} ({route.endpoint}) without a token", through, answer.short if through else "")


ATTACK = Attack("forged", "A page elsewhere changes nothing with the session of somebody who is logged in.", attempts)
