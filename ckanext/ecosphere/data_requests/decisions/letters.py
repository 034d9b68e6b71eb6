"""Letters of requests: who signs them, composed in the transaction of their event, stored as sent,
attached to e-mails.

An author is named by first name, last name and job title, stored once; the service is spelled out.
A request is acknowledged by its service if that can be reached, else by the desk of the ministry: a
receipt gives the postal address, the e-mail address and the telephone of the service in charge
(CRPA, R. 112-5, 2°); one without them does not make time limits run (L. 112-6).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from io import BytesIO
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import attachments, config
from ckanext.ecosphere.data_requests.decisions import compose, law
from ckanext.ecosphere.data_requests.decisions.compose import Author, Sender
from ckanext.ecosphere.data_requests.domain import clock, places, states, wording
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import (
    AuthorName,
    Event,
    Letter,
    Notification,
    Request,
    Setting,
    is_any,
)
from ckanext.ecosphere.data_requests.notifications import texts
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.setup import organisations
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.columns import new_id

log = logging.getLogger(__name__)

NAMES = ("first_name", "last_name", "quality")


def author_of(user_id: str | None, names: Row | None = None) -> Author:
    """Return the author named on decisions of an account; fields not given yet are empty.

    Args:
        user_id: id of the account.
        names: `first_name`, `last_name` and `quality` (job title) sent with a decision, which
            replace the stored ones.
    """
    row = model.Session.get(AuthorName, user_id) if user_id else None
    stored = Author(row.first_name, row.last_name, row.quality) if row else Author()
    given = {name: str(names[name]) for name in NAMES if names and names.get(name)}
    return replace(stored, **given)


def keep_author(user_id: str, names: dict[str, str]) -> None:
    """Store those of `first_name`, `last_name` and `quality` that are given, without committing."""
    row = model.Session.get(AuthorName, user_id) or AuthorName(
        user_id=user_id, first_name="", last_name="", quality=""
    )
    for name in NAMES:
        if name in names:
            setattr(row, name, names[name])
    model.Session.add(row)


def keep_given_author(user_id: str, transition: str, data: Row) -> None:
    """Store the author's name sent with a decision, for this one and the next,
    without committing.
    """
    names = {name: str(data[name]) for name in NAMES if data.get(name)}
    if names and transition in states.LETTERS:
        keep_author(user_id, names)
        model.Session.flush()


def service_of(request: Request, kind: str) -> model.Group | None:
    """Return the service in whose name a letter is sent: that of the request,
    or the moderators' for a rejection.
    """
    if kind == "reject":
        return model.Group.get(config.moderators())
    if request.organization_id:
        return model.Session.get(model.Group, request.organization_id)
    return None


def sender_of(group: model.Group | None) -> Sender:
    """Return a service as letters name it."""
    if group is None:
        return Sender()
    sheet = sheets.of(group)
    place = _place(group)
    return Sender(
        sheet.full_name,
        contact_lines(sheet),
        sheet.court or court_of(group),
        on_behalf(_kind(group), place),
        complete=not missing_contact(sheet),
    )


def court_of(group: model.Group) -> str:
    """Return the administrative court of the seat of a service, "" when the table has none."""
    courts, place = law.courts(), _place(group)
    if group.name in courts or place is None:
        return courts.get(group.name, "")
    return courts.get(place.id, "")


def on_behalf(kind: str, place: voc.Concept | None) -> dict[str, str]:
    """Return in whose name agents of a kind of service sign, by language, its `source` and `basis`.

    Else empty.
    """
    row = law.delegations().get(kind)
    if row is None:
        return {}
    of_place = sheets.of_territories().get(place.id, "") if place else ""
    if "{of}" in row["fr"] and not of_place:
        return {}
    english = f"of {place.label_en}" if place else ""
    label = place.label_fr if place else ""
    texts = {
        "fr": row["fr"].format(of=of_place, place=label),
        "en": row["en"].format(of=english, place=label),
    }
    return {**texts, "source": row["source"], "basis": row["basis"]}


def _kind(group: model.Group) -> str:
    """Return the kind of a service, from its own data or else the registry."""
    return _registered(group, organisations.KIND, "kind")


def _place(group: model.Group) -> voc.Concept | None:
    """Return the territory of a service likewise."""
    return voc.get("territories").get(_registered(group, organisations.TERRITORY, "territory"))


def _registered(group: model.Group, extra: str, column: str) -> str:
    """Return an extra of a service or, without it, a column of its entry in the registry;
    "" without either.
    """
    extras: Any = group.extras  # pyright: ignore[reportAttributeAccessIssue]
    service = voc.get("organisations").get(group.name)
    registered = service.data.get(column) if service else ""
    return str(extras.get(extra) or registered or "")


def lacking_names(author: Author, service: Sender) -> dict[str, list[str]]:
    """Return what a decision lacks to name its author and service in full: field → messages."""
    errors = {
        name: [wording.message("missing", name)] for name in NAMES if not getattr(author, name)
    }
    if not sheets.is_spelled_out(service.name):
        message = _(
            "A decision bears the name of its service without abbreviations: spell “{name}” out on "
            "the contact sheet of the service."
        )
        errors["service"] = [message.format(name=service.name or "?")]
    return errors


def faults_of(
    request: Request, transition: str, user_id: str | None, fields: Row
) -> dict[str, list[str]]:
    """Return the same for a transition that is about to be done.

    Empty when it sends no letter of decision.
    """
    is_spam = tk.asbool(fields.get("spam") or False)
    if request.is_signal or is_spam or transition not in states.LETTERS:
        return {}
    return lacking_names(author_of(user_id, fields), sender_of(service_of(request, transition)))


@dataclass(frozen=True)
class Unready:
    """A service in whose name no receipt can be sent.

    Attributes:
        group: the service.
        silent: whether nobody reads for it.
        lacking: fields missing on its contact sheet.
    """

    group: model.Group
    silent: bool
    lacking: tuple[str, ...]


def missing_contact(sheet: sheets.ContactSheet) -> tuple[str, ...]:
    """Return the fields of a contact sheet that a receipt needs and that are empty."""
    return tuple(name for name in law.remedies()["receipt"]["needs"] if not getattr(sheet, name))


def contact_lines(sheet: sheets.ContactSheet) -> tuple[str, ...]:
    """Return the lines by which a letter says how to reach its sender."""
    lines = [line.strip() for line in sheet.address.splitlines()]
    return tuple(line for line in (*lines, sheet.telephone, sheet.email, sheet.web) if line)


def acknowledges(group: model.Group | None) -> bool:
    """Return whether a receipt can be sent in the name of a service: it can be reached,
    and somebody reads for it.
    """
    return (
        group is not None
        and not missing_contact(sheets.of(group))
        and places.is_reachable(group.id)
    )


def ministry_desk() -> Sender:
    """Return the desk of the ministry, which acknowledges requests for
    services that cannot be reached.
    """
    sheet = config.desk()
    return Sender(sheet.full_name, contact_lines(sheet), complete=not desk_lacks())


def desk_lacks() -> list[str]:
    """Return the options that the desk of the ministry needs and that are empty."""
    sheet = config.desk()
    fields = ("full_name", *law.remedies()["receipt"]["needs"])
    return [
        config.DESK.format(field=config.DESK_FIELDS[name])
        for name in fields
        if not getattr(sheet, name)
    ]


def unready() -> list[Unready]:
    """Return the services in whose name no receipt can be sent, in alphabetical order."""
    silent = {group.id for group in places.unreachable()}
    services = [
        Unready(group, group.id in silent, missing_contact(sheets.of(group)))
        for group in places.services()
    ]
    return [service for service in services if service.silent or service.lacking]


def unconfirmed() -> list[tuple[model.Group, dict[str, sheets.Entry]]]:
    """Return the services for which the directory stands in, in alphabetical order,
    and its entries.
    """
    services = [(group, sheets.unconfirmed(group)) for group in places.services()]
    return [(group, entries) for group, entries in services if entries]


# Letters.

#: Kinds of letters besides transitions: the acknowledgement of a request, the notice that its
#: period ends unanswered.
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
        letter = written(request, event.transition, event.actor_id, event.fields)
        keep(request, letter, event.transition, event.id)
    elif event.transition in RECEIVED and _receipt_is_due(request):
        keep(request, written(request, RECEIPT, None, {}), RECEIPT, event.id)


def of_silence(request: Request) -> bool:
    """Store the notice that the period ends without an answer.

    Return False when it exists for this due date.
    """
    last = latest(request.id, SILENCE)
    if last is not None and request.due and clock.day_of(last.created) >= request.due:
        return False
    keep(request, written(request, SILENCE, None, {}), SILENCE, None)
    return True


def written(
    request: Request,
    kind: str,
    actor_id: str | None,
    fields: Row,
    names: Row | None = None,
) -> compose.Composed:
    """Compose a letter from the current data, with the author's `names` where they are given.

    Raises:
        ValidationError: a decision does not name its author or service in full.
    """
    group = service_of(request, kind)
    author, sender = author_of(actor_id, names), sender_of(group)
    desk_for = None
    if kind == RECEIPT and not acknowledges(group):
        # The remedies are those against a refusal by the service: before the court of its seat.
        sender, desk_for = replace(ministry_desk(), court=sender.court), sender.name
    if kind in states.LETTERS and (faults := lacking_names(author, sender)):
        raise tk.ValidationError(faults)  # pyright: ignore[reportArgumentType]
    today = clock.today()
    received = clock.day_of(request.submitted) if request.submitted else today
    months = config.extended_months() if request.extended else config.answer_months()
    facts = compose.Facts(
        kind=kind,
        day=today,
        reference=request.reference or "",
        title=texts.title_of(request),
        received=received,
        due=_due(request, kind, fields),
        months=months,
        sender=sender,
        author=author,
        given=fields,
        datasets=[*_datasets(fields.get("datasets", ())), *_delivered(fields)],
        language=language_of(request.requester_id, request),
        completes=kind == RECEIPT and latest(request.id, RECEIPT) is not None,
        extended=request.extended,
        desk_for=desk_for,
    )
    return compose.compose(facts)


def _due(request: Request, kind: str, fields: Row) -> date | None:
    if kind == "extend" and fields.get("due"):
        return date.fromisoformat(fields["due"])
    return request.due


def language_of(user_id: str | None, request: Request | None) -> str:
    """Return the language of a user: the one they chose, that of their request, or the portal's."""
    setting = model.Session.get(Setting, user_id) if user_id else None
    if setting and setting.language:
        return language.offered(setting.language)
    if request is not None and request.requester_id == user_id:
        return language.offered(request.language)
    return language.offered("")


