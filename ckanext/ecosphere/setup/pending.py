"""Find plugins with missing or outdated tables, from alembic's version tables, without changing anything."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from ckan import model
from ckan.cli import db

from ckanext.ecosphere.setup import plugin_needs

CORE = ""


def plugins() -> list[str]:
    """Return CKAN (as the empty name), plugins of the suite and their requirements whose tables are not up to date.

    Raises:
        sqlalchemy.exc.DBAPIError: the database does not answer.
    """
    enabled = tk.aslist(tk.config.get(plugin_needs.OPTION))
    names = [CORE, *sorted(name for name in plugin_needs.required_by(enabled) if p.plugin_loaded(name))]
    wanted = {name: heads for name in names if (heads := _heads(Path(db._resolve_alembic_config(name)).parent))}
    assert model.meta.engine is not None  # noqa: S101 - set when CKAN starts
    with model.meta.engine.connect() as connection:
        return [name for name, heads in wanted.items() if _revisions(connection, name) != heads]


def _revisions(connection: sa.Connection, name: str) -> frozenset[str]:
    """Return the current revisions of a plugin's tables; empty if never migrated."""
    table = f"{name}_alembic_version" if name else "alembic_version"
    if not connection.execute(sa.text("SELECT to_regclass(:name)"), {"name": table}).scalar():
        return frozenset()
    return frozenset(connection.execute(sa.select(sa.column("version_num")).select_from(sa.table(table))).scalars())


@cache
def _heads(folder: Path) -> frozenset[str]:
    """Return the head revisions of a migrations folder; empty if there is none."""
    if not (folder / "versions").is_dir():
        return frozenset()
    return frozenset(ScriptDirectory(str(folder)).get_heads())
