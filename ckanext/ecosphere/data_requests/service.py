"""Writing of requests besides their transitions: drafts, reports, edits, and what people say of
them.

Each change is one transaction, with the row locked and its version compared. Each edit after
sending is a revision, held for moderation if its author is not trusted.
"""

from __future__ import annotations

import difflib
import re
from datetime import date
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.data_requests import dictize, matching, transitions
from ckanext.ecosphere.data_requests.domain import clock, fields, states, trust, wording
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.logic.schema import FIELDS
from ckanext.ecosphere.data_requests.model import (
    Follow,
    Mute,
    Notification,
    Request,
    Revision,
    Support,
    rows_changed,
    setting_of,
)
from ckanext.ecosphere.data_requests.notifications import outbox
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.columns import new_id

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


def new_draft(requester_id: str | None) -> Request:
    """Return an empty draft in the current language, not yet added to the session."""
    moment = clock.now()
    request = Request(id=new_id(), requester_id=requester_id, created=moment, modified=moment)
    # Set the columns to their defaults now: SQLAlchemy would only do so on flush.
    for column in sa.inspect(Request).columns:
        if column.default is not None and getattr(request, column.key) is None:
            default = column.default.arg
            value = default(None) if callable(default) else default
            setattr(request, column.key, value)
    request.language = language.current()
    return request


def create(
    reader: Reader, data: Row, *, also: transitions.Also = transitions.nothing_else
) -> Request:
    """Create a draft; `also` writes more in the same transaction."""
    request = new_draft(reader.id)
    request.kind = data.get("kind") or states.DATA
    request.package_id = data.get("package_id")
    # Without a service, the portal proposes one when the request is sent.
    if data.get("organization"):
        request.organization_id = data["organization"]
        request.routing_reason = {"code": "asked"}
    write(request, {name: value for name, value in data.items() if name in EDITABLE})
    with transitions.transaction():
        model.Session.add(request)
        model.Session.flush()
        also(request)
    return request


