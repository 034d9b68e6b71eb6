"""Comments and internal notes, and the moderation queue of texts by untrusted users: messages,
edits, transitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _

from ckanext.ecosphere.data_requests import attachments, dictize, history, service, transitions
from ckanext.ecosphere.data_requests.domain import clock, states, trust
from ckanext.ecosphere.data_requests.domain.people import Reader, by_ids
from ckanext.ecosphere.data_requests.model import (
    Attachment,
    Comment,
    DatasetLink,
    Event,
    Request,
    Revision,
    number_of,
)
from ckanext.ecosphere.data_requests.notifications import outbox
from ckanext.ecosphere.shared.columns import new_id

_DATASET = re.compile(r"/dataset/([a-z0-9_-]{2,100})(?![\w/-])")
"""Path of a dataset's page, with or without host and language."""
MOST_MENTIONS = 20
LONGEST_KEY = 36

#: SQL conditions for comments that all readers of the request can see.
SHOWN = (
    Comment.internal.is_(False),
    Comment.hidden.is_(False),
    Comment.moderation.in_(trust.SHOWN),
)
#: Order of precedence of the roles in which a user writes.
SPEAKING = (states.REQUESTER, states.MODERATOR, states.ADMIN, states.EDITOR)


def comment(
    reader: Reader,
    request_id: str,
    words: str,
    internal: bool,
    upload: Any = None,
    *,
    key: str | None = None,
) -> Comment:
    """Add a comment or an internal note, with or without files; those of untrusted users are held
    for moderation.

    Args:
        reader: its author.
        request_id: id of the request.
        words: its text, in Markdown.
        internal: whether it is an internal note.
        upload: a file of a form, or a list of them.
        key: of its source (an e-mail), so that it is created only once.

    Raises:
        NotAuthorized: the reader may no longer write it.
        ValidationError: the file is refused.
    """
    files = attachments.check_all(attachments.as_list(upload))
    try:
        with transitions.changing(request_id) as request:
            # Between the check of permissions and the lock, the request may have been transferred.
            reason = obstacle(reader, request, internal)
            if reason:
                raise tk.NotAuthorized(reason)
            message = model.Session.get(Comment, key[:LONGEST_KEY]) if key else None
            message = message or write(reader, request, words, internal, files=files, key=key)
    finally:
        attachments.discard(files)
    outbox.OUTBOX.enqueue()
    return message


def obstacle(reader: Reader, request: Request, internal: bool) -> str:
    """Return why a reader may not comment, or write an internal note, as a sentence; "" when
    nothing prevents it.
    """
    if internal and not reader.is_inside(request):
        return _("Internal notes are for the service and the moderators.")
    if not dictize.may_comment(request, reader):
        return _("This request takes no comments.")
    return ""


def write(
    reader: Reader,
    request: Request,
    words: str,
    internal: bool,
    *,
    files: Iterable[attachments.AcceptedFile],
    key: str | None = None,
) -> Comment:
    """Create a comment or note of a locked request, with its files and notifications,
    without committing.
    """
    roles = reader.roles(request)
    role = next((speaker for speaker in SPEAKING if speaker in roles), "reader")
    if internal and role == states.REQUESTER:
        # Whoever handles their own request writes notes in that role.
        role = next(speaker for speaker in SPEAKING[1:] if speaker in roles)
    id_ = key[:LONGEST_KEY] if key else new_id()
    organization_id = None
    if role in (states.EDITOR, states.ADMIN):
        organization_id = request.organization_id
    moderation = "" if internal else trust.status_of_new(reader.id)
    message = Comment(
        id=id_,
        request_id=request.id,
        author_id=reader.id,
        author_role=role,
        created=clock.now(),
        text=words,
        internal=internal,
        organization_id=organization_id,
        moderation=moderation,
    )
    _add(message, files)
    if message.moderation == trust.HELD:
        outbox.of_held(request, "comment", message.id, reader.id)
    else:
        publish(request, message)
    return message


def enclose(request: Request, uploads: Iterable[attachments.AcceptedFile]) -> None:
    """Replace the files of a locked draft, which are sent with it as its first message, without
    committing.

    Raises:
        ValidationError: it was sent already.
    """
    if request.state != states.DRAFT:
        raise tk.ValidationError({"files": [_("The request is sent: add files to a message.")]})
    query = sa.select(Attachment).where(Attachment.request_id == request.id)
    attachments.remove(model.Session.scalars(query).all())
    model.Session.flush()
    model.Session.execute(sa.delete(Comment).where(Comment.request_id == request.id))
    files = list(uploads)
    if files:
        message = Comment(
            id=new_id(),
            request_id=request.id,
            author_id=request.requester_id,
            author_role=states.REQUESTER,
            created=clock.now(),
            text=_("Files sent with the request."),
            moderation="",
        )
        _add(message, files)
    _count_comments(request)


def _add(message: Comment, files: Iterable[attachments.AcceptedFile]) -> None:
    model.Session.add(message)
    model.Session.flush()
    rows = [attachments.keep(file, message.request_id, message.id) for file in files]
    model.Session.add_all(rows)


def publish(request: Request, message: Comment) -> None:
    """Count a comment, link the datasets that it mentions to the request,
    and notify those concerned.
    """
    if not message.internal:
        _link_mentioned(request, message.text)
    _count_comments(request)
    outbox.of_comment(request, message)


