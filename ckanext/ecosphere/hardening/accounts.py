"""Defects 3, 5, 12, 24, 26, 40, 42 and 48: personal data of accounts, members, creators and activities.

3 and 42: CKAN shows the times of accounts to every account (`user_list`), and to everyone wherever it lists people.
Compared with the times of public contributions, they reveal who wrote what anonymously. It lists the organisations of
any user to everybody.

5 and 48: CKAN 2.12.0 returns the ids of all datasets, including private ones and drafts, to everyone (`member_list`),
and those of users to readers who may not list users. It moves a dataset without reindexing it.

12: deleting an account, as a sysadmin does, only marks it as deleted and ends its memberships; here it erases the same
personal data as closing one's own.

24: CKAN compares e-mail addresses with ILIKE, in which "%" and "_", both allowed in addresses, are wildcards: other
people's addresses could be found out letter by letter, and "a_b@…" is refused beside "acb@…".

26: ckanext-activity applies the permissions at the time of the change: activities of a dataset that was public once,
and was made private or deleted since, remain in activity lists with all their contents.

40: the id of an account is what a forged session or token needs. `creator_user_id` is shown to sysadmins and to the
person; Solr indexes it too, so a search by parts of an id would reveal it value by value.

Not yet accepted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, logic, model
from ckan.lib.search import SearchQueryError
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict, FlattenDataDict, FlattenErrorDict, FlattenKey
from flask import Blueprint, request

from ckanext.ecosphere.core import accounts
from ckanext.ecosphere.hardening import private_datasets
from ckanext.ecosphere.hardening.web import log_in
from ckanext.ecosphere.shared import action_input, authorization


@tk.side_effect_free
@tk.chained_action
def member_list(original: Callable[..., Any], context: Context, data_dict: DataDict) -> list[Any]:
    """List the members of a group or service without what the reader may not see.

    Datasets that the reader may not see are left out, and users for readers who may not list users.

    Raises:
        ValidationError: the object type is not a text; CKAN would fail with an internal error.
    """
    if not isinstance(data_dict.get("object_type") or "", str):
        raise tk.ValidationError({"object_type": [tk._("Give one text here.")]})
    members = original(context, data_dict)
    if not (context.get("ignore_auth") or _may_list_people(context)):
        members = [member for member in members if member[1] != "user"]
    # CKAN translates the object type, so datasets are recognised by their ids.
    packages = _ids(model.Package.id.in_([id_ for id_, *_more in members]))
    if not packages or private_datasets.sees_all(context):
        return members
    hidden = packages - _ids(model.Package.id.in_(packages), private_datasets.readable(context))
    return [member for member in members if member[0] not in hidden]


@tk.chained_action
def package_owner_org_update(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> Any:
    """Move a dataset to a service and reindex it, since the index decides who finds private datasets.

    Not reindexed with `defer_commit` in the context: the enclosing save does it.
    """
    result = original(context, data_dict)
    package = None if context.get("defer_commit") else model.Package.get(data_dict["id"])
    if package is not None:
        logic.index_update_package(context, package.id)
    return result


def _may_list_people(context: Context) -> bool:
    try:
        return tk.check_access("user_list", Context(**context), {})
    except tk.NotAuthorized:
        return False


def _ids(*conditions: sa.ColumnElement[bool]) -> set[str]:
    return set(model.Session.scalars(sa.select(model.Package.id).where(*conditions)))


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
    own = {data.get(("id",)), data.get(("name",))}
    if not holders or any({holder.id, holder.name} & own for holder in holders):
        return
    if too_often := log_in.count_taken_address():
        raise tk.Invalid(too_often)
    message = tk._("The email address '{email}' belongs to a registered user.")
    raise tk.Invalid(message.format(email=address.lower()))


def get_validators() -> dict[str, Any]:
    """Return the validators that replace CKAN's of the same name."""
    return {email_is_unique.__name__: email_is_unique}


FIELD = "creator_user_id"
#: Stored fields of the index that contain the whole dataset as JSON.
COPIES = ("data_dict", "validated_data_dict")
#: A filter by one whole id, as on the page of an account: whoever writes it knows the id.
_WHOLE_ID = re.compile(rf'{FIELD}:"?[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\b')
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


def hide(context: Context, dataset: dict[str, Any]) -> None:
    """Remove the creator from a dataset that is shown, unless the reader is a sysadmin or the creator."""
    if FIELD in dataset and not private_datasets.sees_all(context):
        _hide_from(authorization.person(context), dataset)


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
        raise SearchQueryError(tk._("This cannot be asked here: {names}.").format(names=FIELD))
    reader = authorization.person(context)
    results = original(context, data_dict)
    for dataset in results["results"]:
        _hide_from(reader, dataset)
        for copy in COPIES:
            dataset.pop(copy, None)
    return results


@tk.side_effect_free
@tk.chained_action
def current_package_list_with_resources(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> list[dict[str, Any]]:
    """List datasets without their creators; CKAN calls its own `package_search` for it, past the one above."""
    datasets = original(context, data_dict)
    for dataset in datasets:
        hide(context, dataset)
    return datasets


def _asks_for_creators(data_dict: DataDict) -> bool:
    """Return whether a parameter of a search names the field, in any spelling that Solr reads."""
    text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), repr(data_dict)).replace("\\", "")
    return FIELD in _WHOLE_ID.sub("", text)


