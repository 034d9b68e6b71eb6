"""Transitions of requests: each in one transaction, with the row locked and its version compared.

Auth functions decide first who may do what; here, with the row locked, the same table
(`states.TRANSITIONS`) decides again. A transition changes the request (its effects), writes its
event, its letter and its notifications; e-mails are sent afterwards from those rows, so that none
is sent for what was rolled back and none is lost.

Requests for the same thing are treated together: what is decided for one is decided for all, each
with its own letter. Each keeps its author, reference, period and remedies; authors of private
requests never learn of one another. A step goes to those for which it is lawful; the others are
left out, with the reason.

References are numbers of a year, drawn at random. A sequence would reveal the order in which
requests came in and so, compared with the list of accounts, who made them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.core.pages import sentences
from ckanext.ecosphere.data_requests import attachments, config, history
from ckanext.ecosphere.data_requests.decisions import law, letters
from ckanext.ecosphere.data_requests.domain import (
    clock,
    fields,
    people,
    places,
    states,
    text,
    trust,
    wording,
)
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import (
    Comment,
    DatasetLink,
    Event,
    Follow,
    Request,
    Support,
    by_id_or_reference,
    is_any,
    number_of,
)
from ckanext.ecosphere.data_requests.notifications import outbox
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared.columns import new_id

SIGNAL = "ecosphere:request-changed"

#: Flag of a request whose service has neither members nor a mailbox.
UNREACHABLE = "unreachable"

#: Transitions that are responses to the requester; the first one sets `first_answer`.
RESPONSES = (
    "ask_details",
    "start",
    "fulfil",
    "fulfil_partly",
    "refuse",
    "not_held",
    "extend",
    "resolve",
    "dismiss",
)


class Conflict(tk.ValidationError):
    """The request has a newer version; CKAN's API answers 409.

    Attributes:
        changes: events since the version that the person had seen, as returned by
            `ecosphere_request_show`.
    """

    def __init__(self, version: int, changes: list[DataDict]) -> None:
        message = _(
            "The request has changed since you opened it. Look at what changed, then send again if "
            "it still applies."
        )
        errors: Any = {"version": [message], "current_version": version, "changes": changes}
        super().__init__(errors)
        self.changes = changes


def lock(*ids: str) -> dict[str, Request]:
    """Lock requests until the transaction ends, in a fixed order to avoid deadlocks, and reload
    them.

    Raises:
        NotFound: one of them no longer exists.
    """
    requests = {}
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
        requests[id_] = request
    return requests


def locked(request_id: str) -> Request:
    """Lock one request likewise."""
    return lock(request_id)[request_id]


@contextmanager
def transaction() -> Iterator[None]:
    """Commit at the end, and roll back on errors."""
    try:
        yield
        model.Session.commit()
    except BaseException:
        model.Session.rollback()
        raise


@contextmanager
def changing(request_id: str) -> Iterator[Request]:
    """Lock a request for a transaction.

    Raises:
        NotFound: it no longer exists.
    """
    with transaction():
        yield locked(request_id)


Also = Callable[[Request], None]


def nothing_else(_request: Request) -> None:
    """Write nothing more in a transaction."""


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
        """Return the references of both; of those left out, that the reader may read, with why."""
        left_out = [
            {"reference": request.reference, "reason": words}
            for request, words in self.left_out
            if reader.may_read(request)
        ]
        return {"done": [request.reference for request, _event in self.done], "left_out": left_out}


def transition(
    reader: Reader,
    request_id: str,
    name: str,
    version: int,
    data: Row,
    *,
    also: Also = nothing_else,
) -> tuple[Request, Shared]:
    """Do a transition for a user and, if it is a step of the work, for the requests treated
    together with this one.

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
    shared = Shared()
    others: list[Request] = []
    # A file is moved to the request that it answers: each gets its own.
    twins: dict[str, list[attachments.AcceptedFile]] = {}
    try:
        with transaction():
            if name in states.SHARED:
                others = _locked_together(request_id)
            for other in others:
                twins[other.id] = []
                for file in data.get("files") or ():
                    twins[other.id].append(attachments.twin(file))
            request = _locked_with_target(request_id, name, data)
            if not reader.may_read(request):
                raise tk.ObjectNotFound(_("Request not found"))
            same_version(reader, request, version)
            roles = reader.roles(request)
            _refuse_if_impossible(request, name, roles)
            letters.keep_given_author(reader.id, name, data)
            if name == "submit":
                events = sent(request, reader.id, data)
            else:
                role = states.acting_role(name, roles)
                events = [perform(request, name, role, reader.id, data)]
            for other in others:
                values = {**data, "files": twins[other.id], "note": ""}
                _do_joined(reader, other, name, values, shared)
            also(request)
    finally:
        for files in twins.values():
            attachments.discard(files)
    announce(request, events)
    for other, event in shared.done:
        announce(other, [event])
    return request, shared


