"""The page on which people close their own account: what is erased and kept, then confirmation by password."""

from __future__ import annotations

import logging
import secrets
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from flask import Blueprint, Response, make_response, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core.privacy import closing
from ckanext.ecosphere.shared import web_guard
from ckanext.ecosphere.shared.web_guard import csrf

log = logging.getLogger(__name__)

INVALID, CONFLICT = 400, 409

blueprint = Blueprint("ecosphere_closing", __name__)
web_guard.protect(blueprint)


@blueprint.route("/compte/fermer", methods=["GET", "POST"])
def close() -> AnyResponse:
    """Explain what closing the account means; on POST, with the password, close it and end the session."""
    if not tk.current_user.is_authenticated:
        return tk.redirect_to("user.login", came_from=tk.url_for(".close"))  # pyright: ignore[reportReturnType]
    user = model.User.get(tk.current_user.id)  # pyright: ignore[reportArgumentType]
    if user is None:
        tk.abort(404, tk._("User not found"))
    refused = closing.obstacles(user)
    if request.method == "GET" or refused:
        return _page(user, refused, status=CONFLICT if refused and request.method == "POST" else 200)
    if not _confirms(user):
        return _page(user, [], wrong=True, status=INVALID)
    user_id = user.id
    farewell = _logged_out()
    try:
        closing.close(user_id)
    except closing.Refused as error:
        for sentence in error.sentences:
            tk.h.flash_error(sentence)
    else:
        log.info("An account was closed by its person")
        tk.h.flash_success(tk._("Your account is closed, and what was to be erased is erased."))
    return farewell or tk.redirect_to("user.logged_out_page")


def _confirms(user: model.User) -> bool:
    """Return whether the form holds the password or, for those who may have none, the account name.

    The name is accepted only in a browser session: a stolen API token cannot close an account.
    """
    password, typed = request.form.get("old_password", ""), request.form.get("account", "").strip().lower()
    if password and user.validate_password(password):
        return True
    by_name = csrf.by_cookie() and not closing.needs_password(user)
    return by_name and secrets.compare_digest(typed.encode(), user.name.encode())


def _logged_out() -> Any:
    """Log out, also from the identity provider; return its redirect, if there is one."""
    for plugin in p.PluginImplementations(p.IAuthenticator):
        if farewell := plugin.logout():
            return farewell
    tk.logout_user()
    return None


def _page(user: model.User, refused: list[str], *, wrong: bool = False, status: int = 200) -> Response:
    variables = {
        "account": user.name,
        "refused": refused,
        "wrong": wrong,
        "notice": closing.notice(),
        "needs_password": closing.needs_password(user),
    }
    response = make_response(tk.render("ecosphere_accounts/close.html", variables), status)
    response.cache_control.no_store = True
    return response
