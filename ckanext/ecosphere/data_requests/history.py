"""History and conversation of a request, limited to what each reader may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests.domain import states, text, trust, wording
from ckanext.ecosphere.data_requests.domain.clock import iso, iso_for
from ckanext.ecosphere.data_requests.domain.people import Names, Reader, by_ids
from ckanext.ecosphere.data_requests.model import Attachment, Comment, Event, Request, Revision, Trace

#: Keys of outcomes and of fields of events that are addressed to the requester alone.
PERSONAL = (
    "ground",
    "other_ground",
    "kind",
    "emissions",
    "balance",
    "ground_confirmed",
    "unnamed",
    "law",
    "facts",
    "completion",
    "separable",
    "transmitted_to",
    "transmitted_by",
    "transmitted_on",
    "transmitted_how",
    "text",
    "spam",
)
#: Fields of events with text of the requester.
WRITTEN = ("reason",)


def past(request: Request, reader: Reader) -> list[Event | Revision | Trace]:
    """Return the events, edits and internal events of a request that the reader may see, the oldest first."""
    events = model.Session.scalars(sa.select(Event).where(Event.request_id == request.id).order_by(Event.id)).all()
    revisions = model.Session.scalars(sa.select(Revision).where(Revision.request_id == request.id)).all()
    shown = [each for each in revisions if trust.may_read(each.moderation, each.author_id, request, reader)]
    traces = []
    if not reader.is_inside(request):
        events = [each for each in events if each.transition not in states.INTERNAL]
    else:
        traces = model.Session.scalars(sa.select(Trace).where(Trace.request_id == request.id)).all()
    return sorted([*events, *shown, *traces], key=lambda each: (each.created, not isinstance(each, Event)))


def line(
    each: Event | Revision | Trace, request: Request, reader: Reader, names: Names, given: set[str]
) -> dict[str, Any]:
    """Return a line of the history.

    Args:
        each: the event, edit or internal event.
        request: to which it belongs.
        reader: user who reads.
        names: display names of its users and services.
        given: ids of the datasets that the reader may read.
    """
    exact = bool(reader.roles(request))
    if isinstance(each, Revision):
        return _revision(each, request, reader, names, exact)
    if isinstance(each, Trace):
        return _trace(each, request, names)
    inside = reader.is_inside(request)
    found = event_public(each, exact, request.is_signal)
    found["internal"] = each.transition in states.INTERNAL
    hidden = set() if exact else set(PERSONAL)
    # The reasons given in a review are as personal as those of the decision.
    hidden |= set(WRITTEN) if each.transition in states.REVIEW and not exact else set()
    hidden |= {"former_outcome", "target", "deliveries"}
    if trust.may_read(each.moderation, each.actor_id, request, reader):
        found["comment_html"] = _html(each)
    else:
        hidden |= set(WRITTEN)
    found["moderation"] = shown_moderation(each.moderation)
    fields = {key: value for key, value in each.fields.items() if key not in hidden}
    found["fields"] = without_spam(fields, inside, bool(each.fields.get("spam")))
    if "datasets" in found["fields"]:
        found["fields"]["datasets"] = [key for key in found["fields"]["datasets"] if key in given]
    for key in ("organization", "former_organization"):
        if key in found["fields"]:
            found["fields"][key] = names.group(found["fields"][key])
    if found["fields"].get("ground"):
        other = found["fields"].get("other_ground", "")
        found["fields"]["ground_label"] = wording.ground(found["fields"]["ground"], other)
    if inside:
        found["note"] = each.note
        found["actor"] = names.person(each.actor_id)
    return found


def without_spam(fields: dict[str, Any], inside: bool, spam: bool | None = None) -> dict[str, Any]:
    """Remove the spam mark and the moderators' reason for readers who do not handle the request, such as its author."""
    if inside or not (fields.get("spam") if spam is None else spam):
        return fields
    return {key: value for key, value in fields.items() if key not in ("spam", "reason")}


def event_public(event: Event, exact: bool = False, signal: bool = False) -> dict[str, Any]:
    """Return what all readers of the request may see of an event; its id and exact time only if `exact`."""
    return {
        "id": event.id if exact else None,
        "transition": event.transition,
        "transition_label": wording.transition(event.transition, signal),
        "from": event.from_state,
        "to": event.to_state,
        "to_label": wording.state(event.to_state, signal),
        "created": iso_for(event.created, exact),
        "actor_role": event.actor_role,
        "actor_label": wording.role(event.actor_role, signal),
        "comment_html": _html(event) if event.moderation in trust.SHOWN else "",
        "version": event.version,
    }


