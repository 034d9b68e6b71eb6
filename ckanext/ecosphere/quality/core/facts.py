"""Facts about a dataset on which all three views of quality are based.

`gather` reads a dataset dict of any shape once; criteria, MQA and INSPIRE checklist use only its result. Facts are
small (counts and flags, no texts), so that they are stored in a row and can be scored again without the dataset.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from ckanext.ecosphere import vocabularies
from ckanext.ecosphere.quality.core import words
from ckanext.ecosphere.quality.core.distributions import Distributions, gather_distributions, is_public_address
from ckanext.ecosphere.quality.storage.reading import Record, fold, parse_date, parse_date_end
from ckanext.ecosphere.vocabularies.freshness import code, due_date

FACTS_VERSION = 3

NO_LICENCE = ("", "notspecified")
ENDED = ("DISCONT", "DEPRECATED", "WITHDRAWN")
COMPLETED = "COMPLETED"
NO_LIMIT = "noLimitations"
OPEN_ACCESS = "PUBLIC"
ADDRESSES = ("url", "access_url", "download_url")
TUPLES = ("theme_ids", "territory_ids", "series", "known_as")
REFERENCES = ("name", "id", "metadata_identifier", "identifier", "uri")


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
        lineage_words: distinct words of the lineage that inform (see `words.informing`) and are not those of the title;
            0 if the lineage repeats the description.
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
        """Return whether the resource can be accessed: by files, or in the way specific to its kind."""
        ways = {Kind.SERVICE: self.endpoint, Kind.CODE: self.repository, Kind.SERIES: self.members}
        return bool(self.distributions.data or ways.get(self.kind))

    @property
    def geographic(self) -> bool:
        """Return whether scale and reference system make sense.

        Assumed for data, unless everything indicates plain tables.
        """
        if self.kind in (Kind.SERVICE, Kind.CODE) or self.representation in ("textTable", "video"):
            return False
        signs = self.resolution or self.reference_systems or self.inspire_themes
        return bool(signs) or not self.distributions.only_plain

    @property
    def has_period(self) -> bool:
        """Return whether a temporal coverage makes sense."""
        return self.kind not in (Kind.SERVICE, Kind.CODE)

    @property
    def dated(self) -> bool:
        """Return whether any date of the data is known."""
        return bool(self.last_change)

    @property
    def finished(self) -> bool:
        """Return whether the producer states that the data will not be updated any more.

        A completed edition of data with an announced frequency, say annual, is not finished: the next edition is
        expected.
        """
        return self.status.startswith(ENDED) or (self.status.startswith(COMPLETED) and not self.due)

    @property
    def last_change(self) -> str:
        """Return the date of the last change of the data, "" if no date is known."""
        return max(self.created, self.issued, self.modified)

    def as_dict(self) -> dict[str, Any]:
        """Return the facts for storage, without those with default values."""
        kept = {name: value for name, value in vars(self).items() if value and name != "distributions"}
        distributions = {
            name: value
            for name, value in vars(self.distributions).items()
            if value or (name == "dcat_ap" and value is False)
        }
        return {**kept, "distributions": distributions, "version": FACTS_VERSION}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Facts:
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
        dcat_ap: whether the dataset's RDF conforms to the SHACL shapes; None if not validated yet.
    """

    links: Mapping[str, bool] = field(default_factory=dict)
    dcat_ap: bool | None = None


def gather(data: Mapping[str, Any], checks: Checks | None = None, members: int = 0) -> Facts:
    """Gather the facts of the dataset `data`.

    Args:
        data: a dataset dict of any shape: shown, validated for saving, posted by the form, loaded from the database.
        checks: results of the background jobs for this dataset.
        members: number of members of a series (see `series.py`, which also adds values inherited by a member).
    """
    record = Record(data)
    resources = record.resources()
    checks = checks or Checks()
    return Facts(
        **_finding(record), **_understanding(record), **_reusing(record), **_people(record), **_time(record),
        **_ways(record), members=members,
        dcat_ap_gaps=_dcat_ap_gaps(record, resources),
        distributions=gather_distributions(
            resources, checks.links, checks.dcat_ap, own_addresses(record), record.text("title")
        ),
    )  # fmt: skip


