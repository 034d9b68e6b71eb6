"""Content of notification e-mails, in the recipient's language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.data_requests import deliveries, dictize
from ckanext.ecosphere.data_requests.decisions import store
from ckanext.ecosphere.data_requests.domain import people, states, text
from ckanext.ecosphere.data_requests.domain.people import Mailbox
from ckanext.ecosphere.data_requests.model import Comment, Event, Notification, Request, Setting
from ckanext.ecosphere.data_requests.notifications import mail_texts, replies, review, texts
from ckanext.ecosphere.shared import dates, language
from ckanext.ecosphere.shared.mailing.texts import labelled, subject
from ckanext.ecosphere.shared.messages import N_

_ = tk._


@dataclass
class Letter:
    """Content of an e-mail before rendering.

    Attributes:
        subject: one line.
        greeting: first line.
        items: one for each notification; several in a digest.
        closing: why the recipient gets it.
        settings_url: page where that can be changed.
        marker: line above which to write a reply, "" when replies are not accepted; reply: what a reply becomes.
    """

    subject: str
    greeting: str
    items: list[Item]
    closing: str
    settings_url: str
    marker: str = ""
    reply: str = ""


@dataclass
class Item:
    """Content of one notification.

    Attributes:
        sentence: what happened.
        title: of the request.
        url: of its page, "" when the recipient, of its former service, may no longer read it.
        details: (label, text) of the most important information.
        links: (label, URL).
        enclosed: letter of the service that is shown in full.
    """

    sentence: str
    title: str
    url: str
    details: list[tuple[str, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    enclosed: Any = None


def language_of(user: model.User | Mailbox, request: Request | None) -> str:
    """Return the language of a user: the one they chose, that of their request, or the portal's."""
    setting = model.Session.get(Setting, user.id)
    if setting and setting.language:
        return language.offered(setting.language)
    own = ""
    if request is not None and request.requester_id == user.id:
        own = request.language
    return language.offered(own)


def write(user: model.User | Mailbox, rows: list[Notification], digest: bool = False) -> Letter | None:
    """Return the content of an e-mail in the current language; None when nothing is left to notify.

    Notifications about requests that the user may no longer read are left out.
    """
    reader = people.reader_of(user)
    waiting = review.lines([row for row in rows if review.concerns(row)])
    items = [
        *_to_review(waiting, reader),
        *(item for row in rows if not review.concerns(row) and (item := _item(row, reader))),
    ]
    if not items:
        return None
    if len(waiting) > 1 and not digest:
        items.insert(0, _of_all(sum(number for _row, number in waiting)))
    if digest:
        words = tk.ungettext(
            "{number} message about data requests", "{number} messages about data requests", len(items)
        )
        words = words.format(number=len(items))
    else:
        words = items[0].sentence
    return Letter(
        subject=subject(words),
        greeting=_("Hello {name},").format(name=mail_texts.name(user)),
        items=items,
        closing=closing(),
        settings_url=address("demandes/preferences"),
    )


def closing() -> str:
    """Return the sentence that explains why a user gets an e-mail."""
    words = _("You receive this message from the portal “{title}” about data requests that concern you.")
    return words.format(title=tk.config["ckan.site_title"])


def in_form(letter: Letter, user: model.User | Mailbox) -> dict[str, Any]:
    """Return recipient, subject and both forms of an e-mail, as arguments of `sending.hand_over`."""
    return {
        "recipient_name": mail_texts.name(user),
        "recipient_email": user.email,
        "subject": letter.subject,
        "body": tk.render("emails/ecosphere_requests.txt", {"letter": letter, "labelled": labelled}),
        "body_html": tk.render("emails/ecosphere_requests.html", {"letter": letter, "html": text.mail_html}),
    }


def address(path: str) -> str:
    """Return the full URL of a page of the portal in the current language."""
    home = tk.h.url_for("home.index", qualified=True, locale=language.current())
    return f"{home.rstrip('/')}/{path}"


def _to_review(lines: list[tuple[Notification, int]], reader: people.Reader) -> list[Item]:
    """Return an item for each request and kind of contribution that awaits moderation."""
    items = [item for row, number in lines if (item := _waiting(row, number, reader))]
    return items[: review.MOST_LINES]


def _of_all(number: int) -> Item:
    """Return an item with the number of contributions that await moderation, and links to them."""
    ways = [(_("Requests that wait"), address("demandes/moderation"))]
    ways.append((_("Messages that wait"), address("demandes/moderation/messages")))
    return Item(texts.waiting(number), "", "", links=ways)


def _waiting(row: Notification, number: int, reader: people.Reader) -> Item | None:
    request = model.Session.get(Request, row.request_id)
    if request is None or not _is_still_told(row, request, reader):
        return None
    words = texts.sentence(row.kind, row.audience, request, "")
    if number > 1:
        words = texts.several_held(number, request.reference or "")
    item = Item(words, mail_texts.title(request) if request.visibility == "public" else "", _page(request))
    _add_details(item, row.kind, request, None)
    return item


def _is_still_told(row: Notification, request: Request, reader: people.Reader) -> bool:
    """Return whether a recipient may still get a notification: they may have left the service since."""
    if row.audience in replies.OF_THE_SERVICE:
        return reader.is_inside(request)
    return reader.may_read(request) or row.audience == states.FORMER_SERVICE


def _page(request: Request) -> str:
    return address(f"demandes/{request.reference or request.id}")