def answers(requests: Iterable[Request]) -> dict[str, str]:
    """Return the public answers that closed signals, in one query: id of the request → HTML."""
    ids = [each.id for each in requests if each.state in states.SETTLED]
    if not ids:
        return {}
    last = (
        sa.select(Event)
        .where(Event.request_id.in_(ids), Event.to_state.in_(states.SETTLED), Event.moderation.in_(trust.SHOWN))
        .order_by(Event.request_id, Event.id.desc())
        .distinct(Event.request_id)
    )
    return {each.request_id: html for each in model.Session.scalars(last) if (html := _html(each))}


def _html(event: Event) -> str:
    return text.row_html(event, trust.has_plain_links(event.moderation))


def edited(request: Request, exact: bool = False) -> dict[str, Any]:
    """Return a line for a change that is not a transition, as reported by `Conflict`."""
    return {**_edit(request), "created": iso_for(request.modified, exact), "version": request.version}


def _edit(request: Request) -> dict[str, Any]:
    return {
        "id": None,
        "transition": "edit",
        "transition_label": tk._("The request was edited"),
        "from": request.state,
        "to": request.state,
        "to_label": wording.state(request.state, request.is_signal),
        "actor_role": states.REQUESTER,
        "actor_label": wording.role(states.REQUESTER, request.is_signal),
        "comment_html": "",
    }


def _revision(each: Revision, request: Request, reader: Reader, names: Names, exact: bool) -> dict[str, Any]:
    """Return an edit: which fields changed for all readers, their values for those with a role in the request."""
    found = {
        **_edit(request),
        "id": each.id,
        "created": iso_for(each.created, exact),
        "version": each.version,
        "fields": {},
        "edited": sorted(each.changes),
        "changes": _changes(each, each.author_id == reader.id) if exact else [],
        "moderation": shown_moderation(each.moderation),
        "reason": each.reason,
    }
    if reader.is_inside(request):
        found["actor"] = names.person(each.author_id)
    return found


def _trace(each: Trace, request: Request, names: Names) -> dict[str, Any]:
    """Return an internal event: `assigned_to` and `instead_of` are names, `told` is a level of the escalation."""
    return {
        **_edit(request),
        "id": f"desk-{each.id}",
        "transition": each.kind,
        "transition_label": "",
        "actor_role": states.EDITOR if each.actor_id else states.SYSTEM,
        "actor_label": wording.role(states.EDITOR if each.actor_id else states.SYSTEM),
        "actor": names.person(each.actor_id),
        "created": iso(each.created),
        "version": request.version,
        "internal": True,
        "fields": {
            "assigned_to": names.person(each.user_id),
            "instead_of": names.person(each.instead_of_id),
            "told": each.told,
        },
    }


def _changes(revision: Revision, own: bool) -> list[dict[str, Any]]:
    """Return what an edit changed; names of datasets, some of which may be private, for its author alone."""
    return [
        {"field": name, **(change if own or name != "known_datasets" else {"from": None, "to": None})}
        for name, change in sorted(revision.changes.items())
    ]


def shown_moderation(moderation: str) -> str:
    """Return the moderation state to show: held, rejected, or ""; spam is shown as held."""
    return {trust.HELD: "held", trust.REJECTED: "rejected", trust.SPAM: "held"}.get(moderation, "")


def comments(request: Request, reader: Reader) -> Sequence[Comment]:
    """Return the messages that a reader may see, the oldest first."""
    query = sa.select(Comment).where(Comment.request_id == request.id).order_by(Comment.created)
    return [each for each in model.Session.scalars(query) if may_read_comment(each, request, reader)]


def may_read_comment(comment: Comment, request: Request, reader: Reader) -> bool:
    """Return whether a reader may see a message, be it only as hidden."""
    if comment.internal and not reader.is_inside(request):
        return False
    return trust.may_read(comment.moderation, comment.author_id, request, reader)


def may_read_attachments(comment: Comment, request: Request, reader: Reader) -> bool:
    """Return whether a reader may download the files of a message."""
    hidden = comment.hidden and not reader.is_inside(request)
    return not hidden and may_read_comment(comment, request, reader)


