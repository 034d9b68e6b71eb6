"""Defect 28: log-ins, registrations, password resets and API tokens have rate limits.

Log-ins are counted per account and address, so that nobody can lock out someone else from another
address. If many addresses try one account, only addresses from which its owner has never logged in
are slowed down. Answers do not reveal whether an account exists. Not yet accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import ckan.plugins.toolkit as tk
import flask_login
from ckan import model
from ckan.common import config
from ckan.lib import signals
from flask import g, has_request_context, make_response, request
from passlib import hash as passwords
from werkzeug.wrappers import Response

from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.shared.web_guard.incoming import Limits, is_api, refuse, refuse_too_many
from ckanext.ecosphere.shared.web_guard.rate_limits import CountingUnavailable, TooMany, address

KNOWN_SECONDS = 180 * 86_400
TOO_MANY, UNAVAILABLE = 429, 503
LONGEST_NAME = 300
#: Log-ins without a password, counted per address only; pages that ask logged-in users for their
#: password again.
ELSEWHERE = ("ecosphere_openid.start", "ecosphere_openid.back")
WITH_PASSWORD = (
    "user.edit",
    "ecosphere_openid.link",
    "ecosphere_closing.close",
    "ecosphere_credentials.set_up",
    "ecosphere_credentials.remove",
)
_settings: list[Callable[[], Limits]] = []


def listen(limits: Callable[[], Limits]) -> None:
    """Register handlers of failed and successful log-ins.

    Repeated calls only replace the limits.
    """
    _settings[:] = [limits]
    signals.failed_login.connect(_failed)
    flask_login.user_logged_in.connect(_succeeded)


def check(limits: Limits) -> Response | None:
    """Count the request if it is subject to a limit.

    Returns:
        the page that says when to try again, None when the request may proceed.
    """
    if request.headers.get(config["apitoken_header_name"]) and not tk.current_user.is_authenticated:
        _check_token(limits)
    if request.endpoint in ELSEWHERE:
        _braked(
            partial(rate_limits.probe, fallback=True),
            "login-address",
            limits.login_address,
            address(),
        )
    if request.method != "POST":
        return None
    if request.endpoint == "user.login":
        return _check_login(limits)
    if (
        request.endpoint in WITH_PASSWORD
        and request.form.get("old_password")
        and tk.current_user.is_authenticated
    ):
        _braked(_count_login, tk.current_user.name, limits)
    elif request.endpoint == "user.register" or _is_action("user_create"):
        if not tk.current_user.is_authenticated:
            _braked(rate_limits.hit, "registration", limits.registration, address())
    elif request.endpoint == "user.request_reset":
        _braked(rate_limits.hit, "reset-address", limits.reset_address, address())
        _braked(rate_limits.hit, "reset", limits.reset, _account(request.form.get("user", "")))
    elif request.endpoint == "user.perform_reset":
        _braked(rate_limits.hit, "reset-address", limits.reset_address, address())
    return None


def _check_login(limits: Limits) -> Response | None:
    try:
        _count_login(request.form.get("login", ""), limits)
    except TooMany as error:
        sentence = tk._("There were too many attempts to log in.")
        tk.h.flash_error(rate_limits.too_often(error, sentence))
        page = make_response(tk.render("user/login.html", {}), TOO_MANY)
        page.headers["Retry-After"] = str(error.seconds)
        return page
    return None


def _count_login(name: str, limits: Limits) -> None:
    """Count an attempt before the password is checked, so that concurrent attempts all count."""
    account, here = _account(name), address()
    rate_limits.probe("login-address", limits.login_address, here, fallback=True)
    rate_limits.hit("login", limits.login, account, here, fallback=True)
    if not rate_limits.is_remembered("login-known", account, here):
        rate_limits.hit("login-account", limits.login_account, account, fallback=True)


def _failed(login: Any, **_: Any) -> None:
    """Count a failed log-in for its address; take as long as for an existing account."""
    if not has_request_context():
        return
    if _user(str(login or "")) is None:
        _hashes().verify("", _dummy())
    try:
        rate_limits.hit("login-address", _settings[0]().login_address, address(), fallback=True)
    except TooMany:
        return  # the next attempt is refused


def _succeeded(_app: Any, user: Any = None, **_: Any) -> None:
    """Reset the failed attempts after a successful log-in, and remember the address as known."""
    if user and has_request_context():
        rate_limits.clear("login", _settings[0]().login, user.id, address())
        rate_limits.remember("login-known", KNOWN_SECONDS, user.id, address())


def count_taken_address() -> str:
    """Count a logged-in user's attempt to use an e-mail address of another account.

    Returns:
        the message to show if the limit is exceeded, else "".
    """
    if not _settings or not has_request_context() or not tk.current_user.is_authenticated:
        return ""  # registrations are counted by `check`
    if getattr(tk.current_user, "sysadmin", False):
        return ""
    try:
        rate_limits.hit(
            "address-taken", _settings[0]().registration, tk.current_user.id, fallback=True
        )
    except TooMany as error:
        return rate_limits.too_often(error)
    return ""


def _check_token(limits: Limits) -> None:
    """Count an invalid API token.

    Users with a valid one behind the same address are not affected.
    """
    try:
        rate_limits.hit("token", limits.token, address(), fallback=True)
    except TooMany as error:
        message = tk._("Too many API tokens that are not valid came from your address.")
        refuse_too_many(error, message)


def _braked(count: Callable[..., None], *arguments: Any) -> None:
    try:
        count(*arguments)
    except TooMany as error:
        refuse_too_many(error)
    except CountingUnavailable:
        refuse(UNAVAILABLE, rate_limits.unavailable(), "Service Unavailable")


def _hashes() -> Any:
    """Return the password hash that CKAN uses; passlib creates it on access."""
    made_on_access: Any = passwords
    return made_on_access.pbkdf2_sha512


@cache
def _dummy() -> str:
    return _hashes().hash("nobody")


def _is_action(name: str) -> bool:
    return is_api() and bool(request.view_args) and request.view_args.get("logic_function") == name


def _account(name: str) -> str:
    """Return the unit by which an account is counted: the user id,
    or a digest of an unknown name.
    """
    typed = name.strip()[:LONGEST_NAME]
    user = _user(typed)
    if user:
        return user.id
    return hashlib.sha256(typed.lower().encode()).hexdigest()[:32]


def _user(name: str) -> Any:
    if not name:
        return None
    cache = g.setdefault("ecosphere_users", {}) if has_request_context() else {}
    if name not in cache:
        cache[name] = model.User.by_name(name) or (
            model.User.by_email(name) if "@" in name else None
        )
    return cache[name]
