"""Alembic's environment for the tables `ecosphere_quality*`."""

from ckanext.ecosphere.quality.core import model  # noqa: F401  (registers the tables)
from ckanext.ecosphere.setup import migrations

migrations.run("ecosphere_quality")
