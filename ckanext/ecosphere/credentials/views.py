"""Log-in with a second factor, and the pages to set it up and to remove it.

A right password does not open a session, but gives a ticket in the browser's cookie, with which the
person sends a code or, if their role needs a second factor, sets one up.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import session
from ckan.lib import authenticator, signals
from ckan.types import DataDict
from ckan.views.user import next_page_or_default, regenerate_session, rotate_token
from flask import Blueprint, request
from werkzeug.wrappers import Response

from ckanext.ecosphere.core.pages import INVALID, rendered
from ckanext.ecosphere.credentials import second_factor
from ckanext.ecosphere.shared import mailing, web_guard
from ckanext.ecosphere.shared.web_guard import csrf, rate_limits
from ckanext.ecosphere.shared.web_guard.incoming import refuse_too_many

#: Keys in the session: the ticket with the choices of the log-in form, and a secret not yet in use.
PENDING, SECRET = "ecosphere_log_in", "ecosphere_new_secret"
#: Purpose and lifetime of the ticket that a right password gives.
PURPOSE, SECONDS = "ecosphere-second-factor", 600
LONGEST_TARGET = 300
#: Codes for one account from addresses from which its owner never logged in: a guess succeeds once
#: in 5 000 days.
ACCOUNT_RATES = "20 per hour; 60 per day"
#: Name under which the rate limits remember from where an account has logged in.
KNOWN_ADDRESS = "login-known"

blueprint = Blueprint("ecosphere_credentials", __name__)
web_guard.protect(blueprint)


@blueprint.before_request
def only_when_offered() -> None:
    """Answer 404 while the second factor is off."""
    if not second_factor.is_offered():
        tk.abort(404)


@blueprint.after_request
def keep_nothing(response: Response) -> Response:
    """Forbid caching of the answers, which hold secrets."""
    response.headers["Cache-Control"] = "no-store"
    return response


def log_in() -> Any:
    """Take the log-in form in the place of CKAN's view (`IAuthenticator.login`).

    Returns:
        the answer; None where CKAN's view goes on: the empty form, no second factor on the portal.
    """
    is_sent = request.method == "POST" and not tk.current_user.is_authenticated
    if not is_sent or not second_factor.is_offered():
        return None
    identity = {name: request.form.get(name, "") for name in ("login", "password")}
    user: Any = authenticator.ckan_authenticator(identity)
    if not user:
        tk.h.flash_error(tk._("Login failed. Bad username or password."))
        return rendered("user/login.html")
    target = request.args.get("next") or request.args.get("came_from") or ""
    choices = {"remember": request.form.get("remember", ""), "target": target[:LONGEST_TARGET]}
    has_factor = bool(second_factor.record_of(user))
    if not has_factor and not second_factor.is_required(user):
        return _open_session(user, choices)
    ticket = mailing.sign(PURPOSE, [user.id, _password_mark(user)])
    session[PENDING] = {**choices, "ticket": ticket}
    page = "code" if has_factor else "set_up"
    return tk.redirect_to(f"ecosphere_credentials.{page}")


@blueprint.route("/connexion/code", methods=["GET", "POST"])
def code() -> Any:
    """Ask for the code; a right one opens the session."""
    user = _with_right_password()
    if user is None or not second_factor.record_of(user):
        return _back_to_log_in()
    if request.method == "GET":
        return _page("code", {})
    limits = web_guard.settings().limits.login
    try:
        _count(user, limits)
    except rate_limits.TooMany as error:
        sentence = tk._("There were too many attempts to log in.")
        refuse_too_many(error, sentence)
    if not second_factor.takes(user, request.form.get("code", "")):
        signals.failed_login.send(user.name)
        wrong = tk._("This code is wrong, too old or used already: wait for the next one.")
        return _page("code", {"code": [wrong]}, INVALID)
    rate_limits.clear("second-factor", limits, user.id, rate_limits.address())
    return _open_session(user, session[PENDING])


@blueprint.route("/compte/second-facteur", methods=["GET", "POST"])
def set_up() -> Any:
    """Show a new secret, and take it as the second factor once the person's app has a code for it.

    For those who are logged in, who confirm it with their password; and for those whose role needs
    it and who have just given their password: their session begins with it.
    """
    user = _logged_in()
    is_logged_in = user is not None
    if user is None:
        user = _with_right_password()
    if user is None or (not is_logged_in and second_factor.record_of(user)):
        return _back_to_log_in()
    secret = session.setdefault(SECRET, second_factor.new_secret())
    errors: dict[str, list[str]] = {}
    status = 200
    if request.method == "POST":
        status = INVALID
        if is_logged_in and not user.validate_password(request.form.get("old_password", "")):
            errors["old_password"] = [tk._("This is not the password of your account.")]
        elif codes := second_factor.turn_on(user, secret, request.form.get("code", "")):
            return _show_recovery_codes(user, codes, is_logged_in)
        else:
            errors["code"] = [
                tk._("This is not the code of the application: compare its clock and try again.")
            ]
    invitation = second_factor.invitation(user, secret)
    return _page("set_up", errors, status, person=user, is_logged_in=is_logged_in, **invitation)


def _show_recovery_codes(user: Any, codes: list[str], is_logged_in: bool) -> Response:
    """Show the codes once, with a link to where the log-in leads, which ends with this page."""
    session.pop(SECRET, None)
    target = tk.url_for("user.edit")
    if not is_logged_in:
        target = _open_session(user, session[PENDING]).headers["Location"]
    return _page("recovery_codes", {}, codes=codes, target=target)


@blueprint.route("/compte/second-facteur/retirer", methods=["POST"])
def remove() -> Any:
    """Take away one's own second factor, with the password, unless one's role needs it."""
    user = _logged_in()
    if user is None:
        return _back_to_log_in()
    if second_factor.is_required(user):
        tk.h.flash_error(tk._("Your role needs a second factor: you can only set up another one."))
    elif not user.validate_password(request.form.get("old_password", "")):
        tk.h.flash_error(tk._("This is not the password of your account."))
    else:
        second_factor.turn_off(user)
        tk.h.flash_success(tk._("From now on your password alone logs you in."))
        return tk.redirect_to("user.edit")
    return tk.redirect_to(".set_up")


@blueprint.route("/compte/second-facteur/<id>/retirer", methods=["POST"])
def reset(id: str) -> Any:
    """Take away the second factor of somebody who has lost it, as a sysadmin."""
    try:
        tk.get_action("ecosphere_second_factor_reset")({}, {"id": id})
    except tk.NotAuthorized:
        tk.abort(403, tk._("Only administrators of the portal may do this."))
    except tk.ObjectNotFound:
        tk.abort(404, tk._("User not found"))
    tk.h.flash_success(tk._("The second factor is removed. The person gets an e-mail."))
    return tk.redirect_to("user.edit", id=id)


def _open_session(user: Any, choices: DataDict) -> Response:
    """Start the session and lead to the page asked for, as CKAN's log-in does.

    Args:
        user: the person.
        choices: `remember`, in milliseconds, and `target`, both of the log-in form.
    """
    regenerate_session()
    session.pop(PENDING, None)
    remember = choices["remember"]
    if remember.isdecimal():
        tk.login_user(user, remember=True, duration=timedelta(milliseconds=int(remember)))
    else:
        tk.login_user(user)
    rotate_token()
    return next_page_or_default(choices["target"])


def _with_right_password() -> Any:
    """Return the person who gave their password in this browser some minutes ago, None if nobody.

    The password is still the same, and nobody has logged in since.
    """
    pending = session.get(PENDING) or {}
    signed = mailing.read(PURPOSE, str(pending.get("ticket", "")), SECONDS)
    if not isinstance(signed, list) or tk.current_user.is_authenticated:
        return None
    user_id, mark = signed
    user = model.User.get(user_id)
    if user and user.is_active and _password_mark(user) == mark:
        return user
    return None


def _password_mark(user: model.User) -> str:
    """Return a digest of the stored password: a ticket that holds it ends with the password."""
    return hashlib.sha256(str(user.password).encode()).hexdigest()[:16]


def _logged_in() -> Any:
    """Return the person who is logged in with a session, None for anybody else.

    An API token is no session.
    """
    if not csrf.by_cookie():
        return None
    return model.User.get(tk.current_user.id)


def _count(user: model.User, limits: str) -> None:
    """Count a code before it is compared, so that attempts at the same time all count.

    Raises:
        TooMany: there were too many for the account, from this address or from unknown ones.
    """
    here = rate_limits.address()
    rate_limits.hit("second-factor", limits, user.id, here, fallback=True)
    if not rate_limits.is_remembered(KNOWN_ADDRESS, user.id, here):
        rate_limits.hit("second-factor-account", ACCOUNT_RATES, user.id, fallback=True)


def _back_to_log_in() -> Any:
    return tk.redirect_to("user.login", came_from=tk.url_for("ecosphere_credentials.set_up"))


def _page(name: str, errors: dict[str, list[str]], status: int = 200, **variables: Any) -> Response:
    return rendered(f"ecosphere_credentials/{name}.html", status, errors=errors, **variables)
