"""Alembic's environment for the tables `ecosphere_requests*`."""

import os
from logging.config import fileConfig

from alembic import context
from ckan.model.meta import metadata
from sqlalchemy import engine_from_config, pool

from ckanext.ecosphere.data_requests import model  # noqa: F401  (registers the tables)

config = context.config
if config.config_file_name:
    fileConfig(config.config_file_name, disable_existing_loggers=False)

name = os.path.basename(os.path.dirname(__file__))


def include_object(obj, object_name, kind, reflected, compare_to):
    """Look at the tables of this plugin only."""
    return object_name.startswith(name) if kind == "table" else True


options = {
    "target_metadata": metadata,
    "version_table": f"{name}_alembic_version",
    "include_object": include_object,
}

if context.is_offline_mode():
    context.configure(url=config.get_main_option("sqlalchemy.url"), literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    connectable = engine_from_config(
        config.get_section(config.config_ini_section, {}), prefix="sqlalchemy.", poolclass=pool.NullPool
    )
    with connectable.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
