"""Fields of transitions, and what a request needs before it is sent: parsed and validated.

A refusal needs a ground provided by law, and reasons in law and in fact. Some transitions name
another request: the one that goes on instead of a duplicate, or that is treated together with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests import attachments, config
from ckanext.ecosphere.data_requests.decisions import law, letters
from ckanext.ecosphere.data_requests.domain import clock, people, places, states, text, wording
from ckanext.ecosphere.data_requests.logic import validators as v
from ckanext.ecosphere.data_requests.model import (
    DatasetLink,
    Event,
    Request,
    by_id_or_reference,
    is_any,
)
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import characters, dates, language
from ckanext.ecosphere.shared.language import N_

LONGEST_WAIT = timedelta(days=366)
#: Values of a field that was left empty.
EMPTY = (None, "", [])

Errors = dict[str, list[str]]


@dataclass(frozen=True)
class Step:
    """The transition for which a field is read.

    Attributes:
        request: as it is before the transition.
        today: current day in Paris.
        actor: id of the acting user, None for an automatic transition.
    """

    request: Request
    today: date
    actor: str | None


#: Makes of the value of a field what its event stores, or raises `Invalid`.
Parser = Callable[[Any, Step], Any]

#: Fields of a request that are checked before it is sent.
CHECKED = (
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


def missing_before_sending(request: Request, today: date | None) -> Errors:
    """Return what a draft lacks before it can be sent: field → messages.

    Args:
        request: the draft, or a request already sent, with its new values.
        today: current day in Paris; None when `need_by` was checked earlier.
    """
    errors = lacking({name: getattr(request, name) for name in CHECKED}, today)
    if not request.is_signal:
        return errors
    # A signal has neither place nor theme, and is short.
    if request.description and text.is_too_short(request.description):
        errors["description"] = [_(text.TOO_SHORT)]
    return {name: errors[name] for name in errors if name in ("title", "description")}


def lacking(values: Row, today: date | None) -> Errors:
    """Return what the values of a form lack before they can be sent: field → messages.

    Args:
        values: by field; dates may be dates or YYYY-MM-DD.
        today: as for `missing_before_sending`.
    """
    errors: dict[str, str] = {}
    for name in ("title", "description", "theme"):
        if not values.get(name):
            errors[name] = wording.message("missing", name)
        elif name != "theme" and not text.has_words(values[name]):
            errors[name] = _("Say it in words: there is neither a letter nor a figure in it.")
    if not any(values.get(name) for name in ("territory", "communes", "bbox")):
        errors["territory"] = wording.message("missing", "territory")
    if values.get("visibility") not in ("public", "private"):
        errors["visibility"] = wording.message("missing", "visibility")
    need_by = str(values.get("need_by") or "")
    if need_by and today and need_by < today.isoformat():
        errors["need_by"] = _(
            "This day has passed: choose one from today on, or leave the field empty."
        )
    start = str(values.get("period_start") or "")
    end = str(values.get("period_end") or "")
    if start and end and start > end:
        errors["period_end"] = _("The period ends before it begins.")
    return _as_lists(errors)


def _as_lists(messages: Mapping[str, str]) -> Errors:
    """Return one message a field in the form of CKAN's validation errors."""
    return {name: [message] for name, message in messages.items()}


def parse(
    transition: states.Transition, data: Row, request: Request, today: date, actor: str | None
) -> DataDict:
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
    errors: Errors = {}
    values: DataDict = {}
    step = Step(request, today, actor)
    for name in transition.fields:
        value = data.get(name)
        try:
            if value not in EMPTY:
                parser = _parser(transition.name, name, data)
                value = parser(value, step)
        except tk.Invalid as error:
            errors[name] = [str(error.error)]
            continue
        is_replaced = any(data.get(other) for other in states.INSTEAD.get(name, ()))
        if value not in (*EMPTY, False):
            values[name] = value
        elif name in transition.required and not is_replaced:
            errors[name] = [wording.message("missing", f"{transition.name}/{name}", name)]
    if "public_from" in values and values.get("reach") != attachments.REQUESTER:
        errors["public_from"] = [_("Only what is for the requester alone can become public later.")]
    # A message about the field itself replaces one about how it goes with the others.
    if transition.name == "not_held":
        errors = {**incomplete_transmission(values), **errors}
    if "ground" in transition.fields:
        errors = {**contradictions(request, values), **errors}
    errors.update(letters.faults_of(request, transition.name, actor, data))
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    return values


