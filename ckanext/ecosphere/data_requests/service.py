"""Writing of requests: each change in one transaction, with the row locked and its version compared.

Auth functions decide first who may do what; transitions are checked again here, with the row locked, by the same
table (`states.TRANSITIONS`). Events and notifications are written in the same transaction, and e-mails sent
afterwards from those rows, so that none is sent for what was rolled back and none is lost.

Each edit after sending is a revision, held for moderation if its author is not trusted.

Requests for the same thing are treated together: what is decided for one is decided for all, each with its own
letter. Each keeps its author, reference, period and remedies; authors of private requests never learn of one another.
A step goes to those for which it is lawful; the others are left out, with the reason.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.data_requests import attachments, dictize, effects, history, matching
from ckanext.ecosphere.data_requests.decisions import letters
from ckanext.ecosphere.data_requests.domain import clock, fields, states, trust, wording
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.logic.schema import FIELDS
from ckanext.ecosphere.data_requests.model import (
    Comment,
    Event,
    Follow,
    Mute,
    Notification,
    Request,
    Revision,
    Setting,
    Support,
    by_id_or_reference,
    new_id,
    rows_changed,
)
from ckanext.ecosphere.data_requests.notifications import outbox
from ckanext.ecosphere.shared import language


class Conflict(tk.ValidationError):
    """The request has a newer version; CKAN's API answers 409.

    Attributes:
        version: current version of the request.
        changes: events since the version that the person had seen, as returned by `ecosphere_request_show`.
    """

    def __init__(self, version: int, changes: list[dict[str, Any]]) -> None:
        message = tk._(
            "The request has changed since you opened it. Look at what changed, then send again if "
            "it still applies."
        )
        errors: Any = {"version": [message], "current_version": version, "changes": changes}
        super().__init__(errors)
        self.version = version
        self.changes = changes


_ = tk._

SIGNAL = "ecosphere:request-changed"

#: Fields that the requester may still change once the request is sent.
AFTER_SENDING = {
    "description",
    "procedure_reference",
    "show_procedure",
    "need_by",
    "formats",
    "crs",
    "scale",
    "period_start",
    "period_end",
    "known_datasets",
    "requester_organisation",
    "requester_siret",
    "show_name",
}
#: Field of requests and datasets → its vocabulary.
PLACED = {"theme": "themes", "territory": "territories"}
LONGEST_TITLE = 300
EDITABLE = {*FIELDS, "title", "visibility", "show_name", "show_procedure"}


def lock(*ids: str) -> dict[str, Request]:
    """Lock requests until the transaction ends, in a fixed order to avoid deadlocks, and reload them.

    Raises:
        NotFound: one of them no longer exists.
    """
    locked = {}
    for id_ in sorted(set(ids)):
        query = (
            sa.select(Request)
            .where(Request.id == id_)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        request = model.Session.scalars(query).one_or_none()
        if request is None:
            raise tk.ObjectNotFound(_("Request not found"))
        locked[id_] = request
    return locked


class rolled_back_on_error:
    """Context manager that rolls the transaction back on errors."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            model.Session.rollback()


Also = Callable[[Request], None]


def nothing_else(_request: Request) -> None:
    """Write nothing more in a transaction."""


def new_draft(requester_id: str | None) -> Request:
    """Return an empty draft in the current language, not yet added to the session."""
    moment = clock.now()
    request = Request(
        id=new_id(), requester_id=requester_id, created=moment, modified=moment, state=states.DRAFT
    )
    fill_in(request)
    request.language = language.current()
    return request


def create(reader: Reader, data: Mapping[str, Any], *, also: Also = nothing_else) -> Request:
    """Create a draft; `also` writes more in the same transaction."""
    request = new_draft(reader.id)
    request.kind, request.package_id = data.get("kind") or states.DATA, data.get("package_id")
    effects.ask(request, data.get("organization"))
    write(request, {name: value for name, value in data.items() if name in EDITABLE})
    with rolled_back_on_error():
        model.Session.add(request)
        model.Session.flush()
        also(request)
        model.Session.commit()
    return request