def _locked_with_target(request_id: str, name: str, data: Row) -> Request:
    """Lock a request, and the other one that the transition names."""
    target = None
    if name in ("join", "mark_duplicate"):
        target = by_id_or_reference(str(data.get("target") or ""))
    ids = (request_id, target.id) if target else (request_id,)
    return lock(*ids)[request_id]


def sent(request: Request, actor: str | None, data: Row | None = None) -> list[Event]:
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
    query = sa.select(Comment).where(Comment.request_id == request.id)
    for comment in model.Session.scalars(query).all():
        comment.moderation = trust.HELD
        outbox.of_held(request, "comment", comment.id, request.requester_id)
    request.comment_count = 0


def if_possible(
    request_id: str, name: str, role: str = states.SYSTEM, actor: str | None = None
) -> Request | None:
    """Do a transition without fields, an automatic one by default.

    Return None when it is not possible now.
    """
    with changing(request_id) as request:
        if request.obstacle(name, (role,)):
            model.Session.rollback()
            return None
        event = perform(request, name, role, actor, {})
    announce(request, [event])
    return request


def perform(request: Request, name: str, role: str, actor: str | None, data: Row) -> Event:
    """Do a transition of a locked request: write its event, letter and notifications,
    without committing.
    """
    moment = clock.now()
    line = states.TRANSITIONS[name]
    values = fields.parse(line, data, request, clock.day_of(moment), actor)
    source = request.state
    _apply_effects(request, name, values, moment)
    if name == "reopen" and role == states.REQUESTER:
        request.reopened += 1
    request.state = line.target or source
    _update_closing(request, source, moment)
    request.version += 1
    request.modified = moment
    model.Session.flush()
    note = ""
    if role != states.REQUESTER:
        note = data.get("note") or ""
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


def _moderation(request: Request, role: str, actor: str | None, data: Row) -> str:
    """Return the moderation state of a transition's text:
    held for untrusted requesters once the request is open.
    """
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


# Obstacles.


def _refuse_if_impossible(request: Request, name: str, roles: Collection[str]) -> None:
    code = request.obstacle(name, roles)
    if not code:
        return
    words = wording.obstacle(code, request.state, request.is_signal)
    if code == "role":
        raise tk.NotAuthorized(words)
    raise tk.ValidationError({"transition": [words]})


def same_version(reader: Reader, request: Request, version: int) -> None:
    """Raise `Conflict` unless a locked request has the version that the user saw."""
    if request.version == version:
        return
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


# Requests treated together.


def _do_joined(reader: Reader, request: Request, name: str, values: Row, shared: Shared) -> None:
    words = _joined_obstacle(reader, request, name, values)
    if words:
        shared.left_out.append((request, words))
        return
    role = states.acting_role(name, reader.roles(request))
    shared.done.append((request, perform(request, name, role, reader.id, values)))


