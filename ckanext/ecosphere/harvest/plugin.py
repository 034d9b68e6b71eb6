"""The plugin `ecosphere_harvest`: the pipeline of our source types, beneath ckanext-harvest's pages and commands."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click

from ckanext.ecosphere.core.privacy.closing import IEcosphereAccounts
from ckanext.ecosphere.harvest import checks, cli, dashboard, helpers, leaving
from ckanext.ecosphere.harvest.finish import digest
from ckanext.ecosphere.harvest.logic import action, auth
from ckanext.ecosphere.harvest.sources.config_fields import protect_sources
from ckanext.ecosphere.harvest.sources.reach import protect_reach
from ckanext.ecosphere.harvest.weekly import letters, readers
from ckanext.ecosphere.harvest.worker.queue import QUEUE, Patrol, revive
from ckanext.ecosphere.interfaces import (
    Card,
    Check,
    IEcosphereCommands,
    IEcosphereDashboard,
    IEcosphereSetup,
    InitReport,
    LeavingStep,
    Person,
)
from ckanext.ecosphere.room import Room

_PATROL = Patrol()


@tk.blanket.config_declarations
@tk.blanket.actions(action.get_actions)
@tk.blanket.blueprints
@tk.blanket.helpers({name: value for name, value in vars(helpers).items() if name.startswith("ecosphere_harvest_")})
@tk.blanket.auth_functions(auth.get_auth_functions)
class EcosphereHarvestPlugin(Room):
    """The harvest room."""

    p.implements(p.IForkObserver)
    p.implements(IEcosphereCommands)
    p.implements(IEcosphereSetup, inherit=True)
    p.implements(IEcosphereDashboard, inherit=True)
    p.implements(IEcosphereAccounts, inherit=True)

    def update_config(self, config: Any) -> None:
        """Register the room's templates and assets."""
        super().update_config(config)
        protect_sources()
        protect_reach()
        tk.add_template_directory(config, "../templates/harvest")
        tk.add_resource("../assets/harvest", "ecosphere_harvest")

    def before_fork(self) -> None:
        """Look for stuck harvests when a background worker goes from one job to the next."""
        _PATROL.look()

    def ecosphere_recover(self) -> list[str]:
        """Send harvests again that nobody is running, and e-mails that nobody sends; write the letters of the week."""
        return [*(f"harvest job {job_id}" for job_id in revive()), *digest.recover(), *letters.recover()]

    def get_ecosphere_commands(self) -> list[click.Command]:
        """Provide `ckan ecosphere harvest`."""
        return [cli.harvest]

    def ecosphere_forget_account(self, user: Any) -> None:
        """Send a person no more weekly letters."""
        readers.forget(user.id)

    def ecosphere_dashboard_cards(self, person: Person) -> list[Card]:
        """Show the sources that call for somebody."""
        return dashboard.cards(person)

    def ecosphere_check(self) -> list[Check]:
        """Look at the workers that harvests leave free, and at the networks that sources may lie in."""
        return [*checks.free_workers(), *checks.networks()]

    def ecosphere_init(self, report: InitReport) -> None:
        """Show the sources again that were hidden when the plugins were disabled."""
        leaving.restore(report)

    def ecosphere_leave(self, kept: Collection[str]) -> list[LeavingStep]:
        """Hide the sources from a CKAN that cannot show them."""
        return leaving.steps(kept)

    def ecosphere_queues(self) -> list[str]:
        """Name the queue of the harvest."""
        return [QUEUE]
