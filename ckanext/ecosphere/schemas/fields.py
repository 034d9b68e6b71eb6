"""Writes `docs/fields.md`: every field of the schema with where it goes in ISO 19139, DCAT-AP and INSPIRE.

    python -m ckanext.ecosphere.schemas.fields            # write it
    python -m ckanext.ecosphere.schemas.fields --check    # exit 1 when the file is not what the schema says

Reads ``dataset.yaml``, ``presets.yaml`` and ``mapping.csv`` only; no service needs to run.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
TARGET = HERE.parents[2] / "docs" / "fields.md"
OBLIGATIONS = {
    "mandatory": "obligatoire",
    "conditional": "conditionnel",
    "recommended": "recommandé",
    "optional": "facultatif",
}
HEAD = """# Fields of datasets and resources

Written by `make docs` from the schema (`ckanext/ecosphere/schemas/dataset.yaml`) and its mapping (`mapping.csv`);
do not edit by hand. What each list of codes holds and where it comes from is in
`ckanext/ecosphere/vocabularies/data/SOURCES.md`.

- *Obligation* is what a person who publishes fills in (obligatoire), and what a good record has besides; "if" says for
  which other values the field applies at all. A draft and a harvested record need a title and a service only.
- *Several*: `list` holds several values, `group` holds several rows of subfields, `one row` a single one.
- *ISO 19139* is a path below `gmd:MD_Metadata`; `MD_Identification` stands for `gmd:identificationInfo/*`.
- *INSPIRE* is the element of Regulation (EC) 1205/2008, annex part B, or the article of Regulation (EU) 1089/2010.
- *Catalogue* is the column of the national schéma de catalogue de données.
"""
COLUMNS = (
    "field", "libellé", "label", "obligation", "several", "vocabulary", "ISO 19139", "DCAT-AP", "INSPIRE", "catalogue",
)  # fmt: skip


def schema() -> dict[str, Any]:
    """Return the dataset schema as written, presets not expanded."""
    return yaml.safe_load((HERE / "dataset.yaml").read_text(encoding="utf-8"))


def mapping() -> dict[tuple[str, str], dict[str, str]]:
    """Return the rows of ``mapping.csv`` by scope ("dataset" or "resource") and field."""
    with (HERE / "mapping.csv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {(row["scope"], row["field"]): row for row in rows}


def losses() -> list[dict[str, str]]:
    """Return the rows of ``losses.csv``."""
    with (HERE / "losses.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def _losses() -> Iterator[str]:
    yield "## What a format cannot hold\n"
    yield "A dataset written in a format and read again by this portal is the same, except for:\n"
    yield "| format | of a | field | change | why |"
    yield "| --- | --- | --- | --- | --- |"
    names = {"iso": "ISO 19139", "dcat": "DCAT-AP"}
    for row in losses():
        yield f"| {names[row['format']]} | {row['scope']} | `{row['field']}` | {row['change']} | {_cell(row['why'])} |"


def render() -> str:
    """Return the whole page as Markdown."""
    definition, places = schema(), mapping()
    lines = [HEAD]
    for scope, heading, key in (
        ("dataset", "Datasets", "form_sections"),
        ("resource", "Resources", "resource_form_sections"),
    ):
        lines.append(f"## {heading}\n")
        for section in definition[key]:
            fields = [f for f in definition[f"{scope}_fields"] if f["form_section"] == section["id"]]
            lines += [f"### {section['label']['fr']} ({section['label']['en']})\n", *_table(fields, scope, places), ""]
    lines += [*_losses(), ""]
    return "\n".join(lines)


def _table(fields: list[dict[str, Any]], scope: str, places: Mapping[Any, Mapping[str, str]]) -> Iterator[str]:
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{' --- |' * len(COLUMNS)}"
    for field in fields:
        place = places[scope, field["field_name"]]
        cells = (
            f"`{field['field_name']}`",
            field["label"]["fr"],
            field["label"]["en"],
            OBLIGATIONS[field["obligation"]] + _when(field),
            _several(field),
            f"`{field['vocabulary']}`" if "vocabulary" in field else "",
            f"`{place['iso']}`" if place["iso"] else "",
            place["dcat"],
            place["inspire"],
            f"`{place['catalogue']}`" if place["catalogue"] else "",
        )
        yield f"| {' | '.join(_cell(cell) for cell in cells)} |"
        for subfield in field.get("repeating_subfields", ()):
            yield from _subfield(field["field_name"], subfield)


def _subfield(path: str, field: Mapping[str, Any]) -> Iterator[str]:
    path = f"{path}.{field['field_name']}"
    vocabulary = f"`{field['vocabulary']}`" if "vocabulary" in field else ""
    obligation = ((OBLIGATIONS[field["obligation"]] if "obligation" in field else "") + _when(field)).removeprefix(", ")
    labels = field["label"]
    cells = (f"`{path}`", labels["fr"], labels["en"], obligation, _several(field), vocabulary, *[""] * 4)
    yield f"| {' | '.join(_cell(cell) for cell in cells)} |"
    for subfield in field.get("repeating_subfields", ()):
        yield from _subfield(path, subfield)


def _when(field: Mapping[str, Any]) -> str:
    parts = []
    for condition in field.get("relevant_when", ()):
        if "filled" in condition:
            parts.append(
                f"`{condition['field']}` is filled" if condition["filled"] else f"`{condition['field']}` is empty"
            )
            continue
        word = "is" if "is" in condition else "is not"
        values = [str(value) for value in condition.get("is", condition.get("is_not"))]
        parts.append(f"`{condition['field']}` {word} {' or '.join(value or 'empty' for value in values)}")
    return f", if {' and '.join(parts)}" if parts else ""


def _several(field: Mapping[str, Any]) -> str:
    if "repeating_subfields" in field:
        return "one row" if field.get("repeating_once") else "group"
    validators = field.get("validators", "")
    return "list" if field.get("preset", "").endswith("s") or "tag_string" in validators else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").strip()


def main() -> int:
    """Write the page, or compare it with ``--check``."""
    text = render()
    if "--check" in sys.argv:
        return int(not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
