"""Write `docs/fields.md`: every field of the schema with its mapping to ISO 19139, DCAT-AP and INSPIRE.

    python -m dev.field_table            # write it
    python -m dev.field_table --check    # exit 1 if the file is out of date

Reads ``dataset.yaml``, ``mapping.csv`` and ``losses.csv`` only; no service needs to run.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
HERE = ROOT / "ckanext" / "ecosphere" / "schemas"
TARGET = ROOT / "docs" / "fields.md"
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
- *Several*: `list` holds several values, `group` holds several rows of subfields, `one row` a single one, `by language`
  an object of language (BCP 47) → text.
- *ISO 19139* is a path below `gmd:MD_Metadata`; `MD_Identification` stands for `gmd:identificationInfo/*`.
  That of a subfield, and its property, start at the row.
- *INSPIRE* is the element of Regulation (EC) 1205/2008, annex part B, or the article of Regulation (EU) 1089/2010.
- *Catalogue* is the column of the national schéma de catalogue de données.
"""
COLUMNS = (
    "field", "libellé", "label", "obligation", "several", "vocabulary", "ISO 19139", "DCAT-AP", "INSPIRE", "catalogue",
)  # fmt: skip


def schema() -> dict[str, Any]:
    """Return the dataset schema as written, without expanding presets."""
    return yaml.safe_load((HERE / "dataset.yaml").read_text(encoding="utf-8"))


def mapping() -> dict[tuple[str, str], dict[str, str]]:
    """Return the rows of ``mapping.csv`` by scope ("dataset", "resource" or "subfield") and field."""
    with (HERE / "mapping.csv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {(row["scope"], row["field"]): row for row in rows}


def losses() -> list[dict[str, str]]:
    """Return the rows of ``losses.csv``."""
    with (HERE / "losses.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def _losses() -> Iterator[str]:
    yield "## What a format cannot hold\n"
    yield "A dataset is in a file of a format as it is in the portal, except for:\n"
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
    yield from _rows(fields, "", scope, places)


def _rows(
    fields: Iterable[Mapping[str, Any]],
    parent: str,
    scope: str,
    places: Mapping[Any, Mapping[str, str]],
    in_iso: bool = True,
) -> Iterator[str]:
    for field in fields:
        path = parent + field["field_name"]
        place = _place(path, scope, places)
        iso = place["iso"] if in_iso else ""
        cells = (
            f"`{path}`",
            field["label"]["fr"],
            field["label"]["en"],
            OBLIGATIONS[field.get("obligation", "optional")] + _conditions(field),
            _several(field),
            f"`{field['vocabulary']}`" if "vocabulary" in field else "",
            f"`{iso}`" if iso else "",
            place["dcat"],
            place["inspire"],
            f"`{place['catalogue']}`" if place["catalogue"] else "",
        )
        yield f"| {' | '.join(_cell(cell) for cell in cells)} |"
        yield from _rows(field.get("repeating_subfields", ()), f"{path}.", "subfield", places, bool(iso))


def _place(path: str, scope: str, places: Mapping[Any, Mapping[str, str]]) -> Mapping[str, str]:
    """Return the mapping of a field; for a subfield, that of the longest suffix of its path that has one."""
    while (scope, path) not in places:
        path = path.split(".", 1)[1]  # raises an error for a field without mapping
    return places[scope, path]


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


def main() -> int:
    """Write the page; with ``--check``, compare it instead."""
    text = render()
    if "--check" in sys.argv:
        return int(not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
