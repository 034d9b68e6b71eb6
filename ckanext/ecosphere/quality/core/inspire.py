"""View B, the European assessment (MQA), and view C, the INSPIRE requirements that can be checked on save.

The requirements are those of the Technical Guidance for the implementation of INSPIRE dataset and service metadata
based on ISO/TS 19139:2007, version 2.0.1 (C.n: common; 1.n: data sets and series). They are checked on the stored
dataset, not on its encoding, which is the validator's job.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from ckanext.ecosphere.dataset import fields as table
from ckanext.ecosphere.quality.core.criteria import (
    EXTENT,
    IDENTIFICATION,
    LEGAL,
    RESOLUTION,
    Question,
    State,
    when,
)
from ckanext.ecosphere.quality.core.facts import Facts, Kind
from ckanext.ecosphere.shared.language import N_

_REPORT = (
    "gmd:dataQualityInfo/gmd:DQ_DataQuality/gmd:report/gmd:DQ_DomainConsistency"
    "/gmd:result/gmd:DQ_ConformanceResult"
)
Verdict = Callable[[Facts], State]

RESOURCE_TYPES = ("dataset", "series", "service")


@dataclass(frozen=True)
class Requirement:
    """A requirement: its number in the guidance, form field and, if it is not the field's, element in ISO 19139."""

    id: str
    number: str
    label: str
    field: str
    check: Verdict
    at: str = ""

    @property
    def element(self) -> str:
        """Element of an ISO 19139 record to correct (XPath under gmd:MD_Metadata)."""
        return self.at or table.get(self.field).xpath


def _has(question: Question) -> Verdict:
    return lambda facts: when(bool(question(facts)))


def _data(question: Question) -> Verdict:
    return _if(lambda facts: facts.kind not in (Kind.SERVICE, Kind.CODE), question)


def _if(applies: Question, question: Question) -> Verdict:
    def check(facts: Facts) -> State:
        if not applies(facts):
            return State.NA
        return when(bool(question(facts)))

    return check


def metadata_language(facts: Facts) -> State:
    """Pass for datasets described here, in the portal's language; a harvested record's language is not stored."""
    if facts.harvested:
        return State.UNKNOWN
    return State.PASS


def metadata_date(facts: Facts) -> State:
    """Pass for datasets described here, whose date the portal stores; a harvested record must state it."""
    return when(facts.metadata_date or not facts.harvested)


def originating_vocabulary(facts: Facts) -> State:
    """Pass if a keyword comes from a vocabulary; not applicable to free keywords only."""
    if facts.themes or facts.inspire_themes or facts.eu_themes:
        return State.PASS
    return State.NA


REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement("title", "C.8", N_("Title"), "title", _has(lambda f: f.title)),
    Requirement(
        "abstract",
        "C.9",
        N_("Abstract"),
        "notes",
        _has(lambda f: f.description),
    ),
    Requirement(
        "resource_type",
        "1.1",
        N_("Resource type"),
        "dcat_type",
        _has(lambda f: f.resource_type in RESOURCE_TYPES),
    ),
    Requirement(
        "locator",
        "1.8",
        N_("Resource locator"),
        "url",
        _has(lambda f: f.accessible or f.landing_page),
    ),
    Requirement(
        "identifier",
        "1.3",
        N_("Unique resource identifier"),
        "identifier",
        _data(lambda f: f.identifier_uri),
    ),
    Requirement(
        "language",
        "1.6",
        N_("Resource language"),
        "language",
        _data(lambda f: f.languages),
    ),
    Requirement(
        "topic_category",
        "1.7",
        N_("Topic category"),
        "topic_category",
        _data(lambda f: f.topics),
    ),
    Requirement(
        "inspire_theme",
        "1.4",
        N_("INSPIRE theme"),
        "inspire_theme",
        _data(lambda f: f.inspire_themes),
    ),
    Requirement(
        "vocabulary",
        "C.15",
        N_("Vocabulary of the keywords"),
        "theme",
        originating_vocabulary,
        at=f"{IDENTIFICATION}/gmd:descriptiveKeywords/gmd:MD_Keywords/gmd:thesaurusName",
    ),
    Requirement(
        "bounding_box",
        "C.19",
        N_("Geographic bounding box"),
        "spatial_coverage",
        _data(lambda f: f.extent),
        at=f"{EXTENT}/gmd:geographicElement/gmd:EX_GeographicBoundingBox",
    ),
    Requirement(
        "temporal_reference",
        "C.11",
        N_("Temporal reference"),
        "issued",
        _has(lambda f: f.created or f.issued or f.modified),
    ),
    Requirement(
        "lineage",
        "1.11",
        N_("Lineage"),
        "provenance",
        _data(lambda f: f.lineage),
    ),
    Requirement(
        "resolution",
        "1.5",
        N_("Spatial resolution"),
        table.with_fact("resolution")[0],
        _if(lambda f: f.geographic, lambda f: f.resolution),
        at=RESOLUTION,
    ),
    Requirement(
        "conformity",
        "C.20",
        N_("Conformity"),
        "conformity",
        _has(lambda f: f.conformities),
    ),
    Requirement(
        "conformity_degree",
        "C.22",
        N_("Degree of conformity"),
        "conformity",
        _if(lambda f: f.conformities, lambda f: f.conformities_with_degree == f.conformities),
        at=f"{_REPORT}/gmd:pass",
    ),
    Requirement(
        "access_limits",
        "C.17",
        N_("Limitations on public access"),
        "access_limitation",
        _has(lambda f: f.access_limits),
    ),
    Requirement(
        "use_conditions",
        "C.18",
        N_("Conditions for access and use"),
        "use_conditions",
        _has(lambda f: f.licence or f.use_conditions or f.access_conditions),
        at=f"{LEGAL}/gmd:otherConstraints",
    ),
    Requirement(
        "organisation",
        "C.10",
        N_("Responsible organisation and role"),
        "contact",
        _has(lambda f: f.roles and f.contact_reachable),
    ),
    Requirement(
        "metadata_contact",
        "C.6",
        N_("Metadata contact"),
        "contact",
        _has(lambda f: f.contact_named and f.contact_reachable),
        at="gmd:contact/gmd:CI_ResponsibleParty",
    ),
    Requirement("metadata_date", "C.7", N_("Metadata date"), "metadata_date", metadata_date),
    Requirement(
        "metadata_language",
        "C.5",
        N_("Metadata language"),
        "language",
        metadata_language,
        at="gmd:language/gmd:LanguageCode",
    ),
)


