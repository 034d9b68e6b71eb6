"""Fetch descriptions through the HTTP guard: from their own URL, or found from that of a page or repository."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.schemas import config
from ckanext.ecosphere.schemas.importing import addresses, documents, software
from ckanext.ecosphere.schemas.importing.text import decoded
from ckanext.ecosphere.shared.http_guard import MESSAGES, FetchError, GuardedSession, Response, in_language
from ckanext.ecosphere.shared.web_guard import rate_limits

log = logging.getLogger(__name__)

HTTP_OK, FIRST_ERROR = 200, 400
#: Limits of the request that checks whether a URL answers.
PROBED_BYTES, PROBED_SECONDS = 1024, 6.0


class BusyError(tk.ValidationError):
    """Nothing can be fetched at this moment."""


def description(url: str, context: Any) -> tuple[documents.Read, str]:
    """Return the description found at a URL, and the URL that it was read from.

    Args:
        url: URL of a description, of the page of a record, or of a repository.
        context: context of the calling action.

    Raises:
        ServiceError: it is the URL of a service.
        ValidationError: it cannot be fetched, or describes no dataset.
    """
    target = addresses.target(url)
    asked = target.ask or (url,)
    session = _session()
    for number, address in enumerate(asked):
        last = number == len(asked) - 1
        try:
            return documents.read(_get(session, address), context), address
        except (documents.ServiceError, BusyError):
            raise
        except tk.ValidationError:
            if last and target.kind != addresses.REPOSITORY:
                raise
    return _repository(url), url


def silence(url: str) -> str:
    """Return why a file cannot be fetched, as a sentence; "" if the server answers.

    Raises:
        ValidationError: an option of the portal is invalid, so that nothing can be fetched.
    """
    try:
        answer = _asked(_session(PROBED_SECONDS), url, truncate=True, max_bytes=PROBED_BYTES)
    except FetchError as error:
        return tk._(MESSAGES[error.code]).format(**in_language(error.params, tk._))
    if answer.status >= FIRST_ERROR:
        return tk._("The server answered with the status {status}: check the address").format(status=answer.status)
    return ""


def _session(seconds: float = config.IMPORT_SECONDS) -> GuardedSession:
    try:
        return GuardedSession(replace(config.guard_settings(), total_seconds=seconds, read_seconds=seconds))
    except ValueError as error:
        log.error("The options of the import: %s", error)
        message = tk._("Nothing can be fetched at the moment: the administrator must correct an option of the portal")
        raise tk.ValidationError({"url": [message]}) from error


def _get(session: GuardedSession, url: str) -> str:
    try:
        answer = _asked(session, url)
    except FetchError as error:
        raise tk.ValidationError(
            {"url": [tk._(MESSAGES[error.code]).format(**in_language(error.params, tk._))]}
        ) from error
    if answer.status != HTTP_OK:
        message = tk._("The server answered with the status {status}: check the address").format(status=answer.status)
        raise tk.ValidationError({"url": [message]})
    return decoded(answer.body)


def _asked(session: GuardedSession, url: str, **options: Any) -> Response:
    try:
        with rate_limits.place(rate_limits.FOR_EDITORS):
            return session.get(url, **options)
    except rate_limits.NoPlaceError as error:
        message = tk._("Many addresses are being read at this moment. Try again in a moment.")
        raise BusyError({"url": [message]}) from error


def _repository(url: str) -> documents.Read:
    """Return the minimal description of a repository without publiccode.yml or codemeta.json."""
    name = addresses.file_name(url).removesuffix(".git")
    dataset = {"dcat_type": software.KIND, "title": name, "code_repository": url}
    told = tk._("The repository has neither publiccode.yml nor codemeta.json at its root: describe the code by hand.")
    return {"dataset": dataset, "problems": [told]}
