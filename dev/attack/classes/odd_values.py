"""Attack: fuzz every parameter of every route and API action; none may cause an internal error.

An internal error of an action of CKAN or of another extension is theirs, and counted apart: see `docs/upstream.md`, 16.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dev.attack.classes.slow_questions import BROKEN, judged
from dev.attack.client import Answer, Client
from dev.attack.outcome import SLOWEST_SECONDS, Attack, Outcome
from dev.attack.routes import filled_route, variables
from dev.attack.stage import Stage
from dev.attack.tables import repeated, table

#: Number of leading values of a table that are tried everywhere, and number of others drawn with the seed.
ALWAYS, DRAWN = 1, 1
#: Number of odd bodies tried on an action.
BODIES = 5


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Request every route with odd values in its path and parameters, then call every action with odd data."""
    lines = table("odd_values")
    odd = [repeated(value) for value in lines["in_addresses"]]
    stage.clients.append(visitor := stage.fresh())
    for route in stage.inventory.routes:
        if route.endpoint in lines["skipped"] or "GET" not in route.methods:
            continue
        names = lines["parameters"].get(route.endpoint, []) + lines["common_parameters"]
        yield from _route(stage, visitor, route.rule, odd, names)
    yield from _forms(stage, odd)
    yield from _actions(stage)
    yield from _bodies(stage)


def _route(stage: Stage, client: Client, rule: str, odd: list[str], names: list[str]) -> Iterator[Outcome]:
    for number, value in enumerate(_drawn(stage, odd)):
        for variable in variables(rule):
            path = filled_route(stage, rule, **{variable: value})
            yield judged(f"GET {path}", client.send("GET", stage.url + path))
        # A third of the parameters at a time, so that each gets several values without trying every combination.
        chosen = [name for position, name in enumerate(names) if (position + number) % 3 == 0]
        query = "&".join(f"{name}={value}" for name in chosen)
        path = f"{filled_route(stage, rule)}?{query}"
        yield judged(f"GET {path}", client.send("GET", stage.url + path))


def _drawn(stage: Stage, values: list[Any]) -> list[Any]:
    """Return the first values, NUL among them, and a random sample of the others."""
    return [*values[:ALWAYS], *stage.random.sample(values[ALWAYS:], DRAWN)]


def _forms(stage: Stage, odd: list[str]) -> Iterator[Outcome]:
    """Post the forms of the table as a person who may use them, with a CSRF token."""
    lines = table("odd_values")
    for line in lines["forms"]:
        client = stage.logged_in(line["as"])
        path, token = stage.filled(line["path"]), client.csrf("/fr/user/edit")
        for value in _drawn(stage, odd):
            body = "&".join(f"{field}={value}" for field in line["fields"]) + f"&_csrf_token={token}"
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Referer": stage.url + path}
            yield judged(f"POST {path} {body[:60]}", client.send("POST", path, data=body, headers=headers))


def _actions(stage: Stage) -> Iterator[Outcome]:
    """Call each reading action and each action of the suite as an editor, with data of unexpected types."""
    lines, site = table("odd_values"), stage.people["editor"]
    for action in stage.inventory.actions:
        own = action.name.startswith("ecosphere_")
        if not (action.reads or own) or action.name in lines["skipped_actions"]:
            continue
        known = (table("actions").get(action.name) or {}).get("data") or {}
        values = [repeated(each) if isinstance(each, str) else each for each in lines["in_data"]]
        for value in _drawn(stage, values):
            data: dict[str, Any] = dict.fromkeys([*known, *lines["common_data"]], value)
            answer = site.action(action.name, data)
            yield _judged(f"{action.name} with {json.dumps(value)[:40]} everywhere", answer, own)
        for name in known if own else ():
            value = stage.random.choice(values)
            answer = site.action(action.name, stage.filled(known) | {name: value})
            yield judged(f"{action.name} with {name}={json.dumps(value)[:40]}", answer)


def _judged(what: str, answer: Answer, own: bool) -> Outcome:
    """Judge an answer; an internal error that comes in time is counted apart unless the action is the suite's own."""
    if not own and answer.status == BROKEN and answer.cost <= SLOWEST_SECONDS:
        return Outcome(what[:200], through=False, of_ckan=True)
    return judged(what, answer)


def _bodies(stage: Stage) -> Iterator[Outcome]:
    """Send bodies that are not JSON objects, or not even text."""
    client = stage.people["editor"]
    headers = {"Authorization": client.token, "Content-Type": "application/json"}
    for name in table("odd_values")["body_actions"]:
        for body in stage.random.sample(table("odd_values")["bodies"], BODIES):
            raw = repeated(body).encode("latin-1", "replace")
            answer = client.send("POST", f"/api/3/action/{name}", data=raw, headers=headers)
            yield judged(f"{name} with the body {body[:40]!r}", answer)


PROMISE = "Whatever an address, a form or an action of the suite is given, the answer is no fault."
ATTACK = Attack("odd_values", PROMISE, attempts)
