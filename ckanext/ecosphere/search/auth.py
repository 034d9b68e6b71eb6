"""Auth functions of this room: anyone who may search; `package_search` itself hides private datasets."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan.authz import is_authorized
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.search import unfound
from ckanext.ecosphere.search.alerts import actions as alerts
from ckanext.ecosphere.shared import authorization


@tk.auth_allow_anonymous_access
def ecosphere_search_suggest(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow suggestions to anyone who may search."""
    return is_authorized("package_search", context, data_dict)


def get_auth_functions() -> DataDict:
    """Return the plugin's auth functions."""
    own = {"ecosphere_search_suggest": ecosphere_search_suggest}
    every = own | alerts.AUTH | unfound.AUTH
    return authorization.deny_by_default(every)
