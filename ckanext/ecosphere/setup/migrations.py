"""Common code of all migration environments; CKAN requires a separate `env.py` for each plugin."""

from __future__ import annotations

from logging.config import fileConfig
from typing import Any

from alembic import context
from ckan.model.meta import metadata
from sqlalchemy import engine_from_config, pool


def run(plugin: str) -> None:
    """Run the migrations of a plugin, limited to tables whose names begin with the plugin's.

    Args:
        plugin: name of the plugin, whose models must be imported already.
    """
    config = context.config
    if config.config_file_name:
        fileConfig(config.config_file_name, disable_existing_loggers=False)

    def include(_object: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
        return (name or "").startswith(plugin) if kind == "table" else True

    options: dict[str, Any] = {
        "target_metadata": metadata,
        "version_table": f"{plugin}_alembic_version",
        "include_object": include,
    }
    if context.is_offline_mode():
        context.configure(url=config.get_main_option("sqlalchemy.url"), literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    section = config.get_section(config.config_ini_section, {})
    engine = engine_from_config(section, prefix="sqlalchemy.", poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
