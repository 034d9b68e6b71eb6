"""Accounts of the demonstration: sysadmin, editor, organisation admin, moderator and user, with random passwords."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from . import ckan
from .portal import ActionError, Portal
from .settings import LOCAL
from .shell import say, write_private

CREDENTIALS = LOCAL / "credentials.json"
ADMIN = "admin"


@dataclass(frozen=True)
class Account:
    """A user of the demonstration.

    Attributes:
        name: user name.
        fullname: name shown on pages.
        role: description in the list of accounts.
        organisation: organisation of which it is a member, if any.
        capacity: role in the organisation: editor or admin.
    """

    name: str
    fullname: str
    role: str
    organisation: str = ""
    capacity: str = "editor"


ACCOUNTS = (
    Account(ADMIN, "Administration du guichet", "administrator of the site"),
    Account("producteur-ddt-01", "Producteur de la DDT de l'Ain", "producer: editor of the DDT 01", "ddt-01053-01"),
    Account(
        "responsable-ddt-01", "Responsable de la DDT de l'Ain", "administrator of the DDT 01", "ddt-01053-01", "admin"
    ),
    Account(
        "moderatrice",
        "Modération des demandes",
        "moderator of data requests",
        "administration-centrale-ou-ministere_172120",
    ),
    Account("utilisateur", "Bureau d'études", "user without any role"),
)


def known() -> dict:
    """Return what is known of the accounts: passwords, and the token of the sysadmin."""
    try:
        return json.loads(CREDENTIALS.read_text())
    except (OSError, ValueError):
        return {}


def _write(known: dict) -> None:
    write_private(CREDENTIALS, json.dumps(known, indent=2, ensure_ascii=False) + "\n")


def passwords() -> dict[str, str]:
    """Return account → initial password."""
    return known().get("passwords", {})


def prepare() -> Portal:
    """Create missing accounts; existing ones keep their passwords, which may have been changed.

    Returns:
        The portal, with the sysadmin's API token.
    """
    stored = known()
    stored.setdefault("passwords", {})
    for account in ACCOUNTS:
        stored["passwords"].setdefault(account.name, secrets.token_urlsafe(9))
    _write(stored)
    portal = Portal(stored.get("token", ""))
    if not stored.get("token") or not _is_admin(portal):
        stored["token"] = _administrator(stored["passwords"][ADMIN])
        _write(stored)
        portal = Portal(stored["token"])
    for account in ACCOUNTS[1:]:
        _ensure(portal, account, stored["passwords"][account.name])
    return portal


def _is_admin(portal: Portal) -> bool:
    try:
        return bool(portal.call("user_show", id=ADMIN).get("sysadmin"))
    except ActionError:
        return False


def _administrator(password: str) -> str:
    """Create the sysadmin on the command line, the only way to create the first one; return an API token."""
    say("Creating the accounts")
    known = {word for line in ckan.command("user", "list").splitlines() for word in line.split()[:1]}
    if f"name={ADMIN}" not in known:
        ckan.command("user", "add", ADMIN, f"email={ADMIN}@guichet.example", f"password={password}")
    ckan.command("sysadmin", "add", ADMIN)
    return ckan.command("user", "token", "add", ADMIN, "demo", "-q").split()[-1]


def _ensure(portal: Portal, account: Account, password: str) -> None:
    if portal.find("user_show", id=account.name) is None:
        email = f"{account.name}@guichet.example"
        portal.call("user_create", name=account.name, fullname=account.fullname, email=email, password=password)
    if account.organisation:
        portal.call("organization_member_create", id=account.organisation, username=account.name, role=account.capacity)