# Grounds and reasons of decisions.

#: Characters of a reason.
LONGEST_REASON = 5_000
#: Minimum number of different words, of two letters or more, in a reason.
FEWEST_WORDS = 8
WORD = re.compile(r"[^\W\d_]{2,}")


def checked_reason(value: Any) -> str:
    """Return a cleaned reason.

    Raises:
        Invalid: it is too long, or has too few different words.
    """
    reason = characters.clean(str(value or ""))
    if len(reason) > LONGEST_REASON:
        raise tk.Invalid(_("Too long: {number} characters at most.").format(number=LONGEST_REASON))
    if len({word.casefold() for word in WORD.findall(reason)}) < FEWEST_WORDS:
        message = _(
            "Say why in sentences the person can understand and contest: {number} different words "
            "at least."
        )
        raise tk.Invalid(message.format(number=FEWEST_WORDS))
    return reason


def checked_ground(value: Any, in_part: bool = False) -> str:
    """Check the id of a ground of a refusal, whole or in part.

    Raises:
        Invalid: the law has no such ground for environmental information.
    """
    key = str(value)
    if key == law.OTHER or (in_part and key == law.PART_NOT_HELD):
        return key
    ground = law.grounds().get(key)
    if ground is not None and ground.usable:
        return key
    raise tk.Invalid(_("Choose a ground from the list, or “another ground”."))


def contradictions(request: Request, values: Row) -> Errors:
    """Return what is missing or contradictory in a refusal, whole or partial: field → messages."""
    errors: dict[str, str] = {}
    key = values.get("ground")
    if key == law.OTHER and not values.get("other_ground"):
        errors["other_ground"] = _("Name the ground and the article of the law on which it rests.")
    if key and key != law.PART_NOT_HELD and not values.get("law"):
        errors["law"] = _("Say why this ground applies: the letter states the reasons in law.")
    if key in law.interests() and not values.get("balance"):
        errors["balance"] = _(
            "Say why the interest of the communication, for the public and the environment, does "
            "not prevail over the interest protected: the letter states it (code de "
            "l’environnement, article L. 124-4)."
        )
    if law.unnamed_words().search(_reasons(values)) and not values.get("unnamed"):
        errors["unnamed"] = _(
            "Answer yes or no: if so, the letter must not name you (CRPA, article L. 212-1)."
        )
    ground = law.grounds().get(key or "")
    if ground is not None:
        errors |= _contradictions_of(ground, request, values)
    return _as_lists(errors)


def _contradictions_of(ground: law.Ground, request: Request, values: Row) -> dict[str, str]:
    """Return what is missing for a ground of the table, or contradicts it: field → message.

    The first contradiction is told; the words of the reasons only speak of another ground.
    """
    errors: dict[str, str] = {}
    kind = values.get("kind") or law.DATA_KIND
    if ground.applies_to != kind:
        errors["ground"] = _(_OF_OTHER_KIND[ground.applies_to])
    elif kind == law.DATA_KIND and not values.get("emissions"):
        errors["emissions"] = _(
            "Answer yes or no: the letter states it (code de l’environnement, article L. 124-5, "
            "II)."
        )
    elif values.get("emissions") == law.YES and not ground.emissions:
        errors["ground"] = _(
            "Information on emissions of substances into the environment cannot be refused on "
            "this ground (code de l’environnement, article L. 124-5, II). Choose one that "
            "holds for emissions, or communicate it."
        )
    elif ground.needs == "invitation" and not _was_invited(request):
        errors["ground"] = _(
            "A request that is too general is refused only after its author was invited to "
            "specify it: ask for details first."
        )
    other = _other_ground_in_reasons(ground, values)
    if other and "ground" not in errors and not values.get("ground_confirmed"):
        message = _(
            "Your reasons speak of “{other}” and not of “{ground}”. Correct the ground or the "
            "reasons; if they belong together, tick “The ground and the reasons belong together”."
        )
        lang = language.current()
        errors["ground"] = message.format(other=other.label(lang), ground=ground.label(lang))
    if ground.needs == "completion" and not values.get("completion"):
        errors["completion"] = _(
            "Say when the document will be finished and by which authority (code de "
            "l’environnement, L. 124-6)."
        )
    return errors


