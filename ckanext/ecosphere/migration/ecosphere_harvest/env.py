"""Alembic's environment for the tables `ecosphere_harvest*`."""

from ckanext.ecosphere.setup import migrations
from ckanext.ecosphere.harvest import model  # noqa: F401  (registers the tables)

migrations.run("ecosphere_harvest")
