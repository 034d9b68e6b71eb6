"""Write what of `docs/` comes from the code (`make docs`); a test compares it.

`reference.md`: plugins, options, actions and commands. `fields.md`: every field of the schema with
its mapping to ISO 19139, DCAT-AP and INSPIRE. Tables of `quality.md` and `requests.md`, between
their marks. The templates are in `dev/pages`. Declarations are read only; no service needs to run.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import jinja2
import yaml
from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.quality.core import criteria, inspire
from ckanext.ecosphere.quality.core.score import LEVEL_LABELS, load_model

DOCS = Path(__file__).parents[1] / "docs"
TARGET, FIELDS = DOCS / "reference.md", DOCS / "fields.md"


def rendered(name: str, **values: Any) -> str:
    """Return a template of `dev/pages`, filled in."""
    return _templates().get_template(name).render(values).strip() + "\n"


@cache
def _templates() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(Path(__file__).with_name("pages"))
    # The text is Markdown: what HTML needs escaped is as it is.
    templates = jinja2.Environment(loader=loader, trim_blocks=True, lstrip_blocks=True)
    templates.filters |= {"cell": _cell, "code": _code, "docstring": _docstring, "first_paragraph": first_paragraph}
    return templates


def _cell(text: object) -> str:
    """Return a value as a cell of a Markdown table."""
    return str(text or "").replace("|", "\\|").replace("\n", " ").strip()


def _code(text: str) -> str:
    return f"`{_cell(text)}`" if text else ""


def _docstring(text: str | None) -> str:
    return inspect.cleandoc(text or "")


def first_paragraph(text: str | None) -> str:
    """Return the first paragraph of a docstring as one line."""
    return " ".join(_docstring(text).split("\n\n")[0].split())


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
    return rendered("reference.md", **values)


PAGES = {"quality.md": ("criteria", "mqa", "inspire"), "requests.md": ("transitions",)}
"""Page → its tables by name; a table is between `<!-- name -->` and `<!-- /name -->`."""


def page_with_tables(name: str) -> str:
    """Return a page of `PAGES` with its tables generated anew."""
    page = (DOCS / name).read_text(encoding="utf-8")
    values = {"criteria": criteria, "inspire": inspire, "states": states, "labels": LEVEL_LABELS}
    for table in PAGES[name]:
        page = placed(page, table, rendered(f"{table}.md", model=load_model(), **values))
    return page


def placed(page: str, table: str, text: str) -> str:
    """Return the text of a page with one of its tables replaced."""
    marks = re.compile(rf"(<!-- {table} -->\n).*?(<!-- /{table} -->)", re.DOTALL)
    if not marks.search(page):
        raise SystemExit(f"There is no place for the table {table}")
    return marks.sub(lambda found: f"{found[1]}{text}{found[2]}", page)


# --- fields ---

OBLIGATIONS = {
    "mandatory": "obligatoire",
    "conditional": "conditionnel",
    "recommended": "recommandé",
    "optional": "facultatif",
}


def losses() -> list[dict[str, str]]:
    """Return what the formats cannot hold: format, scope, field, change, why."""
    return [{"scope": loss.get("of", field.scope), "field": field.name, **loss} for field, loss in fields.losses()]


def fields_page() -> str:
    """Return the page of the fields as Markdown."""
    return rendered("fields.md", schema=fields.schema(), losses=losses(), obligations=OBLIGATIONS, rows=_rows)


Row = tuple[str, Mapping[str, Any], Mapping[str, Any]]


def _rows(entries: list[dict[str, Any]], section: str) -> Iterator[Row]:
    """Yield the name, entry and mappings of the fields of a section of the form,
    and of their subfields.
    """
    for entry in entries:
        if entry["form_section"] == section:
            yield entry["field_name"], entry, entry
            yield from _subfields(entry, f"{entry['field_name']}.", bool(entry.get("iso")))


def _subfields(entry: Mapping[str, Any], path: str, in_iso: bool) -> Iterator[Row]:
    """Yield the rows of subfields; those of a group without an element in ISO 19139 have none."""
    for subfield in entry.get("repeating_subfields", ()):
        name = path + subfield["field_name"]
        place = dict(fields.place_of_subfield(name))
        if not in_iso:
            place["iso"] = ""
        yield name, subfield, place
        yield from _subfields(subfield, f"{name}.", bool(place.get("iso")))


def main() -> None:
    """Write the pages."""
    TARGET.write_text(render(), encoding="utf-8")
    FIELDS.write_text(fields_page(), encoding="utf-8")
    for name in PAGES:
        (DOCS / name).write_text(page_with_tables(name), encoding="utf-8")


if __name__ == "__main__":
    main()
