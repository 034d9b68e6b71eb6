"""Sort the tables of the comparison page as requested: one table, by one of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TABLES = ("services", "small_services", "themes", "small_themes", "territories", "small_territories")
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


def asked(parameters: Mapping[str, str], levels: tuple[str, ...]) -> Order:
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


def tables(overview: Mapping[str, Any], order: Order) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table in the requested order; rows without a value always come last."""
    found = {name: list(overview[name]) for name in TABLES}
    if order.table:
        rows = found[order.table]
        rows.sort(key=_name)
        full = [row for row in rows if _figure(row, order.column) is not None]
        full.sort(key=lambda row: _figure(row, order.column), reverse=order.down)
        found[order.table] = full + [row for row in rows if _figure(row, order.column) is None]
    return found


def _name(row: Mapping[str, Any]) -> str:
    return str(row.get("title") or row.get("label") or "").casefold()


def _figure(row: Mapping[str, Any], column: str) -> Any:
    """Return the value of a row in a column; for a level, its number of datasets."""
    if column == NAME:
        return _name(row)
    if column in COLUMNS:
        return row[column]
    return next((each["datasets"] for each in row["levels"] if each["level"] == column), None)
