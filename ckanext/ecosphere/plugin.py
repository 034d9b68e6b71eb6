"""`ecosphere`: what every room shares (translations, templates, assets, organisations, commands)."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan.lib.plugins import DefaultTranslation

from ckanext.ecosphere import cli, contact_actions, helpers, moments


@tk.blanket.actions(contact_actions.get_actions)
@tk.blanket.auth_functions(contact_actions.get_auth_functions)
@tk.blanket.blueprints([contact_actions.blueprint])
@tk.blanket.config_declarations
@tk.blanket.helpers(
    {
        "render_datetime": moments.render_datetime,
        **{name: value for name, value in vars(helpers).items() if name.startswith("ecosphere_")},
    }
)
class EcospherePlugin(DefaultTranslation, p.SingletonPlugin):
    """Shared ground of the suite."""

    p.implements(p.ITranslation)
    p.implements(p.IConfigurer)
    p.implements(p.IClick)

    def update_config(self, config: Any) -> None:
        """Register the shared templates and assets."""
        tk.add_template_directory(config, "templates/ecosphere")
        tk.add_public_directory(config, "public")
        tk.add_resource("assets/ecosphere", "ecosphere")

    def get_commands(self) -> list[click.Command]:
        """Provide the group `ckan ecosphere`; the rooms fill it."""
        return [cli.ecosphere]
