"""Defects 31 and 37: cookies stay with the portal's own pages, and are not sent with assets.

CKAN 2.12.0 sends "remember me" with requests from other sites, and the session cookie with answers that proxies cache.
Not yet accepted.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any

from flask import Flask, request
from flask.sessions import SessionMixin
from flask.wrappers import Response

from ckanext.ecosphere.setup.health import HTTPS, SAMESITE, SECURE

UNSET = (None, "", "None")
#: Endpoints whose answers are the same for everyone: theme files, scripts, styles, translations, outlines.
ASSETS = frozenset(
    {"static", "webassets.index", "api.i18n_js_translations", "ecosphere_epci_map.of_departement"}
)
#: Names that change with the content ("/webassets/base/975ea767_main.js") are cached for ever, others for an hour.
VERSIONED = re.compile(r"/webassets/.*/[0-9a-f]{8}_[^/]+")
FOR_EVER = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600"


def make_safe(config: MutableMapping[str, Any], secure: bool) -> None:
    """Restrict session and "remember me" cookies to same-site requests (Lax) and, on an https portal, to https.

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

    CKAN makes browsers revalidate each asset on each page, and no script of a page starts before the translations have
    been answered. It also sends the session cookie with every answer, although proxies cache assets: a cache could hand
    one person's session to another, and an asset that arrives late could undo a session change made meanwhile, such as
    a log-in.
    """
    save = portal.session_interface.save_session

    def save_session(app: Flask, session: SessionMixin, response: Response) -> None:
        if request.endpoint not in ASSETS:
            save(app, session, response)
        elif response.status_code in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED) and not app.debug:
            # CKAN sets its own header after the blueprints' hooks; saving the session comes later still.
            if VERSIONED.fullmatch(request.path):
                response.headers["Cache-Control"] = FOR_EVER
            else:
                response.headers["Cache-Control"] = FOR_AN_HOUR

    portal.session_interface.save_session = save_session
