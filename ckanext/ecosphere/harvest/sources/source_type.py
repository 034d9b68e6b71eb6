"""Base class of our source types, and look-up of the enabled ones."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import SECOND, BoundedReader, Bounds, SourceReader
from ckanext.ecosphere.harvest.sources.messages import ConfigError, sentence
from ckanext.ecosphere.shared import action_input
from ckanext.ecosphere.shared.http_guard import GuardedSession
from ckanext.harvest.interfaces import IHarvester

OWN_SERVICE = "own_service"
"""Option: the source publishes only for the service that it belongs to; see `settings`."""
COMMON_OPTIONS = ("default_organisation", "priority", OWN_SERVICE)
"""Options of all source types."""
MAX_PRIORITY = 100


class SourceType:
    """A type of source. Subclasses override `make_reader` and `read`."""

    type_name = ""
    title = ""
    description = ""
    options: tuple[str, ...] = COMMON_OPTIONS
    """Option names allowed in the configuration of a source."""

    def make_reader(
        self, url: str, settings: dict[str, Any], session: GuardedSession
    ) -> SourceReader:
        """Create the reader that `reader` wraps with limits.

        Args:
            url: URL of the source.
            settings: configuration of the source.
            session: the guarded HTTP session.
        """
        raise NotImplementedError

    def read(self, content: str) -> Record:
        """Read a stored record.

        Raises:
            RecordError: it cannot be read.
        """
        raise NotImplementedError

    def record_url(self, url: str) -> str | None:
        """Return the URL pattern of original records, with `{id}` in place of the identifier; None if there is none."""
        return None

    def check_settings(self, settings: dict[str, Any]) -> None:
        """Validate the options that only this type has.

        Raises:
            ConfigError: one of them is not valid.
        """

    def reader(
        self, url: str, settings: dict[str, Any], bounds: Bounds | None = None
    ) -> BoundedReader:
        """Create a reader for one reading of a source, whose time starts now.

        Args:
            url: URL of the source.
            settings: configuration of the source.
            bounds: limits of the reading; those of a harvest by default.
        """
        bounds = bounds or config.bounds()
        session = GuardedSession(config.guard_settings(), budget=bounds.budget())
        return BoundedReader(self.make_reader(url, settings, session), session.budget, bounds)

    def checked_settings(self, text: str | None) -> str:
        """Validate the configuration of a source, in JSON.

        Returns:
            the configuration, formatted.

        Raises:
            ValueError: it is not valid; the message is for the user.
        """
        try:
            settings = _parsed((text or "").strip() or "{}")
            self._check_common_settings(settings)
            self.check_settings(settings)
        except ConfigError as error:
            raise ValueError(sentence(error.code, error.params, translate=tk._)) from error
        return json.dumps(settings, ensure_ascii=False, indent=2) if settings else ""

    def _check_common_settings(self, settings: dict[str, Any]) -> None:
        for name in settings:
            if name not in self.options:
                raise ConfigError("config-unknown", name=name, known=", ".join(self.options))
        priority = settings.get("priority")
        if priority is not None and (type(priority) is not int or abs(priority) > MAX_PRIORITY):
            raise ConfigError("config-priority", limit=MAX_PRIORITY)
        if not isinstance(settings.get(OWN_SERVICE, False), bool):
            raise ConfigError("config-flag", name=OWN_SERVICE)
        organisation = settings.get("default_organisation")
        if organisation is None:
            return
        if not isinstance(organisation, str):
            raise ConfigError("config-text", name="default_organisation")
        group = model.Group.get(organisation)
        if group is None or not group.is_organization or group.state != "active":
            raise ConfigError("config-organisation", name=organisation)
        settings["default_organisation"] = group.name


def _parsed(text: str) -> dict[str, Any]:
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise ConfigError("config-json", detail=str(error)) from error
    if not isinstance(settings, dict):
        raise ConfigError("config-object")
    try:
        action_input.check(settings, ())
    except tk.ValidationError as error:
        detail = "; ".join(error.error_summary.values())
        raise ConfigError("config-json", detail=detail) from error
    return settings


def check_page_size(settings: dict[str, Any], limit: int) -> None:
    """Validate the option `page_size`.

    Raises:
        ConfigError: it is not valid.
    """
    size = settings.get("page_size")
    if size is not None and (type(size) is not int or not 1 <= size <= limit):
        raise ConfigError("config-page-size", limit=limit)


def default_page_size(settings: dict[str, Any]) -> int:
    """Return the number of records per request."""
    return settings.get("page_size") or config.page_size()


def fill_record_url(pattern: str, guid: str) -> str:
    """Insert an identifier into the URL pattern of original records."""
    return pattern.replace("{id}", quote(guid.partition(SECOND)[0], safe=""))


def enabled_types() -> dict[str, SourceType]:
    """Return our enabled source types by name."""
    plugins = p.PluginImplementations(IHarvester)
    return {plugin.type_name: plugin for plugin in plugins if isinstance(plugin, SourceType)}


def type_called(type_name: str) -> SourceType | None:
    """Return the enabled source type of this name."""
    return enabled_types().get(type_name)


def type_names() -> list[str]:
    """Return the names of our enabled source types."""
    return sorted(enabled_types())
