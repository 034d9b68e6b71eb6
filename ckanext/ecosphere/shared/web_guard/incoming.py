"""Incoming requests: the settings and tables of the guard, and the refusal of malformed ones.

Malformed are NUL, broken UTF-8, oversized forms. The modules beside this one have the rest of the
guard.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

import ckan.plugins.toolkit as tk
import yaml
from ckan.common import _
from flask import abort, g, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from ckanext.ecosphere.shared.web_guard import rate_limits

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Rate limits in the notation of the library `limits`: "5 per minute; 20 per hour"; all of them
    must hold.

    Attributes:
        login: failed log-ins for one account from one address.
        login_address: failed log-ins from one address, for any account.
        login_account: failed log-ins for one account from addresses from which its owner never
            logged in.
        registration: new accounts from one address.
        reset: e-mails with a reset link for one account.
        reset_address: requests for a reset link, or uses of one, from one address.
        token: invalid API tokens from one address.
    """

    login: str = "5 per minute; 10 per 10 minutes; 20 per hour; 40 per day"
    login_address: str = "60 per 10 minutes; 600 per day"
    login_account: str = "100 per hour"
    registration: str = "10 per hour; 30 per day"
    reset: str = "3 per hour; 6 per day"
    reset_address: str = "20 per hour"
    token: str = "60 per minute"  # noqa: S105 (a rate)


@dataclass(frozen=True)
class Settings:
    """Settings of the guard.

    Attributes:
        csp: mode of the Content-Security-Policy: `enforce`, `report-only` or `off`.
        csp_extra: additional sources, by directive.
        frame_ancestors: value of the directive `frame-ancestors`.
        form_bytes: maximum size of a form without files, or of a JSON body.
        form_fields: maximum number of fields of a form or query string.
        upload_bytes: maximum size of a form with files.
        limits: rate limits.
    """

    csp: str = "enforce"
    csp_extra: dict[str, list[str]] = field(default_factory=dict)
    frame_ancestors: str = "'self'"
    form_bytes: int = 10 * MEGABYTE
    form_fields: int = 2000
    upload_bytes: int = 110 * MEGABYTE
    limits: Limits = field(default_factory=Limits)


FILE = Path(__file__).with_name("tables.yaml")


@dataclass(frozen=True)
class Tables:
    """Contents of `tables.yaml`; lists of endpoints hold shell patterns."""

    changing_by_get: tuple[str, ...]
    before_log_in: tuple[str, ...]
    uploads: tuple[str, ...]
    shown_inline: frozenset[str]
    scripts_inline: tuple[str, ...]
    framed_anywhere: tuple[str, ...]
    policy: dict[str, list[str]]
    permissions_policy: str


