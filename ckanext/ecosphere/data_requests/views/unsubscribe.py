"""Unsubscribe page of e-mails (RFC 8058), reached by a signed URL without log-in, which allows nothing else."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.config.middleware.flask_app import csrf
from flask import Response, request

from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.notifications import mail_headers, muting
from ckanext.ecosphere.data_requests.views.viewing import page, rendered


@page
def unsubscribe(token: str) -> Response:
    """Ask for confirmation on GET, since programs follow links in e-mails; on POST, stop the e-mails.

    The token authorises the request: mail programs send this form without cookies, so no session needs CSRF protection.
    """
    told = mail_headers.read_token(token)
    user = model.User.get(told[0]) if told else None
    wanted = model.Session.get(Request, told[1]) if told and told[1] else None
    # The link of a request that is gone stops nothing else, and a closed account has no preferences any more.
    if told is None or user is None or user.state != model.State.ACTIVE or (told[1] and wanted is None):
        tk.abort(404, tk._("This address is not complete. Change what you receive in your preferences."))
    if request.method == "POST":
        muting.stop_emails(user.id, wanted.id if wanted else None)
    variables = {
        "reference": wanted.reference if wanted else "",
        "done": request.method == "POST",
        "token": token,
    }
    return rendered("ecosphere_requests/unsubscribe.html", variables)


csrf.exempt(unsubscribe)
