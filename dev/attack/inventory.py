"""Routes of a portal, read from CKAN itself.

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


def of_portal(python: Path | str, ini: Path | str) -> tuple[Route, ...]:
    """Read the routes of the portal of a configuration file, in a subprocess."""
    command = [str(python), "-m", "dev.attack.inventory", str(ini)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    routes = json.loads(output[output.index("[{") :])
    return tuple(Route(route["rule"], tuple(route["methods"]), route["endpoint"]) for route in routes)


def main() -> None:
    """Print the routes of the portal of a configuration file, as JSON."""
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    app: Any = make_app(load_config(sys.argv[1]))
    routes = [
        {
            "rule": rule.rule,
            "methods": sorted((rule.methods or set()) & {"GET", "POST", "PUT", "DELETE"}),
            "endpoint": rule.endpoint,
        }
        for rule in sorted(app._wsgi_app.url_map.iter_rules(), key=lambda rule: rule.rule)
        if rule.endpoint != "static" and not rule.endpoint.startswith(("webassets", "debugtoolbar"))
    ]
    print(json.dumps(routes))


if __name__ == "__main__":
    main()
