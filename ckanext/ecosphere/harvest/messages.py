"""Sentences of the harvest: failures of sources, outcomes of records, decisions of the rules,
errors of forms.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.problems import (
    MESSAGES,
    SENTENCES,
    Params,
    Problem,
    RecordError,
    sizes,
)
from ckanext.ecosphere.harvest.problems import sentence as problem_sentence
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.http_guard import MESSAGES as FETCH_MESSAGES
from ckanext.ecosphere.shared.http_guard import in_language
from ckanext.ecosphere.shared.language import N_

# --- failures of a source, errors of its configuration ---------------------------------------

DETAILS: dict[str, str] = {
    **SENTENCES["details"],
    **{f"fetch-{code}": text for code, text in FETCH_MESSAGES.items()},
    **{f"xml-{code}": text for code, text in MESSAGES.items()},
}
"""Reasons why a part of the source could not be read, inserted into the sentences above."""

WHOLE: dict[str, str] = {
    **SENTENCES["whole"],
    **SENTENCES["repeats"],
    **SENTENCES["config"],
}
"""Messages about the reading as a whole, records that were not taken, and the configuration."""


def sentence(
    code: str,
    params: Params,
    first: int = 0,
    last: int = 0,
    translate: Callable[[str], str] = str,
) -> str:
    """Return a message as one sentence.

    Args:
        code: key of `DETAILS` or `WHOLE`.
        params: values of its fields; also `folder` or `file`, if that is what could not be read.
        first: position of the first record concerned, 0 for the whole source.
        last: position of the last one, 0 for all after the first.
        translate: translates a message into the reader's language.
    """
    if code not in DETAILS:
        return translate(WHOLE[code]).format(first=first, last=last, **params)
    values = sizes(code, in_language(params, translate), translate)
    detail = translate(DETAILS[code]).format(**values).rstrip(".")
    places = {**params, "first": first, "last": last, "detail": _within(detail)}
    frame = SENTENCES["frames"][_frame(params, first, last)]
    return translate(frame).format(**places)


def _frame(params: Params, first: int, last: int) -> str:
    """Return the code of the message that says what could not be read."""
    for code in ("folder", "file"):
        if code in params:
            return code
    if not first:
        return "all"
    if not last:
        return "rest"
    return "one" if first == last else "several"


def _within(text: str) -> str:
    """Return a sentence as a part of another one; an abbreviation at its beginning stays."""
    if text[:1].isupper() and not text[1:2].isupper():
        return text[0].lower() + text[1:]
    return text


class ConfigError(ValueError):
    """The configuration of a source is not valid.

    Args:
        code: key of `WHOLE`.
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


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("ckanext-ecosphere", _CATALOGUES, [language], fallback=True)


def translator() -> Callable[[str], str]:
    """Return the translation function for the portal's language,
    since background jobs have no request.
    """
    return _catalogue(config.portal_language()).gettext


def say(code: str, **params: Any) -> str:
    """Return a message of this module, translated."""
    return translator()(SENTENCES["pipeline"][code]).format(**params)


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
    return translate(SENTENCES["frames"]["record"]).format(
        position=position, guid=guid, detail=_within(problem)
    )


def validation_detail(errors: Any, path: str = "") -> str:
    """Return the errors of a dataset on one line:
    `title: missing value; resources 3, url: not valid`.
    """
    if isinstance(errors, dict):
        parts = [
            validation_detail(value, f"{path}, {key}" if path else str(key))
            for key, value in errors.items()
        ]
        return "; ".join(filter(None, parts))
    if isinstance(errors, list):
        if errors and isinstance(errors[0], str):
            texts = " ".join(str(error).rstrip(".") for error in errors)
            return f"{path}: {texts}"
        parts = [
            validation_detail(error, f"{path} {n}") for n, error in enumerate(errors, 1) if error
        ]
        return "; ".join(filter(None, parts))
    return f"{path}: {errors}" if errors else ""


# --- outcomes of records ---------------------------------------------------------------------

JOINED = "joined-"

