"""Texts of notifications on the page and in e-mails, in the recipient's language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import dictize
from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import Event, Notification, Request
from ckanext.ecosphere.shared.messages import N_

_ = tk._

#: (kind, audience) → sentence; audience "" for all others.
SENTENCES: dict[tuple[str, str], str] = {
    ("submit", states.REQUESTER): N_("Your request {reference} was received."),
    ("submit", states.MODERATORS): N_("A new request has arrived: {reference}."),
    ("accept", states.REQUESTER): N_("Your request {reference} was accepted and handed over to {service}."),
    ("accept", states.SERVICE): N_("A request was handed over to your service: {reference}."),
    ("reject", states.SERVICE): N_("Moderators have closed a request that your service had: {reference}."),
    ("reject", ""): N_("Your request {reference} was not accepted."),
    ("ask_details", ""): N_("{service} asks you for details about your request {reference}."),
    ("answer_details", ""): N_("The requester has given details about {reference}."),
    ("expire", states.REQUESTER): N_("Your request {reference} was closed: the details asked for have not come."),
    ("expire", ""): N_("The request {reference} was closed for want of details."),
    ("start", states.REQUESTER): N_("{service} has begun work on your request {reference}."),
    ("start", ""): N_("{service} has begun work on the request {reference}."),
    ("transfer", states.REQUESTER): N_("Your request {reference} was transferred to {service}."),
    ("transfer", states.SERVICE): N_("A request was transferred to your service: {reference}."),
    ("transfer", ""): N_("The request {reference} was transferred from your service to {service}."),
    ("extend", states.REQUESTER): N_("The period for the answer to your request {reference} was extended."),
    ("extend", ""): N_("The period for the answer to the request {reference} was extended."),
    ("fulfil", states.REQUESTER): N_("Your request {reference} was fulfilled."),
    ("fulfil", ""): N_("The request {reference} was fulfilled."),
    ("fulfil_partly", states.REQUESTER): N_("Your request {reference} was fulfilled in part."),
    ("fulfil_partly", ""): N_("The request {reference} was fulfilled in part."),
    ("refuse", states.REQUESTER): N_("Your request {reference} was refused."),
    ("refuse", ""): N_("The request {reference} was closed without data."),
    ("not_held", states.REQUESTER): N_("{service} does not hold the data of your request {reference}."),
    ("not_held", ""): N_("{service} does not hold the data of the request {reference}."),
    ("resolve", ""): N_("What you reported is mended, says {service}: {reference}."),
    ("dismiss", ""): N_("{service} has answered what you reported: {reference}."),
    ("join", ""): N_("The request {reference} is treated together with another one."),
    ("mark_duplicate", states.SERVICE): N_("Moderators have closed a duplicate that your service had: {reference}."),
    ("mark_duplicate", ""): N_("Your request {reference} is closed as a duplicate: your other one goes on."),
    ("reconsider", ""): N_("Your request {reference} is looked at again."),
    ("withdraw", ""): N_("The request {reference} was withdrawn."),
    ("reopen", ""): N_("The request {reference} was reopened."),
    ("ask_review", ""): N_("The requester asks your service to look at its decision again: {reference}."),
    ("take_up_again", states.REQUESTER): N_("{service} takes your request {reference} up again."),
    ("take_up_again", ""): N_("{service} takes the request {reference} up again."),
    ("keep_decision", ""): N_("{service} has looked at your request {reference} again and upholds its decision."),
    ("review_soon", ""): N_("An answer to the review of {reference} is due within a week."),
    ("review_late", ""): N_("The answer to the review of {reference} is late."),
    ("comment", states.REQUESTER): N_("There is a new comment on your request {reference}."),
    ("comment", ""): N_("There is a new comment on the request {reference}."),
    ("edit", ""): N_("The requester has edited the request {reference}."),
    ("held", ""): N_("A text of a new person waits for a moderator: {reference}."),
    ("rejected_text", ""): N_("What you wrote about the request {reference} was not published."),
    ("silence", ""): N_("The period for the answer to your request {reference} ends."),
    ("due_week", ""): N_("An answer to the request {reference} is due within a week."),
    ("due_day", ""): N_("An answer to the request {reference} is due by tomorrow."),
    ("overdue", ""): N_("An answer to the request {reference} is overdue."),
    ("public_answer", ""): N_("The answer to the request {reference} is public now."),
    ("assigned", ""): N_("A request was assigned to you: {reference}."),
    ("escalated_soon", ""): N_("The date for an answer is near, and there is none yet: {reference}."),
    ("escalated_late", ""): N_("The answer to the request {reference} is late: it is brought to your attention."),
    ("details_first", ""): N_("{service} still waits for details about your request {reference}."),
    ("details_last", ""): N_("Last reminder: without the details asked for, your request {reference} will be closed."),
}
#: The same for signals (reports about a dataset), where the text differs.
OF_SIGNALS: dict[tuple[str, str], str] = {
    ("submit", states.REQUESTER): N_("Your report {reference} was received."),
    ("submit", states.MODERATORS): N_("A report about a dataset has arrived: {reference}."),
    ("accept", states.REQUESTER): N_("Your report {reference} was handed over to {service}."),
    ("accept", states.SERVICE): N_("Your service has received a report about one of its datasets: {reference}."),
    ("reject", states.SERVICE): N_("Moderators have closed a report that your service had: {reference}."),
    ("reject", ""): N_("Your report {reference} was not accepted."),
    ("answer_details", ""): N_("The author of the report {reference} has given details."),
    ("start", states.REQUESTER): N_("{service} looks into your report {reference}."),
    ("start", ""): N_("{service} looks into the report {reference}."),
    ("transfer", states.SERVICE): N_("A report about a dataset was transferred to your service: {reference}."),
    ("transfer", states.REQUESTER): N_("Your report {reference} was transferred to {service}."),
    ("transfer", ""): N_("The report {reference} was transferred from your service to {service}."),
    ("mark_duplicate", states.SERVICE): N_("Moderators have merged a report that your service had: {reference}."),
    ("mark_duplicate", ""): N_("Your report {reference} was merged with another one."),
    ("reconsider", ""): N_("Your report {reference} is looked at again."),
    ("withdraw", ""): N_("The report {reference} was withdrawn."),
    ("reopen", ""): N_("The report {reference} was reopened."),
    ("comment", states.REQUESTER): N_("There is a new comment on your report {reference}."),
    ("comment", ""): N_("There is a new comment on the report {reference}."),
    ("edit", ""): N_("The author of the report {reference} has edited it."),
    ("rejected_text", ""): N_("What you wrote about the report {reference} was not published."),
    ("assigned", ""): N_("A report was assigned to you: {reference}."),
}


def sentence(kind: str, audience: str, request: Request, service: str) -> str:
    """Return what happened, as a sentence.

    Args:
        kind: transition, "comment" or kind of reminder.
        audience: of the recipient.
        request: that is concerned.
        service: title of the service.
    """
    tables = (OF_SIGNALS, SENTENCES) if request.is_signal else (SENTENCES,)
    text = next(table[key] for table in tables for key in ((kind, audience), (kind, "")) if key in table)
    return _(text).format(reference=request.reference or "", service=service or _("The service"))


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
        "{number} contribution waits for a moderator", "{number} contributions wait for a moderator", number
    )
    return words.format(number=number)


def service_of(request: Request, event: Event | None) -> str:
    """Return the title of the service in a notification: that of the event if any, else of the request."""
    key = (event.fields.get("organization") if event else None) or request.organization_id
    group = model.Session.get(model.Group, key) if key else None
    if group:
        return group.title or group.name
    return ""


def _services(requests: Sequence[Request], events: Sequence[Event]) -> Sequence[model.Group]:
    """Load the services of notifications into the session in one query."""
    keys = {each.organization_id for each in requests}
    keys |= {each.fields.get(name) for each in events for name in ("organization", "former_organization")}
    return model.Session.scalars(sa.select(model.Group).where(model.Group.id.in_(keys - {None}))).all()


def on_page(rows: Sequence[Notification], reader: Reader) -> list[dict[str, Any]]:
    """Return notifications as the page lists them, without those of requests that the user may no longer read, except
    the notice of a transfer to the former service.
    """
    ids = {each.request_id for each in rows}
    requests = {each.id: each for each in model.Session.scalars(sa.select(Request).where(Request.id.in_(ids)))}
    wanted = {each.event_id for each in rows if each.event_id}
    events = {each.id: each for each in model.Session.scalars(sa.select(Event).where(Event.id.in_(wanted)))}
    services = _services([*requests.values()], [*events.values()])  # a reference keeps them in the session
    found = []
    for each in rows:
        request = requests.get(each.request_id)
        readable = request is not None and reader.may_read(request)
        if request is None or not (readable or each.audience == states.FORMER_SERVICE):
            continue
        service = service_of(request, events.get(each.event_id or 0))
        found.append(
            {
                "id": each.id,
                "kind": each.kind,
                "sentence": sentence(each.kind, each.audience, request, service),
                "created": dictize.iso(each.created),
                "seen": each.status == "seen",
                "request": {
                    "id": request.id,
                    "reference": request.reference,
                    "title": request.title,
                    "readable": readable,
                },
            }
        )
    del services
    return found
