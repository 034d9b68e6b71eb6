"""Defects 17 and 50: refusals that no view handles, and failed statements of the database.

17: CKAN 2.12.0 removes the database session of a request once it has an answer. If the error page
fails as well there is no answer, and the failed transaction breaks all later requests of the
thread. Here the session is always removed.

50: CKAN 2.12.0 answers refusals of actions that a view does not handle with an internal error. Here
they are answered with their status and a sentence.

Not yet accepted by CKAN.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import ckan.plugins.toolkit as tk
import psycopg2.errors
from ckan import model
from ckan.lib.navl.dictization_functions import DataError as BadKeyError
from ckan.lib.search import SearchError, SearchQueryError
from flask import Blueprint
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from ckanext.ecosphere.hardening import races

log = logging.getLogger(__name__)

INVALID = 409  # the status of CKAN's API for a ValidationError
BAD_REQUEST, FORBIDDEN, NOT_FOUND, FAULT = 400, 403, 404, 500

blueprint = Blueprint("ecosphere_failures", __name__)


class SessionRemoved:
    """WSGI middleware that removes the database session after each request, even a failed one."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        try:
            return self._application(environ, start_response)
        finally:
            model.Session.remove()


def error_page(status: int, content: str) -> tuple[str, int]:
    """Return CKAN's error page and its status.

    Args:
        status: HTTP status.
        content: what is wrong and what to do, in the reader's language.
    """
    # CKAN's template shows the content only beside the name of an error.
    variables = {"code": status, "name": HTTPStatus(status).phrase, "content": content}
    return tk.render("error_document_template.html", variables), status


def not_found_page() -> tuple[str, int]:
    """Return the error page for an address at which there is nothing."""
    return error_page(NOT_FOUND, tk._("There is nothing at this address."))


@blueprint.app_errorhandler(FileNotFoundError)
def answer_missing_file(error: FileNotFoundError) -> tuple[str, int]:
    """Answer 404 for a resource file that is missing from storage."""
    log.warning("A file is not there: %s", error)
    return not_found_page()


@blueprint.app_errorhandler(BadKeyError)
def answer_bad_key(_error: BadKeyError) -> tuple[str, int]:
    """Answer 400 for a form with a field name that CKAN cannot parse ("a__b__c")."""
    return error_page(BAD_REQUEST, tk._("The form contains an unknown field. Open the page again."))


@blueprint.app_errorhandler(ObjectDeletedError)
@blueprint.app_errorhandler(StaleDataError)
@blueprint.app_errorhandler(DBAPIError)
def answer_database_error(
    error: DBAPIError | ObjectDeletedError | StaleDataError,
) -> tuple[str, int]:
    """Answer 409 for a concurrent change, 400 for a value that cannot be stored, 500 otherwise."""
    # The error page queries the database, which it cannot do in a failed transaction.
    model.Session.rollback()
    if message := races.conflict_message(error):
        log.warning("Conflict with a concurrent request: %s", str(error).strip().splitlines()[:1])
        return error_page(INVALID, message)
    cause = getattr(error, "orig", None)
    # UndefinedFunction: no operator compares these types, as when a form sends a field twice.
    if isinstance(error, DataError) or isinstance(cause, psycopg2.errors.UndefinedFunction):
        log.warning("Refused by the database: %s", str(cause).strip().splitlines()[:1])
        return error_page(
            BAD_REQUEST, tk._("A value of the address or the form cannot be stored: correct it.")
        )
    log.error("The database refused a statement", exc_info=error)
    return error_page(FAULT, tk._("Internal server error"))


@blueprint.app_errorhandler(tk.ValidationError)
def answer_validation_error(error: tk.ValidationError) -> tuple[str, int]:
    """Answer 400 when an action refuses a value that a page without a form has sent."""
    content = " ".join(f"{name}{tk._(': ')}{text}" for name, text in error.error_summary.items())
    return error_page(BAD_REQUEST, content)


@blueprint.app_errorhandler(SearchError)
def answer_search_error(error: SearchError) -> tuple[str, int]:
    """Answer 400 for a refused search, as of a feed or of ckanext-dcat's catalogue."""
    # Only the messages of refused queries are meant for readers. Other errors quote the whole
    # request to Solr.
    if isinstance(error, SearchQueryError) and error.args:
        return error_page(BAD_REQUEST, str(error.args[0]))
    return error_page(BAD_REQUEST, tk._("This search cannot be answered: write it differently."))


@blueprint.app_errorhandler(tk.NotAuthorized)
def answer_not_authorized(_error: tk.NotAuthorized) -> tuple[str, int]:
    """Answer 403 when a view does not handle its action's refusal, as CKAN's follow buttons."""
    message = tk._(
        "You are not allowed to do this. Log in with an account that is, or ask an administrator."
    )
    return error_page(FORBIDDEN, message)


@blueprint.app_errorhandler(tk.ObjectNotFound)
def answer_not_found(_error: tk.ObjectNotFound) -> tuple[str, int]:
    """Answer 404 when an action finds nothing and its view does not handle that."""
    return not_found_page()
