"""Specimens of letters: made-up requests, played to get their letters and e-mails; nothing is stored.

Each case of `data/letter-cases.yaml` is played in a transaction that is rolled back, by the code that serves requests,
so that what is read is what is sent. They are printed as text in French, each sentence with its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
import yaml
from ckan import model
from ckan.common import _

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import config, service, transitions
from ckanext.ecosphere.data_requests.decisions import law, letters
from ckanext.ecosphere.data_requests.decisions.compose import Block, rendered
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.model import Notification, Request
from ckanext.ecosphere.data_requests.notifications import delivery, outbox
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import dates, language, organisations
from ckanext.ecosphere.shared.columns import new_id
from ckanext.ecosphere.shared.mailing import labelled

FRENCH = "fr"
#: Service of the cases: kind and territory of the registry, which gives its name in full.
TITLE, KIND, TERRITORY = "DDTM 80", "ddtm", "http://id.insee.fr/geo/departement/80"
CONTACT = {
    "address": "Adresse postale du service",
    "email": "service@exemple.invalid",
    "telephone": "+33 1 99 00 00 00",
}
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


@cache
def table() -> Row:
    """Read the cases (`data/letter-cases.yaml`)."""
    return yaml.safe_load((law.DATA / "letter-cases.yaml").read_text(encoding="utf-8"))


def cases(outcome: str = "") -> list[Row]:
    """Return the cases with an outcome, or all of them."""
    return [case for case in table()["cases"] if outcome in ("", case["outcome"])]


def played(case: Row) -> Specimen:
    """Play a case in French, and undo it."""
    with language.speaking(FRENCH):
        try:
            return _played(case)
        finally:
            model.Session.rollback()


def _played(case: Row) -> Specimen:
    moderating = model.Group.get(config.moderators()) or _service(
        config.moderators(), "CGDD", "", {}
    )
    is_ready = case["service"] == "ready"
    contact = CONTACT if is_ready else {}
    group = _service("specimen-service", TITLE, KIND, contact)
    people = {states.REQUESTER: _person("specimen-requester", "Nom du demandeur")}
    if is_ready:
        people[states.ADMIN] = people[states.EDITOR] = people[states.MODERATOR] = _agent(
            group, moderating
        )
    request = _received(group, people[states.REQUESTER])
    if case["outcome"] != letters.RECEIPT:
        transitions.perform(request, "accept", states.SYSTEM, None, {"organization": group.id})
    kind, actor, given = "submit", None, {}
    for step in case["steps"]:
        kind, actor, given = _stepped(request, step, people)
    return _specimen(request, people[states.REQUESTER], kind, actor, given)


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


def _received(group: model.Group, requester: model.User) -> Request:
    """Return a request that was just sent to a service."""
    moment = clock.now()
    request = Request(
        id=new_id(), requester_id=requester.id, created=moment, modified=moment, state=states.DRAFT
    )
    service.fill_in(request)
    request.language, request.organization_id, request.routing_reason = (
        FRENCH,
        group.id,
        {"code": "asked"},
    )
    service.write(request, table()["request"])
    model.Session.add(request)
    model.Session.flush()
    transitions.perform(request, "submit", states.REQUESTER, requester.id, {})
    return request


def _stepped(
    request: Request, step: Row, people: Mapping[str, model.User]
) -> tuple[str, str | None, Row]:
    """Do a step of a case; return the kind of its letter, who acted, and the fields of the transition."""
    name, role = step["transition"], step.get("role", states.SYSTEM)
    if name == letters.SILENCE:
        letters.of_silence(request)
        outbox.of_reminder(request, letters.SILENCE, f"silence:{request.id}", states.REQUESTER)
        return name, None, {}
    actor = people[role].id if role in people else None
    fields = {
        key: _value(text, request)
        for key, text in step.items()
        if key not in ("transition", "role")
    }
    event = transitions.perform(request, name, role, actor, fields)
    return name, actor, event.fields


def _value(text: Any, request: Request) -> Any:
    """Return a field of a step; words stand for days and for another request."""
    today = dates.today()
    days = {"today": today, "tomorrow": today + timedelta(days=1)}
    if not isinstance(text, str):
        return text
    if text in days:
        return days[text].isoformat()
    if text not in ("{of another}", "{of the same}"):
        return text
    group = model.Session.get_one(model.Group, request.organization_id)
    if text == "{of the same}":
        author = model.Session.get_one(model.User, request.requester_id)
    else:
        author = _person("specimen-other", "Autre demandeur")
    return _received(group, author).reference


def _specimen(
    request: Request, requester: model.User, kind: str, actor: str | None, given: Row
) -> Specimen:
    letter_kind = letters.RECEIPT if kind == "submit" else kind
    letter = letters.latest(request.id, letter_kind)
    blocks = ()
    if letter:
        blocks = letters.written(request, letter.kind, actor, given).blocks
    mine = sa.select(Notification).where(
        Notification.request_id == request.id,
        Notification.user_id == requester.id,
        Notification.channel == outbox.PAGE,
        Notification.kind == kind,
    )
    mails = []
    for row in model.Session.scalars(mine).all():
        mail = delivery.write(requester, [row])
        if mail is not None:
            mails.append((row.kind, row.audience, mail, delivery.in_form(mail, requester)["body"]))
    if letter is None:
        return Specimen([], "", (), mails)
    plain = "\n".join([*letter.addressed_to, letter.plain])
    return Specimen(letter.addressed_to, letter.subject, blocks, mails, plain)


WIDTH = 110


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
