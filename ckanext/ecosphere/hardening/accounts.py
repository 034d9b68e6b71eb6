"""Defects 3, 12, 24, 40 and 42: personal data of accounts.

3 and 42: CKAN shows when an account was created and last used, to every account (`user_list`) and
to everyone wherever it lists people. Compared with the times of public contributions, this reveals
who wrote what anonymously. CKAN also lists the organisations of any user to everybody.

12: when a sysadmin deletes an account, CKAN only marks it as deleted and ends its memberships. Here
the same personal data are erased as when people close their own account.

24: CKAN compares e-mail addresses with ILIKE, in which "%" and "_", both allowed in addresses, are
wildcards: other people's addresses can be found out letter by letter, and "a_b@…" is refused when
"acb@…" is taken.

40: the id of an account is what a forged session or token needs, and CKAN shows the
`creator_user_id` of each dataset. Here only sysadmins and the creator see it. Solr indexes it too,
so searches for parts of an id are refused: they would reveal it character by character.

Not yet accepted by CKAN.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.search import SearchQueryError
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict, FlattenDataDict, FlattenErrorDict, FlattenKey
from flask import Blueprint, request

from ckanext.ecosphere.core import accounts
from ckanext.ecosphere.hardening import private_datasets
from ckanext.ecosphere.hardening.web import log_in
from ckanext.ecosphere.shared import action_input, authorization

# --- 24: e-mail addresses ---


def email_is_unique(
    key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context
) -> None:
    """Replace CKAN's validator of the same name, without wildcards and with a rate limit.

    Raises:
        Invalid: the address belongs to another account, or the rate limit is exceeded.
    """
    address = str(data[key])
    query = sa.select(model.User.id, model.User.name).where(
        sa.func.lower(model.User.email) == address.lower(),
        model.User.state.in_(tk.config["ckan.user.unique_email_states"]),
    )
    holders = model.Session.execute(query).all()
    # Forms give the account that is saved by its id, its name or both.
    own_keys = {data.get(("id",)), data.get(("name",))}
    if not holders or any({holder.id, holder.name} & own_keys for holder in holders):
        return
    if too_often := log_in.count_taken_address():
        raise tk.Invalid(too_often)
    message = tk._("The email address '{email}' belongs to a registered user.")
    raise tk.Invalid(message.format(email=address.lower()))


def get_validators() -> dict[str, Any]:
    """Return the validators that replace CKAN's of the same name."""
    return {email_is_unique.__name__: email_is_unique}


# --- 3, 42: personal data, and organisations of users ---

