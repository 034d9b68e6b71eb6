"""View B, the European assessment (MQA), and view C, the INSPIRE requirements that can be checked
on save.

Both are in a table (`data/requirements.csv`). The requirements are checked on the stored dataset,
not on its encoding, which is the validator's job. The assessment is based on the DCAT-AP that the
portal publishes: a file counts as a download if its download URL (dcat:downloadURL) is declared,
and dates count if given by the producer. What no background job has checked yet gives no points and
is shown as unchecked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter

from ckanext.ecosphere.dataset import fields as table
from ckanext.ecosphere.quality.core.criteria import State, when
from ckanext.ecosphere.quality.core.distributions import DATA
from ckanext.ecosphere.quality.core.facts import Facts
from ckanext.ecosphere.shared.language import N_
from ckanext.ecosphere.vocabularies import tables

Verdict = Callable[[Facts], State]

RESOURCE_TYPES = ("dataset", "series", "service")


@dataclass(frozen=True)
class Requirement:
    """A requirement of INSPIRE, or an indicator of the assessment.

    Attributes:
        id: its identifier.
        labels: by language, "fr" and "en".
        check: function of the facts of a dataset.
        number: number of a requirement in the guidance.
        field: field of the form that a requirement is about.
        element: element of an ISO 19139 record to correct (XPath under gmd:MD_Metadata).
        dimension: dimension of an indicator.
        points: points of an indicator.
    """

    id: str
    labels: Mapping[str, str]
    check: Verdict
    number: str
    field: str
    element: str
    dimension: str
    points: int


def _of_view(view: str) -> tuple[Requirement, ...]:
    """Return the rows of a view, "inspire" or "mqa"."""
    requirements = []
    for row in tables.rows(DATA / "requirements.csv"):
        if row["view"] != view:
            continue
        field, element = row["field"], row["element"]
        if view == "inspire" and not field:
            field = table.with_fact(row["facts"])[0]
        if field and not element:
            element = table.get(field).xpath
        labels = {"fr": row["label_fr"], "en": row["label_en"]}
        requirements.append(
            Requirement(
                row["id"],
                labels,
                _check(row),
                row["number"],
                field,
                element,
                row["dimension"],
                int(row["points"] or 0),
            )
        )
    return tuple(requirements)


def _check(row: Mapping[str, str]) -> Verdict:
    """Return the check of a row: a function of `CHECKS`,
    or whether any or all of some facts are there.
    """
    if row["check"] == "best":
        return lambda facts: when(row["id"] in facts.distributions.best)
    if row["check"] in CHECKS:
        return CHECKS[row["check"]]
    is_enough = {"any": any, "all": all}[row["check"]]
    questions = [attrgetter(name) for name in row["facts"].split()]

    def check(facts: Facts) -> State:
        if row["applies"] and not getattr(facts, row["applies"]):
            return State.NA
        return when(is_enough(question(facts) for question in questions))

    return check


# --- checks of more than facts that are there ---


def resource_type(facts: Facts) -> State:
    """Pass for the types of resources that INSPIRE knows."""
    return when(facts.resource_type in RESOURCE_TYPES)


def conformity_degree(facts: Facts) -> State:
    """Pass if every statement of conformity has its degree."""
    if not facts.conformities:
        return State.NA
    return when(facts.conformities_with_degree == facts.conformities)


def metadata_language(facts: Facts) -> State:
    """Pass for datasets described here, in the portal's language.

    A harvested record's language is not stored.
    """
    if facts.harvested:
        return State.UNKNOWN
    return State.PASS


def originating_vocabulary(facts: Facts) -> State:
    """Pass if a keyword comes from a vocabulary; not applicable to free keywords only."""
    if facts.themes or facts.inspire_themes or facts.eu_themes:
        return State.PASS
    return State.NA


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
    """Pass if no mandatory property of DCAT-AP is missing.

    The tests show that the portal's RDF then conforms.
    """
    return when(not facts.dcat_ap_gaps)


CHECKS: dict[str, Verdict] = {
    "resource_type": resource_type,
    "conformity_degree": conformity_degree,
    "metadata_language": metadata_language,
    "originating_vocabulary": originating_vocabulary,
    "access_answers": access_answers,
    "download_answers": download_answers,
    "complies": complies,
}
REQUIREMENTS = _of_view("inspire")
INDICATORS = _of_view("mqa")
MAXIMUM = sum(indicator.points for indicator in INDICATORS)
DIMENSION_LABELS = {
    "findability": N_("Findability"),
    "accessibility": N_("Accessibility"),
    "interoperability": N_("Interoperability"),
    "reusability": N_("Reusability"),
    "contextuality": N_("Contextuality"),
}
RATING_LABELS = {
    "excellent": N_("Excellent"),
    "good": N_("Good"),
    "sufficient": N_("Sufficient"),
    "bad": N_("Bad"),
}
RATINGS = (("excellent", 351), ("good", 221), ("sufficient", 121), ("bad", 0))


@dataclass(frozen=True)
class Checklist:
    """Requirements or indicators with their states for a dataset."""

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

    def points(self, dimension: str = "", state: State = State.PASS) -> int:
        """Return the points of the indicators in `state`, of one dimension or of all."""
        won = (indicator for indicator, result in self.states if result is state)
        return sum(indicator.points for indicator in won if dimension in ("", indicator.dimension))


def maximum(dimension: str) -> int:
    """Return the maximum points of `dimension`."""
    return sum(indicator.points for indicator in INDICATORS if indicator.dimension == dimension)


def rating(points: int) -> str:
    """Return the published rating of a total."""
    return next(code for code, lowest in RATINGS if points >= lowest)


def check(facts: Facts) -> Checklist:
    """Check the INSPIRE requirements for `facts`."""
    return Checklist(tuple((requirement, requirement.check(facts)) for requirement in REQUIREMENTS))


def assess(facts: Facts) -> Checklist:
    """Assess `facts` as the MQA does."""
    return Checklist(tuple((indicator, indicator.check(facts)) for indicator in INDICATORS))
