"""Inventory of a portal's API actions and routes, read from CKAN itself.

python -m dev.attack.inventory INI
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Action:
    """An API action.

    Attributes:
        name: name of the action.
        reads: whether it is declared free of side effects, so that it may be called with GET.
    """

    name: str
    reads: bool


@dataclass(frozen=True)
class Route:
    """A Flask route.

    Attributes:
        rule: URL rule, with variables in angle brackets.
        methods: those of GET, POST, PUT and DELETE that it accepts.
        endpoint: Flask endpoint.
    """

    rule: str
    methods: tuple[str, ...]
    endpoint: str


@dataclass(frozen=True)
class Inventory:
    """All actions and routes of a portal."""

    actions: tuple[Action, ...]
    routes: tuple[Route, ...]


def of_portal(python: Path | str, ini: Path | str) -> Inventory:
    """Read the inventory of the portal of a configuration file, in a subprocess."""
    command = [str(python), "-m", "dev.attack.inventory", str(ini)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return read(json.loads(output[output.index("{") :]))


def read(found: dict[str, Any]) -> Inventory:
    """Make an inventory from the JSON that the command printed."""
    actions = tuple(Action(**each) for each in found["actions"])
    return Inventory(actions, tuple(Route(r["rule"], tuple(r["methods"]), r["endpoint"]) for r in found["routes"]))


def main() -> None:
    """Print the inventory of the portal of a configuration file, as JSON."""
    from ckan import logic
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    app: Any = make_app(load_config(sys.argv[1]))
    logic.get_action("status_show")  # fills CKAN's registry of actions
    actions = [
        {"name": name, "reads": bool(getattr(action, "side_effect_free", False))}
        for name, action in sorted(logic._actions.items())
    ]
    routes = [
        {
            "rule": rule.rule,
            "methods": sorted((rule.methods or set()) & {"GET", "POST", "PUT", "DELETE"}),
            "endpoint": rule.endpoint,
        }
        for rule in sorted(app._wsgi_app.url_map.iter_rules(), key=lambda rule: rule.rule)
        if rule.endpoint != "static" and not rule.endpoint.startswith(("webassets", "debugtoolbar"))
    ]
    print(json.dumps({"actions": actions, "routes": routes}))


if __name__ == "__main__":
    main()
