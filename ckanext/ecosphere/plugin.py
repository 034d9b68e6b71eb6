"""`ecosphere`: look, home page, guards and contact sheets of the whole portal."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from flask import Blueprint, current_app

from ckanext.ecosphere import config as options
from ckanext.ecosphere import helpers
from ckanext.ecosphere.contact import actions
from ckanext.ecosphere.core import (
    accessibility,
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
from ckanext.ecosphere.core.lists import indexing, noticing, portal_text_views, store
from ckanext.ecosphere.core.lists import views as list_views
from ckanext.ecosphere.core.privacy import accounts, closing_views, deleting, members, public_tags, readable_activities
from ckanext.ecosphere.interfaces import IEcosphereSetup
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.shared import authorization, template_helpers, web_guard
from ckanext.ecosphere.shared.web_guard import assets, cookies, proxies


@tk.blanket.config_declarations
@tk.blanket.helpers(
    {
        "check_access": chained_helpers.check_access,
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
    """Shared ground of the suite."""

    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)
    p.implements(p.IValidators)
    p.implements(p.INotifier, inherit=True)
    p.implements(p.ISignal)
    p.implements(p.IConfigurable)
    p.implements(IEcosphereSetup, inherit=True)

    def configure(self, config_: Any) -> None:
        """Have the lists of the portal read, and changes of roles noted in its journal."""
        store.follow()
        noticing.listen()
        chained_helpers.name_pagers()

    def ecosphere_recover(self) -> list[str]:
        """Have datasets indexed whose terms changed, when a killed process or an emptied queue left that."""
        return [indexing.RUN.title] if indexing.RUN.send_if_lost() else []

    def ecosphere_queues(self) -> list[str]:
        """Queue of the work on lists."""
        return [indexing.RUN.queue]

    def update_config(self, config: Any) -> None:
        """Register templates and assets; choose safe cookies and local times where the administrator has not."""
        super().update_config(config)
        cookies.make_safe(config, options.secure_cookies())
        options.show_times_locally(config)
        dashboard.lead_there(config)
        tk.add_template_directory(config, actions.TEMPLATES)
        tk.add_template_directory(config, "templates/ecosphere")
        tk.add_public_directory(config, "public")
        tk.add_resource("assets/ecosphere", "ecosphere")

    def get_actions(self) -> dict[str, Any]:
        """Chain actions of core (what they tell of people and private datasets, what they take); add our own."""
        privacy = (accounts, deleting, members, public_tags, readable_activities)
        rooms = (*privacy, api_parameters, texts, groups, own_services, restoring, actions)
        return {name: action for room in rooms for name, action in room.get_actions().items()}

    def get_auth_functions(self) -> dict[str, Any]:
        """Chain auth functions of core; provide those of the contact sheets."""
        return {**collaborators.get_auth_functions(), **actions.get_auth_functions()}

    def get_validators(self) -> dict[str, Any]:
        """Compare addresses of e-mail otherwise than CKAN."""
        return uniqueness.get_validators()

    def get_blueprint(self) -> list[Blueprint]:
        """Guard every page and action of the portal; provide the suite's own pages."""
        statement = accessibility.blueprint(options.accessibility, options.contact)
        pages = (
            actions,
            dashboard,
            address_views,
            closing_views,
            deleting,
            console,
            service_pages,
            list_views,
            portal_text_views,
            restoring,
            slashes,
        )
        own = [*(page.blueprint for page in (*pages, epci_map, invitations)), statement]
        return [web_guard.portal_blueprint(options.web_guard), api_guard, *own]

    def notify_recipient(self, *args: Any, **kwargs: Any) -> bool:
        """Send CKAN's own e-mails with the headers that they lack."""
        return mail.notify_recipient(*args, **kwargs)

    def notify_about_topic(self, *args: Any, **kwargs: Any) -> bool:
        """Send invitations that say until when they are good."""
        return invitations.notify_about_topic(*args, **kwargs)

    def make_middleware(self, app: Any, config: Any) -> Any:
        """Take people's addresses from trusted proxies alone; spare assets; make the first visits."""
        app = super().make_middleware(app, config)
        assets.spare(app)
        app.wsgi_app = proxies.ClientAddress(app.wsgi_app, options.trusted_proxies())
        warm_up.begin(app)
        return app

    def get_signal_subscriptions(self) -> Any:
        """Make nobody false again before a request is answered; look up a person's services once for it."""
        return {tk.signals.request_started: [_refuse_anonymous_people, own_services.keep]}


def _refuse_anonymous_people(sender: Any, **_more: Any) -> None:
    """Let CKAN and other extensions refuse anonymous people, as they mean to: see `shared.authorization`."""
    current_app.login_manager.anonymous_user = authorization.AnonymousUser  # pyright: ignore[reportAttributeAccessIssue]
