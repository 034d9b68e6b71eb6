"""Server-side end of sessions: after a log-out or password change, copied cookies are worthless.

API tokens end with a password that somebody else sets, since whoever recovers an account does not know who made them.

CKAN keeps sessions in signed cookies by default, and the cookie "remember me" is the same for ever: whoever copied one
stays logged in for a year. Each log-in therefore gets a stamp, which the session carries (and, for "remember me", a
second cookie). What a person has ended is in their row of the table of users: it is there without Redis, and read
together with the person.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import ckan.plugins.toolkit as tk
import flask_login
import sqlalchemy as sa
from ckan import model
from ckan.common import session
from flask import current_app, g, has_request_context, request
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import event
from werkzeug.wrappers import Response

KEY = "ecosphere_session"
COOKIE = "ecosphere_remember"
SALT = "ecosphere-remember"
MOST_ENDED = 20
ACCOUNT_PAGE, LOG_IN_PAGE = "user.edit", "user.login"


def listen() -> None:
    """Register the handlers of log-ins, log-outs and password changes; repeated calls have no effect."""
    flask_login.user_logged_in.connect(_logged_in)
    flask_login.user_logged_out.connect(_logged_out)
    flask_login.user_loaded_from_cookie.connect(_remembered)
    if not event.contains(model.User, "before_update", _password_changes):
        event.listen(model.User, "before_update", _password_changes)


def check() -> None:
    """Log out a person whose session was ended elsewhere."""
    user: Any = tk.current_user
    if not user.is_authenticated or g.get("login_via_auth_header"):
        return
    g.ecosphere_session_user = user.id
    if is_ended(user.plugin_extras, session.get(KEY)):
        g.ecosphere_ended = True
        tk.logout_user()
        session.pop(KEY, None)
        g.user, g.userobj = "", None
        g.ecosphere_session_user = None


def finish(response: Response) -> Response:
    """Set or delete the second "remember me" cookie; keep the session in which the password was changed."""
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
        value = _serializer().dumps([session["_user_id"], session[KEY]])
        response.set_cookie(COOKIE, value, max_age=g.ecosphere_remember, **options)
    elif COOKIE in request.cookies and not tk.current_user.is_authenticated:
        response.delete_cookie(COOKIE, **options)
    return response


def is_ended(extras: MutableMapping[str, Any] | None, stamp: str | None) -> bool:
    """Return whether a session was ended.

    Args:
        extras: `plugin_extras` of the user.
        stamp: stamp of the session; None for one that began before this plugin was enabled, or comes from the "remember
            me" cookie alone. Such a session lasts until the user's next log-out or password change.
    """
    record = (extras or {}).get(KEY)
    if not record:
        return False
    return not stamp or stamp in record.get("ended", ()) or _began(stamp) < record.get("after", 0)


def _logged_in(_app: Any, user: Any = None, **_: Any) -> None:
    session[KEY] = _new_stamp()
    g.ecosphere_session_user = user.id if user else None
    if session.get("_remember") == "set":
        seconds = session.get("_remember_seconds") or current_app.config["REMEMBER_COOKIE_DURATION"]
        g.ecosphere_remember = int(getattr(seconds, "total_seconds", lambda: seconds)())


def _logged_out(_app: Any, user: Any = None, **_: Any) -> None:
    """Record that this session has ended; sessions without a stamp cannot be told apart, so all of them end."""
    stamp = session.pop(KEY, None)
    if g.get("ecosphere_ended") or not user or not getattr(user, "id", None):
        return
    with _record(user.id) as record:
        record.setdefault("after", 0)
        if stamp:
            ended = sorted({*record.get("ended", ()), stamp}, key=_began)
            dropped, record["ended"] = ended[:-MOST_ENDED], ended[-MOST_ENDED:]
            if dropped:  # the list is bounded: sessions as old as the dropped ones end, too
                record["after"] = max(record["after"], _began(dropped[-1]) + 1e-6)


def _remembered(_app: Any, user: Any = None, **_: Any) -> None:
    """Give a session restored from "remember me" the stamp of the log-in that set the cookie."""
    session.pop(KEY, None)
    try:
        user_id, stamp = _serializer().loads(request.cookies.get(COOKIE, ""))
    except (BadData, ValueError):
        return
    if user and user_id == user.id:
        session[KEY] = stamp


def is_recovered(user: model.User) -> bool:
    """Tell whether somebody sets a password who is not logged in to the account: by a link in an e-mail, mostly.

    Whoever was there before may have made the account with the address of somebody else, or have stolen its password:
    every way in that they left behind must end. To be called before the row is written. A log-in with the right
    password may write its hash anew, when CKAN makes longer ones: that is no new password.
    """
    state: Any = sa.inspect(user)
    if not state.attrs._password.history.has_changes():
        return False
    if not has_request_context():
        return True
    is_own = tk.current_user.is_authenticated and tk.current_user.id == user.id
    return not is_own and request.endpoint != LOG_IN_PAGE


def _password_changes(_mapper: Any, connection: Any, user: model.User) -> None:
    """End all sessions of a person in the transaction that changes their password, wherever it comes from.

    API tokens end when the account is recovered.
    """
    state: Any = sa.inspect(user)
    history = state.attrs._password.history
    if history.has_changes():
        user.plugin_extras = {**(user.plugin_extras or {}), KEY: {"after": time.time(), "ended": []}}
    if is_recovered(user):
        connection.execute(sa.delete(model.ApiToken).where(model.ApiToken.user_id == user.id))


def _keep_own_session() -> None:
    """Keep the session in which the user changed their own password, under a new stamp."""
    user_id = g.get("ecosphere_session_user")
    user = model.User.get(user_id) if user_id else None
    if user and session.get("_user_id") == user.id and is_ended(user.plugin_extras, session.get(KEY)):
        session[KEY] = _new_stamp()


@contextmanager
def _record(user_id: str) -> Iterator[dict[str, Any]]:
    """Yield the user's record of ended sessions, changed under a row lock and committed at the end."""
    rows = model.Session.query(model.User).filter_by(id=user_id).populate_existing().with_for_update()
    user = rows.one_or_none()
    if user is None:
        yield {}
        return
    record = dict((user.plugin_extras or {}).get(KEY) or {})
    yield record
    user.plugin_extras = {**(user.plugin_extras or {}), KEY: record}
    model.Session.commit()


def _new_stamp() -> str:
    return f"{time.time():.6f}-{secrets.token_hex(8)}"


def _began(stamp: str) -> float:
    try:
        return float(stamp.partition("-")[0])
    except ValueError:
        return 0.0


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=SALT)