#: Keys of an account shown only to the person and to sysadmins. The hash of an e-mail address
#: reveals the address to whoever guesses it.
PERSONAL = ("created", "last_active", "email_hash", "activity_streams_email_notifications")
#: Orders of `user_list` open to everyone. CKAN accepts any column, even that of the passwords.
ORDERS = ("display_name", "fullname", "name", "number_created_packages")
#: Further orders for sysadmins.
MORE_ORDERS = ("id", "about", "created", "email", "last_active", "state", "sysadmin")
#: Actions of CKAN that return accounts, besides `user_list`.
WITH_PEOPLE = (
    "user_show",
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
    """List accounts, in an order that reveals nothing hidden.

    Raises:
        ValidationError: the order is not open to the caller, or `q` is not a text.
    """
    order = data_dict.get("order_by", ORDERS[0])
    allowed = ORDERS
    if private_datasets.sees_all(context):
        allowed += MORE_ORDERS
    if order not in allowed:
        message = tk._("Choose one of these orders: {orders}.").format(orders=", ".join(allowed))
        raise tk.ValidationError({"order_by": [message]})
    if not isinstance(data_dict.get("q") or "", str):
        raise tk.ValidationError({"q": [tk._("Give one text here.")]})
    return _as_shown_to(context, original(context, data_dict))


def _action_with_people(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Call CKAN's action and remove personal data of other people."""
    return _as_shown_to(context, original(context, _with_clean_order(data_dict)))


@auth_audit_exempt  # without `id`, only the original checks access
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


def _with_clean_order(data_dict: DataDict) -> DataDict:
    """Return parameters without empty parts of an order ("name asc,"), on which CKAN's lists fail.

    Raises:
        ValidationError: the order is not a text.
    """
    cleaned = {}
    for name in ("sort", "order_by"):
        order = data_dict.get(name)
        if order is None:
            continue
        if not isinstance(order, str):
            message = tk._("Give the order as a text, for example: name asc")
            raise tk.ValidationError({name: [message]})
        cleaned[name] = ",".join(filter(str.strip, order.split(",")))
    if cleaned:
        return {**data_dict, **cleaned}
    return data_dict


def _as_shown_to(context: Any, result: Any) -> Any:
    """Return an action's result without personal data that its caller may not see."""
    if private_datasets.sees_all(context):
        return result
    reader = authorization.person(context)
    return _without_personal(result, reader.id if reader else None)


def _without_personal(value: Any, reader_id: str | None) -> Any:
    """Return an action's result with the personal data of other people set to None.

    Args:
        value: an account, a list, or an object with accounts under `users` (groups) or `dict`
            (what somebody follows).
        reader_id: id of the caller, None for anonymous ones.
    """
    if isinstance(value, list):
        return [_without_personal(part, reader_id) for part in value]
    if not isinstance(value, Mapping):
        return value
    if "email_hash" in value:
        if value.get("id") == reader_id:
            return value
        return {key: None if key in PERSONAL else part for key, part in value.items()}
    cleaned = {
        key: _without_personal(value[key], reader_id) for key in ("users", "dict") if value.get(key)
    }
    if cleaned:
        return {**value, **cleaned}
    return value


def _actions_of_accounts() -> dict[str, Any]:
    """Return the chained actions of this section."""
    functions = {name: action_input.named(_action_with_people, name) for name in WITH_PEOPLE}
    for function in (user_list, organization_list_for_user):
        functions[function.__name__] = function
    reading = {
        name: tk.side_effect_free(tk.chained_action(function))
        for name, function in functions.items()
    }
    return action_input.checked(reading)


# --- 12: deleting an account ---

blueprint = Blueprint("ecosphere_deleted_accounts", __name__)


@tk.chained_action
def user_delete(original: Any, context: Context, data_dict: DataDict) -> Any:
    """Delete an account and erase its personal data.

    Raises:
        NotFound: there is no such account.
        NotAuthorized: the user is not a sysadmin.
        ValidationError: it is the account of the site itself, or of its only sysadmin.
    """
    tk.check_access("user_delete", context, data_dict)
    user = model.User.get(tk.get_or_bust(data_dict, "id"))
    if user is None:
        raise tk.ObjectNotFound(tk._("User not found"))
    try:
        accounts.delete_account(user.id)
    except accounts.Refused as error:
        raise tk.ValidationError({"id": error.sentences}) from error
    # Sysadmins who delete their own account have just lost that role.
    return original({**context, "ignore_auth": True}, {**data_dict, "id": user.id})


@blueprint.before_app_request
def prepare_deletion() -> Any:
    """Send users who delete their own account to our page for it; address other accounts by id.

    CKAN's view reads the account again after deleting it, by the name in the URL, which the
    deletion changes.
    """
    if request.endpoint != "user.delete" or not tk.current_user.is_authenticated:
        return None
    user = model.User.get((request.view_args or {}).get("id"))
    if user is None:
        return None
    if user.id == tk.current_user.id and p.plugin_loaded("ecosphere"):
        return tk.redirect_to("ecosphere_closing.close")
    request.view_args = {"id": user.id}
    return None


def ecosphere_account_deletion(user_id: str) -> dict[str, list[str]]:
    """Return the messages that a sysadmin reads before deleting an account.

    Returns:
        `refused` (why it cannot be deleted), `warnings`, `lost` and `kept`.
    """
    user = model.User.get(user_id)
    notice = accounts.notice()
    return {
        "refused": accounts.obstacles_to_deletion(user) if user else [],
        "warnings": accounts.warnings_of_deletion(user) if user else [],
        "lost": notice.lost,
        "kept": notice.kept,
    }


# --- 40: who created a dataset ---

CREATOR = "creator_user_id"
#: Stored fields of the index that contain the whole dataset as JSON, with its creator.
COPIES = ("data_dict", "validated_data_dict")
#: A filter by one whole id, as on the page of an account: it is allowed, since whoever writes it
#: knows the id.
_WHOLE_ID = re.compile(rf'{CREATOR}:"?[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\b')
#: A character written as its code, which Solr reads as the character itself.
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


def hide_creator(context: Context, dataset: dict[str, Any]) -> None:
    """Remove the creator from a dataset, unless the reader is a sysadmin or the creator."""
    if CREATOR in dataset and not private_datasets.sees_all(context):
        hide_creator_from(authorization.person(context), dataset)


@tk.side_effect_free
@tk.chained_action
def package_search(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> dict[str, Any]:
    """Search datasets, without their creators and not by parts of a creator's id.

    Raises:
        SearchQueryError: a parameter names the field.
    """
    if private_datasets.sees_all(context):
        return original(context, data_dict)
    if _asks_for_creators(data_dict):
        raise SearchQueryError(tk._("This cannot be asked here: {names}.").format(names=CREATOR))
    reader = authorization.person(context)
    results = original(context, data_dict)
    for dataset in results["results"]:
        hide_creator_from(reader, dataset)
        for copy in COPIES:
            dataset.pop(copy, None)
    return results


@tk.side_effect_free
@tk.chained_action
def current_package_list_with_resources(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> list[dict[str, Any]]:
    """List datasets without their creators.

    CKAN calls its own `package_search` here, not the chained one.
    """
    datasets = original(context, data_dict)
    for dataset in datasets:
        hide_creator(context, dataset)
    return datasets


def _asks_for_creators(data_dict: DataDict) -> bool:
    """Return whether a search asks for creators, in any spelling that Solr reads."""
    text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), repr(data_dict)).replace("\\", "")
    return CREATOR in _WHOLE_ID.sub("", text)


def hide_creator_from(reader: Any, dataset: dict[str, Any]) -> None:
    """Remove the creator from a dataset, unless that is the reader."""
    if reader is None or dataset.get(CREATOR) != reader.id:
        dataset.pop(CREATOR, None)


def get_actions() -> dict[str, Any]:
    """Return the chained actions."""
    searches: dict[str, Any] = {
        function.__name__: function
        for function in (package_search, current_package_list_with_resources)
    }
    return {
        **_actions_of_accounts(),
        "user_delete": user_delete,
        **action_input.checked(searches),
    }
