"""Defects 14, 15, 16, 27, 43, 44, 46, 47 and 52: calls of actions by which anybody gets more than
they should.

Over the API, CKAN 2.12.0 takes a script as the name of a callback, a file in place of a text, lists
without end, overlong passwords, values that cannot be stored, a token in place of the old password,
and promises of tokens with fewer rights; ckanext-harvest 1.6.3 offers functions that are no
actions. Here, such calls are refused before an action is called, together with those of
`dataset_types`, `private_datasets` and `races`. Values of odd types that only end in an internal
error are left to CKAN. Not yet accepted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.logic.action import create, delete, get, patch, update
from flask import Blueprint, Response, current_app, request

from ckanext.ecosphere.hardening import datasets, private_datasets, races
from ckanext.ecosphere.hardening.web.failures import BAD_REQUEST, FORBIDDEN, INVALID, NOT_FOUND
from ckanext.ecosphere.hardening.web.forms import LONGEST_PASSWORD
from ckanext.ecosphere.shared import action_input

HARVEST = "harvest"
#: Parameters that may be a file; CKAN and others fail on a file in place of a text.
FILES = ("upload", "image_upload", "logo_upload", "files", "file")
#: Name of a JavaScript function (JSONP).
CALLBACK = re.compile(r"[A-Za-z_$][\w$]{0,60}(?:\.[A-Za-z_$][\w$]{0,60}){0,5}", re.ASCII)
#: Identifier parameters of actions of other extensions, and further parameters of CKAN's that must
#: be one text.
IDENTIFIERS = ("id",)
TEXTS_OF_CKAN = (*IDENTIFIERS, "name", "email")
#: Maximum length of a list in a read action, since CKAN looks up each value.
MOST_VALUES = 1_000
#: Actions without an access check that reveal whether an account exists.
FOR_ACCOUNTS = (
    "user_follower_count",
    "user_followee_count",
    "dataset_followee_count",
    "group_followee_count",
    "organization_followee_count",
    "followee_count",
)
#: Parameters of `api_token_create` that would narrow the token: some are read by a plugin, the
#: others by nothing.
OF_EXPIRY, EXPIRY_PLUGIN = ("expires_in", "unit"), "expire_api_token"
NARROWING = ("scopes", "permissions", "actions", "read_only")
OF_SCOPE, SCOPE_PLUGIN = ("scope", "service", "expires"), "ecosphere_credentials"

blueprint = Blueprint("ecosphere_api_guard", __name__)


@blueprint.before_app_request
def refuse_scripts_of_others() -> Response | None:
    """Refuse JSONP calls whose callback is not a function name, and those that a page of this site
    loads as a script.

    The content security policy allows scripts of this origin only: JSONP would be a way around it.
    """
    if "callback" not in request.args or not (request.endpoint or "").startswith("api."):
        return None
    fetch_metadata = (request.headers.get("Sec-Fetch-Site"), request.headers.get("Sec-Fetch-Dest"))
    if CALLBACK.fullmatch(request.args["callback"]) and fetch_metadata != ("same-origin", "script"):
        return None
    return _answer({"callback": [tk._("Give one text here.")]}, INVALID)


@blueprint.before_app_request
def refuse_what_no_action_takes() -> Response | None:
    """Refuse an action call with invalid parameters,
    or about a dataset that the caller may not read.
    """
    if request.endpoint != races.ACTION:
        return None
    races.report_over_api(current_app)
    action = str((request.view_args or {}).get("logic_function"))
    if (refused := _not_offered(action)) is not None:
        return refused
    try:
        _check_form()
        for data in _parameters():
            _check(action, data)
            if isinstance(data, dict) and private_datasets.is_absent_for_call(action, data):
                message = tk._("Not found: nothing has this name or identifier.")
                return _answer({"message": message}, NOT_FOUND, "Not Found Error")
    except RecursionError:
        return _answer({"message": [tk._("This is nested too deeply.")]}, BAD_REQUEST)
    except tk.ValidationError as error:
        return _answer(error.error_dict, INVALID)
    return None


def _not_offered(action: str) -> Response | None:
    """Refuse calls of functions that are not actions,
    and anonymous calls of actions that need an account.
    """
    if _is_no_action(action):
        return _answer({"message": tk._("There is no such action.")}, BAD_REQUEST, "Bad Request")
    if action in FOR_ACCOUNTS and not tk.current_user.is_authenticated:
        message = tk._("Log in first: this is not for anonymous people.")
        return _answer({"message": message}, FORBIDDEN, "Authorization Error")
    return None


def _is_no_action(name: str) -> bool:
    """Return whether a function of ckanext-harvest is offered over
    the API without being an action.
    """
    return (
        not name.startswith(HARVEST)
        and p.plugin_loaded(HARVEST)
        and name in _functions_of_harvest()
    )


@cache
def _functions_of_harvest() -> frozenset[str]:
    plugin: Any = p.get_plugin(HARVEST)
    return frozenset(plugin.get_actions())


def _check(action: str, data: dict[str, Any]) -> None:
    """Refuse parameters of an action.

    Raises:
        ValidationError: errors by parameter.
    """
    if not _is_of_ckan(action):
        action_input.check(data, IDENTIFIERS, numbers=True)
        return
    action_input.check(data, TEXTS_OF_CKAN)
    _check_sizes(data, hasattr(get, action))
    _check_account(action, data)
    errors = datasets.faults(action, data) | _without_effect(action, data)
    if errors:
        raise action_input.refused(errors)


def _without_effect(action: str, data: dict[str, Any]) -> dict[str, list[Any]]:
    """Return an error for each parameter that would narrow a token if CKAN did
    not ignore it without saying so.
    """
    if action != "api_token_create":
        return {}
    ignored: list[str] = list(NARROWING)
    for parameters, plugin in ((OF_EXPIRY, EXPIRY_PLUGIN), (OF_SCOPE, SCOPE_PLUGIN)):
        if not p.plugin_loaded(plugin):
            ignored += parameters
    sentence = tk._(
        "Leave this out: a token of this portal may do all that its person may, until it is "
        "revoked."
    )
    return {name: [sentence] for name in ignored if name in data}


def _check_form() -> None:
    """Refuse files in place of texts.

    Raises:
        ValidationError: errors by parameter.
    """
    wrong = [name for name in request.files if name not in FILES]
    if wrong:
        raise tk.ValidationError({name: [tk._("Give one text here.")] for name in wrong})


def _check_sizes(data: dict[str, Any], reads: bool) -> None:
    """Refuse overlong lists and passwords, on which CKAN's actions fail.

    Raises:
        ValidationError: errors by parameter.
    """
    errors: dict[str, list[str]] = {}
    for name, value in data.items():
        if isinstance(value, list) and len(value) > MOST_VALUES and reads:
            errors[name] = [tk._("Too many values: {number} at most.").format(number=MOST_VALUES)]
    if len(str(data.get("password", ""))) > LONGEST_PASSWORD:
        errors["password"] = [
            tk._("Too long: {number} characters at most.").format(number=LONGEST_PASSWORD)
        ]
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]


def _check_account(action: str, data: dict[str, Any]) -> None:
    """Refuse a new password or e-mail address: the account page asks for the old password, the
    action does not.

    A stolen API token would otherwise be enough to take over the account for good.

    Raises:
        ValidationError: by parameter, where to change it.
    """
    person: Any = tk.current_user
    if (
        action not in ("user_update", "user_patch")
        or not person.is_authenticated
        or person.sysadmin
    ):
        return
    own = {"email": person.email, "password": None}
    changed = [name for name, value in own.items() if data.get(name) and data[name] != value]
    is_own_account = data.get("id") in (person.id, person.name)  # the action refuses anyone else
    if is_own_account and changed:
        message = tk._("Change it on the page of your account, which asks for the password.")
        raise tk.ValidationError({name: [message] for name in changed})


def _is_of_ckan(action: str) -> bool:
    """Return whether an action is one of CKAN, ckanext-activity or ckanext-harvest,
    which look up identifiers alike.
    """
    return (
        action.startswith("harvest_")
        or "activit" in action
        or any(hasattr(module, action) for module in (create, delete, get, patch, update))
    )


def _parameters() -> Iterator[Any]:
    """Yield the parameters in every way CKAN may read them: JSON, form, JSON as the only form key,
    or query string.
    """
    if request.method in ("POST", "PUT") and (request.form or request.files):
        files = {name: file.filename for name, file in request.files.items()}
        yield {
            name: values[0] if len(values) == 1 else values for name, values in request.form.lists()
        } | files
        if len(request.form) == 1:
            yield from _objects(next(iter(request.form)))
    elif request.data:
        yield from _objects(request.get_data(as_text=True))
    yield {name: values[0] if len(values) == 1 else values for name, values in request.args.lists()}


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the object in a JSON text; invalid JSON is left to CKAN, which reports it."""
    try:
        data = json.loads(text)
    except ValueError:
        return
    if isinstance(data, dict):
        yield data


def _answer(errors: Any, status: int, kind: str = "Validation Error") -> Response:
    body = {"success": False, "error": {**errors, "__type": kind}}
    return Response(json.dumps(body), status=status, mimetype="application/json")
