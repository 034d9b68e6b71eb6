"""Validate a source when it is saved: its address, its configuration, and for which services it may
publish.

A catalogue of many services is registered by a sysadmin, who vouches for it. A source registered by
an editor publishes only for its own service (`own_service`), and takes no dataset of another one:
otherwise an editor of one service could publish in the name of all.

ckanext-harvest 1.6.3 copies each configuration key over the source's own fields when showing it. A
key `organization`, as udata calls its filter, replaces the organisation of the source by a text;
indexing, pages and permissions then fail.
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

_VOUCHED = ("default_organisation", "priority")
"""Options that only sysadmins may change in a source that publishes for all services."""
_OWN = frozenset(
    [
        "id", "name", "title", "url", "notes", "type", "source_type", "state", "active", "status",
        "private", "frequency", "config", "owner_org", "organization", "groups", "tags", "extras",
        "resources",
    ]
)  # fmt: skip
"""Fields of a source that its configuration must never replace."""
_PORTS = {"http": ":80", "https": ":443"}


# --- for which services ---


def check_reach(key: Any, data: dict[Any, Any], errors: Any, context: Context) -> None:
    """Validate for which services a source of our types may publish, whether or not it has a
    configuration.

    Raises:
        Invalid: an editor tries to publish for more than the source's own service.
        StopOnError: it has no configuration and is of another type.
    """
    if data.get(("source_type",)) not in type_names():
        if data.get(key) is tk.missing or data.get(key) is None:
            data.pop(key, None)
            raise tk.StopOnError
        return
    settings = _parsed(data.get(key))
    if settings is None:
        return  # the next validator reports the fault
    if not _is_administrator(context):
        _keep_to_own(settings, data)
    default = settings.get("default_organisation")
    if settings.get(OWN_SERVICE) and default and not _is_same(default, data.get(("owner_org",))):
        raise tk.Invalid(
            tk._("This source publishes for its own service only: leave the other one out.")
        )
    data[key] = _written(settings)


def of_trial(url: str, source_type: str, text: str, context: Context) -> str:
    """Return the configuration for the preview of a source: the one with which this user could
    harvest it.

    Args:
        url, source_type: of the source.
        text: its configuration as entered.
        context: of the user.
    """
    settings = _parsed(text)
    if settings is None or _is_administrator(context):
        return text
    query = sa.select(HarvestSource.config).where(
        HarvestSource.url == url,
        HarvestSource.type == source_type,
        sa.true() == HarvestSource.active,
    )
    registered = [read_settings(config) for config in model.Session.scalars(query)]
    if not registered or any(stored.get(OWN_SERVICE) for stored in registered):
        settings[OWN_SERVICE] = True
    return _written(settings)


def _settings_to_save(data: dict[Any, Any], context: Context) -> Settings | None:
    """Return the settings with which a source is going to be saved; None if they are invalid."""
    settings = _parsed(data.get(("config",)))
    if settings is None or _is_administrator(context):
        return settings
    if _settings_before(_edited_source(data)).get(OWN_SERVICE):
        settings[OWN_SERVICE] = True
    return settings


def _parsed(text: Any) -> Settings | None:
    """Return the settings in a JSON text; None if it is invalid."""
    if text is tk.missing or not str(text or "").strip():
        return {}
    try:
        settings = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return settings if isinstance(settings, dict) else None


def _written(settings: Settings) -> str:
    return json.dumps(settings, ensure_ascii=False) if settings else ""


def _edited_source(data: dict[Any, Any]) -> Any:
    """Return the source that is edited; None for a new one."""
    return HarvestSource.get(data["id",]) if data.get(("id",)) else None


def _settings_before(source: Any) -> Settings:
    """Return the settings of a source as they are saved.

    A new one publishes for its own service.
    """
    return read_settings(source.config) if source else {OWN_SERVICE: True}


def _is_administrator(context: Context) -> bool:
    name = context.get("user")
    if authz.is_sysadmin(name):
        return True
    is_command = not name or model.User.get(name) is None
    return bool(context.get("ignore_auth")) and is_command


def _keep_to_own(settings: Settings, data: dict[Any, Any]) -> None:
    """Prevent an editor from extending the reach of a source beyond what a sysadmin saved.

    Raises:
        Invalid: it changes what a sysadmin vouched for.
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
    if not is_same or any(settings.get(name) != before.get(name) for name in _VOUCHED):
        raise tk.Invalid(
            tk._(
                "This source publishes for all services: only administrators of the site change "
                "its address, its type,"
                " its service, the service of records that name none, and its priority."
            )
        )


def _is_same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal, or name the same organisation."""
    if one == other:
        return True
    group = model.Group.get(str(one or ""))
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
        for name in settings.keys() - _OWN:
            data[name,] = settings[name]


def url_validator(original: Any) -> Any:
    """Wrap ckanext-harvest's URL validator, which raises exceptions on malformed URLs.

    For our types it is replaced: in ckanext-harvest 1.6.3 a deleted source keeps its URL for ever,
    two feeds that differ only in the query count as the same, and configurations are compared as
    text.
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
    """Tell whether another source that is not deleted reads the same, for the same services."""
    settings = _settings_to_save(data, context)
    if settings is None:
        return False  # the configuration validator reports the fault
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
    place, owner = _place(data["url",]), data.get(("owner_org",))
    for url, config, owner_org in model.Session.execute(query):
        is_same = _place(url) == place and read_settings(config) == settings
        are_apart = settings.get(OWN_SERVICE) and owner and not _is_same(owner, owner_org)
        if is_same and not are_apart:
            return True
    return False


def _place(url: str) -> tuple[Any, ...]:
    """Return a URL reduced to where it reads: without default port, trailing slash and fragment."""
    parts = taken_apart(url)
    host = parts.netloc.casefold().removesuffix(_PORTS.get(parts.scheme, ""))
    return parts.scheme, host, parts.path.rstrip("/"), parts.query


def name_from_title(key: Any, data: dict[Any, Any], errors: Any, context: Context) -> None:
    """Name a new source after its title: its form may arrive before the
    script has filled in the name.
    """
    title = data.get(("title",))
    is_new = not data.get(("id",)) and "package" not in context
    if is_new and not data.get(key) and isinstance(title, str) and title.strip():
        data[key] = free_name(title, model.Package.get)


def protect_sources() -> None:
    """Add to the source schema of ckanext-harvest the validators of this module."""
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