def _item(row: Notification, reader: people.Reader) -> Item | None:
    request = model.Session.get(Request, row.request_id)
    if request is None or not _is_still_told(row, request, reader):
        return None
    event = model.Session.get(Event, row.event_id) if row.event_id else None
    comment = model.Session.get(Comment, row.comment_id) if row.comment_id else None
    if not mail_texts.is_told(comment):
        return None
    service, kept_back = texts.service_of(request, event), mail_texts.is_kept_back(request, reader.id)
    item = Item(
        texts.sentence(row.kind, row.audience, request, service),
        "" if kept_back else mail_texts.title(request),
        _page(request) if reader.may_read(request) else "",
    )
    if row.kind in ("fulfil", "fulfil_partly") and row.audience == states.REQUESTER:
        item.links += _was_it_answered(request)
    if comment is not None:
        item.details.append(mail_texts.of_comment(comment, request))
    elif (letter := store.letter_of(row)) is not None:
        item.enclosed = None if kept_back else letter
        item.links.append((_("Read or print the letter"), address(f"demandes/{request.reference}/lettre/{letter.id}")))
        if event and event.comment and mail_texts.is_told(event) and not kept_back:
            item.details.append(mail_texts.of_step(event))
        if row.kind == "fulfil_partly":
            item.links += _delivered(request, reader)
            item.details += _kept_private(request, reader)
    elif not row.neutral and mail_texts.is_told(event):
        _add_details(item, row.kind, request, event)
        if event and event.comment:
            item.details.append(mail_texts.of_step(event))
        if row.kind in ("fulfil", "fulfil_partly", "public_answer"):
            item.links += [*_datasets(request, reader), *_delivered(request, reader)]
            item.details += _kept_private(request, reader)
    return item


def _was_it_answered(request: Request) -> list[tuple[str, str]]:
    """Return the two links by which the requester says whether the answer met their need."""
    way = address(f"demandes/satisfaction/{replies.satisfaction_token(request)}")
    return [
        (_("Yes, this answers my request"), f"{way}?r={replies.YES}"),
        (_("No, something is missing"), f"{way}?r={replies.NO}"),
    ]


def _delivered(request: Request, reader: people.Reader) -> list[tuple[str, str]]:
    """Return the files and links of the answer that the recipient may read; files link to the portal."""
    found = []
    for each in deliveries.of_request(request, reader):
        file = f"demandes/{request.reference}/reponse/{each['id']}"
        found.append((each["name"] or each["url"], address(file) if each["kind"] == "file" else each["url"]))
    return found


def _kept_private(request: Request, reader: people.Reader) -> list[tuple[str, str]]:
    """Return a notice that files and links are private to the requester, and until when."""
    found = deliveries.of_request(request, reader)
    days = {each["public_from"] for each in found if each["reach"] == deliveries.REQUESTER}
    return [
        (
            _("Files and links that answer this request"),
            _("For the requester alone until everyone reads it from {date}").format(date=dates.day(day))
            if day
            else _("For the requester alone"),
        )
        for day in sorted(days, key=str)
    ]


def _datasets(request: Request, reader: people.Reader) -> list[tuple[str, str]]:
    return [
        (each["title"], tk.h.url_for("dataset.read", id=each["name"], qualified=True, locale=language.current()))
        for each in dictize.datasets(request, reader, "answer")
    ]


def _add_details(item: Item, kind: str, request: Request, event: Event | None) -> None:
    fields = event.fields if event else {}
    for label, text_of in DETAILS.get(kind, ()):
        value = text_of(request, fields)
        if value:
            item.details.append((_(label), value))


def _field(name: str) -> Callable[[Request, dict[str, Any]], str]:
    return lambda request, fields: str(fields.get(name) or "")


def _day_field(name: str) -> Callable[[Request, dict[str, Any]], str]:
    return lambda request, fields: dates.day(fields.get(name))


def _due(request: Request, fields: dict[str, Any]) -> str:
    return dates.day(request.due)


def _target(request: Request, fields: dict[str, Any]) -> str:
    """Return the request merged into, "" when the requester may not read it, as it may not be moderated yet."""
    target = model.Session.get(Request, fields.get("target") or "")
    reader = people.reader_of(model.User.get(request.requester_id) if request.requester_id else None)
    if target and reader.may_read(target):
        return f"{target.reference} – {target.title}"
    return ""


def _catalogue(request: Request, fields: dict[str, Any]) -> str:
    """Return the address of the lists that a person asked to specify a request is told of (R. 124-1, II)."""
    if request.is_signal:
        return ""
    return address("dataset/")


def _question(request: Request, fields: dict[str, Any]) -> str:
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


def _held_by(request: Request, fields: dict[str, Any]) -> str:
    here = request.assigned_to in people.editors_of(request.organization_id)
    user = model.User.get(request.assigned_to) if here else None
    if user:
        return mail_texts.name(user)
    return _("Nobody yet")


REASON = (N_("Reason"), _field("reason"))
QUESTION = (N_("Details asked for"), _question)
ANSWER_BY = (N_("Answer awaited by"), lambda request, fields: dates.day(request.answer_by))
DUE = (N_("Answer expected by"), _due)
REVIEW_DUE = (N_("Answer to the review expected by"), lambda request, fields: dates.day(request.review_due))
HELD_BY = (N_("Assigned to"), _held_by)
SERVICE_OF = (N_("Service"), lambda request, fields: texts.service_of(request, None))

#: Kind → (label, function of the request and the fields of its event) of each detail.
DETAILS: dict[str, tuple[tuple[str, Callable[[Request, dict[str, Any]], str]], ...]] = {
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
