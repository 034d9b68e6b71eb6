"""Batches: one question to several services, as one request for each, with its own clock and answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import dictize, service
from ckanext.ecosphere.data_requests.answers import deliveries
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import Request, new_id
from ckanext.ecosphere.shared import language

_ = tk._

#: Maximum number of services for one question.
MOST = 10


def of_request(request: Request) -> list[Request]:
    """Return the requests of the same question, including the request itself, the oldest first."""
    if not request.batch_id:
        return [request]
    query = sa.select(Request).where(Request.batch_id == request.batch_id).order_by(Request.submitted, Request.id)
    return list(model.Session.scalars(query))


def shown(request: Request, reader: Reader) -> list[dict[str, Any]]:
    """Return the requests of the batch that the reader may read, each with its answers."""
    parts = [each for each in of_request(request) if reader.may_read(each)]
    answered = {
        each.id: {
            "datasets": dictize.datasets(each, reader, "answer"),
            "deliveries": deliveries.of_request(each, reader),
        }
        for each in parts
        if each.state in states.GIVEN
    }
    nothing: dict[str, Any] = {"datasets": [], "deliveries": []}
    return [{**found, **answered.get(found["id"], nothing)} for found in dictize.request_list(parts, reader)]


def grow(reader: Reader, request_id: str, groups: Sequence[model.Group]) -> list[Request]:
    """Put the question to other services, all of them or none.

    Args:
        reader: the requester.
        request_id: id of the request with the question.
        groups: the services.

    Raises:
        ValidationError: no service is given, there are too many, one was already asked, or the request is over.
    """
    made, events = [], []
    with service.rolled_back_on_error():
        request = service.lock(request_id)[request_id]
        if not dictize.may_ask_more(request, reader):
            raise tk.ValidationError({"organizations": [_("This request can no longer be put to other services.")]})
        _check(groups, {each.organization_id for each in of_request(request)})
        request.batch_id = request.batch_id or request.id
        for group in groups:
            part = _copy(request, group)
            model.Session.add(part)
            model.Session.flush()
            made.append(part)
            events.append(service.sent(part, reader.id))
        model.Session.commit()
    for part, steps in zip(made, events, strict=True):
        service.announce(part, steps)
    return made


def _check(groups: Sequence[model.Group], asked: set[str | None]) -> None:
    if not groups:
        raise tk.ValidationError({"organizations": [_("Choose at least one service.")]})
    if twice := [each.title or each.name for each in groups if each.id in asked]:
        message = _("This service has your question already: {names}.").format(names=", ".join(twice))
        raise tk.ValidationError({"organizations": [message]})
    if len(groups) + len(asked) > MOST:
        message = _("One question goes to {number} services at most.").format(number=MOST)
        raise tk.ValidationError({"organizations": [message]})


def _copy(request: Request, group: model.Group) -> Request:
    moment = clock.now()
    part = Request(id=new_id(), requester_id=request.requester_id, created=moment, modified=moment, state=states.DRAFT)
    service.fill_in(part)
    service.write(part, {name: getattr(request, name) for name in service.EDITABLE})
    part.kind, part.language = request.kind, request.language or language.current()
    part.batch_id, part.organization_id = request.batch_id, group.id
    return part
