"""Defects 22, 31 and 37: a cookie opens an account only while a log-in of the account is on record.

CKAN keeps sessions in signed cookies by default, and the cookie "remember me" is the same for ever:
whoever copied one stays logged in for a year, and whoever knows `SECRET_KEY` writes one for any
account. Each log-in therefore gets a random stamp, which the session carries (and, for "remember
me", a second cookie). Its digest and the time at which it ends are in the person's row of the table
of users (`plugin_extras`): they are there without Redis, and read together with the person. A
log-out removes them, a new password removes those of all sessions.

API tokens, which have rows of their own, end with a password that somebody else sets, since whoever
recovers an account does not know who made them.

CKAN 2.12.0 also sends "remember me" with requests from other sites, and the session cookie with
answers that proxies cache: cookies stay with the portal's own pages, and are not sent with assets.

Not yet accepted by CKAN.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import ckan.plugins.toolkit as tk
import flask_login
import sqlalchemy as sa
from ckan import model
from ckan.common import session
from flask import Flask, current_app, g, request
from flask.sessions import SessionMixin
from flask.wrappers import Response as FlaskResponse
from werkzeug.wrappers import Response

from ckanext.ecosphere.setup.health import HTTPS, SAMESITE, SECURE
from ckanext.ecosphere.shared import once
from ckanext.ecosphere.shared.authorization import is_recovered

KEY = "ecosphere_session"
"""Key of the stamp in the session, and of the record in `plugin_extras`."""
COOKIE = "ecosphere_remember"
"""Cookie with the stamp, beside CKAN's own cookie "remember me"."""
MOST_SESSIONS = 50
"""Maximum number of sessions of a person; a further log-in ends the oldest one."""
ACCOUNT_PAGE = "user.edit"


def listen() -> None:
    """Register the handlers of log-ins, log-outs and password changes; idempotent."""
    flask_login.user_logged_in.connect(_logged_in)
    flask_login.user_logged_out.connect(_logged_out)
    flask_login.user_loaded_from_cookie.connect(_remembered)
    once.listen(model.User, before_update=_password_changes)


def check() -> None:
    """Log out a person whose session is not on record; extend one whose time is half over."""
    user: Any = tk.current_user
    if not user.is_authenticated or g.get("login_via_auth_header") or "_user_id" not in session:
        return
    stamp = session.get(KEY)
    seconds_left = _end(user, stamp) - time.time()
    if seconds_left <= 0:
        g.ecosphere_ended = True
        tk.logout_user()
        session.pop(KEY, None)
        g.user, g.userobj = "", None
        return
    g.ecosphere_session_user = user.id
    if seconds_left < _lifetime() / 2:
        _begin(user.id, stamp, _lifetime())


def finish(response: Response) -> Response:
    """Set or delete the second "remember me" cookie; keep the session that changed the password."""
    if request.endpoint == ACCOUNT_PAGE and request.method == "POST":
        _keep_own_session()
    options = {
        "path": current_app.config.get("REMEMBER_COOKIE_PATH") or "/",
        "domain": current_app.config.get("REMEMBER_COOKIE_DOMAIN"),
        "secure": bool(current_app.config.get("REMEMBER_COOKIE_SECURE")),
        "httponly": True,
        "samesite": "Lax",
    }
    if g.get("ecosphere_remember"):
        response.set_cookie(COOKIE, session[KEY], max_age=g.ecosphere_remember, **options)
    elif COOKIE in request.cookies and not tk.current_user.is_authenticated:
        response.delete_cookie(COOKIE, **options)
    return response


def _logged_in(_app: Any, user: Any = None, **_: Any) -> None:
    if user is None:
        return
    session[KEY] = secrets.token_urlsafe(24)
    seconds = _lifetime()
    if session.get("_remember") == "set":
        g.ecosphere_remember = _remember_seconds()
        seconds = max(seconds, g.ecosphere_remember)
    g.ecosphere_session_user = user.id
    _begin(user.id, session[KEY], seconds)


def _logged_out(_app: Any, user: Any = None, **_: Any) -> None:
    stamp = session.pop(KEY, None)
    if g.get("ecosphere_ended") or not stamp or not getattr(user, "id", None):
        return
    with _changed_sessions(user.id) as ends:
        ends.pop(_digest(stamp), None)


def _remembered(_app: Any, **_: Any) -> None:
    """Give a session restored from "remember me" the stamp of the log-in that set the cookie."""
    session[KEY] = request.cookies.get(COOKIE, "")


def _password_changes(_mapper: Any, connection: Any, user: model.User) -> None:
    """End all sessions of a person whose password changes, and the API tokens of one who recovers
    the account.

    It is part of the transaction that saves the person, wherever the change comes from.
    """
    state: Any = sa.inspect(user)
    history = state.attrs._password.history
    if history.has_changes():
        user.plugin_extras = {**(user.plugin_extras or {}), KEY: {}}
    if is_recovered(user):
        connection.execute(sa.delete(model.ApiToken).where(model.ApiToken.user_id == user.id))


