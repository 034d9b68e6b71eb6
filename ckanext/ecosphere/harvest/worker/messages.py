"""Messages for the reports of the pipeline, in the portal's language."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.problems import Problem, RecordError
from ckanext.ecosphere.harvest.problems import sentence as problem_sentence
from ckanext.ecosphere.harvest.sources.base import Failure, Reading
from ckanext.ecosphere.harvest.sources.messages import sentence
from ckanext.ecosphere.shared.messages import N_

_CATALOGUES = Path(__file__).parents[2] / "i18n"


RECORD = N_("Record {position} ({guid}): {detail}")

MESSAGES: dict[str, str] = {
    "not-valid": N_("the dataset made of it is not valid: {detail}."),
    "no-organisation": N_("no organisation of the portal was found for it, and its source belongs to none."),
    "fault": N_("it could not be saved because of an unexpected fault: {detail}."),
    "not-indexed": N_("its dataset is saved but could not be indexed: {detail}."),
    "duplicate": N_(
        "it is already published from the catalogue “{catalogue}” because {reason}; it is named there as well."
    ),
    "deleted-here": N_("its dataset was deleted by hand and is not published again."),
    "held": N_(
        "{absent} of {known} records have vanished from the source, more than the {limit} that are withdrawn "
        "without asking: their datasets stay published until a person decides."
    ),
    "held-additions": N_(
        "{absent} records have vanished from the source, and {added} of their datasets hold files or links that were "
        "added on this portal: the datasets stay published until a person decides."
    ),
    "job-fault": N_("The harvest stopped because of an unexpected fault: {detail}"),
    "no-harvester": N_("The source type {type} is not enabled."),
}


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("ckanext-ecosphere", _CATALOGUES, [language], fallback=True)


def translator() -> Callable[[str], str]:
    """Return the translation function for the portal's language, since background jobs have no request."""
    return _catalogue(config.portal_language()).gettext


def say(code: str, **params: Any) -> str:
    """Return a message of this module, translated."""
    return translator()(MESSAGES[code]).format(**params)


def about_record(
    position: int,
    guid: str,
    problem: RecordError | Problem | str,
    translate: Callable[[str], str] | None = None,
) -> str:
    """Return a sentence about a record, with its position in the source and its identifier.

    Args:
        position: its position.
        guid: its identifier.
        problem: the problem.
        translate: translates a message into the reader's language; into the portal's by default.
    """
    translate = translate or translator()
    if not isinstance(problem, str):
        problem = problem_sentence(problem, translate)
    detail = problem
    if detail[:1].isupper() and not detail[1:2].isupper():
        detail = detail[0].lower() + detail[1:]
    return translate(RECORD).format(position=position, guid=guid, detail=detail)


def failures_of(reading: Reading) -> list[str]:
    """Return messages about what could not be read, one sentence each, and the number of further ones."""
    told = [_failure(each) for each in reading.failures]
    if reading.untold:
        told.append(sentence("more-failures", {"number": reading.untold}, translate=translator()))
    return told


def _failure(failure: Failure) -> str:
    return sentence(failure.code, failure.params, failure.first, failure.last, translator())


def validation_detail(errors: Any, path: str = "") -> str:
    """Return the errors of a dataset on one line: `title: missing value; resources 3, url: not valid`."""
    if isinstance(errors, dict):
        parts = [validation_detail(value, f"{path}, {key}" if path else str(key)) for key, value in errors.items()]
        return "; ".join(filter(None, parts))
    if isinstance(errors, list):
        if errors and isinstance(errors[0], str):
            texts = " ".join(str(each).rstrip(".") for each in errors)
            return f"{path}: {texts}"
        parts = [validation_detail(each, f"{path} {n}") for n, each in enumerate(errors, 1) if each]
        return "; ".join(filter(None, parts))
    return f"{path}: {errors}" if errors else ""