def _joined_obstacle(reader: Reader, request: Request, name: str, values: Row) -> str:
    """Return what prevents a step for a request, as a sentence; "" when nothing does."""
    code = request.obstacle(name, reader.roles(request))
    if code:
        return wording.obstacle(code, request.state)
    try:
        fields.parse(states.TRANSITIONS[name], values, request, clock.today(), reader.id)
    except tk.ValidationError as error:
        return sentences(error)
    return ""


def _locked_together(request_id: str) -> list[Request]:
    """Lock a request and those treated together with it.

    Return the others that wait for an answer.
    """
    while True:
        ids = _joined_ids(request_id)
        requests = lock(request_id, *ids)
        if set(_joined_ids(request_id)) <= set(ids):
            return [requests[key] for key in ids]
        model.Session.rollback()  # another one was joined meanwhile


def _joined_ids(request_id: str) -> list[str]:
    joined_id = sa.select(Request.joined_id).where(Request.id == request_id).scalar_subquery()
    query = sa.select(Request.id).where(
        Request.joined_id == joined_id, Request.id != request_id, Request.state.in_(states.ACTIVE)
    )
    return list(model.Session.scalars(query.order_by(Request.submitted, Request.id)))


# Effects of transitions on a request, besides its state: service, clock, outcome.


#: Transition → fields that become the outcome of the request.
OUTCOMES = {
    "reject": ("reason", "spam"),
    "fulfil_partly": ("missing", *states.REFUSAL),
    "refuse": states.REFUSAL,
    "not_held": ("reason", *states.TRANSMISSION),
}
#: Transitions that undo a closing: the former outcome stays in their event.
UNDOING = ("reconsider", "take_up_again", "reopen")
#: Transition → columns that it empties.
EMPTIED = {
    "transfer": ("assigned_to", "planned"),
    "reconsider": ("opened", "duplicate_of", "assigned_to", "planned"),
    "keep_decision": ("review_due",),
    "reopen": ("planned", "answer_by", "details_asked", "last_reminded", "review_due"),
}


def _apply_effects(request: Request, name: str, values: DataDict, moment: datetime) -> None:
    """Apply the effects of a transition, and make of its fields what the event stores."""
    if name in UNDOING:
        values["former_outcome"] = request.outcome
        request.outcome = {}
    if name in OUTCOMES:
        request.outcome = {key: values[key] for key in OUTCOMES[name] if values.get(key)}
    for column in EMPTIED.get(name, ()):
        setattr(request, column, None)
    if name in EFFECTS:
        EFFECTS[name](request, values, moment)
    if name in RESPONSES and request.first_answer is None:
        request.first_answer = moment


def _update_closing(request: Request, source: str, moment: datetime) -> None:
    """Update what depends on whether the request is closed."""
    was_closed = source in states.CLOSED
    is_closed = request.state in states.CLOSED
    if is_closed != was_closed:
        request.review_asked = None  # a later decision or silence can be reviewed again
    if is_closed and not was_closed:
        request.closed = moment
        request.review_due = None
    elif not is_closed:
        request.closed = None
    relist(request)


def relist(request: Request) -> None:
    """Update whether the request is in the public list."""
    request.listed = (
        request.visibility == "public"
        and request.opened is not None
        and request.state != states.REJECTED
        and not request.hidden
        and not request.is_signal
    )


def _submit(request: Request, values: DataDict, moment: datetime) -> None:
    today = clock.day_of(moment)
    errors: Any = fields.missing_before_sending(request, today)
    if errors:
        raise tk.ValidationError(errors)
    request.submitted = moment
    request.reference = next_reference(today.year)
    request.territory = places.of_request(request)
    proposal = (
        places.publisher_of(request.package_id)
        or _chosen_service(request)
        or places.propose(request.theme, request.territory)
    )
    request.organization_id = proposal.organization.id if proposal.organization else None
    request.routing_reason = proposal.reason
    flag_unreachable(request)
    start_clock(request, today)
    index_text(request)


def _chosen_service(request: Request) -> places.Proposal | None:
    """Return the service that the requester chose, alone or with others."""
    group = people.active_service(request.organization_id)
    if group is None:
        return None
    code = "batch" if request.batch_id else "asked"
    return places.Proposal(group, {"code": code})


