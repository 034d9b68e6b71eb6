"""Write the generated tables of `docs/quality.md` and `docs/requests.md`, between their marks.

python -m dev.page_tables            # write them
python -m dev.page_tables --check    # exit 1 if a page is out of date
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.domain.states import TRANSITIONS, Told
from ckanext.ecosphere.quality.core.criteria import BY_ID, CRITERIA, GROUP_LABELS
from ckanext.ecosphere.quality.core.inspire import DIMENSION_LABELS, INDICATORS, MAXIMUM, RATINGS, REQUIREMENTS, maximum
from ckanext.ecosphere.quality.core.score import LEVEL_LABELS, load_model

DOCS = Path(__file__).parents[1] / "docs"


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


def render(name: str) -> str:
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


def main() -> int:
    """Write the tables; with `--check`, compare them instead."""
    rendered = {name: render(name) for name in PAGES}
    stale = {name: text for name, text in rendered.items() if text != (DOCS / name).read_text(encoding="utf-8")}
    if "--check" in sys.argv:
        return int(bool(stale))
    for name, text in stale.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
