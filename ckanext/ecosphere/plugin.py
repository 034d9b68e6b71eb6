"""The plugin `ecosphere`: theme, home page, administration pages and contact sheets."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from flask import Blueprint

from ckanext.ecosphere import config as options
from ckanext.ecosphere import helpers
from ckanext.ecosphere.contact import services, sheets
from ckanext.ecosphere.core import (
    accounts,
    addresses,
    chained,
    console,
    dashboard,
    invitations,
    journal,
    list_pages,
    lists,
    public_pages,
    restoring,
)
from ckanext.ecosphere.interfaces import IEcosphereSetup
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.shared import template_helpers
from ckanext.ecosphere.work.jobs import Job


@tk.blanket.config_declarations
@tk.blanket.helpers(
    {
        "check_access": chained.check_access,
        "dataset_display_name": chained.dataset_display_name,
        "humanize_entity_type": chained.humanize_entity_type,
        "linked_user": chained.linked_user,
        "render_datetime": chained.render_datetime,
        "user_image": chained.user_image,
        **template_helpers.HELPERS,
        **sheets.HELPERS,
        **public_pages.HELPERS,
        **{name: value for name, value in vars(helpers).items() if name.startswith("ecosphere_")},
    }
)
class EcospherePlugin(Room):
    """Base plugin of the suite, without which the other plugins work too."""

    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)
    p.implements(p.INotifier, inherit=True)
    p.implements(p.IConfigurable)
    p.implements(IEcosphereSetup, inherit=True)

    def configure(self, config_: Any) -> None:
        """Load the administrators' lists, journal changes of roles, name the links of pagers."""
        lists.follow()
        journal.listen()
        chained.name_pagers()

    def ecosphere_jobs(self) -> list[Job]:
        """Return the reindexing of datasets whose terms changed."""
        return [lists.RUN]

    def ecosphere_queues(self) -> list[str]:
        """Return the queue of the reindexing job."""
        return [lists.RUN.queue]

    def update_config(self, config: Any) -> None:
        """Register templates and assets; set options that the administrator left at their default.

        They are the time zone and the page after log-in.
        """
        super().update_config(config)
        options.show_times_locally(config)
        dashboard.lead_there(config)
        tk.add_template_directory(config, sheets.TEMPLATES)
        tk.add_template_directory(config, "templates/ecosphere")
        tk.add_public_directory(config, "public")
        tk.add_resource("assets/ecosphere", "ecosphere")

    def update_config_schema(self, schema: Any) -> Any:
        """Let administrators set the announcement on CKAN's page of settings."""
        schema[options.ANNOUNCEMENT] = [
            tk.get_validator("ignore_missing"),
            tk.get_validator("unicode_safe"),
        ]
        return schema

    def get_actions(self) -> dict[str, Any]:
        """Chain CKAN's actions and add those of the contact sheets."""
        return {
            **chained.get_actions(),
            **restoring.get_actions(),
            **services.get_actions(),
            **sheets.get_actions(),
        }

    def get_auth_functions(self) -> dict[str, Any]:
        """Add the auth functions of the contact sheets."""
        return sheets.get_auth_functions()

    def get_blueprint(self) -> list[Blueprint]:
        """Register the suite's own pages."""
        pages = (
            accounts,
            sheets,
            addresses,
            console,
            dashboard,
            invitations,
            restoring,
            list_pages,
        )
        blueprints = [page.blueprint for page in pages]
        return [*blueprints, console.of_services, *public_pages.BLUEPRINTS]

    def notify_recipient(self, already_notified: bool, *args: Any, **kwargs: Any) -> bool:
        """Leave e-mails to other plugins.

        The default of CKAN's interface forgets that one of them has sent the e-mail.
        """
        return already_notified

    def notify_about_topic(self, *args: Any, **kwargs: Any) -> bool:
        """Send invitations that state their expiry date."""
        return invitations.notify_about_topic(*args, **kwargs)
