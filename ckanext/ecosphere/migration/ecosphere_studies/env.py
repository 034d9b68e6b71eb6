"""Alembic's environment for the tables `ecosphere_studies*`."""

from ckanext.ecosphere.setup import migrations
from ckanext.ecosphere.studies import model  # noqa: F401  (registers the tables)

migrations.run("ecosphere_studies")