@dataclass(frozen=True)
class Checklist:
    """Requirements of a dataset with their states."""

    states: tuple[tuple[Requirement, State], ...]

    @property
    def met(self) -> int:
        """Return the number of requirements met."""
        return sum(state is State.PASS for _requirement, state in self.states)

    @property
    def applicable(self) -> int:
        """Return the number of requirements that apply and are known."""
        return sum(state in (State.PASS, State.FAIL) for _requirement, state in self.states)

    @property
    def share(self) -> int:
        """Return the percentage of applicable and known requirements that are met, rounded down."""
        if not self.applicable:
            return 0
        return 100 * self.met // self.applicable


def check(facts: Facts) -> Checklist:
    """Check all requirements for `facts`."""
    return Checklist(tuple((requirement, requirement.check(facts)) for requirement in REQUIREMENTS))


# --- the Metadata Quality Assessment of data.europa.eu, out of 405 points in five dimensions -----
# Weights and ratings are those published by data.europa.eu (methodology of the MQA) and not configurable.
# The assessment is based on the DCAT-AP that the portal publishes: a file counts as a download if its
# download URL (dcat:downloadURL) is declared, and dates count if given by the producer. What no background
# job has checked yet gives no points and is shown as unchecked.


class Dimension(str, enum.Enum):
    """Dimension of the MQA."""

    FINDABILITY = "findability"
    ACCESSIBILITY = "accessibility"
    INTEROPERABILITY = "interoperability"
    REUSABILITY = "reusability"
    CONTEXTUALITY = "contextuality"


DIMENSION_LABELS = {
    Dimension.FINDABILITY: N_("Findability"),
    Dimension.ACCESSIBILITY: N_("Accessibility"),
    Dimension.INTEROPERABILITY: N_("Interoperability"),
    Dimension.REUSABILITY: N_("Reusability"),
    Dimension.CONTEXTUALITY: N_("Contextuality"),
}

RATING_LABELS = {
    "excellent": N_("Excellent"),
    "good": N_("Good"),
    "sufficient": N_("Sufficient"),
    "bad": N_("Bad"),
}
RATINGS = (("excellent", 351), ("good", 221), ("sufficient", 121), ("bad", 0))


@dataclass(frozen=True)
class Indicator:
    """An indicator, with its points."""

    id: str
    label: str
    dimension: Dimension
    points: int
    check: Verdict


def _best(name: str) -> Verdict:
    """Return a check of the most interoperable distribution."""
    return lambda facts: when(name in facts.distributions.best)


def access_answers(facts: Facts) -> State:
    """Pass if a URL of the data answers."""
    counts = facts.distributions
    if counts.links_ok:
        return State.PASS
    return _unless_unchecked(counts.links_unchecked)


