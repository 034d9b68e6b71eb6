"""Alembic's environment for the tables `ecosphere_requests*`."""

from ckanext.ecosphere.data_requests import model  # noqa: F401  (registers the tables)
from ckanext.ecosphere.setup import migrations

migrations.run("ecosphere_requests")
