"""No two of our plugins give one name to different things: CKAN would take one of them, and a page goes missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from importlib.metadata import distribution
from typing import Any

import pytest

KINDS: dict[str, Callable[[Any], Iterable[str]]] = {
    "helper": lambda plugin: named(plugin, "get_helpers"),
    "action": lambda plugin: named(plugin, "get_actions"),
    "auth function": lambda plugin: named(plugin, "get_auth_functions"),
    "validator": lambda plugin: named(plugin, "get_validators"),
    "blueprint": lambda plugin: [each.name for each in blueprints(plugin)],
    "command": lambda plugin: [each.name for each in getattr(plugin, "get_ecosphere_commands", list)()],
}


def plugins() -> dict[str, Any]:
    """Our plugins by name, those that are not enabled too."""
    found = distribution("ckanext-ecosphere").entry_points.select(group="ckan.plugins")
    return {each.name: each.load()() for each in found}


def named(plugin: Any, method: str) -> list[str]:
    """Names that a plugin registers itself; several may chain what is not theirs."""
    given = getattr(plugin, method, dict)()
    chains = ("chained_action", "chained_auth_function", "chained_helper")
    return [name for name, function in given.items() if not any(getattr(function, each, False) for each in chains)]


def blueprints(plugin: Any) -> list[Any]:
    given = getattr(plugin, "get_blueprint", list)()
    return list(given) if isinstance(given, (list, tuple)) else [given]


def clashes(ours: dict[str, Any], names: Callable[[Any], Iterable[str]]) -> dict[str, list[str]]:
    """Names that several plugins register, with those plugins."""
    owners: dict[str, list[str]] = defaultdict(list)
    for plugin, instance in ours.items():
        for name in names(instance):
            owners[name].append(plugin)
    return {name: found for name, found in owners.items() if len(found) > 1}


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_belongs_to_one_plugin(kind: str):
    ours = plugins()
    assert sum(len(list(KINDS[kind](each))) for each in ours.values()) > 1, f"no {kind} was found at all"
    assert clashes(ours, KINDS[kind]) == {}


def test_the_guard_sees_a_clash():
    class First:
        def get_helpers(self) -> dict[str, Any]:
            return {"ecosphere_a": print, "ecosphere_b": print}

    class Second:
        def get_helpers(self) -> dict[str, Any]:
            return {"ecosphere_b": repr}

    assert clashes({"one": First(), "two": Second()}, KINDS["helper"]) == {"ecosphere_b": ["one", "two"]}
