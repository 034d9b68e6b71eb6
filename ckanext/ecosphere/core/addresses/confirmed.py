"""Record which e-mail address of an account was confirmed, by its digest: a changed address counts as unconfirmed."""

from __future__ import annotations

import hashlib
from typing import Any

import ckan.plugins as p
from ckan import model

from ckanext.ecosphere.core import account_notes
from ckanext.ecosphere.shared.mailing import headers

KEY = "ecosphere_confirmed_address"
PURPOSE = "ecosphere-confirm-address"
GOOD_SECONDS = 7 * 24 * 3600
"""Links are valid for a week."""


def digest(email: str) -> str:
    """Return a digest of an address, for use where the address itself must not be stored."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def note(email: str) -> dict[str, str]:
    """Return the entry for `plugin_extras` that marks an address as confirmed."""
    return {KEY: digest(email)}


def is_confirmed(user: Any) -> bool:
    """Return whether the current address of an account is confirmed."""
    return bool(user.email) and (user.plugin_extras or {}).get(KEY) == digest(user.email)


def may_be_somebody_elses(user: Any) -> bool:
    """Return whether the address of an account is unconfirmed, so that it may belong to someone else.

    E-mails to such an address contain no text written by the account's owner. Without the base plugin, which sends the
    confirmations, the result is always False.
    """
    return p.plugin_loaded("ecosphere") and not is_confirmed(user)


def confirm(user: model.User) -> None:
    """Mark the current address of an account as confirmed."""
    account_notes.keep(user.id, KEY, digest(user.email or ""))


def token(user: model.User) -> str:
    """Return the token of a link that confirms the current address of an account, and no other."""
    return headers.sign(PURPOSE, [user.id, digest(user.email or "")])


def account_of(token: str) -> model.User | None:
    """Return the account of a token; None if it is invalid, expired, or the address was changed since."""
    found = headers.read(PURPOSE, token, GOOD_SECONDS)
    if not (isinstance(found, list) and len(found) == 2):  # noqa: PLR2004
        return None
    user = model.User.get(str(found[0]))
    if user is None or user.state != model.State.ACTIVE or not user.email:
        return None
    return user if digest(user.email) == found[1] else None
