"""Messages of the harvest: failures of sources, outcomes of records, errors of the form of a source."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.problems import MESSAGES, Problem, RecordError, sizes
from ckanext.ecosphere.harvest.problems import sentence as problem_sentence
from ckanext.ecosphere.shared.http_guard import MESSAGES as FETCH_MESSAGES
from ckanext.ecosphere.shared.http_guard import in_language
from ckanext.ecosphere.shared.messages import N_

# --- outcomes of records ---------------------------------------------------------------------

JOINED = "joined-"

OUTCOMES = {
    "errored": N_("Records refused"),
    "added": N_("Records added"),
    "updated": N_("Records updated"),
    "deleted": N_("Records withdrawn"),
    "not modified": N_("Records unchanged"),
}
"""Outcome of ckanext-harvest → its label."""
_OUTCOME_OF_ONE = {
    "errored": N_("The record was refused"),
    "added": N_("A dataset was made of it"),
    "updated": N_("Its dataset was updated"),
    "deleted": N_("Its dataset was withdrawn"),
    "not modified": N_("Nothing had changed"),
}
_SET_ASIDE = {
    "not-valid": N_("The dataset made of it is not valid."),
    "fault": N_("It could not be saved because of an unexpected fault."),
    "copy": N_("The source had already given the record."),
    "same-identifiers": N_(
        "Another record of the source bears the same identifiers and the same title."
    ),
    "deleted-here": N_("Its dataset was deleted by hand and is not published again."),
}
"""Code of a record that became no dataset → reason, beside those of `problems`."""
JOINING: dict[str, str] = {
    "removed": N_("a person deleted its dataset, which is not published again"),
    "present": N_("its catalogue still has the record"),
    "active": N_("its source is still harvested"),
    "priority": N_("its source has the higher priority ({mine} against {other})"),
    "older": N_("both sources have the same priority, and its source was registered first"),
    "own-service": N_("its catalogue publishes for all services, the other one for its own only"),
    "apart": N_("a person said that it is the same as no other record"),
}
"""Why another record is published in place of one that describes the same dataset."""


def outcome_of_one(status: str | None) -> str:
    """Return the label for the outcome of one record."""
    if status not in _OUTCOME_OF_ONE:
        return tk._("It has not been imported yet")
    return tk._(_OUTCOME_OF_ONE[status])


def counted(stats: Mapping[str, int], facts: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Return key, label and number of records for each outcome.

    Duplicates are separated from unchanged records.
    """
    counts = facts.get("counts") or {}
    numbers = {outcome: (counts or stats).get(outcome, 0) for outcome in OUTCOMES}
    copies = min(counts.get("duplicate", 0), numbers["not modified"])
    numbers["not modified"] -= copies
    rows = []
    for outcome, label in OUTCOMES.items():
        rows.append((outcome.replace(" ", "-"), tk._(label), numbers[outcome]))
    return [*rows, ("joined", tk._("Published from another source"), copies)]


