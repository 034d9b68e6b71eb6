"""Texts of notifications on the page and in e-mails, in the recipient's language, and what they quote of users.

A quoted text has its author, a notice that it is not official, and no link that works if its author was not trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeGuard

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere.core import addresses
from ckanext.ecosphere.data_requests import history
from ckanext.ecosphere.data_requests.domain import people, states, text, trust, wording
from ckanext.ecosphere.data_requests.domain.clock import iso
from ckanext.ecosphere.data_requests.domain.people import Mailbox, Names, Reader, by_ids
from ckanext.ecosphere.data_requests.model import Comment, Event, Notification, Request
from ckanext.ecosphere.shared import dates, language
from ckanext.ecosphere.shared.language import N_
from ckanext.ecosphere.shared.mailing import harmless


def sentence(kind: str, audience: str, request: Request, service: str) -> str:
    """Return what happened, as a sentence.

    Args:
        kind: transition, "comment" or kind of reminder.
        audience: of the recipient.
        request: that is concerned.
        service: title of the service.
    """
    words = wording.message("notifications", f"{kind}/{audience}", kind, signal=request.is_signal)
    return words.format(reference=request.reference or "", service=service or _("The service"))


def several_comments(number: int, reference: str, signal: bool = False) -> str:
    """Return the sentence for several new messages about a request or a signal."""
    if signal:
        words = tk.ungettext(
            "There is {number} new comment on the report {reference}.",
            "There are {number} new comments on the report {reference}.",
            number,
        )
        return words.format(number=number, reference=reference)
    words = tk.ungettext(
        "There is {number} new comment on the request {reference}.",
        "There are {number} new comments on the request {reference}.",
        number,
    )
    return words.format(number=number, reference=reference)


def received_and_accepted(request: Request, service: str) -> str:
    """That a request or a signal was received and handed over at once, in one sentence."""
    words = _("Your request {reference} was received and handed over to {service}.")
    if request.is_signal:
        words = _("Your report {reference} was received and handed over to {service}.")
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
    """Return the title of the service in a notification: that of the event if any, else of the request."""
    of_event = event.fields.get("organization") if event else None
    key = of_event or request.organization_id
    group = model.Session.get(model.Group, key) if key else None
    if group:
        return group.display_name
    return ""


def _services(requests: Sequence[Request], events: Sequence[Event]) -> Sequence[model.Group]:
    """Load the services of notifications into the session in one query."""
    keys = {request.organization_id for request in requests}
    for event in events:
        keys |= {event.fields.get("organization"), event.fields.get("former_organization")}
    return by_ids(model.Group, keys)


def on_page(rows: Sequence[Notification], reader: Reader) -> list[DataDict]:
    """Return notifications as the page lists them, without those of requests that the user may no longer read, except
    the notice of a transfer to the former service.
    """
    request_ids, event_ids = [row.request_id for row in rows], [row.event_id for row in rows]
    requests = {request.id: request for request in by_ids(Request, request_ids)}
    events = {event.id: event for event in by_ids(Event, event_ids)}
    # A reference keeps them in the session.
    services = _services([*requests.values()], [*events.values()])
    listed = []
    for row in rows:
        request = requests.get(row.request_id)
        readable = request is not None and reader.may_read(request)
        if request is None or not (readable or row.audience == states.FORMER_SERVICE):
            continue
        service = service_of(request, events.get(row.event_id or 0))
        listed.append(
            {
                "id": row.id,
                "kind": row.kind,
                "sentence": sentence(row.kind, row.audience, request, service),
                "created": iso(row.created),
                "seen": row.status == "seen",
                "request": {
                    "id": request.id,
                    "reference": request.reference,
                    "title": request.title,
                    "readable": readable,
                },
            }
        )
    del services
    return listed


OFFICIAL = (states.EDITOR, states.ADMIN, states.MODERATOR, states.SYSTEM)


def is_told(row: Comment | Event | None) -> bool:
    """Return whether an e-mail may quote a text: it is neither hidden nor held for moderation nor rejected."""
    if row is None:
        return True
    return row.moderation in trust.SHOWN and not (isinstance(row, Comment) and row.hidden)


def quoted_comment(comment: Comment, request: Request) -> tuple[str, str]:
    """Return author and text of a comment."""
    names = Names.of([], [comment.organization_id, request.organization_id])
    author = history.author(comment, request, names)
    if comment.internal:
        return _("Internal note – {author}").format(author=author), comment.text
    return _detail(author, comment.author_role, comment.text, comment.moderation)


def quoted_step(event: Event) -> tuple[str, str]:
    """Return author and text of the comment of a transition."""
    if event.actor_role in OFFICIAL:
        return _("Message"), event.comment
    return _detail(_("Requester"), event.actor_role, event.comment, event.moderation)


def _detail(author: str, role: str, words: str, moderation: str) -> tuple[str, str]:
    if role in OFFICIAL:
        return author, words
    label = _(
        "{author} – this text comes from a user of the portal “{title}”, not from the "
        "administration"
    )
    safe = text.defanged(words) if trust.has_plain_links(moderation) else words
    return label.format(author=author, title=tk.config["ckan.site_title"]), safe


def title_of(request: Request) -> str:
    """Return the title of a request, with links neutralised if its requester was not trusted."""
    if request.plain_links:
        return harmless(request.title)
    return request.title


def name_of(user: model.User | Mailbox) -> str:
    """Return the recipient's name on one line and with links neutralised: they may not have chosen it.

    For untrusted users whose address may belong to someone else, it is the account name, which cannot hold a message.
    """
    name = user.name if _may_be_somebody_else(user) else user.display_name
    return harmless(text.line(name))


def is_kept_back(request: Request, user_id: str) -> bool:
    """Return whether an e-mail omits what its recipient wrote, because it is not moderated yet and the recipient may be
    a third party whose address an untrusted author gave.
    """
    own = request.opened is None and request.requester_id == user_id
    return own and _may_be_somebody_else(model.User.get(user_id))


def _may_be_somebody_else(user: model.User | Mailbox | None) -> TypeGuard[model.User]:
    new = isinstance(user, model.User) and not trust.is_trusted(user.id)
    return new and addresses.may_be_somebody_elses(user)


# Details of e-mails.


def address(path: str) -> str:
    """Return the full URL of a page of the portal in the current language."""
    home = tk.h.url_for("home.index", qualified=True, locale=language.current())
    return f"{home.rstrip('/')}/{path}"


def details(kind: str, request: Request, event: Event | None) -> list[tuple[str, str]]:
    """Return the most important information of a notification: (label, text)."""
    fields = event.fields if event else {}
    labelled = [(label, text_of(request, fields)) for label, text_of in DETAILS.get(kind, ())]
    return [(_(label), value) for label, value in labelled if value]


def _field(name: str) -> Callable[[Request, DataDict], str]:
    return lambda request, fields: str(fields.get(name) or "")


def _day_field(name: str) -> Callable[[Request, DataDict], str]:
    return lambda request, fields: dates.day(fields.get(name))


def _due(request: Request, fields: DataDict) -> str:
    return dates.day(request.due)


def _target(request: Request, fields: DataDict) -> str:
    """Return the request merged into, "" when the requester may not read it, as it may not be moderated yet."""
    target = model.Session.get(Request, fields.get("target") or "")
    reader = people.reader_of_id(request.requester_id)
    if target and reader.may_read(target):
        return f"{target.reference} – {target.title}"
    return ""


def _catalogue(request: Request, fields: DataDict) -> str:
    """Return the address of the lists that a person asked to specify a request is told of (R. 124-1, II)."""
    if request.is_signal:
        return ""
    return address("dataset/")


def _question(request: Request, fields: DataDict) -> str:
    """Return the pending question, for reminders, which have no event of their own."""
    asked = (
        model.Session.query(Event)
        .filter_by(request_id=request.id, transition="ask_details")
        .order_by(Event.id.desc())
        .first()
    )
    if asked:
        return asked.fields.get("question", "")
    return ""


def _held_by(request: Request, fields: DataDict) -> str:
    here = request.assigned_to in people.editors_of(request.organization_id)
    user = model.User.get(request.assigned_to) if here else None
    if user:
        return name_of(user)
    return _("Nobody yet")


REASON = (N_("Reason"), _field("reason"))
QUESTION = (N_("Details asked for"), _question)
ANSWER_BY = (N_("Answer awaited by"), lambda request, fields: dates.day(request.answer_by))
DUE = (N_("Answer expected by"), _due)
REVIEW_DUE = (
    N_("Answer to the review expected by"),
    lambda request, fields: dates.day(request.review_due),
)
HELD_BY = (N_("Assigned to"), _held_by)
SERVICE_OF = (N_("Service"), lambda request, fields: service_of(request, None))

#: Kind → (label, function of the request and the fields of its event) of each detail.
DETAILS: dict[str, tuple[tuple[str, Callable[[Request, DataDict], str]], ...]] = {
    "submit": (DUE,),
    "accept": (DUE,),
    "reject": (REASON,),
    "ask_details": (
        (N_("Details asked for"), _field("question")),
        (N_("Answer awaited by"), _day_field("answer_by")),
        (N_("Catalogue of the data that services hold"), _catalogue),
    ),
    "start": ((N_("Answer planned for"), _day_field("planned")),),
    "transfer": (REASON, DUE),
    "extend": ((N_("New date for the answer"), _day_field("due")), REASON),
    "fulfil_partly": ((N_("What is missing"), _field("missing")),),
    "not_held": (REASON,),
    "join": (DUE,),
    "mark_duplicate": ((N_("Request that goes on"), _target),),
    "reconsider": (REASON, DUE),
    "withdraw": (REASON,),
    "reopen": (REASON, DUE),
    "ask_review": (REASON, REVIEW_DUE),
    "take_up_again": ((N_("Answer planned for"), _day_field("planned")),),
    "keep_decision": (REASON,),
    "review_soon": (REVIEW_DUE,),
    "review_late": (REVIEW_DUE,),
    "silence": (DUE,),
    "due_week": (DUE,),
    "due_day": (DUE,),
    "overdue": (DUE,),
    "assigned": (DUE,),
    "escalated_soon": (DUE, HELD_BY, SERVICE_OF),
    "escalated_late": (DUE, HELD_BY, SERVICE_OF),
    "details_first": (QUESTION, ANSWER_BY),
    "details_last": (QUESTION, ANSWER_BY),
}
