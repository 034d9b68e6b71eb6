"""Validate API calls, page URLs and forms before CKAN handles them, and turn unexpected errors into readable answers.

The guard covers the actions and pages of CKAN and of other extensions, which fail with an internal error on NUL
characters in JSON, lone surrogates, a list as an identifier, or integers beyond the database's range. It also answers
404 for datasets that the caller may not read.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import ckan.plugins.toolkit as tk
import psycopg2.errors
from ckan import model
from ckan.lib.navl.dictization_functions import DataError as BadKeyError
from ckan.lib.search import SearchError, SearchQueryError
from ckan.logic.action import create, delete, get, patch, update
from flask import Blueprint, Response, current_app, request
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from ckanext.ecosphere.core import api_parameters, races
from ckanext.ecosphere.core.privacy import named_datasets
from ckanext.ecosphere.shared import action_input
from ckanext.ecosphere.shared.queue import StillCounted

log = logging.getLogger(__name__)

INVALID = 409  # as CKAN answers a ValidationError
OK, BAD_REQUEST, FORBIDDEN, NOT_FOUND, FAULT, UNAVAILABLE = 200, 400, 403, 404, 500, 503
COUNTING_SECONDS = "5"
#: Fields of CKAN's forms that must occur once: CKAN fails on a list.
ONCE = ("email", "id", "image_upload", "name", "owner_org", "package_id", "save", "state", "type", "upload", "url")
#: URL parameters of pages: page number, timestamp in seconds; endpoints that take `sort`; values of `type`.
COUNT, MOMENT = re.compile("[0-9]{1,9}"), re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,9})?")
ORDERED = (".search", ".read")
FOLLOWED = ("dataset", "user", "group", "organization")
MILLISECONDS = re.compile("[0-9]{1,12}")
#: Fields without which CKAN's resource and log-in forms fail.
NEEDED_FOR_RESOURCES, NEEDED_TO_LOG_IN = ("id", "save"), ("login", "password")
#: Field of the account form, required for a new e-mail address or password.
OLD_PASSWORD = "old_password"  # noqa: S105 - the name of a field
PASSWORDS = ("password", "password1", "password2", OLD_PASSWORD)
#: Buttons of CKAN's form for many datasets of a service, one of which has to be sent.
BULK_BUTTONS = {"bulk_action.public", "bulk_action.private", "bulk_action.delete"}
#: Parameters that may be a file; CKAN and others fail on a file in place of a text.
FILES = ("upload", "image_upload", "logo_upload", "files", "file")
#: Name of a JavaScript function (JSONP).
CALLBACK = re.compile(r"[A-Za-z_$][\w$]{0,60}(?:\.[A-Za-z_$][\w$]{0,60}){0,5}", re.ASCII)
#: Blueprints that CKAN registers needlessly for other dataset types: a harvest source has no resources.
WITHOUT_PAGES = ("harvest_resource",)
#: Identifier parameters of actions of other extensions.
IDENTIFIERS = ("id",)
#: Identifiers that are text columns in every table of CKAN: PostgreSQL cannot compare them with a number.
TEXTS = ("id", "package_id", "resource_id", "user_id", "object_id", "source_id", "owner_org")
#: Further parameters of CKAN's actions that must be one text.
TEXTS_OF_CKAN = (*IDENTIFIERS, "name", "email")
#: Maximum length of a list in a read action, since CKAN looks up each value.
MOST_VALUES = 1_000
LONGEST_PASSWORD = 1_000  # passlib fails above 4096 bytes

api_guard = Blueprint("ecosphere_api_guard", __name__)


@api_guard.before_app_request
def refuse_scripts_of_others() -> Response | None:
    """Refuse JSONP calls whose callback is not a function name, and those that a page of this site loads as a script.

    The content security policy allows scripts of this origin only: JSONP would be a way around it.
    """
    if "callback" not in request.args or not (request.endpoint or "").startswith("api."):
        return None
    asked = (request.headers.get("Sec-Fetch-Site"), request.headers.get("Sec-Fetch-Dest"))
    if CALLBACK.fullmatch(request.args["callback"]) and asked != ("same-origin", "script"):
        return None
    return _answer({"callback": [tk._("Give one text here.")]}, INVALID)


@api_guard.before_app_request
def refuse_what_no_action_takes() -> Response | None:
    """Refuse an action call with invalid parameters, or about a dataset that the caller may not read."""
    if request.endpoint != races.ACTION:
        return None
    races.report_over_api(current_app)
    action = str((request.view_args or {}).get("logic_function"))
    if (refused := _not_offered(action)) is not None:
        return refused
    try:
        given = list(_given())
        _check_form()
        api_parameters.check(action, {name: value for data in given for name, value in data.items()})
        for data in given:
            if _is_of_ckan(action):
                action_input.check(data, TEXTS_OF_CKAN)
                api_parameters.check_by_name(data)
                _check_of_ckan(data, hasattr(get, action))
                _check_account(action, data)
                _check_texts(data)
            else:
                action_input.check(data, IDENTIFIERS, numbers=True)
            if isinstance(data, dict) and named_datasets.is_absent_for_call(action, data):
                message = tk._("Not found: nothing has this name or identifier.")
                return _answer({"message": message}, NOT_FOUND, "Not Found Error")
    except RecursionError:
        return _answer({"message": [tk._("This is nested too deeply.")]}, BAD_REQUEST)
    except tk.ValidationError as error:
        return _answer(error.error_dict, INVALID)
    return None


def _not_offered(action: str) -> Response | None:
    """Refuse calls of functions that are not actions, and anonymous calls of actions that need an account."""
    if api_parameters.is_no_action(action):
        return _answer({"message": tk._("There is no such action.")}, BAD_REQUEST, "Bad Request")
    if api_parameters.is_for_accounts(action) and not tk.current_user.is_authenticated:
        message = tk._("Log in first: this is not for anonymous people.")
        return _answer({"message": message}, FORBIDDEN, "Authorization Error")
    return None


@api_guard.before_app_request
def say_that_there_is_no_such_page() -> tuple[str, int] | None:
    """Answer 404 for a missing or unreadable dataset or harvest source, or an unknown RDF format."""
    format_ = (request.view_args or {}).get("_format")
    if format_ and (request.endpoint or "").startswith("dcat.") and not api_parameters.is_rdf_format(format_):
        return say_that_it_is_not_there(tk.ObjectNotFound())
    if (request.endpoint or "").startswith("harvester.") and not _is_source((request.view_args or {}).get("source")):
        return say_that_it_is_not_there(tk.ObjectNotFound())
    if named_datasets.is_absent_for_page(request.endpoint or "", request.view_args or {}):
        return say_that_it_is_not_there(tk.ObjectNotFound())
    return None


@api_guard.before_app_request
def refuse_what_no_page_takes() -> tuple[str, int] | None:
    """Refuse URLs with an invalid page number, order or timestamp, on which pages of CKAN and others fail."""
    if request.endpoint is None or request.endpoint.startswith(("api.", "ecosphere")):
        return None
    given = {name: value for name, value in request.args.items() if value}
    wrong = ["page"] if not COUNT.fullmatch(request.args.get("page", "1")) else []
    if request.endpoint.endswith(ORDERED) and not all(map(str.strip, given.get("sort", "name").split(","))):
        wrong.append("sort")
    if request.endpoint.startswith("dcat.") and not api_parameters.is_moment(given.get("modified_since", "2000")):
        wrong.append("modified_since")
    if request.endpoint.startswith("activity."):
        wrong += [name for name in ("before", "after") if name in given and not MOMENT.fullmatch(given[name])]
        wrong += [name for name in ("type",) if name in given and given[name] not in FOLLOWED]
    if wrong:
        message = tk._("The address has a value that nothing reads ({names}). Open the page from its link.")
        return _page(BAD_REQUEST, message.format(names=", ".join(wrong)))
    return None


@api_guard.before_app_request
def refuse_overlong_passwords() -> tuple[str, int] | None:
    """Refuse an overlong password in a form of any page, log-in included, on which the hash fails."""
    if request.method != "POST" or (request.endpoint or "").startswith("api."):
        return None
    if all(len(request.form.get(name, "")) <= LONGEST_PASSWORD for name in PASSWORDS):
        return None
    message = tk._("The password is too long: {number} characters at most.")
    return _page(BAD_REQUEST, message.format(number=LONGEST_PASSWORD))


@api_guard.before_app_request
def refuse_what_no_form_sends() -> tuple[str, int] | None:
    """Refuse forms of CKAN or other extensions with missing, duplicate or invalid fields."""
    part, _dot, view = (request.endpoint or "").rpartition(".")
    if part in WITHOUT_PAGES:
        return say_that_it_is_not_there(tk.ObjectNotFound())
    if request.method != "POST" or part == "api" or part.startswith("ecosphere"):
        return None
    twice = [name for name in ONCE if len(request.form.getlist(name)) + len(request.files.getlist(name)) > 1]
    is_of_resource = part.endswith("resource") and view in ("new", "edit")
    logs_in = request.endpoint == "user.login"
    needed = NEEDED_FOR_RESOURCES if is_of_resource else NEEDED_TO_LOG_IN if logs_in else ()
    missing = [name for name in needed if name not in request.form]
    if logs_in and not MILLISECONDS.fullmatch(request.form.get("remember") or "0"):
        missing.append("remember")
    if not api_parameters.is_state(request.form.get("state") or "active"):
        missing.append("state")
    if view == "bulk_process" and not _presses_a_bulk_button():
        missing.append("bulk_action")
    if request.endpoint == "user.edit" and OLD_PASSWORD not in request.form and _needs_password():
        missing.append(OLD_PASSWORD)
    if twice or missing:
        message = tk._("The form is not complete, or has a field twice ({names}). Open the page again and try again.")
        return _page(BAD_REQUEST, message.format(names=", ".join([*twice, *missing])))
    return None


@api_guard.app_errorhandler(FileNotFoundError)
def say_that_the_file_is_not_there(error: FileNotFoundError) -> tuple[str, int]:
    """Answer 404 for a resource file that is missing from storage."""
    log.warning("A file is not there: %s", error)
    return _page(NOT_FOUND, tk._("There is nothing at this address."))


@api_guard.app_errorhandler(BadKeyError)
def say_that_the_form_is_none(_error: BadKeyError) -> tuple[str, int]:
    """Answer 400 for a form with a field name that CKAN cannot parse ("a__b__c")."""
    return _page(BAD_REQUEST, tk._("The form contains an unknown field. Open the page again."))


@api_guard.app_errorhandler(ObjectDeletedError)
@api_guard.app_errorhandler(StaleDataError)
@api_guard.app_errorhandler(DBAPIError)
def say_what_the_database_refuses(error: DBAPIError | ObjectDeletedError | StaleDataError) -> tuple[str, int]:
    """Answer for a value that does not fit its column, for a concurrent change, or for another database fault.

    The error page queries the database, so the failed transaction is rolled back first.
    """
    model.Session.rollback()
    if message := races.conflict_message(error):
        log.warning("Conflict with a concurrent request: %s", str(error).strip().splitlines()[:1])
        return _page(INVALID, message)
    cause = getattr(error, "orig", None)
    if isinstance(error, DataError) or isinstance(cause, psycopg2.errors.UndefinedFunction):
        log.warning("Refused by the database: %s", str(cause).strip().splitlines()[:1])
        return _page(BAD_REQUEST, tk._("A value of the address or the form cannot be stored: correct it."))
    log.error("The database refused a statement", exc_info=error)
    return _page(FAULT, tk._("Internal server error"))


@api_guard.app_errorhandler(tk.ValidationError)
def say_what_is_wrong(error: tk.ValidationError) -> tuple[str, int]:
    """Answer 400 when a page's action refuses a value of the URL or form, and the page has no form to show it."""
    content = " ".join(f"{name}{tk._(': ')}{text}" for name, text in error.error_summary.items())
    return _page(BAD_REQUEST, content)


