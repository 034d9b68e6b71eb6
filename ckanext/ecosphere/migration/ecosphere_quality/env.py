"""Alembic's environment for the tables `ecosphere_quality*`."""

from ckanext.ecosphere.setup import migrations
from ckanext.ecosphere.quality import model  # noqa: F401  (registers the tables)

migrations.run("ecosphere_quality")
