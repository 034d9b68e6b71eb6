"""Pages for machines: is the process alive, is the portal ready, and its metrics.

They are answered before sessions, accounts and languages come into play (`traffic.Outermost`), and
are routes of CKAN as well, for portals below a path.
"""

from __future__ import annotations

import hmac
import json
import threading
from http import HTTPStatus
from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Request, Response

from ckanext.ecosphere.operations import health, traffic

NOT_KEPT = {"Cache-Control": "no-store"}
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_scrape = threading.Lock()


def live(_asked: Request) -> Response:
    """Tell that this process answers; nothing else is looked at."""
    return _json(HTTPStatus.OK, {"status": "alive"})


def ready(asked: Request) -> Response:
    """Tell whether all checks pass, 503 if not; `?exclude=workers` leaves one out."""
    failed = health.of_this_process().failed()
    results = dict.fromkeys(health.CHECKS, "ok")
    results.update(dict.fromkeys(failed, "failed"))
    failed -= set(asked.args.getlist("exclude"))
    if failed:
        return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "failed", "checks": results})
    return _json(HTTPStatus.OK, {"status": "ready", "checks": results})


def metrics(asked: Request) -> Response:
    """Return the metrics to who has the token.

    404 while there is no token, 503 while another scrape runs.
    """
    token = traffic.metrics_token()
    if not token:
        return Response("", HTTPStatus.NOT_FOUND, NOT_KEPT)
    sent = asked.headers.get("Authorization", "")
    if not hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
        headers = {**NOT_KEPT, "WWW-Authenticate": "Bearer"}
        return Response("", HTTPStatus.UNAUTHORIZED, headers)
    if not _scrape.acquire(blocking=False):
        return Response("", HTTPStatus.SERVICE_UNAVAILABLE, NOT_KEPT)
    try:
        from ckanext.ecosphere.operations.metrics import text

        return Response(text(), HTTPStatus.OK, NOT_KEPT, content_type=CONTENT_TYPE)
    finally:
        _scrape.release()


def _json(status: HTTPStatus, content: dict[str, Any]) -> Response:
    body = json.dumps(content) + "\n"
    return Response(body, status, NOT_KEPT, content_type="application/json")


VIEWS = {
    "/ecosphere/health/live": live,
    "/ecosphere/health/ready": ready,
    "/ecosphere/metrics": metrics,
}
blueprint = Blueprint("ecosphere_operations", __name__)


def _routed() -> Response:
    return VIEWS[str(request.url_rule)](request)


for path, view in VIEWS.items():
    blueprint.add_url_rule(path, view.__name__, _routed)
