"""Keep the configuration of a source from overwriting the source itself.

ckanext-harvest 1.6.3 shows a source with each key of its configuration laid over its own fields. A configuration that
names an `organization`, as udata calls its filter, puts a text in the place of the organisation that the source belongs
to; indexing, pages and permissions then fail on it.
"""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared.http_guard import taken_apart
from ckanext.harvest.logic import schema

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
"""Fields of a source that its configuration never stands for."""


def show_config(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Show the keys of a configuration beside the fields of its source, but for those that would hide one."""
    try:
        settings = json.loads(data[key] or "{}")
    except ValueError:
        data[key] = None
        return
    for name, value in settings.items() if isinstance(settings, dict) else ():
        if name not in _OWN:
            data[name,] = value


def url_validator(original: Any) -> Any:
    """Return ckanext-harvest's check of an address, which takes it apart, without a fault for one that is none."""

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
        return original(key, data, errors, context)

    return harvest_source_url_validator


def protect_sources() -> None:
    """Have ckanext-harvest show configurations this way, and refuse addresses that are none."""
    schema.harvest_source_convert_from_config = show_config
    if schema.harvest_source_url_validator.__module__ != __name__:
        schema.harvest_source_url_validator = url_validator(schema.harvest_source_url_validator)
