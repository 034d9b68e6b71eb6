"""Sentences of the harvest: failures of sources, outcomes of records, decisions of the rules, errors of forms."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.problems import MESSAGES, Problem, RecordError, sizes
from ckanext.ecosphere.harvest.problems import sentence as problem_sentence
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.http_guard import MESSAGES as FETCH_MESSAGES
from ckanext.ecosphere.shared.http_guard import in_language
from ckanext.ecosphere.shared.language import N_

# --- failures of a source, errors of its configuration ---------------------------------------

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
    places = {**params, "first": first, "last": last, "detail": _within(detail)}
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


def _within(text: str) -> str:
    """Return a sentence as a part of another one; an abbreviation at its beginning stays."""
    if text[:1].isupper() and not text[1:2].isupper():
        return text[0].lower() + text[1:]
    return text


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


# --- problems of records, in reports of the pipeline -----------------------------------------

_CATALOGUES = Path(__file__).parents[1] / "i18n"
RECORD = N_("Record {position} ({guid}): {detail}")

OF_THE_PIPELINE: dict[str, str] = {
    "not-valid": N_("the dataset made of it is not valid: {detail}."),
    "no-organisation": N_(
        "no organisation of the portal was found for it, and its source belongs to none."
    ),
    "fault": N_("it could not be saved because of an unexpected fault: {detail}."),
    "not-indexed": N_("its dataset is saved but could not be indexed: {detail}."),
    "duplicate": N_(
        "it is already published from the catalogue “{catalogue}” because {reason}; it is named "
        "there as well."
    ),
    "deleted-here": N_("its dataset was deleted by hand and is not published again."),
    "held": N_(
        "{absent} of {known} records have vanished from the source, more than the {limit} that "
        "are withdrawn without asking: their datasets stay published until a person decides."
    ),
    "held-additions": N_(
        "{absent} records have vanished from the source, and {added} of their datasets hold files "
        "or links that were added on this portal: the datasets stay published until a person "
        "decides."
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
    return translate(RECORD).format(position=position, guid=guid, detail=_within(problem))


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


# --- decisions of the rules ------------------------------------------------------------------
#
# Rules log codes and values (`normalise.draft.Reason`), so that the log depends on no language. What has no label is
# shown as it is: codes of somebody else's rules, and the sentences in logs of earlier versions.

RULES: dict[str, str] = {
    "title": N_("Title"),
    "alternate-titles": N_("Other titles"),
    "description": N_("Description"),
    "translations": N_("Texts in other languages"),
    "lineage": N_("Lineage"),
    "version": N_("Version"),
    "identifiers": N_("Identifiers"),
    "resource-type": N_("Kind of resource"),
    "relations": N_("Links to a series and its members"),
    "languages": N_("Languages"),
    "status": N_("Status"),
    "spatial-representation": N_("Spatial representation"),
    "dates": N_("Dates of the data"),
    "metadata-date": N_("Date of the record"),
    "periods": N_("Periods covered"),
    "frequency": N_("Frequency of updates"),
    "organisation": N_("Service responsible"),
    "contacts": N_("Contacts and roles"),
    "boxes": N_("Bounding boxes"),
    "territory": N_("Territories"),
    "topic-categories": N_("ISO topic categories"),
    "inspire-themes": N_("INSPIRE themes"),
    "themes": N_("Themes of the ministry"),
    "eu-themes": N_("EU themes"),
    "constraints": N_("Licence and limits on access"),
    "restriction-codes": N_("Codes of restrictions"),
    "tags": N_("Keywords"),
    "reference-systems": N_("Coordinate reference systems"),
    "scale": N_("Scale"),
    "resolution": N_("Ground resolution"),
    "conformity": N_("Conformity to specifications"),
    "quality-measures": N_("Measurements of quality"),
    "links": N_("Links and resources"),
    "preview": N_("Preview image"),
    "record-provenance": N_("Catalogue of origin"),
    "texts-without-a-place": N_("Texts without a field"),
    "profile-fields": N_("Fields of RDF profiles"),
    "what-is-left": N_("Everything else"),
    "other-information": N_("Other information"),
    "within-bounds": N_("Longest texts and lists"),
}
"""Rule → its label."""

FIELDS: dict[str, str] = {
    "tags": N_("Keywords"),
    "resources": N_("Resources"),
    "url": N_("Home page"),
    "creation": N_("Date of creation"),
    "publication": N_("Date of publication"),
    "revision": N_("Date of revision"),
    "date": N_("Date"),
    "temporalElement": N_("Period covered"),
}
"""Field names in the log that are not fields of the form."""

REASONS: dict[str, str] = {
    # Evidence of a territory
    "geographic identifier": N_("geographic identifier"),
    "place keyword": N_("place keyword"),
    "keyword": N_("keyword"),
    "extent description": N_("description of the extent"),
    "name of the document": N_("name of the urban planning document"),
    "locality": N_("commune or group of communes named in the title or as an organisation"),
    "box": N_("bounding box"),
    "area of the service": N_("area of the service"),
    "box outside France": N_("bounding box outside France"),
    "outline-of": N_("approximate outline of {value}"),
    # Evidence of a theme
    "evidence": "{kinds}",
    "keywords (addresses)": N_("keywords (by their addresses)"),
    "keyword (label)": N_("keyword (label of a theme)"),
    "keywords": N_("keywords"),
    "title": N_("title"),
    "INSPIRE theme": N_("INSPIRE theme"),
    "description": N_("description"),
    "INSPIRE theme (wide)": N_("INSPIRE theme (of many meanings)"),
    "keywords (wide terms)": N_("keywords (words of many meanings)"),
    "topic category": N_("ISO topic category"),
    "title (wide terms)": N_("title (words of many meanings)"),
    "derived": N_("from the themes above"),
    # Organisation and contacts
    "by-email": N_("{value} (e-mail address)"),
    "by-person": N_("{value} (name of a person)"),
    "own-service": N_("{value} (the source publishes for its own service only)"),
    "default-service": N_("{value} (not recognised: the default service)"),
    "no-organisation": N_("no organisation named: the default service"),
    "contact-of-record": N_("no point of contact; contact of the record"),
    "contact-of-role": N_("no point of contact; role “{value}”"),
    "maker-by-role": N_("no author or owner named; role “{role}”"),
    "no-telephone": N_("no telephone number"),
    # Access
    "noLimitations": N_("no limit on public access"),
    "access right": N_("access right given by its address"),
    # Keywords
    "keyword-named": N_("keyword: {value}"),
    "technical-words": N_("technical words: {value}"),
    "codes-of-places": N_("codes of places: {value}"),
    "one keyword holding several": N_("one keyword holding several"),
    "separate keywords": N_("separate keywords"),
    "left out": N_("left out"),
    # Links
    "protocol": N_("no protocol declared"),
    "protocol-named": N_("protocol “{value}”"),
    "format-of": N_("format of {value}"),
    "view of the record": N_("view of the record"),
    "view of the record, left out": N_("view of the record, left out"),
    "view of the record on the intranet, left out": N_(
        "view of the record on the intranet, left out"
    ),
    # Others
    "profile of ckanext-dcat": N_("profile of ckanext-dcat"),
    "characters": N_("{value} characters"),
    "values": N_("{value} values"),
}
"""Code of a reason → its sentence, with the params of the reason."""

DEDUCED: dict[str, str] = {
    "title": N_("from the title"),
    "name of the document": N_("from the name of the document"),
    "locality": N_("from a commune or a group of communes that the record names"),
    "box": N_("from the extent"),
    "box outside France": N_("from the extent"),
    "area of the service": N_("from the area of the service"),
}
"""Evidence of territories that the record does not state → its label."""

_BEFORE = {"access_rights": ("access-limitation", "licences")}
"""Field → vocabularies of its value before."""

Value = str | Mapping[str, Any]
"""A text, or a reason as stored: `code` and `params`."""


def rule(name: str) -> str:
    """Return the label of a rule."""
    if name in RULES:
        return tk._(RULES[name])
    return name


def field(name: str) -> str:
    """Return the label of a field, as in the dataset form if the portal has one."""
    if name in FIELDS:
        return tk._(FIELDS[name])
    return _form_labels().get(name, name)


def text_of(value: Value) -> str:
    """Return a value of the log as text, a reason as its sentence in the reader's language."""
    if isinstance(value, str):
        return value
    params = dict(value["params"])
    if "role" in params:
        params["role"] = concept("agent-role", params["role"])
    if "kinds" in params:
        params["kinds"] = ", ".join(_sentence(kind) for kind in params["kinds"])
    return _sentence(value["code"]).format(**params)


