"""Facts about a dataset on which all three views of quality are based.

`gather` reads a dataset dict of any shape once; criteria, MQA and INSPIRE checklist use only its
result. Facts are small (counts and flags, no texts), so that they are stored in a row and can be
scored again without the dataset.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from ckanext.ecosphere import vocabularies
from ckanext.ecosphere.dataset import fields as table
from ckanext.ecosphere.dataset.dates import days_of, due_date, frequency_code
from ckanext.ecosphere.dataset.view import Row, Values
from ckanext.ecosphere.quality.core.distributions import (
    Distributions,
    Record,
    fold,
    gather_distributions,
    informing,
    is_public_address,
)

FACTS_VERSION = 3

NO_LICENCE = ("", "notspecified")
ENDED = ("DISCONT", "DEPRECATED", "WITHDRAWN")
COMPLETED = "COMPLETED"
NO_LIMIT = "noLimitations"
OPEN_ACCESS = "PUBLIC"
ADDRESSES = ("url", "access_url", "download_url")
TUPLES = ("theme_ids", "territory_ids", "series", "known_as")


class Kind(str, enum.Enum):
    """Kind of resource, which determines the applicable criteria."""

    DATASET = "dataset"
    SERIES = "series"
    SERVICE = "service"
    CODE = "code"


#: Last segment of a resource type's URI → kind.
KINDS = {"SoftwareSourceCode": Kind.CODE} | {kind.value: kind for kind in Kind}


@dataclass(frozen=True)
class Facts:
    """Facts about a dataset. Lengths are in characters, counts in items, dates in ISO 8601.

    Attributes:
        lineage_words: distinct words of the lineage that inform (see `distributions.informing`) and
            are not those of the title; 0 if the lineage repeats the description.
    """

    title: int = 0
    description: int = 0
    keywords: int = 0
    themes: int = 0
    inspire_themes: int = 0
    eu_themes: int = 0
    topics: int = 0
    territories: int = 0
    extent: bool = False
    place: bool = False
    periods: int = 0
    start: str = ""
    end: str = ""
    lineage: int = 0
    lineage_words: int = 0
    resolution: bool = False
    reference_systems: int = 0
    representation: str = ""
    specifications: int = 0
    documents: int = 0
    conformities: int = 0
    conformities_with_degree: int = 0
    licence: bool = False
    licence_listed: bool = False
    licence_open: bool = False
    use_conditions: int = 0
    access_conditions: int = 0
    access_rights: str = ""
    access_rights_listed: bool = False
    access_limits: int = 0
    access_open: bool = False
    contacts: int = 0
    contact_reachable: bool = False
    contact_named: bool = False
    publisher: bool = False
    producer: bool = False
    organisation: bool = False
    roles: int = 0
    identifier: bool = False
    identifier_uri: bool = False
    metadata_identifier: bool = False
    metadata_date: bool = False
    languages: int = 0
    resource_type: str = ""
    landing_page: bool = False
    frequency: str = ""
    status: str = ""
    created: str = ""
    issued: str = ""
    modified: str = ""
    due: str = ""
    harvested: bool = False
    endpoint: bool = False
    repository: bool = False
    members: int = 0
    dcat_ap_gaps: int = 0
    series: tuple[str, ...] = ()
    known_as: tuple[str, ...] = ()
    theme_ids: tuple[str, ...] = ()
    territory_ids: tuple[str, ...] = ()
    distributions: Distributions = field(default_factory=Distributions)

    @functools.cached_property
    def kind(self) -> Kind:
        """Return the kind of resource; dataset if the record does not say."""
        return KINDS.get(self.resource_type, Kind.DATASET)

    @property
    def accessible(self) -> bool:
        """Return whether the resource can be accessed: by files,
        or in the way specific to its kind.
        """
        ways = {Kind.SERVICE: self.endpoint, Kind.CODE: self.repository, Kind.SERIES: self.members}
        return bool(self.distributions.data or ways.get(self.kind))

    @property
    def geographic(self) -> bool:
        """Return whether scale and reference system make sense.

        Assumed for data, unless everything indicates plain tables.
        """
        if not self.holds_data or self.representation in ("textTable", "video"):
            return False
        signs = self.resolution or self.reference_systems or self.inspire_themes
        return bool(signs) or not self.distributions.only_plain

    @property
    def holds_data(self) -> bool:
        """Return whether it is about data, for which a period and updates make sense."""
        return self.kind not in (Kind.SERVICE, Kind.CODE)

    @property
    def has_record_date(self) -> bool:
        """Return whether the date of the record is known: the portal stores it,
        a harvested record must state it.
        """
        return self.metadata_date or not self.harvested

    @property
    def dated(self) -> bool:
        """Return whether any date of the data is known."""
        return bool(self.last_change)

    @property
    def finished(self) -> bool:
        """Return whether the producer states that the data will not be updated any more.

        A completed edition of data with an announced frequency, say annual, is not finished: the
        next edition is expected.
        """
        return self.status.startswith(ENDED) or (self.status.startswith(COMPLETED) and not self.due)

    @property
    def last_change(self) -> str:
        """Return the date of the last change of the data, "" if no date is known."""
        return max(self.created, self.issued, self.modified)

    def as_dict(self) -> Values:
        """Return the facts for storage, without those with default values."""
        facts = {name: value for name, value in vars(self).items() if value}
        counts = {name: value for name, value in vars(self.distributions).items() if value}
        return {**facts, "distributions": counts, "version": FACTS_VERSION}

    @classmethod
    def from_dict(cls, data: Row) -> Facts:
        """Return stored facts; unknown names (of another version) are ignored."""
        names = {f.name for f in fields(cls)} - {"distributions"}
        values = {name: value for name, value in data.items() if name in names}
        values |= {name: tuple(values.get(name, ())) for name in TUPLES}
        return cls(**values, distributions=Distributions.from_dict(data.get("distributions") or {}))


@dataclass(frozen=True)
class Checks:
    """Results of background jobs that count as facts; nothing is checked while saving.

    Attributes:
        links: URL → True (answers) or False (failed twice); a missing URL has not been checked yet.
    """

    links: Mapping[str, bool] = field(default_factory=dict)


def gather(data: Row, checks: Checks | None = None, members: int = 0) -> Facts:
    """Gather the facts of the dataset `data`.

    Args:
        data: a dataset dict of any shape: shown, validated for saving, posted by the form, loaded
            from the database.
        checks: results of the background jobs for this dataset.
        members: number of members of a series (see `store.facts_of`, which also adds values
            inherited by a member).
    """
    record = Record(data)
    checks = checks or Checks()
    by_table = _of_table(record)
    distributions = gather_distributions(
        record.resources, checks.links, own_addresses(record), record.title
    )
    return Facts(
        **_finding(record),
        **_place_and_period(record),
        **_understanding(record),
        **_reusing(record),
        **_people(record),
        **_time(record),
        **by_table,
        members=members,
        dcat_ap_gaps=_dcat_ap_gaps(record),
        distributions=distributions,
    )


def _dcat_ap_gaps(record: Record) -> int:
    """Count the mandatory DCAT-AP 3 properties that are missing: title, description, access URLs.

    What else the shapes of DCAT-AP require, the RDF profile writes for every dataset.
    """
    gaps = 0
    for name in ("title", "notes"):
        gaps += not str(record.values.get(name) or "").strip()
    for resource in record.resources:
        gaps += not any(resource.values.get(name) for name in ADDRESSES)
    return gaps


def kind_of(record: Record) -> Kind:
    """Return the kind of resource described; dataset if it does not say."""
    return KINDS.get(record.kind, Kind.DATASET)


def references(record: Record) -> tuple[str, ...]:
    """Return all identifiers by which datasets may refer to the series `record`.

    Empty if it is not a series.
    """
    if kind_of(record) is not Kind.SERIES:
        return ()
    return tuple(dict.fromkeys(filter(None, map(record.text, table.references()))))


def own_addresses(record: Record) -> tuple[str, ...]:
    """Return the URLs of a service or code itself, beside its resources, that can be checked.

    A service's endpoint expects parameters, so the URL of its description is checked instead.
    """
    own = [f.name for f in table.having("link_of") if f.entry["link_of"] == kind_of(record).value]
    return tuple(filter(is_public_address, map(record.text, own)))


# --- facts of single fields, as the table of fields says (``fact``) ------------------------------


MEASURES: dict[str, Callable[[Record, str], Any]] = {
    "count": lambda record, name: len(record.many(name)),
    "rows": lambda record, name: len(record.rows(name)),
    "length": lambda record, name: len(record.text(name)),
    "given": lambda record, name: bool(record.many(name)),
    "filled": lambda record, name: bool(record.rows(name)),
    "dated": lambda record, name: days_of(record.text(name)) is not None,
    "uri": lambda record, name: any("://" in value for value in record.many(name)),
    "address": lambda record, name: any(map(is_public_address, record.many(name))),
    "code": lambda record, name: record.text(name).rsplit("/", 1)[-1],
}
"""Measure → function of a dataset and the name of a field."""


def _of_table(record: Record) -> Values:
    facts: Values = {}
    for field_ in table.having("fact"):
        for name, measure in field_.entry["fact"].items():
            value = MEASURES[measure](record, field_.name)
            if isinstance(value, bool):
                facts[name] = facts.get(name, False) or value
            else:
                facts[name] = facts.get(name, type(value)()) + value
    return facts


# --- facts of several fields ---------------------------------------------------------------------


def _finding(record: Record) -> Values:
    return {
        "title": len(record.title),
        "description": _description_length(record),
        "keywords": len(record.keywords),
        "themes": len(record.themes),
        "theme_ids": _ids("themes", record.themes),
        "resource_type": record.kind,
        "landing_page": record.text("url").startswith(("http://", "https://")),
        "series": record.series,
        "known_as": references(record),
    }


def _description_length(record: Record) -> int:
    """Return the length of the description, 0 if it only repeats the title."""
    title, notes = record.title, record.text("notes")
    if len(notes) <= len(title) + 10 and fold(notes) == fold(title):
        return 0
    return len(notes)


def _place_and_period(record: Record) -> Values:
    coverages = record.rows("spatial_coverage")
    periods = record.rows("temporal_coverage")
    starts = _days(row.get("start") for row in periods)
    ends = _days(row.get("end") for row in periods)
    return {
        "territories": len(record.territories),
        "territory_ids": _ids("territories", record.territories),
        "extent": bool(record.values.get("spatial"))
        or any(row.get("bbox") or row.get("geom") for row in coverages),
        "place": any(row.get("uri") or row.get("text") for row in coverages),
        "periods": min(len(periods), max(len(starts), len(ends))),
        "start": _iso(min((first for first, _last in starts), default=None)),
        "end": _iso(max((last for _first, last in ends), default=None)),
    }


def _days(texts: Iterable[Any]) -> list[tuple[date, date]]:
    return [days for days in map(days_of, texts) if days]


def _ids(vocabulary: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ids of the concepts named in `values` and of their ancestors.

    Unknown values are ignored.
    """
    ids: dict[str, None] = {}
    for value in values:
        ids |= dict.fromkeys(_with_ancestors(vocabulary, value))
    return tuple(ids)