def download_answers(facts: Facts) -> State:
    """Pass if a declared download URL answers."""
    counts = facts.distributions
    if counts.downloads_ok:
        return State.PASS
    return _unless_unchecked(counts.downloads - counts.downloads_broken)


def _unless_unchecked(number: int) -> State:
    """Fail, unless there are links that are not checked yet."""
    if number:
        return State.UNKNOWN
    return State.FAIL


def complies(facts: Facts) -> State:
    """Pass if the RDF conforms to the SHACL shapes; before that validation, fail if a mandatory property is missing."""
    verdict = facts.distributions.dcat_ap
    if verdict is not None:
        return when(verdict)
    if facts.dcat_ap_gaps:
        return State.FAIL
    return State.UNKNOWN


_F, _A, _I, _R, _C = Dimension
INDICATORS: tuple[Indicator, ...] = (
    Indicator("keyword", N_("Keywords"), _F, 30, _has(lambda f: f.keywords)),
    Indicator(
        "theme",
        N_("Categories"),
        _F,
        30,
        _has(lambda f: f.themes or f.eu_themes or f.inspire_themes),
    ),
    Indicator(
        "spatial",
        N_("Geographic coverage"),
        _F,
        20,
        _has(lambda f: f.extent or f.place or f.territories),
    ),
    Indicator("temporal", N_("Temporal coverage"), _F, 20, _has(lambda f: f.periods)),
    Indicator("access_url_answers", N_("Access address answers"), _A, 50, access_answers),
    Indicator(
        "download_url",
        N_("Download address given"),
        _A,
        20,
        _has(lambda f: f.distributions.downloads),
    ),
    Indicator("download_url_answers", N_("Download address answers"), _A, 30, download_answers),
    Indicator("format", N_("Format"), _I, 20, _best("format")),
    Indicator("media_type", N_("Media type"), _I, 10, _best("media_type")),
    Indicator(
        "vocabulary", N_("Format and media type from vocabularies"), _I, 10, _best("vocabulary")
    ),
    Indicator("non_proprietary", N_("Non-proprietary format"), _I, 20, _best("non_proprietary")),
    Indicator("machine_readable", N_("Machine-readable format"), _I, 20, _best("machine_readable")),
    Indicator("dcat_ap", N_("DCAT-AP compliance"), _I, 30, complies),
    Indicator("licence", N_("Licence"), _R, 20, _has(lambda f: f.licence)),
    Indicator(
        "licence_vocabulary",
        N_("Licence from a vocabulary"),
        _R,
        10,
        _has(lambda f: f.licence_listed),
    ),
    Indicator("access_rights", N_("Access rights"), _R, 10, _has(lambda f: f.access_rights)),
    Indicator(
        "access_rights_vocabulary",
        N_("Access rights from a vocabulary"),
        _R,
        5,
        _has(lambda f: f.access_rights_listed),
    ),
    Indicator(
        "contact_point",
        N_("Contact point"),
        _R,
        20,
        _has(lambda f: f.contact_named or f.contact_reachable),
    ),
    Indicator("publisher", N_("Publisher"), _R, 10, _has(lambda f: f.publisher or f.organisation)),
    Indicator("rights", N_("Rights"), _C, 5, _has(lambda f: f.distributions.rights)),
    Indicator("byte_size", N_("File size"), _C, 5, _has(lambda f: f.distributions.sizes)),
    Indicator(
        "issued", N_("Date of issue"), _C, 5, _has(lambda f: f.issued or f.distributions.issued)
    ),
    Indicator(
        "modified",
        N_("Date of modification"),
        _C,
        5,
        _has(lambda f: f.modified or f.distributions.modified),
    ),
)
MAXIMUM = sum(indicator.points for indicator in INDICATORS)


@dataclass(frozen=True)
class Assessment:
    """Indicators of a dataset with their states."""

    states: tuple[tuple[Indicator, State], ...]

    def points(self, dimension: Dimension | None = None, state: State = State.PASS) -> int:
        """Return the points of the indicators in `state`, of one dimension or of all."""
        won = (indicator for indicator, result in self.states if result is state)
        return sum(
            indicator.points for indicator in won if dimension in (None, indicator.dimension)
        )

    @property
    def rating(self) -> str:
        """Return the rating of the total."""
        return rating(self.points())


def maximum(dimension: Dimension) -> int:
    """Return the maximum points of `dimension`."""
    return sum(indicator.points for indicator in INDICATORS if indicator.dimension is dimension)


def rating(points: int) -> str:
    """Return the published rating of a total."""
    return next(code for code, lowest in RATINGS if points >= lowest)


def assess(facts: Facts) -> Assessment:
    """Assess `facts`."""
    return Assessment(tuple((indicator, indicator.check(facts)) for indicator in INDICATORS))
