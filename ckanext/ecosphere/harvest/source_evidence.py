"""What a source record states about each field of its dataset, and what of it was not taken over.

A producer who reads that something is missing wants to know the cause: the record does not state
it, states it in an unusable way, or states it and the portal lost it. The stored record is read
again, so the answer reflects the current rules. Pure functions, no CKAN.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.harvest.normalise import Result
from ckanext.ecosphere.harvest.normalise.constraints import NO_MEANING, limits_of_text
from ckanext.ecosphere.harvest.normalise.draft import (
    Dataset,
    distinct,
    is_placeholder,
    plain,
    strings_in,
)
from ckanext.ecosphere.harvest.problems import Problem
from ckanext.ecosphere.harvest.record import Record

MAX_TEXTS = 3
"""Maximum number of texts quoted per field."""
MAX_LENGTH = 200
"""Maximum length of a quoted text, in characters."""
_COMPARED = 150
"""Number of characters of a text that are searched for in the dataset: rules cut long texts."""


@dataclass(slots=True, frozen=True)
class Statement:
    """What the record states about one field.

    Attributes:
        said: texts of the record, shortened, at most `MAX_TEXTS`.
        lost: readable texts that found no place in the dataset: a loss of the portal.
        problems: what makes other texts unusable: faults of the record.
    """

    said: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


Evidence = Mapping[str, Any]
"""`evidence` of a field's entry in the table of fields (`schemas/dataset.yaml`)."""
Texts = Iterable[str | None]
Quotes = Iterable[tuple[str, str]]
"""(text to quote, text to search for in the dataset)."""


def _places(record: Record) -> Texts:
    for box in record.boxes:
        yield ", ".join(filter(None, (box.west, box.south, box.east, box.north)))
    yield from (place.code for place in record.geographic_identifiers)
    yield from record.extent_descriptions


def _resolutions(record: Record) -> Texts:
    yield from (f"1/{scale}" for scale in record.scales if scale)
    for distance in record.resolutions:
        if distance.value:
            yield f"{distance.value} {distance.unit or ''}".strip()


def _documents(record: Record) -> Texts:
    yield from (report.title for report in record.conformity)
    yield from (link.url for link in record.links if link.function == "information")


def _addresses(record: Record) -> Texts:
    operations = record.service.operations if record.service else []
    for holder in (record, *operations):
        yield from (link.url for link in holder.links)


def _formats(record: Record) -> Texts:
    yield from (item.name for item in record.formats)
    yield from (link.format for link in record.links)


def _constraint_texts(record: Record) -> list[str]:
    texts = []
    for block in record.constraints:
        texts += [term.text or term.href or "" for term in (*block.use_limitations, *block.other)]
    return list(filter(None, texts))


def _restrictions(codes: Iterable[str]) -> list[str]:
    """Return codes without those that only refer to a text."""
    return [code for code in codes if code.lower() not in NO_MEANING]


def _licences(record: Record) -> Texts:
    """Return the texts about use, without those about public access; codes are not licences."""
    return [text for text in _constraint_texts(record) if not limits_of_text(text)]


def _uses(record: Record) -> Texts:
    codes = [code for block in record.constraints for code in block.use_codes]
    return [*_licences(record), *_restrictions(codes)]


def _limits(record: Record) -> Texts:
    codes = [code for block in record.constraints for code in block.access_codes]
    return [*filter(limits_of_text, _constraint_texts(record)), *_restrictions(codes)]


def _mailboxes(record: Record) -> Quotes:
    """Yield points of contact, with the organisation to quote rather than a personal address.

    Those without an e-mail address are stated too, but the quality badge does not count them: they
    have no text to search for, so nothing of them can be lost.
    """
    for party in record.contacts:
        if party.email or party.organisation or party.individual:
            yield party.organisation or party.role or "?", party.email or ""


_TEXTS: dict[str, Callable[[Record], Texts]] = {
    "abstract": lambda record: [record.abstract],
    "addresses": _addresses,
    "dates": lambda record: [
        f"{date.value} ({date.type or '?'})" for date in record.dates if date.value
    ],
    "descriptions": lambda record: [link.description for link in record.links if link.url],
    "documents": _documents,
    "formats": _formats,
    "frequency": lambda record: [record.frequency, record.frequency_period],
    "keywords": lambda record: [keyword.text for keyword in record.keywords],
    "licences": _licences,
    "limits": _limits,
    "lineage": lambda record: record.lineage,
    "organisations": lambda record: [party.organisation for party in record.contacts],
    "periods": lambda record: [
        " – ".join(filter(None, (period.start, period.end))) for period in record.periods
    ],
    "places": _places,
    "resolutions": _resolutions,
    "systems": lambda record: [system.code or system.href for system in record.reference_systems],
    "uses": _uses,
}
"""`said` of the table of fields → function that returns what a record states, as texts."""


