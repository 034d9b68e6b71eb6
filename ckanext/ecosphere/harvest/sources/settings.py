"""Validate harvest sources when they are saved, and repair their schema.

For which services a source may publish: a sysadmin who registers a catalogue of many services
vouches for it. A source registered by an editor publishes only for its own service (option
`own_service`), and takes over no dataset of another one: otherwise an editor of one service could
publish in the name of all.

Repairs: ckanext-harvest 1.6.3 copies each key of the configuration over the fields of the source
when it shows it. A key `organization`, as udata calls its filter, replaces the organisation of the
source by a text; indexing, pages and permissions then fail. Its validation of URLs has faults, too.
"""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.types import Context

from ckanext.ecosphere.harvest.config import Settings
from ckanext.ecosphere.harvest.job import read_settings
from ckanext.ecosphere.harvest.sources.base import OWN_SERVICE, type_names
from ckanext.ecosphere.shared.action_input import free_name
from ckanext.ecosphere.shared.http_guard import taken_apart
from ckanext.harvest.logic import schema
from ckanext.harvest.model import HarvestSource

_SYSADMIN_OPTIONS = ("default_organisation", "priority")
"""Options that only sysadmins may change, in a source that publishes for all services."""
_PROTECTED = frozenset(
    [
        "id", "name", "title", "url", "notes", "type", "source_type", "state", "active", "status",
        "private", "frequency", "config", "owner_org", "organization", "groups", "tags", "extras",
        "resources",
    ]
)  # fmt: skip
"""Fields of a source that its configuration must never replace."""
_PORTS = {"http": ":80", "https": ":443"}
"""Scheme → its default port, as written in URLs."""


# --- for which services ---


def check_reach(key: Any, data: dict[Any, Any], errors: Any, context: Context) -> None:
    """Validate for which services a source of our types may publish.

    It comes before `ignore_missing`, which would skip a source without a configuration.

    Raises:
        Invalid: an editor tries to publish for more than the source's own service, or a source
            that publishes for its own service has another one as default.
        StopOnError: it has no configuration and is of another type.
    """
    if data.get(("source_type",)) not in type_names():
        if data.get(key) is tk.missing or data.get(key) is None:
            data.pop(key, None)
            raise tk.StopOnError
        return
    settings = _parsed(data.get(key))
    if settings is None:
        return  # the next validator reports the invalid configuration
    if not _is_administrator(context):
        _limit_reach(settings, data)
    default = settings.get("default_organisation")
    if settings.get(OWN_SERVICE) and default and not _is_same(default, data.get(("owner_org",))):
        raise tk.Invalid(
            tk._("This source publishes for its own service only: leave the other one out.")
        )
    data[key] = _as_text(settings)


def trial_configuration(url: str, source_type: str, text: str, context: Context) -> str:
    """Return the configuration with which this user could harvest a source, for its preview.

    Args:
        url: URL of the source.
        source_type: its type.
        text: its configuration as entered.
        context: the user's.
    """
    settings = _parsed(text)
    if settings is None or _is_administrator(context):
        return text
    query = sa.select(HarvestSource.config).where(
        HarvestSource.url == url,
        HarvestSource.type == source_type,
        sa.true() == HarvestSource.active,  # in this order for the type checker
    )
    registered = [read_settings(config) for config in model.Session.scalars(query)]
    if not registered or any(stored.get(OWN_SERVICE) for stored in registered):
        settings[OWN_SERVICE] = True
    return _as_text(settings)


def _parsed(text: Any) -> Settings | None:
    """Return the settings in a JSON text, which may be empty; None if it is invalid."""
    if text is tk.missing or not str(text or "").strip():
        return {}
    try:
        settings = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return settings if isinstance(settings, dict) else None


def _as_text(settings: Settings) -> str:
    return json.dumps(settings, ensure_ascii=False) if settings else ""


def _edited_source(data: dict[Any, Any]) -> Any:
    """Return the source that is edited; None for a new one."""
    return HarvestSource.get(data["id",]) if data.get(("id",)) else None


def _settings_before(source: Any) -> Settings:
    """Return the saved settings of a source; a new one publishes for its own service."""
    return read_settings(source.config) if source else {OWN_SERVICE: True}


def _is_administrator(context: Context) -> bool:
    """Return whether a sysadmin saves a source, or a command does so without a user."""
    name = context.get("user")
    if authz.is_sysadmin(name):
        return True
    is_command = not name or model.User.get(name) is None
    return bool(context.get("ignore_auth")) and is_command


def _limit_reach(settings: Settings, data: dict[Any, Any]) -> None:
    """Limit a source that an editor saves to its own service, unless a sysadmin has vouched for it.

    Args:
        settings: its new settings, changed in place.
        data: its new fields.

    Raises:
        Invalid: the editor changes what the sysadmin vouched for.
    """
    source = _edited_source(data)
    before = _settings_before(source)
    if before.get(OWN_SERVICE):
        settings[OWN_SERVICE] = True
    if settings.get(OWN_SERVICE):
        return
    package: Any = model.Package.get(source.id)
    fields = {
        "url": source.url,
        "source_type": source.type,
        "owner_org": package.owner_org if package else None,
    }
    is_same = all(_is_same(value, data.get((name,))) for name, value in fields.items())
    if not is_same or any(settings.get(name) != before.get(name) for name in _SYSADMIN_OPTIONS):
        raise tk.Invalid(
            tk._(
                "This source publishes for all services: only administrators of the site change "
                "its address, its type,"
                " its service, the service of records that name none, and its priority."
            )
        )


