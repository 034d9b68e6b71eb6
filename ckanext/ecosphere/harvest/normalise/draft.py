"""What the rules share: their working state, and the tables of ``data/`` in which they look things
up.

The working state is the record as read, the dataset being built, and the log. A draft starts with
the fields that need no interpretation; rules write the others on top of them. Field names are those
of the dataset schema (ckanext-dcat's names where they exist).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.harvest.problems import Params, Problem
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.shared.characters import without_credentials
from ckanext.ecosphere.vocabularies import normalise, tables
from ckanext.ecosphere.vocabularies.phrases import plain

Item = TypeVar("Item", bound=Hashable)
Element = TypeVar("Element")
Dataset = dict[str, Any]
Row = dict[str, Any]
"""One of the rows of a field with subfields."""

_COPIED: tuple[tuple[str, str], ...] = (
    ("title", "title"),
    ("abstract", "notes"),
    ("edition", "version"),
    ("file_identifier", "metadata_identifier"),
)
"""Record attribute → dataset field, copied unchanged."""
MAX_LOGGED = 500
"""Maximum length of a logged value, in characters."""
MAX_ITEMS = 50
"""Maximum values of a logged list; of a longer one, the number of all is logged too."""
MAX_NOTED = 4_000
"""Maximum length of a noted text, in characters."""


@dataclass(slots=True, frozen=True)
class Context:
    """Properties of a source that apply to all of its records.

    Attributes:
        default_organisation: registry id of the service that the source belongs to. It receives the
            records whose organisation is not recognised.
        fallback_organisation: registry id used when there is no such service either.
        catalogue_title: name of the harvested catalogue.
        record_url: URL pattern of original records, with ``{id}`` in place of the identifier.
        organisations: if given, registry ids that exist in the portal; others are not used.
        only_organisation: registry id of the one service that the source publishes for, if it is
            restricted to one.
        free_tags: whether tags may contain apostrophes and slashes (with the dataset schema of this
            suite), or only what CKAN itself accepts.
    """

    default_organisation: str | None = None
    fallback_organisation: str | None = None
    catalogue_title: str = ""
    record_url: str | None = None
    organisations: frozenset[str] | None = None
    only_organisation: str | None = None
    free_tags: bool = False


@dataclass(slots=True, frozen=True)
class Reason:
    """Why or how a rule decided.

    Attributes:
        code: key of `harvest.messages.REASONS`, where the sentence is.
        params: values for the fields of the sentence: texts of the record, or further codes.
    """

    code: str
    params: Params = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the reason as stored."""
        return {"code": self.code, "params": self.params}


def reason(code: str, **params: Any) -> Reason:
    """Return a reason, with values of bounded length."""
    return Reason(code, {name: _bounded(value) for name, value in params.items()})


@dataclass(slots=True, frozen=True)
class Change:
    """One decision of a rule: the field, what was before and what is after.

    Either is a plain text, if it is a value of the record or of a vocabulary.
    """

    rule: str
    field: str
    before: str | Reason
    after: str | Reason

    def as_dict(self) -> dict[str, Any]:
        """Return the decision as stored.

        `dataclasses.asdict` copies each value, at five times the cost.
        """
        sides: dict[str, Any] = {"before": self.before, "after": self.after}
        for name, value in sides.items():
            if isinstance(value, Reason):
                sides[name] = value.as_dict()
        return {"rule": self.rule, "field": self.field, **sides}

    def texts(self) -> Iterator[str]:
        """Yield the texts of the record in the decision."""
        for value in (self.before, self.after):
            if isinstance(value, Reason):
                yield from filter(_is_text, value.params.values())
            else:
                yield value


@dataclass(slots=True)
class Result:
    """A dataset ready to be validated and saved, with the log of the rules.

    Attributes:
        dataset: dict in the shape of ``package_create``, without ``name`` and ``id``.
        organisation: registry id of the service, the same as ``dataset["owner_org"]``.
        log: decisions of the rules, in order.
        problems: problems to report to the owner of the source.
        unread: content of the record that has no place in the schema.
        members: identifiers of the datasets that a series (*lot*) names as its members.
    """

    dataset: Dataset
    organisation: str | None = None
    log: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    members: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """The working state shared by the rules; `log`, `problems`, `unread` and `members` as in
    `Result`.

    Attributes:
        record: the record as read, which no rule changes.
        context: the properties of its source.
        dataset: the dataset being built.
        boxes: usable boxes, for the rules that need them.
        organisation_found: whether the service was recognised, and not only assumed.
        rule: name of the rule that runs, for the log.
    """

    record: Record
    context: Context
    dataset: Dataset
    log: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    organisation_found: bool = False
    rule: str = ""
    _reported: set[tuple[str, ...]] = field(default_factory=set)
    """Codes and parameters of the problems: a set, since a record may have thousands."""

    @classmethod
    def of(cls, record: Record, context: Context) -> Draft:
        """Create a draft with the fields that are copied unchanged; empty ones are left out."""
        copied = {name: getattr(record, attribute) for attribute, name in _COPIED}
        return cls(record, context, without_empty(copied), unread=list(record.unread))

    def set(self, field_name: str, value: Any, before: Any = None) -> None:
        """Set a field; if ``before`` is given and differs, log the decision."""
        self.dataset[field_name] = value
        if before is not None and before != value:
            self.change(field_name, before, value)

    def change(self, field_name: str, before: Any, after: Any) -> None:
        """Log a decision of the current rule."""
        self.log.append(Change(self.rule, field_name, _logged(before), _logged(after)))

    def problem(self, code: str, **params: Any) -> None:
        """Report a problem, once per record and set of parameters."""
        problem = Problem(code, {name: _text(value) for name, value in params.items()})
        key = (code, *problem.params, *problem.params.values())
        if key not in self._reported:
            self._reported.add(key)
            self.problems.append(problem)

    def first(self, element: str, items: list[Element], limit: int) -> list[Element]:
        """Return the first of some elements; report if there are more than the limit."""
        if len(items) > limit:
            self.too_many(element, len(items), limit)
        return items[:limit]

    def with_room(self, path: str, items: list[Element], limit: int) -> list[Element]:
        """Return the first of some values; note those beyond the limit."""
        if len(items) > limit:
            self.lost(path, items[limit:])
        return items[:limit]

    def too_many(self, element: str, count: int, limit: int) -> None:
        """Report that only the first of some elements were kept."""
        self.problem("too-many", element=element, count=count, limit=limit)

    def lost(self, path: str, value: Any) -> None:
        """Note a value that was read and has no field of its own."""
        self.unread.append(f"{path}: {_text(value, MAX_NOTED)}")


