"""Specimens of letters: made-up requests, played to get their letters and e-mails; nothing is
stored.

Each case of `data/letter-cases.yaml` is played in a transaction that is rolled back, by the code
that serves requests, so that what is read is what is sent. They are printed as text in French, each
sentence with its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from ckan import model
from ckan.common import _

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import config, service, transitions
from ckanext.ecosphere.data_requests.decisions import law, letters
from ckanext.ecosphere.data_requests.decisions.compose import Block, rendered
from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.model import Notification, Request
from ckanext.ecosphere.data_requests.notifications import delivery, outbox
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.setup import organisations
from ckanext.ecosphere.shared import dates, language
from ckanext.ecosphere.shared.mailing import labelled

#: Language of the specimens, and columns of their text.
FRENCH, WIDTH = "fr", 110
#: Service of the cases: kind and territory of the registry, which gives its name in full.
TITLE, KIND, TERRITORY = "DDTM 80", "ddtm", "http://id.insee.fr/geo/departement/80"
#: Contact sheet of a service that can send receipts.
CONTACT = {
    "address": "Adresse postale du service",
    "email": "service@exemple.invalid",
    "telephone": "+33 1 99 00 00 00",
}
#: Who signs the letters of the service.
AUTHOR = {
    "first_name": "Prénom",
    "last_name": "Nom",
    "quality": "Qualité de l’auteur de la décision",
}


@dataclass(frozen=True)
class Specimen:
    """What the requester of a case gets.

    Attributes:
        addressed_to: lines above the letter.
        subject: of the letter, "" when the case has none.
        blocks: parts of the letter, with their sources.
        mails: kind, audience, content and sent text of each e-mail.
        plain: the letter as text, with its addressee, "" without one.
    """

    addressed_to: list[str]
    subject: str
    blocks: tuple[Block, ...]
    mails: list[tuple[str, str, delivery.Letter, str]]
    plain: str = ""


class Step(NamedTuple):
    """A step that was done.

    Attributes:
        kind: transition, or kind of its letter.
        actor: id of the user who did it, None for the portal.
        fields: of the transition.
    """

    kind: str
    actor: str | None = None
    fields: Row = {}


@cache
def table() -> Row:
    """Read the cases (`data/letter-cases.yaml`)."""
    return law.read("letter-cases.yaml")


def cases(outcome: str = "") -> list[Row]:
    """Return the cases with an outcome, or all of them."""
    return [case for case in table()["cases"] if outcome in ("", case["outcome"])]


def play(case: Row) -> Specimen:
    """Play a case in French, and undo it."""
    with language.speaking(FRENCH):
        try:
            return _play(case)
        finally:
            model.Session.rollback()


def _play(case: Row) -> Specimen:
    name = config.moderators()
    moderators = model.Group.get(name) or _service(name, "CGDD", "", {})
    is_ready = case["service"] == "ready"
    group = _service("specimen-service", TITLE, KIND, CONTACT if is_ready else {})
    requester = _person("specimen-requester", "Nom du demandeur")
    people = {states.REQUESTER: requester}
    if is_ready:
        roles = (states.ADMIN, states.EDITOR, states.MODERATOR)
        people |= dict.fromkeys(roles, _agent(group, moderators))
    request = _send_request(group, requester)
    if case["outcome"] != letters.RECEIPT:
        transitions.perform(request, "accept", states.SYSTEM, None, {"organization": group.id})
    last = Step("submit")
    for step in case["steps"]:
        last = _perform(request, step, people)
    return _specimen(request, requester, last)


def _service(name: str, title: str, kind: str, contact: Mapping[str, str]) -> model.Group:
    group: Any = model.Group(name=name, title=title, type="organization", is_organization=True)
    group.extras = {sheets.PREFIX + field: text for field, text in contact.items()}
    if kind:
        group.extras |= {organisations.KIND: kind, organisations.TERRITORY: TERRITORY}
    model.Session.add(group)
    model.Session.flush()
    return group


def _person(name: str, full_name: str) -> model.User:
    user = model.User(name=name, fullname=full_name, email=f"{name}@exemple.invalid")
    model.Session.add(user)
    model.Session.flush()
    return user


def _agent(*groups: model.Group) -> model.User:
    user = _person("specimen-agent", "Agent")
    for group in groups:
        model.Session.add(
            model.Member(group=group, table_name="user", table_id=user.id, capacity="admin")
        )
    letters.keep_author(user.id, AUTHOR)
    model.Session.flush()
    return user


def _send_request(group: model.Group, requester: model.User) -> Request:
    """Create the request of `letter-cases.yaml`, and send it to a service."""
    request = service.new_draft(requester.id)
    request.organization_id = group.id
    service.write(request, table()["request"])
    model.Session.add(request)
    model.Session.flush()
    transitions.perform(request, "submit", states.REQUESTER, requester.id, {})
    return request


def _perform(request: Request, step: Row, people: Mapping[str, model.User]) -> Step:
    """Do a step of a case."""
    name, role = step["transition"], step.get("role", states.SYSTEM)
    if name == letters.SILENCE:
        letters.of_silence(request)
        outbox.of_reminder(request, letters.SILENCE, f"silence:{request.id}", states.REQUESTER)
        return Step(name)
    actor = people[role].id if role in people else None
    fields = {
        key: _value(value, request)
        for key, value in step.items()
        if key not in ("transition", "role")
    }
    event = transitions.perform(request, name, role, actor, fields)
    return Step(name, actor, event.fields)


def _value(value: Any, request: Request) -> Any:
    """Return a field of a step.

    Some words stand for a day, or for the reference of one more request.
    """
    if value == "today":
        return dates.today().isoformat()
    if value == "tomorrow":
        return (dates.today() + timedelta(days=1)).isoformat()
    if value == "{of the same}":
        requester = model.Session.get_one(model.User, request.requester_id)
    elif value == "{of another}":
        requester = _person("specimen-other", "Autre demandeur")
    else:
        return value
    group = model.Session.get_one(model.Group, request.organization_id)
    return _send_request(group, requester).reference


def _specimen(request: Request, requester: model.User, step: Step) -> Specimen:
    """Return the latest letter of a request and the e-mails of its last step."""
    letter_kind = letters.RECEIPT if step.kind == "submit" else step.kind
    letter = letters.latest(request.id, letter_kind)
    blocks = ()
    if letter:
        blocks = letters.written(request, letter.kind, step.actor, step.fields).blocks
    notifications = sa.select(Notification).where(
        Notification.request_id == request.id,
        Notification.user_id == requester.id,
        Notification.channel == outbox.PAGE,
        Notification.kind == step.kind,
    )
    mails = []
    for row in model.Session.scalars(notifications).all():
        mail = delivery.write(requester, [row])
        if mail is not None:
            mails.append((row.kind, row.audience, mail, delivery.in_form(mail, requester)["body"]))
    if letter is None:
        return Specimen([], "", (), mails)
    plain = "\n".join([*letter.addressed_to, letter.plain])
    return Specimen(letter.addressed_to, letter.subject, blocks, mails, plain)


def printed_case(case: Row, specimen: Specimen) -> str:
    """Return a case as text: its letter, then its e-mails."""
    return rendered(
        "specimen.txt",
        case=case,
        specimen=specimen,
        words=table()["words"],
        mails=table()["mails"],
        width=WIDTH,
        labelled=labelled,
        see=_("See the request"),
        change=_("Change what you receive"),
    )


def printed_last_days() -> str:
    """Return the table of last days of all periods, then the rule of each period."""
    return rendered(
        "last-days.txt",
        days=table()["days"],
        periods=law.remedies()["periods"],
        words=table()["words"],
        width=WIDTH,
        last_day=law.last_day,
        day=_day,
    )


def _day(day: date) -> str:
    return f"{dates.in_language(day, 'fr', 'EEEE')} {dates.in_language(day, 'fr')}"