def signal(reader: Reader, package: model.Package, kind: str, description: str) -> Request:
    """Create and send a report about a dataset, which is moderated first if its author is not trusted.

    Args:
        reader: its author, or an anonymous visitor.
        package: the dataset.
        kind: of the signal (`states.SIGNALS`).
        description: what is wrong.

    Raises:
        ValidationError: too many signals wait for a moderator.
    """
    request = new_draft(reader.id or None)
    request.kind, request.package_id = kind, package.id
    title = f"{wording.kind(kind)}{_(': ')}{package.title or package.name}"[:LONGEST_TITLE]
    place = {
        name: min(matching.subject(package, name, vocabulary), default="")
        for name, vocabulary in PLACED.items()
    }
    write(request, {"title": title, "description": description, "visibility": "public", **place})
    with rolled_back_on_error():
        model.Session.add(request)
        model.Session.flush()
        events = sent(request, reader.id or None)
        if request.state == states.SUBMITTED:
            trust.refuse_if_too_many_wait(request)
        model.Session.commit()
    announce(request, events)
    return request


def fill_in(request: Request) -> None:
    """Set the columns to their defaults now; SQLAlchemy would only do so on flush."""
    for column in sa.inspect(Request).columns:
        if column.default is not None and getattr(request, column.key) is None:
            default = column.default.arg
            value = default(None) if callable(default) else default
            setattr(request, column.key, value)


def update(
    reader: Reader,
    request_id: str,
    version: int,
    data: Mapping[str, Any],
    *,
    also: Also = nothing_else,
) -> Request:
    """Change a request; after sending, each change is a revision, held for moderation if the user is not trusted.

    `also` writes more in the same transaction.

    Raises:
        Conflict: it has changed since the user read it.
        ValidationError: a field can no longer be changed.
    """
    with rolled_back_on_error():
        request = lock(request_id)[request_id]
        _same_version(reader, request, version)
        changed = {
            name: value
            for name, value in data.items()
            if name in EDITABLE and getattr(request, name) != value
        }
        if request.state != states.DRAFT:
            _still_editable(request, changed)
        if changed and request.state == states.DRAFT:
            write(request, changed)
            _next_version(request)
        elif changed:
            _revise(reader, request, changed)
        also(request)
        model.Session.commit()
    if changed and request.opened:
        outbox.OUTBOX.enqueue()
    return request


def _next_version(request: Request) -> None:
    request.version += 1
    request.modified = clock.now()


def _revise(reader: Reader, request: Request, changed: Mapping[str, Any]) -> None:
    before = {name: getattr(request, name) for name in changed}
    write(request, changed)
    today = clock.today() if "need_by" in changed else None
    if errors := fields.missing_before_sending(request, today):
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    revision = _new_revision(request, reader.id, before, changed, clock.now())
    write(request, before)
    if revision.moderation != trust.HELD:
        apply_revision(request, revision)
    model.Session.flush()
    tell_of_revision(request, revision)


def apply_revision(request: Request, revision: Revision) -> None:
    """Apply the changes of a revision to a locked request."""
    write(request, _revised(revision))
    _next_version(request)
    revision.version = request.version


def _still_editable(request: Request, changed: Mapping[str, Any]) -> None:
    if request.state not in states.STILL_EDITABLE:
        raise tk.ValidationError(
            {"state": [wording.obstacle("state", request.state, request.is_signal)]}
        )
    fixed: Any = {
        name: [_("This can no longer be changed.")] for name in changed if name not in AFTER_SENDING
    }
    if fixed:
        raise tk.ValidationError(fixed)


def write(request: Request, data: Mapping[str, Any]) -> None:
    """Set fields of a request and update its full-text vector, without committing."""
    for name, value in data.items():
        setattr(request, name, value)
    effects.index_text(request)


def transition(
    reader: Reader,
    request_id: str,
    name: str,
    version: int,
    data: Mapping[str, Any],
    *,
    also: Also = nothing_else,
) -> Request:
    """Do a transition for a user.

    Args:
        reader: who acts.
        request_id: id of the request.
        name: of the transition.
        version: version that the user saw.
        data: fields of the transition, `comment` and `note`.
        also: function that writes more in the same transaction.

    Raises:
        Conflict: it has changed since the user read it.
        NotFound: the user may no longer read it.
        ValidationError: it is not possible now, or a field is missing or wrong.
        NotAuthorized: the user has none of its roles.
    """
    with rolled_back_on_error():
        others = []
        if name in ("join", "mark_duplicate") and (target := _target_of(data)):
            others = [target.id]
        request = lock(request_id, *others)[request_id]
        if not reader.may_read(request):
            raise tk.ObjectNotFound(_("Request not found"))
        _same_version(reader, request, version)
        roles = reader.roles(request)
        _no_obstacle(request, name, roles)
        role = states.acting_role(name, roles)
        letters.keep_given_author(reader.id, name, data)
        if name == "submit":
            events = sent(request, reader.id, data)
        else:
            events = [perform(request, name, role, reader.id, data)]
        also(request)
        model.Session.commit()
    announce(request, events)
    return request


