"""The score announced for an advice is the score of the dataset once the advice is followed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ckanext.ecosphere.quality.core.criteria import CRITERIA, State
from ckanext.ecosphere.quality.core.facts import Checks, gather
from ckanext.ecosphere.quality.core.score import MENDS, evaluate, load_model
from ckanext.ecosphere.quality.tests.cases import CASES, COMPLETE, EU, TODAY, dataset, resource

MODEL = load_model()
LONG_AGO = "2015-01-10"
POOR = {
    "title": "Zones",
    "name": "zones",
    "notes": "Zones",
    "resources": [resource(description="", format="SHP")],
}
TABLE = {
    **POOR,
    "resources": [resource(description="", format="XLS", url="https://x.org/zones.xls")],
}
WITHOUT_FREQUENCY = {**COMPLETE, "frequency": None}
LATE = {**COMPLETE, "modified": LONG_AGO, "issued": LONG_AGO}
FIELDS: dict[str, dict[str, Any]] = {
    "description": {"notes": "é" * 100},
    "description_detailed": {"notes": "é" * 200},
    "theme": {"theme": COMPLETE["theme"]},
    "keywords": {"tags": COMPLETE["tags"]},
    "territory": {"territory": COMPLETE["territory"]},
    "temporal_coverage": {"temporal_coverage": [{"start": "2019"}]},
    "temporal_order": {"temporal_coverage": [{"start": "2019", "end": "2020"}]},
    "lineage": {"provenance": COMPLETE["provenance"]},
    "resolution": {"scale_denominator": "5000"},
    "reference_system": {"reference_system": COMPLETE["reference_system"]},
    "specification": {"documentation": COMPLETE["documentation"]},
    "licence": {"license_id": "etalab-2.0"},
    "licence_open": {"license_id": "etalab-2.0"},
    "use_conditions": {"use_conditions": "Citer la source."},
    "contact": {"contact": COMPLETE["contact"]},
    "producer": {"creator": COMPLETE["creator"]},
    "frequency": {"frequency": f"{EU}/frequency/IRREG"},
    "on_time": {"modified": TODAY.isoformat()},
    "kept_up": {"modified": TODAY.isoformat()},
    "current": {"modified": TODAY.isoformat()},
    "dates": {"modified": TODAY.isoformat()},
    "dates_order": {"modified": COMPLETE["issued"]},
}
ADDED = {"data_access", "direct_access", "open_format"}
CORRECTED = {"answers", "links_work"}


def followed(criterion: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return a dataset with the advice of a criterion followed, field by field,
    as a producer would.
    """
    changed = copy.deepcopy(data)
    if criterion in FIELDS:
        return {**changed, **FIELDS[criterion]}
    resources = changed.get("resources", [])
    if criterion in ADDED and "endpoint_url" in changed:
        return {**changed, "endpoint_url": ["https://data.example.org/wms"]}
    if criterion in ADDED and changed.get("dcat_type") == "https://schema.org/SoftwareSourceCode":
        return {**changed, "code_repository": "https://git.example.org/zones"}
    if criterion in ADDED:
        name = changed["title"]
        is_table = resources and all(each["format"] in ("CSV", "XLS") for each in resources)
        kind = "CSV" if is_table else "GeoPackage"
        added = resource(id="added", url="https://x.org/added", name=name, format=kind)
        return {**changed, "resources": [*resources, added]}
    if criterion == "access_rights":
        restricted = changed.get("access_rights") or changed.get("access_limitation")
        change = (
            {"access_conditions": "Secret des affaires"}
            if restricted
            else {"access_rights": "PUBLIC"}
        )
        return {**changed, **change}
    for each in resources:
        if criterion == "resources_documented":
            each.update(name="Zones humides", description="Toutes les zones.")
        if criterion in CORRECTED:
            each["url"] += "?corrected"
    if criterion in CORRECTED and "code_repository" in changed:
        changed["code_repository"] += "/corrected"
    return changed


FAILING = [
    (criterion, dataset(**changes), links)
    for criterion, state, changes, links in CASES
    if state == "fail"
]
FAILING += [
    (criterion.id, data, {})
    for data in (POOR, TABLE, WITHOUT_FREQUENCY, LATE)
    for criterion in CRITERIA
    if criterion.check(gather(data), TODAY) is State.FAIL
]


@pytest.mark.parametrize(("criterion", "data", "links"), FAILING)
def test_following_an_advice_gives_the_score_announced(
    criterion: str, data: dict[str, Any], links: dict[str, bool]
):
    before = evaluate(gather(data, Checks(links=links)), MODEL, TODAY)
    after = evaluate(gather(followed(criterion, data), Checks(links=links)), MODEL, TODAY)
    assert before.score + before.gain(criterion) == after.score


def test_every_criterion_has_a_change_to_forecast():
    assert (
        set(MENDS)
        == {criterion.id for criterion in CRITERIA}
        == {criterion for criterion, _data, _links in FAILING}
    )