def flag_unreachable(request: Request) -> None:
    """Flag a request whose service cannot be reached, for the moderators, or remove the flag."""
    flags = [flag for flag in request.flags if flag["code"] != UNREACHABLE]
    if not places.is_reachable(request.organization_id):
        group = None
        if request.organization_id:
            group = model.Session.get(model.Group, request.organization_id)
        other = places.instead_of(group, request)
        title = group.display_name if group else ""
        other_title = other.title if other else ""
        flags.append({"code": UNREACHABLE, "title": title, "other": other_title})
    request.flags = flags


def start_clock(request: Request, day: date) -> None:
    """Start the period on a day; not for signals."""
    request.extended = False
    start = end = None
    if config.clock() and not request.is_signal:
        start, end = day, law.last_day("answer", day, months=config.answer_months())
    request.clock_start = start
    request.due = request.first_month_ends = end


def _accept(request: Request, values: DataDict, moment: datetime) -> None:
    if request.organization_id != values["organization"]:
        request.routing_reason = {"code": "person"}
    request.organization_id = values["organization"]
    flag_unreachable(request)
    request.opened = request.opened or moment


def _ask_details(request: Request, values: DataDict, moment: datetime) -> None:
    request.answer_by = date.fromisoformat(values["answer_by"])
    request.details_asked = moment
    request.reminders, request.last_reminded = 0, None


def _end_waiting(request: Request, values: DataDict, moment: datetime) -> None:
    """End the waiting for the requester, and add its days to the
    period where the ministry chose so.
    """
    if config.clock_stops() and request.details_asked and request.due:
        waited = clock.day_of(moment) - clock.day_of(request.details_asked)
        request.due += waited
        if request.first_month_ends:
            request.first_month_ends += waited
    request.answer_by = request.details_asked = request.last_reminded = None
    request.reminders = 0


def _start(request: Request, values: DataDict, moment: datetime) -> None:
    request.planned = date.fromisoformat(values["planned"])


def _transfer(request: Request, values: DataDict, moment: datetime) -> None:
    values["former_organization"] = request.organization_id
    request.organization_id = values["organization"]
    request.routing_reason = {"code": "transfer"}
    flag_unreachable(request)
    if request.state == states.NEEDS_INFO:
        _end_waiting(request, values, moment)


def _extend(request: Request, values: DataDict, moment: datetime) -> None:
    last = fields.latest_due(request)
    latest = last.isoformat() if last else ""
    values.setdefault("due", latest)
    if values["due"]:
        request.due = date.fromisoformat(values["due"])
    request.extended = True


def _fulfil(request: Request, values: DataDict, moment: datetime) -> None:
    request.satisfied, request.satisfied_on = "", None
    rows = [
        {"request_id": request.id, "package_id": package_id, "kind": "answer"}
        for package_id in values.get("datasets", ())
    ]
    if rows:
        model.Session.execute(insert(DatasetLink).values(rows).on_conflict_do_nothing())
    # The event only stores the ids: links and names of files may be private to the requester.
    links = values.pop("links", ())
    files = values.pop("files", ())
    if links or files:
        values["deliveries"] = attachments.keep_answer(request, values, links, files)


def _mark_duplicate(request: Request, values: DataDict, moment: datetime) -> None:
    target = model.Session.get_one(Request, values["target"])
    request.duplicate_of = target.id
    request.outcome = {"target": target.id}
    _move_people(request, target, moment)


def _join(request: Request, values: DataDict, moment: datetime) -> None:
    target = model.Session.get_one(Request, values["target"])
    request.joined_id = target.joined_id = target.joined_id or request.joined_id or new_id()


def _separate(request: Request, values: DataDict, moment: datetime) -> None:
    joined_id, request.joined_id = request.joined_id, None
    model.Session.flush()
    rest = model.Session.scalars(
        sa.select(Request).where(Request.joined_id == joined_id).limit(2)
    ).all()
    if len(rest) == 1:
        rest[0].joined_id = None


