"""`ecosphere_operations`: CKAN plugin for who runs the portal: health, metrics, structured logs."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.exceptions import CkanConfigurationException

from ckanext.ecosphere.operations import logs, traffic, views
from ckanext.ecosphere.room import EcospherePluginBase

WITHOUT_CLIENT = (
    f"{traffic.METRICS_TOKEN} needs prometheus-client: install it with "
    "pip install 'prometheus-client>=0.20,<1', or leave the option empty"
)


@tk.blanket.config_declarations
class EcosphereOperationsPlugin(EcospherePluginBase):
    """Health, metrics and logs.
    To be the last of the suite in `ckan.plugins`, so that it is outermost.
    """

    p.implements(p.IBlueprint)
    p.implements(p.IConfigurable)
    p.implements(p.IMiddleware, inherit=True)

    def configure(self, config_: Any) -> None:
        """Write JSON lines if the option says so.

        Raises:
            CkanConfigurationException: there is a token for metrics, and prometheus-client is not
                installed.
        """
        if traffic.metrics_token() and not find_spec("prometheus_client"):
            raise CkanConfigurationException(WITHOUT_CLIENT)
        if logs.are_json():
            logs.install()

    def make_middleware(self, app: Any, config_: Any) -> Any:
        """Put the outermost layer around the application."""
        app.wsgi_app = traffic.Outermost(app, views.VIEWS)
        return app

    def get_blueprint(self) -> list[Any]:
        """Return the routes."""
        return [views.blueprint]
