"""Write `docs/reference.md` from the code: plugins, options, actions and commands.

    python -m dev.reference            # write it
    python -m dev.reference --check    # exit 1 if the file is out of date

Reads declarations only; no service needs to run.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import click
import yaml

TARGET = Path(__file__).parents[1] / "docs" / "reference.md"
HEAD = """# Reference

Plugins, options, actions and commands of `ckanext-ecosphere`.
Written by `make docs` from the code; do not edit by hand.
"""


def plugins() -> dict[str, type]:
    """Return the plugin classes of this project by their names in `ckan.plugins`."""
    found = {ep.name: ep.load() for ep in entry_points(group="ckan.plugins") if ep.name.startswith("ecosphere")}
    return dict(sorted(found.items()))


def first_paragraph(text: str | None) -> str:
    """Return the first paragraph of a docstring as one line."""
    return " ".join((inspect.cleandoc(text or "").split("\n\n") or [""])[0].split())


def cell(text: object) -> str:
    """Return a value as a cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ").strip()


def plugin_section(classes: dict[str, type]) -> Iterator[str]:
    """Yield the lines of the table of plugins."""
    yield "## Plugins\n\n| name in `ckan.plugins` | what it is |\n| --- | --- |"
    for name, cls in classes.items():
        yield f"| `{name}` | {cell(first_paragraph(cls.__doc__))} |"


def declarations(cls: type) -> list[dict]:
    """Return the groups of options declared beside a plugin, in `config_declaration.yaml`."""
    path = Path(inspect.getfile(cls)).parent / "config_declaration.yaml"
    return yaml.safe_load(path.read_text())["groups"] if path.exists() else []


def option_section(classes: dict[str, type]) -> Iterator[str]:
    """Yield the lines of the table of options, with type, default and meaning."""
    yield "\n## Options\n\n| option | type | default | meaning |\n| --- | --- | --- | --- |"
    options = {o["key"]: o for cls in classes.values() for group in declarations(cls) for o in group["options"]}
    for key, option in sorted(options.items()):
        kind = option.get("type", "text")
        default = option.get("default", option.get("placeholder", ""))
        yield f"| `{key}` | {kind} | {f'`{cell(default)}`' if default != '' else ''} | {cell(option['description'])} |"


def action_section(classes: dict[str, type]) -> Iterator[str]:
    """Yield the actions that the plugins add, with their docstrings."""
    yield "\n## Actions\n"
    for plugin, cls in classes.items():
        for name, function in sorted(getattr(cls(name=plugin), "get_actions", dict)().items()):
            if not name.startswith("ecosphere"):
                continue
            reads = "GET or POST" if getattr(function, "side_effect_free", False) else "POST"
            text = inspect.cleandoc(function.__doc__ or "")
            yield f"### `{name}`\n\n{reads}, plugin `{plugin}`.\n\n```text\n{text}\n```\n"


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and all its subcommands, with the words to type."""
    yield path, command
    for name, sub in sorted(getattr(command, "commands", {}).items()):
        yield from walk(sub, f"{path} {name}")


def command_section(classes: dict[str, type]) -> Iterator[str]:
    """Yield the lines of the table of commands, with their options."""
    from ckanext.ecosphere.cli import ecosphere

    yield "\n## Commands\n\n| command | what it does |\n| --- | --- |"
    rooms = [c for name, cls in classes.items() for c in getattr(cls(name=name), "get_ecosphere_commands", list)()]
    for top in [*ecosphere.commands.values(), *rooms]:
        for path, command in walk(top, f"ckan ecosphere {top.name}"):
            words = " ".join(
                p.make_metavar(click.Context(command)) for p in command.params if p.param_type_name == "argument"
            )
            flags = " ".join(f"`{p.opts[0]}`" for p in command.params if p.param_type_name == "option")
            text = first_paragraph(command.help) + (f" Options: {flags}" if flags else "")
            yield f"| `{' '.join(filter(None, (path, words)))}` | {cell(text)} |"


def render() -> str:
    """Return the whole page as Markdown."""
    classes = plugins()
    sections = (plugin_section, option_section, action_section, command_section)
    return "\n".join([HEAD, *(line for section in sections for line in section(classes))]) + "\n"


def main() -> int:
    """Write the page; with `--check`, compare it instead."""
    text = render()
    if "--check" in sys.argv:
        return int(TARGET.read_text() != text)
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
