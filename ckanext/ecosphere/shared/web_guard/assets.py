"""Scripts, styles, images and translations: browsers keep them, and no session comes with them."""

from __future__ import annotations

import re
from http import HTTPStatus

from flask import Flask, request
from flask.sessions import SessionMixin
from flask.wrappers import Response

#: Endpoints whose answers are the same for everybody: files of the themes, scripts, styles, translations, outlines.
ASSETS = frozenset({"static", "webassets.index", "api.i18n_js_translations", "ecosphere_epci_map.of_departement"})
#: A name that changes with the content ("/webassets/base/975ea767_main.js") is asked for once; another, each hour.
VERSIONED = re.compile(r"/webassets/.*/[0-9a-f]{8}_[^/]+")
FOR_EVER = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600"


def spare(portal: Flask) -> None:
    """Have browsers keep the assets; neither save the session nor send its cookie with one.

    CKAN tells browsers to ask again for each asset of each page, and starts no script of a page before the answer for
    the translations is there. It sends the session's cookie with every answer, although proxies keep assets, too: a
    cache could hand one person's session to another, and an asset that comes late undo what a page did meanwhile, as a
    log-in.
    """
    save = portal.session_interface.save_session

    def save_session(app: Flask, session: SessionMixin, response: Response) -> None:
        if request.endpoint not in ASSETS:
            save(app, session, response)
        elif response.status_code in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED) and not app.debug:
            # CKAN's own header is set after those of all blueprints; this is later still.
            response.headers["Cache-Control"] = FOR_EVER if VERSIONED.fullmatch(request.path) else FOR_AN_HOUR

    portal.session_interface.save_session = save_session
