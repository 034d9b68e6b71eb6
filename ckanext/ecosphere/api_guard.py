"""What no action takes is refused at the door of the API, for the actions of CKAN and of other extensions, too.

They would fail with an internal error: a NUL character in JSON, half a surrogate pair, a list as an identifier,
an integer that no database holds. A page that hands such a value on to an action says so, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.logic.action import create, delete, get, patch, update
from flask import Blueprint, Response, request

from ckanext.ecosphere.shared import action_input

INVALID = 409  # as CKAN answers a ValidationError
BAD_REQUEST = 400
#: Of the actions of others, only what is an identifier by its name.
IDENTIFIERS = ("id",)
#: Of CKAN's, what must be one text as well.
TEXTS = (*IDENTIFIERS, "name", "email")
LONGEST_PASSWORD = 1_000  # passlib fails from 4096 bytes on

api_guard = Blueprint("ecosphere_api_guard", __name__)


@api_guard.before_app_request
def refuse_what_no_action_takes() -> Response | None:
    """Answer a call of the action API that holds what no action takes."""
    if request.endpoint != "api.action":
        return None
    action = str((request.view_args or {}).get("logic_function"))
    try:
        for data in _given():
            if _is_of_ckan(action):
                action_input.check(data, TEXTS)
                _check_of_ckan(data)
            else:
                action_input.check(data, IDENTIFIERS, numbers=True)
    except RecursionError:
        return _answer({"message": [tk._("This is nested too deeply.")]}, BAD_REQUEST)
    except tk.ValidationError as error:
        return _answer(error.error_dict, INVALID)
    return None


@api_guard.app_errorhandler(tk.ValidationError)
def say_what_is_wrong(error: tk.ValidationError) -> tuple[str, int]:
    """Answer for a page whose address or form held what its action does not take, and that has no form to say so."""
    content = " ".join(f"{name}{tk._(': ')}{text}" for name, text in error.error_summary.items())
    return tk.render("error_document_template.html", {"code": BAD_REQUEST, "name": "", "content": content}), BAD_REQUEST


def _check_of_ckan(data: dict[str, Any]) -> None:
    """Refuse what CKAN's actions fail on: a flag that is neither true nor false, a password without an end.

    Raises:
        ValidationError: by parameter, what is wrong with it.
    """
    errors: dict[str, list[str]] = {}
    for name, value in data.items():
        if name == "all_fields" or name.startswith("include_"):
            try:
                tk.asbool(value)
            except ValueError:
                errors[name] = [tk._("Give true or false here.")]
    if len(str(data.get("password", ""))) > LONGEST_PASSWORD:
        errors["password"] = [tk._("Too long: {number} characters at most.").format(number=LONGEST_PASSWORD)]
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]


def _is_of_ckan(action: str) -> bool:
    """Whether CKAN or ckanext-harvest, which looks up identifiers in the same way, has such an action."""
    return action.startswith("harvest_") or any(
        hasattr(module, action) for module in (create, delete, get, patch, update)
    )


def _given() -> Iterator[Any]:
    """Give the parameters as CKAN may read them: JSON, a form, JSON as the only name in a form, or the address."""
    if request.method in ("POST", "PUT") and request.form:
        yield {name: values[0] if len(values) == 1 else values for name, values in request.form.lists()}
        if len(request.form) == 1:
            yield from _objects(next(iter(request.form)))
    elif request.data:
        yield from _objects(request.get_data(as_text=True))
    yield {name: values[0] if len(values) == 1 else values for name, values in request.args.lists()}


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Give the object that a text holds; what is no JSON is left to CKAN, which says so."""
    try:
        data = json.loads(text)
    except ValueError:
        return
    if isinstance(data, dict):
        yield data


def _answer(errors: Any, status: int) -> Response:
    body = {"success": False, "error": {**errors, "__type": "Validation Error"}}
    return Response(json.dumps(body), status=status, mimetype="application/json")
