"""Alembic's environment for the tables of the plugin `ecosphere`: the lists of the portal and their journal."""

from ckanext.ecosphere.core import journal  # noqa: F401  (registers the tables)
from ckanext.ecosphere.setup import migrations

migrations.run("ecosphere")
