"""Requests for the same thing, treated together: what is decided for one is decided for all, each with its own letter.

Each keeps its author, reference, period and remedies; authors of private requests never learn of one another. A step
goes to those for which it is lawful; the others are left out, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import attachments, service
from ckanext.ecosphere.data_requests.domain import clock, fields, states, wording
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import Event, Request


@dataclass
class Shared:
    """What became of a step for the requests treated together.

    Attributes:
        done: the others for which it was done as well, with their events.
        left_out: those for which it was not possible, with the reason as a sentence.
    """

    done: list[tuple[Request, Event]] = field(default_factory=list)
    left_out: list[tuple[Request, str]] = field(default_factory=list)

    def shown(self, reader: Reader) -> dict[str, list[Any]]:
        """Return the references of those that the reader may read."""
        left_out = [(each, words) for each, words in self.left_out if reader.may_read(each)]
        return {
            "done": [each.reference for each, _event in self.done],
            "left_out": [{"reference": each.reference, "reason": words} for each, words in left_out],
        }


def transition(
    reader: Reader, request_id: str, name: str, version: int, data: Mapping[str, Any]
) -> tuple[Request, Shared]:
    """Do a transition for a user and, if it is a step of the work, for the requests treated together with this one.

    Args and errors are those of `service.transition`.
    """
    shared = Shared()
    others = _locked(request_id) if name in states.SHARED else []
    # A file is moved to the request that it answers: each gets its own.
    files = {each.id: [attachments.twin(found) for found in data.get("files") or ()] for each in others}

    def go_on(request: Request) -> None:
        for other in others:
            given = {**data, "files": files[other.id], "note": ""}
            _do(reader, other, name, given, shared)

    try:
        request = service.transition(reader, request_id, name, version, data, also=go_on)
    finally:
        for copies in files.values():
            attachments.discard(copies)
    for other, event in shared.done:
        service.announce(other, [event])
    return request, shared


def _do(reader: Reader, request: Request, name: str, given: Mapping[str, Any], shared: Shared) -> None:
    words = _obstacle(reader, request, name, given)
    if words:
        shared.left_out.append((request, words))
        return
    role = states.acting_role(name, reader.roles(request))
    shared.done.append((request, service.perform(request, name, role, reader.id, given)))


def _obstacle(reader: Reader, request: Request, name: str, given: Mapping[str, Any]) -> str:
    """Return what prevents a step for a request, as a sentence; "" when nothing does."""
    moment = clock.now()
    today = clock.day_of(moment)
    code = states.obstacle(states.Facts.of(request), name, reader.roles(request), moment, today)
    if code:
        return wording.obstacle(code, request.state)
    try:
        fields.parse(states.TRANSITIONS[name], given, request, today, reader.id)
    except tk.ValidationError as error:
        messages: Any = error.error_dict.values()
        return " ".join(text for texts in messages for text in texts)
    return ""


def _locked(request_id: str) -> list[Request]:
    """Lock a request and those treated together with it; return the others that wait for an answer."""
    while True:
        known = _others(request_id)
        locked = service.lock(request_id, *known)
        if set(_others(request_id)) <= set(known):
            return [locked[key] for key in known]
        model.Session.rollback()  # another one was joined meanwhile


def _others(request_id: str) -> list[str]:
    joined_id = sa.select(Request.joined_id).where(Request.id == request_id).scalar_subquery()
    query = sa.select(Request.id).where(
        Request.joined_id == joined_id, Request.id != request_id, Request.state.in_(states.ACTIVE)
    )
    return list(model.Session.scalars(query.order_by(Request.submitted, Request.id)))
