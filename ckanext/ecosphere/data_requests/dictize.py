"""Requests as dicts for the API, limited to what each reader may see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere.data_requests import attachments, history
from ckanext.ecosphere.data_requests.decisions import law, letters, referral
from ckanext.ecosphere.data_requests.domain import clock, people, states, text, wording
from ckanext.ecosphere.data_requests.domain.clock import iso, iso_for
from ckanext.ecosphere.data_requests.domain.people import Names, Reader, by_ids
from ckanext.ecosphere.data_requests.history import PERSONAL
from ckanext.ecosphere.data_requests.model import DatasetLink, Follow, Letter, Request, Support
from ckanext.ecosphere.shared import once

#: Attributes copied for all readers of the request, some of which are then emptied.
PLAIN = (
    "id",
    "reference",
    "kind",
    "version",
    "title",
    "description",
    "language",
    "state",
    "visibility",
    "use",
    "procedure_reference",
    "show_procedure",
    "theme",
    "territory",
    "communes",
    "bbox",
    "need_by",
    "formats",
    "crs",
    "scale",
    "period_start",
    "period_end",
    "show_name",
    "created",
    "submitted",
    "opened",
    "modified",
    "closed",
    "due",
    "planned",
    "satisfied",
    "answer_by",
    "review_due",
    "support_count",
    "comment_count",
)


def request_list(requests: Sequence[Request], reader: Reader) -> list[DataDict]:
    """Return requests for a list."""
    ids = [request.id for request in requests]
    names = Names.of(
        [request.requester_id for request in requests],
        [request.organization_id for request in requests],
    )
    mine = {table: _tied(table, ids, reader) for table in (Support, Follow)}
    # `_outcome` finds them in the session, which forgets what no variable holds.
    merged = by_ids(Request, [(request.outcome or {}).get("target") for request in requests])
    joined = joined_requests(requests, reader)
    results = [
        {**_request(request, reader, names, mine), "joined": joined.get(request.id, [])}
        for request in requests
    ]
    del merged
    return results


def request_show(request: Request, reader: Reader) -> DataDict:
    """Return a request with its history and conversation."""
    lines, comments = history.past(request, reader), history.comments(request, reader)
    readable_ids = history.readable(history.datasets_of(lines), reader)
    users, groups = [request.requester_id], [request.organization_id]
    for entry in lines:
        users += history.people_of(entry)
        groups += history.groups_of(entry)
    for comment in comments:
        users.append(comment.author_id)
        groups.append(comment.organization_id)
    names = Names.of(users, groups)
    mine = {table: _tied(table, [request.id], reader) for table in (Support, Follow)}
    insufficient = known_datasets(request, reader)
    suggestions = []
    if reader.is_inside(request):
        suggestions = datasets(request, reader, "suggested")
    review_until = None
    if not request.obstacle("ask_review", reader.roles(request)):
        review_until = iso(request.review_until)
    return {
        **_request(request, reader, names, mine),
        "description_html": text.to_html(request.description, request.plain_links),
        "about": _about(request, reader),
        "datasets": datasets(request, reader, "answer"),
        "deliveries": attachments.answers_of(request, reader),
        "mentioned": datasets(request, reader, "mentioned"),
        "known_datasets": [dataset["key"] for dataset in insufficient],
        "not_enough": insufficient,
        "suggestions": suggestions,
        "letters": [letter_dict(letter) for letter in letters.of_request(request, reader)],
        "events": [history.line(entry, request, reader, names, readable_ids) for entry in lines],
        "comments": history.conversation(request, comments, reader, names),
        "may": may(request, reader),
        "review_until": review_until,
        "may_say_satisfied": states.REQUESTER in reader.roles(request)
        and satisfaction_is_asked(request),
        "may_comment": may_comment(request, reader),
        "may_edit": may_edit(request, reader),
        "may_ask_more": may_ask_more(request, reader),
        "in_batch": request.batch_id is not None,
        "joined": joined_requests([request], reader).get(request.id, []),
        "may_support": may_support(request, reader),
        "duplicates": _duplicates(request, reader),
    }


def _about(request: Request, reader: Reader) -> dict[str, str] | None:
    """Return the dataset concerned by a request, when the reader may read it."""
    package = None
    if request.package_id:
        package = model.Session.get(model.Package, request.package_id)
    if package is None or not people.may_read_dataset(package, reader):
        return None
    return _dataset(package)


def _dataset(package: model.Package) -> DataDict:
    return {"id": package.id, "name": package.name, "title": package.title or package.name}


def _tied(table: Any, ids: list[str], reader: Reader) -> set[str]:
    if not reader.id or not ids:
        return set()
    query = sa.select(table.request_id).where(table.user_id == reader.id, table.request_id.in_(ids))
    return set(model.Session.scalars(query))


def _request(
    request: Request,
    reader: Reader,
    names: Names,
    mine: dict[Any, set[str]],
) -> DataDict:
    roles = reader.roles(request)
    inside = reader.is_inside(request)
    result: DataDict = {}
    for key in PLAIN:
        value = getattr(request, key)
        result[key] = iso_for(value, bool(roles)) if isinstance(value, date) else value
    reason = request.routing_reason or {}
    organization = None
    if request.opened or roles:
        organization = names.group(request.organization_id)
    routing_reason = ""
    if inside or states.REQUESTER in roles:
        routing_reason = wording.routing_reason(reason)
    requester_organisation = ""
    if roles or request.show_name:
        requester_organisation = request.requester_organisation
    flags = []
    if inside:
        flags = [{**flag, "label": wording.flag(flag)} for flag in request.flags]
    result |= {
        "kind_label": wording.message("kinds", request.kind),
        "is_signal": request.is_signal,
        "state_label": wording.state(request.state, request.is_signal),
        "use_label": wording.use(request.use),
        "theme_label": wording.concept("themes", request.theme),
        "territory_label": wording.territory(request),
        "organization": organization,
        "routing_reason": routing_reason,
        "clock": clock.read(request.state, request.due, request.extended, clock.today()),
        "outcome": _outcome(request, reader),
        "supported": request.id in mine[Support],
        "followed": request.id in mine[Follow],
        "requester": _requester(request, roles, inside, names),
        "requester_organisation": requester_organisation,
        "flags": flags,
        "hidden": request.hidden,
        "anonymised": request.anonymised is not None,
        "roles": sorted(roles),
        "assigned_to": _assignee(request, reader),
        "may_refer": _may_refer(request, reader),
    }
    if roles:
        result["requester_siret"] = request.requester_siret
    if not roles:
        result["satisfied"] = ""
    if not (roles or request.show_procedure):
        result["procedure_reference"] = ""
    return result


def _requester(
    request: Request, roles: Iterable[str], inside: bool, names: Names
) -> DataDict | None:
    """Return the requester, for those with a role in the request,
    and for all if the name is public.
    """
    name = names.person(request.requester_id)
    if not name or not (request.show_name or roles):
        return None
    person = {"name": name, "organisation": request.requester_organisation}
    if inside or states.REQUESTER in set(roles):
        person["user"] = names.users[request.requester_id or ""].name
    return person


def _assignee(request: Request, reader: Reader) -> DataDict | None:
    """Return the assignee with the last day of their absence and their substitute, for those who
    handle the request.

    An assignee who has left the service is not returned.
    """
    assigned, service = request.assigned_to, request.organization_id
    if not assigned or not reader.is_inside(request):
        return None
    colleagues = once.for_page("editors", service, lambda: people.editors_of(service))
    if assigned not in colleagues:
        return None
    return once.for_page("assignee", assigned, lambda: agent(assigned))


def agent(user_id: str) -> DataDict:
    """Return an agent of a service, with the last day of a present absence
    and the name of the substitute.
    """
    user: Any = model.User.get(user_id)
    absence = people.absences([user_id]).get(user_id)
    person = {"id": user.id, "user": user.name, "name": people.person_name(user)}
    if absence is None:
        return {**person, "away_until": None, "substitute": ""}
    substitute = Names.of([absence.substitute_id], []).person(absence.substitute_id)
    return {**person, "away_until": absence.last.isoformat(), "substitute": substitute}


def _outcome(request: Request, reader: Reader) -> DataDict:
    """Return the last decision.

    Reasons addressed to the requester are only for those with a role in the request.
    """
    outcome = dict(request.outcome or {})
    if not reader.roles(request):
        outcome = {key: value for key, value in outcome.items() if key not in PERSONAL}
    outcome = history.without_spam(outcome, reader.is_inside(request))
    if "ground" in outcome:
        outcome["ground_label"] = wording.ground(outcome["ground"], outcome.get("other_ground", ""))
    if "target" in outcome:
        target = model.Session.get(Request, outcome.pop("target"))
        if target and reader.may_read(target):
            outcome["target"] = history.brief(target)
    return outcome


def letter_dict(letter: Letter) -> DataDict:
    """Return a letter for the list of a request."""
    columns = ("id", "kind", "event_id", "subject", "sha256")
    return {**{name: getattr(letter, name) for name in columns}, "created": iso(letter.created)}


def datasets(request: Request, reader: Reader, kind: str) -> list[DataDict]:
    """Return the datasets related to a request that the reader may read."""
    query = (
        sa.select(model.Package)
        .join(DatasetLink, DatasetLink.package_id == model.Package.id)
        .where(DatasetLink.request_id == request.id, DatasetLink.kind == kind)
        .order_by(DatasetLink.score.desc(), DatasetLink.created)
    )
    return [
        {**_dataset(package), "private": package.private}
        for package in model.Session.scalars(query)
        if people.may_read_dataset(package, reader)
    ]


#: Pattern of names and ids of datasets, as opposed to a description.
_DATASET_NAME = re.compile(r"[\w-]{2,100}")


def _name_in(key: str) -> str:
    return key.rstrip("/").rsplit("/", 1)[-1]


def known_datasets(request: Request, reader: Reader) -> list[dict[str, str]]:
    """Return the insufficient datasets named by the requester.

    Returns:
        key (as given), name and title; both "" when there is no such dataset, or the reader may not
        read it. For readers other than the requester, such entries are left out if they look like a
        name: to show only some of them would reveal which private datasets exist.
    """
    own, entries = states.REQUESTER in reader.roles(request), []
    for key in request.known_datasets or ():
        package = model.Package.get(_name_in(key))
        if package is not None and people.may_read_dataset(package, reader):
            entries.append(
                {"key": key, "name": package.name, "title": package.title or package.name}
            )
        elif own or (package is None and not _DATASET_NAME.fullmatch(_name_in(key))):
            entries.append({"key": key, "name": "", "title": ""})
    return entries


def may(request: Request, reader: Reader) -> list[DataDict]:
    """Return the transitions that the reader may do now, with their fields."""
    roles = reader.roles(request)
    possible = []
    for name, transition in states.TRANSITIONS.items():
        if not request.obstacle(name, roles):
            step = {
                "transition": name,
                "label": wording.message("transitions", name, signal=request.is_signal),
                "fields": list(transition.fields),
                "required": [field for field in transition.required if field not in states.INSTEAD],
            }
            possible.append(step)
    return possible


def _may_refer(request: Request, reader: Reader) -> str | None:
    """Return the last day on which the requester may turn to the CADA,
    None when there is nothing to refer.
    """
    if states.REQUESTER not in reader.roles(request):
        return None
    cause = referral.cause(request)
    if cause is None:
        return None
    _why, since = cause
    return iso(law.last_day("refer", since))


def satisfaction_is_asked(request: Request) -> bool:
    """Return whether the requester may give an opinion on the answer."""
    return request.state in states.GIVEN and not request.anonymised


def may_comment(request: Request, reader: Reader) -> bool:
    """Return whether the reader may comment."""
    return (
        bool(reader.id)
        and request.submitted is not None
        and not request.anonymised
        and reader.may_read(request)
    )


def may_edit(request: Request, reader: Reader) -> bool:
    """Return whether the reader may change the request's fields."""
    editable = (states.DRAFT, *states.STILL_EDITABLE)
    return states.REQUESTER in reader.roles(request) and request.state in editable


