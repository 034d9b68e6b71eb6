"""Letters of requests: composed in the transaction of their event, stored as sent, read, and attached to e-mails."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from io import BytesIO
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests import config, deliveries
from ckanext.ecosphere.data_requests.decisions import authors, compose
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import (
    Event,
    Letter,
    Notification,
    Request,
    Setting,
    new_id,
)
from ckanext.ecosphere.data_requests.notifications import mail_texts
from ckanext.ecosphere.shared import language

RECEIPT, SILENCE = "receipt", "silence"
#: Transitions after which the receipt may have to name another service.
RECEIVED = ("submit", "accept", "transfer")


def of_event(request: Request, event: Event) -> None:
    """Compose and store the letter of a transition, if it has one, without committing.

    Raises:
        ValidationError: the author or the service is not named in full.
    """
    if request.is_signal:
        return
    if event.transition in states.LETTERS and not event.fields.get("spam"):
        keep(
            request,
            written(request, event.transition, event.actor_id, event.fields),
            event.transition,
            event.id,
        )
    elif event.transition in RECEIVED and _receipt_is_due(request):
        keep(request, written(request, RECEIPT, None, {}), RECEIPT, event.id)


def of_silence(request: Request) -> bool:
    """Store the notice that the period ends without an answer; return False when it exists for this due date."""
    notices = sa.select(Letter.created).where(
        Letter.request_id == request.id, Letter.kind == SILENCE
    )
    last = model.Session.scalar(notices.order_by(Letter.created.desc()).limit(1))
    if last is not None and request.due and clock.day_of(last) >= request.due:
        return False
    keep(request, written(request, SILENCE, None, {}), SILENCE, None)
    return True


def written(
    request: Request,
    kind: str,
    actor_id: str | None,
    fields: Mapping[str, Any],
    names: Mapping[str, Any] | None = None,
) -> compose.Composed:
    """Compose a letter from the current data, with the author's `names` where they are given.

    Raises:
        ValidationError: a decision does not name its author or service in full.
    """
    group = authors.service_of(request, kind)
    author, sender = authors.of(actor_id, names), authors.sender(group)
    desk_for = None
    if kind == RECEIPT and not authors.acknowledges(group):
        # The remedies are those against a refusal by the service: before the court of its seat.
        sender, desk_for = replace(authors.ministry_desk(), court=sender.court), sender.name
    if kind in states.LETTERS and (faults := authors.faults(author, sender)):
        raise tk.ValidationError(faults)  # pyright: ignore[reportArgumentType]
    today = clock.today()
    received = clock.day_of(request.submitted) if request.submitted else today
    if request.extended:
        months = config.extended_months()
    else:
        months = config.answer_months()
    facts = compose.Facts(
        kind=kind,
        day=today,
        reference=request.reference or "",
        title=mail_texts.title(request),
        received=received,
        due=_due(request, kind, fields),
        months=months,
        sender=sender,
        author=author,
        given=fields,
        datasets=[*_datasets(fields.get("datasets") or ()), *_delivered(fields)],
        language=language_of(request),
        completes=kind == RECEIPT and latest(request.id, RECEIPT) is not None,
        extended=request.extended,
        desk_for=desk_for,
    )
    return compose.compose(facts)


def _due(request: Request, kind: str, fields: Mapping[str, Any]) -> date | None:
    if kind == "extend" and fields.get("due"):
        return date.fromisoformat(fields["due"])
    return request.due


def language_of(request: Request) -> str:
    """Return the language of the requester: the one they chose, else that of the request."""
    setting = None
    if request.requester_id:
        setting = model.Session.get(Setting, request.requester_id)
    chosen = setting.language if setting else ""
    return language.offered(chosen or request.language)


def _datasets(ids: Iterable[str]) -> list[tuple[str, str]]:
    home = str(tk.config.get("ckan.site_url") or "").rstrip("/")
    packages = [model.Session.get(model.Package, package_id) for package_id in ids]
    return [
        (package.title or package.name, f"{home}/dataset/{package.name}")
        for package in packages
        if package
    ]


def _delivered(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the files and links of an answer: those stored or, for a preview, those about to be."""
    if fields.get("deliveries"):
        return deliveries.named(fields["deliveries"])
    links = [(url, url) for url in fields.get("links") or ()]
    return [*links, *((file.name, "") for file in fields.get("files") or ())]


