"""`ecosphere_credentials`: CKAN plugin for a second factor beside the password,
and narrowed API tokens; optional.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan.exceptions import CkanConfigurationException
from ckan.types import DataDict, Schema

from ckanext.ecosphere.credentials import logic, second_factor, tokens, views
from ckanext.ecosphere.interfaces import IEcosphereCommands
from ckanext.ecosphere.room import Room

HELPERS = {**tokens.HELPERS, "ecosphere_second_factor": second_factor.ecosphere_second_factor}


@tk.blanket.actions(logic.get_actions)
@tk.blanket.auth_functions(logic.get_auth_functions)
@tk.blanket.blueprints([tokens.blueprint, views.blueprint])
@tk.blanket.config_declarations
@tk.blanket.helpers(HELPERS)
class EcosphereCredentialsPlugin(Room):
    """A second factor for people who log in with a password,
    and API tokens with a scope and a last day.
    """

    p.implements(p.IApiToken, inherit=True)
    p.implements(p.IAuthenticator, inherit=True)
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
        if unknown := second_factor.unknown_values():
            names, allowed = ", ".join(unknown), ", ".join(second_factor.VALUES)
            message = f"{second_factor.SECOND_FACTOR} may be {allowed}, not {names}"
            raise CkanConfigurationException(message)
        tokens.listen()

    def login(self) -> Any:
        """Ask for the second factor after the password."""
        return views.log_in()

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
