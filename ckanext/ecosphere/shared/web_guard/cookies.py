"""Cookies of CKAN: its options, made safe where they are still at their stock value; none comes with an asset."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from flask import Flask, request
from flask.sessions import SessionMixin
from flask.wrappers import Response

UNSET = (None, "", "None")
SAMESITE = ("SESSION_COOKIE_SAMESITE", "REMEMBER_COOKIE_SAMESITE")
SECURE = ("SESSION_COOKIE_SECURE", "REMEMBER_COOKIE_SECURE")
HTTPONLY = ("SESSION_COOKIE_HTTPONLY", "REMEMBER_COOKIE_HTTPONLY")
HTTPS = "https://"


def make_safe(config: MutableMapping[str, Any], secure: bool) -> None:
    """Let browsers keep session and "remember me" from other sites, scripts and, on an https portal, plain connections.

    Args:
        config: CKAN's configuration, changed in place.
        secure: whether cookies of a portal with https travel over https only.
    """
    for option in SAMESITE:
        if config.get(option) in UNSET:
            config[option] = "Lax"
    if secure and str(config.get("ckan.site_url", "")).lower().startswith(HTTPS):
        for option in SECURE:
            config[option] = True


#: Endpoints of CKAN whose answers are the same for everybody: files of the themes, scripts, styles, translations.
ASSETS = frozenset({"static", "webassets.index", "api.i18n_js_translations"})


def spare_assets(portal: Flask) -> None:
    """Neither save the session nor send its cookie with an asset.

    CKAN does both with every answer, although browsers and proxies keep assets (`Cache-Control: public`): a cache could
    hand one person's session to another, and an asset that comes late undo what a page did meanwhile, as a log-in.
    """
    save = portal.session_interface.save_session

    def save_session(app: Flask, session: SessionMixin, response: Response) -> None:
        if request.endpoint not in ASSETS:
            save(app, session, response)

    portal.session_interface.save_session = save_session
