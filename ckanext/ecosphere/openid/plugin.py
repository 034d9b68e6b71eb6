"""`ecosphere_openid`: CKAN plugin for log-in with OpenID Connect (ProConnect); optional."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.exceptions import CkanConfigurationException

from ckanext.ecosphere.core.accounts import IEcosphereAccounts
from ckanext.ecosphere.interfaces import Check, CheckStatus, IEcosphereSetup
from ckanext.ecosphere.openid import accounts, config
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.setup.health import check_networks


def ecosphere_openid_provider() -> str:
    """Return the display name of the provider; empty while the log-in is not configured."""
    if config.missing():
        return ""
    return config.provider_name()


def ecosphere_openid_link() -> dict[str, Any]:
    """Return the link of the current user's account; empty when it is not linked."""
    return accounts.of(tk.current_user)


HELPERS = {helper.__name__: helper for helper in (ecosphere_openid_provider, ecosphere_openid_link)}


@tk.blanket.helpers(HELPERS)
@tk.blanket.config_declarations
class EcosphereOpenidPlugin(Room):
    """Log-in with an OpenID Connect provider such as ProConnect, beside passwords."""

    p.implements(p.IBlueprint)
    p.implements(p.IConfigurable)
    p.implements(p.IAuthenticator, inherit=True)
    p.implements(IEcosphereSetup, inherit=True)
    p.implements(IEcosphereAccounts, inherit=True)

    def update_config(self, config: Any) -> None:
        """Register templates.

        Raises:
            CkanConfigurationException: Authlib is not installed.
        """
        super().update_config(config)
        if not find_spec("authlib"):
            raise CkanConfigurationException(
                "ecosphere_openid needs Authlib: install it with pip install 'authlib>=1.7,<2', "
                "or take the plugin out of ckan.plugins"
            )
        tk.add_template_directory(config, "../templates/openid")

    def configure(self, config: Any) -> None:
        """Unlink accounts whose password is reset, see `accounts.listen`."""
        accounts.listen()

    def get_blueprint(self) -> list[Any]:
        """Return the blueprint of the log-in.

        Imported here, after the check that Authlib is installed.
        """
        from ckanext.ecosphere.openid import views

        return [views.blueprint]

    def logout(self) -> Any:
        """End the session at the provider as well."""
        from ckanext.ecosphere.openid import views

        return views.log_out()

    def ecosphere_has_other_log_in(self, user: Any) -> bool:
        """Return whether an account is linked, so that its owner may have no password."""
        return bool(accounts.of(user)) and not config.missing()

    def ecosphere_check(self) -> list[Check]:
        """Check that the required options are set and that the
        provider answers with its metadata.
        """
        name = tk._("Log-in with OpenID Connect")
        if missing := config.missing():
            message = tk._("Nobody can log in this way: {options} not set").format(
                options=", ".join(missing)
            )
            remedy = tk._("Set them, or take ecosphere_openid out of ckan.plugins")
            return [Check(name, CheckStatus.ERROR, message, remedy)]
        from ckanext.ecosphere.openid import provider

        networks = check_networks(config.ALLOWED_NETWORKS, tk._("log-in"))
        if any(check.status is CheckStatus.ERROR for check in networks):
            return networks
        try:
            provider.metadata()
        except provider.ProviderError as error:
            remedy = tk._("Compare {option} with what the provider says").format(
                option=config.ISSUER
            )
            return [*networks, Check(name, CheckStatus.ERROR, str(error), remedy)]
        message = tk._("{issuer} answers").format(issuer=config.issuer())
        return [*networks, Check(name, CheckStatus.OK, message)]
