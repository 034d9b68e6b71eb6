"""Writes the tables of `docs/quality.md` from the code, between their marks, so that they cannot drift.

python -m dev.quality_table            # write them
python -m dev.quality_table --check    # exit 1 when the page is not what the code says
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from ckanext.ecosphere.quality.core.criteria import BY_ID, CRITERIA, GROUP_LABELS
from ckanext.ecosphere.quality.core.inspire import REQUIREMENTS
from ckanext.ecosphere.quality.core.mqa import DIMENSION_LABELS, INDICATORS, MAXIMUM, RATINGS, maximum
from ckanext.ecosphere.quality.core.score import LEVEL_LABELS, load_model

TARGET = Path(__file__).parents[1] / "docs" / "quality.md"


def criteria() -> str:
    """The criteria of the badge with their points in the shipped model."""
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
    """The indicators of the European assessment."""
    rows = ["| dimension | indicator | points |", "| --- | --- | ---: |"]
    rows += [f"| {DIMENSION_LABELS[i.dimension]} | {i.label} | {i.points} |" for i in INDICATORS]
    rows += [f"| **{label}** | | **{maximum(dimension)}** |" for dimension, label in DIMENSION_LABELS.items()]
    ratings = ", ".join(f"{code} from {lowest}" for code, lowest in RATINGS)
    rows.append(f"| **All** | | **{MAXIMUM}** |\n\nRatings: {ratings}.")
    return "\n".join(rows)


def checklist() -> str:
    """The INSPIRE requirements."""
    rows = ["| requirement | number | field | element |", "| --- | --- | --- | --- |"]
    rows += [f"| {r.label} | {r.number} | `{r.field}` | `{r.element}` |" for r in REQUIREMENTS]
    return "\n".join(rows)


def render(page: str) -> str:
    """Put the tables in `page`, each between `<!-- name -->` and `<!-- /name -->`."""
    for name, table in (("criteria", criteria()), ("mqa", assessment()), ("inspire", checklist())):
        marks = re.compile(rf"(<!-- {name} -->\n).*?(\n?<!-- /{name} -->)", re.DOTALL)
        if not marks.search(page):
            raise SystemExit(f"{TARGET} has no place for the table {name}")
        page = marks.sub(lambda found, table=table: found.group(1) + table + "\n" + found.group(2).lstrip("\n"), page)
    return page


def main() -> int:
    """Write the tables, or compare them with `--check`."""
    page = TARGET.read_text(encoding="utf-8")
    text = render(page)
    if "--check" in sys.argv:
        return int(text != page)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
