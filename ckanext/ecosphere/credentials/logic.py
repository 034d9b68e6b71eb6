"""Action and command by which a sysadmin takes away the second factor of somebody who has lost it,
and CKAN's own.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import click
from ckan import model
from ckan.common import _
from ckan.types import Action, AuthResult, Context, DataDict, Schema

from ckanext.ecosphere.core import journal
from ckanext.ecosphere.credentials import second_factor
from ckanext.ecosphere.shared import action_input, authorization

AREA = "second-factor"


def _schema() -> Schema:
    return {"id": [tk.get_validator("not_empty"), tk.get_validator("unicode_safe")]}


@action_input.action(_schema)
def ecosphere_second_factor_reset(context: Context, data_dict: DataDict) -> dict[str, bool]:
    """Remove the second factor of a person, which is noted in the journal; the person gets an
    e-mail.

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


@tk.side_effect_free
@tk.chained_action
def user_show(base: Action, context: Context, data_dict: DataDict) -> DataDict:
    """Leave the second factor out of `plugin_extras`.

    Whoever reads its secret computes all codes, and a token that is “read only” may read accounts.
    """
    return _without_second_factor(base(context, data_dict))


@tk.chained_action
def user_update(base: Action, context: Context, data_dict: DataDict) -> DataDict:
    """Keep the second factor when a sysadmin writes `plugin_extras`:
    only its own action takes it away.
    """
    extras = data_dict.get("plugin_extras")
    user = model.User.get(data_dict.get("id"))
    if isinstance(extras, dict) and user:
        others = _others(extras)
        if record := second_factor.record_of(user):
            others[second_factor.KEY] = record
        data_dict = {**data_dict, "plugin_extras": others}
    return _without_second_factor(base(context, data_dict))


def _without_second_factor(user: DataDict) -> DataDict:
    if not user.get("plugin_extras"):
        return user
    return {**user, "plugin_extras": _others(user["plugin_extras"])}


def _others(extras: DataDict) -> DataDict:
    return {key: value for key, value in extras.items() if key != second_factor.KEY}


def get_actions() -> dict[str, Any]:
    """Return the action, and those of CKAN that show or write the row of an account."""
    own = {ecosphere_second_factor_reset.__name__: ecosphere_second_factor_reset}
    return {**action_input.checked(own), "user_show": user_show, "user_update": user_update}


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
