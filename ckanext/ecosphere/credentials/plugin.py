"""`ecosphere_credentials`: CKAN plugin for a second factor beside the password, and narrowed API tokens; optional."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan import model
from ckan.exceptions import CkanConfigurationException
from ckan.types import DataDict, Schema

from ckanext.ecosphere.credentials import config as options
from ckanext.ecosphere.credentials import tokens
from ckanext.ecosphere.interfaces import IEcosphereCommands
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.shared import action_input
from ckanext.ecosphere.shared.authorization import deny_by_default

LIBRARIES = ("pyotp", "segno")


def ecosphere_second_factor(user_id: str) -> dict[str, Any]:
    """Return the state of an account's second factor for its page; empty if there is none to be had."""
    from ckanext.ecosphere.credentials import second_factor

    user = model.User.get(user_id)
    if user is None or not options.is_offered():
        return {}
    return {
        "is_set_up": second_factor.is_set_up(user),
        "is_required": second_factor.is_required(user),
        "codes_left": second_factor.codes_left(user),
    }


@tk.blanket.helpers({**tokens.HELPERS, "ecosphere_second_factor": ecosphere_second_factor})
@tk.blanket.config_declarations
class EcosphereCredentialsPlugin(Room):
    """A second factor for people who log in with a password, and API tokens with a scope and a last day."""

    p.implements(p.IActions)
    p.implements(p.IApiToken, inherit=True)
    p.implements(p.IAuthenticator, inherit=True)
    p.implements(p.IAuthFunctions)
    p.implements(p.IBlueprint)
    p.implements(p.IConfigurable)
    p.implements(IEcosphereCommands)

    def update_config(self, config: Any) -> None:
        """Register templates.

        Raises:
            CkanConfigurationException: a library is not installed.
        """
        super().update_config(config)
        if not all(map(find_spec, LIBRARIES)):
            raise CkanConfigurationException(
                "ecosphere_credentials needs pyotp and segno: install them with "
                "pip install 'pyotp>=2.9,<3' 'segno>=1.6,<2', "
                "or take the plugin out of ckan.plugins"
            )
        tk.add_template_directory(config, "../templates/credentials")

    def configure(self, config: Any) -> None:
        """Watch what narrowed tokens write.

        Raises:
            CkanConfigurationException: the option names a role that does not exist.
        """
        if unknown := options.unknown_values():
            raise CkanConfigurationException(
                f"{options.SECOND_FACTOR} may be {', '.join(options.VALUES)}, not "
                f"{', '.join(unknown)}"
            )
        tokens.listen()

    def get_blueprint(self) -> list[Any]:
        """Return the pages and the guard of tokens; imported here, after the check of the libraries."""
        from ckanext.ecosphere.credentials import views

        return [tokens.blueprint, views.blueprint]

    def login(self) -> Any:
        """Ask for the second factor after the password."""
        from ckanext.ecosphere.credentials import views

        return views.log_in()

    def get_actions(self) -> dict[str, Any]:
        """Return the action of sysadmins."""
        from ckanext.ecosphere.credentials import logic

        reset = logic.ecosphere_second_factor_reset
        return action_input.checked({reset.__name__: reset})

    def get_auth_functions(self) -> dict[str, Any]:
        """Return the auth function of the action."""
        from ckanext.ecosphere.credentials import logic

        return deny_by_default({"ecosphere_second_factor_reset": logic.reset_allowed})

    def get_ecosphere_commands(self) -> list[click.Command]:
        """Return the commands `ckan ecosphere credentials`."""
        from ckanext.ecosphere.credentials import logic

        return [logic.credentials]

    def create_api_token_schema(self, schema: Schema) -> Schema:
        """Take the scope and the last day of a new token."""
        return tokens.extend(schema)

    def postprocess_api_token(
        self, data: dict[str, Any], jti: str, data_dict: DataDict
    ) -> dict[str, Any]:
        """Keep them with the token."""
        tokens.keep(jti, data_dict)
        return data

    def preprocess_api_token(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Remember them for the request."""
        tokens.remember(data.get("jti"))
        return data
