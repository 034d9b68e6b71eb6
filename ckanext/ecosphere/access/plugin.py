"""`ecosphere_access`: CKAN plugin for access to the data of datasets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan.common import _
from ckan.types import Context, DataDict

from ckanext.ecosphere.access import actions, auth, cli, config, helpers, jobs, use
from ckanext.ecosphere.access.services import storage
from ckanext.ecosphere.access.take import extracts
from ckanext.ecosphere.access.views import ecosphere_access
from ckanext.ecosphere.interfaces import (
    Check,
    CheckStatus,
    IEcosphereCommands,
    IEcospherePopularity,
    IEcosphereSetup,
)
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.setup.health import check_networks, check_ports
from ckanext.ecosphere.shared import template_helpers
from ckanext.ecosphere.shared.confinement import sandbox
from ckanext.ecosphere.work.jobs import Job

HELPERS = template_helpers.HELPERS | {
    name: value for name, value in vars(helpers).items() if name.startswith("ecosphere_access_")
}


@tk.blanket.actions(actions.get_actions)
@tk.blanket.auth_functions(auth.get_auth_functions)
@tk.blanket.helpers(HELPERS)
@tk.blanket.blueprints(lambda: [ecosphere_access])
@tk.blanket.config_declarations
class EcosphereAccessPlugin(Room):
    """Capabilities of services, previews, QGIS layers, extracts, usage counts."""

    p.implements(p.IPackageController, inherit=True)
    p.implements(IEcosphereCommands)
    p.implements(IEcosphereSetup, inherit=True)
    p.implements(IEcospherePopularity)

    def update_config(self, config: Any) -> None:
        """Register templates and assets."""
        super().update_config(config)
        tk.add_template_directory(config, "../templates/access")
        tk.add_resource("../assets/access", "ecosphere_access")
        jobs.listen()

    def after_dataset_create(self, context: Context, pkg_dict: DataDict) -> None:
        """Record the services of a new dataset in its transaction.

        They are read in the background.
        """
        resources = pkg_dict.get("resources")
        # Most harvested datasets have no service.
        if resources is None or any(map(storage.address_of, resources)):
            _note(pkg_dict, new=True)

    def after_dataset_update(self, context: Context, pkg_dict: DataDict) -> None:
        """Record the services of a changed dataset in its transaction."""
        _note(pkg_dict, new=False)

    def get_ecosphere_commands(self) -> list[click.Command]:
        """Provide `ckan ecosphere access …`."""
        return [cli.access]

    def ecosphere_check(self) -> list[Check]:
        """Tell which networks services may lead to, and how the files of outsiders are confined."""
        what = _("services and previews")
        networks = check_networks(config.ALLOWED_NETWORKS, what)
        return [*networks, *check_ports(config.ALLOWED_PORTS, what), _confinement()]

    def ecosphere_popularity(self) -> list[tuple[str, float]]:
        """Return one point per use of a dataset within a year."""
        return use.points()

    def ecosphere_recover(self) -> list[str]:
        """Delete old extracts, also where nothing else does regularly."""
        extracts.purge()
        return []

    def ecosphere_jobs(self) -> Sequence[Job]:
        """Return the jobs that read services and make previews and extracts."""
        return jobs.JOBS

    def ecosphere_queues(self) -> list[str]:
        """Return the queue of the plugin's background jobs."""
        return [config.QUEUE]


def _confinement() -> Check:
    name, way = _("Previews of files"), sandbox.way()
    if way:
        sentence = _("Files of others are read in a process that %(way)s confines.")
        return Check(name, CheckStatus.OK, sentence % {"way": way})
    return Check(
        name,
        CheckStatus.WARNING,
        _(
            "This machine cannot confine the process that reads files: none is previewed, no"
            " extract is made."
        ),
        _("Install bubblewrap (apt-get install bubblewrap), or a kernel with Landlock."),
    )


def _note(pkg_dict: DataDict, *, new: bool) -> None:
    if pkg_dict.get("type", "dataset") == "dataset":
        jobs.note_saved(pkg_dict["id"], new=new)
