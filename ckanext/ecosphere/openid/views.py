"""Views of the log-in with OpenID Connect: redirect to the provider, callback, linking of accounts,
log-out.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import asdict, fields
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.common import session
from ckan.lib import signals
from ckan.views.user import next_page_or_default, regenerate_session, rotate_token
from flask import Blueprint, request
from werkzeug.wrappers import Response

from ckanext.ecosphere.openid import accounts, config, provider
from ckanext.ecosphere.openid.accounts import Identity
from ckanext.ecosphere.shared.characters import one_line
from ckanext.ecosphere.shared.web_guard import protect
from ckanext.ecosphere.shared.web_guard.incoming import is_own_address, refuse

log = logging.getLogger(__name__)

ATTEMPTS = "ecosphere_openid_attempts"
OFFER = "ecosphere_openid_offer"
ID_TOKEN = "ecosphere_openid_token"  # noqa: S105 (a key of the session)
MOST_ATTEMPTS, SECONDS = 3, 900
"""Maximum number of pending log-ins per session (several browser windows), and their lifetime."""
LONGEST_TARGET, LONGEST_CODE, LONGEST_TOKEN, LONGEST_LOGGED = 300, 2000, 1800, 300
"""Maximum lengths of values kept in the session (by default a cookie of 4 kB) and in the log."""


CALLBACK_PARAMS = ("state", "code", "error", "iss")


class NotBegunHere(Exception):
    """The callback does not belong to a pending log-in of this session."""


blueprint = Blueprint("ecosphere_openid", __name__, url_prefix="/connexion/openid")
protect(blueprint)


@blueprint.before_request
def only_when_configured() -> None:
    """Answer 404 when no provider is configured."""
    if config.missing():
        tk.abort(404)


@blueprint.after_request
def keep_nothing(response: Response) -> Response:
    """Forbid caching of the answers."""
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.route("")
def start() -> Any:
    """Redirect to the provider to log in or, for a logged-in user, to link the account."""
    target = request.args.get("next") or request.args.get("came_from") or ""
    if not is_own_address(target):
        refuse(400, tk._("The address to go on to is not one of this portal."), "Bad Request")
    if len(target) > LONGEST_TARGET:
        target = ""
    attempt = {
        "nonce": secrets.token_urlsafe(32),
        "verifier": secrets.token_urlsafe(48),
        "target": target,
        "user": _user_id(),
        "language": tk.h.lang(),
        "at": time.time(),
    }
    state = secrets.token_urlsafe(32)
    nonce = attempt["nonce"]
    address = provider.authorization_url(_way_back(), state, nonce, attempt["verifier"])
    oldest_first = sorted(_attempts().items(), key=lambda entry: entry[1]["at"])
    # The last ones, so that there are `MOST_ATTEMPTS` with this one.
    session[ATTEMPTS] = {**dict(oldest_first[1 - MOST_ATTEMPTS :]), state: attempt}
    return tk.redirect_to(address)


@blueprint.route("/retour")
def back() -> Any:
    """Handle the provider's callback; each log-in is valid once, in the session that started it."""
    params = {name: value for name, value in request.args.items() if name in CALLBACK_PARAMS}
    attempts = _attempts()
    attempt = attempts.get(params.get("state", ""))
    if attempt and attempt["language"] != tk.h.lang():
        return tk.redirect_to(tk.url_for(".back", locale=attempt["language"], **params))
    attempts.pop(params.get("state", ""), None)
    session[ATTEMPTS] = attempts
    if not attempt or attempt["user"] != _user_id():
        raise NotBegunHere
    if params.get("iss", config.issuer()) != config.issuer():
        raise NotBegunHere
    if "error" in params:
        log.info("OpenID Connect: the provider says %r", params["error"][:LONGEST_LOGGED])
        sentence = tk._("{provider} says that the log-in was cancelled or is not allowed.")
        raise accounts.NoAccount(config.named(sentence))
    try:
        if not 0 < len(params.get("code", "")) <= LONGEST_CODE:
            raise provider.ProviderError("there is no code")
        nonce = attempt["nonce"]
        verifier = attempt["verifier"]
        who, id_token = provider.identity(params["code"], _way_back(), nonce, verifier)
    except provider.ProviderError:
        signals.failed_login.send("")
        raise
    if attempt["user"]:
        session[OFFER] = {**asdict(who), "user": attempt["user"], "at": int(time.time())}
        return _ask_to_link(who)
    return _open_session(accounts.logged_in(who), id_token, attempt["target"])


