"""Requests as the API shows them: to each reader what they may know, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import clock, service, states, text, wording
from ckanext.ecosphere.data_requests.decisions import store
from ckanext.ecosphere.data_requests.decisions.tables import Letter
from ckanext.ecosphere.data_requests.model import Attachment, Comment, DatasetLink, Event, Follow, Request, Support
from ckanext.ecosphere.data_requests.people import Reader

#: Shown to whoever may read the request.
PLAIN = (
    "id",
    "reference",
    "version",
    "title",
    "description",
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
    "known_datasets",
    "show_name",
    "created",
    "submitted",
    "opened",
    "modified",
    "closed",
    "due",
    "planned",
    "answer_by",
    "support_count",
    "comment_count",
)
#: Outcome and fields of events that are addressed to the requester alone.
PERSONAL = (
    "ground",
    "other_ground",
    "kind",
    "emissions",
    "law",
    "facts",
    "completion",
    "separable",
    "transmitted_to",
    "text",
    "spam",
)


@dataclass
class Names:
    """Names of people, services and datasets, read in one query each."""

    users: dict[str, model.User] = field(default_factory=dict)
    groups: dict[str, model.Group] = field(default_factory=dict)

    @classmethod
    def of(cls, users: Iterable[str | None], groups: Iterable[str | None]) -> Names:
        """Read the names of these people and services."""
        return cls(
            {each.id: each for each in _by_ids(model.User, users)},
            {each.id: each for each in _by_ids(model.Group, groups)},
        )

    def group(self, group_id: str | None) -> dict[str, str] | None:
        """A service as {id, name, title}."""
        found = self.groups.get(group_id or "")
        return {"id": found.id, "name": found.name, "title": found.title or found.name} if found else None

    def person(self, user_id: str | None) -> str:
        """Name of a person, "" when there is none any more."""
        found = self.users.get(user_id or "")
        return found.display_name if found else ""


def _by_ids(table: Any, ids: Iterable[str | None]) -> Sequence[Any]:
    wanted = {each for each in ids if each}
    return model.Session.scalars(sa.select(table).where(table.id.in_(wanted))).all() if wanted else []


def iso(value: date | datetime | None) -> str | None:
    """A day or moment as text."""
    return value.isoformat() if value else None


def today() -> date:
    """Current day in Paris."""
    return clock.day_of(datetime.now(timezone.utc))


def request_list(requests: Sequence[Request], reader: Reader) -> list[dict[str, Any]]:
    """Requests as a list shows them."""
    ids = [each.id for each in requests]
    names = Names.of(
        [each.requester_id for each in requests] + [each.assigned_to for each in requests],
        [each.organization_id for each in requests],
    )
    mine = {table: _tied(table, ids, reader) for table in (Support, Follow)}
    return [_request(each, reader, names, mine) for each in requests]


def request_show(request: Request, reader: Reader) -> dict[str, Any]:
    """A request with its history and conversation."""
    events = model.Session.scalars(sa.select(Event).where(Event.request_id == request.id).order_by(Event.id)).all()
    given = _readable({each for event in events for each in event.fields.get("datasets", ())}, reader)
    comments = _comments(request, reader)
    actors = [e.actor_id for e in events] + [c.author_id for c in comments]
    groups = [e.fields.get(key) for e in events for key in ("organization", "former_organization")]
    names = Names.of([request.requester_id, request.assigned_to, *actors], [request.organization_id, *groups])
    mine = {table: _tied(table, [request.id], reader) for table in (Support, Follow)}
    return {
        **_request(request, reader, names, mine),
        "description_html": text.html(request.description),
        "datasets": datasets(request, reader, "answer"),
        "mentioned": datasets(request, reader, "mentioned"),
        "not_enough": known_datasets(request, reader),
        "suggestions": datasets(request, reader, "suggested") if reader.is_inside(request) else [],
        "letters": [letter_dict(each) for each in store.of_request(request, reader)],
        "events": [_event(each, request, reader, names, given) for each in events],
        "comments": _conversation(request, comments, reader, names),
        "may": may(request, reader),
        "may_comment": may_comment(request, reader),
        "may_edit": may_edit(request, reader),
        "may_support": may_support(request, reader),
        "duplicates": _duplicates(request, reader),
    }


def _tied(table: Any, ids: list[str], reader: Reader) -> set[str]:
    if not reader.id or not ids:
        return set()
    query = sa.select(table.request_id).where(table.user_id == reader.id, table.request_id.in_(ids))
    return set(model.Session.scalars(query))


def _request(request: Request, reader: Reader, names: Names, mine: dict[Any, set[str]]) -> dict[str, Any]:
    roles = reader.roles(request)
    inside = reader.is_inside(request)
    found: dict[str, Any] = {}
    for key in PLAIN:
        value = getattr(request, key)
        found[key] = iso(value) if isinstance(value, date) else value
    found["known_datasets"] = [each["key"] for each in known_datasets(request, reader)]
    reason = request.routing_reason or {}
    found |= {
        "state_label": wording.state(request.state),
        "use_label": wording.use(request.use),
        "theme_label": wording.concept("themes", request.theme),
        "territory_label": wording.territory(request),
        "organization": names.group(request.organization_id) if request.opened or roles else None,
        "routing_reason": wording.routing_reason(reason) if inside or states.REQUESTER in roles else "",
        "clock": _clock(request),
        "outcome": _outcome(request, reader),
        "supported": request.id in mine[Support],
        "followed": request.id in mine[Follow],
        "requester": _requester(request, roles, inside, names),
        "requester_organisation": request.requester_organisation if roles or request.show_name else "",
        "assigned_to": _assigned(request, names) if inside else None,
        "flags": [{**each, "label": wording.flag(each)} for each in request.flags] if inside else [],
        "hidden": request.hidden,
        "anonymised": request.anonymised is not None,
        "roles": sorted(roles),
    }
    if roles:
        found["requester_siret"] = request.requester_siret
    if not (roles or request.show_procedure):
        found["procedure_reference"] = ""
    return found


def _requester(request: Request, roles: Iterable[str], inside: bool, names: Names) -> dict[str, Any] | None:
    """Who asked: for themselves, for the people who work on it, and for all if the person chose so."""
    name = names.person(request.requester_id)
    if not name or not (request.show_name or roles):
        return None
    found = {"name": name, "organisation": request.requester_organisation}
    if inside or states.REQUESTER in set(roles):
        found["user"] = names.users[request.requester_id or ""].name
    return found


def _assigned(request: Request, names: Names) -> dict[str, str] | None:
    user = names.users.get(request.assigned_to or "")
    return {"id": user.id, "user": user.name, "name": user.display_name} if user else None


def _clock(request: Request) -> dict[str, Any]:
    found = clock.read(request.state, request.due, request.extended, today())
    return {"state": found.state, "due": iso(found.due), "days_left": found.days_left, "extended": found.extended}


def _outcome(request: Request, reader: Reader) -> dict[str, Any]:
    """The last decision; reasons addressed to the requester only for them and for those who work on it."""
    found = dict(request.outcome or {})
    if not reader.roles(request):
        found = {key: value for key, value in found.items() if key not in PERSONAL}
    if "ground" in found:
        found["ground_label"] = wording.ground(found["ground"], found.get("other_ground", ""))
    if "target" in found:
        target = model.Session.get(Request, found.pop("target"))
        if target and reader.may_read(target):
            found["target"] = {"id": target.id, "reference": target.reference, "title": target.title}
    return found


def letter_dict(letter: Letter) -> dict[str, Any]:
    """A letter as a request lists it."""
    known = ("id", "kind", "event_id", "subject", "sha256")
    return {**{name: getattr(letter, name) for name in known}, "created": iso(letter.created)}


def datasets(request: Request, reader: Reader, kind: str) -> list[dict[str, Any]]:
    """Datasets tied to a request that the reader may read."""
    query = (
        sa.select(model.Package)
        .join(DatasetLink, DatasetLink.package_id == model.Package.id)
        .where(DatasetLink.request_id == request.id, DatasetLink.kind == kind)
        .order_by(DatasetLink.score.desc(), DatasetLink.created)
    )
    return [
        {"id": package.id, "name": package.name, "title": package.title or package.name, "private": package.private}
        for package in model.Session.scalars(query)
        if may_read_dataset(package, reader)
    ]


def may_read_dataset(package: model.Package, reader: Reader) -> bool:
    """Whether a dataset is there for the reader."""
    if package.state != model.State.ACTIVE:
        return False
    if not package.private or reader.sysadmin:
        return True
    context: Any = {"user": reader.name, "auth_user_obj": model.User.get(reader.id) if reader.id else None}
    try:
        return tk.check_access("package_show", context, {"id": package.id})
    except tk.NotAuthorized:
        return False


def known_datasets(request: Request, reader: Reader) -> list[dict[str, str]]:
    """Datasets that fall short, as the requester named them.

    Returns:
        key (as it was given), name and title; both "" when there is no such dataset, or the reader may not read it.
        Others than the requester are not told the names of datasets that they may not read.
    """
    own, found = states.REQUESTER in reader.roles(request), []
    for key in request.known_datasets or ():
        package = model.Package.get(key.rstrip("/").rsplit("/", 1)[-1])
        if package is not None and may_read_dataset(package, reader):
            found.append({"key": key, "name": package.name, "title": package.title or package.name})
        elif package is None or own:
            found.append({"key": key, "name": "", "title": ""})
    return found


def _readable(package_ids: Iterable[str], reader: Reader) -> set[str]:
    return {each.id for each in _by_ids(model.Package, package_ids) if may_read_dataset(each, reader)}


def _event(event: Event, request: Request, reader: Reader, names: Names, given: set[str]) -> dict[str, Any]:
    inside = reader.is_inside(request)
    found = event_public(event)
    hidden = set() if reader.roles(request) else set(PERSONAL)
    hidden |= {"former_outcome", "target"}
    found["fields"] = {key: value for key, value in event.fields.items() if key not in hidden}
    if "datasets" in found["fields"]:
        found["fields"]["datasets"] = [each for each in found["fields"]["datasets"] if each in given]
    for key in ("organization", "former_organization"):
        if key in found["fields"]:
            found["fields"][key] = names.group(found["fields"][key])
    if inside:
        found["note"] = event.note
        found["actor"] = names.person(event.actor_id)
    return found


def event_public(event: Event) -> dict[str, Any]:
    """What everyone who reads the request may know of an event."""
    return {
        "id": event.id,
        "transition": event.transition,
        "transition_label": wording.transition(event.transition),
        "from": event.from_state,
        "to": event.to_state,
        "to_label": wording.state(event.to_state),
        "created": iso(event.created),
        "actor_role": event.actor_role,
        "actor_label": wording.role(event.actor_role),
        "comment_html": text.html(event.comment),
        "version": event.version,
    }


def edited(request: Request) -> dict[str, Any]:
    """A change that is no transition, told to whoever came too late."""
    return {
        "id": None,
        "transition": "edit",
        "transition_label": tk._("The request was edited"),
        "from": request.state,
        "to": request.state,
        "to_label": wording.state(request.state),
        "created": iso(request.modified),
        "actor_label": "",
        "comment_html": "",
        "version": request.version,
    }


def _comments(request: Request, reader: Reader) -> Sequence[Comment]:
    query = sa.select(Comment).where(Comment.request_id == request.id).order_by(Comment.created)
    if not reader.is_inside(request):
        query = query.where(Comment.internal.is_(False))
    return model.Session.scalars(query).all()


def _conversation(request: Request, comments: Sequence[Comment], reader: Reader, names: Names) -> list[dict[str, Any]]:
    inside = reader.is_inside(request)
    files: dict[str, list[dict[str, Any]]] = {}
    for each in model.Session.scalars(sa.select(Attachment).where(Attachment.request_id == request.id)):
        row = {"id": each.id, "name": each.name, "size": each.size, "media_type": each.media_type}
        files.setdefault(each.comment_id, []).append(row)
    found = []
    for each in comments:
        readable = not each.hidden or inside
        row = {
            "id": each.id,
            "author": wording.role(each.author_role),
            "author_role": each.author_role,
            "mine": bool(reader.id) and each.author_id == reader.id,
            "created": iso(each.created),
            "html": text.html(each.text) if readable else "",
            "internal": each.internal,
            "hidden": each.hidden,
            "hidden_reason": each.hidden_reason,
            "attachments": files.get(each.id, []) if readable else [],
        }
        if inside:
            row["author_name"] = names.person(each.author_id)
        found.append(row)
    return found


def may(request: Request, reader: Reader) -> list[dict[str, Any]]:
    """Transitions that the reader may do now, with their fields."""
    moment = datetime.now(timezone.utc)
    found = states.possible(service.facts(request), reader.roles(request), moment, clock.day_of(moment))
    return [
        {
            "transition": line.name,
            "label": wording.transition(line.name),
            "fields": list(line.fields),
            "required": list(line.required),
        }
        for line in found
    ]


def may_comment(request: Request, reader: Reader) -> bool:
    """Whether the reader may write in the conversation."""
    return bool(reader.id) and request.submitted is not None and not request.anonymised and reader.may_read(request)


def may_edit(request: Request, reader: Reader) -> bool:
    """Whether the reader may change the request's fields."""
    editable = (states.DRAFT, *service.STILL_EDITABLE)
    return states.REQUESTER in reader.roles(request) and request.state in editable


def may_support(request: Request, reader: Reader) -> bool:
    """Whether the reader may support the request, once logged in."""
    return request.listed and request.state in states.ACTIVE and request.requester_id != (reader.id or "-")


def _duplicates(request: Request, reader: Reader) -> list[dict[str, Any]]:
    query = sa.select(Request).where(Request.duplicate_of == request.id).order_by(Request.submitted)
    return [
        {"id": each.id, "reference": each.reference, "title": each.title}
        for each in model.Session.scalars(query)
        if reader.may_read(each)
    ]