def _link_mentioned(request: Request, words: str) -> None:
    """Link the request to the datasets whose URLs a comment contains: their pages show it."""
    names = set(_DATASET.findall(words)[:MOST_MENTIONS])
    query = sa.select(model.Package.id).where(
        sa.or_(model.Package.name.in_(names), model.Package.id.in_(names)),
        model.Package.state == model.State.ACTIVE,
    )
    for package_id in model.Session.scalars(query).all():
        model.Session.merge(
            DatasetLink(request_id=request.id, package_id=package_id, kind="mentioned")
        )


def _link_mentioned_anew(request: Request) -> None:
    """Update the links to mentioned datasets from the comments that are still visible."""
    mentioned = (DatasetLink.request_id == request.id, DatasetLink.kind == "mentioned")
    model.Session.execute(sa.delete(DatasetLink).where(*mentioned))
    query = sa.select(Comment.text).where(Comment.request_id == request.id, *SHOWN)
    for words in model.Session.scalars(query).all():
        _link_mentioned(request, words)


def _count_comments(request: Request) -> None:
    model.Session.flush()
    request.comment_count = number_of(Comment, Comment.request_id == request.id, *SHOWN)


def hide_comment(comment_id: str, reason: str) -> Request:
    """Hide a comment except from those who handle the request; a notice with the reason remains."""
    message = model.Session.get_one(Comment, comment_id)
    with transitions.changing(message.request_id) as request:
        message.hidden, message.hidden_reason = True, reason
        _count_comments(request)
        _link_mentioned_anew(request)
    return request


def hide_request(request_id: str, hidden: bool) -> Request:
    """Remove a request from the public list, or put it back.

    Those with a role in it still see it.
    """
    with transitions.changing(request_id) as request:
        request.hidden = hidden
        transitions.relist(request)
        request.version += 1
    return request


#: Decision → moderation state of the text.
DECISIONS = {"release": trust.RELEASED, "reject": trust.REJECTED, "spam": trust.SPAM}


def moderation_queue(start: int, rows: int) -> tuple[int, list[tuple[str, Any]]]:
    """Return the number of held texts, and one page of them as (kind, row), the oldest first."""
    queries = []
    for kind, (table, _author) in trust.TEXTS.items():
        key = sa.cast(table.id, sa.Text).label("id")
        columns = (sa.literal(kind).label("kind"), key, table.created)
        queries.append(sa.select(*columns).where(table.moderation == trust.HELD))
    waiting = sa.union_all(*queries).subquery()
    count = number_of(waiting)
    query = sa.select(waiting.c.kind, waiting.c.id).order_by(waiting.c.created, waiting.c.id)
    page = model.Session.execute(query.offset(start).limit(rows)).all()
    texts: dict[tuple[str, str], Any] = {}
    for kind, (table, _author) in trust.TEXTS.items():
        keys = [key for kind_of_row, key in page if kind_of_row == kind]
        ids = map(int, keys) if table is Event else keys
        texts |= {(kind, str(row.id)): row for row in by_ids(table, ids).values()}
    return count, [(kind, texts[kind, key]) for kind, key in page if (kind, key) in texts]


def moderate(kind: str, key: str, decision: str, reason: str) -> Request:
    """Release a text, reject it with a reason for its author, or reject it as spam.

    Spam also rejects all other held texts of the author, without a notification.

    Raises:
        ValidationError: it was already decided, or the edit can no longer be applied.
    """
    row = trust.text_of(kind, key)
    with transitions.changing(row.request_id) as request:
        model.Session.refresh(row, with_for_update=True)
        if row.moderation != trust.HELD:
            raise tk.ValidationError({"id": [_("Another moderator has decided on this already.")]})
        row.moderation = DECISIONS[decision]
        if decision == "release":
            _release(request, row)
        elif decision == "spam":
            _reject_all_as_spam(history.writer(row))
        else:
            _reject(request, kind, row, reason)
    outbox.OUTBOX.enqueue()
    return request


def _release(request: Request, row: Any) -> None:
    """Publish a text; a transition was notified when it was done, and its text is now visible."""
    if isinstance(row, Comment):
        publish(request, row)
    elif isinstance(row, Revision):
        if request.state not in states.STILL_EDITABLE:
            message = _(
                "The request can no longer be edited: work on it has begun or is over. Reject the "
                "edit."
            )
            raise tk.ValidationError({"id": [message]})
        service.apply_revision(request, row)
        service.tell_of_revision(request, row)


def _reject(request: Request, kind: str, row: Any, reason: str) -> None:
    if kind == "comment":
        row.hidden_reason = reason
    elif kind == "edit":
        row.reason = reason
    outbox.of_rejected(request, f"{kind}:{row.id}", history.writer(row))


def _reject_all_as_spam(author_id: str | None) -> None:
    if author_id is None:
        return
    for table, author in trust.TEXTS.values():
        waiting = sa.update(table).where(author == author_id, table.moderation == trust.HELD)
        model.Session.execute(waiting.values(moderation=trust.SPAM))


def request_of_text(kind: str, key: str) -> Request:
    """Return the request to which a text belongs.

    Raises:
        NotFound: there is no such text.
    """
    row = trust.text_of(kind, key) if kind in trust.TEXTS else None
    if row is None:
        raise tk.ObjectNotFound(_("Message not found"))
    return model.Session.get_one(Request, row.request_id)