def _is_same(value: Any, other: Any) -> bool:
    """Return whether two values are equal, or name the same organisation."""
    if value == other:
        return True
    group = model.Group.get(str(value or ""))
    return group is not None and group is model.Group.get(str(other or ""))


# --- repairs of ckanext-harvest ---


def show_config(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Show configuration keys beside the fields of the source, except those that would hide one."""
    try:
        settings = json.loads(data[key] or "{}")
    except ValueError:
        data[key] = None
        return
    if isinstance(settings, dict):
        for name in settings.keys() - _PROTECTED:
            data[name,] = settings[name]


def url_validator(original: Any) -> Any:
    """Return a URL validator that refuses malformed URLs, on which ckanext-harvest's fails.

    For our types it also replaces the original: in ckanext-harvest 1.6.3 a deleted source keeps its
    URL for ever, two feeds that differ only in the query count as the same, and configurations are
    compared as texts.

    Args:
        original: ckanext-harvest's validator.
    """

    def harvest_source_url_validator(
        key: Any, data: dict[Any, Any], errors: Any, context: Any
    ) -> Any:
        address = taken_apart(str(data[key] or ""))
        if "@" in address.netloc:
            errors[key].append(
                tk._("Write the address without a name or a password: everybody may read it.")
            )
            raise tk.StopOnError
        if not address.netloc:
            message = tk._('"{value}" is not a web address: it must start with https:// or http://')
            errors[key].append(message.format(value=str(data[key])[:100]))
            raise tk.StopOnError
        if data.get(("source_type",)) not in type_names():
            return original(key, data, errors, context)
        if _is_registered(data, context):
            raise tk.Invalid(
                tk._("Another source already has this address with the same configuration.")
            )
        return data[key]

    return harvest_source_url_validator


def _is_registered(data: dict[Any, Any], context: Any) -> bool:
    """Return whether another source that is not deleted reads the same, for the same services."""
    settings = _settings_to_save(data, context)
    if settings is None:
        return False  # another validator reports the invalid configuration
    own_id = data.get(("id",)) or getattr(context.get("package"), "id", None)
    query = (
        sa.select(HarvestSource.url, HarvestSource.config, model.Package.owner_org)
        .join(model.Package, model.Package.id == HarvestSource.id)
        .where(
            model.Package.state == model.State.ACTIVE,
            HarvestSource.type == data["source_type",],
            HarvestSource.id != (own_id or ""),
        )
    )
    new_url = _normalised(data["url",])
    owner = data.get(("owner_org",))
    for url, config, other_owner in model.Session.execute(query):
        if settings.get(OWN_SERVICE) and owner and not _is_same(owner, other_owner):
            continue  # each publishes for a service of its own
        if _normalised(url) == new_url and read_settings(config) == settings:
            return True
    return False


def _settings_to_save(data: dict[Any, Any], context: Context) -> Settings | None:
    """Return the settings with which a source is going to be saved; None if they are invalid."""
    settings = _parsed(data.get(("config",)))
    if settings is None or _is_administrator(context):
        return settings
    if _settings_before(_edited_source(data)).get(OWN_SERVICE):
        settings[OWN_SERVICE] = True
    return settings


def _normalised(url: str) -> tuple[Any, ...]:
    """Return the parts of a URL that tell sources apart.

    Default ports, trailing slashes, fragments and the case of the host do not count.
    """
    parts = taken_apart(url)
    host = parts.netloc.casefold().removesuffix(_PORTS.get(parts.scheme, ""))
    return parts.scheme, host, parts.path.rstrip("/"), parts.query


def name_from_title(key: Any, data: dict[Any, Any], errors: Any, context: Context) -> None:
    """Name a new source after its title, if the script of the form has not filled in a name yet."""
    title = data.get(("title",))
    is_new = not data.get(("id",)) and "package" not in context
    if is_new and not data.get(key) and isinstance(title, str) and title.strip():
        data[key] = free_name(title, model.Package.get)


def protect_sources() -> None:
    """Add the validators of this module to ckanext-harvest's schema of sources; idempotent."""
    schema.harvest_source_convert_from_config = show_config
    if schema.harvest_source_url_validator.__module__ == __name__:
        return
    schema.harvest_source_url_validator = url_validator(schema.harvest_source_url_validator)
    original = schema.harvest_source_schema

    def harvest_source_schema() -> dict[str, Any]:
        fields = original()
        fields["name"] = [name_from_title, *fields["name"]]
        fields["config"] = [check_reach, *fields["config"]]
        return fields

    schema.harvest_source_schema = harvest_source_schema