#: Kind to which a ground applies → what to say when it is given for the other kind.
_OF_OTHER_KIND = {
    law.SERVICE_KIND: N_(
        "Article 13 of the directive INSPIRE is about access to spatial data services on the "
        "internet. For data, choose a ground of article L. 124-4 of the code de l’environnement."
    ),
    law.DATA_KIND: N_(
        "This ground is about information. For access to a spatial data service, choose a ground "
        "of article 13 of the directive INSPIRE."
    ),
}


def _was_invited(request: Request) -> bool:
    return is_any(Event.request_id == request.id, Event.transition == "ask_details")


def _reasons(values: Row) -> str:
    """Return the reasons of a refusal, without case, accents or punctuation."""
    return voc.normalise(f"{values.get('law', '')} {values.get('facts', '')}")


def _other_ground_in_reasons(ground: law.Ground, values: Row) -> law.Ground | None:
    """Return the ground that the reasons speak of instead of the given one, None if there is none.

    Grounds of one group are spoken of with the same words.
    """
    table = law.words_of_grounds()
    if ground.ground not in table:
        return None
    reasons = _reasons(values)
    mentioned = {key: group for key, (group, words) in table.items() if words.search(reasons)}
    own_group, _words = table[ground.ground]
    if own_group in mentioned.values():
        return None
    for key in mentioned:
        other = law.grounds()[key]
        if other.applies_to == ground.applies_to:
            return other
    return None


def incomplete_transmission(values: Row) -> Errors:
    """Return what is missing of a transmission outside the portal: field → messages."""
    if not values.get("transmitted_to"):
        return {}
    needed = {
        "transmitted_by": _("Say who passed the request on: the letter states it."),
        "transmitted_on": _("Say on which day the request was passed on: the letter states it."),
        "transmitted_how": _("Choose how the request was passed on."),
    }
    return {name: [message] for name, message in needed.items() if not values.get(name)}


# Other requests that a transition names.

#: Maximum number of requests that are treated together.
MOST_JOINED = 100


def duplicated(value: Any, step: Step) -> str:
    """Read the request of the same author, or the signal, that goes on instead of a duplicate."""
    target = _another(value, step)
    author = step.request.requester_id
    same_author = author is not None and target.requester_id == author
    if not step.request.is_signal and not same_author:
        message = _(
            "This is the request of another person, who is owed an answer as well: treat them "
            "together instead."
        )
        raise tk.Invalid(message)
    if target.visibility != step.request.visibility:
        raise tk.Invalid(_("A public and a private request cannot be merged."))
    return target.id


def companion(value: Any, step: Step) -> str:
    """Read the request with which another is treated together."""
    target = _another(value, step)
    if target.is_signal:
        raise tk.Invalid(_("This is a report, not a request."))
    if step.request.joined_id and target.joined_id:
        raise tk.Invalid(
            _("Both are treated together with others already: take this one out first.")
        )
    joined_id = step.request.joined_id or target.joined_id
    joined = model.Session.query(Request).filter(Request.joined_id == joined_id)
    if joined_id and joined.count() >= MOST_JOINED:
        raise tk.Invalid(_("Too many: {number} at most.").format(number=MOST_JOINED))
    return target.id