def hide_in_activities(context: Context, activities: Any) -> Any:
    """Remove creators of datasets and, for anonymous callers of the API, the ids of people.

    CKAN's pages read the person's id to show the name.

    Args:
        context: the reader's.
        activities: an activity, its data or several of them; changed in place.
    """
    if not private_datasets.sees_all(context):
        reader = authorization.person(context)
        _hide_inside(activities, reader, with_people=bool(reader) or "api_version" not in context)
    return activities


def _hide_inside(value: Any, reader: Any, with_people: bool) -> None:
    if isinstance(value, list):
        for part in value:
            _hide_inside(part, reader, with_people)
    elif isinstance(value, dict):
        _hide_from(reader, value)
        if not with_people:
            value.pop("user_id", None)
        if "diff" in value:
            value["diff"] = "\n".join(
                line for line in value["diff"].split("\n") if FIELD not in line
            )
        for part in (value.get("data"), value.get("package"), value.get("activities")):
            _hide_inside(part, reader, with_people)


def _hide_from(reader: Any, dataset: dict[str, Any]) -> None:
    if reader is None or dataset.get(FIELD) != reader.id:
        dataset.pop(FIELD, None)


LISTS = (
    "user_activity_list",
    "package_activity_list",
    "group_activity_list",
    "organization_activity_list",
    "recently_changed_packages_activity_list",
    "dashboard_activity_list",
)
PARTS = ("activity_data_show", "activity_diff")
MOST_ROUNDS = 5
"""Maximum number of queries to fill a list up to the requested length."""


def _listed(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> list[dict[str, Any]]:
    """List activities, without those of datasets that the reader may not read."""
    parameters, activities = dict(data_dict), []
    for _round in range(MOST_ROUNDS):
        some = original(context.copy(), parameters.copy())
        activities += _readable_activities(some, context)
        limit = parameters.get("limit")
        if (
            not str(limit).isdecimal()
            or len(some) < int(str(limit))
            or len(activities) >= int(str(limit))
        ):
            break
        parameters["offset"] = int(parameters.get("offset") or 0) + len(some)
    return hide_in_activities(context, activities)


def _activity_action(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Show an activity, its data or a comparison without the ids of accounts."""
    return hide_in_activities(context, original(context, data_dict))


def activity_show(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> dict[str, Any]:
    """Show an activity, with `include_data` off by default: CKAN fails when it is missing."""
    return _activity_action(original, context, {"include_data": False, **data_dict})


def _readable_activities(activities: list[dict[str, Any]], context: Any) -> list[dict[str, Any]]:
    about = {activity["object_id"] for activity in activities if _is_of_dataset(activity)}
    if not about or private_datasets.sees_all(context):
        return activities
    query = sa.select(model.Package.id).where(
        model.Package.id.in_(about), private_datasets.readable(context)
    )
    readable = set(model.Session.scalars(query))
    person: Any = {"user": context.get("user"), "auth_user_obj": context.get("auth_user_obj")}
    readable |= {
        id_
        for id_ in about - readable
        if authz.is_authorized_boolean("package_show", person.copy(), {"id": id_})
    }
    return [
        activity
        for activity in activities
        if not _is_of_dataset(activity) or activity["object_id"] in readable
    ]


def _is_of_dataset(activity: dict[str, Any]) -> bool:
    return "package" in (activity.get("data") or {}) or str(activity.get("activity_type")).endswith(
        "package"
    )


def _actions_of_activities() -> dict[str, Any]:
    """Return the chained actions; none without ckanext-activity."""
    if not p.plugin_loaded("activity"):
        return {}
    functions = {name: action_input.named(_listed, name) for name in LISTS}
    functions |= {
        name: auth_audit_exempt(action_input.named(_activity_action, name)) for name in PARTS
    }
    functions |= {"activity_show": auth_audit_exempt(activity_show)}
    reading = {
        name: tk.side_effect_free(tk.chained_action(function))
        for name, function in functions.items()
    }
    return action_input.checked(reading)


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


def _people_action(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
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


def _actions_of_accounts() -> dict[str, Any]:
    """Return the chained actions."""
    chained = {
        name: action_input.named(_people_action, name)
        for name in WITH_PEOPLE
        if name != "user_list"
    }
    functions = chained | {
        function.__name__: function for function in (user_list, organization_list_for_user)
    }
    reading = {
        name: tk.side_effect_free(tk.chained_action(function))
        for name, function in functions.items()
    }
    return action_input.checked(reading)


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
def find_account() -> Any:
    """Redirect users to the page that closes their own account, if there is one, and address other accounts by id.

    CKAN's view reads the account again by its name, which closing it changes.
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


def get_actions() -> dict[str, Any]:
    """Return the chained actions."""
    chained = (
        member_list,
        package_owner_org_update,
        package_search,
        current_package_list_with_resources,
    )
    return {
        **action_input.checked({function.__name__: function for function in chained}),
        **_actions_of_activities(),
        **_actions_of_accounts(),
        "user_delete": user_delete,
    }
