"""Texts of notifications on the page and in e-mails, in the recipient's language, and what they
quote of users.

A quoted text has its author, a notice that it is not official, and no link that works if its author
was not trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeGuard

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere.core import addresses
from ckanext.ecosphere.data_requests import history
from ckanext.ecosphere.data_requests.domain import people, states, text, trust, wording
from ckanext.ecosphere.data_requests.domain.clock import iso
from ckanext.ecosphere.data_requests.domain.people import Mailbox, Names, Reader, by_ids
from ckanext.ecosphere.data_requests.model import Comment, Event, Notification, Request
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import characters, dates, language
from ckanext.ecosphere.shared.mailing import harmless


def sentence(kind: str, audience: str, request: Request, service: str) -> str:
    """Return what happened, as a sentence.

    Args:
        kind: transition, "comment" or kind of reminder.
        audience: of the recipient.
        request: that is concerned.
        service: title of the service.

    Raises:
        KeyError: a later version of the suite wrote the notification; that version has its
            sentence.
    """
    words = wording.message("notifications", f"{kind}/{audience}", kind, signal=request.is_signal)
    if words == kind:
        raise KeyError(kind)
    return words.format(reference=request.reference or "", service=service or _("The service"))


def several_comments(number: int, reference: str, signal: bool) -> str:
    """Return the sentence for several new messages about a request or a signal."""
    if signal:
        words = tk.ungettext(
            "There is {number} new comment on the report {reference}.",
            "There are {number} new comments on the report {reference}.",
            number,
        )
    else:
        words = tk.ungettext(
            "There is {number} new comment on the request {reference}.",
            "There are {number} new comments on the request {reference}.",
            number,
        )
    return words.format(number=number, reference=reference)


def received_and_accepted(request: Request, service: str) -> str:
    """Return the sentence for a request or a signal that was received and handed over at once."""
    if request.is_signal:
        words = _("Your report {reference} was received and handed over to {service}.")
    else:
        words = _("Your request {reference} was received and handed over to {service}.")
    return words.format(reference=request.reference or "", service=service or _("The service"))


def several_held(number: int, reference: str) -> str:
    """Return the sentence for several held texts about a request."""
    words = tk.ungettext(
        "{number} text of new people waits for a moderator: {reference}.",
        "{number} texts of new people wait for a moderator: {reference}.",
        number,
    )
    return words.format(number=number, reference=reference)


def waiting(number: int) -> str:
    """Return the sentence with the number of contributions that await moderation."""
    words = tk.ungettext(
        "{number} contribution waits for a moderator",
        "{number} contributions wait for a moderator",
        number,
    )
    return words.format(number=number)


def service_of(request: Request, event: Event | None) -> str:
    """Return the title of the service in a notification: that of the event if any,
    else of the request.
    """
    of_event = event.fields.get("organization") if event else None
    key = of_event or request.organization_id
    group = model.Session.get(model.Group, key) if key else None
    if group:
        return group.display_name
    return ""


def _services(requests: Iterable[Request], events: Iterable[Event]) -> dict[Any, Any]:
    """Load the services of notifications in one query,
    so that `service_of` finds each in the session.
    """
    keys = {request.organization_id for request in requests}
    for event in events:
        keys |= {event.fields.get("organization"), event.fields.get("former_organization")}
    return by_ids(model.Group, keys)


def on_page(rows: Sequence[Notification], reader: Reader) -> list[DataDict]:
    """Return notifications as the page lists them."""
    requests = by_ids(Request, [row.request_id for row in rows])
    events = by_ids(Event, [row.event_id for row in rows])
    # The session forgets objects to which nothing else refers.
    _in_session = _services(requests.values(), events.values())
    listed = []
    for row in rows:
        request = requests.get(row.request_id)
        if request is None:
            continue  # deleted a moment ago
        service = service_of(request, events.get(row.event_id))
        entry = {
            "id": row.id,
            "kind": row.kind,
            "sentence": sentence(row.kind, row.audience, request, service),
            "created": iso(row.created),
            "seen": row.status == "seen",
            "request": {**history.brief(request), "readable": reader.may_read(request)},
        }
        listed.append(entry)
    return listed


# What an e-mail quotes of users, and the names in it.

#: Roles whose texts are the administration's.
OFFICIAL = (states.EDITOR, states.ADMIN, states.MODERATOR, states.SYSTEM)


def may_be_quoted(row: Comment | Event | None) -> bool:
    """Return whether an e-mail may quote a text: it is neither hidden nor
    held for moderation nor rejected.
    """
    if row is None:
        return True
    return row.moderation in trust.SHOWN and not (isinstance(row, Comment) and row.hidden)


def quoted_comment(comment: Comment, request: Request) -> tuple[str, str]:
    """Return author and text of a comment."""
    names = Names.of([], [comment.organization_id, request.organization_id])
    author = history.author(comment, request, names)
    if comment.internal:
        return _("Internal note – {author}").format(author=author), comment.text
    return _quoted(author, comment.author_role, comment.text, comment.moderation)


def quoted_step(event: Event) -> tuple[str, str]:
    """Return author and text of the comment of a transition."""
    if event.actor_role in OFFICIAL:
        return _("Message"), event.comment
    return _quoted(_("Requester"), event.actor_role, event.comment, event.moderation)


def _quoted(author: str, role: str, words: str, moderation: str) -> tuple[str, str]:
    """Return author and text, with a notice if neither is official,
    and without links if the author was untrusted.
    """
    if role in OFFICIAL:
        return author, words
    label = _(
        "{author} – this text comes from a user of the portal “{title}”, not from the "
        "administration"
    )
    if trust.has_plain_links(moderation):
        words = text.defanged(words)
    return label.format(author=author, title=tk.config["ckan.site_title"]), words


def title_of(request: Request) -> str:
    """Return the title of a request, with links neutralised if its requester was not trusted."""
    if request.plain_links:
        return harmless(request.title)
    return request.title


def name_of(user: model.User | Mailbox) -> str:
    """Return the recipient's name on one line and with links neutralised: they may not have chosen
    it.

    For untrusted users whose address may belong to someone else, it is the account name, which
    cannot hold a message.
    """
    if _may_be_somebody_else(user):
        return harmless(characters.one_line(user.name))
    return harmless(characters.one_line(user.display_name))


def is_kept_back(request: Request, user_id: str) -> bool:
    """Return whether an e-mail omits what its recipient wrote, because it is not moderated yet and
    the recipient may be a third party whose address an untrusted author gave.
    """
    own = request.opened is None and request.requester_id == user_id
    return own and _may_be_somebody_else(model.User.get(user_id))


def _may_be_somebody_else(user: model.User | Mailbox | None) -> TypeGuard[model.User]:
    """Return whether an untrusted user gave an address that may belong to a third party."""
    new = isinstance(user, model.User) and not trust.is_trusted(user.id)
    return new and addresses.may_be_somebody_elses(user)


# Details of e-mails.


def address(path: str) -> str:
    """Return the full URL of a page of the portal in the current language."""
    home = tk.h.url_for("home.index", qualified=True, locale=language.current())
    return f"{home.rstrip('/')}/{path}"


#: Details that are days.
DAYS = ("due", "answer_by", "planned", "review_due")


def details(kind: str, request: Request, event: Event | None) -> list[tuple[str, str]]:
    """Return the most important information of a notification: (label, text).

    The details of each kind are listed in `data/messages.yaml`.
    """
    fields = event.fields if event else {}
    codes = wording.MAILS["details"].get(kind, ())
    values = {code: _value(code, request, fields) for code in codes}
    return [(wording.message("details", code), value) for code, value in values.items() if value]


def _value(code: str, request: Request, fields: Row) -> str:
    """Return a detail: of the event or, for reminders, which have none of their own,
    of the request.
    """
    if code in VALUES:
        return VALUES[code](request, fields)
    value = fields.get(code) or getattr(request, code, "")
    if code in DAYS:
        return dates.day(value)
    return str(value)


def _target(request: Request, fields: Row) -> str:
    """Return the request merged into, "" when the requester may not read it,
    as it may not be moderated yet.
    """
    target = model.Session.get(Request, fields.get("target") or "")
    reader = people.reader_of_id(request.requester_id)
    if target and reader.may_read(target):
        return f"{target.reference} – {target.title}"
    return ""


def _catalogue(request: Request, fields: Row) -> str:
    """Return the address of the lists that a person asked to specify a
    request is told of (R. 124-1, II).
    """
    if request.is_signal:
        return ""
    return address("dataset/")


def _question(request: Request, fields: Row) -> str:
    """Return the last question of the service to the requester."""
    questions = sa.select(Event.fields["question"].as_string()).where(
        Event.request_id == request.id, Event.transition == "ask_details"
    )
    return model.Session.scalar(questions.order_by(Event.id.desc()).limit(1)) or ""


def _held_by(request: Request, fields: Row) -> str:
    """Return the name of the assignee, unless they have left the service since."""
    if request.assigned_to in people.editors_of(request.organization_id):
        user = model.User.get(request.assigned_to)
        if user:
            return name_of(user)
    return _("Nobody yet")


#: Detail → what it is of a request and the fields of an event; other details are fields of either.
VALUES: dict[str, Callable[[Request, Row], str]] = {
    "target": _target,
    "catalogue": _catalogue,
    "question": _question,
    "held_by": _held_by,
    "new_due": lambda request, fields: dates.day(fields.get("due")),
    "service": lambda request, fields: service_of(request, None),
}
