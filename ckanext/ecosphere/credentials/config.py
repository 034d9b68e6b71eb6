"""The option of the second factor, read in this module only."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

SECOND_FACTOR = "ecosphere.credentials.second_factor"
SYSADMIN, EDITORS, MODERATORS = "sysadmin", "editors", "moderators"
OPTIONAL, OFF = "optional", "off"
VALUES = (SYSADMIN, EDITORS, MODERATORS, OPTIONAL, OFF)


def unknown_values() -> list[str]:
    """Return the words of the option that mean nothing: a misspelled role would require nothing."""
    return [value for value in tk.config[SECOND_FACTOR] if value not in VALUES]


def is_offered() -> bool:
    """Return whether people may set up a second factor, and are asked for it."""
    return OFF not in tk.config[SECOND_FACTOR]


def roles() -> list[str]:
    """Return the roles that need a second factor."""
    return tk.config[SECOND_FACTOR]
