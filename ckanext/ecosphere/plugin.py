"""The plugin `ecosphere`: theme, home page, web guard, administration pages and contact sheets of the portal."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from flask import Blueprint, current_app

from ckanext.ecosphere import config as options
from ckanext.ecosphere import helpers
from ckanext.ecosphere.contact import actions
from ckanext.ecosphere.core import (
    api_parameters,
    chained_helpers,
    collaborators,
    console,
    dashboard,
    epci_map,
    groups,
    invitations,
    mail,
    markdown,
    own_services,
    restoring,
    service_pages,
    slashes,
    texts,
    warm_up,
)
from ckanext.ecosphere.core.addresses import uniqueness
from ckanext.ecosphere.core.addresses import views as address_views
from ckanext.ecosphere.core.api_guard import api_guard
from ckanext.ecosphere.core.lists import indexing, noticing, store
from ckanext.ecosphere.core.lists import views as list_views
from ckanext.ecosphere.core.privacy import (
    accounts,
    closing_views,
    creators,
    deleting,
    members,
    public_tags,
    readable_activities,
)
from ckanext.ecosphere.core.public_pages import accessibility, api_page
from ckanext.ecosphere.interfaces import IEcosphereSetup
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.shared import authorization, template_helpers, web_guard
from ckanext.ecosphere.shared.web_guard import assets, cookies, proxies


@tk.blanket.config_declarations
@tk.blanket.helpers(
    {
        "check_access": chained_helpers.check_access,
        "dataset_display_name": chained_helpers.dataset_display_name,
        "linked_user": chained_helpers.linked_user,
        "render_datetime": chained_helpers.render_datetime,
        "user_image": chained_helpers.user_image,
        **markdown.HELPERS,
        **template_helpers.HELPERS,
        **actions.HELPERS,
        **epci_map.HELPERS,
        "ecosphere_account_deletion": deleting.ecosphere_account_deletion,
        **{name: value for name, value in vars(helpers).items() if name.startswith("ecosphere_")},
    }
)
class EcospherePlugin(Room):
    """Base plugin of the suite: theme, home page, web guard, administration pages, contact sheets."""

    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)
    p.implements(p.IPackageController, inherit=True)
    p.implements(p.IValidators)
    p.implements(p.INotifier, inherit=True)
    p.implements(p.ISignal)
    p.implements(p.IConfigurable)
    p.implements(IEcosphereSetup, inherit=True)

    def configure(self, config_: Any) -> None:
        """Load the administrators' lists, record changes of roles in the journal, and name the links of pagers."""
        store.follow()
        noticing.listen()
        chained_helpers.name_pagers()

    def ecosphere_recover(self) -> list[str]:
        """Restart the reindexing of datasets whose terms changed, if its job was lost."""
        return [indexing.RUN.title] if indexing.RUN.send_if_lost() else []

    def ecosphere_queues(self) -> list[str]:
        """Return the queue of the reindexing job."""
        return [indexing.RUN.queue]

    def update_config(self, config: Any) -> None:
        """Register templates and assets; set safe cookies and local times unless the administrator chose otherwise."""
        super().update_config(config)
        cookies.make_safe(config, options.secure_cookies())
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
        """Chain CKAN's actions (privacy, input checks, clean texts) and add those of the contact sheets."""
        privacy = (accounts, creators, deleting, members, public_tags, readable_activities)
        rooms = (*privacy, api_parameters, texts, groups, own_services, restoring, actions)
        return {name: action for room in rooms for name, action in room.get_actions().items()}

    def after_dataset_show(self, context: Any, pkg_dict: dict[str, Any]) -> None:
        """Hide who created a dataset."""
        creators.hide(context, pkg_dict)

    def get_auth_functions(self) -> dict[str, Any]:
        """Chain auth functions of CKAN and add those of the contact sheets."""
        return {**collaborators.get_auth_functions(), **actions.get_auth_functions()}

    def get_validators(self) -> dict[str, Any]:
        """Replace CKAN's check that an e-mail address is unique."""
        return uniqueness.get_validators()

    def get_blueprint(self) -> list[Blueprint]:
        """Register the guards of pages and API, and the suite's own pages."""
        statement = accessibility.blueprint(options.accessibility, options.contact)
        interfaces = api_page.blueprint(options.csw_url)
        pages = (
            actions,
            dashboard,
            address_views,
            closing_views,
            deleting,
            console,
            service_pages,
            list_views,
            restoring,
            slashes,
        )
        own = [*(page.blueprint for page in (*pages, epci_map, invitations)), statement, interfaces]
        return [web_guard.portal_blueprint(options.web_guard), api_guard, *own]

    def notify_recipient(self, *args: Any, **kwargs: Any) -> bool:
        """Send CKAN's own e-mails with the headers that CKAN leaves out."""
        return mail.notify_recipient(*args, **kwargs)

    def notify_about_topic(self, *args: Any, **kwargs: Any) -> bool:
        """Send invitations that state their expiry date."""
        return invitations.notify_about_topic(*args, **kwargs)

    def make_middleware(self, app: Any, config: Any) -> Any:
        """Trust client addresses from trusted proxies only, skip needless work for assets, and warm up the process."""
        app = super().make_middleware(app, config)
        assets.spare(app)
        app.wsgi_app = proxies.ClientAddress(app.wsgi_app, options.trusted_proxies())
        warm_up.begin(app)
        return app

    def get_signal_subscriptions(self) -> Any:
        """At the start of each request, make anonymous users falsy and cache the reader's services."""
        return {tk.signals.request_started: [_refuse_anonymous_people, own_services.keep]}


def _refuse_anonymous_people(sender: Any, **_more: Any) -> None:
    """Use an anonymous user that is falsy, as CKAN and extensions expect: see `shared.authorization`."""
    current_app.login_manager.anonymous_user = authorization.AnonymousUser  # pyright: ignore[reportAttributeAccessIssue]