def may_ask_more(request: Request, reader: Reader) -> bool:
    """Return whether the reader, the requester, may put the question to other services."""
    own = (
        states.REQUESTER in reader.roles(request)
        and request.submitted is not None
        and not request.anonymised
    )
    return (
        own
        and request.kind == states.DATA
        and request.state not in (states.REJECTED, states.WITHDRAWN)
    )


def may_support(request: Request, reader: Reader) -> bool:
    """Return whether the reader may support the request, once logged in."""
    return (
        request.listed
        and request.state in states.ACTIVE
        and request.requester_id != (reader.id or "-")
    )


def _duplicates(request: Request, reader: Reader) -> list[DataDict]:
    query = sa.select(Request).where(Request.duplicate_of == request.id).order_by(Request.submitted)
    return [
        history.brief(duplicate)
        for duplicate in model.Session.scalars(query)
        if reader.may_read(duplicate)
    ]


def joined_requests(requests: Sequence[Request], reader: Reader) -> dict[str, list[DataDict]]:
    """Return the requests treated together with each of these, as far as the reader may know, in
    one query.

    Those who handle a request see all that they may read; everyone else sees the public ones, of a
    public request.
    """
    together = [request for request in requests if request.joined_id]
    if not together:
        return {}
    ids = {request.joined_id for request in together}
    query = sa.select(Request).where(Request.joined_id.in_(ids), reader.condition())
    others = model.Session.scalars(query.order_by(Request.reference)).all()
    joined = {}
    for request in together:
        known_others = [other for other in others if _may_know(other, request, reader)]
        joined[request.id] = [_joined_dict(other) for other in known_others]
    return joined


def _may_know(other: Request, request: Request, reader: Reader) -> bool:
    if other.joined_id != request.joined_id or other.id == request.id:
        return False
    return reader.is_inside(request) or (request.visibility == "public" and other.listed)


def _joined_dict(request: Request) -> DataDict:
    return {
        **history.brief(request),
        "state": request.state,
        "state_label": wording.state(request.state),
        "due": iso(request.due),
    }
