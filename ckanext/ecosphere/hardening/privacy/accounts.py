"""Defects 3 and 42: dates and organisations of accounts are for their owners and sysadmins.

CKAN shows these times to every account (`user_list`), and to everyone wherever it lists people. Compared with the times
of public contributions, they reveal who wrote what anonymously. It lists the organisations of any user to everybody.
Not yet accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict

from ckanext.ecosphere.hardening.privacy import private_datasets
from ckanext.ecosphere.shared import action_input, authorization

#: Keys shown only to the person and to sysadmins; the hash of an e-mail address reveals the address.
PERSONAL = ("created", "last_active", "email_hash", "activity_streams_email_notifications")
#: Orders of `user_list` allowed to everyone; CKAN accepts any column, even that of the passwords.
ORDERS = ("display_name", "fullname", "name", "number_created_packages")
#: Further orders for sysadmins.
MORE_ORDERS = ("id", "about", "created", "email", "last_active", "state", "sysadmin")
#: Actions of CKAN that return accounts.
WITH_PEOPLE = (
    "user_show",
    "user_list",
    "organization_show",
    "organization_list",
    "group_show",
    "group_list",
    "followee_list",
    "user_followee_list",
    "user_follower_list",
    "dataset_follower_list",
    "group_follower_list",
    "organization_follower_list",
)


def user_list(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """List accounts, in an order that reveals nothing hidden."""
    order = data_dict.get("order_by", ORDERS[0])
    allowed = ORDERS + (MORE_ORDERS if private_datasets.sees_all(context) else ())
    if order not in allowed:
        message = tk._("Choose one of these orders: {orders}.").format(orders=", ".join(allowed))
        raise tk.ValidationError({"order_by": [message]})
    if not isinstance(data_dict.get("q") or "", str):
        raise tk.ValidationError({"q": [tk._("Give one text here.")]})
    return _people_shown(original(context, data_dict), context)


def _shown(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Call CKAN's action and remove personal data of other people."""
    return _people_shown(original(context, _sortable(data_dict)), context)


@auth_audit_exempt  # the original checks, when no user is named
def organization_list_for_user(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> Any:
    """List the organisations of a user whom the caller may see.

    Raises:
        NotAuthorized: the caller may not see the user.
    """
    if data_dict.get("id") and not context.get("ignore_auth"):
        tk.check_access("user_show", Context(**context), {"id": data_dict["id"]})
    return original(context, data_dict)


def _sortable(data_dict: DataDict) -> DataDict:
    """Remove empty parts of an order ("name asc,"), on which CKAN's lists fail.

    Raises:
        ValidationError: the order is not a text.
    """
    parameters = {
        name: data_dict[name] for name in ("sort", "order_by") if data_dict.get(name) is not None
    }
    for name, order in parameters.items():
        if not isinstance(order, str):
            raise tk.ValidationError(
                {name: [tk._("Give the order as a text, for example: name asc")]}
            )
    cleaned = {
        name: ",".join(filter(str.strip, order.split(","))) for name, order in parameters.items()
    }
    if cleaned:
        return {**data_dict, **cleaned}
    return data_dict


def _people_shown(result: Any, context: Any) -> Any:
    if private_datasets.sees_all(context):
        return result
    reader = authorization.person(context)
    return _without_personal(result, reader.id if reader else None)


def _without_personal(value: Any, reader_id: str | None) -> Any:
    """Return an action's result with the personal data of other people set to None, wherever accounts occur."""
    if isinstance(value, list):
        return [_without_personal(part, reader_id) for part in value]
    if not isinstance(value, Mapping):
        return value
    if "email_hash" in value:
        if value.get("id") == reader_id:
            return value
        return {key: None if key in PERSONAL else part for key, part in value.items()}
    people = {
        key: _without_personal(value[key], reader_id) for key in ("users", "dict") if value.get(key)
    }
    if people:
        return {**value, **people}
    return value


def get_actions() -> dict[str, Any]:
    """Return the chained actions."""
    chained = {
        name: action_input.named(_shown, name) for name in WITH_PEOPLE if name != "user_list"
    }
    functions = chained | {
        function.__name__: function for function in (user_list, organization_list_for_user)
    }
    reading = {
        name: tk.side_effect_free(tk.chained_action(function))
        for name, function in functions.items()
    }
    return action_input.checked(reading)