def signal(reader: Reader, package: model.Package, kind: str, description: str) -> Request:
    """Create and send a report about a dataset, which is moderated first if its author is not
    trusted.

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
    subject = f"{wording.message('kinds', kind)}{_(': ')}{package.title or package.name}"
    title = subject[:LONGEST_TITLE]
    place = {
        name: min(matching.concept_ids(package, name, vocabulary), default="")
        for name, vocabulary in PLACED.items()
    }
    write(request, {"title": title, "description": description, "visibility": "public", **place})
    with transitions.transaction():
        model.Session.add(request)
        model.Session.flush()
        events = transitions.sent(request, reader.id or None)
        if request.state == states.SUBMITTED:
            trust.refuse_if_too_many_wait(request)
    transitions.announce(request, events)
    return request


def update(
    reader: Reader,
    request_id: str,
    version: int,
    data: Row,
    *,
    also: transitions.Also = transitions.nothing_else,
) -> Request:
    """Change a request; after sending, each change is a revision, held for moderation if the user
    is not trusted.

    `also` writes more in the same transaction.

    Raises:
        Conflict: it has changed since the user read it.
        ValidationError: a field can no longer be changed.
    """
    with transitions.changing(request_id) as request:
        transitions.same_version(reader, request, version)
        changed = {
            name: value
            for name, value in data.items()
            if name in EDITABLE and getattr(request, name) != value
        }
        if request.state != states.DRAFT:
            _refuse_if_not_editable(request, changed)
        if changed and request.state == states.DRAFT:
            write(request, changed)
            _next_version(request)
        elif changed:
            _revise(reader, request, changed)
        also(request)
    if changed and request.opened:
        outbox.OUTBOX.enqueue()
    return request


def _next_version(request: Request) -> None:
    request.version += 1
    request.modified = clock.now()


def _revise(reader: Reader, request: Request, changed: Row) -> None:
    before = {name: getattr(request, name) for name in changed}
    write(request, changed)
    today = clock.today() if "need_by" in changed else None
    if errors := fields.missing_before_sending(request, today):
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    # A held edit changes nothing yet. None is held before the request is accepted: a moderator
    # reads all of it anyway.
    moderation = trust.status_of_new(reader.id) if request.opened else ""
    revision = Revision(
        id=new_id(),
        request_id=request.id,
        author_id=reader.id,
        created=clock.now(),
        version=request.version,
        changes={name: _change(name, before[name], changed[name]) for name in changed},
        moderation=moderation,
        reason="",
    )
    model.Session.add(revision)
    write(request, before)
    if revision.moderation != trust.HELD:
        apply_revision(request, revision)
    model.Session.flush()
    tell_of_revision(request, revision)


def apply_revision(request: Request, revision: Revision) -> None:
    """Apply the changes of a revision to a locked request."""
    write(request, _new_values(revision))
    _next_version(request)
    revision.version = request.version


def _refuse_if_not_editable(request: Request, changed: Row) -> None:
    if request.state not in states.STILL_EDITABLE:
        words = wording.obstacle("state", request.state, request.is_signal)
        raise tk.ValidationError({"state": [words]})
    message = _("This can no longer be changed.")
    errors: Any = {name: [message] for name in changed if name not in AFTER_SENDING}
    if errors:
        raise tk.ValidationError(errors)


def write(request: Request, data: Row) -> None:
    """Set fields of a request and update its full-text vector, without committing."""
    for name, value in data.items():
        setattr(request, name, value)
    transitions.index_text(request)


# Bonds of people to a request.


def support(reader: Reader, request_id: str, add: bool) -> None:
    """Support a request, or stop; each user counts once, also under concurrent calls.

    Raises:
        ValidationError: it is closed, not public, or the user's own.
    """
    with transitions.changing(request_id) as request:
        if add and request.requester_id == reader.id:
            raise tk.ValidationError({"id": [_("This is your own request: it counts already.")]})
        if add and not (request.listed and request.state in states.ACTIVE):
            message = _("Only public requests that are not closed can be supported.")
            raise tk.ValidationError({"id": [message]})
        sign = 1 if add else -1
        request.support_count += sign * bond(Support, request_id, reader.id, add)


def follow(reader: Reader, request_id: str, add: bool) -> None:
    """Follow a request, or stop; following also resumes its e-mails."""
    with transitions.transaction():
        if add:
            bond(Mute, request_id, reader.id, False)
        bond(Follow, request_id, reader.id, add)


def bond(table: Any, request_id: str, user_id: str, add: bool) -> int:
    """Create or delete a relation of a user to a request.

    Return the number of rows changed, 0 or 1.
    """
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
    with transitions.changing(request_id) as request:
        if not dictize.satisfaction_is_asked(request):
            raise tk.ValidationError({"satisfied": [_("This request has no answer at present.")]})
        request.satisfied, request.satisfied_on = opinion, clock.today()
    return request


def stop_emails(user_id: str, request_id: str | None) -> None:
    """Stop the e-mails to a user about a request, or about all requests,
    including those that are pending.
    """
    with transitions.transaction():
        waiting = [Notification.user_id == user_id]
        if request_id:
            bond(Mute, request_id, user_id, True)
            waiting.append(Notification.request_id == request_id)
        else:
            setting_of(user_id).digest = "none"
        outbox.drop(*waiting)


# Revisions: edits after sending.

WORD = re.compile(r"\S+\s*|\s+")
#: Number of words above which a text is compared line by line, and of lines above which it is
#: replaced as a whole.
MOST_PARTS = 1500


def tell_of_revision(request: Request, revision: Revision) -> None:
    """Notify the service of an edit, or the moderators of a held one."""
    if revision.moderation == trust.HELD:
        outbox.of_held(request, "edit", revision.id, revision.author_id)
    elif request.opened:
        outbox.of_revision(request, revision)


def _new_values(revision: Revision) -> DataDict:
    """Return the new values of the fields of an edit,
    converted to the types of the request's columns.
    """
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


def _change(name: str, before: Any, after: Any) -> DataDict:
    change: DataDict = {"from": before, "to": after}
    for end, value in change.items():
        if isinstance(value, date):
            change[end] = value.isoformat()
    if name == "description":
        change["diff"] = difference(before or "", after or "")
    return change


def difference(before: str, after: str) -> list[tuple[str, str]]:
    """Return the differences between two texts, word by word: [("=", kept), ("-", removed), ("+",
    added)].

    To limit the time, long texts are compared line by line, and very long ones replaced as a whole.
    """
    old, new = WORD.findall(before), WORD.findall(after)
    if max(len(old), len(new)) > MOST_PARTS:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if max(len(old), len(new)) > MOST_PARTS:
        old, new = [before], [after]
    parts: list[tuple[str, str]] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=True)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        removed, added = "".join(old[start:end]), "".join(new[new_start:new_end])
        if kind == "equal":
            parts.append(("=", removed))
        else:
            parts += [("-", removed), ("+", added)]
    return [(sign, words) for sign, words in parts if words]
