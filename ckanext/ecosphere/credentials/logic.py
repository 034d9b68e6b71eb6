"""Action and command by which a sysadmin takes away the second factor of somebody who has lost it."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan import model
from ckan.common import _
from ckan.types import AuthResult, Context, DataDict, Schema

from ckanext.ecosphere.core import journal
from ckanext.ecosphere.credentials import second_factor
from ckanext.ecosphere.shared import action_input, authorization

AREA = "second-factor"


def _schema() -> Schema:
    return {"id": [tk.get_validator("not_empty"), tk.get_validator("unicode_safe")]}


@action_input.action(_schema)
def ecosphere_second_factor_reset(context: Context, data_dict: DataDict) -> dict[str, bool]:
    """Remove the second factor of a person, which is noted in the journal; the person gets an e-mail.

    Args:
        context: of a sysadmin.
        data_dict: `id`, id or name of the account.

    Returns:
        `was_set_up`: whether there was one; nothing is changed otherwise.

    Raises:
        NotFound: there is no such account.
    """
    user = model.User.get(data_dict["id"])
    if user is None:
        raise tk.ObjectNotFound(_("User not found"))
    if not second_factor.record_of(user):
        return {"was_set_up": False}
    person = getattr(authorization.person(context), "id", None)
    if p.plugin_loaded("ecosphere"):
        journal.note(AREA, user.id, True, None, person)
    second_factor.turn_off(user)
    return {"was_set_up": True}


def get_actions() -> dict[str, Any]:
    """Return the action."""
    return action_input.checked(
        {ecosphere_second_factor_reset.__name__: ecosphere_second_factor_reset}
    )


def _sysadmins_only(context: Context, data_dict: DataDict) -> AuthResult:
    """Refuse all whom CKAN asks: sysadmins are not."""
    return {"success": False, "msg": _("Only administrators of the portal may do this.")}


def get_auth_functions() -> dict[str, Any]:
    """Return the auth function of the action."""
    return authorization.deny_by_default({"ecosphere_second_factor_reset": _sysadmins_only})


@click.group(short_help="Help people who cannot log in.")
def credentials() -> None:
    """Help people who cannot log in."""


@credentials.command("reset")
@click.argument("name")
def reset(name: str) -> None:
    """Remove the second factor of the account NAME, after having made sure who asks for it."""
    try:
        outcome = tk.get_action("ecosphere_second_factor_reset")(
            {"ignore_auth": True}, {"id": name}
        )
    except tk.ObjectNotFound:
        raise click.ClickException(f"There is no account {name}.") from None
    if outcome["was_set_up"]:
        click.echo(f"{name} has no second factor any more, and gets an e-mail.")
    else:
        click.echo(f"{name} has no second factor.")
