"""Display names of states, transitions, events, reasons and uses, in the reader's language.

Stating an intended use is optional, since no interest has to be stated (directive 2003/4/EC, article 3(1)). Names of
services in the French genitive: “de la DDT 80”, “du CGDD”, “de l’OFB”.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ckan.common import _

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.domain import places
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.language import N_
from ckanext.ecosphere.vocabularies import tables

USES = Path(__file__).parents[1] / "data" / "uses.csv"
USE_VOCABULARY = "regulatory-use"


@cache
def _own_uses() -> Mapping[str, tuple[str, str]]:
    return {row["id"]: (row["label_fr"], row["label_en"]) for row in tables.rows(USES)}


def use_label(key: str, lang: str) -> str:
    """Return the label of a use in a language, "" when there is no such use."""
    if key in _own_uses():
        french, english = _own_uses()[key]
        if lang.startswith("en"):
            return english
        return french
    concept = voc.get(USE_VOCABULARY).get(key) if key else None
    if concept:
        return concept.label(lang)
    return ""


def use_choices(lang: str) -> list[tuple[str, str]]:
    """Return the uses to choose from as (id, label): that of citizens first, “prefer not to say” last."""
    first, *last = _own_uses()
    ids = [first, *(concept.id for concept in voc.get(USE_VOCABULARY)), *last]
    return [(key, use_label(key, lang)) for key in ids]


def find_use(value: str) -> str:
    """Return the id of a use named by id, URI or label, "" when there is none."""
    for key, labels in _own_uses().items():
        if voc.normalise(value) in (key, *(voc.normalise(label) for label in labels)):
            return key
    vocabulary = voc.get(USE_VOCABULARY)
    concept = vocabulary.get(value) or vocabulary.find(value)
    if concept:
        return concept.id
    return ""


ARTICLES = Path(__file__).parents[1] / "data" / "articles.csv"
VOWELS = "aeiou"
#: A leading article that contracts with “de”: “Le Havre”, “Les Abymes”.
LEADING = re.compile(r"(les?)\s+", re.IGNORECASE)
CONTRACTED = {"la": "de la {title}", "le": "du {title}", "l": "de l’{title}", "les": "des {title}"}


@cache
def _articles() -> dict[str, str]:
    with ARTICLES.open(encoding="utf-8", newline="") as stream:
        return {row["word"]: row["article"] for row in csv.DictReader(stream)}


def of_the(title: str) -> str:
    """Return the name of a service preceded by “de” and its article; without an article where its gender is unknown.

    Args:
        title: as the portal shows it, e.g. “DDT 80” or “Direction départementale des territoires de la Somme”.
    """
    if leading := LEADING.match(title):
        article = "des" if leading[1].lower() == "les" else "du"
        return f"{article} {title[leading.end() :]}"
    words = voc.normalise(title).split()
    article = _articles().get(words[0]) if words else None
    if article is None:
        if words and words[0][0] in VOWELS:
            return f"d’{title}"
        return f"de {title}"
    return CONTRACTED[article].format(title=title)


STATES = {
    "draft": N_("Draft"),
    "submitted": N_("Submitted"),
    "open": N_("Open"),
    "needs_info": N_("Waiting for details"),
    "in_progress": N_("In progress"),
    "fulfilled": N_("Fulfilled"),
    "partial": N_("Partly fulfilled"),
    "refused": N_("Refused"),
    "not_held": N_("Data not held"),
    "duplicate": N_("Duplicate"),
    "rejected": N_("Not accepted"),
    "withdrawn": N_("Withdrawn by its author"),
    "expired": N_("Closed without details"),
    "resolved": N_("Mended"),
    "dismissed": N_("Nothing to change"),
}
#: Names of states of a signal, where they differ; in French they agree in gender with the noun.
STATES_OF_SIGNALS = {
    "submitted": N_("Reported"),
    "open": N_("To be dealt with"),
    "rejected": N_("Turned away"),
    "withdrawn": N_("Taken back by its author"),
}

TRANSITIONS = {
    "submit": N_("Send the request"),
    "accept": N_("Accept and hand over to a service"),
    "reject": N_("Do not accept"),
    "ask_details": N_("Ask for details"),
    "answer_details": N_("Give the details"),
    "expire": N_("Close without details"),
    "start": N_("Start work"),
    "transfer": N_("Transfer to another service"),
    "extend": N_("Extend the period"),
    "fulfil": N_("Answer with data"),
    "fulfil_partly": N_("Answer in part"),
    "refuse": N_("Refuse"),
    "not_held": N_("Say that the data is not held"),
    "resolve": N_("Say that it is mended"),
    "dismiss": N_("Say why nothing changes"),
    "join": N_("Treat together with another request"),
    "separate": N_("Treat it on its own again"),
    "mark_duplicate": N_("Close as a duplicate by the same author"),
    "reconsider": N_("Put it back among the requests to moderate"),
    "withdraw": N_("Withdraw the request"),
    "reopen": N_("Reopen"),
    "ask_review": N_("Ask for an internal review"),
    "take_up_again": N_("Take the request up again"),
    "keep_decision": N_("Uphold the decision"),
}

#: Names of transitions of a signal, where they differ.
TRANSITIONS_OF_SIGNALS = {
    "submit": N_("Send the report"),
    "accept": N_("Hand over to a service"),
    "mark_duplicate": N_("Merge with another report"),
    "reconsider": N_("Put it back among the reports to moderate"),
    "withdraw": N_("Withdraw the report"),
}

#: Transition → name of the event in the history.
EVENTS = {
    "submit": N_("Request sent"),
    "resolve": N_("Mended"),
    "dismiss": N_("Answered: nothing to change"),
    "accept": N_("Request accepted and handed over to a service"),
    "reject": N_("Request not accepted"),
    "ask_details": N_("Details asked for"),
    "answer_details": N_("Details given"),
    "expire": N_("Request closed: the details have not come"),
    "start": N_("Work begun"),
    "transfer": N_("Request transferred to another service"),
    "extend": N_("Period extended"),
    "fulfil": N_("Request answered with data"),
    "fulfil_partly": N_("Request answered in part"),
    "refuse": N_("Request refused"),
    "not_held": N_("Data not held by the service"),
    "join": N_("Treated together with another request"),
    "separate": N_("Treated on its own again"),
    "mark_duplicate": N_("Request closed as a duplicate of another one"),
    "reconsider": N_("Request put back among those to moderate"),
    "withdraw": N_("Request withdrawn"),
    "reopen": N_("Request reopened"),
    "ask_review": N_("Internal review asked for"),
    "take_up_again": N_("Request taken up again after the review"),
    "keep_decision": N_("Decision upheld after the review"),
    "edit": N_("Request edited"),
}
EVENTS_OF_SIGNALS = {
    "submit": N_("Report sent"),
    "accept": N_("Report handed over to the service"),
    "reject": N_("Report not accepted"),
    "expire": N_("Report closed: the details have not come"),
    "transfer": N_("Report transferred to another service"),
    "mark_duplicate": N_("Report merged with another one"),
    "reconsider": N_("Report put back among those to moderate"),
    "withdraw": N_("Report withdrawn"),
    "reopen": N_("Report reopened"),
    "edit": N_("Report edited"),
}

#: Kind of a request (`states.KINDS`) → name.
KINDS = {
    "data": N_("Request for data"),
    "access": N_("Request for access"),
    "link": N_("Link that does not work"),
    "outdated": N_("Data out of date"),
    "error": N_("Error in the data or their description"),
    "question": N_("Question about the data"),
}

ROLES = {
    "requester": N_("Requester"),
    "editor": N_("Service"),
    "admin": N_("Service"),
    "moderator": N_("Moderation"),
    "system": N_("Portal"),
    "reader": N_("User"),
}

#: Code of an obstacle (`states.obstacle`) → message.
REASONS = {
    "unknown": N_("There is no such step."),
    "kind": N_("A request of this kind has no such step."),
    "state": N_("This cannot be done while the request is in the state “{state}”."),
    "role": N_("You may not do this: it is for others to do."),
    "extended_already": N_("The period was extended once already; it cannot be extended again."),
    "first_month_over": N_(
        "The period can only be extended within the first month after the receipt."
    ),
    "closed_too_long": N_(
        "A request can only be reopened within 30 days after it was closed. Please make a new one."
    ),
    "reopened_already": N_("You have reopened this request once already. Please make a new one."),
    "review_asked_already": N_("An internal review of this decision was asked for once already."),
    "nothing_to_review": N_(
        "There is no decision to review, and the period for the answer is not over."
    ),
    "too_late_to_review": N_("The period within which a review can be asked for is over."),
    "not_joined": N_("This request is treated on its own already."),
    "no_review_waits": N_("No internal review is asked for at present."),
    "still_waiting": N_("The requester still has time to answer."),
}
REASONS_OF_SIGNALS = {
    "kind": N_("A report has no such step."),
    "state": N_("This cannot be done while the report is in the state “{state}”."),
    "closed_too_long": N_(
        "A report can only be reopened within 30 days after it was closed. Please make a new one."
    ),
    "reopened_already": N_("You have reopened this report once already. Please make a new one."),
}

#: Why a service was proposed (`routing`).
ROUTING = {
    "dataset": N_("{service} publishes the dataset."),
    "theme": N_("{service} deals with “{theme}” for {territory}."),
    "territory": N_("{service} is in charge of the environment for {territory}."),
    "above": N_("{service} is in charge of {territory}, where this lies."),
    "national": N_("{service} deals with this subject for the whole country."),
    "person": N_("Chosen by a moderator."),
    "transfer": N_("Transferred by another service."),
    "asked": N_("Chosen by the requester."),
    "batch": N_("Chosen by the requester, who puts the same question to several services."),
    "none": N_("No service is known for this territory; a moderator chooses."),
}

FLAGS = {
    "dataset_gone": N_("A dataset that answered this request is no longer available: {title}."),
    "unreachable": N_(
        "Nobody reads for “{title}”: it has neither members nor a mailbox. Proposed instead: "
        "{other}."
    ),
}


def _named(texts: Mapping[str, str]) -> Callable[[str], str]:
    def name(code: str) -> str:
        if code in texts:
            return _(texts[code])
        return code

    return name


#: Name of the requester of a signal.
AUTHOR_OF_SIGNAL = N_("Author of the report")
#: Role → how the author of a message is named in the conversation.
AUTHORS = {
    "requester": N_("Requester"),
    "moderator": N_("Moderator"),
    "reader": N_("User of the portal"),
}

kind = _named(KINDS)


def state(code: str, signal: bool = False) -> str:
    """Return the name of a state, of a request or a signal."""
    of_signal = STATES_OF_SIGNALS.get(code) if signal else None
    return _(of_signal or STATES.get(code, code))


def transition(code: str, signal: bool = False) -> str:
    """Return the name of a transition, of a request or a signal."""
    of_signal = TRANSITIONS_OF_SIGNALS.get(code) if signal else None
    return _(of_signal or TRANSITIONS.get(code, code))


def event(code: str, signal: bool = False) -> str:
    """Return what happened to a request or a signal; "" for a transition without a text of its own."""
    of_signal = EVENTS_OF_SIGNALS.get(code) if signal else None
    text = of_signal or EVENTS.get(code)
    if text:
        return _(text)
    return ""


def role(code: str, signal: bool = False) -> str:
    """Return the name of a role, for a request or a signal."""
    if signal and code == "requester":
        return _(AUTHOR_OF_SIGNAL)
    return _(ROLES.get(code, code))


def author(code: str, service: str, signal: bool = False) -> str:
    """Return how the author of a message is named.

    Args:
        code: role.
        service: title of the service for which they write, "" for none.
        signal: whether they write about a signal.
    """
    if signal and code == "requester":
        return _(AUTHOR_OF_SIGNAL)
    if code in AUTHORS:
        return _(AUTHORS[code])
    if not service:
        return _("Officer of a service")
    written = of_the(service) if language.current().startswith("fr") else service
    return _("Officer of {service}").format(service=written)


def obstacle(code: str, current: str, signal: bool = False) -> str:
    """Return, as a sentence, what prevents a transition of a request or signal that is in the state `current`."""
    of_signal = REASONS_OF_SIGNALS.get(code) if signal else None
    return _(of_signal or REASONS[code]).format(state=state(current, signal))


def concept(vocabulary: str, key: str, lang: str = "") -> str:
    """Return the label of a concept in a language, by default the reader's; "" when there is none."""
    entry = voc.get(vocabulary).get(key) if key else None
    if entry:
        return entry.label(lang or language.current())
    return ""


