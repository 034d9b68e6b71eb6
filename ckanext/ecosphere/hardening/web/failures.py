"""Defects 17 and 50: what a view or the database refuses is answered with a sentence, and harms no
later request.

CKAN 2.12.0 answers refusals of actions that a view does not handle with an internal error. It
removes the database session once it has an answer; if the error page fails as well, there is none,
and the failed transaction breaks all later requests of the thread. Not yet accepted.
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

INVALID = 409  # as CKAN answers a ValidationError
BAD_REQUEST, FORBIDDEN, NOT_FOUND, FAULT = 400, 403, 404, 500

blueprint = Blueprint("ecosphere_failures", __name__)


class SessionRemoved:
    """WSGI middleware that removes the database session after each request,
    whatever became of it.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        try:
            return self._application(environ, start_response)
        finally:
            model.Session.remove()


def error_page(status: int, content: str) -> tuple[str, int]:
    """Return CKAN's page of an error.

    Args:
        status: HTTP status.
        content: what is wrong and what to do, in the reader's language.
    """
    # CKAN's template shows the content only beside the name of an error.
    words = {"code": status, "name": HTTPStatus(status).phrase, "content": content}
    return tk.render("error_document_template.html", words), status


def not_there() -> tuple[str, int]:
    """Return the page of an address at which there is nothing."""
    return error_page(NOT_FOUND, tk._("There is nothing at this address."))


@blueprint.app_errorhandler(FileNotFoundError)
def say_that_the_file_is_not_there(error: FileNotFoundError) -> tuple[str, int]:
    """Answer 404 for a resource file that is missing from storage."""
    log.warning("A file is not there: %s", error)
    return not_there()


@blueprint.app_errorhandler(BadKeyError)
def say_that_the_form_is_none(_error: BadKeyError) -> tuple[str, int]:
    """Answer 400 for a form with a field name that CKAN cannot parse ("a__b__c")."""
    return error_page(BAD_REQUEST, tk._("The form contains an unknown field. Open the page again."))


@blueprint.app_errorhandler(ObjectDeletedError)
@blueprint.app_errorhandler(StaleDataError)
@blueprint.app_errorhandler(DBAPIError)
def say_what_the_database_refuses(
    error: DBAPIError | ObjectDeletedError | StaleDataError,
) -> tuple[str, int]:
    """Answer for a value that does not fit its column, for a concurrent change, or for another
    database fault.

    The error page queries the database, so the failed transaction is rolled back first.
    """
    model.Session.rollback()
    if message := races.conflict_message(error):
        log.warning("Conflict with a concurrent request: %s", str(error).strip().splitlines()[:1])
        return error_page(INVALID, message)
    cause = getattr(error, "orig", None)
    if isinstance(error, DataError) or isinstance(cause, psycopg2.errors.UndefinedFunction):
        log.warning("Refused by the database: %s", str(cause).strip().splitlines()[:1])
        return error_page(
            BAD_REQUEST, tk._("A value of the address or the form cannot be stored: correct it.")
        )
    log.error("The database refused a statement", exc_info=error)
    return error_page(FAULT, tk._("Internal server error"))


@blueprint.app_errorhandler(tk.ValidationError)
def say_what_is_wrong(error: tk.ValidationError) -> tuple[str, int]:
    """Answer 400 when a page's action refuses a value of the URL or form,
    and the page has no form to show it.
    """
    content = " ".join(f"{name}{tk._(': ')}{text}" for name, text in error.error_summary.items())
    return error_page(BAD_REQUEST, content)


@blueprint.app_errorhandler(SearchError)
def say_what_is_wrong_with_the_search(error: SearchError) -> tuple[str, int]:
    """Answer 400 for a refused search of a feed or catalogue:
    CKAN's and ckanext-dcat's views do not handle it.
    """
    # Only messages of refused queries are meant for readers; other errors quote the whole request
    # to Solr.
    if isinstance(error, SearchQueryError) and error.args:
        return error_page(BAD_REQUEST, str(error.args[0]))
    return error_page(BAD_REQUEST, tk._("This search cannot be answered: write it differently."))


@blueprint.app_errorhandler(tk.NotAuthorized)
def say_that_it_is_not_allowed(_error: tk.NotAuthorized) -> tuple[str, int]:
    """Answer 403 when a view does not handle its action's refusal,
    as with CKAN's follow buttons.
    """
    message = tk._(
        "You are not allowed to do this. Log in with an account that is, or ask an administrator."
    )
    return error_page(FORBIDDEN, message)


@blueprint.app_errorhandler(tk.ObjectNotFound)
def say_that_it_is_not_there(_error: tk.ObjectNotFound) -> tuple[str, int]:
    """Answer 404 when a view does not handle that an action finds nothing."""
    return not_there()
