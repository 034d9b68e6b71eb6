"""The command `ckan` for the portal of the browser tests, with cached assets and stack traces on
SIGUSR1.

On SIGUSR1, the stacks of all threads are written to the log. Assets are cached, since each test
uses a new browser without a cache, and CKAN looks up the user for each of them.
"""

from __future__ import annotations

import faulthandler
import re
import signal
from collections.abc import Iterable
from typing import Any

from ckan.cli import server
from ckan.cli.cli import ckan
from werkzeug.datastructures import Headers
from werkzeug.test import run_wsgi_app

#: Assets common to all pages: scripts, styles, fonts and images of CKAN and of the plugins, and the
#: translations.
ASSET = re.compile(
    r"/((webassets|base|vendor|ecosphere)/.+\.(css|js|woff2?|ttf|svg|png|gif|ico)|api/i18n/\w+)"
)
#: Parts of a request that depend on the client.
ASKER = ("HTTP_COOKIE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_RANGE")


class KeptAssets:
    """WSGI middleware that caches assets.

    They are requested without cookies, and returned without any: a session cookie sent with an
    asset would replace the session of a logged-in user, and lose what the portal stores there.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._kept: dict[tuple[str, str], tuple[bytes, str, Headers]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        if environ["REQUEST_METHOD"] != "GET" or not ASSET.fullmatch(environ["PATH_INFO"]):
            return self._app(environ, start_response)
        key = environ["PATH_INFO"], environ["QUERY_STRING"]
        if key not in self._kept:
            asked = {name: value for name, value in environ.items() if name not in ASKER}
            parts, status, headers = run_wsgi_app(self._app, asked, buffered=True)
            headers.remove("Set-Cookie")
            kept = b"".join(parts), status, headers
            if not status.startswith("200"):
                start_response(status, list(headers))
                return [kept[0]]
            self._kept[key] = kept
        body, status, headers = self._kept[key]
        start_response(status, list(headers))
        return [body]


def main() -> None:
    """Run `ckan` with the arguments of the command line."""
    faulthandler.register(signal.SIGUSR1)
    run_simple = server.run_simple
    server.run_simple = lambda host, port, app, **options: run_simple(
        host, port, KeptAssets(app), **options
    )
    ckan(prog_name="ckan")


if __name__ == "__main__":
    main()