@vocabularies.derived
@functools.lru_cache(maxsize=4096)
def _with_ancestors(name: str, value: str) -> tuple[str, ...]:
    vocabulary = vocabularies.get(name)
    concept = vocabulary.get(value)
    if concept is None:
        return ()
    return (concept.id, *(above.id for above in vocabulary.ancestors(concept.uri)))


def _understanding(record: Record) -> Values:
    conformity = record.rows("conformity")
    return {
        "lineage_words": _lineage_words(record),
        "conformities": len(conformity),
        "conformities_with_degree": sum(bool(row.get("degree")) for row in conformity),
    }


def _lineage_words(record: Record) -> int:
    lineage = record.text("provenance")
    number = len(informing(lineage) - informing(record.title))
    if number and fold(lineage) in fold(record.text("notes")):
        return 0
    return number


def _reusing(record: Record) -> Values:
    licence = record.licence
    if licence in NO_LICENCE:
        of_resources = (resource.text("license") for resource in record.resources)
        licence = next(filter(None, of_resources), "")
    concept = vocabularies.get("licences").get(licence) if licence else None
    rights = record.access_right
    is_listed = vocabularies.get("access-right").get(record.text("access_rights")) is not None
    limits = record.many("access_limitation")
    return {
        "licence": bool(licence),
        "licence_listed": concept is not None and concept.uri.startswith("http"),
        "licence_open": concept is not None and concept.data["open"],
        "access_rights": rights,
        "access_rights_listed": bool(rights) and is_listed,
        "access_open": rights in ("", OPEN_ACCESS)
        and all(limit.endswith(NO_LIMIT) for limit in limits),
    }


def _people(record: Record) -> Values:
    contacts = record.rows("contact")
    reachable = any(row.get("email") or row.get("url") for row in contacts)
    has_name = any(row.get("name") for row in contacts)
    return {
        "contact_reachable": reachable
        or bool(record.text("maintainer_email") or record.text("author_email")),
        "contact_named": has_name or bool(record.text("maintainer") or record.text("author")),
    }


def _time(record: Record) -> Values:
    created, issued, modified = (
        _first_day(record, name) for name in ("created", "issued", "modified")
    )
    frequency = frequency_code(record.text("frequency"))
    last = max(filter(None, (created, issued, modified)), default=None)
    return {
        "created": _iso(created),
        "issued": _iso(issued),
        "modified": _iso(modified),
        "frequency": frequency,
        "status": record.text("status").rsplit("/", 1)[-1].upper(),
        "due": _iso(due_date(frequency, last, _first_day(record, "next_update"))),
    }


def _first_day(record: Record, name: str) -> date | None:
    days = days_of(record.text(name))
    if days is None:
        return None
    return days[0]


def _iso(day: date | None) -> str:
    if day is None:
        return ""
    return day.isoformat()
