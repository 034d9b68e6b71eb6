"""`ecosphere`: what every room shares (translations, templates, assets, organisations, commands)."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan.lib.plugins import DefaultTranslation

from ckanext.ecosphere import away, cli, helpers, moments


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
    p.implements(p.IMiddleware, inherit=True)

    def update_config(self, config: Any) -> None:
        """Register the shared templates and assets."""
        tk.add_template_directory(config, "templates/ecosphere")
        tk.add_public_directory(config, "public")
        tk.add_resource("assets/ecosphere", "ecosphere")

    def make_middleware(self, app: Any, config: Any) -> Any:
        """Have a clear page shown while a service is away."""
        return away.install(app)

    def get_commands(self) -> list[click.Command]:
        """Provide the group `ckan ecosphere`; the rooms fill it."""
        return [cli.ecosphere]
