"""View C: the INSPIRE metadata requirements that can be checked on save.

The requirements are those of the Technical Guidance for the implementation of INSPIRE dataset and service metadata
based on ISO/TS 19139:2007, version 2.0.1 (C.n: common; 1.n: data sets and series). They are checked on the stored
dataset, not on its encoding, which is the validator's job.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ckanext.ecosphere.quality.core.checks import State, when
from ckanext.ecosphere.quality.core.criteria import CITATION, EXTENT, IDENTIFICATION, LEGAL, LINKS
from ckanext.ecosphere.quality.core.facts import Facts, Kind
from ckanext.ecosphere.shared.messages import N_

_REPORT = (
    "gmd:dataQualityInfo/gmd:DQ_DataQuality/gmd:report/gmd:DQ_DomainConsistency"
    "/gmd:result/gmd:DQ_ConformanceResult"
)
RESOURCE_TYPES = ("dataset", "series", "service")


@dataclass(frozen=True)
class Requirement:
    """A requirement: its number in the guidance, form field and ISO 19139 element."""

    id: str
    number: str
    label: str
    field: str
    element: str
    check: Callable[[Facts], State]


def _has(question: Callable[[Facts], object]) -> Callable[[Facts], State]:
    return lambda facts: when(bool(question(facts)))


def _data(question: Callable[[Facts], object]) -> Callable[[Facts], State]:
    return _if(lambda facts: facts.kind not in (Kind.SERVICE, Kind.CODE), question)


def _if(
    applies: Callable[[Facts], object], question: Callable[[Facts], object]
) -> Callable[[Facts], State]:
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
    Requirement(
        "title", "C.8", N_("Title"), "title", f"{CITATION}/gmd:title", _has(lambda f: f.title)
    ),
    Requirement(
        "abstract",
        "C.9",
        N_("Abstract"),
        "notes",
        f"{IDENTIFICATION}/gmd:abstract",
        _has(lambda f: f.description),
    ),
    Requirement(
        "resource_type",
        "1.1",
        N_("Resource type"),
        "dcat_type",
        "gmd:hierarchyLevel/gmd:MD_ScopeCode",
        _has(lambda f: f.resource_type in RESOURCE_TYPES),
    ),
    Requirement(
        "locator",
        "1.8",
        N_("Resource locator"),
        "url",
        f"{LINKS}/gmd:linkage",
        _has(lambda f: f.accessible or f.landing_page),
    ),
    Requirement(
        "identifier",
        "1.3",
        N_("Unique resource identifier"),
        "identifier",
        f"{CITATION}/gmd:identifier/*/gmd:code",
        _data(lambda f: f.identifier_uri),
    ),
    Requirement(
        "language",
        "1.6",
        N_("Resource language"),
        "language",
        f"{IDENTIFICATION}/gmd:language",
        _data(lambda f: f.languages),
    ),
    Requirement(
        "topic_category",
        "1.7",
        N_("Topic category"),
        "topic_category",
        f"{IDENTIFICATION}/gmd:topicCategory",
        _data(lambda f: f.topics),
    ),
    Requirement(
        "inspire_theme",
        "1.4",
        N_("INSPIRE theme"),
        "inspire_theme",
        f"{IDENTIFICATION}/gmd:descriptiveKeywords/gmd:MD_Keywords",
        _data(lambda f: f.inspire_themes),
    ),
    Requirement(
        "vocabulary",
        "C.15",
        N_("Vocabulary of the keywords"),
        "theme",
        f"{IDENTIFICATION}/gmd:descriptiveKeywords/gmd:MD_Keywords/gmd:thesaurusName",
        originating_vocabulary,
    ),
    Requirement(
        "bounding_box",
        "C.19",
        N_("Geographic bounding box"),
        "spatial_coverage",
        f"{EXTENT}/gmd:geographicElement/gmd:EX_GeographicBoundingBox",
        _data(lambda f: f.extent),
    ),
    Requirement(
        "temporal_reference",
        "C.11",
        N_("Temporal reference"),
        "issued",
        f"{CITATION}/gmd:date/gmd:CI_Date",
        _has(lambda f: f.created or f.issued or f.modified),
    ),
    Requirement(
        "lineage",
        "1.11",
        N_("Lineage"),
        "provenance",
        "gmd:dataQualityInfo/gmd:DQ_DataQuality/gmd:lineage/gmd:LI_Lineage/gmd:statement",
        _data(lambda f: f.lineage),
    ),
    Requirement(
        "resolution",
        "1.5",
        N_("Spatial resolution"),
        "scale_denominator",
        f"{IDENTIFICATION}/gmd:spatialResolution/gmd:MD_Resolution",
        _if(lambda f: f.geographic, lambda f: f.resolution),
    ),
    Requirement(
        "conformity",
        "C.20",
        N_("Conformity"),
        "conformity",
        _REPORT,
        _has(lambda f: f.conformities),
    ),
    Requirement(
        "conformity_degree",
        "C.22",
        N_("Degree of conformity"),
        "conformity",
        f"{_REPORT}/gmd:pass",
        _if(lambda f: f.conformities, lambda f: f.conformities_with_degree == f.conformities),
    ),
    Requirement(
        "access_limits",
        "C.17",
        N_("Limitations on public access"),
        "access_limitation",
        f"{LEGAL}/gmd:otherConstraints",
        _has(lambda f: f.access_limits),
    ),
    Requirement(
        "use_conditions",
        "C.18",
        N_("Conditions for access and use"),
        "use_conditions",
        f"{LEGAL}/gmd:otherConstraints",
        _has(lambda f: f.licence or f.use_conditions or f.access_conditions),
    ),
    Requirement(
        "organisation",
        "C.10",
        N_("Responsible organisation and role"),
        "contact",
        f"{IDENTIFICATION}/gmd:pointOfContact/gmd:CI_ResponsibleParty",
        _has(lambda f: f.roles and f.contact_reachable),
    ),
    Requirement(
        "metadata_contact",
        "C.6",
        N_("Metadata contact"),
        "contact",
        "gmd:contact/gmd:CI_ResponsibleParty",
        _has(lambda f: f.contact_named and f.contact_reachable),
    ),
    Requirement(
        "metadata_date", "C.7", N_("Metadata date"), "metadata_date", "gmd:dateStamp", metadata_date
    ),
    Requirement(
        "metadata_language",
        "C.5",
        N_("Metadata language"),
        "language",
        "gmd:language/gmd:LanguageCode",
        metadata_language,
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