def ground(key: str, other: str = "") -> str:
    """Return the name of a ground of refusal, with its articles."""
    entry = law.grounds().get(key)
    if entry is not None:
        return f"{entry.label(language.current())} ({entry.articles})"
    if key == law.PART_NOT_HELD:
        return other or _("The service does not hold this part")
    return other or key


def use(code: str) -> str:
    """Return the name of an intended use."""
    return use_label(code, language.current())


def routing_reason(reason: Row) -> str:
    """Return why a service was proposed, as a sentence; "" when the reason is unknown."""
    if not reason:
        return ""
    code = reason["code"]
    return _(ROUTING[code]).format(
        service=reason.get("service", ""),
        theme=concept("themes", reason.get("theme", "")),
        territory=concept("territories", reason.get("territory", "")),
    )


def flag(flag_: Row) -> str:
    """Return the text of a flag."""
    code = flag_["code"]
    if code == "unreachable" and not flag_.get("title"):
        return _("No service is named for this request: a moderator has to choose one.")
    return _(FLAGS[code]).format(title=flag_.get("title", ""), other=flag_.get("other") or "–")


def territory(request: Any, lang: str = "") -> str:
    """Return the place of a request: communes, territory, or both."""
    place = concept("territories", request.territory, lang)
    names = [commune.get("name") or commune["code"] for commune in request.communes or ()]
    if names and place:
        return f"{', '.join(names)} ({place})"
    if names:  # a draft: the territory that contains them is set on submission
        around = [places.departement_name(commune["code"]) for commune in request.communes]
        for place_of_name, (name, within) in enumerate(zip(names, around, strict=True)):
            if within:
                names[place_of_name] = f"{name} ({within})"
        return ", ".join(names)
    if request.bbox and not place:
        return _("Area drawn on the map")
    return place
