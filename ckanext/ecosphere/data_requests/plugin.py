"""Plugin `ecosphere_requests`: requests for data, answered by services within the legal period."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.contact.sheets import without_base
from ckanext.ecosphere.core.accounts import IEcosphereAccounts, Notice
from ckanext.ecosphere.data_requests import (
    alerts,
    attachments,
    calendars,
    cli,
    config,
    dashboard,
    helpers,
    matching,
    privacy,
    setup,
)
from ckanext.ecosphere.data_requests.logic import actions, auth
from ckanext.ecosphere.data_requests.logic.actions import desk
from ckanext.ecosphere.data_requests.notifications import outbox
from ckanext.ecosphere.data_requests.views import blueprint
from ckanext.ecosphere.interfaces import (
    AlertSubject,
    Card,
    Check,
    Gauge,
    IEcosphereAlerts,
    IEcosphereCommands,
    IEcosphereDashboard,
    IEcospherePopularity,
    IEcosphereSetup,
    InitReport,
    Link,
    Person,
)
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.shared import template_helpers
from ckanext.ecosphere.work.jobs import Job

HELPERS = {
    name: value for name, value in vars(helpers).items() if name.startswith("ecosphere_request_")
}


@tk.blanket.actions(
    lambda: actions.get_actions() | desk.chained_actions() | without_base(sheets.get_actions())
)
@tk.blanket.auth_functions(
    lambda: auth.get_auth_functions() | without_base(sheets.get_auth_functions())
)
@tk.blanket.helpers(lambda: template_helpers.HELPERS | HELPERS | without_base(sheets.HELPERS))
@tk.blanket.blueprints(lambda: [blueprint.ecosphere_requests, *without_base([sheets.blueprint])])
@tk.blanket.config_declarations
class EcosphereRequestsPlugin(Room):
    """Data requests: asked by anyone with an account,
    answered by the services within the legal period.
    """

    p.implements(p.IConfigurable)
    p.implements(IEcosphereCommands)
    p.implements(IEcosphereSetup, inherit=True)
    p.implements(IEcospherePopularity)
    p.implements(IEcosphereDashboard, inherit=True)
    p.implements(IEcosphereAlerts, inherit=True)
    p.implements(IEcosphereAccounts, inherit=True)

    def update_config(self, config: Any) -> None:
        super().update_config(config)
        if not p.plugin_loaded("ecosphere"):
            tk.add_template_directory(config, f"../{sheets.TEMPLATES}")
        tk.add_template_directory(config, "../templates/requests")
        tk.add_resource("../assets/requests", "ecosphere_requests")

    def configure(self, config: Any) -> None:
        """Look at what is committed, and at new passwords."""
        calendars.listen()
        attachments.listen()

    def get_ecosphere_commands(self) -> list[click.Command]:
        return [cli.requests]

    def ecosphere_init(self, report: InitReport) -> None:
        setup.initialise(report)

    def ecosphere_dashboard_cards(self, person: Person) -> list[Card]:
        return dashboard.cards(person)

    def ecosphere_dashboard_links(self, person: Person) -> list[Link]:
        return dashboard.links(person)

    def ecosphere_account_notice(self) -> Notice:
        return privacy.notice()

    def ecosphere_forget_account(self, user: Any) -> None:
        privacy.erase(user)

    def ecosphere_alert_subjects(self) -> list[AlertSubject]:
        return [alerts.Requests()]

    def ecosphere_check(self) -> list[Check]:
        return setup.check()

    def ecosphere_popularity(self) -> list[tuple[str, float]]:
        return matching.points()

    def ecosphere_gauges(self) -> list[Gauge]:
        return setup.gauges()

    def ecosphere_jobs(self) -> list[Job]:
        return [outbox.OUTBOX]

    def ecosphere_queues(self) -> list[str]:
        return [config.QUEUE]
