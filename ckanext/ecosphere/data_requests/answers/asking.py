"""Signed tokens of the links in e-mails by which requesters say whether the answer met their need."""

from __future__ import annotations

from ckan import model

from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.shared.mailing import headers

SALT = "ecosphere-requests-satisfaction"
YES, NO = "yes", "no"
SECONDS = 180 * 24 * 3600


def token(request: Request) -> str:
    """Return a signed token that lets the requester say whether the request was answered, and nothing else."""
    return headers.sign(SALT, [request.requester_id, request.id])


def read(written: str) -> Request | None:
    """Return the request of a token, None when it is invalid, too old, or its user is no longer the requester."""
    found = headers.read(SALT, written, SECONDS)
    if not (isinstance(found, list) and len(found) == 2 and all(isinstance(each, str) for each in found)):  # noqa: PLR2004
        return None
    request = model.Session.get(Request, found[1])
    return request if request is not None and request.requester_id == found[0] else None
