"""Template helpers of the log-in with OpenID Connect."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.openid import config
from ckanext.ecosphere.openid.accounts import of


def ecosphere_openid_provider() -> str:
    """Return the display name of the provider; empty while the log-in is not configured."""
    return "" if config.missing() else config.provider_name()


def ecosphere_openid_link() -> dict[str, Any]:
    """Return the link of the current user's account; empty when it is not linked."""
    return of(tk.current_user)
