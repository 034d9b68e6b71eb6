"""Answer HEAD like GET, without the content (RFC 9110, section 9.3.2).

Many views, and CKAN's API, treat every method but GET as a change; and browsers let pages of other sites send a HEAD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from flask import Flask, request

_INSTALLED = "ecosphere_head_requests"
_MARK = "ecosphere.asked_by_head"


def install(app: Flask) -> Flask:
    """Wrap the application so that views see GET instead of HEAD.

    Args:
        app: CKAN's application, changed in place.
    """
    if _INSTALLED not in app.extensions:  # by another plugin of the suite
        app.extensions[_INSTALLED] = True
        app.wsgi_app = _HeadAsGet(app.wsgi_app)  # type: ignore[method-assign]
    return app


def asked_by_head() -> bool:
    """Return whether the current GET was a HEAD, so that its content is discarded."""
    return bool(request.environ.get(_MARK))


class _HeadAsGet:
    """WSGI wrapper that turns HEAD into GET."""

    def __init__(self, inner: Callable[..., Iterable[bytes]]) -> None:
        self._inner = inner

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "HEAD":
            return self._inner(environ, start_response)
        asked = {**environ, "REQUEST_METHOD": "GET", "CONTENT_LENGTH": "0", "wsgi.input": BytesIO(), _MARK: True}
        content = self._inner(asked, start_response)
        if close := getattr(content, "close", None):
            close()
        return []
