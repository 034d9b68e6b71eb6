"""Write what of `docs/` comes from the code (`make docs`); a test compares it.

`reference.md`: plugins, options, actions and commands. Tables of `quality.md` and `requests.md`, between their marks.
`field_table` writes `fields.md`. The templates are in `dev/pages`. Declarations are read only; no service needs to run.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import yaml

from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.quality.core import criteria, inspire
from ckanext.ecosphere.quality.core.score import LEVEL_LABELS, load_model
from dev import field_table

DOCS = Path(__file__).parents[1] / "docs"
TARGET = DOCS / "reference.md"


def plugins() -> dict[str, type]:
    """Return the plugin classes of this project by their names in `ckan.plugins`."""
    found = {ep.name: ep.load() for ep in entry_points(group="ckan.plugins") if ep.name.startswith("ecosphere")}
    return dict(sorted(found.items()))


def options(plugin: type) -> Iterator[dict[str, Any]]:
    """Yield the options declared beside a plugin, in `config_declaration.yaml`."""
    path = Path(inspect.getfile(plugin)).parent / "config_declaration.yaml"
    if path.exists():
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["options"]


def actions(name: str, plugin: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield the name, function and plugin of each action that a plugin adds."""
    for action, function in sorted(getattr(plugin(name=name), "get_actions", dict)().items()):
        if action.startswith("ecosphere"):
            yield action, function, name


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and all its subcommands, with the words to type and the arguments."""
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    context = click.Context(command)
    yield " ".join([path, *(argument.make_metavar(context) for argument in arguments)]), command
    for name, sub in sorted(getattr(command, "commands", {}).items()):
        yield from walk(sub, f"{path} {name}")


def render() -> str:
    """Return the whole page as Markdown."""
    from ckanext.ecosphere.cli import ecosphere

    classes: dict[str, Any] = plugins()
    commands = [*ecosphere.commands.values()]
    values: dict[str, Any] = {"plugins": classes, "options": {}, "actions": [], "commands": []}
    for name, plugin in classes.items():
        values["options"] |= {option["key"]: option for option in options(plugin)}
        values["actions"] += actions(name, plugin)
        commands += getattr(plugin(name=name), "get_ecosphere_commands", list)()
    for command in commands:
        values["commands"] += walk(command, f"ckan ecosphere {command.name}")
    return field_table.rendered("reference.md", **values)


PAGES = {"quality.md": ("criteria", "mqa", "inspire"), "requests.md": ("transitions",)}
"""Page → its tables by name; a table is between `<!-- name -->` and `<!-- /name -->`."""


def page_with_tables(name: str) -> str:
    """Return a page of `PAGES` with its tables generated anew."""
    page = (DOCS / name).read_text(encoding="utf-8")
    values = {"criteria": criteria, "inspire": inspire, "states": states, "labels": LEVEL_LABELS}
    for table in PAGES[name]:
        page = placed(page, table, field_table.rendered(f"{table}.md", model=load_model(), **values))
    return page


def placed(page: str, table: str, text: str) -> str:
    """Return the text of a page with one of its tables replaced."""
    marks = re.compile(rf"(<!-- {table} -->\n).*?(<!-- /{table} -->)", re.DOTALL)
    if not marks.search(page):
        raise SystemExit(f"There is no place for the table {table}")
    return marks.sub(lambda found: f"{found[1]}{text}{found[2]}", page)


def main() -> None:
    """Write the pages."""
    TARGET.write_text(render(), encoding="utf-8")
    field_table.TARGET.write_text(field_table.render(), encoding="utf-8")
    for name in PAGES:
        (DOCS / name).write_text(page_with_tables(name), encoding="utf-8")


if __name__ == "__main__":
    main()
