"""The page `docs/fields.md`: every field of the schema with its mapping to ISO 19139, DCAT-AP and INSPIRE."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ckanext.ecosphere.dataset import fields

TARGET = Path(__file__).parents[1] / "docs" / "fields.md"
OBLIGATIONS = {
    "mandatory": "obligatoire",
    "conditional": "conditionnel",
    "recommended": "recommandé",
    "optional": "facultatif",
}
HEAD = """# Fields of datasets and resources

Written by `make docs` from the schema (`ckanext/ecosphere/schemas/dataset.yaml`); do not edit by hand. What each list
of codes holds and where it comes from is in `ckanext/ecosphere/vocabularies/data/SOURCES.md`.

- *Obligation* is what a person who publishes fills in (obligatoire), and what a good record has besides; "if" says for
  which other values the field applies at all. A draft and a harvested record need a title and a service only.
- *Several*: `list` holds several values, `group` holds several rows of subfields, `one row` a single one, `by language`
  an object of language (BCP 47) → text.
- *ISO 19139* is a path of properties below `gmd:MD_Metadata`, without the types between them.
  That of a subfield, and its property, start at the row. `ecosphere:` is `urn:ecosphere:term:`.
- *INSPIRE* is the element of Regulation (EC) 1205/2008, annex part B, or the article of Regulation (EU) 1089/2010.
- *Catalogue* is the column of the national schéma de catalogue de données.
"""
COLUMNS = (
    "field", "libellé", "label", "obligation", "several", "vocabulary", "ISO 19139", "DCAT-AP", "INSPIRE", "catalogue",
)  # fmt: skip


def schema() -> dict[str, Any]:
    """Return a copy of the dataset schema as written, without the presets."""
    return copy.deepcopy(fields.schema())


def losses() -> list[dict[str, str]]:
    """Return what the formats cannot hold: format, scope, field, change, why."""
    return [{"scope": loss.get("of", field.scope), "field": field.name, **loss} for field, loss in fields.losses()]


def _losses() -> Iterator[str]:
    yield "## What a format cannot hold\n"
    yield "A dataset is in a file of a format as it is in the portal, except for:\n"
    yield "| format | of a | field | change | why |"
    yield "| --- | --- | --- | --- | --- |"
    names = {"iso": "ISO 19139", "dcat": "DCAT-AP"}
    for row in sorted(losses(), key=lambda loss: loss["format"], reverse=True):
        cells = (names[row["format"]], row["scope"], f"`{row['field']}`", row["change"], row["why"])
        yield f"| {' | '.join(map(_cell, cells))} |"


def render() -> str:
    """Return the whole page as Markdown."""
    definition = fields.schema()
    lines = [HEAD]
    for scope, heading, key in (
        ("dataset", "Datasets", "form_sections"),
        ("resource", "Resources", "resource_form_sections"),
    ):
        lines.append(f"## {heading}\n")
        for section in definition[key]:
            entries = definition[f"{scope}_fields"]
            rows = [entry for entry in entries if entry["form_section"] == section["id"]]
            label = section["label"]
            lines += [f"### {label['fr']} ({label['en']})\n", *_table(rows), ""]
    lines += [*_losses(), ""]
    return "\n".join(lines)


def _table(entries: list[dict[str, Any]]) -> Iterator[str]:
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{' --- |' * len(COLUMNS)}"
    for entry in entries:
        iso, dcat = _place_in_iso(entry.get("iso", {})), _property(entry.get("dcat", {}))
        yield _row(entry["field_name"], entry, {**entry, "iso": iso, "dcat": dcat})
        yield from _subfields(entry, f"{entry['field_name']}.", bool(iso))


def _subfields(entry: Mapping[str, Any], path: str, in_iso: bool) -> Iterator[str]:
    """Yield the rows of subfields; those of a group without an element in ISO 19139 have none."""
    for subfield in entry.get("repeating_subfields", ()):
        name = path + subfield["field_name"]
        place = dict(fields.place_of_subfield(name))
        if not in_iso:
            place["iso"] = ""
        yield _row(name, subfield, place)
        yield from _subfields(subfield, f"{name}.", bool(place.get("iso")))


def _row(name: str, entry: Mapping[str, Any], place: Mapping[str, Any]) -> str:
    cells = (
        _code(name),
        entry["label"]["fr"],
        entry["label"]["en"],
        OBLIGATIONS[entry.get("obligation", "optional")] + _conditions(entry),
        _several(entry),
        _code(entry.get("vocabulary", "")),
        _code(place.get("iso", "")),
        place["dcat"],
        place.get("inspire", ""),
        _code(place.get("catalogue", "")),
    )
    return f"| {' | '.join(map(_cell, cells))} |"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


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


def _conditions(field: Mapping[str, Any]) -> str:
    return _when("if", field.get("relevant_when", ())) + _when("required if", field.get("required_when", ()))


def _when(word: str, conditions: Iterable[Mapping[str, Any]]) -> str:
    parts = []
    for condition in conditions:
        if "filled" in condition:
            parts.append(
                f"`{condition['field']}` is filled" if condition["filled"] else f"`{condition['field']}` is empty"
            )
            continue
        verb = "is" if "is" in condition else "is not"
        values = [str(value) for value in condition.get("is", condition.get("is_not"))]
        parts.append(f"`{condition['field']}` {verb} {' or '.join(value or 'empty' for value in values)}")
    return f", {word} {' and '.join(parts)}" if parts else ""


def _several(field: Mapping[str, Any]) -> str:
    if "repeating_subfields" in field:
        return "one row" if field.get("repeating_once") else "group"
    if field.get("preset") == "ecosphere_translated":
        return "by language"
    validators = field.get("validators", "")
    return "list" if field.get("preset", "").endswith("s") or "tag_string" in validators else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").strip()
