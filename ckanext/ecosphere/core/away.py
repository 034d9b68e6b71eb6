"""A readable page with status 503 while PostgreSQL, Solr or Redis is down, or tables are missing.

An outage surfaces in many ways: an exception of a driver, "internal server error" from CKAN's API,
or a search that finds nothing. So each failed answer is inspected: if one of the services does not
respond, the answer is replaced by a page that needs none of them. Missing tables are detected
before the first request is answered.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import ckan.plugins.toolkit as tk
import redis
import requests
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.config.middleware.flask_app import handle_i18n
from ckan.lib.redis import connect_to_redis
from ckan.lib.search.common import SolrConnectionError
from ckan.types import DataDict
from flask import Flask, Response, current_app, g, has_request_context, request
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.wrappers import Response as PlainResponse

from ckanext.ecosphere.setup import migrations
from ckanext.ecosphere.shared import once
from ckanext.ecosphere.shared.queue import StillCounted

log = logging.getLogger(__name__)

RETRY_SECONDS = 30
PROBE_SECONDS = 1.0
COUNTING_SECONDS = "5"
LOOK_AGAIN_SECONDS = 5.0
TEMPLATE = "ecosphere/service_away.html"
#: Exceptions that always mean that a service is down.
SIGNS = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    redis.ConnectionError,
    redis.TimeoutError,
    SolrConnectionError,
)
_NOTED = "ecosphere_service_away"
_INSTALLED = "ecosphere_away"


def install(app: Flask) -> Flask:
    """Register the outage page with the application.

    Args:
        app: CKAN's application, changed in place.
    """
    if _INSTALLED in app.extensions:  # by another plugin of the suite
        return app
    app.extensions[_INSTALLED] = True
    for sign in SIGNS:
        app.register_error_handler(sign, _on_error)
    app.register_error_handler(StillCounted, _still_counted)
    app.after_request(_look_at)
    once.listen(Engine, handle_error=_note_database)
    app.wsgi_app = _Guarded(app, app.wsgi_app)  # type: ignore[method-assign]
    return app


class TablesGate:
    """Blocks all requests while tables are missing or out of date.

    Checks again every few seconds.
    """

    def __init__(self) -> None:
        self._open = False
        self._missing: list[str] = []
        self._look_at = 0.0

    def is_closed(self) -> bool:
        """Return whether tables are missing."""
        if not self._open and (now := time.monotonic()) >= self._look_at:
            self._look_at = now + LOOK_AGAIN_SECONDS
            self._look()
        return bool(self._missing)

    def _look(self) -> None:
        try:
            missing = migrations.pending(migrations.needed())
        except (DBAPIError, PoolTimeoutError):
            return  # the database is down, which the request itself will show
        if missing and missing != self._missing:
            names = ", ".join(name or "CKAN" for name in missing)
            log.error("Tables of %s are missing or out of date: run `ckan ecosphere init`", names)
        self._missing, self._open = missing, not missing


def _on_error(error: Exception) -> Response:
    log.error(
        "A service is away: %s: %s", type(error).__name__, str(error).strip().splitlines()[:1]
    )
    return _away()


def _still_counted(_error: StillCounted) -> Response:
    """Answer while figures are being computed: a page that reloads itself,
    or 503 with Retry-After for a file.
    """
    status, name = HTTPStatus.OK, "Refresh"
    if "." in request.path.rpartition("/")[2]:
        status, name = HTTPStatus.SERVICE_UNAVAILABLE, "Retry-After"
    headers = {name: COUNTING_SECONDS, "Cache-Control": "no-store"}
    return Response(tk.render("ecosphere/still_counted.html"), status, headers)


def _note_database(context: Any) -> None:
    """Note a database outage: CKAN's API does not expose the exception
    behind "internal server error".
    """
    if has_request_context() and isinstance(
        context.sqlalchemy_exception, OperationalError | InterfaceError
    ):
        setattr(g, _NOTED, True)


def _look_at(response: Response) -> Response:
    """Replace an answer that failed because a service is down by the outage page."""
    failed = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or g.get("query_error", False)
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE or not failed:
        return response
    if not g.get(_NOTED, False) and not _says_so(response) and not _something_is_away():
        return response
    response.close()
    return _away()


def _says_so(response: Response) -> bool:
    """Return whether CKAN's API reports that its search engine failed."""
    if not response.is_json:
        return False
    error = (response.get_json(silent=True) or {}).get("error") or {}
    return error.get("__type") in ("Search Index Error", "Search Connection Error")


def _something_is_away() -> bool:
    return any(_fails(probe) for probe in (_ask_database, _ask_solr, _ask_redis))


def _fails(probe: Callable[[], object]) -> bool:
    try:
        probe()
    except (DBAPIError, PoolTimeoutError, redis.RedisError, requests.RequestException, OSError):
        return True
    return False


def _ask_database() -> None:
    assert model.meta.engine is not None  # noqa: S101 - set when CKAN starts
    with model.meta.engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))


def _ask_solr() -> None:
    url = tk.config["solr_url"].rstrip("/")
    user, password = tk.config.get("solr_user"), tk.config.get("solr_password")
    credentials = (user, password) if user and password else None
    query = {"q": "*:*", "rows": 0}
    answer = requests.get(f"{url}/select", query, auth=credentials, timeout=PROBE_SECONDS)
    answer.raise_for_status()


def _ask_redis() -> None:
    connect_to_redis().ping()


def _away() -> Response:
    """Return the outage answer: CKAN's error format for the API,
    a self-contained page for people.
    """
    message = _("The access desk is unavailable for a moment. Nothing that was confirmed is lost.")
    if request.path.startswith("/api/"):
        error = {"__type": "Service Unavailable", "message": message}
        body, content_type = (
            json.dumps({"success": False, "error": error}),
            "application/json;charset=utf-8",
        )
    else:
        words: DataDict = {
            "lang": request.environ.get("CKAN_LANG") or tk.config["ckan.locale_default"],
            "title": _("Unavailable for a moment"),
            "site": tk.config.get("ckan.site_title") or "",
            "message": message,
            "advice": _(
                "One of its services is being started again. Try again in half a minute. If you "
                "had just sent something, see whether it was saved before you send it again."
            ),
            "again": _("Try again"),
        }
        # Not `render`: CKAN and its plugins query the database for the current user on each page.
        template = current_app.jinja_env.get_template(TEMPLATE)
        body, content_type = template.render(**words), "text/html; charset=utf-8"
    headers = {
        "Retry-After": str(RETRY_SECONDS),
        "Cache-Control": "no-store",
        "Content-Type": content_type,
    }
    return Response(body, HTTPStatus.SERVICE_UNAVAILABLE, headers)


class _Guarded:
    """WSGI wrapper for failures outside the views: missing tables,
    sessions that cannot be opened or saved.
    """

    def __init__(self, app: Flask, inner: Callable[..., Iterable[bytes]]) -> None:
        self._app, self._inner, self._gate = app, inner, TablesGate()

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        try:
            if not self._gate.is_closed():
                return self._inner(environ, start_response)
            handle_i18n(environ)
            with self._app.request_context(environ):
                return _away()(environ, start_response)
        except SIGNS as error:
            log.error("A service is away: %s", type(error).__name__)
            text = "Service momentanément indisponible. / The service is unavailable for a moment."
            response = PlainResponse(
                text,
                503,
                {"Retry-After": str(RETRY_SECONDS)},
                content_type="text/plain; charset=utf-8",
            )
            return response(environ, start_response)