@api_guard.app_errorhandler(StillCounted)
def say_that_it_is_being_counted(_error: StillCounted) -> Response:
    """Answer while figures are being computed: a page that reloads itself, or 503 with Retry-After for a file."""
    is_file = "." in request.path.rpartition("/")[2]
    headers = {"Retry-After" if is_file else "Refresh": COUNTING_SECONDS, "Cache-Control": "no-store"}
    return Response(tk.render("ecosphere/still_counted.html"), UNAVAILABLE if is_file else OK, headers)


@api_guard.app_errorhandler(SearchError)
def say_what_is_wrong_with_the_search(error: SearchError) -> tuple[str, int]:
    """Answer 400 for a refused search of a feed or catalogue: CKAN's and ckanext-dcat's views do not handle it."""
    # Only messages of refused queries are meant for readers; other errors quote the whole request to Solr.
    if isinstance(error, SearchQueryError) and error.args:
        return _page(BAD_REQUEST, str(error.args[0]))
    return _page(BAD_REQUEST, tk._("This search cannot be answered: write it differently."))


@api_guard.app_errorhandler(tk.NotAuthorized)
def say_that_it_is_not_allowed(_error: tk.NotAuthorized) -> tuple[str, int]:
    """Answer 403 when a view does not handle its action's refusal, as with CKAN's follow buttons."""
    message = tk._("You are not allowed to do this. Log in with an account that is, or ask an administrator.")
    return _page(FORBIDDEN, message)


