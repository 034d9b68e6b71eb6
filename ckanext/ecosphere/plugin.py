"""The plugin `ecosphere`: theme, home page, administration pages and contact sheets of the portal."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from flask import Blueprint

from ckanext.ecosphere import config as options
from ckanext.ecosphere import helpers
from ckanext.ecosphere.contact import actions, service_names
from ckanext.ecosphere.core import (
    chained_helpers,
    console,
    dashboard,
    epci_map,
    invitations,
    own_services,
    restoring,
    service_pages,
    warm_up,
)
from ckanext.ecosphere.core.addresses import views as address_views
from ckanext.ecosphere.core.lists import indexing, noticing, store
from ckanext.ecosphere.core.lists import views as list_views
from ckanext.ecosphere.core.privacy import closing_views
from ckanext.ecosphere.core.public_pages import accessibility, api_page
from ckanext.ecosphere.interfaces import IEcosphereSetup
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.shared import template_helpers
from ckanext.ecosphere.work.jobs import Job


@tk.blanket.config_declarations
@tk.blanket.helpers(
    {
        "check_access": chained_helpers.check_access,
        "dataset_display_name": chained_helpers.dataset_display_name,
        "linked_user": chained_helpers.linked_user,
        "render_datetime": chained_helpers.render_datetime,
        "user_image": chained_helpers.user_image,
        **template_helpers.HELPERS,
        **actions.HELPERS,
        **epci_map.HELPERS,
        **{name: value for name, value in vars(helpers).items() if name.startswith("ecosphere_")},
    }
)
class EcospherePlugin(Room):
    """Base plugin of the suite: theme, home page, administration pages, contact sheets."""

    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)
    p.implements(p.INotifier, inherit=True)
    p.implements(p.ISignal)
    p.implements(p.IConfigurable)
    p.implements(IEcosphereSetup, inherit=True)

    def configure(self, config_: Any) -> None:
        """Load the administrators' lists, record changes of roles in the journal, and name the links of pagers."""
        store.follow()
        noticing.listen()
        chained_helpers.name_pagers()

    def ecosphere_jobs(self) -> list[Job]:
        """Return the reindexing of datasets whose terms changed."""
        return [indexing.RUN]

    def ecosphere_queues(self) -> list[str]:
        """Return the queue of the reindexing job."""
        return [indexing.RUN.queue]

    def update_config(self, config: Any) -> None:
        """Register templates and assets; set local times unless the administrator chose otherwise."""
        super().update_config(config)
        options.show_times_locally(config)
        dashboard.lead_there(config)
        tk.add_template_directory(config, actions.TEMPLATES)
        tk.add_template_directory(config, "templates/ecosphere")
        tk.add_public_directory(config, "public")
        tk.add_resource("assets/ecosphere", "ecosphere")

    def update_config_schema(self, schema: Any) -> Any:
        """Let administrators set the announcement on CKAN's page of settings."""
        schema[options.ANNOUNCEMENT] = [tk.get_validator("ignore_missing"), tk.get_validator("unicode_safe")]
        return schema

    def get_actions(self) -> dict[str, Any]:
        """Chain CKAN's actions and add those of the contact sheets."""
        modules = (own_services, restoring, service_names, actions)
        return {name: action for module in modules for name, action in module.get_actions().items()}

    def get_auth_functions(self) -> dict[str, Any]:
        """Add the auth functions of the contact sheets."""
        return actions.get_auth_functions()

    def get_blueprint(self) -> list[Blueprint]:
        """Register the suite's own pages."""
        statement = accessibility.blueprint(options.accessibility, options.contact)
        interfaces = api_page.blueprint(options.csw_url)
        pages = (
            actions,
            dashboard,
            address_views,
            closing_views,
            console,
            service_pages,
            list_views,
            restoring,
        )
        return [*(page.blueprint for page in (*pages, epci_map, invitations)), statement, interfaces]

    def notify_recipient(self, already_notified: bool, *args: Any, **kwargs: Any) -> bool:
        """Leave e-mails to others: the default of CKAN's interface forgets that another plugin has sent one."""
        return already_notified

    def notify_about_topic(self, *args: Any, **kwargs: Any) -> bool:
        """Send invitations that state their expiry date."""
        return invitations.notify_about_topic(*args, **kwargs)

    def make_middleware(self, app: Any, config: Any) -> Any:
        """Warm up the process."""
        app = super().make_middleware(app, config)
        warm_up.begin(app)
        return app

    def get_signal_subscriptions(self) -> Any:
        """At the start of each request, cache the reader's services."""
        return {tk.signals.request_started: [own_services.keep]}
