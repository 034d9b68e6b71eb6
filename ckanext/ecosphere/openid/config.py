"""Options of the room, read in this module only."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared.http_guard import GuardSettings, networks
from ckanext.ecosphere.shared.portal_services import own_services

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
    """Name the options without which nobody can log in."""
    return [option for option in REQUIRED if not _text(option)]


def issuer() -> str:
    """Return the address by which the provider calls itself."""
    return _text(ISSUER)


def client() -> tuple[str, str]:
    """Return what the provider calls the portal, and the secret between them."""
    return _text(CLIENT_ID), _text(CLIENT_SECRET)


def provider_name() -> str:
    """Return what people call the provider."""
    return _text(PROVIDER_NAME)


def named(sentence: str) -> str:
    """Return a sentence with the name of the provider in place of `{provider}`."""
    return sentence.replace("{provider}", provider_name())


def scope() -> str:
    """Return what is asked about a person, as OpenID Connect names it."""
    return _text(SCOPE)


def levels() -> list[str]:
    """Return the levels of assurance of which the log-in must have one (`acr`); none for any."""
    return tk.config[LEVELS]


def create_accounts() -> bool:
    """Tell whether somebody without an account gets one."""
    return tk.config[CREATE_ACCOUNTS]


def guard_settings() -> GuardSettings:
    """Return the limits of a request to the provider; a code is sent once, and nothing follows a redirection."""
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
