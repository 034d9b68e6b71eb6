"""Replies to notification e-mails: reply address, and what a reply becomes."""

from __future__ import annotations

from collections.abc import Sequence

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.data_requests import config, dictize
from ckanext.ecosphere.data_requests.domain import people, states
from ckanext.ecosphere.data_requests.inbound import addresses, quotes
from ckanext.ecosphere.data_requests.model import Comment, Request
from ckanext.ecosphere.data_requests.notifications import mailboxes, review
from ckanext.ecosphere.data_requests.notifications.tables import Notification

_ = tk._

#: Audiences that act for the service.
OF_THE_SERVICE = (states.SERVICE, states.ASSIGNEE, states.ADMINISTRATORS, states.CHIEF, states.MODERATORS)
#: Acts of the requester; replies to them are messages to all readers of the request.
SAID_BY_OTHERS = ("answer_details", "edit", "reopen", "ask_review")


def is_internal(row: Notification) -> bool:
    """Return whether a reply to a notification becomes an internal note of the service."""
    if row.audience not in OF_THE_SERVICE:
        return False
    if row.kind == "comment":
        comment = model.Session.get(Comment, row.comment_id) if row.comment_id else None
        return comment is None or comment.internal
    return row.kind not in SAID_BY_OTHERS


def answered(rows: Sequence[Notification]) -> Notification:
    """Return the notification to which a reply to an e-mail refers: an internal one if there is any, so that the reply
    is not published.
    """
    return next((each for each in rows if is_internal(each)), rows[0])


def address_of(rows: Sequence[Notification], user_id: str) -> str:
    """Return the reply address of an e-mail, "" when replies are not accepted."""
    first = answered(rows)
    about_one = len({each.request_id for each in rows}) == 1
    if not config.reply_address() or not about_one or mailboxes.is_mailbox(user_id) or review.concerns(first):
        return ""
    request = model.Session.get(Request, first.request_id)
    reader = people.reader_of(model.User.get(user_id))
    takes = request is not None and reader.may_read(request) and dictize.may_comment(request, reader)
    return addresses.of_notification(first.id) if takes else ""


def marker() -> str:
    """Return the line above which to write a reply."""
    return quotes.MARKER.format(words=_("Write your answer above this line"))


def explanation(rows: Sequence[Notification]) -> str:
    """Return what becomes of a reply, for the end of the e-mail."""
    row = answered(rows)
    request = model.Session.get(Request, row.request_id)
    if is_internal(row):
        return _(
            "You can answer this e-mail: your answer becomes an internal note, read by the service and the moderators."
        )
    if request is not None and request.visibility == "public":
        return _(
            "You can answer this e-mail: your answer becomes a message on the page of the request, which everybody can "
            "read."
        )
    return _(
        "You can answer this e-mail: your answer becomes a message on the page of the request, which its author, the "
        "service and the moderators read."
    )
