"""Assignment of requests to an agent, or to the substitute of an absent one, with a notification."""

from __future__ import annotations

from ckan import model

from ckanext.ecosphere.data_requests import jobs, service
from ckanext.ecosphere.data_requests.desk import absences
from ckanext.ecosphere.data_requests.desk.tables import ASSIGNED, Trace
from ckanext.ecosphere.data_requests.domain import clock, other_requests, people, states
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.notifications import outbox


def assign(reader: Reader, ids: list[str], user: model.User | None) -> dict[str, list[str]]:
    """Assign requests to a colleague, or to no one; refuse those that the reader may not assign.

    Returns:
        `assigned` and `refused`: the given ids or references; `substitutes`: names of those who got requests instead of
        an absent colleague.
    """
    outcome: dict[str, list[str]] = {"assigned": [], "refused": [], "substitutes": []}
    for key in ids:
        request = other_requests.by_id_or_reference(str(key))
        target = _target(reader, request, user)
        if target is None or request is None or request.state not in states.ON_DESK:
            outcome["refused"].append(str(key))
            continue
        with service.rolled_back_on_error():
            locked = service.lock(request.id)[request.id]
            # It may have been transferred or answered since.
            still = locked.state in states.ON_DESK and _target(reader, locked, user) == target
            if still:
                _give(reader, locked, target, user)
            model.Session.commit()
        if not still:
            outcome["refused"].append(str(key))
            continue
        outcome["assigned"].append(str(key))
        if user is not None and target != user.id:
            found = model.User.get(target)
            name = found.display_name if found else ""
            outcome["substitutes"] += [name] if name not in outcome["substitutes"] else []
    if outcome["assigned"]:
        jobs.enqueue_delivery()
    return outcome


def _target(reader: Reader, request: Request | None, user: model.User | None) -> str | None:
    """Return the id of the account that gets the request, "" for no one, None when the reader may not assign it."""
    if request is None or states.EDITOR not in reader.roles(request):
        return None
    if user is None:
        return ""
    colleagues = people.editors_of(request.organization_id)
    return absences.stands_in(user.id, colleagues) if user.id in colleagues else None


def _give(reader: Reader, request: Request, target: str, user: model.User | None) -> None:
    if (request.assigned_to or "") == target:
        return
    request.assigned_to = target or None
    trace = Trace(
        request_id=request.id,
        kind=ASSIGNED,
        actor_id=reader.id,
        user_id=target or None,
        instead_of_id=user.id if user is not None and user.id != target else None,
        created=clock.now(),
    )
    model.Session.add(trace)
    model.Session.flush()
    outbox.of_assignment(request, trace.id, reader.id)
