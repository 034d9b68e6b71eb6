"""Working state that the rules share: the record as read, the dataset being built, and the log of changes.

A draft starts with the fields that need no interpretation; rules write the others on top of them. Field names are those
of the dataset schema (ckanext-dcat's names where they exist).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ckanext.ecosphere.harvest.problems import Problem
from ckanext.ecosphere.harvest.record import Record

Dataset = dict[str, Any]

PLAIN: tuple[tuple[str, str], ...] = (
    ("title", "title"),
    ("abstract", "notes"),
    ("edition", "version"),
    ("file_identifier", "metadata_identifier"),
)
"""Record attribute → dataset field, copied as it is."""
MAX_LOGGED = 500
"""Length of a value kept in the log, in characters."""
MAX_TOLD = 4_000
"""Length of a text without a place that is told, in characters."""


@dataclass(slots=True, frozen=True)
class Context:
    """What a source tells about all of its records.

    Attributes:
        default_organisation: registry id of the service that the source belongs to. It takes
            the records whose organisation is not recognised.
        fallback_organisation: registry id used when there is no such service either.
        catalogue_title: name of the harvested catalogue.
        record_url: address of an original record, ``{id}`` standing for its identifier.
        organisations: when given, registry ids that exist in the portal; others are not used.
        only_organisation: registry id of the one service that the source publishes for, if it is one.
        free_tags: whether tags may hold apostrophes and slashes (with the dataset schema of this
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
class Change:
    """One decision of a rule: which field, from what, to what. Values are plain text."""

    rule: str
    field: str
    before: str
    after: str

    def as_dict(self) -> dict[str, str]:
        """The decision as it is kept: `dataclasses.asdict` copies each value, at five times the cost."""
        return {"rule": self.rule, "field": self.field, "before": self.before, "after": self.after}


@dataclass(slots=True)
class Result:
    """A dataset ready to be validated and saved, with the log of how it came to be.

    Attributes:
        dataset: dict in the shape of ``package_create``, without ``name`` and ``id``.
        organisation: registry id of the service, the same as ``dataset["owner_org"]``.
        log: what the rules decided, in order.
        problems: what is worth reporting to the source's owner.
        unread: what the record says and the schema has no place for.
        members: identifiers of the datasets that a series (*lot*) says it holds.
    """

    dataset: Dataset
    organisation: str | None = None
    log: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    members: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """The working copy that rules share.

    Attributes:
        boxes: usable boxes (west, south, east, north in degrees), for the rules that need them.
        organisation_found: whether the service was recognised, and not only assumed.
    """

    record: Record
    context: Context
    dataset: Dataset
    log: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    organisation_found: bool = False
    rule: str = ""
    _reported: set[tuple[str, ...]] = field(default_factory=set)

    @classmethod
    def of(cls, record: Record, context: Context) -> Draft:
        """Start from the fields of a record that go over unchanged; empty ones are left out."""
        plain = {target: value for source, target in PLAIN if (value := getattr(record, source))}
        return cls(record, context, plain, unread=list(record.unread))

    def set(self, field_name: str, value: Any, before: Any = None) -> None:
        """Write a field; when ``before`` is given and says something else, log the decision."""
        self.dataset[field_name] = value
        if before is not None and before != value:
            self.change(field_name, before, value)

    def change(self, field_name: str, before: Any, after: Any) -> None:
        """Log a decision of the current rule."""
        self.log.append(Change(self.rule, field_name, _logged(before), _logged(after)))

    def problem(self, code: str, **params: Any) -> None:
        """Report something, once per record and set of parameters."""
        found = Problem(code, {key: _logged(value) for key, value in params.items()})
        # A record may have thousands of them: each is not compared with all.
        key = (code, *(text for pair in found.params.items() for text in pair))
        if key not in self._reported:
            self._reported.add(key)
            self.problems.append(found)

    def too_many(self, element: str, count: int, limit: int) -> None:
        """Report that of some elements only the first were kept."""
        self.problem("too-many", element=element, count=count, limit=limit)

    def lost(self, what: str, value: Any) -> None:
        """Note something that was read and has no field of its own."""
        self.unread.append(f"{what}: {_logged(value, MAX_TOLD)}")


def _logged(value: Any, limit: int = MAX_LOGGED) -> str:
    if isinstance(value, (list, tuple)):
        value = "; ".join(str(item) for item in value[:50])
    text = str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def without_empty(dataset: Dataset) -> Dataset:
    """Drop empty values, in the dataset and in its repeated parts.

    A harvested dataset states only what the source states: an empty value would overwrite a
    default of the schema.
    """
    return {key: pruned for key, value in dataset.items() if (pruned := _pruned(value)) not in (None, "", [], {})}


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return without_empty(value)
    if isinstance(value, list):
        return [pruned for item in value if (pruned := _pruned(item)) not in (None, "", [], {})]
    return value
