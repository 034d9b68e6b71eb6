"""The tables of the comparison in the order that a reader asks for: one table, by one of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TABLES = ("services", "small_services", "themes", "small_themes", "territories", "small_territories")
NAME = "name"
#: Columns that are in a table besides the number of datasets at each level.
COLUMNS = (NAME, "datasets", "mean", "median", "mean_mqa", "mean_inspire")


@dataclass(frozen=True)
class Order:
    """The order of a table.

    Attributes:
        table: one of `TABLES`, empty when every table is as it comes.
        column: one of `COLUMNS`, or the id of a level.
        down: whether the largest comes first.
    """

    table: str = ""
    column: str = ""
    down: bool = False


def asked(parameters: Mapping[str, str], levels: tuple[str, ...]) -> Order:
    """Read an order, which is none when it names another table or column.

    Args:
        parameters: `table` and `sort`, a column after "-" for the largest first.
        levels: ids of the levels, which are columns, too.
    """
    table, sort = parameters.get("table", ""), parameters.get("sort", "")
    column = sort.removeprefix("-")
    if table not in TABLES or column not in COLUMNS + levels:
        return Order()
    return Order(table, column, sort.startswith("-"))


def tables(overview: Mapping[str, Any], order: Order) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table, in that order; rows without a figure stand last either way."""
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
    """What a row has in a column; each level has its number of datasets."""
    if column == NAME:
        return _name(row)
    if column in COLUMNS:
        return row[column]
    return next((each["datasets"] for each in row["levels"] if each["level"] == column), None)
