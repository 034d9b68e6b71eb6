"""Validation of decisions: a ground provided by law, and reasons in law and in fact."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.domain import text
from ckanext.ecosphere.data_requests.model import Event, Request
from ckanext.ecosphere.shared import language

_ = tk._

#: Characters of a reason.
LONGEST_REASON = 5_000
#: Minimum number of different words, of two letters or more, in a reason.
FEWEST_WORDS = 8
WORD = re.compile(r"[^\W\d_]{2,}")

Errors = dict[str, list[str]]


def reason(value: Any) -> str:
    """Check a reason: enough different words, not too long.

    Raises:
        Invalid: it is too short or too long.
    """
    written = text.clean(str(value or ""))
    if len(written) > LONGEST_REASON:
        raise tk.Invalid(_("Too long: {number} characters at most.").format(number=LONGEST_REASON))
    if len({word.casefold() for word in WORD.findall(written)}) < FEWEST_WORDS:
        message = _("Say why in sentences the person can understand and contest: {number} different words at least.")
        raise tk.Invalid(message.format(number=FEWEST_WORDS))
    return written


def ground(value: Any, partial: bool) -> str:
    """Check the id of a ground.

    Raises:
        Invalid: the law has no such ground for environmental information.
    """
    key = str(value)
    known = law.grounds().get(key)
    if key == law.OTHER or (partial and key == law.PART_NOT_HELD) or (known is not None and known.usable):
        return key
    raise tk.Invalid(_("Choose a ground from the list, or “another ground”."))


def contradictions(request: Request, given: Mapping[str, Any]) -> Errors:
    """Return what is missing or contradictory in a refusal, whole or partial: field → messages."""
    errors: Errors = {}
    key = given.get("ground")
    known = law.grounds().get(key or "")
    if key == law.OTHER and not given.get("other_ground"):
        errors["other_ground"] = [_("Name the ground and the article of the law on which it rests.")]
    if key and key != law.PART_NOT_HELD and not given.get("law"):
        errors["law"] = [_("Say why this ground applies: the letter states the reasons in law.")]
    if key in law.interests() and not given.get("balance"):
        errors["balance"] = [
            _(
                "Say why the interest of the communication, for the public and the environment, does not prevail over "
                "the interest protected: the letter states it (code de l’environnement, article L. 124-4)."
            )
        ]
    if law.unnamed_words().search(_said(given)) and not given.get("unnamed"):
        errors["unnamed"] = [_("Answer yes or no: if so, the letter must not name you (CRPA, article L. 212-1).")]
    if known is None:
        return errors
    kind = given.get("kind") or law.DATA_KIND
    if known.applies_to != kind:
        errors["ground"] = [_APPLIES[known.applies_to]()]
    elif kind == law.DATA_KIND and not given.get("emissions"):
        message = _("Answer yes or no: the letter states it (code de l’environnement, article L. 124-5, II).")
        errors["emissions"] = [message]
    elif given.get("emissions") == law.YES and not known.emissions:
        errors["ground"] = [
            _(
                "Information on emissions of substances into the environment cannot be refused on this ground (code de "
                "l’environnement, article L. 124-5, II). Choose one that holds for emissions, or communicate it."
            )
        ]
    elif known.needs == "invitation" and not _was_invited(request):
        errors["ground"] = [
            _(
                "A request that is too general is refused only after its author was invited to specify it: "
                "ask for details first."
            )
        ]
    if "ground" not in errors and not given.get("ground_confirmed") and (other := _spoken_of(known, given)):
        message = _(
            "Your reasons speak of “{other}” and not of “{ground}”. Correct the ground or the reasons; if they belong "
            "together, tick “The ground and the reasons belong together”."
        )
        labels = {"other": other.label(language.current()), "ground": known.label(language.current())}
        errors["ground"] = [message.format(**labels)]
    if known.needs == "completion" and not given.get("completion"):
        errors["completion"] = [
            _("Say when the document will be finished and by which authority (code de l’environnement, L. 124-6).")
        ]
    return errors


def _said(given: Mapping[str, Any]) -> str:
    """Return the reasons of a refusal, without case, accents or punctuation."""
    return voc.normalise(f"{given.get('law', '')} {given.get('facts', '')}")


def _spoken_of(chosen: law.Ground, given: Mapping[str, Any]) -> law.Ground | None:
    """Return the ground that the reasons speak of, if they speak of another one and not of the chosen one."""
    said = _said(given)
    groups = {key: group for key, (group, words) in law.words_of_grounds().items() if words.search(said)}
    own = law.words_of_grounds().get(chosen.id)
    if own is None or own[0] in groups.values():
        return None
    return next((law.grounds()[key] for key in groups if law.grounds()[key].applies_to == chosen.applies_to), None)


def incomplete_transmission(given: Mapping[str, Any]) -> Errors:
    """Return what is missing of a transmission outside the portal: field → messages."""
    if not given.get("transmitted_to"):
        return {}
    needed = {
        "transmitted_by": _("Say who passed the request on: the letter states it."),
        "transmitted_on": _("Say on which day the request was passed on: the letter states it."),
        "transmitted_how": _("Choose how the request was passed on."),
    }
    return {name: [message] for name, message in needed.items() if not given.get(name)}


_APPLIES = {
    law.SERVICE_KIND: lambda: _(
        "Article 13 of the directive INSPIRE is about access to spatial data services on the internet. For data, "
        "choose a ground of article L. 124-4 of the code de l’environnement."
    ),
    law.DATA_KIND: lambda: _(
        "This ground is about information. For access to a spatial data service, choose a ground of article 13 of the "
        "directive INSPIRE."
    ),
}


def _was_invited(request: Request) -> bool:
    asked = sa.select(sa.exists().where(Event.request_id == request.id, Event.transition == "ask_details"))
    return bool(model.Session.scalar(asked))
