"""What CKAN tells of accounts: when they were made and last used is for the person and the administrators of the site.

CKAN gives these moments to every account (`user_list`), and to everybody wherever it lists people. Beside the moments
of public contributions they tell who wrote what under no name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import Context, DataDict

from ckanext.ecosphere.contact import service_names
from ckanext.ecosphere.core.privacy import public_tags
from ckanext.ecosphere.shared import action_input, authorization

#: What only the person and the administrators of the site see; the hash of an e-mail address tells the address.
PERSONAL = ("created", "last_active", "email_hash", "activity_streams_email_notifications")
#: Orders of `user_list` for everybody; CKAN takes every column, that of the passwords included.
ORDERS = ("display_name", "fullname", "name", "number_created_packages")
#: Orders for administrators of the site.
MORE_ORDERS = ("id", "about", "created", "email", "last_active", "state", "sysadmin")
#: Actions of CKAN whose answers describe accounts.
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
    """List accounts, in an order that tells nothing that is not shown."""
    order = data_dict.get("order_by", ORDERS[0])
    allowed = ORDERS + (MORE_ORDERS if public_tags.sees_all(context) else ())
    if order not in allowed:
        message = tk._("Choose one of these orders: {orders}.").format(orders=", ".join(allowed))
        raise tk.ValidationError({"order_by": [message]})
    if not isinstance(data_dict.get("q") or "", str):
        raise tk.ValidationError({"q": [tk._("Give one text here.")]})
    return _people_shown(original(context, data_dict), context)


def _shown(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """As CKAN has it, without what is personal of other people."""
    return _people_shown(original(context, _sortable(data_dict)), context)


def organization_list(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """List services, those that a text names by its words, without what is personal of other people."""
    return _shown(original, context, service_names.by_words(data_dict))


def _sortable(data_dict: DataDict) -> DataDict:
    """Leave out the empty parts of an order ("name asc,"), for which CKAN's lists have no answer but a fault.

    Raises:
        ValidationError: the order is no text.
    """
    given = {name: data_dict[name] for name in ("sort", "order_by") if data_dict.get(name) is not None}
    for name, order in given.items():
        if not isinstance(order, str):
            raise tk.ValidationError({name: [tk._("Give the order as a text, for example: name asc")]})
    cleaned = {name: ",".join(filter(str.strip, order.split(","))) for name, order in given.items()}
    return {**data_dict, **cleaned} if cleaned else data_dict


def _people_shown(result: Any, context: Any) -> Any:
    if public_tags.sees_all(context):
        return result
    reader = authorization.person(context)
    return _without_personal(result, reader.id if reader else None)


def _without_personal(value: Any, reader_id: str | None) -> Any:
    """Return what an action gave, with the personal moments of other people emptied, wherever people are in it."""
    if isinstance(value, list):
        return [_without_personal(each, reader_id) for each in value]
    if not isinstance(value, Mapping):
        return value
    if "email_hash" in value:
        if value.get("id") == reader_id:
            return value
        return {key: None if key in PERSONAL else each for key, each in value.items()}
    people = {key: _without_personal(value[key], reader_id) for key in ("users", "dict") if value.get(key)}
    return {**value, **people} if people else value


def get_actions() -> dict[str, Any]:
    """Return the chained actions."""
    shown = {name: action_input.named(_shown, name) for name in WITH_PEOPLE if name != "user_list"}
    functions = shown | {"user_list": user_list, "organization_list": organization_list}
    reading = {name: tk.side_effect_free(tk.chained_action(function)) for name, function in functions.items()}
    return action_input.checked(reading)
