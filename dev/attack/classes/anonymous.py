"""Attack: write without an account, through every API action and every form."""

from __future__ import annotations

from collections.abc import Iterator

from dev.attack.classes import calling
from dev.attack.outcome import Attack, Outcome
from dev.attack.routes import filled_route
from dev.attack.stage import Stage
from dev.attack.tables import table


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Call every action and post every form without an account."""
    calling.harvested(stage)
    yield from calling.missing(stage)
    yield from calling.calls(stage, ["nobody"])
    yield from _unlisted(stage)
    yield from _forms(stage)


def _unlisted(stage: Stage) -> Iterator[Outcome]:
    """Call the writing actions that are in no table, with the common data and the id of each kind of object."""
    nobody, allowed = stage.people["nobody"], table("anonymous")["actions"]
    for action in stage.inventory.actions:
        if action.reads or action.name in table("actions") or action.name in allowed:
            continue
        for word in ("dataset", "request", "service", "source", "victim"):
            data = stage.filled(table("anonymous")["data"], this=stage.objects.get(word, word))
            answer = nobody.action(action.name, data)
            yield Outcome(f"{action.name} with id={word}", answer.success, answer.short if answer.success else "")
            if answer.status == 400:  # not an action of the API
                break


def _forms(stage: Stage) -> Iterator[Outcome]:
    """Post every form from a fresh session, with the CSRF token that pages give to any visitor."""
    public, fields = table("anonymous")["routes"], stage.filled(table("anonymous")["data"], this="x")
    person = stage.fresh()
    stage.clients.append(person)
    for route in stage.inventory.routes:
        if "POST" not in route.methods or route.endpoint in public or route.endpoint.startswith("api."):
            continue
        path = filled_route(stage, route.rule)
        answer = person.post(path, fields)
        yield Outcome(f"POST {path} ({route.endpoint})", not answer.refused, "" if answer.refused else answer.short)


ATTACK = Attack("anonymous", "Nobody writes anything without an account.", attempts)
