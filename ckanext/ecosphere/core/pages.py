"""What pages share: actions as the current user, log-in, errors as pages, lists in parts, forms."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container
from itertools import chain
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint, Response, make_response, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.shared import authorization, web_guard

INVALID = 400
ROWS = 20
MOST_PAGES = 5_000
GET_POST = ["GET", "POST"]
View = Callable[..., Any]
Errors = dict[str, list[str]]


class Pages(Blueprint):
    """A blueprint whose views need a log-in, and let errors of actions pass, which become pages.

    Attributes:
        public: names of the views that need no log-in.
    """

    def __init__(self, name: str, public: Container[str] = ()) -> None:
        super().__init__(name, __name__)
        self.public = public
        web_guard.protect(self)
        self.before_request(self._log_in_first)

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Any = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Register a view, whose errors become pages."""
        view = _page(view_func)
        super().add_url_rule(rule, endpoint, view, provide_automatic_options, **options)

    def _log_in_first(self) -> AnyResponse | None:
        endpoint = str(request.endpoint).rpartition(".")[2]
        if endpoint in self.public or tk.current_user.is_authenticated:
            return None
        return _log_in()


def _page(view: View) -> View:
    """Turn errors of a view into pages: 404 for what is not shared, log-in for anonymous people, else 403."""

    @functools.wraps(view)
    def answered(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except tk.ObjectNotFound as error:
            tk.abort(404, error.message or tk._("Not found"))
        except tk.NotAuthorized as error:
            if not tk.current_user.is_authenticated:
                return _log_in()
            tk.abort(403, error.message or tk._("You may not do this."))
        except tk.ValidationError as error:
            # Forms show errors beside their fields; these are of made-up addresses and forms.
            tk.abort(INVALID, sentences(error))

    return answered


def _log_in() -> AnyResponse:
    """Redirect to the log-in page, which leads back here."""
    back = tk.url_for("home.index")
    if request.method == "GET":
        back = request.full_path.rstrip("?")
    return tk.redirect_to("user.login", came_from=back)


# --- actions --------------------------------------------------------------------------------------


def context() -> Any:
    """Return the context of actions for the current user."""
    return {**authorization.of_page(), "for_view": True}


def anybody() -> Any:
    """Return the context of actions for an anonymous visitor, whoever asks: what programs and caches get."""
    return {"user": "", "auth_user_obj": None}


def act(action: str, **data: Any) -> Any:
    """Call an action as the current user."""
    return tk.get_action(action)(context(), data)


def press(action: str, success: str = "", **data: Any) -> Any:
    """Call the action of a button without a form of its own, and say on the next page what came of it."""
    try:
        result = act(action, **data)
    except tk.ValidationError as error:
        tk.h.flash_error(sentences(error))
        return None
    if success:
        tk.h.flash_success(success)
    return result


def messages(error: tk.ValidationError) -> Errors:
    """Return the messages of a validation error by field."""
    by_field: Errors = {}
    for name, value in error.error_dict.items():
        texts: Any = value
        if isinstance(value, str):
            texts = [value]
        by_field[str(name)] = [str(text) for text in texts]
    return by_field


def sentences(error: tk.ValidationError) -> str:
    """Return what a validation error says, without the names of fields."""
    return " ".join(chain.from_iterable(messages(error).values()))


# --- answers --------------------------------------------------------------------------------------


def rendered(template: str, status: int = 200, **variables: Any) -> Response:
    """Render a page; that of a person, no cache may store."""
    response = make_response(tk.render(template, variables), status)
    if tk.current_user.is_authenticated:
        response.cache_control.no_store = True
    return response


def file(content: bytes | str, media_type: str, name: str = "") -> Response:
    """Return a file, to be saved under a name if it has one."""
    response = Response(content, mimetype=media_type)
    if name:
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def part_of_list(action: str, **data: Any) -> dict[str, Any]:
    """Return a page of a list (`page` of the address), with its number and that of the last page."""
    number = 1
    text = request.args.get("page", "")
    if text.isascii() and text.isdecimal():
        number = min(max(int(text[:6]), 1), MOST_PAGES)
    part = act(action, rows=ROWS, start=(number - 1) * ROWS, **data)
    return {**part, "number": number, "last": max(1, -(-part["count"] // ROWS))}


class Form:
    """The form of a page.

    Attributes:
        typed: values of its fields: with which it begins, or which were sent.
        errors: sentences by field.
        result: what the action returned to which it was sent.
    """

    def __init__(self, *fields: str, **initial: Any) -> None:
        self.typed = dict.fromkeys(fields, "") | initial
        self.errors: Errors = {}
        self.result: Any = None
        if request.method == "POST":
            self.typed = {name: request.form.get(name, "") for name in self.typed}

    def sends(
        self,
        action: str,
        read: Callable[[Any], dict[str, Any]] = dict,
        fields: dict[str, str] | None = None,
        **data: Any,
    ) -> bool:
        """Send what was typed to an action; False before that, and if the action refuses it.

        Args:
            read: makes the parameters of the action of what was typed.
            fields: parameter of the action → field of the form, where they differ.
            data: further parameters.
        """
        if request.method != "POST":
            return False
        try:
            self.result = act(action, **{**read(self.typed), **data})
        except tk.ValidationError as error:
            for name, texts in messages(error).items():
                self.errors[(fields or {}).get(name, name)] = texts
        return not self.errors

    def page(self, template: str, **variables: Any) -> Response:
        """Render the page of the form, with what was typed and what is wrong."""
        status = 200
        if self.errors:
            status = INVALID
        return rendered(template, status, typed=self.typed, errors=self.errors, **variables)
