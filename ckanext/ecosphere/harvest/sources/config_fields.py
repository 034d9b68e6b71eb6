"""Keep the configuration of a source from overwriting the fields of the source itself.

ckanext-harvest 1.6.3 copies each configuration key over the source's own fields when showing it. A key `organization`,
as udata calls its filter, replaces the organisation of the source by a text; indexing, pages and permissions then fail.
"""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.sources import reach
from ckanext.ecosphere.harvest.sources.source_type import OWN_SERVICE, type_names
from ckanext.ecosphere.harvest.worker.job import read_settings
from ckanext.ecosphere.shared.http_guard import taken_apart
from ckanext.harvest.logic import schema
from ckanext.harvest.model import HarvestSource

_OWN = frozenset(
    [
        "id",
        "name",
        "title",
        "url",
        "notes",
        "type",
        "source_type",
        "state",
        "active",
        "status",
        "private",
        "frequency",
        "config",
        "owner_org",
        "organization",
        "groups",
        "tags",
        "extras",
        "resources",
    ]
)
"""Fields of a source that its configuration must never replace."""
_PORTS = {"http": ":80", "https": ":443"}


def show_config(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Show configuration keys beside the fields of the source, except those that would hide one."""
    try:
        settings = json.loads(data[key] or "{}")
    except ValueError:
        data[key] = None
        return
    for name, value in settings.items() if isinstance(settings, dict) else ():
        if name not in _OWN:
            data[name,] = value


def url_validator(original: Any) -> Any:
    """Wrap ckanext-harvest's URL validator, which raises exceptions on malformed URLs.

    For our types it is replaced: in ckanext-harvest 1.6.3 a deleted source keeps its URL for ever, two feeds that
    differ only in the query count as the same, and configurations are compared as text.
    """

    def harvest_source_url_validator(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> Any:
        address = taken_apart(str(data[key] or ""))
        if "@" in address.netloc:
            message = tk._("Write the address without a name or a password: everybody may read it.")
            errors[key].append(message)
            raise tk.StopOnError
        if not address.netloc:
            message = tk._('"{value}" is not a web address: it must start with https:// or http://')
            errors[key].append(message.format(value=str(data[key])[:100]))
            raise tk.StopOnError
        if data.get(("source_type",)) not in type_names():
            return original(key, data, errors, context)
        if _is_taken(data, context):
            raise tk.Invalid(tk._("Another source already has this address with the same configuration."))
        return data[key]

    return harvest_source_url_validator


def _is_taken(data: dict[Any, Any], context: Any) -> bool:
    """Tell whether another source that is not deleted reads the same, for the same services."""
    settings = reach.settings_to_save(data, context)
    if settings is None:
        return False  # the configuration validator reports the fault
    type_, own_id = data["source_type",], data.get(("id",)) or getattr(context.get("package"), "id", None)
    query = (
        sa.select(HarvestSource.url, HarvestSource.config, model.Package.owner_org)
        .join(model.Package, model.Package.id == HarvestSource.id)
        .where(model.Package.state == model.State.ACTIVE, HarvestSource.type == type_)
        .where(HarvestSource.id != (own_id or ""))
    )
    group = model.Group.get(str(data.get(("owner_org",)) or ""))
    place, owner = _place(data["url",]), group and group.id
    for url, config, owner_org in model.Session.execute(query):
        theirs = read_settings(config)
        are_apart = settings.get(OWN_SERVICE) and owner is not None and owner != owner_org
        if _place(url) == place and theirs == settings and not are_apart:
            return True
    return False


def _place(url: str) -> tuple[Any, ...]:
    """Return a URL reduced to where it reads: without default port, trailing slash and fragment."""
    parts = taken_apart(url)
    host = parts.netloc.casefold().removesuffix(_PORTS.get(parts.scheme, ""))
    return parts.scheme, host, parts.path.rstrip("/"), parts.query


def protect_sources() -> None:
    """Patch ckanext-harvest to show configurations with `show_config` and validate URLs with `url_validator`."""
    schema.harvest_source_convert_from_config = show_config
    if schema.harvest_source_url_validator.__module__ != __name__:
        schema.harvest_source_url_validator = url_validator(schema.harvest_source_url_validator)
