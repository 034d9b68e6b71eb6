"""iCalendar feeds of due dates: of the user's own requests, and of the desk of a service for its people."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from flask import Response
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.data_requests import dictize
from ckanext.ecosphere.data_requests.desk import calendar
from ckanext.ecosphere.data_requests.domain import people, states
from ckanext.ecosphere.data_requests.search import due, listing
from ckanext.ecosphere.data_requests.views.viewing import act, known, page

#: Maximum number of requests, and of reviews, in a calendar.
MOST = 500


@page
@known
def own() -> Response:
    """Return the due dates of the user's own requests."""
    return _calendar(tk.current_user, "")


@page
@known
def desk(organization: str) -> Response:
    """Return the due dates of a desk."""
    return _calendar(tk.current_user, organization)


@page
def private(token: str, organization: str = "") -> Response:
    """Return the due dates for a private URL: what its user may read at present."""
    user = calendar.person_of(token)
    if user is None:
        raise tk.ObjectNotFound
    try:
        return _calendar(user, organization)
    except tk.NotAuthorized:
        raise tk.ObjectNotFound from None


@page
@known
def renew() -> AnyResponse:
    """Create a new private URL for the user; the old one no longer works."""
    act("ecosphere_request_settings_update", new_calendar=True)
    tk.h.flash_success(tk._("Your private calendar address is new; the former one no longer works."))
    return tk.redirect_to("ecosphere_requests.preferences", _anchor="calendar-title")


def _calendar(user: Any, organization: str) -> Response:
    context: Any = {"user": user.name, "auth_user_obj": user}
    scope = {"scope": "desk", "organization": organization} if organization else {"scope": "mine"}
    tk.check_access("ecosphere_request_list", context, scope)
    where = listing.scope(scope, people.reader_of_context(context))
    found = due.around(where, states.ON_DESK if organization else states.ACTIVE, dictize.today(), MOST)
    if organization:
        group = model.Group.get(organization)
        title = tk._("Data requests: {service}").format(service=(group and group.title) or organization)
        all_of_them = tk.h.url_for("ecosphere_requests.desk", organization=organization, all=1, qualified=True)
    else:
        title = tk._("My data requests")
        all_of_them = tk.h.url_for("ecosphere_requests.mine", qualified=True)
    response = Response(calendar.written(title, found, all_of_them), mimetype="text/calendar")
    response.headers["Content-Disposition"] = 'inline; filename="demandes.ics"'
    response.headers["X-Robots-Tag"] = "noindex"
    response.cache_control.no_store = True
    return response