def _open_session(user: Any, id_token: str, target: str) -> Any:
    """Start the session, as CKAN does after a log-in with a password."""
    regenerate_session()
    if not tk.login_user(user):
        raise accounts.NoAccount(accounts.closed())
    rotate_token()
    session.pop(ATTEMPTS, None)
    if len(id_token) > LONGEST_TOKEN:
        id_token = ""
    session[ID_TOKEN] = id_token
    return next_page_or_default(target)


@blueprint.route("/lier", methods=["POST"])
def link() -> Any:
    """Link the current user's account with the identity just confirmed by the provider.

    Requires the password.
    """
    offer = session.get(OFFER)
    user: Any = tk.current_user
    if not user.is_authenticated or not offer or offer["user"] != user.id:
        raise NotBegunHere
    if time.time() - offer["at"] > SECONDS:
        raise NotBegunHere
    who = Identity(
        **{field.name: offer[field.name] for field in fields(Identity) if field.name in offer}
    )
    if not user.validate_password(request.form.get("old_password", "")):
        tk.h.flash_error(tk._("This is not the password of your account."))
        return _ask_to_link(who)
    session.pop(OFFER, None)
    accounts.link(user, who)
    sentence = tk._("Your account is linked: from now on you can log in with {provider}.")
    tk.h.flash_success(config.named(sentence))
    return tk.redirect_to("user.edit")


def _ask_to_link(who: Identity) -> str:
    return tk.render("ecosphere_openid/link.html", {"who": who, "provider": config.provider_name()})


@blueprint.route("/delier", methods=["POST"])
def unlink() -> Any:
    """Unlink the current user's account."""
    if not tk.current_user.is_authenticated:
        return tk.redirect_to("user.login")
    accounts.unlink(tk.current_user)  # type: ignore[arg-type]
    sentence = tk._(
        "Your account is no longer linked with {provider}: you log in with its password. If you "
        "have none, ask for one with “Forgotten your password?”."
    )
    tk.h.flash_success(config.named(sentence))
    return tk.redirect_to("user.edit")


def log_out() -> Any:
    """End the session here and at the provider, if it was started there.

    Returns:
        the redirect to the provider; None to continue with CKAN's own log-out.
    """
    if config.missing() or ID_TOKEN not in session or not tk.current_user.is_authenticated:
        return None
    try:
        farewell = tk.url_for("user.logged_out_page", locale="default", _external=True)
        address = provider.end_session_url(
            session.pop(ID_TOKEN), secrets.token_urlsafe(32), farewell
        )
    except provider.ProviderError as error:
        log.warning("OpenID Connect: %s", _loggable(error))
        return None
    if not address:
        return None
    tk.logout_user()
    return tk.redirect_to(address)


def _attempts() -> dict[str, Any]:
    """Return the pending log-ins of this session that have not expired."""
    since = time.time() - SECONDS
    attempts = session.get(ATTEMPTS, {})
    return {state: attempt for state, attempt in attempts.items() if attempt["at"] >= since}


def _user_id() -> str:
    if not tk.current_user.is_authenticated:
        return ""
    return tk.current_user.id  # type: ignore[return-value]


def _way_back() -> str:
    """Return the absolute URL of `back` without a language, as registered with the provider."""
    return tk.url_for(".back", locale="default", _external=True)


@blueprint.errorhandler(accounts.NoAccount)
def _refused(error: Exception, status: int = 403) -> tuple[str, int]:
    return tk.render("ecosphere_openid/refused.html", {"sentence": str(error)}), status


@blueprint.errorhandler(NotBegunHere)
def _not_begun_here(_error: Exception) -> tuple[str, int]:
    sentence = tk._(
        "This log-in was not begun in this browser, took too long, or is over. Begin again."
    )
    return _refused(NotBegunHere(sentence), 400)


@blueprint.errorhandler(provider.ProviderError)
def _failed(error: Exception) -> tuple[str, int]:
    log.warning("OpenID Connect: %s", _loggable(error))
    sentence = tk._(
        "The log-in with {provider} did not succeed. Try again later, or log in with a password."
    )
    return _refused(provider.ProviderError(config.named(sentence)), 502)


def _loggable(error: Exception) -> str:
    return one_line(str(error))[:LONGEST_LOGGED]
