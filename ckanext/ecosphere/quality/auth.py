"""Who may do what with the quality of datasets."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz
from ckan.types import AuthResult, Context, DataDict


@tk.auth_allow_anonymous_access
def ecosphere_quality_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Whoever may see the dataset may see its quality."""
    return authz.is_authorized("package_show", context, data_dict)


def get_auth_functions() -> dict[str, Any]:
    """Return the auth functions that the plugin registers."""
    return {"ecosphere_quality_show": ecosphere_quality_show}
