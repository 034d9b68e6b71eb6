"""View B: the Metadata Quality Assessment (MQA) of data.europa.eu, out of 405 points in five dimensions.

Weights and ratings are those published by data.europa.eu (methodology of the MQA) and not configurable. The assessment
is based on the DCAT-AP that the portal publishes: a file counts as a download if its download URL (dcat:downloadURL) is
declared, and dates count if given by the producer. What no background job has checked yet gives no points and is shown
as unchecked.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from ckanext.ecosphere.quality.core.checks import State, when
from ckanext.ecosphere.quality.core.facts import Facts
from ckanext.ecosphere.shared.messages import N_


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
    check: Callable[[Facts], State]


def _has(question: Callable[[Facts], object]) -> Callable[[Facts], State]:
    return lambda facts: when(bool(question(facts)))


def _best(name: str) -> Callable[[Facts], State]:
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
