"""Number of rows that PostgreSQL reads for the queries of a page or a job,
from their execution plans.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from ckan import model

Statement = tuple[str, Any]
TAKEN = (
    "Actual Rows",
    "Rows Removed by Filter",
    "Rows Removed by Index Recheck",
    "Rows Removed by Join Filter",
)


@contextmanager
def asked() -> Iterator[list[Statement]]:
    """Collect the queries sent to the database, with their parameters."""
    found: list[Statement] = []

    def note(
        _connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool
    ) -> None:
        if not many and statement.lstrip().upper().startswith(("SELECT", "WITH")):
            found.append((statement, values))

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)


def rows_read(statements: list[Statement], table: str | None = None) -> int:
    """Run statements again; return how many rows of a table, or entries of its indexes, they read.

    Without a table, the rows of all steps of the plans are counted, those of joins included.
    """
    total = 0
    assert model.meta.engine is not None
    with model.meta.engine.connect() as connection:
        for statement, values in statements:
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
            total += _taken(cursor.fetchone()[0][0]["Plan"], table)
    return total


def tidy(*tables: str) -> None:
    """Vacuum and analyse tables filled by a test, as autovacuum would do within minutes."""
    model.Session.commit()
    assert model.meta.engine is not None
    with model.meta.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in tables:
            connection.execute(sa.text(f"VACUUM ANALYZE {table}"))


def without_statistics(*tables: str) -> None:
    """Forget what PostgreSQL knows of tables filled by a test,
    as if autovacuum had not looked at them yet.
    """
    model.Session.commit()
    for table in tables:
        for statement in (
            "DELETE FROM pg_statistic WHERE starelid = CAST(:table AS regclass)",
            "UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid = CAST(:table AS regclass)",
        ):
            model.Session.execute(sa.text(statement), {"table": table})
    model.Session.commit()


def _taken(plan: dict[str, Any], table: str | None) -> int:
    is_counted = table is None or plan.get("Relation Name") == table
    own = sum(plan.get(name, 0) for name in TAKEN) * plan["Actual Loops"] if is_counted else 0
    return own + sum(_taken(each, table) for each in plan.get("Plans", ()))