# --- values of the log ---


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _logged(value: Any) -> str | Reason:
    """Return a side of a decision: a reason as it is, else a text of bounded length."""
    if isinstance(value, Reason):
        return value
    return _text(value)


def _bounded(value: Any) -> Any:
    """Return a parameter of a sentence as text, or as a list of texts, of bounded length."""
    if isinstance(value, list):
        return [_text(item) for item in value[:MAX_ITEMS]]
    return _text(value)


def _text(value: Any, limit: int = MAX_LOGGED) -> str:
    """Return a value as text of bounded length, a list with "; " between its items."""
    if isinstance(value, (list, tuple)):
        items = [str(item) for item in value[:MAX_ITEMS]]
        if len(value) > MAX_ITEMS:
            items.append(f"… ({len(value)})")
        value = "; ".join(items)
    text = without_credentials(str(value))
    if len(text) > limit:
        return text[: limit - 1] + "…"
    return text


# --- datasets and their values ---

_EMPTY = (None, "", [], {})


def without_empty(dataset: Dataset) -> Dataset:
    """Remove empty values from a dataset and its nested parts.

    A harvested dataset states only what the source states: an empty value would overwrite a default
    of the schema.
    """
    pruned = {name: _pruned(value) for name, value in dataset.items()}
    return {name: value for name, value in pruned.items() if value not in _EMPTY}


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return without_empty(value)
    if isinstance(value, list):
        return [item for item in map(_pruned, value) if item not in _EMPTY]
    return value


def distinct(items: Iterable[Item]) -> list[Item]:
    """Return each item once, in order."""
    return list(dict.fromkeys(items))


def strings_in(value: Any) -> Iterator[str]:
    """Yield the values in a dataset, or a part of one, as texts."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from strings_in(item)
    elif value is not None:
        yield str(value)


# --- tables of the rules ---
#
# Tables of ``data/``, loaded once, and functions to look up and compare texts.

DATA = Path(__file__).with_name("data")
SEPARATOR = "|"
MAX_KEYWORDS = 5_000
"""Maximum keywords of a record that rules read; more are reported by the rule of the tags."""
MAX_PLACEHOLDER, MAX_UNFILLED = 60, 300
_ELEMENT = re.compile(r"<([a-z]{2,10})>")


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of ``data/<name>.csv``; lines that start with ``#`` are notes."""
    return tuple(tables.rows(DATA / f"{name}.csv"))


@cache
def patterns(name: str, *columns: str) -> tuple[tuple[Any, ...], ...]:
    """Return the pattern of each row of a table, and its cells in some columns.

    In a pattern, each ``<name>`` is written out as in `pattern-elements.csv`.
    """
    pieces = {row["element"]: row["pattern"] for row in rows("pattern-elements")}
    lines = []
    for row in rows(name):
        pattern = _ELEMENT.sub(lambda match: f"(?:{pieces[match.group(1)]})", row["pattern"])
        lines.append((re.compile(pattern), *map(row.__getitem__, columns)))
    return tuple(lines)


def parts(value: str) -> list[str]:
    """Split a cell with several values."""
    return [part for part in value.split(SEPARATOR) if part]


@cache
def by_label(name: str, key: str, labels: str) -> dict[str, str]:
    """Return normalised label → key, for a table whose column ``labels`` lists several labels."""
    keys: dict[str, str] = {}
    for row in rows(name):
        for label in parts(row[labels]):
            keys.setdefault(normalise(label), row[key])
    return keys


@cache
def words(name: str, column: str = "word") -> frozenset[str]:
    """Return the words of a table, one in each row."""
    return frozenset(row[column] for row in rows(name))


@cache
def _unfilled() -> re.Pattern[str]:
    """Return the pattern of unfilled templates: ``${title}``, ``-- Titre de la spécification``."""
    return re.compile("|".join(f"(?:{row['pattern']})" for row in rows("placeholder-patterns")))


def is_placeholder(text: str | None) -> bool:
    """Tell whether a text is empty or a placeholder."""
    if not text:
        return True
    if len(text) > MAX_UNFILLED:
        return False
    if _unfilled().fullmatch(text.strip().casefold()):
        return True
    if len(text) > MAX_PLACEHOLDER:
        return False
    bare = plain(text)
    return not bare or bare in words("placeholders", "text")
