"""Names registered by our plugins are unique: CKAN would silently use only one of two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import distribution
from typing import Any

import pytest

KINDS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "helper": lambda plugin: named(plugin, "get_helpers"),
    "action": lambda plugin: named(plugin, "get_actions"),
    "auth function": lambda plugin: named(plugin, "get_auth_functions"),
    "validator": lambda plugin: named(plugin, "get_validators"),
    "blueprint": lambda plugin: {each.name: each for each in blueprints(plugin)},
    "command": lambda plugin: {
        each.name: each for each in getattr(plugin, "get_ecosphere_commands", list)()
    },
}


def plugins() -> dict[str, Any]:
    """Return our plugins by name, including those not enabled."""
    found = distribution("ckanext-ecosphere").entry_points.select(group="ckan.plugins")
    return {each.name: each.load()() for each in found}


def named(plugin: Any, method: str) -> dict[str, Any]:
    """Return what a plugin registers itself, by name, without chained functions,
    which several plugins may register.
    """
    given = getattr(plugin, method, dict)()
    chains = ("chained_action", "chained_auth_function", "chained_helper")
    return {
        name: function
        for name, function in given.items()
        if not any(getattr(function, each, False) for each in chains)
    }


def blueprints(plugin: Any) -> list[Any]:
    given = getattr(plugin, "get_blueprint", list)()
    return list(given) if isinstance(given, (list, tuple)) else [given]


def clashes(
    ours: dict[str, Any], registered: Callable[[Any], dict[str, Any]]
) -> dict[str, list[str]]:
    """Return names that several plugins use for different things, with those plugins.

    Plugins that also work alone may register the same function.
    """
    owners: dict[str, dict[str, Any]] = defaultdict(dict)
    for plugin, instance in ours.items():
        for name, thing in registered(instance).items():
            owners[name][plugin] = thing
    return {
        name: list(things)
        for name, things in owners.items()
        if len({id(thing) for thing in things.values()}) > 1
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_belongs_to_one_plugin(kind: str):
    ours = plugins()
    assert sum(len(list(KINDS[kind](each))) for each in ours.values()) > 1, (
        f"no {kind} was found at all"
    )
    assert clashes(ours, KINDS[kind]) == {}


def test_the_guard_sees_a_clash():
    class First:
        def get_helpers(self) -> dict[str, Any]:
            return {"ecosphere_a": print, "ecosphere_b": print, "ecosphere_shared": len}

    class Second:
        def get_helpers(self) -> dict[str, Any]:
            return {"ecosphere_b": repr, "ecosphere_shared": len}

    assert clashes({"one": First(), "two": Second()}, KINDS["helper"]) == {
        "ecosphere_b": ["one", "two"]
    }
