"""Refuse malformed requests (NUL, broken UTF-8, oversized forms) with status 400 or 413 instead of 500."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

import ckan.plugins.toolkit as tk
from flask import g, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from ckanext.ecosphere.shared.web_guard.answers import is_api, refuse
from ckanext.ecosphere.shared.web_guard.settings import Settings

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
    if g.get("ecosphere_request_read"):
        return
    g.ecosphere_request_read = True
    environ = request.environ
    query = environ.get("QUERY_STRING", "").encode("latin-1", "replace")
    if query.count(b"&") > settings.form_fields:
        _refuse_large()
    for raw in (environ.get("PATH_INFO", "").encode("latin-1", "replace"), unquote_to_bytes(query)):
        if not _is_text(raw):
            _refuse_garbled()
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        _check_body(settings)


def _check_body(settings: Settings) -> None:
    multipart = request.mimetype == MULTIPART
    most = settings.upload_bytes if multipart else settings.form_bytes
    request.max_content_length = most
    request.max_form_memory_size = settings.form_bytes
    request.max_form_parts = settings.form_fields + MOST_FILES
    if (request.content_length or 0) > most:
        _refuse_large()
    try:
        if request.mimetype == URLENCODED and request.get_data(cache=True).count(b"&") > settings.form_fields:
            _refuse_large()
        if request.mimetype in (URLENCODED, MULTIPART):
            texts = [text for pair in request.form.items(multi=True) for text in pair]
            texts += [text for name, file in request.files.items(multi=True) for text in (name, file.filename or "")]
            if not all(_is_clean(text) for text in texts) or not _is_text(_raw_form()):
                _refuse_garbled()
            if is_api():  # CKAN also accepts JSON as the name of a field
                for text in texts:
                    _check_json(text.encode())
        elif request.is_json:
            _check_json(request.get_data(cache=True))
    except RequestEntityTooLarge:
        _refuse_large()
    except HTTPException:
        raise
    except UnicodeError:
        _refuse_garbled()


def _raw_form() -> bytes:
    """Return the raw bytes of an urlencoded form; those of a multipart form are not kept."""
    return unquote_to_bytes(request.get_data(cache=True)) if request.mimetype == URLENCODED else b""


def _check_json(body: bytes) -> None:
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
    message = tk._(
        "The address or the form holds characters that cannot be read (NUL, or no valid UTF-8). Correct them and try "
        "again."
    )
    refuse(400, message, "Bad Request")


def _refuse_large() -> None:
    refuse(413, tk._("What you sent is too large, or has too many fields. Send less at once."), "Request Too Large")