def _sentence(code: str) -> str:
    return tk._(REASONS.get(code, code))


def in_words(change: Mapping[str, Any]) -> dict[str, str]:
    """Return a decision with its reasons as sentences, and its values as they are.

    Args:
        change: `rule`, `field`, `before` and `after` of the log.
    """
    sides = {side: text_of(change[side]) for side in ("before", "after")}
    return {"rule": change["rule"], "field": change["field"], **sides}


def labelled(change: Mapping[str, str]) -> dict[str, str]:
    """Return a decision with labels for rule, field and values, and the code of the rule.

    Args:
        change: a decision `in_words`.
    """
    name = change["field"]
    before, after = change["before"], change["after"]
    for vocabulary in _BEFORE.get(name, ()):
        before = _labels(vocabulary, before) or before
    vocabulary = _vocabulary_of(name)
    if vocabulary:
        after = _labels(vocabulary, after) or after
    return {
        "code": change["rule"],
        "rule": rule(change["rule"]),
        "field": field(name),
        "before": before,
        "after": after,
    }


def _vocabulary_of(name: str) -> str:
    """Return the vocabulary of a field's values; empty without one."""
    if name == "owner_org":
        return "organisations"
    by_name = {field.name: field.vocabulary for field in fields.fields()}
    return by_name.get(name, "")


