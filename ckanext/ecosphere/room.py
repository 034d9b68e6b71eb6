"""Base classes of the rooms' plugins, so that each room works with or
without the plugin `ecosphere`.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.exceptions import CkanConfigurationException
from ckan.lib.i18n import get_ckan_i18n_dir
from ckan.lib.plugins import DefaultTranslation

from ckanext.ecosphere.core import away
from ckanext.ecosphere.interfaces import IEcospherePlugin
from ckanext.ecosphere.setup import options
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.web_guard import visits

log = logging.getLogger(__name__)

DOMAIN = "ckanext-ecosphere"
WITHOUT_HARDENING = (
    f"{options.HARDENING} is not in ckan.plugins: known defects of CKAN stay open, "
    "see `ckan ecosphere check`"
)
CATALOGUE = str(Path(__file__).with_name("i18n"))


class EcospherePluginBase(p.SingletonPlugin):
    """A plugin of the suite: it refuses to start when its requirements are not met."""

    p.implements(p.IConfigurer)
    p.implements(IEcospherePlugin)

    def update_config(self, config: Any) -> None:
        """Check the required plugins, their order, and the numeric options.

        Raises:
            CkanConfigurationException: a required plugin is missing, or a numeric option is not a
                number.
        """
        plugins = tk.aslist(config.get(options.PLUGINS))
        if sentence := options.missing_plugins(plugins):
            raise CkanConfigurationException(sentence)
        if _first() is not self:
            return
        if sentence := options.misplaced_plugins(plugins):
            log.error(sentence)
        if options.HARDENING not in plugins:
            log.warning(WITHOUT_HARDENING)
        if wrong := list(options.not_numbers(config)):
            # CKAN refuses them, too, but its message gives neither the value nor what to write.
            raise CkanConfigurationException(
                "\n".join(f"{value.sentence}. {value.remedy}." for value in wrong)
            )


class Room(DefaultTranslation, EcospherePluginBase):
    """A plugin with pages: translations, shared snippets and assets,
    and a readable page while a service is down.
    """

    p.implements(p.ITranslation)
    p.implements(p.IMiddleware, inherit=True)

    def update_config(self, config: Any) -> None:
        """Register the templates and assets shared by all rooms."""
        super().update_config(config)
        tk.add_template_directory(config, "templates/shared")
        tk.add_resource("assets/shared", "ecosphere_shared")

    def make_middleware(self, app: Any, config: Any) -> Any:
        """Install outage page and HEAD handling, count visits,
        and keep the application for e-mails.
        """
        language.remember(app)
        return visits.answer_head(away.install(visits.count_in(app)))

    def i18n_directory(self) -> str:
        """Return the folder of the catalogue, shared by all rooms:
        only the first enabled one loads it.
        """
        if _first(Room) is self:
            return CATALOGUE
        return get_ckan_i18n_dir()

    def i18n_domain(self) -> str:
        """Return the name of the catalogue.

        Other rooms name one that does not exist, so that it is loaded once.
        """
        if _first(Room) is self:
            return DOMAIN
        return f"{DOMAIN}-none"

    def i18n_locales(self) -> list[str]:
        """Return the languages of the catalogue."""
        if _first(Room) is self:
            return super().i18n_locales()
        return []


def _first(kind: type = EcospherePluginBase) -> Any:
    """Return the first of our plugins that is enabled."""
    return next(
        (
            plugin
            for plugin in p.PluginImplementations(IEcospherePlugin)
            if isinstance(plugin, kind)
        ),
        None,
    )
