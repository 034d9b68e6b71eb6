"""Alembic's environment for the tables `ecosphere_harvest*`."""

from ckanext.ecosphere.harvest import model  # noqa: F401  (registers the tables)
from ckanext.ecosphere.setup import migrations

migrations.run("ecosphere_harvest")
