"""Options that shared modules read, with a default for portals where the plugin that declares them is not on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

DISPLAY_TIMEZONE = "ecosphere.display_timezone"
PARIS = "Europe/Paris"


def declared(option: str, default: Any, config: Mapping[str, Any] | None = None) -> Any:
    """Return the value of an option that a plugin declares which may not be enabled; CKAN's `get` would warn.

    Args:
        option: its name.
        default: what to return when no enabled plugin declares it.
        config: where to look, if not in the configuration in force.
    """
    try:
        return (tk.config if config is None else config)[option]
    except KeyError:
        return default


def display_timezone() -> str:
    """Return the name of the time zone in which people read times."""
    return declared(DISPLAY_TIMEZONE, "") or PARIS