@cache
def tables() -> Tables:
    """Read the tables, once per process."""
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    lists = {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
    return Tables(**{**content, **lists, "shown_inline": frozenset(content["shown_inline"])})


def matches(endpoint: str | None, patterns: tuple[str, ...]) -> bool:
    """Return whether an endpoint matches one of the patterns."""
    return any(fnmatchcase(endpoint or "", pattern) for pattern in patterns)


API_PREFIX = "/api/"


def is_api() -> bool:
    """Return whether the request is an API call, answered with JSON."""
    is_of_api = (request.endpoint or "").partition(".")[0] == "api"
    return is_of_api or request.path.startswith(API_PREFIX)


def refuse(status: int, message: str, kind: str, retry_after: int | None = None) -> NoReturn:
    """End the request with an error message.

    Args:
        status: HTTP status.
        message: what is wrong and what to do, in the reader's language.
        kind: `__type` of the error in CKAN's JSON.
        retry_after: seconds after which to try again, RFC 9110 section 10.2.3.

    Raises:
        HTTPException: always.
    """
    g.ecosphere_retry_after = retry_after  # `headers.add` sends it
    if is_api():
        answer = jsonify({"success": False, "error": {"__type": kind, "message": message}})
        answer.status_code = status
        abort(answer)
    abort(status, description=message)


def refuse_too_many(error: rate_limits.TooMany, sentence: str = "") -> NoReturn:
    """End the request since a rate limit is exceeded, see `rate_limits.too_often`."""
    refuse(429, rate_limits.too_often(error, sentence), "Rate Limit Error", error.seconds)


# Malformed requests.

NUL = "\x00"
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
#: JSON escapes that may stand for NUL or a lone surrogate: only then is the JSON parsed.
SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
MOST_FILES = 50


def check(settings: Settings) -> None:
    """Refuse a request that is malformed or too large.

    Raises:
        BadRequest: NUL or invalid UTF-8 in path, query, form or JSON.
        RequestEntityTooLarge: more bytes or fields than the settings allow.
    """
    # A room and the plugin of the whole portal may both guard a page.
    if g.get("ecosphere_request_checked"):
        return
    g.ecosphere_request_checked = True
    environ = request.environ
    query = environ.get("QUERY_STRING", "").encode("latin-1", "replace")
    if query.count(b"&") > settings.form_fields:
        _refuse_large()
    path = environ.get("PATH_INFO", "").encode("latin-1", "replace")
    if not (_is_text(path) and _is_text(unquote_to_bytes(query))):
        _refuse_garbled()
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        _check_body(settings)


def _check_body(settings: Settings) -> None:
    most = settings.form_bytes
    if request.mimetype == MULTIPART:
        most = settings.upload_bytes
    # Werkzeug enforces these while it reads a body, whose declared length may be absent or wrong.
    request.max_content_length = most
    request.max_form_memory_size = settings.form_bytes
    request.max_form_parts = settings.form_fields + MOST_FILES
    if (request.content_length or 0) > most:
        _refuse_large()
    try:
        if request.mimetype in (URLENCODED, MULTIPART):
            _check_form(settings)
        elif request.is_json:
            _check_json(request.get_data(cache=True))
    except RequestEntityTooLarge:
        _refuse_large()
    except UnicodeError:
        _refuse_garbled()


def _check_form(settings: Settings) -> None:
    """Refuse a form with too many fields, or with a name,
    value or file name that cannot be stored.
    """
    if request.mimetype == URLENCODED:  # Werkzeug does not keep the bytes of a multipart form
        body = request.get_data(cache=True)
        if body.count(b"&") > settings.form_fields:
            _refuse_large()
        if not _is_text(unquote_to_bytes(body)):
            _refuse_garbled()
    texts = list(chain.from_iterable(request.form.items(multi=True)))
    for name, file in request.files.items(multi=True):
        texts += [name, file.filename or ""]
    if not all(map(_is_clean, texts)):
        _refuse_garbled()
    if is_api():  # CKAN also accepts JSON as the name of a field
        for text in texts:
            _check_json(text.encode())


def _check_json(body: bytes) -> None:
    """Refuse JSON with NUL, a lone surrogate or invalid UTF-8, written out or as an escape."""
    if not _is_text(body):
        _refuse_garbled()
    if SUSPECT.search(body):
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            return  # CKAN reports the error
        if not all(_is_clean(text) for text in _texts(content)):
            _refuse_garbled()


def _texts(content: Any) -> Iterator[str]:
    """Yield every text of a JSON value, keys included, without recursion."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value


def _is_text(raw: bytes) -> bool:
    """Return whether bytes are UTF-8 without NUL."""
    try:
        return NUL not in raw.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _is_clean(text: str) -> bool:
    """Return whether a text contains neither NUL nor lone surrogates."""
    return NUL not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _refuse_garbled() -> None:
    message = _(
        "The address or the form holds characters that cannot be read (NUL, or no valid UTF-8). "
        "Correct them and try again."
    )
    refuse(400, message, "Bad Request")


def _refuse_large() -> None:
    refuse(
        413,
        _("What you sent is too large, or has too many fields. Send less at once."),
        "Request Too Large",
    )


def is_own_address(target: str) -> bool:
    """Return whether a redirect to `target` stays on the portal; an empty target does."""
    if any(ord(character) < ord(" ") for character in target) or "\\" in target:
        return False  # browsers drop control characters and read a backslash as a slash
    site = tk.config["ckan.site_url"].rstrip("/")
    if target.startswith((site + "/", site + "?")):
        return True
    return target in ("", site) or (target.startswith("/") and not target.startswith("//"))
