"""Moderation queue of texts by untrusted users: messages, edits, and texts of transitions."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import conversation, jobs, revisions, service
from ckanext.ecosphere.data_requests.domain import other_requests, states, trust
from ckanext.ecosphere.data_requests.domain.names import by_ids
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import Comment, Event, Request, Revision
from ckanext.ecosphere.data_requests.notifications import outbox

_ = tk._

#: Decision → moderation state of the text.
DECISIONS = {"release": trust.RELEASED, "reject": trust.REJECTED, "spam": trust.SPAM}


def queue(start: int, rows: int) -> tuple[int, list[tuple[str, Any]]]:
    """Return the number of held texts, and one page of them as (kind, row), the oldest first."""
    kinds = [
        sa.select(sa.literal(kind).label("kind"), sa.cast(table.id, sa.Text).label("id"), table.created)
        for kind, (table, _author) in trust.TEXTS.items()
    ]
    held = [
        query.where(table.moderation == trust.HELD)
        for query, (table, _author) in zip(kinds, trust.TEXTS.values(), strict=True)
    ]
    waiting = sa.union_all(*held).subquery()
    count = model.Session.scalar(sa.select(sa.func.count()).select_from(waiting)) or 0
    query = sa.select(waiting.c.kind, waiting.c.id).order_by(waiting.c.created, waiting.c.id)
    page = model.Session.execute(query.offset(start).limit(rows)).all()
    texts = {
        (kind, str(row.id)): row
        for kind, (table, _author) in trust.TEXTS.items()
        for row in by_ids(table, [int(key) if table is Event else key for kind_, key in page if kind_ == kind])
    }
    return count, [(kind, texts[kind, key]) for kind, key in page if (kind, key) in texts]


def decide(reader: Reader, kind: str, key: str, decision: str, reason: str) -> Request:
    """Release a text, reject it with a reason for its author, or reject it as spam.

    Spam also rejects all other held texts of the author, without a notification.

    Raises:
        NotFound: there is no such text.
        ValidationError: it was already decided, or the edit can no longer be applied.
    """
    row = trust.text_of(kind, key)
    if row is None:
        raise tk.ObjectNotFound(_("Message not found"))
    with service.rolled_back_on_error():
        request = service.lock(row.request_id)[row.request_id]
        model.Session.refresh(row, with_for_update=True)
        if row.moderation != trust.HELD:
            raise tk.ValidationError({"id": [_("Another moderator has decided on this already.")]})
        row.moderation = DECISIONS[decision]
        if decision == "release":
            RELEASES[kind](request, row)
        elif decision == "spam":
            _all_spam(row.actor_id if kind == "step" else row.author_id)
        else:
            _turn_away(request, kind, row, reason)
        model.Session.commit()
    jobs.enqueue_delivery()
    return request


def _release_comment(request: Request, row: Comment) -> None:
    conversation.publish(request, row)


def _release_edit(request: Request, row: Revision) -> None:
    if request.state not in states.STILL_EDITABLE:
        message = _("The request can no longer be edited: work on it has begun or is over. Reject the edit.")
        raise tk.ValidationError({"id": [message]})
    service.apply_revision(request, row)
    revisions.tell(request, row)


def _release_step(request: Request, row: Event) -> None:
    """Do nothing: the transition was already notified, and its text is now visible."""


RELEASES: dict[str, Any] = {"comment": _release_comment, "edit": _release_edit, "step": _release_step}


def _turn_away(request: Request, kind: str, row: Any, reason: str) -> None:
    if kind == "comment":
        row.hidden_reason = reason
    elif kind == "edit":
        row.reason = reason
    author = row.actor_id if kind == "step" else row.author_id
    outbox.of_rejected(request, f"{kind}:{row.id}", author)


def _all_spam(author_id: str | None) -> None:
    if author_id is None:
        return
    for table, author in trust.TEXTS.values():
        waiting = sa.update(table).where(author == author_id, table.moderation == trust.HELD)
        model.Session.execute(waiting.values(moderation=trust.SPAM))


def request_of(kind: str, key: str) -> Request:
    """Return the request to which a text belongs.

    Raises:
        NotFound: there is no such text.
    """
    row = trust.text_of(kind, key) if kind in trust.TEXTS else None
    request = other_requests.by_id_or_reference(row.request_id) if row is not None else None
    if request is None:
        raise tk.ObjectNotFound(_("Message not found"))
    return request
