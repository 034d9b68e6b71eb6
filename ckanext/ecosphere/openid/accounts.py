"""Link CKAN accounts with OpenID Connect identities: issuer and subject only,
kept in the account's `plugin_extras`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.munge import munge_title_to_name

from ckanext.ecosphere.core import accounts, addresses
from ckanext.ecosphere.openid import config
from ckanext.ecosphere.shared import locks, once
from ckanext.ecosphere.shared.authorization import is_recovered

KEY = "ecosphere_openid"
LOCK = "openid-accounts"
LONGEST_WAIT = 5.0
LONGEST_NAME = 60


@dataclass(frozen=True)
class Identity:
    """Identity of a user as asserted by the provider.

    Attributes:
        issuer: issuer identifier of the provider.
        subject: permanent identifier of the user at the issuer (`sub`); users are recognised by
            nothing else.
        email: e-mail address; empty when there is none or it is declared as not verified.
        name: full name, may be empty.
        organisation: organisation of the user, may be empty.
        is_verified: whether the provider has verified the address (`email_verified`).
    """

    issuer: str
    subject: str
    email: str
    name: str
    organisation: str
    is_verified: bool = False


class NoAccount(Exception):
    """The identity cannot be used to log in; the message is shown to the user."""


def listen() -> None:
    """Listen for password changes; idempotent."""
    once.listen(model.User, before_update=_password_changes)


def of(user: Any) -> dict[str, Any]:
    """Return the link of an account: `issuer`, `subject`, `organisation`.

    Empty when it is not linked.
    """
    return dict((getattr(user, "plugin_extras", None) or {}).get(KEY) or {})


def logged_in(identity: Identity) -> model.User:
    """Return the account linked with an identity; create it when there is none.

    Raises:
        NoAccount: the account was closed, or there is none and it cannot be created.
    """
    with _locked():
        user = _account_of(identity)
        if user is None:
            _refuse_without_account(identity)
            return _create_account(identity)
    if user.state != model.State.ACTIVE:
        raise NoAccount(closed())
    if of(user).get("organisation") != identity.organisation:
        accounts.keep_note(user.id, KEY, _record(identity))
    return user


def closed() -> str:
    """Return the message for the owner of a closed account."""
    return tk._("Your account on this portal was closed. Ask the administrators of the portal.")


def link(user: model.User, identity: Identity) -> None:
    """Link an account with an identity, so that its owner can also log in with the provider.

    Raises:
        NoAccount: the account is linked with another identity, or the identity with another
            account.
    """
    with _locked():
        other = _account_of(identity)
        if other is not None and other.id != user.id:
            sentence = tk._(
                "This {provider} identity is linked with another account: unlink it there first."
            )
            raise NoAccount(config.named(sentence))
        if other is None and of(user):
            raise NoAccount(
                tk._("Your account is linked with another identity: unlink that one first.")
            )
        accounts.keep_note(user.id, KEY, _record(identity))


def unlink(user: model.User) -> None:
    """Remove the link of an account, so that its owner logs in with a password only."""
    accounts.keep_note(user.id, KEY, None)


def _password_changes(_mapper: Any, _connection: Any, user: model.User) -> None:
    """Unlink an account whose password is set by anybody but its logged-in owner, e.g. through a
    reset link.

    Otherwise, an attacker who created an account with somebody else's address and linked it would
    keep access after the owner of the address has reset the password.
    """
    if is_recovered(user) and of(user):
        user.plugin_extras = {key: value for key, value in user.plugin_extras.items() if key != KEY}


def _account_of(identity: Identity) -> model.User | None:
    """Return the account linked with an identity, whatever its state."""
    linked = {KEY: {"issuer": identity.issuer, "subject": identity.subject}}
    holds_link = model.User.plugin_extras.contains(linked)  # type: ignore[attr-defined]
    return model.Session.query(model.User).filter(holds_link).populate_existing().first()


def _refuse_without_account(identity: Identity) -> None:
    """Raise NoAccount when no account may be created for an identity.

    The e-mail address is no proof of ownership: the owner of an account with the same address must
    log in with its password and link it.
    """
    if not identity.email:
        sentence = tk._(
            "{provider} gives no verified e-mail address, which each account of this portal has."
        )
        raise NoAccount(config.named(sentence))
    same = sa.func.lower(model.User.email) == identity.email.lower()
    if model.Session.query(model.User).filter(same).first():
        sentence = tk._(
            "There is already an account with the address {email}. Log in with its password, then "
            "link it with {provider} on the page of your account. If you have no password, ask "
            "for one with “Forgotten your password?”."
        )
        raise NoAccount(config.named(sentence).replace("{email}", identity.email))
    if not config.create_accounts():
        sentence = tk._(
            "You have no account on this portal. Ask its administrators for one, then link it "
            "with {provider}."
        )
        raise NoAccount(config.named(sentence))


def _create_account(identity: Identity) -> model.User:
    """Create an account without any role; its name does not reveal the e-mail address."""
    name = munge_title_to_name(identity.name)[:LONGEST_NAME].strip("-_") or "agent"
    site = tk.get_action("get_site_user")({"ignore_auth": True}, {})
    extras: dict[str, Any] = {KEY: _record(identity)}
    if identity.is_verified:
        extras.update(addresses.note(identity.email))
    data = {
        "name": f"{name}-{secrets.token_hex(3)}",
        "fullname": identity.name,
        "email": identity.email,
        "password": secrets.token_urlsafe(48),
        "plugin_extras": extras,
    }
    try:
        account = tk.get_action("user_create")({"ignore_auth": True, "user": site["name"]}, data)
    except tk.ValidationError as error:
        sentence = tk._(
            "What {provider} says of you makes no account. Ask the administrators of the portal."
        )
        raise NoAccount(config.named(sentence)) from error
    return model.User.get(account["id"])  # type: ignore[return-value]


def _record(identity: Identity) -> dict[str, str]:
    return {
        "issuer": identity.issuer,
        "subject": identity.subject,
        "organisation": identity.organisation,
    }


@contextmanager
def _locked() -> Iterator[None]:
    """Serialise log-ins, so that a double click does not create two accounts."""
    with locks.alone(LOCK, LONGEST_WAIT) as is_alone:
        if not is_alone:
            raise NoAccount(tk._("Many people are logging in at the moment. Try again."))
        yield
