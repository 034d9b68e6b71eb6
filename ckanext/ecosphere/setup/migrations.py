"""Migrations of the plugins' tables: code of their environments, and which are pending."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from logging.config import fileConfig
from pathlib import Path
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from alembic import context
from alembic.script import ScriptDirectory
from ckan import model
from ckan.cli import db
from ckan.model.meta import metadata
from sqlalchemy import engine_from_config, pool

from ckanext.ecosphere.setup import options


def run(plugin: str) -> None:
    """Run the migrations of a plugin, limited to tables whose names begin with the plugin's.

    Args:
        plugin: name of the plugin, whose models must be imported already.
    """
    config = context.config
    if config.config_file_name:
        fileConfig(config.config_file_name, disable_existing_loggers=False)

    def include(
        _object: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any
    ) -> bool:
        if kind == "table":
            return (name or "").startswith(plugin)
        return True

    settings: dict[str, Any] = {
        "target_metadata": metadata,
        "version_table": f"{plugin}_alembic_version",
        "include_object": include,
    }
    if context.is_offline_mode():
        context.configure(
            url=config.get_main_option("sqlalchemy.url"), literal_binds=True, **settings
        )
        with context.begin_transaction():
            context.run_migrations()
        return
    section = config.get_section(config.config_ini_section, {})
    engine = engine_from_config(section, prefix="sqlalchemy.", poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, **settings)
        with context.begin_transaction():
            context.run_migrations()


CORE = ""


def needed() -> list[str]:
    """Return CKAN (as the empty name) and the plugins without whose tables the suite does not
    work.
    """
    enabled = tk.aslist(tk.config.get(options.PLUGINS))
    return [CORE, *sorted(name for name in options.required_by(enabled) if p.plugin_loaded(name))]


def all_enabled() -> list[str]:
    """Return CKAN (as the empty name) and all enabled plugins."""
    return [CORE, *sorted(tk.aslist(tk.config.get(options.PLUGINS)))]


def pending(names: Iterable[str], engine: sa.Engine | None = None) -> list[str]:
    """Return those whose tables are not up to date.

    Args:
        names: of plugins, the empty one for CKAN.
        engine: opens the connection; None for CKAN's.

    Raises:
        sqlalchemy.exc.DBAPIError: the database does not answer.
    """
    heads_by_name = {}
    for name in names:
        heads = _heads(Path(db._resolve_alembic_config(name)).parent)
        if heads:
            heads_by_name[name] = heads
    engine = engine or model.meta.engine
    assert engine is not None  # noqa: S101 - set when CKAN starts
    with engine.connect() as connection:
        return [
            name for name, heads in heads_by_name.items() if _revisions(connection, name) != heads
        ]


def _revisions(connection: sa.Connection, name: str) -> frozenset[str]:
    """Return the current revisions of a plugin's tables; empty if never migrated."""
    table = f"{name}_alembic_version" if name else "alembic_version"
    if not connection.execute(sa.text("SELECT to_regclass(:name)"), {"name": table}).scalar():
        return frozenset()
    return frozenset(
        connection.execute(
            sa.select(sa.column("version_num")).select_from(sa.table(table))
        ).scalars()
    )


@cache
def _heads(folder: Path) -> frozenset[str]:
    """Return the head revisions of a migrations folder; empty if there is none."""
    if not (folder / "versions").is_dir():
        return frozenset()
    return frozenset(ScriptDirectory(str(folder)).get_heads())