OUTCOMES: dict[str, str] = SENTENCES["outcomes"]
"""Outcome of ckanext-harvest → its label."""
JOINING: dict[str, str] = SENTENCES["joining"]
"""Why another record is published in place of one that describes the same dataset."""


def outcome_of_one(status: str | None) -> str:
    """Return the label for the outcome of one record."""
    sentences = SENTENCES["outcome_of_one"]
    if status not in sentences:
        return tk._("It has not been imported yet")
    return tk._(sentences[status])


def counted(stats: Mapping[str, int], facts: DataDict) -> list[tuple[str, str, int]]:
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


def reasons(report: DataDict) -> list[tuple[str, str, int]]:
    """Return outcome, reason and number of the records that became no dataset."""
    rows = []
    for name, label in (("refused", tk._("Refused")), ("set_aside", tk._("Set aside"))):
        for code, number in (report.get(name) or {}).items():
            rows.append((label, reason(code), number))
    return rows


def reason(code: str) -> str:
    """Return the message of a code without the values of a single record."""
    set_aside = SENTENCES["set_aside"]
    if code in set_aside:
        return tk._(set_aside[code])
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
# Rules log codes and values (`normalise.draft.Reason`), so that the log depends on no language.
# What has no label is shown as it is: codes of somebody else's rules, and the sentences in logs of
# earlier versions.

RULES: dict[str, str] = SENTENCES["rules"]
"""Rule → its label."""

REASONS: dict[str, str] = {"evidence": "{kinds}", **SENTENCES["reasons"]}
"""Code of a reason → its sentence, with the params of the reason."""

DEDUCED: dict[str, str] = SENTENCES["deduced"]
"""Evidence of territories that the record does not state → its label."""

_BEFORE = {"access_rights": ("access-limitation", "licences")}
"""Field → vocabularies of its value before."""

Value = str | Params
"""A text, or a reason as stored: `code` and `params`."""


def rule(name: str) -> str:
    """Return the label of a rule."""
    if name in RULES:
        return tk._(RULES[name])
    return name


def field(name: str) -> str:
    """Return the label of a field, as in the dataset form if the portal has one."""
    of_log = SENTENCES["fields"]
    if name in of_log:
        return tk._(of_log[name])
    label = definition(name).get("label")
    return tk.h.scheming_language_text(label) if label else name


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


def in_words(change: DataDict) -> dict[str, str]:
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


def definition(name: str, kind: str = "dataset_fields") -> DataDict:
    """Return a field of the dataset schema of ckanext-scheming; an empty one if there is none."""
    if "scheming_get_dataset_schema" not in tk.h:
        return {}
    schema = tk.h.scheming_get_dataset_schema("dataset") or {}
    fields = (field for field in schema.get(kind, ()) if field["field_name"] == name)
    return next(fields, {})


# --- errors of the form of a source ----------------------------------------------------------

LONGEST = 2_000
"""Characters of a message that are compared."""
_ENGLISH = (
    (
        # A message of our source types, which is translated already.
        re.compile(r"Error parsing the configuration options: (?P<value>.+)", re.DOTALL),
        "{value}",
    ),
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


def form_error(text: str) -> str:
    """Translate an error message of the form of a source; unknown ones are unchanged."""
    for pattern, message in _ENGLISH:
        match = pattern.fullmatch(text[:LONGEST])
        if match:
            return tk._(message).format(**match.groupdict())
    return text


def form_errors(errors: DataDict | None) -> dict[str, list[str]]:
    """Return the error messages of a form by field."""
    by_field = {}
    for name, value in (errors or {}).items():
        messages = [value]
        if isinstance(value, list):
            messages = value
        by_field[name] = [form_error(str(message)) for message in messages]
    return by_field


def form_summary(errors: DataDict | None) -> dict[str, str]:
    """Return the error messages of a form by field label, for the list above the form."""
    summary = {}
    for name, messages in form_errors(errors).items():
        if messages:
            label = SENTENCES["form"].get(name)
            summary[tk._(label) if label else name] = " ".join(messages)
    return summary
