"""Options read by shared modules, with defaults for portals where the plugin that declares them is not enabled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

DISPLAY_TIMEZONE = "ecosphere.display_timezone"
PARIS = "Europe/Paris"
MAP_TILES = "ecosphere.map.tiles"
MAP_CREDIT = "ecosphere.map.credit"


def declared(option: str, default: Any, config: Mapping[str, Any] | None = None) -> Any:
    """Return the value of an option whose declaring plugin may not be enabled; CKAN's `get` would log a warning.

    Args:
        option: its name.
        default: value if no enabled plugin declares it.
        config: configuration to read; the current one by default.
    """
    try:
        return (tk.config if config is None else config)[option]
    except KeyError:
        return default


def display_timezone() -> str:
    """Return the name of the time zone in which times are shown."""
    return declared(DISPLAY_TIMEZONE, "") or PARIS


def map_tiles() -> str:
    """Return the URL of the tiles of the background map, with {z}, {x} and {y}; empty for none."""
    return declared(MAP_TILES, "")


def map_credit() -> str:
    """Return whom the background map names."""
    return declared(MAP_CREDIT, "")
