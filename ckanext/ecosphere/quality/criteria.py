"""The criteria of the badge (view A): a table of small pure functions over the facts.

A criterion asks one question and answers pass, fail, not applicable, or not checked yet. Points and levels are not here:
they are configuration (`data/model.yaml`).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from ckanext.ecosphere.quality.facts import Facts
from ckanext.ecosphere.quality.freshness import is_stated

SHORT_DESCRIPTION = 100  # characters: data.gouv.fr's threshold
LONG_DESCRIPTION = 200  # characters: that of the ministry's dashboard
SHORT_LINEAGE = 30  # characters: below, a lineage names no source and no process
ENOUGH_KEYWORDS = 3


class State(str, enum.Enum):
    """Answer of a criterion. Neither `NA` nor `UNKNOWN` counts against a dataset."""

    PASS = "pass"
    FAIL = "fail"
    NA = "na"
    UNKNOWN = "unknown"


class Group(str, enum.Enum):
    """What a criterion helps a reader to do."""

    FIND = "find"
    UNDERSTAND = "understand"
    ACCESS = "access"
    REUSE = "reuse"
    FRESH = "fresh"


Check = Callable[[Facts, date], State]


def N_(text: str) -> str:  # noqa: N802  the usual name of the mark for texts translated later
    """Mark `text` for the catalogue of translations; it is translated where it is shown."""
    return text


GROUP_LABELS = {
    Group.FIND: N_("Find"),
    Group.UNDERSTAND: N_("Understand"),
    Group.ACCESS: N_("Access"),
    Group.REUSE: N_("Reuse"),
    Group.FRESH: N_("Freshness"),
}


@dataclass(frozen=True)
class Criterion:
    """One question asked about a dataset.

    Attributes:
        id: stable identifier, key of the weights, of stored results and of the documentation.
        label: what is checked, as a short noun phrase (source language, translated where shown).
        advice: what to do when it fails, one sentence.
        group: the group under which it is shown.
        field: field of the dataset form where it is mended; for a resource's criterion, field of the resource form.
        element: element of an ISO 19139 record where it is mended for a harvested dataset (XPath under gmd:MD_Metadata).
        check: the question itself.
        on_resource: whether it is mended on a resource.
    """

    id: str
    label: str
    advice: str
    group: Group
    field: str
    element: str
    check: Check
    on_resource: bool = False


def _when(condition: bool) -> State:
    return State.PASS if condition else State.FAIL


def _has(question: Callable[[Facts], object]) -> Check:
    """Make a check that passes when `question` is truthy."""
    return lambda facts, _today: _when(bool(question(facts)))


def _unless_service(question: Callable[[Facts], object]) -> Check:
    """Make the same check for data only: a service has no lineage or period of its own."""
    return lambda facts, _today: State.NA if facts.is_service else _when(bool(question(facts)))


def _if_geographic(question: Callable[[Facts], object]) -> Check:
    """Make the same check for data that carry a geometry."""
    return lambda facts, _today: (
        State.NA if facts.is_service or not facts.geographic else _when(bool(question(facts)))
    )


def _if_data(question: Callable[[Facts], object]) -> Check:
    """Make the same check for datasets that give data at all; without data, `data_access` alone fails."""
    return lambda facts, _today: _when(bool(question(facts))) if facts.distributions.data else State.NA


def temporal_order(facts: Facts, _today: date) -> State:
    """Pass when the period ends after it starts; not applicable to half-open periods."""
    if not (facts.start and facts.end):
        return State.NA
    return _when(facts.end >= facts.start)


def links_work(facts: Facts, _today: date) -> State:
    """Pass when every link answers; not checked yet as long as one was not checked and none is broken."""
    found = facts.distributions
    if found.links_broken:
        return State.FAIL
    if found.links_unchecked:
        return State.UNKNOWN
    return State.PASS if found.links_ok else State.NA


def licence_open(facts: Facts, _today: date) -> State:
    """Pass under a licence of the official list; not applicable to data whose access is limited, or without licence."""
    if not facts.access_open or not facts.licence:
        return State.NA
    return _when(facts.licence_open)


def use_conditions(facts: Facts, _today: date) -> State:
    """Pass when conditions are written down; not applicable under an open licence, which states them all."""
    if facts.licence_open and facts.access_open:
        return State.NA
    return _when(bool(facts.use_conditions or facts.licence))


def access_rights(facts: Facts, _today: date) -> State:
    """Pass when access is said to be open or limited; data with limited access must name the legal ground."""
    if not (facts.access_rights or facts.access_limits or facts.access_conditions):
        return State.FAIL
    return _when(facts.access_open or bool(facts.access_limits or facts.access_conditions))


def on_time(facts: Facts, today: date) -> State:
    """Pass until the due date; not applicable when no update is promised, not known without any date."""
    if facts.finished or (not facts.due and not facts.frequency):
        return State.NA
    if not facts.due:
        return State.NA if (facts.created or facts.issued or facts.modified) else State.UNKNOWN
    return _when(today.isoformat() <= facts.due)


def dates_order(facts: Facts, _today: date) -> State:
    """Pass when the last change does not come before creation or release; not applicable without two dates."""
    first = min(filter(None, (facts.created, facts.issued)), default="")
    if not (first and facts.modified):
        return State.NA
    return _when(facts.modified >= first)


_ID = "gmd:identificationInfo/*"
_CITATION = f"{_ID}/gmd:citation/gmd:CI_Citation"
_EXTENT = f"{_ID}/gmd:extent/gmd:EX_Extent"
_LINKS = "gmd:distributionInfo/gmd:MD_Distribution/gmd:transferOptions/*/gmd:onLine/gmd:CI_OnlineResource"
_LEGAL = f"{_ID}/gmd:resourceConstraints/gmd:MD_LegalConstraints"
_FREQUENCY = f"{_ID}/gmd:resourceMaintenance/gmd:MD_MaintenanceInformation/gmd:maintenanceAndUpdateFrequency"

CRITERIA: tuple[Criterion, ...] = (
    Criterion(
        "description", N_("Description"), N_("Describe the data in at least 100 characters: what they show, where and for whom."),
        Group.FIND, "notes", f"{_ID}/gmd:abstract", _has(lambda f: f.description >= SHORT_DESCRIPTION),
    ),
    Criterion(
        "description_detailed", N_("Detailed description"),
        N_("Extend the description to at least 200 characters: content, coverage, how it can be used, known limits."),
        Group.FIND, "notes", f"{_ID}/gmd:abstract", _has(lambda f: f.description >= LONG_DESCRIPTION),
    ),
    Criterion(
        "theme", N_("Theme"), N_("Choose at least one theme of the ministry."),
        Group.FIND, "theme", f"{_ID}/gmd:descriptiveKeywords/gmd:MD_Keywords/gmd:keyword",
        _has(lambda f: f.themes or f.inspire_themes),
    ),
    Criterion(
        "keywords", N_("Keywords"), N_("Give at least three keywords that people would type to find these data."),
        Group.FIND, "tag_string", f"{_ID}/gmd:descriptiveKeywords/gmd:MD_Keywords/gmd:keyword",
        _has(lambda f: f.keywords >= ENOUGH_KEYWORDS),
    ),
    Criterion(
        "territory", N_("Territory"), N_("Say which territory the data cover: a commune, a département, a région, a sea area."),
        Group.FIND, "territory", f"{_EXTENT}/gmd:geographicElement/gmd:EX_GeographicBoundingBox",
        _has(lambda f: f.territories or f.extent or f.place),
    ),
    Criterion(
        "temporal_coverage", N_("Period covered"), N_("Give the period that the data describe, at least its first year."),
        Group.FIND, "temporal_coverage", f"{_EXTENT}/gmd:temporalElement/gmd:EX_TemporalExtent/gmd:extent",
        _unless_service(lambda f: f.periods),
    ),
    Criterion(
        "temporal_order", N_("Order of the period"), N_("The period ends before it starts: correct one of the two dates."),
        Group.FIND, "temporal_coverage", f"{_EXTENT}/gmd:temporalElement/gmd:EX_TemporalExtent/gmd:extent", temporal_order,
    ),
    Criterion(
        "lineage", N_("Lineage"), N_("Tell where the data come from and how they were made: sources, methods, dates."),
        Group.UNDERSTAND, "provenance", "gmd:dataQualityInfo/gmd:DQ_DataQuality/gmd:lineage/gmd:LI_Lineage/gmd:statement",
        _unless_service(lambda f: f.lineage >= SHORT_LINEAGE),
    ),
    Criterion(
        "resolution", N_("Scale or resolution"), N_("Give the scale for which the data were made, or their resolution in metres."),
        Group.UNDERSTAND, "scale_denominator", f"{_ID}/gmd:spatialResolution/gmd:MD_Resolution",
        _if_geographic(lambda f: f.resolution),
    ),
    Criterion(
        "reference_system", N_("Reference system"), N_("Choose the coordinate reference system of the data, for instance Lambert-93."),
        Group.UNDERSTAND, "reference_system", "gmd:referenceSystemInfo/gmd:MD_ReferenceSystem/gmd:referenceSystemIdentifier",
        _if_geographic(lambda f: f.reference_systems),
    ),
    Criterion(
        "resources_documented", N_("Resources documented"), N_("Give each resource a name and a description."),
        Group.UNDERSTAND, "description", f"{_LINKS}/gmd:description",
        _if_data(lambda f: f.distributions.documented == f.distributions.data), on_resource=True,
    ),
    Criterion(
        "specification", N_("Documentation"),
        N_("Link the data standard that the data follow, a catalogue of attributes or a document that explains them."),
        Group.UNDERSTAND, "documentation", "gmd:dataQualityInfo/gmd:DQ_DataQuality/gmd:report/*/gmd:result/*/gmd:specification",
        _has(lambda f: f.specifications or f.documents or f.conformities or f.distributions.documents),
    ),
    Criterion(
        "data_access", N_("Access to the data"),
        N_("Add a file or a service that can be reached from the internet: today the data can be read about, but not had."),
        Group.ACCESS, "url", f"{_LINKS}/gmd:linkage", _has(lambda f: f.distributions.data), on_resource=True,
    ),
    Criterion(
        "direct_access", N_("Direct download"),
        N_("Offer at least one direct download (a file, or a WFS or ATOM service) beside pages and map images."),
        Group.ACCESS, "url", f"{_LINKS}/gmd:linkage", _if_data(lambda f: f.distributions.direct), on_resource=True,
    ),
    Criterion(
        "open_format", N_("Open format"), N_("Offer the data in an open format as well: GeoPackage, GeoJSON, CSV or a WFS service."),
        Group.ACCESS, "format", "gmd:distributionInfo/gmd:MD_Distribution/gmd:distributionFormat/gmd:MD_Format/gmd:name",
        _if_data(lambda f: f.distributions.open), on_resource=True,
    ),
    Criterion(
        "links_work", N_("Links that answer"), N_("Correct the links that no longer answer."),
        Group.ACCESS, "url", f"{_LINKS}/gmd:linkage", links_work, on_resource=True,
    ),
    Criterion(
        "access_rights", N_("Access rights"),
        N_("Say whether everyone may have access; if not, give the legal ground of the limit."),
        Group.ACCESS, "access_rights", f"{_LEGAL}/gmd:otherConstraints", access_rights,
    ),
    Criterion(
        "licence", N_("Licence"), N_("Choose a licence: without one, nobody knows what may be done with the data."),
        Group.REUSE, "license_id", f"{_LEGAL}/gmd:otherConstraints", _has(lambda f: f.licence),
    ),
    Criterion(
        "licence_open", N_("Open licence"),
        N_("Prefer a licence of the official list, such as the Licence Ouverte 2.0: others need an approval."),
        Group.REUSE, "license_id", f"{_LEGAL}/gmd:otherConstraints", licence_open,
    ),
    Criterion(
        "use_conditions", N_("Conditions of use"), N_("Write down the conditions under which the data may be used."),
        Group.REUSE, "use_conditions", f"{_LEGAL}/gmd:useLimitation", use_conditions,
    ),
    Criterion(
        "contact", N_("Contact"), N_("Give a contact with an e-mail address or a web form, preferably that of a service."),
        Group.REUSE, "contact", f"{_ID}/gmd:pointOfContact/gmd:CI_ResponsibleParty", _has(lambda f: f.contact_reachable),
    ),
    Criterion(
        "producer", N_("Producer"), N_("Name the service that produces the data."),
        Group.REUSE, "creator", f"{_ID}/gmd:pointOfContact/gmd:CI_ResponsibleParty/gmd:organisationName",
        _has(lambda f: f.producer or f.organisation),
    ),
    Criterion(
        "frequency", N_("Update frequency"), N_("Say how often the data are updated, even if it is “as needed” or “never”."),
        Group.FRESH, "frequency", _FREQUENCY, _has(lambda f: is_stated(f.frequency)),
    ),
    Criterion(
        "on_time", N_("Updated on time"), N_("The data are later than the frequency announces: update them, or correct the frequency."),
        Group.FRESH, "modified", f"{_CITATION}/gmd:date/gmd:CI_Date", on_time,
    ),
    Criterion(
        "dates", N_("Dates"), N_("Give the date of creation, of release or of the last update of the data."),
        Group.FRESH, "modified", f"{_CITATION}/gmd:date/gmd:CI_Date", _has(lambda f: f.created or f.issued or f.modified),
    ),
    Criterion(
        "dates_order", N_("Order of the dates"), N_("The last update comes before the creation or the release: correct one of these dates."),
        Group.FRESH, "modified", f"{_CITATION}/gmd:date/gmd:CI_Date", dates_order,
    ),
)  # fmt: skip

BY_ID = {criterion.id: criterion for criterion in CRITERIA}
