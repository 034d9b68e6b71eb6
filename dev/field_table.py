"""Documentation written from the code: templates of `dev/pages`, and the page `docs/fields.md`.

That page has every field of the schema with its mapping to ISO 19139, DCAT-AP and INSPIRE.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from ckanext.ecosphere.dataset import fields

TARGET = Path(__file__).parents[1] / "docs" / "fields.md"
OBLIGATIONS = {
    "mandatory": "obligatoire",
    "conditional": "conditionnel",
    "recommended": "recommandé",
    "optional": "facultatif",
}


def schema() -> dict[str, Any]:
    """Return a copy of the dataset schema as written, without the presets."""
    return copy.deepcopy(fields.schema())


def losses() -> list[dict[str, str]]:
    """Return what the formats cannot hold: format, scope, field, change, why."""
    return [{"scope": loss.get("of", field.scope), "field": field.name, **loss} for field, loss in fields.losses()]


def render() -> str:
    """Return the whole page as Markdown."""
    return rendered("fields.md", schema=fields.schema(), losses=losses(), obligations=OBLIGATIONS, rows=_rows)


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


# --- fields ---

Row = tuple[str, Mapping[str, Any], Mapping[str, Any]]


def _rows(entries: list[dict[str, Any]], section: str) -> Iterator[Row]:
    """Yield the name, entry and mappings of the fields of a section of the form, and of their subfields."""
    for entry in entries:
        if entry["form_section"] == section:
            iso, dcat = _place_in_iso(entry.get("iso", {})), _property(entry.get("dcat", {}))
            yield entry["field_name"], entry, {**entry, "iso": iso, "dcat": dcat}
            yield from _subfields(entry, f"{entry['field_name']}.", bool(iso))


def _subfields(entry: Mapping[str, Any], path: str, in_iso: bool) -> Iterator[Row]:
    """Yield the rows of subfields; those of a group without an element in ISO 19139 have none."""
    for subfield in entry.get("repeating_subfields", ()):
        name = path + subfield["field_name"]
        place = dict(fields.place_of_subfield(name))
        if not in_iso:
            place["iso"] = ""
        yield name, subfield, place
        yield from _subfields(subfield, f"{name}.", bool(place.get("iso")))


def _place_in_iso(iso: Mapping[str, Any]) -> str:
    if not iso:
        return ""
    details = [iso[key] for key in ("role", "thesaurus", "date_type", "association", "note") if key in iso]
    return f"{iso['path']} [{', '.join(details)}]" if details else iso["path"]


def _property(dcat: Mapping[str, Any]) -> str:
    texts = [dcat[key] for key in ("property", "also") if key in dcat]
    if "own_term" in dcat and not texts:
        texts = [f"ecosphere:{dcat['own_term']}"]
    if "note" in dcat:
        texts.append(dcat["note"])
    return ", ".join(texts)