def _quotes(name: str, record: Record) -> Quotes:
    """Return what a record states, by `said` of the table of fields."""
    if name == "mailboxes":
        return _mailboxes(record)
    texts = _TEXTS[name](record)
    return [(text, text) for text in texts if text and not is_placeholder(text)]


def statements(record: Record, result: Result, dataset: Dataset) -> dict[str, Statement]:
    """Return what a record states, by field; names of resource fields begin with "resource:".

    Args:
        record: the record, read again.
        result: result of the current rules for it.
        dataset: the dataset as shown by the portal.
    """
    texts = _DatasetTexts(dataset, result)
    by_field = {}
    for scope, prefix in ((fields.DATASET, ""), (fields.RESOURCE, "resource:")):
        for field in fields.fields(scope):
            evidence = field.entry.get("evidence")
            if evidence:
                statement = _statement(evidence, record, result, dataset, texts)
                by_field[f"{prefix}{field.name}"] = statement
    return by_field


def _statement(
    evidence: Evidence,
    record: Record,
    result: Result,
    dataset: Dataset,
    texts: _DatasetTexts,
) -> Statement:
    """Return what the record states about the field with this evidence.

    If rules make codes of its texts, `coded` names the fields that get them: no text is lost once
    one of these has a value. Other texts are searched for in the dataset and in the log.
    """
    coded = evidence.get("coded", ())
    unread = evidence.get("unread", ())
    problems = tuple(problem for problem in result.problems if _concerns(problem, evidence))
    quotes = list(_quotes(evidence["said"], record))
    lost: list[str] = []
    if not problems and not any(dataset.get(name) for name in coded):
        lost = [quote for quote, text in quotes if not texts.has(text, in_log=not coded)]
    lost += [text for name, text in _noted_texts(result) if name in unread]
    for value in _unusable(problems):
        lost = [text for text in lost if value not in plain(text)]
    return Statement(_quoted(quote for quote, _text in quotes), _quoted(lost), problems)


def _unusable(problems: Iterable[Problem]) -> set[str]:
    """Return the texts that are no loss, since nobody could use them."""
    values = [problem.params.values() for problem in problems if problem.code in _FAULTS]
    return {plain(str(value)) for value in chain.from_iterable(values)}


_FAULTS = (
    "date", "scale", "email", "link-scheme", "link-not-an-address", "link-too-long",
    "box-not-a-number", "box-outside-world", "box-zero", "outside-france",
)  # fmt: skip
"""Codes of problems that make a text of the record useless."""


class _DatasetTexts:
    """The texts of a dataset, and what its rules converted, to search for those of its record."""

    def __init__(self, dataset: Dataset, result: Result):
        self._whole = plain(" ".join(strings_in(dataset)))
        self._converted = {plain(text) for change in result.log for text in change.texts()}

    def has(self, text: str, *, in_log: bool) -> bool:
        """Return whether a text was taken over: verbatim or, with `in_log`, converted by a rule."""
        sought = plain(_TAG.sub(" ", text))[:_COMPARED].strip()
        if not sought or sought in self._whole:
            return True
        return in_log and any(sought in text for text in self._converted)


_TAG = re.compile(r"<[^>]{0,1000}>")


def _noted_texts(result: Result) -> Iterator[tuple[str, str]]:
    """Yield element name and text of the notes on values without a field, except translations."""
    for note in result.unread:
        path, colon, text = note.partition(": ")
        name = path.rsplit("/", 1)[-1]
        if name.startswith("date:"):
            name = "date"
        if colon and "[" not in name:  # a translation has its language in brackets
            yield name, text


def _concerns(problem: Problem, evidence: Evidence) -> bool:
    """Return whether a problem is one of the field with this evidence."""
    if problem.code not in evidence.get("problems", ()):
        return False
    element = problem.params.get("field") or problem.params.get("element")
    elements = evidence.get("elements")
    return element is None or elements is None or str(element) in elements


def _quoted(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the first `MAX_TEXTS` texts without repetitions, shortened."""
    lines = distinct(" ".join(text.split()) for text in texts)
    return tuple(map(_cut, list(filter(None, lines))[:MAX_TEXTS]))


def _cut(line: str) -> str:
    if len(line) <= MAX_LENGTH:
        return line
    return line[: MAX_LENGTH - 1].rstrip() + "…"
