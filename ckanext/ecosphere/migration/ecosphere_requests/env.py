"""Alembic's environment for the tables `ecosphere_requests*`."""

from ckanext.ecosphere.setup import migrations
from ckanext.ecosphere.data_requests import model  # noqa: F401  (registers the tables)

migrations.run("ecosphere_requests")
