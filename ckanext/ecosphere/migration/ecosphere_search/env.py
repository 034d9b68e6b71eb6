"""Alembic's environment for the tables `ecosphere_search*`."""

from ckanext.ecosphere.search import popularity, unfound  # noqa: F401
from ckanext.ecosphere.search.alerts import model as alerts  # noqa: F401  (registers the tables)
from ckanext.ecosphere.setup import migrations

migrations.run("ecosphere_search")