def reasons(report: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Return outcome, reason and number of the records that became no dataset."""
    rows = []
    for name, label in (("refused", tk._("Refused")), ("set_aside", tk._("Set aside"))):
        for code, number in (report.get(name) or {}).items():
            rows.append((label, reason(code), number))
    return rows


def reason(code: str) -> str:
    """Return the message of a code without the values of a single record."""
    if code in _SET_ASIDE:
        return tk._(_SET_ASIDE[code])
    if code.startswith(JOINED):
        text = tk._("Another source publishes the same dataset: {reason}")
        why = tk._(JOINING[code.removeprefix(JOINED)])
        return text.format(reason=_without_values(why))
    if code in MESSAGES:
        return _without_values(tk._(MESSAGES[code]))
    return code


def _without_values(text: str) -> str:
    inner = re.sub(r"\{\w{1,50}\}(?=\s{0,9}\S)", "…", text)
    return re.sub(r"\s{0,3}[:(]?\s{0,3}\{\w{1,50}\}\)?\.?$", "", inner).strip() or text


# --- errors of the form of a source ----------------------------------------------------------

LONGEST = 2_000
"""Characters of a message that are compared."""
_DETAIL = re.compile(r"Error parsing the configuration options: (?P<value>.+)", re.DOTALL)
"""Messages of our source types are translated already, behind this prefix."""
_ENGLISH = (
    (
        re.compile(r"There already is a Harvest Source for this URL .*", re.DOTALL),
        N_("Another source already has this address with the same configuration."),
    ),
    (
        re.compile(r"Frequency (?P<value>.*) not recognised", re.DOTALL),
        N_("“{value}” is no frequency of harvests."),
    ),
    (
        re.compile(r"Unknown harvester type: (?P<value>.*)\. Registered types: .*", re.DOTALL),
        N_("“{value}” is no type of source of this portal."),
    ),
)
"""Messages of `ckanext.harvest.logic.validators` 1.6.3, which has English only, and ours."""
_FIELDS = {
    "url": N_("Address"),
    "title": N_("Title"),
    "name": N_("Name in the address"),
    "notes": N_("Description"),
    "source_type": N_("Source type"),
    "frequency": N_("Update frequency"),
    "config": N_("Configuration"),
    "owner_org": N_("Service"),
    "state": N_("State"),
}


def form_error(text: str) -> str:
    """Translate an error message of the form of a source; unknown ones are unchanged."""
    detail = _DETAIL.fullmatch(text[:LONGEST])
    if detail:
        return detail["value"]
    for pattern, message in _ENGLISH:
        match = pattern.fullmatch(text[:LONGEST])
        if match:
            return tk._(message).format(**match.groupdict())
    return text


def form_errors(errors: Mapping[str, Any] | None) -> dict[str, list[str]]:
    """Return the error messages of a form by field."""
    by_field = {}
    for name, value in (errors or {}).items():
        messages = [value]
        if isinstance(value, list):
            messages = value
        by_field[name] = [form_error(str(message)) for message in messages]
    return by_field


def form_summary(errors: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the error messages of a form by field label, for the list above the form."""
    summary = {}
    for name, messages in form_errors(errors).items():
        if messages:
            label = _FIELDS.get(name)
            summary[tk._(label) if label else name] = " ".join(messages)
    return summary


ONE = N_("Record {first} could not be read: {detail}.")
SEVERAL = N_("Records {first} to {last} could not be read: {detail}.")
REST = N_("From record {first} on, the source could not be read: {detail}.")
ALL = N_("The source could not be read: {detail}.")
FOLDER = N_("The folder {folder} could not be read: {detail}.")
FILE = N_("Record {first} (file {file}) could not be read: {detail}.")

DETAILS: dict[str, str] = {
    "status": N_("the server answered with HTTP {status}"),
    "exception": N_("the server answered “{text}”"),
    "not-csw": N_("the answer is no page of a catalogue, its root is {root}"),
    "not-iso": N_("the server gave {root} instead of ISO 19139 records"),
    "empty": N_("the server gave an empty page"),
    "repeated": N_("the server gave only records that it had already given"),
    "not-listing": N_("the answer is no listing of a folder"),
    "no-file": N_("the folder names no XML file"),
    "not-json": N_("the answer is no JSON document ({url})"),
    "not-ogcapi": N_(
        "the answer is no list of records of OGC API – Records or of collections of STAC"
    ),
    "not-udata": N_("the answer is no list of datasets of udata"),
    "udata-unknown": N_("the portal knows no organisation or topic named “{name}”"),
    "not-rdf": N_("the answer is no RDF that can be read: {detail}"),
    "remote-context": N_(
        "the JSON-LD refers to a context elsewhere ({context}), which is refused for safety"
    ),
    "no-dataset": N_("the RDF describes no dataset"),
    "page-loop": N_("a page names as the next one a page that was already read ({url})"),
    **{f"fetch-{code}": text for code, text in FETCH_MESSAGES.items()},
    **{f"xml-{code}": text for code, text in MESSAGES.items()},
}
"""Reasons why a part of the source could not be read, inserted into the sentences above."""

WHOLE: dict[str, str] = {
    "more-failures": N_("Other parts of the source that could not be read: {number}."),
    "gave-up": N_(
        "The reading was given up at record {first}: the server did not answer properly any more."
    ),
    "bound-requests": N_(
        "The reading was stopped after {limit} requests, the most that one harvest may send."
    ),
    "bound-records": N_(
        "The reading was stopped after {limit} records, the most that one harvest may take."
    ),
    "bound-bytes": N_(
        "The reading was stopped after {limit} MB, the most that one harvest may receive."
    ),
    "bound-seconds": N_(
        "The reading was stopped after {limit} seconds, the longest that it may take."
    ),
    "bound-memory": N_(
        "The reading was stopped because it would have taken more than {limit} MB of memory."
    ),
    "bound-cancelled": N_("The reading was stopped because the harvest was aborted."),
    "reading-fault": N_("The reading stopped because of an unexpected fault: {detail}"),
    "incomplete": N_(
        "The source was not read completely: nothing is withdrawn after this harvest."
    ),
    "count-short": N_("The server announces {announced} records and gave {received}."),
    "count-over": N_("The server announces {announced} records and gave more: {received}."),
    "count-unknown": N_("The server does not say how many records it has."),
    "too-many-files": N_("The folder holds more than {limit} files; the others were not read."),
    "too-deep-folder": N_("The folder {url} lies too deep and was not read."),
    "count-changed": N_(
        "The server announced {before} records, then {after}: its catalogue changed while it was "
        "read."
    ),
    "hold-fewer": N_(
        "Records have come back: {absent} withdrawals wait for a person, {before} did before."
    ),
    "hold-empty": N_(
        "All records whose withdrawal was held have come back: nothing waits for a person any more."
    ),
    "hold-below": N_(
        "Records have come back: {absent} of {known} are missing, no more than the {limit} that "
        "are withdrawn without "
        "asking; nothing waits for a person any more."
    ),
    "renamed": N_(
        "Records with another identifier than before, recognised by that of their resource: "
        "{number}. Their datasets "
        "keep their addresses."
    ),
    "dialect": N_(
        "The server did not understand the usual question; it was asked in another way ({dialect})."
    ),
}
"""Messages about the reading as a whole."""

REPEATS: dict[str, str] = {
    "copy": N_(
        "Record {position} ({guid}): the source had already given this record, which was taken "
        "once."
    ),
    "same-identifiers": N_(
        "Record {position} ({guid}): another record of the source bears the same identifiers and "
        "the same title, and "
        "was taken: {title}"
    ),
}
"""Reasons why a record was read but not taken."""

CONFIG: dict[str, str] = {
    "config-json": N_("The configuration is not valid JSON: {detail}."),
    "config-object": N_("The configuration must be a JSON object."),
    "config-unknown": N_("Unknown option “{name}”; known ones are {known}."),
    "config-page-size": N_("The page size must be a whole number from 1 to {limit}."),
    "config-priority": N_("The priority must be a whole number from -{limit} to {limit}."),
    "config-organisation": N_("No organisation is named “{name}”."),
    "config-flag": N_("The option “{name}” must be true or false."),
    "config-text": N_("The option “{name}” must be a text."),
    "config-filters": N_("The filters must be a list."),
    "config-udata": N_(
        "Name an organisation, a topic or a tag: otherwise the whole portal would be harvested."
    ),
    "filter-object": N_("A filter must be an object such as {example}."),
    "filter-any": N_("The “any” of a filter must be a list of lists of conditions."),
    "filter-property": N_("A filter needs a property, one of {known}."),
    "filter-not": N_("The “not” of a filter must be true or false."),
    "filter-comparison": N_("A filter needs exactly one of {known}."),
    "filter-value": N_("The value of “{name}” must be a text that is not empty."),
}
"""Errors in the configuration of a source."""


def sentence(
    code: str,
    params: Mapping[str, Any],
    first: int = 0,
    last: int = 0,
    translate: Callable[[str], str] = str,
) -> str:
    """Return a message as one sentence.

    Args:
        code: key of `DETAILS`, `WHOLE`, `REPEATS` or `CONFIG`.
        params: values of its fields; also `folder` or `file`, if that is what could not be read.
        first: position of the first record concerned, 0 for the whole source.
        last: position of the last one, 0 for all after the first.
        translate: translates a message into the reader's language.
    """
    if code not in DETAILS:
        message = {**WHOLE, **REPEATS, **CONFIG}[code]
        return translate(message).format(first=first, last=last, **params)
    values = sizes(code, in_language(params, translate), translate)
    detail = translate(DETAILS[code]).format(**values).rstrip(".")
    if detail[:1].isupper() and not detail[1:2].isupper():
        detail = detail[0].lower() + detail[1:]
    places = {**params, "first": first, "last": last, "detail": detail}
    return translate(_frame(params, first, last)).format(**places)


def _frame(params: Mapping[str, Any], first: int, last: int) -> str:
    """Return the message that says what could not be read."""
    if "folder" in params:
        return FOLDER
    if "file" in params:
        return FILE
    if not first:
        return ALL
    if not last:
        return REST
    return ONE if first == last else SEVERAL


class ConfigError(ValueError):
    """The configuration of a source is not valid.

    Args:
        code: key of `CONFIG`.
        params: values for the fields of the message.
    """

    def __init__(self, code: str, **params: object):
        self.code = code
        self.params = params
        super().__init__(code)

    def __str__(self) -> str:
        return sentence(self.code, self.params)


_CATALOGUES = Path(__file__).parents[2] / "i18n"


RECORD = N_("Record {position} ({guid}): {detail}")

OF_THE_PIPELINE: dict[str, str] = {
    "not-valid": N_("the dataset made of it is not valid: {detail}."),
    "no-organisation": N_(
        "no organisation of the portal was found for it, and its source belongs to none."
    ),
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
    return translator()(OF_THE_PIPELINE[code]).format(**params)


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


def validation_detail(errors: Any, path: str = "") -> str:
    """Return the errors of a dataset on one line: `title: missing value; resources 3, url: not valid`."""
    if isinstance(errors, dict):
        parts = [
            validation_detail(value, f"{path}, {key}" if path else str(key))
            for key, value in errors.items()
        ]
        return "; ".join(filter(None, parts))
    if isinstance(errors, list):
        if errors and isinstance(errors[0], str):
            texts = " ".join(str(each).rstrip(".") for each in errors)
            return f"{path}: {texts}"
        parts = [validation_detail(each, f"{path} {n}") for n, each in enumerate(errors, 1) if each]
        return "; ".join(filter(None, parts))
    return f"{path}: {errors}" if errors else ""
