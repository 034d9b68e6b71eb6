"""Synthetic records in the style of twelve tools: every fact is in the dataset or reported,
none is wrong.
"""

from pathlib import Path

import pytest

from dev.bench import fidelity

FOLDER = Path(__file__).with_name("tools")
WITHOUT_MEANING = {
    "numberType",  # of a telephone: a fax has an element of its own
    "dateType",  # of the next update, which has its own field
    "hadRole",  # same role in the INSPIRE list
}
SAID_OTHERWISE = {"RGF93 CC43", "lden_r,ln_r"}
"""The name beside the URL of a reference system; layers, which the dataset has one per resource."""


@pytest.fixture(scope="module")
def judged():
    cases = list(fidelity.cases(FOLDER))
    for case in cases:
        fidelity.judge(case)
        case.verdicts = [
            each for each in case.verdicts if each[0].kind not in fidelity.WITHOUT_MEANING
        ]
    return cases


def test_all_of_them_are_read(judged):
    assert len(judged) == len(list(FOLDER.iterdir())) == 12
    assert not [case.refused for case in judged if case.refused]


def test_no_fact_is_wrong_and_none_is_lost(judged):
    wrong = [
        (case.name, fact)
        for case in judged
        for fact, verdict in case.verdicts
        if verdict == "wrong"
    ]
    lost = [
        (case.name, fact)
        for case in judged
        for fact, verdict in case.verdicts
        if verdict == "lost"
        and fact.path.rpartition("/")[2] not in WITHOUT_MEANING
        and fact.value not in SAID_OTHERWISE
    ]
    assert (wrong, lost) == ([], [])


def test_nearly_all_main_facts_are_in_the_dataset(judged):
    main = [
        verdict
        for case in judged
        for fact, verdict in case.verdicts
        if fact.kind not in fidelity.SECONDARY
    ]
    assert main.count("in") >= 0.98 * len(main)
