"""Satisfaction of requesters with answers, asked for once by e-mail and on the page."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.data_requests import dictize, service
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import Request

_ = tk._


def keep(request_id: str, said: str) -> Request:
    """Store the requester's opinion, replacing an earlier one.

    Raises:
        ValidationError: the request has no answer at present.
    """
    with service.rolled_back_on_error():
        request = service.lock(request_id)[request_id]
        if not dictize.satisfaction_is_asked(request):
            raise tk.ValidationError({"satisfied": [_("This request has no answer at present.")]})
        request.satisfied, request.satisfied_on = said, clock.day_of(clock.now())
        model.Session.commit()
    return request
