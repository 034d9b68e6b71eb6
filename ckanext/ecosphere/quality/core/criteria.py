"""The criteria of the badge (view A), as a table.

Each criterion is a check that returns a state. Points, levels and their conditions are
configuration (`data/model.yaml`).
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ckanext.ecosphere.dataset import fields as table
from ckanext.ecosphere.dataset.dates import is_stated
from ckanext.ecosphere.quality.core.facts import Facts, Kind
from ckanext.ecosphere.shared.language import N_

SHORT_DESCRIPTION = 100  # characters: data.gouv.fr's threshold
LONG_DESCRIPTION = 200  # characters: that of the ministry's dashboard
ENOUGH_LINEAGE = 4  # informing words: fewer name a source or a process, not both
ENOUGH_KEYWORDS = 3
#: For data without an announced frequency, such as plans, inventories, zonings.
RECENT = timedelta(days=5 * 365 + 1)
NEVER = ("NEVER", "NOT_PLANNED")


class State(str, enum.Enum):
    """Result of a criterion.

    `NA` if it does not apply to the kind of dataset or by the producer's statement; `UNKNOWN` if no
    background job has checked it yet. Neither counts. `MISSING` if there is nothing to check since
    the dataset lacks the value: it counts as a failure, and the advice is that of the criterion
    that requires the value.
    """

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    MISSING = "missing"
    NA = "na"
    UNKNOWN = "unknown"


Check = Callable[[Facts, date], State]
Question = Callable[[Facts], object]
"""Whether something holds for a dataset, by the truth of its answer."""


def when(condition: bool) -> State:
    """Return pass or fail."""
    if condition:
        return State.PASS
    return State.FAIL


def has(question: Question) -> Check:
    """Return a check that passes if `question` is truthy."""
    return lambda facts, _today: when(bool(question(facts)))


def applies(condition: Question, question: Question) -> Check:
    """Return a check of `question` that does not apply unless `condition` holds."""

    def check(facts: Facts, _today: date) -> State:
        if not condition(facts):
            return State.NA
        return when(bool(question(facts)))

    return check


def unless(*kinds: Kind) -> Callable[[Question], Check]:
    """Return a factory of checks that do not apply to `kinds`,
    whose form does not show the field.
    """

    def make(question: Question) -> Check:
        return applies(lambda facts: facts.kind not in kinds, question)

    return make


unless_code = unless(Kind.CODE)
unless_service_or_code = unless(Kind.SERVICE, Kind.CODE)


def if_geographic(question: Question) -> Check:
    """Return a check that applies only to data with a geometry."""
    return applies(lambda facts: facts.geographic, question)


def if_data(question: Question) -> Check:
    """Return a check about the files and services of a dataset.

    Services, code and series may have none: their endpoint, repository or members give access. For
    others it is `MISSING`.
    """

    def check(facts: Facts, _today: date) -> State:
        if facts.distributions.data:
            return when(bool(question(facts)))
        return _without_data(facts)

    return check


def _without_data(facts: Facts) -> State:
    if facts.accessible:
        return State.NA
    return State.MISSING


def direct_access(facts: Facts, today: date) -> State:
    """Pass if the data can be downloaded.

    Not applicable to a service, which is called rather than downloaded.
    """
    if facts.kind is Kind.SERVICE:
        return State.NA
    return if_data(lambda f: f.distributions.direct)(facts, today)


def temporal_order(facts: Facts, _today: date) -> State:
    """Pass if the period does not end before it starts.

    Not applicable if half-open, or for kinds without a period.
    """
    if not facts.holds_data:
        return State.NA
    if not (facts.start or facts.end):
        return State.MISSING
    if not (facts.start and facts.end):
        return State.NA
    return when(facts.end >= facts.start)


def links_work(facts: Facts, _today: date) -> State:
    """Pass if every link answers; unknown while some are unchecked and none is broken."""
    counts = facts.distributions
    if counts.links_broken:
        return State.FAIL
    if counts.links_unchecked:
        return State.UNKNOWN
    if counts.links_ok:
        return State.PASS
    return _without_data(facts)


def answers(facts: Facts, _today: date) -> State:
    """Pass unless every link to the data is known to be broken."""
    counts = facts.distributions
    if not facts.accessible:
        return State.MISSING
    return when(not counts.links_broken or counts.links_ok + counts.links_unchecked > 0)


def licence_open(facts: Facts, _today: date) -> State:
    """Pass for a licence of the official list; not applicable to data with restricted access."""
    if not facts.access_open:
        return State.NA
    if not facts.licence:
        return State.MISSING
    return when(facts.licence_open)


def use_conditions(facts: Facts, _today: date) -> State:
    """Pass if conditions are stated.

    Not applicable to code, nor under an open licence, which states them.
    """
    if facts.kind is Kind.CODE or (facts.licence_open and facts.access_open):
        return State.NA
    return when(bool(facts.use_conditions or facts.licence))


def access_rights(facts: Facts, _today: date) -> State:
    """Pass if access is stated as open or restricted.

    Restricted data must state the legal ground.
    """
    if not (facts.access_rights or facts.access_limits or facts.access_conditions):
        return State.FAIL
    return when(facts.access_open or bool(facts.access_limits or facts.access_conditions))


def on_time(facts: Facts, today: date) -> State:
    """Pass until the due date.

    Not applicable if the producer announces none, missing without a frequency or date.
    """
    if facts.finished or not facts.holds_data:
        return State.NA
    if facts.due:
        return when(today.isoformat() <= facts.due)
    if is_stated(facts.frequency) and facts.dated:
        return State.NA
    return State.MISSING


def current(facts: Facts, today: date) -> State:
    """Pass if the announced update is not overdue; without an announced frequency, if the data
    changed recently.

    Not applicable to services and code, nor to data that are never updated according to their
    producer.
    """
    if not facts.holds_data or (facts.frequency in NEVER and facts.dated):
        return State.NA
    if facts.due and not facts.finished:
        return when(today.isoformat() <= facts.due)
    if not facts.dated:
        return State.MISSING
    return when(today <= recent_until(facts))


def kept_up(facts: Facts, today: date) -> State:
    """Fail once two announced updates were missed.

    Not applicable to data for which no update is expected.
    """
    last = kept_up_until(facts)
    if last is None:
        return State.NA
    return when(today <= last)


def kept_up_until(facts: Facts) -> date | None:
    """Return the last day on which no more than one announced update is overdue.

    None if none is expected.
    """
    if facts.finished or not (facts.due and facts.dated and facts.holds_data):
        return None
    due = date.fromisoformat(facts.due)
    period = due - date.fromisoformat(facts.last_change)
    return due + min(period, date.max - due)


def recent_until(facts: Facts) -> date:
    """Return the last day on which dated data without an announced frequency count as recent."""
    last = date.fromisoformat(facts.last_change)
    return last + min(RECENT, date.max - last)


def dates_order(facts: Facts, _today: date) -> State:
    """Pass if the last change is not before creation or release.

    Not applicable to a single date.
    """
    if not facts.dated:
        return State.MISSING
    first = min(filter(None, (facts.created, facts.issued)), default="")
    if not (first and facts.modified):
        return State.NA
    return when(facts.modified >= first)


class Group(str, enum.Enum):
    """Group of criteria, by what they help a reader to do."""

    FIND = "find"
    UNDERSTAND = "understand"
    ACCESS = "access"
    REUSE = "reuse"
    FRESH = "fresh"


GROUP_LABELS = {
    Group.FIND: N_("Find"),
    Group.UNDERSTAND: N_("Understand"),
    Group.ACCESS: N_("Access"),
    Group.REUSE: N_("Reuse"),
    Group.FRESH: N_("Freshness"),
}


@dataclass(frozen=True)
class Remedy:
    """What to do when a criterion fails: one sentence, and the form field to correct.

    Attributes:
        advice: the sentence (source language, translated where shown).
        field: field of the dataset, or of the resource if `on_resource`.
        on_resource: whether the field is one of a resource.
    """

    advice: str
    field: str
    on_resource: bool = False


@dataclass(frozen=True)
class Criterion:
    """A criterion of the badge.

    Attributes:
        id: stable identifier, key of the weights, of stored results and of the documentation.
        label: what is checked, as a short noun phrase (source language, translated where shown).
        advice: what to do if it fails, in one sentence.
        group: the group under which it is shown.
        field: form field to correct, of the dataset, or of the resource if `on_resource`.
        check: the check function.
        on_resource: whether the field is one of a resource.
        remedies: remedies for kinds of resources that use another field.
        at: the element, if it is not that of the field.
    """

    id: str
    label: str
    advice: str
    group: Group
    field: str
    check: Check
    on_resource: bool = False
    remedies: Mapping[Kind, Remedy] = dataclasses.field(default_factory=dict)
    at: str = ""

    @property
    def element(self) -> str:
        """Element of an ISO 19139 record to correct for a harvested dataset
        (XPath under gmd:MD_Metadata).
        """
        scope = table.RESOURCE if self.on_resource else table.DATASET
        return self.at or table.get(self.field, scope).xpath

    def remedy(self, kind: Kind) -> Remedy:
        """Return the remedy for a resource of `kind`."""
        return self.remedies.get(kind) or Remedy(self.advice, self.field, self.on_resource)


IDENTIFICATION = "gmd:identificationInfo/*"
EXTENT = f"{IDENTIFICATION}/gmd:extent/gmd:EX_Extent"
LEGAL = f"{IDENTIFICATION}/gmd:resourceConstraints/gmd:MD_LegalConstraints"
RESOLUTION = f"{IDENTIFICATION}/gmd:spatialResolution/gmd:MD_Resolution"

#: Services, code and series have their own access fields.
WAYS_IN = {
    Kind.SERVICE: Remedy(
        N_("Give the address of the service, which programs can call from the internet."),
        "endpoint_url",
    ),
    Kind.CODE: Remedy(
        N_("Give the address of the repository, where the code can be read and taken."),
        "code_repository",
    ),
    Kind.SERIES: Remedy(
        N_("Add a file, or name this series in the form of each dataset that belongs to it."),
        "url",
        on_resource=True,
    ),
}
_CORRECT_ADDRESS = N_("Correct the address: it no longer answers.")
WAYS_IN_THAT_ANSWER = {
    Kind.SERVICE: Remedy(_CORRECT_ADDRESS, "endpoint_url"),
    Kind.CODE: Remedy(_CORRECT_ADDRESS, "code_repository"),
}

CRITERIA: tuple[Criterion, ...] = (
    Criterion(
        "description",
        N_("Description"),
        N_("Describe the data in at least 100 characters: what they show, where and for whom."),
        Group.FIND,
        "notes",
        has(lambda f: f.description >= SHORT_DESCRIPTION),
    ),
    Criterion(
        "description_detailed",
        N_("Detailed description"),
        N_(
            "Extend the description to at least 200 characters: content, coverage, uses, known "
            "limits."
        ),
        Group.FIND,
        "notes",
        has(lambda f: f.description >= LONG_DESCRIPTION),
    ),
    Criterion(
        "theme",
        N_("Theme"),
        N_("Choose at least one theme of the ministry."),
        Group.FIND,
        "theme",
        has(lambda f: f.themes or f.inspire_themes),
    ),
    Criterion(
        "keywords",
        N_("Keywords"),
        N_("Give at least three keywords that people would type to find these data."),
        Group.FIND,
        "tag_string",
        has(lambda f: f.keywords >= ENOUGH_KEYWORDS),
    ),
    Criterion(
        "territory",
        N_("Territory"),
        N_("Say which territory the data cover: a commune, a département, a région, a sea area."),
        Group.FIND,
        "territory",
        unless_code(lambda f: f.territories or f.extent or f.place),
        at=f"{EXTENT}/gmd:geographicElement/gmd:EX_GeographicBoundingBox",
    ),
    Criterion(
        "temporal_coverage",
        N_("Period covered"),
        N_("Give the period that the data describe, at least its first year."),
        Group.FIND,
        "temporal_coverage",
        unless_service_or_code(lambda f: f.periods),
        at=f"{EXTENT}/gmd:temporalElement/gmd:EX_TemporalExtent/gmd:extent",
    ),
    Criterion(
        "temporal_order",
        N_("Order of the period"),
        N_("The period ends before it starts: correct one of the two dates."),
        Group.FIND,
        "temporal_coverage",
        temporal_order,
        at=f"{EXTENT}/gmd:temporalElement/gmd:EX_TemporalExtent/gmd:extent",
    ),
    Criterion(
        "lineage",
        N_("Lineage"),
        N_("Tell where the data come from and how they were made: sources, methods, dates."),
        Group.UNDERSTAND,
        "provenance",
        unless_service_or_code(lambda f: f.lineage_words >= ENOUGH_LINEAGE),
    ),
    Criterion(
        "resolution",
        N_("Scale or resolution"),
        N_("Give the scale for which the data were made, or their resolution in metres."),
        Group.UNDERSTAND,
        table.with_fact("resolution")[0],
        if_geographic(lambda f: f.resolution),
        at=RESOLUTION,
    ),
    Criterion(
        "reference_system",
        N_("Reference system"),
        N_("Choose the coordinate reference system of the data, for instance Lambert-93."),
        Group.UNDERSTAND,
        "reference_system",
        if_geographic(lambda f: f.reference_systems),
    ),
    Criterion(
        "resources_documented",
        N_("Resources documented"),
        N_("Give each resource a name and a description."),
        Group.UNDERSTAND,
        "description",
        if_data(lambda f: f.distributions.documented == f.distributions.data),
        on_resource=True,
    ),
    Criterion(
        "specification",
        N_("Documentation"),
        N_(
            "Link a document that explains the data: a standard, a catalogue of attributes, a "
            "guide."
        ),
        Group.UNDERSTAND,
        "documentation",
        has(
            lambda f: f.specifications or f.documents or f.conformities or f.distributions.documents
        ),
        at="gmd:dataQualityInfo/gmd:DQ_DataQuality/gmd:report/*/gmd:result/*/gmd:specification",
    ),
    Criterion(
        "data_access",
        N_("Access to the data"),
        N_(
            "Add a file or a service that can be reached from the internet: the data cannot be "
            "had today."
        ),
        Group.ACCESS,
        "url",
        has(lambda f: f.accessible),
        on_resource=True,
        remedies=WAYS_IN,
    ),
    Criterion(
        "answers",
        N_("A link that answers"),
        N_("None of the links to the data answers any more: correct one at least."),
        Group.ACCESS,
        "url",
        answers,
        on_resource=True,
        remedies=WAYS_IN_THAT_ANSWER,
    ),
    Criterion(
        "direct_access",
        N_("Direct download"),
        N_(
            "Offer at least one direct download (a file, a WFS or an ATOM service) beside pages "
            "and images."
        ),
        Group.ACCESS,
        "url",
        direct_access,
        on_resource=True,
    ),
    Criterion(
        "open_format",
        N_("Open format"),
        N_("Offer the data in an open format as well: GeoPackage, GeoJSON, CSV or a WFS service."),
        Group.ACCESS,
        "format",
        if_data(lambda f: f.distributions.open),
        on_resource=True,
    ),
    Criterion(
        "links_work",
        N_("Links that answer"),
        N_("Correct the links that no longer answer."),
        Group.ACCESS,
        "url",
        links_work,
        on_resource=True,
    ),
    Criterion(
        "access_rights",
        N_("Access rights"),
        N_("Say whether everyone may have access; if not, give the legal ground of the limit."),
        Group.ACCESS,
        "access_rights",
        access_rights,
        at=f"{LEGAL}/gmd:otherConstraints",
    ),
    Criterion(
        "licence",
        N_("Licence"),
        N_(
            "Choose a licence, best one of the official list: without one, nobody knows what may "
            "be done with the data."
        ),
        Group.REUSE,
        "license_id",
        has(lambda f: f.licence),
    ),
    Criterion(
        "licence_open",
        N_("Open licence"),
        N_(
            "Prefer a licence of the official list, such as the Licence Ouverte 2.0: others need "
            "an approval."
        ),
        Group.REUSE,
        "license_id",
        licence_open,
    ),
    Criterion(
        "use_conditions",
        N_("Conditions of use"),
        N_("Write down the conditions under which the data may be used."),
        Group.REUSE,
        "use_conditions",
        use_conditions,
    ),
    Criterion(
        "contact",
        N_("Contact"),
        N_("Give a contact with an e-mail address or a web form, preferably that of a service."),
        Group.REUSE,
        "contact",
        has(lambda f: f.contact_reachable),
    ),
    Criterion(
        "producer",
        N_("Producer"),
        N_("Name the service that produces the data."),
        Group.REUSE,
        "creator",
        has(lambda f: f.producer or f.organisation),
    ),
    Criterion(
        "frequency",
        N_("Update frequency"),
        N_("Say how often the data are updated, even if it is “as needed” or “never”."),
        Group.FRESH,
        "frequency",
        unless_service_or_code(lambda f: is_stated(f.frequency)),
    ),
    Criterion(
        "on_time",
        N_("Updated on time"),
        N_(
            "The data are later than the frequency announces: update them, or correct the "
            "frequency."
        ),
        Group.FRESH,
        "modified",
        on_time,
    ),
    Criterion(
        "kept_up",
        N_("Updates kept up"),
        N_("Two announced updates or more were missed: update the data, or correct the frequency."),
        Group.FRESH,
        "modified",
        kept_up,
    ),
    Criterion(
        "current",
        N_("Up to date"),
        N_(
            "Update the data: the announced date has passed or, without an announced rhythm, five "
            "years have."
        ),
        Group.FRESH,
        "modified",
        current,
    ),
    Criterion(
        "dates",
        N_("Dates"),
        N_("Give the date of creation, of release or of the last update of the data."),
        Group.FRESH,
        "modified",
        has(lambda f: f.dated),
    ),
    Criterion(
        "dates_order",
        N_("Order of the dates"),
        N_("The last update comes before the creation or the release: correct one of these dates."),
        Group.FRESH,
        "modified",
        dates_order,
    ),
)

BY_ID = {criterion.id: criterion for criterion in CRITERIA}
