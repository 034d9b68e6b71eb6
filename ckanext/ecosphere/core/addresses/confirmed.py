"""Which address of an account was confirmed: noted by its digest, so that another address is not confirmed with it."""

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
"""A link is good for a week."""


def digest(email: str) -> str:
    """Return what stands for an address where the address itself should not stand."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def note(email: str) -> dict[str, str]:
    """Return the note, for `plugin_extras`, that an address is confirmed."""
    return {KEY: digest(email)}


def is_confirmed(user: Any) -> bool:
    """Tell whether the address that an account has now was confirmed."""
    return bool(user.email) and (user.plugin_extras or {}).get(KEY) == digest(user.email)


def may_be_somebody_elses(user: Any) -> bool:
    """Tell whether the address of an account may be that of somebody who knows nothing of it: nobody has confirmed it.

    E-mails to it hold no words of whoever made the account. Without the base plugin nobody is asked to confirm any.
    """
    return p.plugin_loaded("ecosphere") and not is_confirmed(user)


def confirm(user: model.User) -> None:
    """Note that the address that an account has now is confirmed."""
    account_notes.keep(user.id, KEY, digest(user.email or ""))


def token(user: model.User) -> str:
    """Return the token of a link that confirms the address that an account has now, and no other."""
    return headers.sign(PURPOSE, [user.id, digest(user.email or "")])


def account_of(token: str) -> model.User | None:
    """Return the account of a link; None when it is not ours, too old, or of an address that was changed since."""
    found = headers.read(PURPOSE, token, GOOD_SECONDS)
    if not (isinstance(found, list) and len(found) == 2):  # noqa: PLR2004
        return None
    user = model.User.get(str(found[0]))
    if user is None or user.state != model.State.ACTIVE or not user.email:
        return None
    return user if digest(user.email) == found[1] else None
