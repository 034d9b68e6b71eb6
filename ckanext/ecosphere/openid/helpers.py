"""What the templates of the room ask."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.openid import config
from ckanext.ecosphere.openid.accounts import of


def ecosphere_openid_provider() -> str:
    """Return what people call the provider; empty while nobody can log in with it."""
    return "" if config.missing() else config.provider_name()


def ecosphere_openid_link() -> dict[str, Any]:
    """Return what the account of the reader is linked with; empty when with nothing."""
    return of(tk.current_user)
