"""Tables of quality figures: as CSV, safe to open in a spreadsheet, and in the order asked for on the page.

Columns of CSV files are named by stable codes; for coded values (level, kind, yes or no), a column
`…_label` holds the text in the reader's language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.quality import config, presentation
from ckanext.ecosphere.shared.csv_table import write

MEASURES = ("datasets", "mean", "median", "mean_mqa", "mean_inspire")


def services(overview: Mapping[str, Any]) -> str:
    """Return all services of the overview as CSV, including those too small to compare, which are marked."""
    return _groups(overview, "services", {"service": "name", "title": "title"})


def themes(overview: Mapping[str, Any]) -> str:
    """Return all themes of the overview as CSV, including those too small to compare, which are marked."""
    return _groups(overview, "themes", {"theme": "id", "title": "label"})


def territories(overview: Mapping[str, Any]) -> str:
    """Return all territories of the overview as CSV, including those too small to compare, which are marked."""
    kinds = {"region": tk._("Région"), "departement": tk._("Département")}
    names = {"territory": "id", "title": "label", "kind": "kind"}
    return _groups(overview, "territories", names, kinds)


def evolution(overview: Mapping[str, Any]) -> str:
    """Return the mean score over time of the overview as CSV, one row per day of change."""
    return _plain(("day", "datasets", "mean"), overview["trend"])


def losses(overview: Mapping[str, Any]) -> str:
    """Return the failures of harvested datasets of the overview as CSV, one row per criterion."""
    criteria = (overview["losses"] or {}).get("criteria", ())
    return _plain(("criterion", "label", "failing", "lost"), criteria)


def _plain(columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> str:
    return write(columns, ([row[name] for name in columns] for row in rows))


#: Name of a table → function that returns it as CSV.
CSV_TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "services": services,
    "themes": themes,
    "territories": territories,
    "evolution": evolution,
    "losses": losses,
}


def _groups(
    overview: Mapping[str, Any],
    name: str,
    names: Mapping[str, str],
    kinds: Mapping[str, str] | None = None,
) -> str:
    """Return groups as CSV.

    Args:
        overview: the figures.
        name: name of the groups in them.
        names: columns → keys of what names a group.
        kinds: labels of the kinds of groups, for a last column.
    """
    columns = [*names, *MEASURES, *config.model().level_codes, "compared", "compared_label"]
    if kinds:
        columns.append("kind_label")
    rows = []
    for part, compared in ((name, "yes"), (f"small_{name}", "no")):
        for group in overview[part]:
            row = [group[key] for key in (*names.values(), *MEASURES)]
            row += [level["datasets"] for level in group["levels"]]
            row += [compared, _yes_or_no(compared == "yes")]
            if kinds:
                row.append(kinds.get(group["kind"], ""))
            rows.append(row)
    return write(columns, rows)


def datasets(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the datasets of a service as CSV, one row each.

    Each criterion has two columns: its result in words, and as a code.
    """
    criteria = [criterion.id for criterion in config.model().criteria]
    states = presentation.state_labels()
    columns = [
        "dataset",
        "title",
        "private",
        "private_label",
        "score",
        "level",
        "level_label",
        "mqa",
        "inspire",
    ]
    columns += [f"{criterion}_label" for criterion in criteria] + criteria
    lines = []
    for row in rows:
        results = [row["results"].get(criterion, "") for criterion in criteria]
        private = "yes" if row["private"] else "no"
        lines.append(
            [
                row["name"],
                row["title"],
                private,
                _yes_or_no(row["private"]),
                row["score"],
                row["level"],
                presentation.level_label(row["level"]),
                row["mqa"],
                row["inspire"],
                *(states.get(result, "") for result in results),
                *results,
            ]
        )
    return write(columns, lines)


def _yes_or_no(value: bool) -> str:
    if value:
        return tk._("Yes")
    return tk._("No")


# --- order of the tables of the page ---

TABLES = (
    "services",
    "small_services",
    "themes",
    "small_themes",
    "territories",
    "small_territories",
)
NAME = "name"
#: Columns of a table, besides the number of datasets at each level.
COLUMNS = (NAME, "datasets", "mean", "median", "mean_mqa", "mean_inspire")


@dataclass(frozen=True)
class Order:
    """Requested order of a table.

    Attributes:
        table: one of `TABLES`, empty for the default order of all tables.
        column: one of `COLUMNS`, or the code of a level.
        down: whether the order is descending.
    """

    table: str = ""
    column: str = ""
    down: bool = False


def order_of(parameters: Mapping[str, str], levels: tuple[str, ...]) -> Order:
    """Parse the requested order; the default order if table or column is unknown.

    Args:
        parameters: `table` and `sort`, a column, preceded by "-" for descending order.
        levels: codes of the levels, which are columns, too.
    """
    table, sort = parameters.get("table", ""), parameters.get("sort", "")
    column = sort.removeprefix("-")
    if table not in TABLES or column not in COLUMNS + levels:
        return Order()
    return Order(table, column, sort.startswith("-"))


def in_order(overview: Mapping[str, Any], order: Order) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table in the requested order; rows without a value always come last."""
    tables = {name: list(overview[name]) for name in TABLES}
    if order.table:
        rows = sorted(tables[order.table], key=_name)
        full = [row for row in rows if _figure(row, order.column) is not None]
        full.sort(key=lambda row: _figure(row, order.column), reverse=order.down)
        empty = [row for row in rows if _figure(row, order.column) is None]
        tables[order.table] = full + empty
    return tables


def _name(row: Mapping[str, Any]) -> str:
    return str(row.get("title") or row.get("label") or "").casefold()


def _figure(row: Mapping[str, Any], column: str) -> Any:
    """Return the value of a row in a column; for a level, its number of datasets."""
    if column == NAME:
        return _name(row)
    if column in COLUMNS:
        return row[column]
    return next((level["datasets"] for level in row["levels"] if level["level"] == column), None)
