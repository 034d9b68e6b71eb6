"""The plugin `ecosphere_harvest`: the pipeline of our source types,
beneath ckanext-harvest's pages and commands.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timezone
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan import model

from ckanext.ecosphere.core.accounts import IEcosphereAccounts
from ckanext.ecosphere.harvest import cli, config, helpers, leaving, letter, overview
from ckanext.ecosphere.harvest.letter import KINDS, STALLED, stalled_sources
from ckanext.ecosphere.harvest.logic import action, auth
from ckanext.ecosphere.harvest.overview import INACTIVE, Row
from ckanext.ecosphere.harvest.sources.settings import protect_sources
from ckanext.ecosphere.harvest.worker import QUEUE, free_workers, revive
from ckanext.ecosphere.harvest.write import local_edits
from ckanext.ecosphere.interfaces import (
    MOST_LINES,
    Card,
    Check,
    Gauge,
    IEcosphereCommands,
    IEcosphereDashboard,
    IEcosphereSetup,
    InitReport,
    LeavingStep,
    Line,
    Link,
    Person,
)
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.setup.health import check_networks, check_ports
from ckanext.ecosphere.work.jobs import Job


@tk.blanket.config_declarations
@tk.blanket.actions(action.get_actions)
@tk.blanket.blueprints
@tk.blanket.helpers(
    {name: value for name, value in vars(helpers).items() if name.startswith("ecosphere_harvest_")}
)
@tk.blanket.auth_functions(auth.get_auth_functions)
class EcosphereHarvestPlugin(Room):
    """The harvest pipeline with its pages, actions and commands, on top of ckanext-harvest."""

    p.implements(p.IPackageController, inherit=True)
    p.implements(IEcosphereCommands)
    p.implements(IEcosphereSetup, inherit=True)
    p.implements(IEcosphereDashboard, inherit=True)
    p.implements(IEcosphereAccounts, inherit=True)

    def update_config(self, config: Any) -> None:
        """Register templates and assets, and patch the source schema of ckanext-harvest."""
        super().update_config(config)
        protect_sources()
        tk.add_template_directory(config, "../templates/harvest")
        tk.add_resource("../assets/harvest", "ecosphere_harvest")

    def after_dataset_update(self, context: Any, pkg_dict: dict[str, Any]) -> None:
        """Note what somebody changes in a harvested dataset."""
        local_edits.note(context)

    def ecosphere_recover(self) -> list[str]:
        """Requeue stuck harvests, and create the letters that are due."""
        return [*(f"harvest job {job_id}" for job_id in revive()), *letter.write_due()]

    def ecosphere_jobs(self) -> Sequence[Job]:
        """Return the job of the letters."""
        return [letter.OUTBOX]

    def get_ecosphere_commands(self) -> list[click.Command]:
        """Return the commands `ckan ecosphere harvest`."""
        return [cli.harvest]

    def ecosphere_forget_account(self, user: Any) -> None:
        """Unsubscribe a user from the letter and delete their letters."""
        letter.forget(user.id)

    def ecosphere_dashboard_cards(self, person: Person) -> list[Card]:
        """Return the card with the user's sources that are stalled, incomplete,
        in error or held.
        """
        try:
            sources = person.ask("ecosphere_harvest_overview", {"counted": False})
        except tk.NotAuthorized:
            return []
        active = [source for source in sources if source["state"] != INACTIVE]
        stalled = stalled_sources(active, datetime.now(timezone.utc))
        stalled_ids = {source["id"] for source in stalled}
        rows = [(STALLED, source) for source in stalled]
        for source in active:
            if source["id"] not in stalled_ids and source["state"] in KINDS:
                rows.append((source["state"], source))
        if not rows:
            return []
        rows.sort(key=lambda row: (KINDS.index(row[0]), row[1]["title"]))
        lines = [_line(kind, source) for kind, source in rows[:MOST_LINES]]
        ways = [Link(tk._("All sources"), tk.url_for("ecosphere_harvest.sources"), "table")]
        return [
            Card(
                "sources",
                tk._("Sources that need somebody"),
                "triangle-exclamation",
                len(rows),
                lines,
                ways,
                20,
            )
        ]

    def ecosphere_dashboard_links(self, person: Person) -> list[Link]:
        """Return the link to add a source, for those who may."""
        who: Any = {"user": person.name, "auth_user_obj": model.Session.get(model.User, person.id)}
        try:
            tk.check_access("harvest_source_create", who, {})
        except tk.NotAuthorized:
            return []
        return [Link(tk._("Add a source"), tk.url_for("harvest.new"), "cloud-arrow-down", 60)]

    def ecosphere_check(self) -> list[Check]:
        """Check for workers that harvests leave free, and the networks
        and ports allowed for sources.
        """
        use = tk._("harvests")
        ports = check_ports(config.ALLOWED_PORTS, use)
        return [*free_workers(), *check_networks(config.ALLOWED_NETWORKS, use), *ports]

    def ecosphere_gauges(self) -> list[Gauge]:
        """Return when each source was harvested last, and what failed."""
        return overview.gauges()

    def ecosphere_init(self, report: InitReport) -> None:
        """Restore the sources that were hidden when the plugins were disabled."""
        leaving.restore(report)

    def ecosphere_leave(self, kept: Collection[str]) -> list[LeavingStep]:
        """Return the steps that hide the sources from a CKAN that cannot show them."""
        return leaving.steps(kept)

    def ecosphere_queues(self) -> list[str]:
        """Return the name of the harvest queue."""
        return [QUEUE]


def _line(kind: str, source: Row) -> Line:
    """Describe a source, linked to the page that explains its state."""
    if kind == STALLED:
        note = letter.sentence_about(kind, source)
    else:
        note = _note(kind, source)
    return Line(source["title"], letter.page_about(kind, source), note, True)


def _note(state: str, source: Row) -> str:
    label = dict(helpers.ecosphere_harvest_states())[state]
    errors = int(source["errors"] or 0)
    if not errors:
        return label
    counted = tk.ungettext("{number} error", "{number} errors", errors).format(
        number=tk.h.localised_number(errors)
    )
    return f"{label}, {counted}"
