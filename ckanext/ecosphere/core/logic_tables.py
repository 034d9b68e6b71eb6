"""Fill CKAN's registries of actions, auth functions and validators before the first request.

CKAN 2.12.0 fills each registry on first use, entry by entry, and other threads take a half-filled one for complete:
the first requests after a start found no auth function (500), or core's function instead of a plugin's stricter one.
"""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan import authz


def fill() -> None:
    """Fill the registries; filled ones stay as they are."""
    # Actions first: ckanext-harvest 1.6.3 collects both in one dictionary.
    tk.get_action("status_show")
    authz.auth_functions_list()
    tk.get_validator("ignore")