def sent(request: Request, actor: str | None, data: Mapping[str, Any] | None = None) -> list[Event]:
    """Send a locked draft, and open it when it needs no moderation, without committing."""
    # Set first, since the receipt quotes the title.
    request.plain_links = not trust.is_trusted(request.requester_id)
    events = [perform(request, "submit", states.REQUESTER, actor, data or {})]
    if trust.opens_at_once(request):
        accepted = {"organization": request.organization_id}
        events.append(perform(request, "accept", states.SYSTEM, None, accepted))
        if request.plain_links:
            _hold_files(request)
    return events


def _hold_files(request: Request) -> None:
    """Hold the files sent with a request, as no moderator has seen them."""
    for comment in model.Session.scalars(
        sa.select(Comment).where(Comment.request_id == request.id)
    ).all():
        comment.moderation = trust.HELD
        outbox.of_held(request, "comment", comment.id, request.requester_id)
    request.comment_count = 0


def by_system(request_id: str, name: str, data: Mapping[str, Any] | None = None) -> Request | None:
    """Do an automatic transition; return None when it is not (or no longer) possible."""
    with rolled_back_on_error():
        request = lock(request_id)[request_id]
        if states.obstacle(
            states.Facts.of(request), name, (states.SYSTEM,), clock.now(), clock.today()
        ):
            model.Session.rollback()
            return None
        event = perform(request, name, states.SYSTEM, None, data or {})
        model.Session.commit()
    announce(request, [event])
    return request


def perform(
    request: Request, name: str, role: str, actor: str | None, data: Mapping[str, Any]
) -> Event:
    """Do a transition of a locked request: write its event, letter and notifications, without committing."""
    moment = clock.now()
    line = states.TRANSITIONS[name]
    values = fields.parse(line, data, request, clock.day_of(moment), actor)
    source = request.state
    values = effects.apply(request, name, values, moment)
    if name == "reopen" and role == states.REQUESTER:
        request.reopened += 1
    request.state = line.leads_from(source)
    effects.after(request, source, moment)
    request.version += 1
    request.modified = moment
    model.Session.flush()
    note = data.get("note") or "" if role != states.REQUESTER else ""
    event = Event(
        request_id=request.id,
        transition=name,
        from_state=source,
        to_state=request.state,
        version=request.version,
        actor_id=actor,
        actor_role=role,
        created=moment,
        comment=data.get("comment") or "",
        note=note,
        fields={key: value for key, value in values.items() if key != "comment"},
        moderation=_moderation(request, role, actor, data),
    )
    model.Session.add(event)
    model.Session.flush()
    letters.of_event(request, event)
    outbox.of_event(request, event)
    if event.moderation == trust.HELD:
        outbox.of_held(request, "step", str(event.id), actor)
    return event


def _moderation(request: Request, role: str, actor: str | None, data: Mapping[str, Any]) -> str:
    """Return the moderation state of a transition's text: held for untrusted requesters once the request is open."""
    written = any(data.get(name) for name in ("comment", "reason"))
    if role == states.REQUESTER and request.opened and written:
        return trust.status_of_new(actor)
    return ""


def announce(request: Request, events: Iterable[Event]) -> None:
    """Send the signal for other rooms, and queue the delivery of e-mails, after a commit."""
    for event in events:
        tk.signals.ckanext.signal(SIGNAL).send(
            request.id, transition=event.transition, state=event.to_state
        )
    outbox.OUTBOX.enqueue()


def _no_obstacle(request: Request, name: str, roles: Iterable[str]) -> None:
    moment = clock.now()
    code = states.obstacle(states.Facts.of(request), name, roles, moment, clock.day_of(moment))
    if code == "role":
        raise tk.NotAuthorized(wording.obstacle(code, request.state, request.is_signal))
    if code:
        raise tk.ValidationError(
            {"transition": [wording.obstacle(code, request.state, request.is_signal)]}
        )


