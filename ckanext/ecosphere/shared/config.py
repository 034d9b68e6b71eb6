"""Options that shared modules read, with a default for portals where the plugin that declares them is not on."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

DISPLAY_TIMEZONE = "ecosphere.display_timezone"
PARIS = "Europe/Paris"


def display_timezone() -> str:
    """Return the name of the time zone in which people read times."""
    return tk.config.get(DISPLAY_TIMEZONE) or PARIS
