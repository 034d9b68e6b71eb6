"""`ecosphere`: what every room shares (translations, templates, assets, organisations, commands)."""

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.lib.plugins import DefaultTranslation


class EcospherePlugin(DefaultTranslation, p.SingletonPlugin):
    """Shared ground of the suite."""

    p.implements(p.ITranslation)
    p.implements(p.IConfigurer)

    def update_config(self, config):
        """Register the shared templates and assets."""
        tk.add_template_directory(config, "templates/ecosphere")
        tk.add_resource("assets", "ecosphere")
