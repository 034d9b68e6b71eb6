"""The tables of actions, auth functions and validators are whole before the first request.

CKAN 2.12.0 fills each at its first use, entry by entry, and a thread that finds one begun takes it for whole: the first
requests after a start found no auth function (500), or core's own function where a plugin has a stricter one.
"""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan import authz


def fill() -> None:
    """Fill the tables; those that are filled stay as they are."""
    # Actions first: ckanext-harvest 1.6.3 collects both in one dictionary.
    tk.get_action("status_show")
    authz.auth_functions_list()
    tk.get_validator("ignore")
