"""Helpers of all views: context of actions, log-in, error pages, validation messages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
from ckan import model
from flask import Response, current_app, make_response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.views import forms
from ckanext.ecosphere.shared.http_guard import taken_apart
from ckanext.ecosphere.shared.queue import StillCounted
from ckanext.ecosphere.shared.web_guard.incoming import is_own_address

INVALID = 400
#: Keys of validation errors that hold data instead of messages about fields.
ASIDE = ("current_version", "changes", "similar")
CONFLICT = 409

View = Callable[..., Any]


def context() -> Any:
    """Return the context of actions for the current user."""
    return {"user": tk.current_user.name, "auth_user_obj": tk.current_user, "for_view": True}


def act(action: str, **data: Any) -> Any:
    """Call an action as the current user."""
    return tk.get_action(action)(context(), data)


def as_public(action: str, **data: Any) -> Any:
    """Call an action as an anonymous visitor, for content that is the same for all (feeds, public statistics)."""
    return tk.get_action(action)({"user": "", "auth_user_obj": None}, data)


def is_known() -> bool:
    """Return whether the current user is logged in."""
    return bool(tk.current_user.is_authenticated)


def page(view: View) -> View:
    """Turn errors of a view into pages: 404 for what the user may not read; log-in for anonymous users, else 403."""

    @functools.wraps(view)
    def answered(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except tk.ObjectNotFound:
            service = (request.view_args or {}).get("organization")
            if service is not None and model.Group.get(service) is None:
                tk.abort(404, tk._("Organization not found"))
            tk.abort(404, tk._("This request does not exist, or you may not read it."))
        except tk.NotAuthorized:
            if not is_known():
                return log_in()
            tk.abort(403, tk._("You may not do this."))
        except StillCounted:
            raise  # has its own error page
        except tk.ValidationError as error:
            # Forms show errors next to their fields; those that come here are due to a made-up URL.
            tk.abort(
                INVALID, " ".join(text for texts in messages(error).values() for text in texts)
            )

    return answered


def known(view: View) -> View:
    """Require log-in for a view."""

    @functools.wraps(view)
    def answered(*args: Any, **kwargs: Any) -> Any:
        if is_known():
            return view(*args, **kwargs)
        return log_in()

    return answered


def log_in(back: str | None = None) -> AnyResponse:
    """Redirect to the log-in page, which leads back here."""
    if request.method == "GET":
        here = request.full_path.rstrip("?")
    else:
        here = _page_before()
    return tk.redirect_to("user.login", came_from=back or here)


def _page_before() -> str:
    """Return the page of the form that was sent, since a URL that only accepts POST cannot be returned to."""
    before = taken_apart(request.referrer or "")
    if before.netloc in (
        "",
        request.host,
        urlsplit(tk.config["ckan.site_url"]).netloc,
    ) and _is_page(before.path):
        address = f"{before.path}?{before.query}" if before.query else before.path
        if is_own_address(address):
            return address
    if _is_page(request.path, like=request.url_rule):
        return request.path
    key = (request.view_args or {}).get("id")
    if key:
        return tk.url_for("ecosphere_requests.read", id=key)
    return tk.url_for("ecosphere_requests.index")


def _is_page(path: str, like: Rule | None = None) -> bool:
    """Return whether a path of the portal can be opened, and matches the given rule, if any."""
    first, _slash, rest = path.removeprefix("/").partition("/")
    if first in {locale.short_name for locale in tk.h.get_available_locales()}:
        path = f"/{rest}"
    try:
        rule, parts = current_app.url_map.bind("").match(path, method="GET", return_rule=True)
    except HTTPException:
        return False
    if (
        rule.endpoint == "ecosphere_requests.transition_form"
    ):  # matches anything after the reference
        return parts["transition"] in states.TRANSITIONS
    # The rule of static files matches every path.
    return rule.endpoint != "static" and (like is None or rule.rule == like.rule)


def rendered(template: str, variables: Mapping[str, Any], status: int = 200) -> Response:
    """Render a page; for logged-in users, forbid caches to store it."""
    response = make_response(tk.render(template, dict(variables)), status)
    if is_known():
        response.cache_control.no_store = True
    return response


def status_of(errors: forms.Errors | None) -> int:
    """Return the status of a form that is shown, with or without errors."""
    if errors:
        return INVALID
    return 200


def messages(error: tk.ValidationError) -> forms.Errors:
    """Return the messages of a validation error, by field."""
    by_field: forms.Errors = {}
    for field, value in error.error_dict.items():
        texts = _texts(value) if field not in ASIDE else []
        if texts:
            by_field[str(field)] = texts
    return by_field or {"": [tk._("The form could not be saved.")]}


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return []