def _keep_own_session() -> None:
    """Keep the session in which the user changed their own password, under a new stamp."""
    user_id = g.get("ecosphere_session_user")
    user = model.User.get(user_id) if user_id else None
    if user is None or session.get("_user_id") != user.id:
        return
    if not _end(user, session.get(KEY)):  # the new password has ended it
        session[KEY] = secrets.token_urlsafe(24)
        _begin(user.id, session[KEY], _lifetime())


def _begin(user_id: str, stamp: str, seconds: float) -> None:
    """Put a session on record, or extend it, for some seconds from now."""
    with _changed_sessions(user_id) as ends:
        ends[_digest(stamp)] = time.time() + seconds


def _end(user: model.User, stamp: Any) -> float:
    """Return when a session ends, in seconds of the epoch; 0 for one that is not on record."""
    if not stamp:
        return 0
    return _ends(user).get(_digest(stamp), 0)


def _ends(user: model.User) -> dict[str, float]:
    """Return the digest of each session of a person, with its end."""
    record = (user.plugin_extras or {}).get(KEY) or {}
    return dict(record.get("ends", {}))


@contextmanager
def _changed_sessions(user_id: str) -> Iterator[dict[str, float]]:
    """Yield the sessions of a person for changes, under a row lock; commit what becomes of them.

    Sessions that have ended are dropped, and the oldest of too many.
    """
    rows = model.Session.query(model.User).filter_by(id=user_id)
    user = rows.populate_existing().with_for_update().one_or_none()
    if user is None:
        yield {}
        return
    ends = _ends(user)
    yield ends
    latest = sorted(ends.items(), key=lambda item: item[1])[-MOST_SESSIONS:]
    record = {"ends": {digest: end for digest, end in latest if end > time.time()}}
    user.plugin_extras = {**(user.plugin_extras or {}), KEY: record}
    model.Session.commit()


def _digest(stamp: Any) -> str:
    """Return what is on record of a stamp."""
    # Whoever knows `SECRET_KEY` can put anything in place of a stamp: other types, odd characters.
    return hashlib.sha256(str(stamp).encode(errors="replace")).hexdigest()[:32]


def _lifetime() -> float:
    return current_app.permanent_session_lifetime.total_seconds()


def _remember_seconds() -> int:
    """Return how long "remember me" lasts: as this log-in says, else as the portal's option."""
    duration = session.get("_remember_seconds")
    if not duration:
        duration = current_app.config["REMEMBER_COOKIE_DURATION"]
    if isinstance(duration, timedelta):
        duration = duration.total_seconds()
    return int(duration)


# --- where cookies are sent ---

UNSET = (None, "", "None")
#: Endpoints whose answers are the same for everyone: theme files, scripts, styles, translations,
#: outlines.
ASSETS = frozenset(
    {"static", "webassets.index", "api.i18n_js_translations", "ecosphere_epci_map.of_departement"}
)
#: Paths that change with the content ("/webassets/base/975ea767_main.js"): browsers keep these for
#: ever, others for an hour.
VERSIONED = re.compile(r"/webassets/.*/[0-9a-f]{8}_[^/]+")
FOR_EVER = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600"


def make_safe(config: MutableMapping[str, Any], secure: bool) -> None:
    """Restrict session and "remember me" cookies to same-site requests, and to https.

    Args:
        config: CKAN's configuration, changed in place.
        secure: whether cookies of an https portal are marked Secure.
    """
    for option in SAMESITE:
        if config.get(option) in UNSET:
            config[option] = "Lax"
    if secure and str(config.get("ckan.site_url", "")).lower().startswith(HTTPS):
        for option in SECURE:
            config[option] = True


def spare_assets(portal: Flask) -> None:
    """Let browsers cache assets, and neither save the session nor send its cookie with them.

    CKAN makes browsers revalidate each asset on each page, and no script of a page starts before
    that of the translations has arrived. CKAN also sends the session cookie with every answer,
    although proxies cache assets: a cache could hand one person's session to another, and an asset
    that arrives late could undo a session change made meanwhile, such as a log-in.
    """
    save = portal.session_interface.save_session

    def save_session(app: Flask, session: SessionMixin, response: FlaskResponse) -> None:
        if request.endpoint not in ASSETS:
            save(app, session, response)
        elif response.status_code in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED) and not app.debug:
            # Here, since CKAN sets its own header after the blueprints' hooks, and saves the
            # session after that.
            if VERSIONED.fullmatch(request.path):
                response.headers["Cache-Control"] = FOR_EVER
            else:
                response.headers["Cache-Control"] = FOR_AN_HOUR

    portal.session_interface.save_session = save_session
