"""Configuration options of the log-in with OpenID Connect, read in this module only."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared.config import own_services
from ckanext.ecosphere.shared.http_guard import GuardSettings, networks

ISSUER = "ecosphere.openid.issuer"
CLIENT_ID = "ecosphere.openid.client_id"
CLIENT_SECRET = "ecosphere.openid.client_secret"  # noqa: S105 (the name of an option)
PROVIDER_NAME = "ecosphere.openid.provider_name"
SCOPE = "ecosphere.openid.scope"
LEVELS = "ecosphere.openid.levels"
CREATE_ACCOUNTS = "ecosphere.openid.create_accounts"
ALLOWED_NETWORKS = "ecosphere.openid.allowed_networks"
REQUIRED = (ISSUER, CLIENT_ID, CLIENT_SECRET)


def missing() -> list[str]:
    """Return the required options that are not set; the log-in is unavailable without them."""
    return [option for option in REQUIRED if not _text(option)]


def issuer() -> str:
    """Return the issuer identifier (URL) of the provider."""
    return _text(ISSUER)


def client() -> tuple[str, str]:
    """Return the client ID and client secret of the portal."""
    return _text(CLIENT_ID), _text(CLIENT_SECRET)


def provider_name() -> str:
    """Return the display name of the provider."""
    return _text(PROVIDER_NAME)


def named(sentence: str) -> str:
    """Return a sentence with the name of the provider in place of `{provider}`."""
    return sentence.replace("{provider}", provider_name())


def scope() -> str:
    """Return the scopes to request (`scope` of OpenID Connect)."""
    return _text(SCOPE)


def levels() -> list[str]:
    """Return the accepted levels of assurance (`acr`); empty for any."""
    return tk.config[LEVELS]


def create_accounts() -> bool:
    """Return whether an account is created at first log-in."""
    return tk.config[CREATE_ACCOUNTS]


def guard_settings() -> GuardSettings:
    """Return the limits of requests to the provider:
    one attempt (a code is valid once) and no redirects.
    """
    return GuardSettings(
        connect_seconds=5,
        read_seconds=8,
        total_seconds=10,
        max_bytes=1024 * 1024,
        max_redirects=0,
        attempts=1,
        allowed_networks=networks(tk.config[ALLOWED_NETWORKS]),
        own_services=own_services(),
    )


def _text(option: str) -> str:
    return str(tk.config[option] or "").strip()
