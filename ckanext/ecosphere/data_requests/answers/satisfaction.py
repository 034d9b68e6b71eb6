"""Whether an answer was what its requester needed: asked once by e-mail and on the page, with one click."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.data_requests import dictize, service
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.shared.mailing import headers

_ = tk._

SALT = "ecosphere-requests-satisfaction"
YES, NO = "yes", "no"
SECONDS = 180 * 24 * 3600


def keep(request_id: str, said: str) -> Request:
    """Keep what the requester said; they may change their mind.

    Raises:
        ValidationError: the request has no answer (any more).
    """
    with service.rolled_back_on_error():
        request = service.lock(request_id)[request_id]
        if not dictize.satisfaction_is_asked(request):
            raise tk.ValidationError({"satisfied": [_("This request has no answer at present.")]})
        request.satisfied, request.satisfied_on = said, clock.day_of(clock.now())
        model.Session.commit()
    return request


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
