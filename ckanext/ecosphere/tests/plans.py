"""How much of a table PostgreSQL reads for what is asked of it: the statements of a page, and their plans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from ckan import model

Statement = tuple[str, Any]
TAKEN = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck", "Rows Removed by Join Filter")


@contextmanager
def asked() -> Iterator[list[Statement]]:
    """Collect the questions to the database, with their values."""
    found: list[Statement] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if not many and statement.lstrip().upper().startswith(("SELECT", "WITH")):
            found.append((statement, values))

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)


def rows_read(statements: list[Statement], table: str) -> int:
    """Return how many rows of a table, or entries of its indexes, are read for statements, which are run again."""
    total = 0
    assert model.meta.engine is not None
    with model.meta.engine.connect() as connection:
        for statement, values in statements:
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
            total += _taken(cursor.fetchone()[0][0]["Plan"], table)
    return total


def tidy(*tables: str) -> None:
    """Do what autovacuum does within minutes, for tables that a test has filled."""
    model.Session.commit()
    assert model.meta.engine is not None
    with model.meta.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in tables:
            connection.execute(sa.text(f"VACUUM ANALYZE {table}"))


def _taken(plan: dict[str, Any], table: str) -> int:
    own = sum(plan.get(name, 0) for name in TAKEN) * plan["Actual Loops"] if plan.get("Relation Name") == table else 0
    return own + sum(_taken(each, table) for each in plan.get("Plans", ()))
