"""Plugin `ecosphere_studies`: from a regulatory study and a place to its data, or the proof that they are missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk

from ckanext.ecosphere.interfaces import IEcosphereSetup
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.shared import template_helpers
from ckanext.ecosphere.studies import publication_views
from ckanext.ecosphere.studies.logic import publications
from ckanext.ecosphere.work.jobs import Job


@tk.blanket.actions(publications.get_actions)
@tk.blanket.auth_functions(publications.get_auth_functions)
@tk.blanket.blueprints(publication_views.blueprints)
@tk.blanket.helpers(template_helpers.HELPERS | publication_views.HELPERS)
@tk.blanket.config_declarations
class EcosphereStudiesPlugin(Room):
    """Studies, collections of datasets, reuses."""

    p.implements(IEcosphereSetup, inherit=True)

    def update_config(self, config: Any) -> None:
        """Register templates and assets."""
        super().update_config(config)
        tk.add_template_directory(config, "../templates/studies")

    def ecosphere_jobs(self) -> Sequence[Job]:
        """Return the jobs that count objects on sites."""
        return ()

    def ecosphere_queues(self) -> list[str]:
        """Return the queue of the plugin's background jobs."""
        return []
