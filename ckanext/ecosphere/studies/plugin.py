"""Plugin `ecosphere_studies`: from a regulatory study and a place to its data,
or the proof that they are missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan import model

from ckanext.ecosphere.core.accounts import IEcosphereAccounts, Notice
from ckanext.ecosphere.interfaces import (
    MOST_LINES,
    Card,
    Check,
    IEcosphereDashboard,
    IEcosphereSetup,
    Line,
    Link,
    Person,
)
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.shared import template_helpers
from ckanext.ecosphere.studies import (
    cli,
    config,
    frames,
    news,
    references,
    shown,
    store,
    suitability,
)
from ckanext.ecosphere.studies.logic import auth, publications
from ckanext.ecosphere.studies.publications import process, reuses, views
from ckanext.ecosphere.studies.views import ecosphere_studies
from ckanext.ecosphere.work.jobs import Job


@tk.blanket.actions(publications.get_actions)
@tk.blanket.auth_functions(auth.get_auth_functions)
@tk.blanket.helpers(template_helpers.HELPERS | shown.HELPERS | views.HELPERS)
@tk.blanket.blueprints(lambda: [ecosphere_studies, *views.BLUEPRINTS, process.ecosphere_processes])
@tk.blanket.config_declarations
class EcosphereStudiesPlugin(Room):
    """Studies, collections of datasets, reuses."""

    p.implements(IEcosphereSetup, inherit=True)
    p.implements(IEcosphereDashboard, inherit=True)
    p.implements(IEcosphereAccounts, inherit=True)

    def update_config(self, config: Any) -> None:
        """Register templates and assets."""
        super().update_config(config)
        tk.add_template_directory(config, "../templates/studies")
        tk.add_resource("../assets/studies", "ecosphere_studies")

    def get_ecosphere_commands(self) -> list[click.Command]:
        """Return the commands of `ckan ecosphere`."""
        return [cli.studies]

    def ecosphere_account_notice(self) -> Notice:
        """State what becomes of the studies of a person."""
        return Notice(
            lost=[
                tk._("Studies, with their sites, and invitations to those of others."),
                tk._("Opinions on datasets, and proposed reuses that were not published."),
            ],
            kept=[
                tk._("Frames of studies that the person made, without the name."),
                tk._("Published reuses, without the name."),
            ],
        )

    def ecosphere_forget_account(self, user: Any) -> None:
        """Erase the studies of a person, and their name in those of others."""
        store.forget_person(user.id)
        frames.forget_person(user.id)
        news.OUTBOX.forget([user.id])
        reuses.forget_person(user.id)
        suitability.forget_person(user.id)
        model.Session.commit()

    def ecosphere_dashboard_cards(self, person: Person) -> list[Card]:
        """Return a card of the studies that the person works on."""
        studies = person.ask("ecosphere_study_list", {"rows": MOST_LINES})
        if not studies["count"]:
            return []
        lines = [_line(study) for study in studies["results"]]
        links = [Link(tk._("My studies"), tk.url_for("ecosphere_studies.index"))]
        title = tk._("My studies")
        return [Card("studies", title, "folder-open", studies["count"], lines, links, 55)]

    def ecosphere_dashboard_links(self, person: Person) -> list[Link]:
        """Return the link to a new study."""
        url = tk.url_for("ecosphere_studies.new")
        return [Link(tk._("Begin a study"), url, "folder-open", 80)]

    def ecosphere_check(self) -> list[Check]:
        """Tell whether e-mails about studies could not be sent."""
        return news.OUTBOX.failures(tk._("E-mails about studies"))

    def ecosphere_jobs(self) -> Sequence[Job]:
        """Return the jobs that count objects on sites, look for what has appeared,
        and send e-mails.
        """
        return (store.COUNT, references.VERIFY, *news.JOBS)

    def ecosphere_queues(self) -> list[str]:
        """Return the queue of the plugin's background jobs."""
        return [config.QUEUE]


def _line(study: dict[str, Any]) -> Line:
    note = study["site_label"]
    if study["pending"]:
        note = tk._("{place}, {number} datasets still to be counted").format(
            place=note, number=study["pending"]
        )
    return Line(study["title"], tk.url_for("ecosphere_studies.read", id=study["id"]), note)
