"""Attack: cross-site request forgery with the session of a logged-in user."""

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
    """Try to switch CKAN's CSRF protection off anonymously, then forge requests that each person may make."""
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
    """Post anonymously with an API token header, which may exempt a view; repeated to reach each server process."""
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
    """Call the API with the session cookie alone."""
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
    # The answer to HEAD has no body: only its status shows success.
    answer = client.send("HEAD", path, data=json.dumps(data), headers={**ELSEWHERE, "Content-Type": "application/json"})
    yield Outcome(f"HEAD {path} with a cookie", answer.status == HTTPStatus.OK, answer.short)


def _by_address(stage: Stage) -> Iterator[Outcome]:
    """Open links that might change something on GET: browsers send cookies when a link on another site is followed."""
    site = stage.people["sysadmin"]
    for line in table("forged")["links"]:
        client = stage.logged_in(line["as"])
        before = _seen(site, stage, line)
        answer = client.get(stage.filled(line["path"]), headers=ELSEWHERE)
        changed = before != _seen(site, stage, line)
        yield Outcome(f"link {line['path']} as {line['as']}", changed, answer.short if changed else "")


def _seen(site: Client, stage: Stage, line: dict[str, Any]) -> str:
    """Return the result of an action as JSON, limited to keys that do not change by themselves."""
    result = site.action(line["see"], stage.filled(line["with"])).result
    if isinstance(result, dict) and line.get("keys"):
        result = {key: result.get(key) for key in line["keys"]}
    return json.dumps(result, sort_keys=True)


def _every_form(stage: Stage) -> Iterator[Outcome]:
    """Post to each route as a sysadmin, without a CSRF token."""
    client, skipped = stage.logged_in("sysadmin"), table("forged")["not_forged"]
    for route in stage.routes:
        if "POST" not in route.methods or route.endpoint.startswith("api.") or route.endpoint in skipped:
            continue
        path = filled_route(stage, route.rule, **table("forged")["harmless"])
        answer = client.send("POST", path, data={"x": "y"}, headers=ELSEWHERE)
        through = not answer.refused and answer.status != 404
        yield Outcome(f"POST {path} ({route.endpoint}) without a token", through, answer.short if through else "")


ATTACK = Attack("forged", "A page elsewhere changes nothing with the session of somebody who is logged in.", attempts)
