"""History and conversation of a request, limited to what each reader may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere.data_requests.domain import people, states, text, trust, wording
from ckanext.ecosphere.data_requests.domain.clock import iso, iso_for
from ckanext.ecosphere.data_requests.domain.people import Names, Reader, by_ids
from ckanext.ecosphere.data_requests.model import (
    Attachment,
    Comment,
    Event,
    Request,
    Revision,
    Trace,
)

#: Keys of outcomes and of fields of events that are addressed to the requester alone; `text` is in
#: the oldest refusals.
PERSONAL = {*states.REFUSAL, "ground_confirmed", "unnamed", *states.TRANSMISSION, "text", "spam"}
#: Keys of fields of events that hold the id of a service.
SERVICES = ("organization", "former_organization")
#: Keys of fields of events that no reader sees.
UNSHOWN = {"former_outcome", "target", "deliveries"}


def past(request: Request, reader: Reader) -> list[Event | Revision | Trace]:
    """Return the events, edits and internal events of a request that the reader may see,
    the oldest first.
    """
    inside = reader.is_inside(request)
    events = sa.select(Event).where(Event.request_id == request.id).order_by(Event.id)
    if not inside:
        events = events.where(Event.transition.not_in(states.INTERNAL))
    entries: list[Event | Revision | Trace] = list(model.Session.scalars(events))
    edits = sa.select(Revision).where(Revision.request_id == request.id)
    for edit in model.Session.scalars(edits):
        if trust.may_read(edit.moderation, edit.author_id, request, reader):
            entries.append(edit)
    if inside:
        traces = sa.select(Trace).where(Trace.request_id == request.id)
        entries += model.Session.scalars(traces)
    return sorted(entries, key=lambda entry: (entry.created, not isinstance(entry, Event)))


def line(
    entry: Event | Revision | Trace,
    request: Request,
    reader: Reader,
    names: Names,
    readable_ids: set[str],
) -> DataDict:
    """Return a line of the history.

    Args:
        entry: the event, edit or internal event.
        request: to which it belongs.
        reader: user who reads.
        names: display names of its users and services.
        readable_ids: ids of the datasets that the reader may read.
    """
    exact = bool(reader.roles(request))
    if isinstance(entry, Revision):
        return _revision(entry, request, reader, names, exact)
    if isinstance(entry, Trace):
        return _trace(entry, request, names)
    inside = reader.is_inside(request)
    result = event_public(entry, exact, request.is_signal)
    result["internal"] = entry.transition in states.INTERNAL
    hidden = set(UNSHOWN)
    if not exact:
        hidden |= PERSONAL
        # The reasons given in a review are as personal as those of the decision.
        if entry.transition in states.REVIEW:
            hidden.add("reason")
    if trust.may_read(entry.moderation, entry.actor_id, request, reader):
        result["comment_html"] = _html(entry)
    else:
        hidden.add("reason")
    result["moderation"] = shown_moderation(entry.moderation)
    fields = without_spam(entry.fields, inside)
    fields = {key: value for key, value in fields.items() if key not in hidden}
    if "datasets" in fields:
        fields["datasets"] = [key for key in fields["datasets"] if key in readable_ids]
    for key in SERVICES:
        if key in fields:
            fields[key] = names.group(fields[key])
    if fields.get("ground"):
        fields["ground_label"] = wording.ground(fields["ground"], fields.get("other_ground", ""))
    result["fields"] = fields
    if inside:
        result["note"] = entry.note
        result["actor"] = names.person(entry.actor_id)
    return result


def without_spam(fields: DataDict, inside: bool) -> DataDict:
    """Remove the spam mark and the moderators' reason for readers who do not handle the request,
    such as its author.
    """
    if inside or not fields.get("spam"):
        return fields
    return {key: value for key, value in fields.items() if key not in ("spam", "reason")}


def event_public(event: Event, exact: bool, signal: bool) -> DataDict:
    """Return what all readers of the request may see of an event.

    Its id and exact time only if `exact`.
    """
    shown_id = event.id if exact else None
    comment_html = _html(event) if event.moderation in trust.SHOWN else ""
    return {
        "id": shown_id,
        "transition": event.transition,
        "transition_label": wording.message("transitions", event.transition, signal=signal),
        "from": event.from_state,
        "to": event.to_state,
        "to_label": wording.state(event.to_state, signal),
        "created": iso_for(event.created, exact),
        "actor_role": event.actor_role,
        "actor_label": wording.message("roles", event.actor_role, signal=signal),
        "comment_html": comment_html,
        "version": event.version,
    }


def answers(requests: Iterable[Request]) -> dict[str, str]:
    """Return the public answers that closed signals, in one query: id of the request → HTML."""
    ids = [request.id for request in requests if request.state in states.SETTLED]
    if not ids:
        return {}
    last = (
        sa.select(Event)
        .where(
            Event.request_id.in_(ids),
            Event.to_state.in_(states.SETTLED),
            Event.moderation.in_(trust.SHOWN),
        )
        .order_by(Event.request_id, Event.id.desc())
        .distinct(Event.request_id)
    )
    answers_html = {event.request_id: _html(event) for event in model.Session.scalars(last)}
    return {request_id: html for request_id, html in answers_html.items() if html}


def _html(event: Event) -> str:
    return text.to_html(event.comment, trust.has_plain_links(event.moderation))


def edited(request: Request, exact: bool) -> DataDict:
    """Return a line for a change that is not a transition, as reported by `Conflict`."""
    return {
        **_line_of_edit(request),
        "created": iso_for(request.modified, exact),
        "version": request.version,
    }


def _line_of_edit(request: Request) -> DataDict:
    """Return what the lines of all changes that are no transitions have in common."""
    return {
        "id": None,
        "transition": "edit",
        "transition_label": tk._("The request was edited"),
        "from": request.state,
        "to": request.state,
        "to_label": wording.state(request.state, request.is_signal),
        "actor_role": states.REQUESTER,
        "actor_label": wording.message("roles", states.REQUESTER, signal=request.is_signal),
        "comment_html": "",
    }


def _revision(
    revision: Revision, request: Request, reader: Reader, names: Names, exact: bool
) -> DataDict:
    """Return an edit: which fields changed for all readers,
    their values for those with a role in the request.
    """
    changes = _changes(revision, revision.author_id == reader.id) if exact else []
    result = {
        **_line_of_edit(request),
        "id": revision.id,
        "created": iso_for(revision.created, exact),
        "version": revision.version,
        "fields": {},
        "edited": sorted(revision.changes),
        "changes": changes,
        "moderation": shown_moderation(revision.moderation),
        "reason": revision.reason,
    }
    if reader.is_inside(request):
        result["actor"] = names.person(revision.author_id)
    return result


def _trace(trace: Trace, request: Request, names: Names) -> DataDict:
    """Return an internal event: `assigned_to` and `instead_of` are names,
    `told` is a level of the escalation.
    """
    actor_role = states.EDITOR if trace.actor_id else states.SYSTEM
    return {
        **_line_of_edit(request),
        "id": f"desk-{trace.id}",
        "transition": trace.kind,
        "transition_label": "",
        "actor_role": actor_role,
        "actor_label": wording.message("roles", actor_role),
        "actor": names.person(trace.actor_id),
        "created": iso(trace.created),
        "version": request.version,
        "internal": True,
        "fields": {
            "assigned_to": names.person(trace.user_id),
            "instead_of": names.person(trace.instead_of_id),
            "told": trace.told,
        },
    }


def _changes(revision: Revision, own: bool) -> list[DataDict]:
    """Return what an edit changed.

    Names of datasets, some of which may be private, for its author alone.
    """
    changes = []
    for name, change in sorted(revision.changes.items()):
        if name == "known_datasets" and not own:
            changes.append({"field": name, "from": None, "to": None})
        else:
            changes.append({"field": name, **change})
    return changes


def shown_moderation(moderation: str) -> str:
    """Return the moderation state to show: held, rejected, or ""; spam is shown as held."""
    if moderation == trust.SPAM:
        return trust.HELD
    if moderation == trust.RELEASED:
        return ""
    return moderation


def comments(request: Request, reader: Reader) -> Sequence[Comment]:
    """Return the messages that a reader may see, the oldest first."""
    query = sa.select(Comment).where(Comment.request_id == request.id).order_by(Comment.created)
    return [
        comment
        for comment in model.Session.scalars(query)
        if may_read_comment(comment, request, reader)
    ]


def may_read_comment(comment: Comment, request: Request, reader: Reader) -> bool:
    """Return whether a reader may see a message, be it only as hidden."""
    if comment.internal and not reader.is_inside(request):
        return False
    return trust.may_read(comment.moderation, comment.author_id, request, reader)


def may_read_attachments(comment: Comment, request: Request, reader: Reader) -> bool:
    """Return whether a reader may download the files of a message."""
    hidden = comment.hidden and not reader.is_inside(request)
    return not hidden and may_read_comment(comment, request, reader)


def conversation(
    request: Request, messages: Iterable[Comment], reader: Reader, names: Names
) -> list[DataDict]:
    """Return messages for the page."""
    inside, exact = reader.is_inside(request), bool(reader.roles(request))
    files = _files(Attachment.request_id == request.id)
    rows = []
    for message in messages:
        own = bool(reader.id) and message.author_id == reader.id
        row = {
            "id": message.id,
            "author": author(message, request, names),
            "author_role": message.author_role,
            "mine": own,
            "created": iso_for(message.created, exact or own),
            "html": "",
            "internal": message.internal,
            "hidden": message.hidden,
            "hidden_reason": message.hidden_reason,
            "moderation": shown_moderation(message.moderation),
            "attachments": [],
        }
        if inside or not message.hidden:
            row["html"] = text.to_html(message.text, trust.has_plain_links(message.moderation))
            row["attachments"] = files.get(message.id, [])
        if inside:
            row["author_name"] = names.person(message.author_id)
        rows.append(row)
    return rows


def author(comment: Comment, request: Request, names: Names) -> str:
    """Return how the author of a message is named: requester, officer of a service,
    moderator or user.
    """
    service = None
    if comment.author_role in (states.EDITOR, states.ADMIN):
        service = names.group(comment.organization_id or request.organization_id)
    title = service["title"] if service else ""
    return wording.author(comment.author_role, title, request.is_signal)


def held(rows: Sequence[tuple[str, Any]]) -> list[DataDict]:
    """Return texts of the moderation queue, given as (kind, row), with links as plain text."""
    requests = by_ids(Request, [row.request_id for _kind, row in rows])
    names = Names.of([writer(row) for _kind, row in rows], [])
    files = _files(Attachment.comment_id.in_([row.id for kind, row in rows if kind == "comment"]))
    texts = []
    for kind, row in rows:
        request = requests[row.request_id]
        user = names.users.get(writer(row) or "")
        author_role = row.author_role if kind == "comment" else states.REQUESTER
        user_name = user.name if user else ""
        changes = _changes(row, own=False) if kind == "edit" else []
        held_text = {
            "kind": kind,
            "id": str(row.id),
            "created": iso(row.created),
            "author": wording.author(author_role, "", request.is_signal),
            "author_name": names.person(writer(row)),
            "user": user_name,
            "html": _held_html(row),
            "changes": changes,
            "attachments": files.get(row.id, []),
            "request": brief(request),
        }
        texts.append(held_text)
    return texts


def brief(request: Request) -> DataDict:
    """Return what names a request elsewhere: id, reference and title."""
    return {"id": request.id, "reference": request.reference, "title": request.title}


def _held_html(row: Any) -> str:
    """Return the HTML of a message, or of the text of a transition.

    Empty for an edit, which has changes instead.
    """
    if isinstance(row, Comment):
        return text.to_html(row.text, plain=True)
    if isinstance(row, Event):
        reason = str(row.fields.get("reason") or "")
        return text.to_html(row.comment, plain=True) + text.to_html(reason, plain=True)
    return ""


def writer(row: Any) -> str | None:
    """Return the id of the user who wrote a text, or did what a line of the history tells."""
    if isinstance(row, Event | Trace):
        return row.actor_id
    return row.author_id


def _files(where: Any) -> dict[str, list[DataDict]]:
    """Return the files of messages, by id of the message."""
    files: dict[str, list[DataDict]] = {}
    for attachment in model.Session.scalars(sa.select(Attachment).where(where)):
        row = {key: getattr(attachment, key) for key in ("id", "name", "size", "media_type")}
        files.setdefault(attachment.comment_id, []).append(row)
    return files


def groups_of(entry: Event | Revision | Trace) -> list[Any]:
    """Return the ids of the services in a line of the history."""
    fields = entry.fields if isinstance(entry, Event) else {}
    return [fields.get(key) for key in SERVICES]


def people_of(entry: Event | Revision | Trace) -> list[str | None]:
    """Return the ids of the users in a line of the history, its actor first."""
    others = []
    if isinstance(entry, Trace):
        others = [entry.user_id, entry.instead_of_id]
    return [writer(entry), *others]


def datasets_of(lines: Iterable[Event | Revision | Trace]) -> set[str]:
    """Return the ids of the datasets given as answers."""
    ids: set[str] = set()
    for entry in lines:
        if isinstance(entry, Event):
            ids.update(entry.fields.get("datasets", ()))
    return ids


def readable(package_ids: Iterable[str], reader: Reader) -> set[str]:
    """Return those of the datasets that a reader may read."""
    packages = by_ids(model.Package, package_ids).values()
    return {package.id for package in packages if people.may_read_dataset(package, reader)}
