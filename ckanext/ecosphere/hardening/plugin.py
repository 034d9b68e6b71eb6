"""The plugin `ecosphere_hardening`: repairs of CKAN 2.12 and of the extensions beneath the suite.

The defects are described in `docs/upstream.md`; each module names those that it repairs.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from flask import Blueprint

from ckanext.ecosphere.hardening import (
    accounts,
    activities,
    anonymous_users,
    api,
    datasets,
    documents,
    harvest_sources,
    mail,
    organisations,
    private_datasets,
    starts,
    texts,
)
from ckanext.ecosphere.hardening import config as options
from ckanext.ecosphere.hardening.web import every_page, failures, forms, proxies, sessions, slashes
from ckanext.ecosphere.interfaces import Check, IEcosphereSetup
from ckanext.ecosphere.room import Room

WITH_ACTIONS = (
    accounts,
    activities,
    datasets,
    harvest_sources,
    organisations,
    private_datasets,
    texts,
)


@tk.blanket.config_declarations
@tk.blanket.helpers(
    {**texts.HELPERS, "ecosphere_account_deletion": accounts.ecosphere_account_deletion}
)
@tk.blanket.validators({**accounts.get_validators(), **datasets.get_validators()})
class EcosphereHardeningPlugin(Room):
    """Repairs of CKAN and its extensions, and the guard of all their pages, before `ecosphere`."""

    p.implements(p.IActions)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)
    p.implements(p.IPackageController, inherit=True)
    p.implements(p.INotifier, inherit=True)
    p.implements(p.ISignal)
    p.implements(IEcosphereSetup, inherit=True)

    def update_config(self, config: Any) -> None:
        """Set safe cookies unless the administrator chose otherwise, repair background workers,
        add templates.
        """
        super().update_config(config)
        sessions.make_safe(config, options.secure_cookies())
        starts.keep_workers_registered()
        starts.start_jobs_at_once()
        documents.bound_files()
        tk.add_template_directory(config, "../templates/hardening")

    def make_middleware(self, app: Any, config: Any) -> Any:
        """Fill CKAN's registries, and repair what happens around the views."""
        starts.fill_registries()
        starts.build_assets_one_at_a_time()
        organisations.shorten_pages(app)
        app = super().make_middleware(app, config)
        sessions.spare_assets(app)
        app.wsgi_app = failures.SessionRemoved(app.wsgi_app)
        app.wsgi_app = proxies.ClientAddress(app.wsgi_app, options.trusted_proxies())
        return app

    def get_blueprint(self) -> list[Blueprint]:
        """Register the guards of pages, forms and API, in the order
        in which they look at a request.
        """
        guards = (api, forms, failures, accounts, slashes, documents)
        return [every_page.blueprint(options.web_guard), *(guard.blueprint for guard in guards)]

    def get_actions(self) -> dict[str, Any]:
        """Chain actions of CKAN, ckanext-activity and ckanext-harvest."""
        return {
            name: action for module in WITH_ACTIONS for name, action in module.get_actions().items()
        }

    def get_auth_functions(self) -> dict[str, Any]:
        """Chain auth functions of CKAN and ckanext-harvest."""
        return anonymous_users.get_auth_functions() | harvest_sources.get_auth_functions()

    def after_dataset_show(self, context: Any, pkg_dict: dict[str, Any]) -> None:
        """Hide who created a dataset."""
        accounts.hide_creator(context, pkg_dict)

    def notify_recipient(self, *args: Any, **kwargs: Any) -> bool:
        """Send CKAN's own e-mails with the headers that CKAN leaves out."""
        return mail.notify_recipient(*args, **kwargs)

    def notify_about_topic(self, already_notified: bool, *args: Any, **kwargs: Any) -> bool:
        """Leave topics to others: the default of CKAN's interface forgets that
        another plugin has notified somebody.
        """
        return already_notified

    def get_signal_subscriptions(self) -> Any:
        """Refuse anonymous users from the start of each request."""
        return {tk.signals.request_started: [anonymous_users.refuse]}

    def ecosphere_check(self) -> list[Check]:
        """Check the options of this plugin."""
        return [*options.check_proxies(), *options.check_pages()]
