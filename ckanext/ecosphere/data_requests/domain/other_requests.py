"""Other requests that a transition names: the one that goes on instead of a duplicate, or is treated together."""

from __future__ import annotations

from datetime import date
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests.domain import people, states
from ckanext.ecosphere.data_requests.model import DatasetLink, Request

_ = tk._

#: Maximum number of requests that are treated together.
MOST_JOINED = 100


def duplicated(value: Any, request: Request, today: date, actor: str | None) -> str:
    """Read the request of the same author, or the signal, that goes on instead of a duplicate."""
    target = _another(value, request, actor)
    if not request.is_signal and (request.requester_id is None or target.requester_id != request.requester_id):
        message = _(
            "This is the request of another person, who is owed an answer as well: treat them together instead."
        )
        raise tk.Invalid(message)
    if target.visibility != request.visibility:
        raise tk.Invalid(_("A public and a private request cannot be merged."))
    return target.id


def companion(value: Any, request: Request, today: date, actor: str | None) -> str:
    """Read the request with which another is treated together."""
    target = _another(value, request, actor)
    if target.is_signal:
        raise tk.Invalid(_("This is a report, not a request."))
    if request.joined_id and target.joined_id:
        raise tk.Invalid(_("Both are treated together with others already: take this one out first."))
    joined_id = request.joined_id or target.joined_id
    if joined_id and model.Session.query(Request).filter(Request.joined_id == joined_id).count() >= MOST_JOINED:
        raise tk.Invalid(_("Too many: {number} at most.").format(number=MOST_JOINED))
    return target.id


def _another(value: Any, request: Request, actor: str | None) -> Request:
    """Read the reference or id of another open request of the same service."""
    target = by_id_or_reference(str(value))
    reader = people.reader_of(model.User.get(actor) if actor else None)
    if target is None or target.submitted is None or not reader.may_read(target):
        raise tk.Invalid(_("There is no such request."))
    if target.id == request.id:
        raise tk.Invalid(_("Choose another request: this is the same one."))
    if target.state not in states.ACTIVE:
        raise tk.Invalid(_is_closed(target, actor))
    if target.organization_id != request.organization_id:
        raise tk.Invalid(_("This one is with another service, which answers for itself: transfer one of them first."))
    return target


def _is_closed(target: Request, actor: str | None) -> str:
    """Return why a request cannot go on with a closed one and, if that was answered with data, what to do."""
    message = _("Choose a request that goes on: this one is closed.")
    if target.state not in states.GIVEN:
        return message
    answer = sa.select(model.Package).join(DatasetLink, DatasetLink.package_id == model.Package.id)
    answer = answer.where(DatasetLink.request_id == target.id, DatasetLink.kind == "answer")
    titles = [each.title or each.name for each in model.Session.scalars(answer) if reads(actor, each)]
    if not titles:
        return f"{message} " + _("It was answered: have the service answer with the same data.")
    words = _("It was answered: have the service answer with the same datasets ({titles}).")
    return f"{message} " + words.format(titles=", ".join(titles))


def by_id_or_reference(key: str) -> Request | None:
    """Return the request with this id or reference."""
    if key.upper().startswith("DD-"):
        return model.Session.query(Request).filter(Request.reference == key.upper()).one_or_none()
    return model.Session.get(Request, key)


def reads(user_id: str | None, package: model.Package) -> bool:
    """Return whether a user, or an anonymous visitor without one, may read a dataset."""
    user = model.User.get(user_id) if user_id else None
    context: Any = {"user": user.name if user else "", "auth_user_obj": user}
    try:
        return tk.check_access("package_show", context, {"id": package.id})
    except tk.NotAuthorized:
        return False
