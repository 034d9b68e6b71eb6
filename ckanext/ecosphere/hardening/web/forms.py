"""Defects 4, 18, 44 and 45: addresses and forms on which pages of CKAN and other extensions fail
are refused.

Forms with a field missing, twice or overlong, addresses with values that nothing reads, and pages
about datasets that the reader may not see or that are of another type. Not yet accepted.
"""

from __future__ import annotations

import re
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from dateutil.parser import parse
from flask import Blueprint, request

from ckanext.ecosphere.hardening import datasets, private_datasets
from ckanext.ecosphere.hardening.web.failures import BAD_REQUEST, error_page, not_found_page

#: Fields of CKAN's forms that must occur once: CKAN fails on a list.
ONCE = (
    "email",
    "id",
    "image_upload",
    "name",
    "owner_org",
    "package_id",
    "save",
    "state",
    "type",
    "upload",
    "url",
)
#: URL parameters of pages: page number, timestamp in seconds; endpoints that take `sort`; values of
#: `type`.
COUNT, MOMENT = re.compile("[0-9]{1,9}"), re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,9})?")
ORDERED = (".search", ".read")
FOLLOWED = ("dataset", "user", "group", "organization")
MILLISECONDS = re.compile("[0-9]{1,12}")
#: Fields without which CKAN's resource and log-in forms fail.
NEEDED_FOR_RESOURCES, NEEDED_TO_LOG_IN = ("id", "save"), ("login", "password")
#: Field of the account form, required for a new e-mail address or password.
OLD_PASSWORD = "old_password"  # noqa: S105 - the name of a field
PASSWORDS = ("password", "password1", "password2", OLD_PASSWORD)
#: Buttons of CKAN's form for many datasets of a service, one of which has to be sent.
BULK_BUTTONS = {"bulk_action.public", "bulk_action.private", "bulk_action.delete"}
#: Blueprints that CKAN registers needlessly for other dataset types: a harvest source has no
#: resources.
WITHOUT_PAGES = ("harvest_resource",)
#: Formats in which ckanext-dcat serialises a dataset or a catalogue, and the longest date that it
#: is given.
RDF_FORMATS = ("rdf", "xml", "n3", "ttl", "jsonld")
LONGEST_MOMENT = 40
LONGEST_PASSWORD = 1_000  # passlib fails above 4096 bytes

blueprint = Blueprint("ecosphere_forms_guard", __name__)


@blueprint.before_app_request
def say_that_there_is_no_such_page() -> tuple[str, int] | None:
    """Answer 404 for a missing or unreadable dataset or harvest source,
    or an unknown RDF format.
    """
    endpoint, arguments = request.endpoint or "", request.view_args or {}
    rdf_format = arguments.get("_format")
    if endpoint.startswith("dcat.") and rdf_format and rdf_format not in RDF_FORMATS:
        return not_found_page()
    if endpoint.startswith("harvester.") and not _is_source(arguments.get("source")):
        return not_found_page()
    if private_datasets.is_absent_for_page(endpoint, arguments):
        return not_found_page()
    return None


@blueprint.before_app_request
def refuse_what_no_page_takes() -> tuple[str, int] | None:
    """Refuse URLs with an invalid page number, order or timestamp,
    on which pages of CKAN and others fail.
    """
    if request.endpoint is None or request.endpoint.startswith(("api.", "ecosphere")):
        return None
    values = {name: value for name, value in request.args.items() if value}
    wrong = []
    if not COUNT.fullmatch(request.args.get("page", "1")):
        wrong.append("page")
    if request.endpoint.endswith(ORDERED) and not all(
        map(str.strip, values.get("sort", "name").split(","))
    ):
        wrong.append("sort")
    if request.endpoint.startswith("dcat.") and not _is_moment(
        values.get("modified_since", "2000")
    ):
        wrong.append("modified_since")
    if request.endpoint.startswith("activity."):
        wrong += [
            name
            for name in ("before", "after")
            if name in values and not MOMENT.fullmatch(values[name])
        ]
        if values.get("type", FOLLOWED[0]) not in FOLLOWED:
            wrong.append("type")
    if wrong:
        message = tk._(
            "The address has a value that nothing reads ({names}). Open the page from its link."
        )
        return error_page(BAD_REQUEST, message.format(names=", ".join(wrong)))
    return None


@blueprint.before_app_request
def refuse_overlong_passwords() -> tuple[str, int] | None:
    """Refuse an overlong password in a form of any page, log-in included,
    on which the hash fails.
    """
    if request.method != "POST" or (request.endpoint or "").startswith("api."):
        return None
    if all(len(request.form.get(name, "")) <= LONGEST_PASSWORD for name in PASSWORDS):
        return None
    message = tk._("The password is too long: {number} characters at most.")
    return error_page(BAD_REQUEST, message.format(number=LONGEST_PASSWORD))


@blueprint.before_app_request
def refuse_what_no_form_sends() -> tuple[str, int] | None:
    """Refuse forms of CKAN or other extensions with missing, duplicate or invalid fields."""
    part, _dot, view = (request.endpoint or "").rpartition(".")
    if part in WITHOUT_PAGES:
        return not_found_page()
    if request.method != "POST" or part == "api" or part.startswith("ecosphere"):
        return None
    twice = [
        name
        for name in ONCE
        if len(request.form.getlist(name)) + len(request.files.getlist(name)) > 1
    ]
    missing = []
    if part.endswith("resource") and view in ("new", "edit"):
        missing += [name for name in NEEDED_FOR_RESOURCES if name not in request.form]
    if request.endpoint == "user.login":
        missing += [name for name in NEEDED_TO_LOG_IN if name not in request.form]
        if not MILLISECONDS.fullmatch(request.form.get("remember") or "0"):
            missing.append("remember")
    if not datasets.is_state(request.form.get("state") or "active"):
        missing.append("state")
    if view == "bulk_process" and not _presses_a_bulk_button():
        missing.append("bulk_action")
    if request.endpoint == "user.edit" and OLD_PASSWORD not in request.form and _needs_password():
        missing.append(OLD_PASSWORD)
    if twice or missing:
        message = tk._(
            "The form is not complete, or has a field twice ({names}). Open the page again and "
            "try again."
        )
        return error_page(BAD_REQUEST, message.format(names=", ".join([*twice, *missing])))
    return None


def _is_source(name: str | None) -> bool:
    """Return whether the name is that of a harvest source, or unknown:
    pages of its jobs fail on other datasets.
    """
    package: Any = model.Package.get(name) if name else None
    return package is None or package.type == "harvest"


def _presses_a_bulk_button() -> bool:
    """Return whether a form has a known button, and no other field that
    CKAN takes for one by its value.
    """
    others = [value for name, value in request.form.items() if name not in BULK_BUTTONS]
    return not BULK_BUTTONS.isdisjoint(request.form) and not {"private", "public"}.intersection(
        others
    )


def _needs_password() -> bool:
    """Return whether an account form changes the e-mail address or password,
    by CKAN's own criteria.
    """
    is_new = request.form.get("email") != getattr(tk.current_user, "email", None)
    return is_new or bool(request.form.get("password1") and request.form.get("password2"))


def _is_moment(value: str) -> bool:
    """Return whether ckanext-dcat can parse a date or timestamp."""
    if len(value) > LONGEST_MOMENT:
        return False
    try:
        parse(value)
    except (ValueError, OverflowError):
        return False
    return True
