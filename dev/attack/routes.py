"""Routes of a portal, read from CKAN itself, and their URLs with objects filled in.

python -m dev.attack.routes INI
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.attack.tables import table

METHODS = {"GET", "POST", "PUT", "DELETE"}
_VARIABLE = re.compile(r"<(?:[^:<>]*(?:\([^)]*\))?:)?(\w+)>")


@dataclass(frozen=True)
class Route:
    """A Flask route.

    Attributes:
        rule: URL rule, with variables in angle brackets.
        methods: those of `METHODS` that it accepts.
        endpoint: Flask endpoint.
    """

    rule: str
    methods: tuple[str, ...]
    endpoint: str

    def path(self, objects: Mapping[str, Any], **values: str) -> str:
        """Return the path with these values, or objects of the stage, for its variables.

        The table `routes` gives the object of each variable by prefix of the path.
        """
        words = next(words for begin, words in table("routes").items() if self.rule.startswith(begin))

        def value(variable: re.Match[str]) -> str:
            word = words.get(variable[1], variable[1])
            return str(values.get(variable[1]) or objects.get(word, word))

        return _VARIABLE.sub(value, self.rule)


def of_portal(python: Path | str, ini: Path | str) -> tuple[Route, ...]:
    """Read the routes of the portal of a configuration file, in a subprocess."""
    command = [str(python), "-m", "dev.attack.routes", str(ini)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = json.loads(output[output.index("[[") :])
    return tuple(Route(rule, tuple(methods), endpoint) for rule, methods, endpoint in rows)


def main() -> None:
    """Print the routes of the portal of a configuration file, as JSON."""
    from ckan.cli import load_config
    from ckan.config.middleware import make_app

    app: Any = make_app(load_config(sys.argv[1]))
    rules = sorted(app._wsgi_app.url_map.iter_rules(), key=lambda rule: rule.rule)
    of_tools = ("static", "webassets", "debugtoolbar")
    rows = [
        (rule.rule, sorted((rule.methods or set()) & METHODS), rule.endpoint)
        for rule in rules
        if not rule.endpoint.startswith(of_tools)
    ]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