def conversation(request: Request, messages: Iterable[Comment], reader: Reader, names: Names) -> list[dict[str, Any]]:
    """Return messages for the page."""
    inside, exact = reader.is_inside(request), bool(reader.roles(request))
    files = _files(Attachment.request_id == request.id)
    found = []
    for each in messages:
        readable = not each.hidden or inside
        row = {
            "id": each.id,
            "author": author(each, request, names),
            "author_role": each.author_role,
            "mine": bool(reader.id) and each.author_id == reader.id,
            "created": iso_for(each.created, exact or each.author_id == (reader.id or "-")),
            "html": text.row_html(each, trust.has_plain_links(each.moderation)) if readable else "",
            "internal": each.internal,
            "hidden": each.hidden,
            "hidden_reason": each.hidden_reason,
            "moderation": shown_moderation(each.moderation),
            "attachments": files.get(each.id, []) if readable else [],
        }
        if inside:
            row["author_name"] = names.person(each.author_id)
        found.append(row)
    return found


def author(comment: Comment, request: Request, names: Names) -> str:
    """Return how the author of a message is named: requester, officer of a service, moderator or user."""
    service = None
    if comment.author_role in (states.EDITOR, states.ADMIN):
        service = names.group(comment.organization_id or request.organization_id)
    return wording.author(comment.author_role, service["title"] if service else "", request.is_signal)


def held(rows: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
    """Return texts of the moderation queue, given as (kind, row), with links as plain text."""
    requests = {each.id: each for each in by_ids(Request, [row.request_id for _kind, row in rows])}
    names = Names.of([_writer(row) for _kind, row in rows], [])
    files = _files(Attachment.comment_id.in_([row.id for kind, row in rows if kind == "comment"]))
    return [_held(kind, row, requests[row.request_id], names, files) for kind, row in rows]


def _held(
    kind: str, row: Any, request: Request, names: Names, files: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    user = names.users.get(_writer(row) or "")
    return {
        "kind": kind,
        "id": str(row.id),
        "created": iso(row.created),
        "author": wording.author(row.author_role if kind == "comment" else states.REQUESTER, "", request.is_signal),
        "author_name": names.person(_writer(row)),
        "user": user.name if user else "",
        "html": _held_html(row),
        "changes": _changes(row, own=False) if kind == "edit" else [],
        "attachments": files.get(row.id, []) if kind == "comment" else [],
        "request": {"id": request.id, "reference": request.reference, "title": request.title},
    }


def _held_html(row: Any) -> str:
    """Return the HTML of a message, or of the text of a transition; empty for an edit, which has changes instead."""
    if isinstance(row, Revision):
        return ""
    reason = str(row.fields.get("reason") or "") if isinstance(row, Event) else ""
    return text.row_html(row, plain=True) + text.to_html(reason, plain=True)


def _writer(row: Any) -> str | None:
    return row.actor_id if isinstance(row, Event | Trace) else row.author_id


def _files(where: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the files of messages, by id of the message."""
    files: dict[str, list[dict[str, Any]]] = {}
    for each in model.Session.scalars(sa.select(Attachment).where(where)):
        row = {"id": each.id, "name": each.name, "size": each.size, "media_type": each.media_type}
        files.setdefault(each.comment_id, []).append(row)
    return files


def groups_of(each: Event | Revision | Trace) -> list[Any]:
    """Return the ids of the services in a line of the history."""
    kept = each.fields if isinstance(each, Event) else {}
    return [kept.get(key) for key in ("organization", "former_organization")]


def people_of(each: Event | Revision | Trace) -> list[str | None]:
    """Return the ids of the users in a line of the history, its actor first."""
    others = [each.user_id, each.instead_of_id] if isinstance(each, Trace) else []
    return [_writer(each), *others]


def datasets_of(lines: Iterable[Event | Revision | Trace]) -> set[str]:
    """Return the ids of the datasets given as answers."""
    return {key for each in lines if isinstance(each, Event) for key in each.fields.get("datasets", ())}


def readable(package_ids: Iterable[str], may_read: Any, reader: Reader) -> set[str]:
    """Return those of the datasets that a reader may read."""
    return {each.id for each in by_ids(model.Package, package_ids) if may_read(each, reader)}