def _another(value: Any, step: Step) -> Request:
    """Read the reference or id of another open request of the same service."""
    target = by_id_or_reference(str(value))
    reader = people.reader_of_id(step.actor)
    if target is None or target.submitted is None or not reader.may_read(target):
        raise tk.Invalid(_("There is no such request."))
    if target.id == step.request.id:
        raise tk.Invalid(_("Choose another request: this is the same one."))
    if target.state not in states.ACTIVE:
        raise tk.Invalid(_closed_message(target, reader))
    if target.organization_id != step.request.organization_id:
        raise tk.Invalid(
            _(
                "This one is with another service, which answers for itself: transfer one of them "
                "first."
            )
        )
    return target


def _closed_message(target: Request, reader: people.Reader) -> str:
    """Return the message for a closed request; what to do instead if it was answered with data."""
    message = _("Choose a request that goes on: this one is closed.")
    if target.state not in states.GIVEN:
        return message
    query = (
        sa.select(model.Package)
        .join(DatasetLink, DatasetLink.package_id == model.Package.id)
        .where(DatasetLink.request_id == target.id, DatasetLink.kind == "answer")
    )
    titles = [
        package.title or package.name
        for package in model.Session.scalars(query)
        if people.may_read_dataset(package, reader)
    ]
    if not titles:
        return f"{message} " + _("It was answered: have the service answer with the same data.")
    words = _("It was answered: have the service answer with the same datasets ({titles}).")
    return f"{message} " + words.format(titles=", ".join(titles))


# Fields of transitions.


def _parser(transition: str, name: str, data: Row) -> Parser:
    # No letter is sent for spam: its reason need not meet the rules of letters.
    if (transition, name) in SPECIAL and not data.get("spam"):
        return SPECIAL[transition, name]
    return PARSERS[name]


def _of_value(parser: Callable[[Any], Any]) -> Parser:
    """Return the parser of a field that depends on nothing but its value."""
    return lambda value, _step: parser(value)


def _one_of(choices: Collection[str], message: str) -> Parser:
    """Return the parser of a field with few choices, and its message for others."""

    def parser(value: Any, _step: Step) -> str:
        if value not in choices:
            raise tk.Invalid(_(message))
        return value

    return parser


_WORDS = _of_value(v.service_text)
_LINE = _of_value(v.one_line)
_BOX = _of_value(v.yes_or_no)
_REASON = _of_value(checked_reason)


def _yes_or_no(value: Any, step: Step) -> str:
    """Read the answer to a question of fact, where a no is an answer, unlike a box not ticked."""
    if v.yes_or_no(value):
        return law.YES
    return law.NO


def _environmental(value: Any, step: Step) -> str:
    answer = _yes_or_no(value, step)
    if answer == law.NO:
        raise tk.Invalid(
            _(
                "Only the period of a request for information on the environment can be extended "
                "(code de l’environnement, R. 124-1). Answer for any other document within one "
                "month (CRPA, R. 311-13)."
            )
        )
    return answer


def _past_day(value: Any, step: Step) -> str:
    day = v.day(value)
    received = clock.day_of(step.request.submitted) if step.request.submitted else step.today
    if not received <= day <= step.today:
        raise tk.Invalid(_("Choose a day from the receipt of the request on, until today."))
    return day.isoformat()


def _organization(value: Any, step: Step) -> str:
    group = people.active_service(value)
    if group is None:
        raise tk.Invalid(_("There is no such service."))
    if step.request.opened and group.id == step.request.organization_id:
        raise tk.Invalid(_("The request is with this service already."))
    if not places.is_reachable(group.id):
        raise tk.Invalid(_unreachable(group, step.request))
    return group.id


def _unreachable(group: model.Group, request: Request) -> str:
    name = group.display_name
    message = _(
        "“{service}” has neither members nor a mailbox: nobody would read the request."
    ).format(service=name)
    other = places.instead_of(group, request)
    if other is None:
        return f"{message} " + _("Have its contact sheet filled in, or choose another service.")
    return f"{message} " + _("Choose “{service}” instead.").format(service=other.display_name)