def _dcat_ap_gaps(record: Record, resources: Sequence[Record]) -> int:
    """Count the mandatory DCAT-AP 3 properties that are certainly missing: title, description, access URLs.

    Zero is not a verdict: only SHACL validation of the RDF determines compliance.
    """
    mandatory = sum(not str(record.values.get(name) or "").strip() for name in ("title", "notes"))
    return mandatory + sum(not any(each.values.get(name) for name in ADDRESSES) for each in resources)


def kind_of(record: Record) -> Kind:
    """Return the kind of resource described; dataset if it does not say."""
    return KINDS.get(_resource_type(record), Kind.DATASET)


def _resource_type(record: Record) -> str:
    return record.text("dcat_type").rsplit("/", 1)[-1]


def references(record: Record) -> tuple[str, ...]:
    """Return all identifiers by which datasets may refer to the series `record`; empty if it is not a series."""
    if kind_of(record) is not Kind.SERIES:
        return ()
    return tuple(dict.fromkeys(filter(None, map(record.text, REFERENCES))))


def own_addresses(record: Record) -> tuple[str, ...]:
    """Return the URLs of a service or code itself, beside its resources, that can be checked.

    A service's endpoint expects parameters, so the URL of its description is checked instead.
    """
    names = {Kind.SERVICE: "endpoint_description", Kind.CODE: "code_repository"}
    address = record.text(names.get(kind_of(record), ""))
    return (address,) if is_public_address(address) else ()


def _ways(record: Record) -> dict[str, Any]:
    """Return the kind-specific ways of access, and the references between a series and its members."""
    kind = kind_of(record)
    return {
        "endpoint": kind is Kind.SERVICE and any(map(is_public_address, record.many("endpoint_url"))),
        "repository": kind is Kind.CODE and is_public_address(record.text("code_repository")),
        "series": record.many("in_series"),
        "known_as": references(record),
    }


def _finding(record: Record) -> dict[str, Any]:
    title, notes = record.text("title"), record.text("notes")
    coverages = record.rows("spatial_coverage")
    spatial = record.values.get("spatial")
    identifiers = [i for i in (record.text("identifier"), *record.many("alternate_identifier")) if i]
    periods = record.rows("temporal_coverage")
    themes, territories = record.many("theme"), record.many("territory")
    starts = [d for d in (parse_date(p.get("start")) for p in periods) if d]
    ends = [d for d in (parse_date_end(p.get("end")) for p in periods) if d]
    return {
        "title": len(title),
        "description": 0 if len(notes) <= len(title) + 10 and fold(notes) == fold(title) else len(notes),
        "keywords": len(record.keywords()),
        "themes": len(themes),
        "theme_ids": _ids("themes", themes),
        "territory_ids": _ids("territories", territories),
        "inspire_themes": len(record.many("inspire_theme")),
        "eu_themes": len(record.many("eu_theme")),
        "topics": len(record.many("topic_category")),
        "territories": len(territories),
        "extent": bool(spatial) or any(c.get("bbox") or c.get("geom") for c in coverages),
        "place": any(c.get("uri") or c.get("text") for c in coverages),
        "periods": min(len(periods), max(len(starts), len(ends))),
        "start": min(starts).isoformat() if starts else "",
        "end": max(ends).isoformat() if ends else "",
        "identifier": bool(identifiers),
        "identifier_uri": any("://" in i for i in identifiers),
        "metadata_identifier": bool(record.text("metadata_identifier")),
        "resource_type": _resource_type(record),
        "landing_page": record.text("url").startswith(("http://", "https://")),
        "harvested": bool(record.text("source_record") or record.text("source_catalogue")),
    }