def _datasets(ids: Iterable[str]) -> list[tuple[str, str]]:
    home = str(tk.config.get("ckan.site_url") or "").rstrip("/")
    packages = [model.Session.get(model.Package, package_id) for package_id in ids]
    return [
        (package.title or package.name, f"{home}/dataset/{package.name}")
        for package in packages
        if package
    ]


def _delivered(fields: Row) -> list[tuple[str, str]]:
    """Return the files and links of an answer: those stored or, for a preview,
    those about to be.
    """
    if fields.get("deliveries"):
        return attachments.named_answers(fields["deliveries"])
    links = [(url, url) for url in fields.get("links") or ()]
    return [*links, *((file.name, "") for file in fields.get("files") or ())]


def keep(request: Request, composed: compose.Composed, kind: str, event_id: int | None) -> Letter:
    """Store a letter as it is sent, without committing."""
    group = service_of(request, kind)
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
    of_service = Letter.organization_id.is_not_distinct_from(request.organization_id)
    return not is_any(Letter.request_id == request.id, Letter.kind == RECEIPT, of_service)


def may_read(letter: Letter, request: Request | None, reader: Reader) -> bool:
    """Return whether a user may read a letter: the addressee, the sending service,
    and those who handle the request.
    """
    if not reader.id:
        return False
    if letter.requester_id == reader.id or (letter.organization_id or "-") in reader.editor_of:
        return True
    return request is not None and reader.is_inside(request)


