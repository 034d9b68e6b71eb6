"""Alembic's environment for the tables `ecosphere_access*`."""

from ckanext.ecosphere.access import model  # noqa: F401  (registers the tables)
from ckanext.ecosphere.setup import migrations

migrations.run("ecosphere_access")
