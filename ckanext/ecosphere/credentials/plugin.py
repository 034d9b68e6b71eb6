"""`ecosphere_credentials`: CKAN plugin for a second factor beside the password, and narrowed API tokens; optional."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan import model
from ckan.exceptions import CkanConfigurationException
from ckan.types import DataDict, Schema

from ckanext.ecosphere.credentials import config as options
from ckanext.ecosphere.credentials import logic, second_factor, tokens, views
from ckanext.ecosphere.interfaces import IEcosphereCommands
from ckanext.ecosphere.room import Room
from ckanext.ecosphere.shared import action_input
from ckanext.ecosphere.shared.authorization import deny_by_default


def ecosphere_second_factor(user_id: str) -> dict[str, Any]:
    """Return the state of an account's second factor for its page; empty if there is none to be had."""
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
        """Register templates."""
        super().update_config(config)
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
        """Return the pages and the guard of tokens."""
        return [tokens.blueprint, views.blueprint]

    def login(self) -> Any:
        """Ask for the second factor after the password."""
        return views.log_in()

    def get_actions(self) -> dict[str, Any]:
        """Return the action of sysadmins."""
        return action_input.checked(
            {"ecosphere_second_factor_reset": logic.ecosphere_second_factor_reset}
        )

    def get_auth_functions(self) -> dict[str, Any]:
        """Return the auth function of the action."""
        return deny_by_default({"ecosphere_second_factor_reset": logic.reset_allowed})

    def get_ecosphere_commands(self) -> list[click.Command]:
        """Return the commands `ckan ecosphere credentials`."""
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
