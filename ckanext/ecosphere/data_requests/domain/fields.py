"""Parsing and validation of the fields of transitions, and of what a request needs before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.data_requests import attachments, config
from ckanext.ecosphere.data_requests.answers import deliveries
from ckanext.ecosphere.data_requests.decisions import authors, law, reasons
from ckanext.ecosphere.data_requests.domain import clock, other_requests, routing, states, text
from ckanext.ecosphere.data_requests.logic import validators as v
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.shared.messages import N_

_ = tk._

LONGEST_WAIT = timedelta(days=366)

Parser = Callable[[Any, Request, date, str | None], Any]


#: Fields of a request that are checked before it is sent.
LOOKED_AT = (
    "title",
    "description",
    "theme",
    "territory",
    "communes",
    "bbox",
    "visibility",
    "need_by",
    "period_start",
    "period_end",
)


def missing_before_sending(request: Request, today: date | None) -> dict[str, list[str]]:
    """Return what a draft lacks before it can be sent: field → messages.

    Args:
        request: the draft, or a request already sent, with its new values.
        today: current day in Paris; None when `need_by` was checked earlier.
    """
    errors = lacking({name: getattr(request, name) for name in LOOKED_AT}, today)
    if not request.is_signal:
        return errors
    if request.description and text.is_too_short(request.description):
        errors["description"] = [_(text.TOO_SHORT)]
    return {name: errors[name] for name in errors if name in ("title", "description")}


def lacking(values: Mapping[str, Any], today: date | None) -> dict[str, list[str]]:
    """Check the values of a form likewise; dates may be dates or YYYY-MM-DD."""
    errors: dict[str, list[str]] = {}

    def need(name: str, message: str) -> None:
        errors.setdefault(name, []).append(message)

    if not values.get("title"):
        need("title", _("Say in a few words which data you need."))
    elif not text.has_words(values["title"]):
        need("title", _("Say it in words: there is neither a letter nor a figure in it."))
    if not values.get("description"):
        need("description", _("Describe the data that you need."))
    elif not text.has_words(values["description"]):
        need("description", _("Say it in words: there is neither a letter nor a figure in it."))
    if not values.get("theme"):
        need("theme", _("Choose a theme."))
    if not any(values.get(name) for name in ("territory", "communes", "bbox")):
        need("territory", _("Say where: choose a territory, name communes, or draw a rectangle."))
    if values.get("visibility") not in ("public", "private"):
        need("visibility", _("Choose whether everyone may read your request."))
    day, start, end = (str(values.get(name) or "") for name in ("need_by", "period_start", "period_end"))
    if day and today and day < today.isoformat():
        need("need_by", _("This day has passed: choose one from today on, or leave the field empty."))
    if start and end and start > end:
        need("period_end", _("The period ends before it begins."))
    return errors


def parse(
    transition: states.Transition, data: Mapping[str, Any], request: Request, today: date, actor: str | None
) -> dict[str, Any]:
    """Validate the fields of a transition.

    Args:
        transition: row of the table.
        data: what the person gave.
        request: as it is before the transition.
        today: current day in Paris.
        actor: id of the acting user, None for an automatic transition.

    Returns:
        the fields of this transition that are filled in, in the form stored in events.

    Raises:
        ValidationError: what is missing or wrong, by field.
    """
    errors: dict[str, list[str]] = {}
    found: dict[str, Any] = {}
    for name in transition.fields:
        given = data.get(name)
        try:
            # No letter is sent for spam: the reason need not meet the rules of letters.
            special = None if data.get("spam") else SPECIAL.get((transition.name, name))
            parser = special or PARSERS[name]
            value = parser(given, request, today, actor) if given not in (None, "", []) else None
        except tk.Invalid as error:
            errors[name] = [str(error.error)]
            continue
        if value not in (None, "", [], False):
            found[name] = value
        elif name in transition.required and not any(data.get(other) for other in states.INSTEAD.get(name, ())):
            errors[name] = [_(MISSING_IN.get((transition.name, name)) or MISSING[name])]
    if "public_from" in found and found.get("reach") != deliveries.REQUESTER:
        errors["public_from"] = [_("Only what is for the requester alone can become public later.")]
    if transition.name == "not_held":
        errors = {**reasons.incomplete_transmission(found), **errors}
    if "ground" in transition.fields:
        # A message about a missing field replaces one about a contradiction in the same field.
        errors = {**reasons.contradictions(request, found), **errors}
    errors.update(authors.faults_of(request, transition.name, actor, data))
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    return found


def _words(value: Any, request: Request, today: date, actor: str | None) -> str:
    return v.service_text(value)


def _stated(value: Any, request: Request, today: date, actor: str | None) -> str:
    """Read the answer to a question of fact: unlike a box that was not ticked, a no is an answer."""
    return law.YES if v.yes_or_no(value) else law.NO


def _environmental(value: Any, request: Request, today: date, actor: str | None) -> str:
    stated = _stated(value, request, today, actor)
    if stated == law.NO:
        raise tk.Invalid(
            _(
                "Only the period of a request for information on the environment can be extended (code de "
                "l’environnement, R. 124-1). Answer for any other document within one month (CRPA, R. 311-13)."
            )
        )
    return stated


def _past_day(value: Any, request: Request, today: date, actor: str | None) -> str:
    day = v.a_day(value)
    received = clock.day_of(request.submitted) if request.submitted else today
    if day is not None and not received <= day <= today:
        raise tk.Invalid(_("Choose a day from the receipt of the request on, until today."))
    return day.isoformat() if day else ""


def _way(value: Any, request: Request, today: date, actor: str | None) -> str:
    if value not in law.texts()["ways"]:
        raise tk.Invalid(_("Choose how the request was passed on."))
    return value


def _yes(value: Any, request: Request, today: date, actor: str | None) -> bool:
    return v.yes_or_no(value)


def _organization(value: Any, request: Request, today: date, actor: str | None) -> str:
    group = model.Group.get(str(value))
    if group is None or not group.is_organization or group.state != model.State.ACTIVE:
        raise tk.Invalid(_("There is no such service."))
    if request.opened and group.id == request.organization_id:
        raise tk.Invalid(_("The request is with this service already."))
    if not routing.is_reachable(group.id):
        raise tk.Invalid(_unreachable(group, request))
    return group.id


def _unreachable(group: model.Group, request: Request) -> str:
    name = group.title or group.name
    message = _("“{service}” has neither members nor a mailbox: nobody would read the request.").format(service=name)
    other = routing.instead_of(group, request)
    if other is None:
        return f"{message} " + _("Have its contact sheet filled in, or choose another service.")
    return f"{message} " + _("Choose “{service}” instead.").format(service=other.title or other.name)


def _future_day(value: Any, request: Request, today: date, actor: str | None) -> str:
    day = v.a_day(value)
    if day is not None and not today <= day <= today + LONGEST_WAIT:
        raise tk.Invalid(_("Choose a day from today on, within a year."))
    return day.isoformat() if day else ""


def _later_day(value: Any, request: Request, today: date, actor: str | None) -> str:
    day = v.a_day(value)
    if day is not None and day <= today:
        raise tk.Invalid(_("Choose a day after today."))
    return _future_day(day, request, today, actor)


def _due(value: Any, request: Request, today: date, actor: str | None) -> str:
    day = v.a_day(value)
    last = latest_due(request)
    if day is not None and request.due and not request.due < day <= (last or day):
        message = _("Choose a day after {first} and not after {last}.")
        raise tk.Invalid(message.format(first=dates.day(request.due), last=dates.day(last or day)))
    return day.isoformat() if day else ""


def latest_due(request: Request) -> date | None:
    """Return the last day to which the period can be extended, None when requests have no clock."""
    if request.clock_start is None:
        return None
    first = law.last_day("answer", request.clock_start, months=config.answer_months())
    last = law.last_day("extended", request.clock_start, months=config.extended_months())
    if config.clock_stops() and request.first_month_ends:
        # The days spent waiting for the requester are added to the extended period as well.
        last += max(request.first_month_ends - first, timedelta(0))
    return last


def _ground(value: Any, request: Request, today: date, actor: str | None) -> str:
    return reasons.ground(value, partial=False)


def _partial_ground(value: Any, request: Request, today: date, actor: str | None) -> str:
    return reasons.ground(value, partial=True)


def _reason(value: Any, request: Request, today: date, actor: str | None) -> str:
    return reasons.reason(value)


def _kind(value: Any, request: Request, today: date, actor: str | None) -> str:
    if value not in (law.DATA_KIND, law.SERVICE_KIND):
        raise tk.Invalid(_("Choose data, or a spatial data service."))
    return value


def _short_text(value: Any, request: Request, today: date, actor: str | None) -> str:
    return v.one_line(value)


def _datasets(value: Any, request: Request, today: date, actor: str | None) -> list[str]:
    names = v.texts(value)
    found = []
    for name in names:
        package = model.Package.get(name.rstrip("/").rsplit("/", 1)[-1])
        known = package is not None and package.state == model.State.ACTIVE and package.type == "dataset"
        # Do not reveal a dataset, nor its title, to a user who may not read it.
        if package is None or not known or not other_requests.reads(actor, package):
            raise tk.Invalid(_("There is no dataset “{name}”.").format(name=name))
        if not requester_reads(request, package):
            message = _("The requester cannot read “{title}”: publish it, or choose another dataset.")
            raise tk.Invalid(message.format(title=package.title or package.name))
        found.append(package.id)
    return list(dict.fromkeys(found))


def requester_reads(request: Request, package: model.Package) -> bool:
    """Return whether the requester, or an anonymous visitor when the account is gone, may read a dataset."""
    return other_requests.reads(request.requester_id, package)


def _links(value: Any, request: Request, today: date, actor: str | None) -> list[str]:
    return deliveries.links_of(value)


def _files(value: Any, request: Request, today: date, actor: str | None) -> list[attachments.Found]:
    """Accept only files checked by `deliveries.checked_files`, never a description of files in an API call."""
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(each, attachments.Found) for each in found):
        raise tk.Invalid(_("Send the file as part of a form."))
    return found


def _reach(value: Any, request: Request, today: date, actor: str | None) -> str:
    if value not in (deliveries.EVERYONE, deliveries.REQUESTER):
        raise tk.Invalid(_("Choose everyone, or the requester alone."))
    return value


PARSERS: dict[str, Parser] = {
    "similar_seen": _yes,
    "organization": _organization,
    "reason": _words,
    "spam": _yes,
    "question": _words,
    "answer_by": _later_day,
    "comment": _words,
    "planned": _future_day,
    "due": _due,
    "datasets": _datasets,
    "links": _links,
    "files": _files,
    "reach": _reach,
    "public_from": _later_day,
    "missing": _words,
    "ground": _ground,
    "kind": _kind,
    "law": _reason,
    "facts": _reason,
    "other_ground": _short_text,
    "emissions": _stated,
    "balance": _reason,
    "ground_confirmed": _yes,
    "unnamed": _stated,
    "environmental": _environmental,
    "completion": _short_text,
    "separable": _words,
    "transmitted_to": _short_text,
    "transmitted_by": _short_text,
    "transmitted_on": _past_day,
    "transmitted_how": _way,
    "target": other_requests.duplicated,
}
#: (transition, field) → parser, where the text goes into a letter or the list of choices differs.
SPECIAL: dict[tuple[str, str], Parser] = {
    ("fulfil_partly", "ground"): _partial_ground,
    ("not_held", "reason"): _reason,
    ("extend", "reason"): _reason,
    ("reject", "reason"): _reason,
    ("keep_decision", "reason"): _reason,
    ("join", "target"): other_requests.companion,
}


def takes_reasons(transition: str, name: str) -> bool:
    """Return whether a field of a transition requires a full statement of reasons (`reasons.reason`)."""
    return (SPECIAL.get((transition, name)) or PARSERS.get(name)) is _reason


#: (transition, field) → message when it is missing, where it is more precise than that of `MISSING`.
MISSING_IN = {
    ("resolve", "comment"): N_("Say what was changed: everyone reads it."),
    ("ask_review", "reason"): N_("Say why the service should look at it again: its head reads it."),
    ("keep_decision", "reason"): N_("Say why the decision stands: the requester reads it in the letter."),
    ("dismiss", "comment"): N_("Say why nothing changes, or answer the question: everyone reads it."),
}
#: Field → message when it is missing.
MISSING = {
    "organization": N_("Choose the service that the request goes to."),
    "reason": N_("Give the reason: the requester reads it."),
    "question": N_("Say which details you need."),
    "answer_by": N_("Say until when the requester may answer."),
    "comment": N_("Give the details that were asked for."),
    "planned": N_("Say when you expect to answer."),
    "datasets": N_("Choose at least one dataset that the requester can read, or give a link or a file."),
    "missing": N_("Say which part of the request remains unanswered."),
    "ground": N_("Choose the ground for the refusal."),
    "environmental": N_("Say whether the request is about information on the environment: the letter states it."),
    "law": N_("Say why this ground applies: the letter states the reasons in law."),
    "facts": N_("Say to which facts of this request the ground applies: the letter states the reasons in fact."),
    "target": N_("Give the reference of the other request."),
}