@api_guard.app_errorhandler(tk.ObjectNotFound)
def say_that_it_is_not_there(_error: tk.ObjectNotFound) -> tuple[str, int]:
    """Answer 404 when a view does not handle that an action finds nothing."""
    return _page(NOT_FOUND, tk._("There is nothing at this address."))


def _is_source(name: str | None) -> bool:
    """Return whether the name is that of a harvest source, or unknown: pages of its jobs fail on other datasets."""
    package: Any = model.Package.get(name) if name else None
    return package is None or package.type == "harvest"


def _page(status: int, content: str) -> tuple[str, int]:
    # CKAN's template shows the content only beside the name of an error.
    told = {"code": status, "name": HTTPStatus(status).phrase, "content": content}
    return tk.render("error_document_template.html", told), status


def _presses_a_bulk_button() -> bool:
    """Return whether a form has a known button, and no other field that CKAN takes for one by its value."""
    others = [value for name, value in request.form.items() if name not in BULK_BUTTONS]
    return not BULK_BUTTONS.isdisjoint(request.form) and not {"private", "public"}.intersection(others)


def _needs_password() -> bool:
    """Return whether an account form changes the e-mail address or password, by CKAN's own criteria."""
    is_new = request.form.get("email") != getattr(tk.current_user, "email", None)
    return is_new or bool(request.form.get("password1") and request.form.get("password2"))


