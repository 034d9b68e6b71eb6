"""Views of a user's own matters: notifications, preferences, calendars (iCalendar), personal data,
unsubscribing.

A signed URL unsubscribes without log-in (RFC 8058), and allows nothing else.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.config.middleware.flask_app import csrf
from ckan.types import DataDict
from flask import Response, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core.pages import act, part_of_list, rendered
from ckanext.ecosphere.data_requests import calendars, listing, service
from ckanext.ecosphere.data_requests.domain import people, states, wording
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.notifications import delivery
from ckanext.ecosphere.data_requests.views import forms
from ckanext.ecosphere.data_requests.views.forms import go_on, status_of


def unsubscribe(token: str) -> Response:
    """Ask for confirmation on GET, since programs follow links in e-mails; on POST, stop the
    e-mails.

    The token authorises the request: mail programs send this form without cookies, so no session
    needs CSRF protection.
    """
    user_id, request_id = delivery.read_unsubscribe_token(token) or ("", "")
    user = model.User.get(user_id) if user_id else None
    request_ = model.Session.get(Request, request_id) if request_id else None
    # The link of a request that is gone stops nothing else, and a closed account has no preferences
    # any more.
    is_gone = request_id and request_ is None
    if user is None or user.state != model.State.ACTIVE or is_gone:
        tk.abort(
            404, _("This address is not complete. Change what you receive in your preferences.")
        )
    is_done = request.method == "POST"
    if is_done:
        service.stop_emails(user.id, request_id or None)
    reference = request_.reference if request_ else ""
    return rendered(
        "ecosphere_requests/unsubscribe.html", reference=reference, done=is_done, token=token
    )


csrf.exempt(unsubscribe)


def own_calendar() -> Response:
    """Return the due dates of the user's own requests."""
    return _calendar(tk.current_user, "")


def desk_calendar(organization: str) -> Response:
    """Return the due dates of a desk."""
    return _calendar(tk.current_user, organization)


def private_calendar(token: str, organization: str = "") -> Response:
    """Return the due dates for a private URL: what its user may read at present."""
    user = calendars.person_of(token)
    if user is None:
        raise tk.ObjectNotFound
    try:
        return _calendar(user, organization)
    except tk.NotAuthorized:
        raise tk.ObjectNotFound from None


def new_calendar() -> AnyResponse:
    """Create a new private URL for the user; the old one no longer works."""
    act("ecosphere_request_settings_update", new_calendar=True)
    return go_on(
        _("Your private calendar address is new; the former one no longer works."),
        "preferences",
        _anchor="calendar-title",
    )


def _calendar(user: Any, organization: str) -> Response:
    context: Any = {"user": user.name, "auth_user_obj": user}
    title = _("My data requests")
    scope = {"scope": "mine"}
    waiting = states.ACTIVE
    if organization:
        scope = {"scope": "desk", "organization": organization}
        waiting = states.ON_DESK
    tk.check_access("ecosphere_request_list", context, scope)
    if organization:
        group = model.Group.get(organization)
        service_title = (group and group.title) or organization
        title = _("Data requests: {service}").format(service=service_title)
    where = listing.scope(scope, people.reader_of_context(context))
    calendar = calendars.to_ical(title, listing.due_dates(where, waiting))
    response = Response(calendar, mimetype="text/calendar")
    response.headers["Content-Disposition"] = 'inline; filename="demandes.ics"'
    response.headers["X-Robots-Tag"] = "noindex"
    response.cache_control.no_store = True
    return response


DIGESTS = ("immediate", "daily", "weekly", "none")


def notifications() -> Response:
    """Show the user's notifications, the latest first.

    They appear here even without a mail server.
    """
    listed = part_of_list("ecosphere_request_notification_list")
    return rendered("ecosphere_requests/notifications.html", found=listed)


def notifications_seen() -> AnyResponse:
    """Mark all notifications as seen."""
    act("ecosphere_request_notification_seen")
    return tk.redirect_to("ecosphere_requests.notifications")


def preferences() -> AnyResponse:
    """Show and change the user's settings for notifications and letters."""
    errors: forms.Errors = {}
    if request.method == "POST":
        names = ("digest", "language", "first_name", "last_name", "quality")
        changes = {name: request.form[name] for name in names if name in request.form}
        try:
            act("ecosphere_request_settings_update", **changes)
        except tk.ValidationError as error:
            errors = wording.errors_of(error)
        else:
            return go_on(_("Your preferences are saved."), "preferences")
    settings = act("ecosphere_request_settings_show")
    return rendered(
        "ecosphere_requests/preferences.html",
        status_of(errors),
        settings=settings,
        errors=errors,
        digests=DIGESTS,
    )


def my_data() -> Response:
    """Return all personal data of the user as JSON."""
    response = jsonify({**act("ecosphere_request_export"), **_followed()})
    response.headers["Content-Disposition"] = 'attachment; filename="mes-demandes.json"'
    response.cache_control.no_store = True
    return response


def _followed() -> DataDict:
    """Return the datasets that the user follows and, where `ecosphere_search` is on,
    their search alerts.
    """
    datasets = act("dataset_followee_list", id=tk.current_user.id)
    data: DataDict = {
        "datasets_followed": [
            {"name": dataset["name"], "title": dataset["title"]} for dataset in datasets
        ]
    }
    if tk.h.plugin_loaded("ecosphere_search"):
        data["search_alerts"] = act("ecosphere_search_alert_list")
    return data


def forget_me() -> AnyResponse:
    """Erase the user's personal data, once they have ticked the confirmation."""
    if not request.form.get("sure"):
        tk.h.flash_error(_("Tick the box to confirm: what is erased cannot be brought back."))
        return tk.redirect_to("ecosphere_requests.preferences")
    act("ecosphere_request_erase")
    return go_on(_("What the data requests kept of you is erased."), "index")