def deduced_territory(evidence: str, labels: str, uris: Iterable[str]) -> str:
    """Return what the territories of a dataset were deduced from.

    Args:
        evidence: code of the reason of the rule, as in its log.
        labels: the territories that it found, as in its log.
        uris: the current territories of the dataset.

    Returns:
        a label; empty when the record states them, or they have been changed since.
    """
    concepts = [voc.get("territories").get(uri) for uri in uris]
    present = ", ".join(concept.label_fr for concept in concepts if concept)
    if labels.endswith("…"):
        present = present[: len(labels) - 1] + "…"
    if evidence not in DEDUCED or not all(concepts) or present != labels:
        return ""
    return tk._(DEDUCED[evidence])


def concept(vocabulary: str, key: str | None) -> str:
    """Return the label of a concept, or the key if the vocabulary does not have it."""
    if not key:
        return ""
    return _labels(vocabulary, key) or key


def _labels(vocabulary: str, text: str) -> str:
    """Return the labels of the concepts in a list of the log; empty if one of them is unknown."""
    keys = [key.strip() for key in re.split(r"[;,] ", text)]
    concepts = [voc.get(vocabulary).get(key) for key in keys]
    reader = language.current()
    labels = [item.label(reader) for item in concepts if item]
    if len(labels) < len(keys):
        return ""
    return ", ".join(labels)


def _form_labels() -> dict[str, str]:
    """Return the labels of the fields of the dataset form; empty without ckanext-scheming."""
    get_schema: Any = getattr(tk.h, "scheming_get_dataset_schema", None)
    schema = get_schema and get_schema("dataset")
    if not schema:
        return {}
    fields = [item for item in schema["dataset_fields"] if "label" in item]
    return {item["field_name"]: tk.h.scheming_language_text(item["label"]) for item in fields}


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