def _check_form() -> None:
    """Refuse files in place of texts.

    Raises:
        ValidationError: errors by parameter.
    """
    wrong = [name for name in request.files if name not in FILES]
    if wrong:
        raise tk.ValidationError({name: [tk._("Give one text here.")] for name in wrong})


def _check_texts(data: Any) -> None:
    """Refuse numbers as identifiers, which CKAN stores as texts.

    Raises:
        ValidationError: errors by parameter.
    """
    numbers = [name for name in TEXTS if isinstance(data, dict) and isinstance(data.get(name), bool | int | float)]
    if numbers:
        raise tk.ValidationError({name: [tk._("Give one text here: a name or an identifier.")] for name in numbers})


def _check_of_ckan(data: dict[str, Any], reads: bool) -> None:
    """Refuse overlong lists and passwords, on which CKAN's actions fail.

    Raises:
        ValidationError: errors by parameter.
    """
    errors: dict[str, list[str]] = {}
    for name, value in data.items():
        if isinstance(value, list) and len(value) > MOST_VALUES and reads:
            errors[name] = [tk._("Too many values: {number} at most.").format(number=MOST_VALUES)]
    if len(str(data.get("password", ""))) > LONGEST_PASSWORD:
        errors["password"] = [tk._("Too long: {number} characters at most.").format(number=LONGEST_PASSWORD)]
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]


def _check_account(action: str, data: dict[str, Any]) -> None:
    """Refuse a new password or e-mail address: the account page asks for the old password, the action does not.

    A stolen API token would otherwise be enough to take over the account for good.

    Raises:
        ValidationError: by parameter, where to change it.
    """
    person: Any = tk.current_user
    if action not in ("user_update", "user_patch") or not person.is_authenticated or person.sysadmin:
        return
    own = {"email": person.email, "password": None}
    changed = [name for name, value in own.items() if data.get(name) and data[name] != value]
    if data.get("id") in (person.id, person.name) and changed:  # the action itself refuses anyone else
        message = tk._("Change it on the page of your account, which asks for the password.")
        raise tk.ValidationError({name: [message] for name in changed})


def _is_of_ckan(action: str) -> bool:
    """Return whether an action is one of CKAN, ckanext-activity or ckanext-harvest, which look up identifiers alike."""
    return (
        action.startswith("harvest_")
        or "activit" in action
        or any(hasattr(module, action) for module in (create, delete, get, patch, update))
    )


def _given() -> Iterator[Any]:
    """Yield the parameters in every way CKAN may read them: JSON, form, JSON as the only form key, or query string."""
    if request.method in ("POST", "PUT") and (request.form or request.files):
        files = {name: file.filename for name, file in request.files.items()}
        yield {name: values[0] if len(values) == 1 else values for name, values in request.form.lists()} | files
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