def of_request(request: Request, reader: Reader) -> list[Letter]:
    """Return the letters of a request that the reader may read, the oldest first."""
    if not reader.id:
        return []
    query = sa.select(Letter).where(Letter.request_id == request.id).order_by(Letter.created)
    return [letter for letter in model.Session.scalars(query) if may_read(letter, request, reader)]


def latest(request_id: str, kind: str) -> Letter | None:
    """Return the latest letter of a kind."""
    query = sa.select(Letter).where(Letter.request_id == request_id, Letter.kind == kind)
    return model.Session.scalars(query.order_by(Letter.created.desc()).limit(1)).one_or_none()


def forget_addressee(request_ids: Iterable[str]) -> None:
    """Erase the name of the addressee, without committing.

    Their account can still read its letters.
    """
    ids = list(request_ids)
    model.Session.execute(sa.update(Letter).where(Letter.request_id.in_(ids)).values(addressee=""))


#: Maximum number of letters attached to an e-mail, such as a digest; the others are read in the
#: portal.
MOST_ENCLOSED = 5


def letter_of(row: Notification) -> Letter | None:
    """Return the letter of a notification, None unless the recipient is its addressee."""
    if row.audience != states.REQUESTER:
        return None
    letter = None
    if row.kind == SILENCE:
        letter = latest(row.request_id, SILENCE)
    elif row.event_id:
        query = sa.select(Letter).where(Letter.event_id == row.event_id)
        letter = model.Session.scalars(query).one_or_none()
    if letter is not None and letter.requester_id == row.user_id:
        return letter
    return None


def enclosures(rows: Iterable[Notification]) -> list[tuple[str, BytesIO, str]]:
    """Return the letters of notifications as attachments: name, content, media type.

    Empty without the libraries needed for PDF; the e-mail has the text of the letter anyway.
    """
    letters = [letter_of(row) for row in rows if not _is_kept_back(row)]
    enclosed = [letter for letter in letters if letter is not None][:MOST_ENCLOSED]
    try:
        return [(file_name(letter), _pdf(letter), "application/pdf") for letter in enclosed]
    except compose.PdfUnavailable as error:
        log.warning("Letters leave without their PDF: %s", error)
        return []


def _is_kept_back(row: Notification) -> bool:
    request = model.Session.get(Request, row.request_id)
    return request is not None and texts.is_kept_back(request, row.user_id)


def _pdf(letter: Letter) -> BytesIO:
    return BytesIO(compose.pdf(letter.subject, letter.html, letter.addressee))


def file_name(letter: Letter) -> str:
    """Return the file name of a letter."""
    request = model.Session.get(Request, letter.request_id)
    reference = request.reference if request else None
    return compose.pdf_name(reference or letter.request_id, letter.kind)
