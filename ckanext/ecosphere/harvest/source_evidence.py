"""What a source record states about each field of its dataset, and which of it was not taken over.

A producer who reads that something is missing wants to know the cause: the record does not state it,
states it in an unusable way, or states it and the portal lost it. The stored record is read again,
so the answer reflects the current rules. Pure functions, no CKAN.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.harvest.normalise import Result
from ckanext.ecosphere.harvest.normalise.constraints import limits_of_text
from ckanext.ecosphere.harvest.normalise.draft import Dataset, is_placeholder, plain
from ckanext.ecosphere.harvest.problems import Problem
from ckanext.ecosphere.harvest.record import Record

MAX_TEXTS = 3
"""Maximum texts quoted per field."""
MAX_LENGTH = 200
"""Maximum length of a quoted text, in characters."""
_COMPARED = 150
"""Characters of a text that are searched for in the dataset: rules cut long texts at their end."""
_SAYS_NOTHING = {"otherrestrictions", "license", "licence"}
"""Restriction codes that only refer to a text."""


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
"""`evidence` of an entry of the table of fields."""
Said = Iterable[tuple[str, str]]
"""(text to quote, text to search for in the dataset)."""


def _texts(values: Iterable[str | None]) -> Said:
    return [(value, value) for value in values if value and not is_placeholder(value)]


def _abstract(record: Record) -> Said:
    return _texts([record.abstract])


def _keywords(record: Record) -> Said:
    return _texts(keyword.text for keyword in record.keywords)


def _places(record: Record) -> Said:
    sides = [(box.west, box.south, box.east, box.north) for box in record.boxes]
    boxes = [", ".join(filter(None, numbers)) for numbers in sides]
    codes = [place.code for place in record.geographic_identifiers]
    return _texts([*boxes, *codes, *record.extent_descriptions])


def _lineage(record: Record) -> Said:
    return _texts(record.lineage)


def _periods(record: Record) -> Said:
    return _texts(" – ".join(filter(None, (p.start, p.end))) for p in record.periods)


def _resolutions(record: Record) -> Said:
    scales = [f"1/{scale}" for scale in record.scales if scale]
    distances = [item for item in record.resolutions if item.value]
    return _texts([*scales, *(f"{item.value} {item.unit or ''}".strip() for item in distances)])


def _systems(record: Record) -> Said:
    return _texts(system.code or system.href for system in record.reference_systems)


def _documents(record: Record) -> Said:
    documents = [link.url for link in record.links if link.function == "information"]
    return _texts([*(report.title for report in record.conformity), *documents])


def _addresses(record: Record) -> Said:
    links = list(record.links)
    if record.service:
        for operation in record.service.operations:
            links += operation.links
    return _texts(link.url for link in links)


def _descriptions(record: Record) -> Said:
    return _texts(link.description for link in record.links if link.url)


def _formats(record: Record) -> Said:
    names = [item.name for item in record.formats]
    return _texts([*names, *(link.format for link in record.links)])


def _constraint_texts(record: Record) -> list[str]:
    texts = []
    for block in record.constraints:
        texts += [term.text or term.href or "" for term in (*block.use_limitations, *block.other)]
    return list(filter(None, texts))


def _restrictions(codes: Iterable[str]) -> list[str]:
    """Return the codes that do not only refer to a text."""
    return [code for code in codes if code.lower() not in _SAYS_NOTHING]


def _licences(record: Record) -> Said:
    """Return texts about use, without those about public access; codes are not licences."""
    return _texts(text for text in _constraint_texts(record) if not limits_of_text(text))


def _uses(record: Record) -> Said:
    codes = [code for block in record.constraints for code in block.use_codes]
    return [*_licences(record), *_texts(_restrictions(codes))]


def _limits(record: Record) -> Said:
    codes = [code for block in record.constraints for code in block.access_codes]
    texts = list(filter(limits_of_text, _constraint_texts(record)))
    return _texts([*texts, *_restrictions(codes)])


def _mailboxes(record: Record) -> Said:
    """Return points of contact; quotes the organisations, not personal addresses.

    One without an e-mail address is stated too, though it is no contact for the badge: nothing of it can be lost.
    """
    quoted = []
    for party in record.contacts:
        if party.email or party.organisation or party.individual:
            quoted.append((party.organisation or party.role or "?", party.email or ""))
    return quoted


def _organisations(record: Record) -> Said:
    return _texts(party.organisation for party in record.contacts)


def _frequency(record: Record) -> Said:
    return _texts([record.frequency, record.frequency_period])


def _dates(record: Record) -> Said:
    return _texts(f"{dated.value} ({dated.type or '?'})" for dated in record.dates if dated.value)


_SAID: dict[str, Callable[[Record], Said]] = {
    "abstract": _abstract,
    "addresses": _addresses,
    "dates": _dates,
    "descriptions": _descriptions,
    "documents": _documents,
    "formats": _formats,
    "frequency": _frequency,
    "keywords": _keywords,
    "licences": _licences,
    "limits": _limits,
    "lineage": _lineage,
    "mailboxes": _mailboxes,
    "organisations": _organisations,
    "periods": _periods,
    "places": _places,
    "resolutions": _resolutions,
    "systems": _systems,
    "uses": _uses,
}
"""`said` of the table of fields → what a record states, as texts."""


def statements(record: Record, result: Result, dataset: Dataset) -> dict[str, Statement]:
    """Return what the record states about each field.

    Args:
        record: the record, read again.
        result: result of the current rules for it.
        dataset: the dataset as shown by the portal.
    """
    texts = _TextsTaken(dataset, result)
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
    texts: _TextsTaken,
) -> Statement:
    """Return what the record states about a field; `evidence` is that of its entry in the table."""
    coded, unread = evidence.get("coded", ()), evidence.get("unread", ())
    problems = tuple(problem for problem in result.problems if _concerns(problem, evidence))
    pairs = list(_SAID[evidence["said"]](record))
    lost: list[str] = []
    if not problems and not any(dataset.get(name) for name in coded):
        lost = [quoted for quoted, sought in pairs if not texts.has(sought, in_log=not coded)]
    lost += [text for name, text in _noted(result) if name in unread]
    for value in _unusable(problems):
        lost = [text for text in lost if value not in plain(text)]
    return Statement(_short(quoted for quoted, _sought in pairs), _short(lost), problems)


def _unusable(problems: Iterable[Problem]) -> set[str]:
    """Return the texts that are no loss, since nobody could use them."""
    values: list[Any] = []
    for problem in problems:
        if problem.code in _FAULTS:
            values += problem.params.values()
    return {plain(str(value)) for value in values}


_FAULTS = (
    "date", "scale", "email", "link-scheme", "link-not-an-address", "link-too-long",
    "box-not-a-number", "box-outside-world", "box-zero", "outside-france",
)  # fmt: skip
"""Problems that make a text of the record useless, so that nothing was lost with it."""


class _TextsTaken:
    """All texts of the dataset, to search for those of the record."""

    def __init__(self, dataset: Dataset, result: Result):
        self._whole = plain(" ".join(_strings(dataset)))
        self._converted = {plain(text) for change in result.log for text in change.texts()}

    def has(self, text: str, *, in_log: bool) -> bool:
        """Tell whether `text` was taken over: verbatim, or (with `in_log`) converted by a rule."""
        sought = plain(_TAG.sub(" ", text))[:_COMPARED].strip()
        if not sought or sought in self._whole:
            return True
        return in_log and any(sought in text for text in self._converted)


_TAG = re.compile(r"<[^>]{0,1000}>")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _noted(result: Result) -> Iterator[tuple[str, str]]:
    """Yield element name and text of the notes on values without a place, except translations."""
    for note in result.unread:
        path, colon, text = note.partition(": ")
        name = path.rsplit("/", 1)[-1]
        if name.startswith("date:"):
            name = "date"
        if colon and "[" not in name:
            yield name, text


def _concerns(problem: Problem, evidence: Evidence) -> bool:
    if problem.code not in evidence.get("problems", ()):
        return False
    element = problem.params.get("field") or problem.params.get("element")
    elements = evidence.get("elements")
    return element is None or elements is None or str(element) in elements


def _short(texts: Iterable[str]) -> tuple[str, ...]:
    lines = [" ".join(text.split()) for text in texts]
    return tuple(_cut(line) for line in list(filter(None, dict.fromkeys(lines)))[:MAX_TEXTS])


def _cut(line: str) -> str:
    if len(line) <= MAX_LENGTH:
        return line
    return line[: MAX_LENGTH - 1].rstrip() + "…"