def _ids(vocabulary: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ids of the concepts named in `values` and of their ancestors; unknown values are ignored."""
    return tuple(dict.fromkeys(found for value in values for found in _line(vocabulary, value)))


@vocabularies.derived
@functools.lru_cache(maxsize=4096)
def _line(vocabulary: str, value: str) -> tuple[str, ...]:
    known = vocabularies.get(vocabulary)
    concept = known.get(value)
    return (concept.id, *(above.id for above in known.ancestors(concept.uri))) if concept else ()


def _understanding(record: Record) -> dict[str, Any]:
    conformity = record.rows("conformity")
    return {
        "lineage": len(record.text("provenance")),
        "lineage_words": _lineage_words(record),
        "resolution": bool(record.text("scale_denominator") or record.text("spatial_resolution_in_meters")),
        "reference_systems": len(record.many("reference_system")),
        "representation": record.text("spatial_representation").rsplit("/", 1)[-1],
        "specifications": len(record.many("conforms_to")),
        "documents": len(record.many("documentation")) + len(record.many("is_referenced_by")),
        "conformities": len(conformity),
        "conformities_with_degree": sum(bool(c.get("degree")) for c in conformity),
        "languages": len(record.many("language")),
        "metadata_date": parse_date(record.text("metadata_date")) is not None,
    }


def _lineage_words(record: Record) -> int:
    lineage = record.text("provenance")
    number = len(words.informing(lineage) - words.informing(record.text("title")))
    if number and fold(lineage) in fold(record.text("notes")):
        return 0
    return number


def _reusing(record: Record) -> dict[str, Any]:
    licence = record.text("license_id")
    if licence in NO_LICENCE:
        licence = next((each.text("license") for each in record.resources() if each.text("license")), "")
    rights = record.text("access_rights").rsplit("/", 1)[-1]
    limits = record.many("access_limitation")
    known = vocabularies.get("licences").get(licence) if licence else None
    return {
        "licence": bool(licence),
        "licence_listed": known is not None and known.uri.startswith("http"),
        "licence_open": known is not None and known.data["open"],
        "use_conditions": len(record.text("use_conditions")),
        "access_conditions": len(record.text("access_conditions")),
        "access_rights": rights,
        "access_rights_listed": bool(rights)
        and vocabularies.get("access-right").get(record.text("access_rights")) is not None,
        "access_limits": len(limits),
        "access_open": rights in ("", OPEN_ACCESS) and all(limit.endswith(NO_LIMIT) for limit in limits),
    }


def _people(record: Record) -> dict[str, Any]:
    contacts, publishers, creators = (record.rows(name) for name in ("contact", "publisher", "creator"))
    return {
        "contacts": len(contacts),
        "contact_reachable": any(c.get("email") or c.get("url") for c in contacts)
        or bool(record.text("maintainer_email") or record.text("author_email")),
        "contact_named": any(c.get("name") for c in contacts)
        or bool(record.text("maintainer") or record.text("author")),
        "publisher": bool(publishers),
        "producer": bool(creators) or bool(publishers),
        "organisation": bool(record.text("owner_org")),
        "roles": len(contacts) + len(publishers) + len(creators) + len(record.rows("qualified_attribution")),
    }


def _time(record: Record) -> dict[str, Any]:
    created, issued, modified = (parse_date(record.text(name)) for name in ("created", "issued", "modified"))
    frequency = code(record.text("frequency"))
    due = due_date(
        frequency,
        max(filter(None, (created, issued, modified)), default=None),
        parse_date(record.text("next_update")),
    )
    return {
        "created": _iso(created),
        "issued": _iso(issued),
        "modified": _iso(modified),
        "frequency": frequency,
        "status": record.text("status").rsplit("/", 1)[-1].upper(),
        "due": _iso(due),
    }


def _iso(value: date | None) -> str:
    return value.isoformat() if value else ""
