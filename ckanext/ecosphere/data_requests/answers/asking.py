"""The signed address with which a requester says, from their e-mail, whether the answer was what they needed."""

from __future__ import annotations

from ckan import model

from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.shared.mailing import headers

SALT = "ecosphere-requests-satisfaction"
YES, NO = "yes", "no"
SECONDS = 180 * 24 * 3600


def token(request: Request) -> str:
    """Return a signed token with which the requester, from their e-mail, says whether it was answered; nothing else."""
    return headers.sign(SALT, [request.requester_id, request.id])


def read(written: str) -> Request | None:
    """Return the request of a token, None when it is none, too old, or of somebody who is no longer the requester."""
    found = headers.read(SALT, written, SECONDS)
    if not (isinstance(found, list) and len(found) == 2 and all(isinstance(each, str) for each in found)):  # noqa: PLR2004
        return None
    request = model.Session.get(Request, found[1])
    return request if request is not None and request.requester_id == found[0] else None
