"""Client of the portal's API, and the accounts of the demonstration, with random passwords."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from typing import Any

from . import ckan
from .settings import DEV, LOCAL
from .shell import StackError, say, write_private

CREDENTIALS = LOCAL / "credentials.json"
ADMIN = "admin"
ACCOUNTS: list[dict[str, str]] = json.loads((DEV / "demo" / "accounts.json").read_text(encoding="utf-8"))
"""User name, full name, role in the list of accounts, perhaps an organisation with the capacity."""


class ActionError(StackError):
    """The portal refused an action.

    Attributes:
        status: HTTP status.
    """

    def __init__(self, action: str, status: int, message: str) -> None:
        super().__init__(f"The portal refused {action}: {message}")
        self.status = status


class Portal:
    """Actions of the portal, called with an API token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def call(self, action: str, **parameters: Any) -> Any:
        """Call an action and return its result.

        Raises:
            ActionError: the action failed.
        """
        request = urllib.request.Request(
            f"{ckan.site_url()}/api/3/action/{action}",
            data=json.dumps(parameters).encode(),
            headers={"Content-Type": "application/json", "Authorization": self._token},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.load(response)["result"]
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            raise ActionError(action, error.code, text[:500]) from error

    def find(self, action: str, **parameters: Any) -> Any | None:
        """Call a show action; return None if the object does not exist (404)."""
        try:
            return self.call(action, **parameters)
        except ActionError as error:
            if error.status == 404:
                return None
            raise


def known() -> dict[str, Any]:
    """Return what is known of the accounts: passwords, and the token of the sysadmin."""
    try:
        return json.loads(CREDENTIALS.read_text())
    except (OSError, ValueError):
        return {}


def passwords() -> dict[str, str]:
    """Return account → initial password."""
    return known().get("passwords", {})


def prepare() -> Portal:
    """Create missing accounts; existing ones keep their passwords, which may have been changed.

    Returns:
        The portal, with the sysadmin's API token.
    """
    words = {account["name"]: secrets.token_urlsafe(9) for account in ACCOUNTS} | passwords()
    token = known().get("token", "")
    _note(words, token)
    if not token or not _is_admin(Portal(token)):
        token = _administrator(words[ADMIN])
        _note(words, token)
    portal = Portal(token)
    for account in ACCOUNTS[1:]:
        _ensure(portal, account, words[account["name"]])
    return portal


def _note(words: dict[str, str], token: str) -> None:
    text = json.dumps({"passwords": words, "token": token}, indent=2, ensure_ascii=False)
    write_private(CREDENTIALS, text + "\n")


def _is_admin(portal: Portal) -> bool:
    try:
        return bool(portal.call("user_show", id=ADMIN).get("sysadmin"))
    except ActionError:
        return False


def _administrator(password: str) -> str:
    """Create the sysadmin on the command line, the only way to create the first one.

    Return an API token.
    """
    say("Creating the accounts")
    if f"name={ADMIN}" not in ckan.command("user", "list").split():
        ckan.command("user", "add", ADMIN, f"email={ADMIN}@guichet.example", f"password={password}")
    ckan.command("sysadmin", "add", ADMIN)
    return ckan.command("user", "token", "add", ADMIN, "demo", "-q").split()[-1]


def _ensure(portal: Portal, account: dict[str, str], password: str) -> None:
    name = account["name"]
    if portal.find("user_show", id=name) is None:
        email = f"{name}@guichet.example"
        portal.call("user_create", name=name, fullname=account["fullname"], email=email, password=password)
    if "organisation" in account:
        member = {"id": account["organisation"], "username": name, "role": account["capacity"]}
        portal.call("organization_member_create", **member)
