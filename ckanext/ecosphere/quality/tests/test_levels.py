"""Quality levels: conditions besides points, and agreement with levels assigned by a person."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ckanext.ecosphere.quality.core.facts import Checks, gather
from ckanext.ecosphere.quality.core.score import (
    Evaluation,
    ModelError,
    changes_after,
    evaluate,
    load_model,
    parse_model,
)
from ckanext.ecosphere.quality.tests.agreement import (
    LEVELS,
    TARGETS,
    agreement,
    judgements,
    weighted_kappa,
)
from ckanext.ecosphere.quality.tests.cases import (
    BROKEN,
    CODE,
    EU,
    NOTE,
    OK,
    SERVICE_FIELDS,
    TODAY,
    UNRELATED,
    dataset,
    resource,
)

MODEL = load_model()
OLD = {"modified": "2016-03-01", "issued": "2016-03-01"}
LATE = {"modified": "2024-01-10"}  # the annual edition of 2025 is missing
WITHOUT_DATA = ["data_access", "direct_access", "answers", "open_format"]
WITHOUT_RHYTHM = {**OLD, "frequency": None}


def judged(links: dict[str, bool] | None = None, **changes: Any) -> Evaluation:
    return evaluate(gather(dataset(**changes), Checks(links=links or {})), MODEL, TODAY)


def keeps_from_gold(result: Evaluation) -> list[str]:
    return [each.criterion.id for each in result.unmet(MODEL.levels[0])]


@pytest.mark.parametrize(
    ("changes", "links", "level", "unmet"),
    [
        ({}, OK, "gold", []),
        ({}, {}, "gold", []),  # links not checked yet
        ({"license_id": None}, OK, "bronze", ["licence"]),
        ({"license_id": "notspecified"}, OK, "bronze", ["licence"]),
        (LATE, OK, "silver", ["current"]),
        ({"provenance": "Relevés de terrain"}, OK, "silver", ["lineage"]),
        (OLD, OK, "bronze", ["kept_up", "current"]),
        (WITHOUT_RHYTHM, OK, "silver", ["current"]),
        ({**OLD, "frequency": f"{EU}/frequency/IRREG"}, OK, "silver", ["current"]),
        ({**OLD, "status": f"{EU}/dataset-status/COMPLETED"}, OK, "bronze", ["kept_up", "current"]),
        ({"modified": None, "issued": None}, OK, "silver", ["current"]),
        ({**OLD, "license_id": None}, OK, "bronze", ["licence", "kept_up", "current"]),
        ({}, BROKEN, "silver", ["answers", "open_format"]),
        ({"resources": [resource(format="SHP")]}, {}, "silver", ["open_format"]),
        ({"resources": [resource(format="PDF")]}, {}, "silver", ["open_format"]),
        (
            {"resources": [resource(format="WMS", url="https://x.org/wms?")]},
            {},
            "bronze",
            ["direct_access", "open_format"],
        ),
        ({"resources": [resource(format="SHP"), UNRELATED]}, {}, "silver", ["open_format"]),
        ({"resources": [resource(format="SHP"), NOTE]}, {}, "silver", ["open_format"]),
        ({"resources": []}, {}, "bronze", WITHOUT_DATA),
        ({"resources": [], **SERVICE_FIELDS}, {}, "gold", []),
        ({"resources": [], **CODE}, {}, "gold", []),
        ({"resources": [], **CODE, "code_repository": None}, {}, "bronze", WITHOUT_DATA),
    ],
)
def test_a_level_has_conditions(
    changes: dict[str, Any], links: dict[str, bool], level: str, unmet: list[str]
):
    result = judged(links, **changes)
    assert (result.level, keeps_from_gold(result)) == (level, unmet)


def test_a_series_gives_access_through_its_members():
    series = dataset(dcat_type="series", resources=[])
    assert evaluate(gather(series), MODEL, TODAY).level == "bronze"
    assert evaluate(gather(series, members=2), MODEL, TODAY).level == "gold"


def test_nothing_that_a_dataset_leaves_out_raises_its_score():
    complete = judged(OK)
    for name in dataset():
        if name not in ("title", "name", "dcat_type"):
            less = judged(OK, **{name: None})
            assert less.score <= complete.score and less.won <= complete.won, name
    without_data = judged(resources=[])
    assert without_data.out_of == complete.out_of


def test_data_without_a_rhythm_are_recent_for_a_while():
    facts = gather(dataset(frequency=None))
    last = changes_after(facts, TODAY)
    assert last is not None
    assert evaluate(facts, MODEL, last).level == "gold"
    after = last + timedelta(days=1)
    assert evaluate(facts, MODEL, after).level == "silver" and changes_after(facts, after) is None


@pytest.mark.parametrize("aside", [False, True])
@pytest.mark.parametrize("drawn", TARGETS)
def test_the_badge_agrees_with_a_person(drawn: str, aside: bool):
    kappa, equal = agreement([each for each in judgements(drawn) if each.aside is aside])
    lowest_kappa, lowest_share = TARGETS[drawn]
    assert kappa >= lowest_kappa and equal >= lowest_share


def test_half_of_the_middle_is_held_aside_and_every_judgement_has_its_reason():
    judged = judgements("middle")
    assert len(judged) == 60 and sum(each.aside for each in judged) == 30
    for drawn in TARGETS:
        assert all(len(each.reason) > 10 and each.person in LEVELS for each in judgements(drawn))


def test_a_dataset_is_scored_again_when_it_becomes_late_and_when_it_loses_silver():
    facts = gather(dataset(**LATE), Checks(links=OK))
    levels = []
    day: date | None = date(2025, 1, 1)
    while day is not None:
        levels.append(evaluate(facts, MODEL, day).level)
        last = changes_after(facts, day)
        day = last + timedelta(days=1) if last else None
    assert levels == ["gold", "silver", "bronze"]


def test_kappa_is_one_for_agreement_zero_for_chance_and_weighs_distance():
    assert weighted_kappa([("gold", "gold"), ("bronze", "bronze")]) == 1
    assert (
        weighted_kappa(
            [("gold", "gold"), ("gold", "bronze"), ("bronze", "gold"), ("bronze", "bronze")]
        )
        == 0
    )
    near = [("gold", "silver"), ("silver", "silver"), ("incomplete", "incomplete")]
    far = [("gold", "incomplete"), ("silver", "silver"), ("incomplete", "incomplete")]
    assert weighted_kappa(near) > weighted_kappa(far)


@pytest.mark.parametrize(
    ("levels", "complaint"),
    [
        ([{"code": "gold", "from": 9, "requires": ["beauty"]}, {"code": "bronze", "from": 0}], "criteria: beauty"),
        ([{"code": "bronze", "from": 0, "requires": ["licence"]}], "the last level requires nothing"),
        ([{"code": "gold", "from": 0, "requires": 3}], "needs a code and the score"),
    ],
)  # fmt: skip
def test_conditions_that_make_no_sense_are_refused(levels: list[Any], complaint: str):
    with pytest.raises(ModelError, match=complaint):
        parse_model({"version": 1, "points": {"licence": 1}, "levels": levels})