def _reconsider(request: Request, values: DataDict, moment: datetime) -> None:
    """Undo a closing by a moderator; supporters who were moved to another request stay there."""
    flag_unreachable(request)


def _move_people(source: Request, target: Request, moment: datetime) -> None:
    """Move supporters and followers, each counted once, and add the source's requester to them."""
    for table in (Support, Follow):
        watchers = sa.select(sa.literal(target.id), table.user_id, table.created).where(
            table.request_id == source.id, table.user_id != (target.requester_id or "")
        )
        columns = ["request_id", "user_id", "created"]
        model.Session.execute(insert(table).from_select(columns, watchers).on_conflict_do_nothing())
        if source.requester_id and source.requester_id != target.requester_id:
            values = {"request_id": target.id, "user_id": source.requester_id, "created": moment}
            model.Session.execute(insert(table).values(values).on_conflict_do_nothing())
        model.Session.execute(sa.delete(table).where(table.request_id == source.id))
    target.support_count = number_of(Support, Support.request_id == target.id)
    source.support_count = 0


def _ask_review(request: Request, values: DataDict, moment: datetime) -> None:
    request.review_asked = moment
    due = law.last_day("review", clock.day_of(moment))
    request.review_due = due
    values["review_due"] = due.isoformat()


def _take_up_again(request: Request, values: DataDict, moment: datetime) -> None:
    """Take the request up again after a review, due on the review's due date or, if that has come,
    in a new period.
    """
    today = clock.day_of(moment)
    if config.clock() and request.review_due and request.review_due > today:
        request.due = request.review_due
    else:
        start_clock(request, today)
    request.review_due = None
    _start(request, values, moment)


def _reopen(request: Request, values: DataDict, moment: datetime) -> None:
    request.reminders = 0
    start_clock(request, clock.day_of(moment))


#: Transition → function that applies its effects.
EFFECTS: dict[str, Callable[[Request, DataDict, datetime], None]] = {
    "submit": _submit,
    "accept": _accept,
    "ask_details": _ask_details,
    "answer_details": _end_waiting,
    "start": _start,
    "transfer": _transfer,
    "extend": _extend,
    "fulfil": _fulfil,
    "fulfil_partly": _fulfil,
    "join": _join,
    "separate": _separate,
    "mark_duplicate": _mark_duplicate,
    "reconsider": _reconsider,
    "reopen": _reopen,
    "ask_review": _ask_review,
    "take_up_again": _take_up_again,
}


def index_text(request: Request) -> None:
    """Update the full-text vector of a request."""
    # Always in French, the language of the search, whatever the user's language.
    territory = f"{wording.territory(request, 'fr')} {request.territory}"
    theme = wording.concept("themes", request.theme, "fr")
    # A reference that the requester keeps private is not searchable.
    procedure = request.procedure_reference if request.show_procedure else ""
    weighted = (
        ("A", f"{request.title} {request.reference or ''}"),
        ("B", f"{theme} {territory} {procedure}"),
        ("C", request.description),
    )
    parts = [
        sa.func.setweight(sa.func.to_tsvector("french", text.fold(words)), weight)
        for weight, words in weighted
    ]
    request.search = parts[0].op("||")(parts[1]).op("||")(parts[2])


#: Numbers that a reference of a year is drawn from; more once half of them are used.
FEWEST_NUMBERS = 100_000


def next_reference(year: int) -> str:
    """Return an unused reference of a year; no other transaction gets one until this one ends."""
    lock_of_all = sa.func.pg_advisory_xact_lock(sa.func.hashtext("ecosphere requests references"))
    model.Session.execute(sa.select(lock_of_all))
    used = number_of(Request, Request.reference.startswith(f"DD-{year}-"))
    numbers = max(FEWEST_NUMBERS, 2 * used)
    while True:
        reference = f"DD-{year}-{secrets.randbelow(numbers):05}"
        if not is_any(Request.reference == reference):
            return reference