def _future_day(value: Any, step: Step) -> str:
    day = v.day(value)
    if not step.today <= day <= step.today + LONGEST_WAIT:
        raise tk.Invalid(_("Choose a day from today on, within a year."))
    return day.isoformat()


def _later_day(value: Any, step: Step) -> str:
    if v.day(value) <= step.today:
        raise tk.Invalid(_("Choose a day after today."))
    return _future_day(value, step)


def _due(value: Any, step: Step) -> str:
    day = v.day(value)
    due = step.request.due
    last = latest_due(step.request) or day  # without a clock, any later day
    if due and not due < day <= last:
        message = _("Choose a day after {first} and not after {last}.")
        raise tk.Invalid(message.format(first=dates.day(due), last=dates.day(last)))
    return day.isoformat()


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


def _datasets(value: Any, step: Step) -> list[str]:
    reader = people.reader_of_id(step.actor)
    requester = people.reader_of_id(step.request.requester_id)
    ids = []
    for name in v.texts(value):
        # A name, an id or the address of a page.
        package = model.Package.get(name.rstrip("/").rpartition("/")[2])
        # Do not reveal a dataset, nor its title, to a user who may not read it.
        if (
            package is None
            or package.type != "dataset"
            or not people.may_read_dataset(package, reader)
        ):
            raise tk.Invalid(_("There is no dataset “{name}”.").format(name=name))
        # Without the account, the requester reads what everybody does.
        if not people.may_read_dataset(package, requester):
            message = _(
                "The requester cannot read “{title}”: publish it, or choose another dataset."
            )
            raise tk.Invalid(message.format(title=package.title or package.name))
        ids.append(package.id)
    return list(dict.fromkeys(ids))


def _files(value: Any, step: Step) -> list[attachments.AcceptedFile]:
    """Accept only what `attachments.checked_files` returns, not files that a program describes."""
    files = attachments.as_list(value)
    if not all(isinstance(file, attachments.AcceptedFile) for file in files):
        raise tk.Invalid(_("Send the file as part of a form."))
    return files


PARSERS: dict[str, Parser] = {
    "similar_seen": _BOX,
    "organization": _organization,
    "reason": _WORDS,
    "spam": _BOX,
    "question": _WORDS,
    "answer_by": _later_day,
    "comment": _WORDS,
    "planned": _future_day,
    "due": _due,
    "datasets": _datasets,
    "links": _of_value(attachments.links_of),
    "files": _files,
    "reach": _one_of(
        (attachments.EVERYONE, attachments.REQUESTER),
        N_("Choose everyone, or the requester alone."),
    ),
    "public_from": _later_day,
    "missing": _WORDS,
    "ground": _of_value(checked_ground),
    "kind": _one_of(
        (law.DATA_KIND, law.SERVICE_KIND), N_("Choose data, or a spatial data service.")
    ),
    "law": _REASON,
    "facts": _REASON,
    "other_ground": _LINE,
    "emissions": _yes_or_no,
    "balance": _REASON,
    "ground_confirmed": _BOX,
    "unnamed": _yes_or_no,
    "environmental": _environmental,
    "completion": _LINE,
    "separable": _WORDS,
    "transmitted_to": _LINE,
    "transmitted_by": _LINE,
    "transmitted_on": _past_day,
    "transmitted_how": _one_of(law.texts()["ways"], N_("Choose how the request was passed on.")),
    "target": duplicated,
}
#: (transition, field) → parser, where the text goes into a letter or the list of choices differs.
SPECIAL: dict[tuple[str, str], Parser] = {
    ("fulfil_partly", "ground"): _of_value(partial(checked_ground, in_part=True)),
    ("not_held", "reason"): _REASON,
    ("extend", "reason"): _REASON,
    ("reject", "reason"): _REASON,
    ("keep_decision", "reason"): _REASON,
    ("join", "target"): companion,
}


def takes_reasons(transition: str, name: str) -> bool:
    """Return whether a field of a transition has to state reasons in full (`checked_reason`)."""
    parser = SPECIAL.get((transition, name)) or PARSERS.get(name)
    return parser is _REASON
