"""What pages share: actions as the current user, log-in, errors as pages, lists in parts, forms.

What programs get.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Container
from itertools import chain
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint, Response, g, make_response, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.view import Row, View
from ckanext.ecosphere.shared import authorization, dates, language, web_guard
from ckanext.ecosphere.shared.characters import one_line
from ckanext.ecosphere.shared.web_guard import rate_limits

INVALID = 400
ROWS = 20
MOST_PAGES = 5_000
GET_POST = ["GET", "POST"]
Handler = Callable[..., Any]
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
        view = self._page(view_func)
        super().add_url_rule(rule, endpoint, view, provide_automatic_options, **options)

    def _page(self, view: Handler) -> Handler:
        """Turn errors of a view into pages: 404 for what is not shared,
        log-in for anonymous people, else 403.
        """

        @functools.wraps(view)
        def answered(*args: Any, **kwargs: Any) -> Any:
            try:
                return view(*args, **kwargs)
            except tk.ObjectNotFound as error:
                tk.abort(404, self.not_found(error))
            except tk.NotAuthorized as error:
                if not tk.current_user.is_authenticated:
                    return self._log_in()
                tk.abort(403, error.message or tk._("You may not do this."))
            except tk.ValidationError as error:
                # Forms show errors beside their fields; these are of made-up addresses and forms.
                tk.abort(INVALID, self.invalid(error))

        return answered

    def _log_in_first(self) -> AnyResponse | None:
        endpoint = str(request.endpoint).rpartition(".")[2]
        if endpoint in self.public or tk.current_user.is_authenticated:
            return None
        return self._log_in()

    def _log_in(self) -> AnyResponse:
        """Redirect to the log-in page, which leads back here."""
        back = self.page_of_form()
        if request.method == "GET":
            back = request.full_path.rstrip("?")
        return tk.redirect_to("user.login", came_from=back)

    def not_found(self, error: tk.ObjectNotFound) -> str:
        """Return what the page 404 says."""
        return error.message or tk._("Not found")

    def invalid(self, error: tk.ValidationError) -> str:
        """Return what the page 400 says."""
        return sentences(error)

    def page_of_form(self) -> str:
        """Return where the log-in leads to when a form was sent,
        to an address that cannot be opened.
        """
        return tk.url_for("home.index")


# --- actions --------------------------------------------------------------------------------------


def context() -> Any:
    """Return the context of actions for the current user."""
    return {**authorization.of_page(), "for_view": True}


def anybody() -> Any:
    """Return the context of actions for an anonymous visitor, whoever asks:
    what programs and caches get.
    """
    return {"user": "", "auth_user_obj": None}


def act(action: str, **data: Any) -> Any:
    """Call an action as the current user."""
    return tk.get_action(action)(context(), data)


def press(action: str, success: str = "", **data: Any) -> Any:
    """Call the action of a button without a form of its own,
    and say on the next page what came of it.
    """
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


def private_file(content: bytes | str, media_type: str, name: str) -> Response:
    """Return a file for one person, which no cache may store."""
    response = file(content, media_type, name)
    response.cache_control.no_store = True
    return response


def part_of_list(action: str, **data: Any) -> dict[str, Any]:
    """Return a page of a list (`page` of the address),
    with its number and that of the last page.
    """
    number = min(max(request.args.get("page", 1, type=int), 1), MOST_PAGES)
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


# --- addresses for programs and pages of other sites ----------------------------------------------


class Problem(HTTPException):
    """A request that cannot be answered.

    Attributes:
        kind: URI of the type of the problem.
    """

    def __init__(self, status: int, detail: str, kind: str = "about:blank") -> None:
        super().__init__(detail)
        self.code = status
        self.kind = kind


def interface(name: str, prefix: str = "") -> Blueprint:
    """Return a blueprint whose answers pages of other sites may read, without credentials (CORS).

    Its errors, and what the portal itself refuses, are problem details (RFC 9457).
    """
    blueprint = Blueprint(name, __name__, url_prefix=prefix or None)
    web_guard.protect(blueprint)
    blueprint.after_request(_opened)
    for kind in (HTTPException, tk.ValidationError, rate_limits.TooMany, RecursionError):
        blueprint.register_error_handler(kind, _answered)
    return blueprint


def _opened(response: Response) -> Response:
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Content-Type, Accept, Prefer"
    return response


def _answered(error: Exception) -> Response:
    problem = problem_of(error)
    status, detail = problem.code or 400, str(problem.description or problem.name)
    kind = getattr(problem, "kind", "about:blank")
    content = {"type": kind, "title": detail, "status": status, "detail": detail}
    return json_response(content, status, "application/problem+json")


def problem_of(error: Exception) -> HTTPException:
    """Return what an error means to who asked."""
    match error:
        case HTTPException():
            return error
        case tk.ValidationError():
            return Problem(400, sentences(error))
        case rate_limits.TooMany():
            g.ecosphere_retry_after = error.seconds
            return Problem(429, rate_limits.too_often(error))
    return Problem(400, tk._("This is nested too deeply."))


def json_response(
    content: Any, status: int = 200, media_type: str = "application/json"
) -> Response:
    """Return an answer as JSON, in UTF-8 and with its keys in their order."""
    return Response(json.dumps(content, ensure_ascii=False), status, mimetype=media_type)


def count(name: str, rate: str) -> None:
    """Count a request of an address of the network.

    Args:
        rate: how often it may ask, as `rate_limits.hit` reads it.

    Raises:
        TooMany: it asks too often.
    """
    rate_limits.hit(name, rate, rate_limits.address(), fallback=True)


def facts_of(package: Row) -> dict[str, str]:
    """Return what a line says of a dataset itself: title, producer, licence, date, link, citation,
    quality.
    """
    view = View(package)
    licence = voc.get("licences").label(view.licence or "", language.current())
    citation, quality = "", ""
    if tk.h.plugin_loaded("ecosphere_schemas"):
        citation = tk.h.ecosphere_citation(package)["text"]
    if tk.h.plugin_loaded("ecosphere_quality"):
        quality = (tk.h.ecosphere_quality_badge(package) or {}).get("label", "")
    organization = package.get("organization") or {}
    return {
        "title": one_line(view.title or str(package["name"])),
        "producer": one_line(str(organization.get("title") or "")),
        "licence": one_line(licence or view.text("license_title")),
        "date": (view.text("modified") or view.text("issued"))[: dates.DAY_CHARACTERS],
        "link": tk.h.url_for(f"{package['type']}.read", id=package["name"], qualified=True),
        "citation": one_line(citation),
        "quality": quality,
    }
