"""Points, score and levels according to a model of weights."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckanext.ecosphere.quality import helpers
from ckanext.ecosphere.quality.core.criteria import CRITERIA, State
from ckanext.ecosphere.quality.core.facts import Checks, gather
from ckanext.ecosphere.quality.core.score import (
    ASKED_BY,
    LEVEL_LABELS,
    ModelError,
    changes_after,
    evaluate,
    load_model,
    parse_model,
)
from ckanext.ecosphere.quality.tests.cases import CASES, EU, OK, TODAY, dataset

MODEL = load_model()


def test_the_shipped_model_weighs_every_criterion():
    required = {name for level in MODEL.levels for name in level.requires}
    assert set(MODEL.points) | required == {criterion.id for criterion in CRITERIA}
    assert list(MODEL.level_codes) == list(LEVEL_LABELS)


def test_a_complete_dataset_is_worth_a_hundred_and_an_empty_one_nothing():
    best = evaluate(gather(dataset(), Checks(links=OK)), MODEL, TODAY)
    assert (best.score, best.level) == (100, "gold")
    worst = evaluate(gather({}), MODEL, TODAY)
    assert (worst.score, worst.level) == (0, "incomplete")


def test_what_does_not_apply_or_is_not_known_does_not_count():
    checked = evaluate(gather(dataset(), Checks(links=OK)), MODEL, TODAY)
    unchecked = evaluate(gather(dataset()), MODEL, TODAY)
    assert unchecked.score == checked.score
    assert unchecked.out_of == checked.out_of - MODEL.points["links_work"]


def test_advice_about_what_cannot_be_judged_asks_for_the_thing_itself(with_plugins: None):
    assert {name for name, state, *_more in CASES if state == "missing"} <= set(ASKED_BY)
    for frequency, asked in ((f"{EU}/frequency/ANNUAL", "dates"), (None, "frequency")):
        facts = gather(
            dataset(modified=None, issued=None, created=None, frequency=frequency), Checks(links=OK)
        )
        found = evaluate(facts, MODEL, TODAY)
        results = (*found.results, *found.conditions)
        told = {each.criterion.id: helpers.criterion(each, found, facts) for each in results}
        assert told["on_time"]["state"] == told["dates_order"]["state"] == "missing"
        for name, other in (("current", "dates"), ("dates_order", "dates"), ("on_time", asked)):
            assert (told[name]["advice"], told[name]["field"]) == (
                told[other]["advice"],
                told[other]["field"],
            ), name


def test_a_hundred_means_everything():
    almost = evaluate(gather(dataset(frequency=None), Checks(links=OK)), MODEL, TODAY)
    assert almost.score < 100


def test_the_gain_announced_is_the_gain_obtained():
    without = evaluate(gather(dataset(license_id="cc-nc", documentation=None)), MODEL, TODAY)
    complete = evaluate(gather(dataset(license_id="cc-nc")), MODEL, TODAY)
    assert without.gain("specification") == complete.score - without.score > 0
    assert complete.gain("specification") == 0


def test_what_could_not_be_judged_before_counts_in_what_is_announced():
    silent = evaluate(
        gather(dataset(frequency=None, modified="2018-01-10", issued="2018-01-10")), MODEL, TODAY
    )
    assert silent.states["on_time"] == "missing"
    irregular = dataset(
        frequency=f"{EU}/frequency/IRREG", modified="2018-01-10", issued="2018-01-10"
    )
    assert (
        silent.gain("frequency") == evaluate(gather(irregular), MODEL, TODAY).score - silent.score
    )


def test_advice_comes_by_what_it_gains():
    gains = [gain for _result, gain in evaluate(gather({"title": "x"}), MODEL, TODAY).advice()]
    assert gains == sorted(gains, reverse=True) and len(gains) > 10


def test_a_dataset_becomes_late_the_day_after_its_due_date():
    facts = gather(dataset())
    last = changes_after(facts, TODAY)
    assert last
    assert last == date(2025, 1, 10) + timedelta(days=366 + 37)
    assert evaluate(facts, MODEL, last).states["on_time"] == "pass"
    assert evaluate(facts, MODEL, last + timedelta(days=1)).states["on_time"] == "fail"
    second = changes_after(facts, last + timedelta(days=1))
    assert second == last + timedelta(days=366 + 37)  # the next announced update, also missed then
    assert evaluate(facts, MODEL, second + timedelta(days=1)).level == "bronze"
    assert changes_after(facts, second + timedelta(days=1)) is None


@pytest.mark.slow("random")
@given(st.sets(st.sampled_from(sorted(MODEL.points)), min_size=1), st.integers(0, 100))
def test_any_weights_give_a_score_between_0_and_100_and_a_level(chosen: set[str], lowest: int):
    model = parse_model(
        {
            "version": "x",
            "points": {name: index for index, name in enumerate(sorted(chosen), 1)},
            "levels": [{"code": "gold", "from": lowest}, {"code": "incomplete", "from": 0}],
        }
    )
    result = evaluate(gather(dataset(license_id=None)), model, TODAY)
    assert 0 <= result.score <= 100 and 0 <= result.won <= result.out_of
    assert result.level == ("gold" if result.score >= lowest else "incomplete")
    assert set(result.states) == chosen


def test_a_criterion_of_0_points_is_left_out():
    model = parse_model(
        {
            "version": 1,
            "points": {"theme": 0, "licence": 2},
            "levels": [{"code": "bronze", "from": 0}],
        }
    )
    assert [
        result.criterion.id for result in evaluate(gather(dataset()), model, TODAY).results
    ] == ["licence"]
    assert evaluate(gather(dataset()), model, TODAY).results[0].state is State.PASS


LEVELS = [{"code": "gold", "from": 0}]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ([], "no version"),
        ({"version": 1}, "whole numbers"),
        ({"version": 1, "points": {"licence": -1}, "levels": LEVELS}, "whole numbers"),
        ({"version": 1, "points": {"licence": 0.5}, "levels": LEVELS}, "whole numbers"),
        ({"version": 1, "points": {"beauty": 1}, "levels": LEVELS}, "unknown criteria: beauty"),
        (
            {"version": 1, "points": {"licence": 1}, "levels": [{"code": "gold"}]},
            "needs a code and the score",
        ),
        (
            {"version": 1, "points": {"licence": 1}, "levels": [{"code": "platinum", "from": 0}]},
            "levels are gold",
        ),
        (
            {"version": 1, "points": {"licence": 1}, "levels": [{"code": "gold", "from": 5}]},
            "starts at 0",
        ),
        ({"version": 1, "points": {"licence": 0}, "levels": LEVELS}, "no points at all"),
    ],
)
def test_a_wrong_model_is_refused_with_one_sentence(data: object, complaint: str):
    with pytest.raises(ModelError, match=complaint):
        parse_model(data)


def test_a_model_that_cannot_be_read_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(tmp_path / "missing.yaml")
    (tmp_path / "bad.yaml").write_text("points: [")
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(tmp_path / "bad.yaml")