def keep(request: Request, composed: compose.Composed, kind: str, event_id: int | None) -> Letter:
    """Store a letter as it is sent, without committing."""
    group = authors.service_of(request, kind)
    organization_id = group.id if group else None
    letter = Letter(
        id=new_id(),
        request_id=request.id,
        event_id=event_id,
        kind=kind,
        created=clock.now(),
        organization_id=organization_id,
        requester_id=request.requester_id,
        addressee=addressee(request),
        subject=composed.subject,
        html=composed.html,
        plain=composed.plain,
        sha256=composed.sha256,
    )
    model.Session.add(letter)
    model.Session.flush()
    return letter


def addressee(request: Request) -> str:
    """Return the lines that name the addressee of the letters of a request."""
    user = model.User.get(request.requester_id) if request.requester_id else None
    name = user.display_name if user else ""
    return "\n".join(line for line in (name, request.requester_organisation) if line)


def _receipt_is_due(request: Request) -> bool:
    """Return whether no receipt names the current service of the request."""
    same = sa.and_(
        Letter.request_id == request.id,
        Letter.kind == RECEIPT,
        Letter.organization_id.is_not_distinct_from(request.organization_id),
    )
    return not model.Session.scalar(sa.select(sa.exists().where(same)))


def may_read(letter: Letter, request: Request | None, reader: Reader) -> bool:
    """Return whether a user may read a letter: the addressee, the sending service, and those who handle the request."""
    if not reader.id:
        return False
    if letter.requester_id == reader.id or (letter.organization_id or "-") in reader.editor_of:
        return True
    return request is not None and bool(reader.roles(request) - {states.REQUESTER})


def of_request(request: Request, reader: Reader) -> list[Letter]:
    """Return the letters of a request that the reader may read, the oldest first."""
    if not reader.id:
        return []
    query = sa.select(Letter).where(Letter.request_id == request.id).order_by(Letter.created)
    return [letter for letter in model.Session.scalars(query) if may_read(letter, request, reader)]


def of_events(event_ids: Iterable[int | None]) -> dict[int, Letter]:
    """Return the letters of events, by id of the event."""
    ids = [event_id for event_id in event_ids if event_id]
    query = sa.select(Letter).where(Letter.event_id.in_(ids))
    if ids:
        return {
            letter.event_id: letter for letter in model.Session.scalars(query) if letter.event_id
        }
    return {}


def latest(request_id: str, kind: str) -> Letter | None:
    """Return the latest letter of a kind."""
    query = sa.select(Letter).where(Letter.request_id == request_id, Letter.kind == kind)
    return model.Session.scalars(query.order_by(Letter.created.desc()).limit(1)).one_or_none()


def forget_addressee(request_ids: Iterable[str]) -> None:
    """Erase the name of the addressee, without committing; their account can still read its letters."""
    ids = list(request_ids)
    model.Session.execute(sa.update(Letter).where(Letter.request_id.in_(ids)).values(addressee=""))


log = logging.getLogger(__name__)

#: Maximum number of letters attached to an e-mail, such as a digest; the others are read in the portal.
MOST_ENCLOSED = 5


def letter_of(row: Notification) -> Letter | None:
    """Return the letter of a notification, None unless the recipient is its addressee."""
    if row.audience != states.REQUESTER:
        return None
    if row.kind == SILENCE:
        letter = latest(row.request_id, SILENCE)
    else:
        letter = of_events([row.event_id]).get(row.event_id or 0)
    if letter is not None and letter.requester_id == row.user_id:
        return letter
    return None


def enclosures(rows: Iterable[Notification]) -> list[tuple[str, BytesIO, str]]:
    """Return the letters of notifications as attachments: name, content, media type.

    Empty without the libraries needed for PDF; the e-mail has the text of the letter anyway.
    """
    letters = [letter_of(row) for row in rows if not _is_kept_back(row)]
    sent = [letter for letter in letters if letter is not None][:MOST_ENCLOSED]
    try:
        return [(file_name(letter), BytesIO(pdf_of(letter)), "application/pdf") for letter in sent]
    except compose.PdfUnavailable as error:
        log.warning("Letters leave without their PDF: %s", error)
        return []


def _is_kept_back(row: Notification) -> bool:
    request = model.Session.get(Request, row.request_id)
    return request is not None and mail_texts.is_kept_back(request, row.user_id)


def pdf_of(letter: Letter) -> bytes:
    """Return the PDF of a letter.

    Raises:
        Unavailable: PDF cannot be generated on this machine.
    """
    return compose.pdf(letter.subject, letter.html, letter.addressee)


def file_name(letter: Letter) -> str:
    """Return the file name of a letter."""
    request = model.Session.get(Request, letter.request_id)
    reference = request.reference if request else None
    return compose.pdf_name(reference or letter.request_id, letter.kind)
