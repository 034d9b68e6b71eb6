"""CSRF protection that depends on how the user was authenticated, not on CKAN's exemptions.

CKAN 2.12 exempts a view for the rest of the process once an anonymous visitor has used it. This
check ignores exemptions: it requires a token if the user was authenticated by a cookie, which
browsers also send on behalf of other sites, but not with an API token, which they do not.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
from ckan import authz
from ckan.common import _
from ckan.logic import get_action
from flask import g, request
from flask_wtf.csrf import CSRFError, CSRFProtect, validate_csrf
from werkzeug.wrappers import Response
from wtforms.validators import ValidationError

from ckanext.ecosphere.shared import authorization
from ckanext.ecosphere.shared.http_guard.addresses import taken_apart
from ckanext.ecosphere.shared.web_guard.incoming import is_api, matches, refuse, tables

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
OWN_ACTIONS = "ecosphere_"
OWN_SITE = ("same-origin", "none")
_protection = CSRFProtect()


def check() -> None:
    """Refuse a request that changes something and may have been forged by another site.

    Raises:
        BadRequest: the token is missing, wrong, or older than `WTF_CSRF_TIME_LIMIT`.
    """
    if (
        not tk.config["WTF_CSRF_ENABLED"]
        or request.method in SAFE_METHODS
        or g.get("ecosphere_csrf_checked")
    ):
        return
    if by_cookie():
        if not reads_only():
            _require_token()
    elif matches(request.endpoint, tables().before_log_in) and from_elsewhere():
        _refuse()
    g.ecosphere_csrf_checked = True


def check_own_actions() -> None:
    """Check calls of the suite's own actions, for rooms without `ecosphere_hardening`,
    which checks every call.
    """
    if request.endpoint == "api.action" and str(
        request.view_args and request.view_args["logic_function"]
    ).startswith(OWN_ACTIONS):
        check()


def check_get() -> Response | None:
    """Ask for confirmation before a view that changes something on GET (in CKAN and
    ckanext-harvest).

    Returns:
        the confirmation page, None when the request may proceed.

    Raises:
        Forbidden: the user may not do it.
    """
    if (
        not tk.config["WTF_CSRF_ENABLED"]
        or request.method not in ("GET", "HEAD")
        or not by_cookie()
    ):
        return None
    if request.endpoint == "user.logout":
        asks = from_elsewhere()
    else:
        asks = matches(request.endpoint, tables().changing_by_get)
    if not asks or _is_token(request.args.get(tk.config["WTF_CSRF_FIELD_NAME"])):
        return None
    _check_may_change()
    fields = [
        pair
        for pair in request.args.items(multi=True)
        if pair[0] != tk.config["WTF_CSRF_FIELD_NAME"]
    ]
    page = Response(
        tk.render("ecosphere_hardening/confirm.html", {"fields": fields}), mimetype="text/html"
    )
    page.headers["Cache-Control"] = "no-store"
    return page


def _check_may_change() -> None:
    """Refuse users who may not do it; these views are those of harvest sources, and the log-out.

    Raises:
        Forbidden: the user may not change the source.
    """
    arguments = request.view_args or {}
    source = arguments.get("source") or arguments.get("id")
    person = authorization.of_page()
    if source and not authz.is_authorized_boolean("package_update", person, {"id": source}):
        tk.abort(
            403,
            _(
                "You are not allowed to do this. Log in with an account that is, or ask an "
                "administrator."
            ),
        )


def by_cookie() -> bool:
    """Return whether the user was authenticated by a cookie rather than an API token."""
    return bool(tk.current_user.is_authenticated and not g.get("login_via_auth_header"))


def from_elsewhere() -> bool:
    """Return whether the browser states that another site caused this request.

    Fetch Metadata (`Sec-Fetch-Site`) takes precedence, then `Origin`, then `Referer`.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site:
        return site not in OWN_SITE
    source = request.headers.get("Origin") or request.headers.get("Referer")
    if not source:
        return False
    own = {request.host, urlsplit(tk.config["ckan.site_url"]).netloc}
    return taken_apart(source).netloc not in own


def reads_only() -> bool:
    """Return whether the request calls an action without side effects."""
    if request.endpoint != "api.action" or not request.view_args:
        return False
    try:
        return bool(
            getattr(get_action(request.view_args["logic_function"]), "side_effect_free", False)
        )
    except KeyError:
        return True  # CKAN reports the unknown action


def _require_token() -> None:
    try:
        _protection.protect()
    except CSRFError:
        _refuse()


def _is_token(value: str | None) -> bool:
    try:
        validate_csrf(value)
    except ValidationError:
        return False
    return True


def _refuse() -> None:
    if is_api():
        message = _(
            "The token against forged requests is missing or too old: send that of the page in "
            "the header X-CSRFToken, or use an API token."
        )
    else:
        message = _(
            "For your safety this was not done: the form was open for too long, or another site "
            "sent it. Go back, reload the page and send the form again."
        )
    refuse(400, message, "CSRF Error")