def _same_version(reader: Reader, request: Request, version: int) -> None:
    if request.version != version:
        query = (
            sa.select(Event)
            .where(Event.request_id == request.id, Event.version > version)
            .order_by(Event.id)
        )
        if not reader.is_inside(request):
            query = query.where(Event.transition.not_in(states.INTERNAL))
        exact = bool(reader.roles(request))
        changes = [
            history.event_public(event, exact, request.is_signal)
            for event in model.Session.scalars(query)
        ]
        raise Conflict(request.version, changes or [history.edited(request, exact)])


def _target_of(data: Mapping[str, Any]) -> Request | None:
    return by_id_or_reference(str(data.get("target") or ""))


# Bonds of people to a request.


def support(reader: Reader, request_id: str, add: bool) -> None:
    """Support a request, or stop; each user counts once, also under concurrent calls.

    Raises:
        ValidationError: it is closed, not public, or the user's own.
    """
    with rolled_back_on_error():
        request = lock(request_id)[request_id]
        if add and request.requester_id == reader.id:
            raise tk.ValidationError({"id": [_("This is your own request: it counts already.")]})
        if add and not (request.listed and request.state in states.ACTIVE):
            raise tk.ValidationError(
                {"id": [_("Only public requests that are not closed can be supported.")]}
            )
        sign = 1 if add else -1
        request.support_count += sign * bond(Support, request_id, reader.id, add)
        model.Session.commit()


def follow(reader: Reader, request_id: str, add: bool) -> None:
    """Follow a request, or stop; following also resumes its e-mails."""
    with rolled_back_on_error():
        if add:
            bond(Mute, request_id, reader.id, False)
        bond(Follow, request_id, reader.id, add)
        model.Session.commit()


def bond(table: Any, request_id: str, user_id: str, add: bool) -> int:
    """Create or delete a relation of a user to a request; return the number of rows changed, 0 or 1."""
    if add:
        values = {"request_id": request_id, "user_id": user_id, "created": clock.now()}
        return rows_changed(insert(table).values(values).on_conflict_do_nothing())
    own = (table.request_id == request_id, table.user_id == user_id)
    return rows_changed(sa.delete(table).where(*own))


def say_satisfied(request_id: str, opinion: str) -> Request:
    """Store the requester's opinion, replacing an earlier one.

    Raises:
        ValidationError: the request has no answer at present.
    """
    with rolled_back_on_error():
        request = lock(request_id)[request_id]
        if not dictize.satisfaction_is_asked(request):
            raise tk.ValidationError({"satisfied": [_("This request has no answer at present.")]})
        request.satisfied, request.satisfied_on = opinion, clock.today()
        model.Session.commit()
    return request


def stop_emails(user_id: str, request_id: str | None) -> None:
    """Stop the e-mails to a user about a request, or about all requests, including those that are pending."""
    with rolled_back_on_error():
        waiting = [Notification.user_id == user_id]
        if request_id:
            bond(Mute, request_id, user_id, True)
            waiting.append(Notification.request_id == request_id)
        else:
            setting = model.Session.get(Setting, user_id) or Setting(user_id=user_id, language="")
            setting.digest = "none"
            model.Session.add(setting)
        outbox.drop(*waiting)
        model.Session.commit()


# Revisions: edits after sending.

WORD = re.compile(r"\S+\s*|\s+")
#: Number of words above which a text is compared line by line.
MOST_WORDS = 1500
MOST_LINES = 500
COMPARED_TEXTS = ("description",)


def _new_revision(
    request: Request,
    author_id: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    moment: datetime,
) -> Revision:
    """Create the revision of an edit.

    Args:
        request: as it was, locked.
        author_id: who edits.
        before, after: field → value, for the fields that change.
        moment: of the edit.

    Returns:
        the revision; held if it needs moderation, which it does not before the request is accepted, as the moderator
        then reads all of it anyway.
    """
    moderation = trust.status_of_new(author_id) if request.opened else ""
    revision = Revision(
        id=new_id(),
        request_id=request.id,
        author_id=author_id,
        created=moment,
        version=request.version,
        changes={name: _change(name, before[name], after[name]) for name in after},
        moderation=moderation,
        reason="",
    )
    model.Session.add(revision)
    return revision


def tell_of_revision(request: Request, revision: Revision) -> None:
    """Notify the service of an edit, or the moderators of a held one."""
    if revision.moderation == trust.HELD:
        outbox.of_held(request, "edit", revision.id, revision.author_id)
    elif request.opened:
        outbox.of_revision(request, revision)


