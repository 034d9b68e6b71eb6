"""Write what of `docs/` comes from the code (`make docs`); a test compares it.

`reference.md`: plugins, options, actions and commands. Tables of `quality.md` and `requests.md`, between their marks.
`field_table` writes `fields.md`. Declarations are read only; no service needs to run.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

import click
import yaml

from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.domain.states import TRANSITIONS, Told
from ckanext.ecosphere.quality.core.criteria import BY_ID, CRITERIA, GROUP_LABELS
from ckanext.ecosphere.quality.core.inspire import DIMENSION_LABELS, INDICATORS, MAXIMUM, RATINGS, REQUIREMENTS, maximum
from ckanext.ecosphere.quality.core.score import LEVEL_LABELS, load_model
from dev import field_table

DOCS = Path(__file__).parents[1] / "docs"
TARGET = DOCS / "reference.md"
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


# --- tables of other pages ---


def criteria() -> str:
    """Return the criteria of the badge, with their points in the shipped model, and its levels."""
    model = load_model()
    rows = ["| group | criterion | identifier | points | advice | field | ISO 19139 element |", "| --- " * 7 + "|"]
    for each in CRITERIA:
        field = f"{each.field} (resource)" if each.on_resource else each.field
        cells = (GROUP_LABELS[each.group], each.label, f"`{each.id}`", str(model.points.get(each.id, "–")), each.advice)
        rows.append("| " + " | ".join((*cells, f"`{field}`", f"`{each.element}`")) + " |")
    total = sum(model.points.values())
    rows.append(f"\nModel `{model.version}`: {total} points in all.\n")
    rows += ["| level | lowest score | conditions |", "| --- | ---: | --- |"]
    for level in model.levels:
        conditions = ", ".join(f"{BY_ID[name].label} (`{name}`)" for name in level.requires)
        rows.append(f"| {LEVEL_LABELS[level.code]} | {level.lowest} | {conditions or '–'} |")
    return "\n".join(rows)


def assessment() -> str:
    """Return the indicators of the European metadata quality assessment (MQA)."""
    rows = ["| dimension | indicator | points |", "| --- | --- | ---: |"]
    rows += [f"| {DIMENSION_LABELS[i.dimension]} | {i.label} | {i.points} |" for i in INDICATORS]
    rows += [f"| **{label}** | | **{maximum(dimension)}** |" for dimension, label in DIMENSION_LABELS.items()]
    ratings = ", ".join(f"{code} from {lowest}" for code, lowest in RATINGS)
    rows.append(f"| **All** | | **{MAXIMUM}** |\n\nRatings: {ratings}.")
    return "\n".join(rows)


def checklist() -> str:
    """Return the INSPIRE requirements."""
    rows = ["| requirement | number | field | element |", "| --- | --- | --- | --- |"]
    rows += [f"| {r.label} | {r.number} | `{r.field}` | `{r.element}` |" for r in REQUIREMENTS]
    return "\n".join(rows)


def transitions() -> str:
    """Return the transitions of a data request."""
    rows = ["| transition | from → to | who | required (optional) | who is told |", "| --- " * 5 + "|"]
    for transition in TRANSITIONS.values():
        fields = ", ".join(f"`{name}`" for name in transition.required)
        if transition.optional:
            fields += " (" + ", ".join(f"`{name}`" for name in transition.optional) + ")"
        guard = f"; {transition.guard.replace('_', ' ')}" if transition.guard else ""
        arrow = f"{', '.join(transition.sources)} → {transition.target or 'same state'}"
        who = ", ".join(transition.roles) + guard + ("; signals only" if transition.about == states.SIGNALS else "")
        cells = (f"`{transition.name}`", arrow, who, fields or "–", ", ".join(map(_audience, transition.told)))
        rows.append("| " + " | ".join(cell.strip() or "–" for cell in cells) + " |")
    return "\n".join(rows)


def _audience(told: Told) -> str:
    return (
        told.audience.replace("_", " ")
        + (" (outcome only)" if told.neutral else "")
        + (" (receipt)" if told.receipt else "")
        + (f" (not if {told.unless})" if told.unless else "")
    )


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "quality.md": {"criteria": criteria, "mqa": assessment, "inspire": checklist},
    "requests.md": {"transitions": transitions},
}
"""Page → its tables by name; a table is between `<!-- name -->` and `<!-- /name -->`."""


def page_with_tables(name: str) -> str:
    """Return a page of `PAGES` with its tables generated anew."""
    page = (DOCS / name).read_text(encoding="utf-8")
    for table, make in PAGES[name].items():
        page = placed(page, table, make())
    return page


def placed(page: str, table: str, text: str) -> str:
    """Return the text of a page with one of its tables replaced."""
    marks = re.compile(rf"(<!-- {table} -->\n).*?(<!-- /{table} -->)", re.DOTALL)
    if not marks.search(page):
        raise SystemExit(f"There is no place for the table {table}")
    return marks.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page)


def main() -> None:
    """Write the pages."""
    TARGET.write_text(render(), encoding="utf-8")
    field_table.TARGET.write_text(field_table.render(), encoding="utf-8")
    for name in PAGES:
        (DOCS / name).write_text(page_with_tables(name), encoding="utf-8")


if __name__ == "__main__":
    main()