def _revised(revision: Revision) -> dict[str, Any]:
    """Return the new values of the fields of an edit, converted to the types of the request's columns."""
    return {
        name: _read_value(name, change["to"])
        for name, change in revision.changes.items()
        if "to" in change
    }


def _read_value(name: str, value: Any) -> Any:
    column = Request.__table__.columns[name]
    if value and column.type.python_type is date:
        return date.fromisoformat(value)
    return value


def _change(name: str, before: Any, after: Any) -> dict[str, Any]:
    change: dict[str, Any] = {"from": _written(before), "to": _written(after)}
    if name in COMPARED_TEXTS:
        change["diff"] = difference(before or "", after or "")
    return change


def _written(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return value


def difference(before: str, after: str) -> list[tuple[str, str]]:
    """Return the differences between two texts, word by word: [("=", kept), ("-", removed), ("+", added)].

    To limit the time, long texts are compared line by line, and very long ones replaced as a whole.
    """
    old, new = WORD.findall(before), WORD.findall(after)
    if max(len(old), len(new)) > MOST_WORDS:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if max(len(old), len(new)) > MOST_LINES and max(len(old), len(new)) > MOST_WORDS:
        old, new = [before], [after]
    parts: list[tuple[str, str]] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=True)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            parts.append(("=", "".join(old[start:end])))
            continue
        if start < end:
            parts.append(("-", "".join(old[start:end])))
        if new_start < new_end:
            parts.append(("+", "".join(new[new_start:new_end])))
    return parts


# Requests treated together.


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
        left_out = [
            (request, words) for request, words in self.left_out if reader.may_read(request)
        ]
        return {
            "done": [request.reference for request, _event in self.done],
            "left_out": [
                {"reference": request.reference, "reason": words} for request, words in left_out
            ],
        }


def joined_transition(
    reader: Reader, request_id: str, name: str, version: int, data: Mapping[str, Any]
) -> tuple[Request, Shared]:
    """Do a transition for a user and, if it is a step of the work, for the requests treated together with this one.

    Args and errors are those of `service.transition`.
    """
    shared = Shared()
    others = _locked_together(request_id) if name in states.SHARED else []
    # A file is moved to the request that it answers: each gets its own.
    files: dict[str, list[attachments.AcceptedFile]] = {}
    for other in others:
        files[other.id] = [attachments.twin(file) for file in data.get("files") or ()]

    def go_on(request: Request) -> None:
        for other in others:
            fields_of_other = {**data, "files": files[other.id], "note": ""}
            _do_joined(reader, other, name, fields_of_other, shared)

    try:
        request = transition(reader, request_id, name, version, data, also=go_on)
    finally:
        for copies in files.values():
            attachments.discard(copies)
    for other, event in shared.done:
        announce(other, [event])
    return request, shared


def _do_joined(
    reader: Reader, request: Request, name: str, values: Mapping[str, Any], shared: Shared
) -> None:
    words = _joined_obstacle(reader, request, name, values)
    if words:
        shared.left_out.append((request, words))
        return
    role = states.acting_role(name, reader.roles(request))
    shared.done.append((request, perform(request, name, role, reader.id, values)))


def _joined_obstacle(reader: Reader, request: Request, name: str, values: Mapping[str, Any]) -> str:
    """Return what prevents a step for a request, as a sentence; "" when nothing does."""
    moment = clock.now()
    today = clock.day_of(moment)
    code = states.obstacle(states.Facts.of(request), name, reader.roles(request), moment, today)
    if code:
        return wording.obstacle(code, request.state)
    try:
        fields.parse(states.TRANSITIONS[name], values, request, today, reader.id)
    except tk.ValidationError as error:
        messages: Any = error.error_dict.values()
        return " ".join(text for texts in messages for text in texts)
    return ""


def _locked_together(request_id: str) -> list[Request]:
    """Lock a request and those treated together with it; return the others that wait for an answer."""
    while True:
        ids = _joined_ids(request_id)
        locked = lock(request_id, *ids)
        if set(_joined_ids(request_id)) <= set(ids):
            return [locked[key] for key in ids]
        model.Session.rollback()  # another one was joined meanwhile


def _joined_ids(request_id: str) -> list[str]:
    joined_id = sa.select(Request.joined_id).where(Request.id == request_id).scalar_subquery()
    query = sa.select(Request.id).where(
        Request.joined_id == joined_id, Request.id != request_id, Request.state.in_(states.ACTIVE)
    )
    return list(model.Session.scalars(query.order_by(Request.submitted, Request.id)))
